"""The gate of a promotion: evidence of skill, made stricter by the number of models tried, and against the champion.

A skill at or above zero is no evidence: one skill-less model in seven has it over fifteen years, and the best of three
in two cases of five. So the one-sided 90 % bound of a run's skill must lie above zero, in Brier score and in log loss
alike, with the tenth of error shared out among all models that were tried on the question (Bonferroni). Then the run
must beat the question's champion beyond luck on the days that both forecast. A retraining of the champion chooses
nothing new: it is refused only if it became worse. A model that can say nothing but the base rate does no harm and
needs no evidence, but it does not replace a champion that has earned more; one that merely happened to say the base
rate on every reported day may believe its signal at the next refit, and needs the same evidence as any other. The
champion is read from its bundle, never from the tracking store; one that cannot be used any more is passed over with a
note, so that it can always be replaced.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bullbear.dataset.predictions import Predictions
from bullbear.definitions import UP, Question, Source
from bullbear.documents import json_ready
from bullbear.errors import BullbearError, GateError
from bullbear.evaluate.sample import Sample
from bullbear.evaluate.scores import Score, losses
from bullbear.evaluate.significance import Bound, lower_bound
from bullbear.forecasting.bundle import Bundle, champion_of, read_bundle
from bullbear.home import Home
from bullbear.learn import LEARNERS
from bullbear.learn.members import calibrations_of
from bullbear.statistics.long_run import effective_number

LEAST_EVIDENCE = 36
"""Effective independent forecasts below which no model is promoted: three years of months."""
ERROR = 0.10
"""Chance that a skill-less model passes, shared out among the models tried."""
SAME = 1e-6
"""Probabilities that differ by less than this on every common day are the same forecasts."""
_SCORES: tuple[tuple[str, Score], ...] = (("Brier", "brier"), ("log-loss", "log_loss"))
_KEEP = "keep the present champion"


@dataclass(frozen=True)
class Record:
    """A trained model's forecasts and what they are forecasts of."""

    model: str
    run_id: str
    definition_hash: str
    ticker: str
    horizon: int
    simulated: bool
    predictions: Predictions
    has_signal: bool = True
    """Whether its definition lets it ever say anything but the base rate."""
    definition: object = None
    """The definition itself, by which a model is known again when the rule of the hash has changed."""
    start: str | None = None
    """The first reported day, if the training was given one: another choice of it is another try."""
    question: Question = UP
    is_walk_forward: bool = True

    @classmethod
    def of(cls, bundle: Bundle, run_id: str | None = None) -> Record:
        """The record in a bundle; a champion's bundle knows its `run_id` itself."""
        definition, target, where = bundle.definition, bundle.definition.target, Source.nowhere("bundle")
        learners = [LEARNERS.read(member.learner, where, below=("learner",)) for member in definition.members]
        calibrators = calibrations_of(definition, where)
        return cls(
            model=definition.name,
            run_id=run_id or str(bundle.meta["run_id"]),
            definition_hash=str(bundle.meta["definition_hash"]),
            ticker=target.ticker,
            horizon=target.horizon,
            simulated=bool(bundle.meta["simulated"]),
            predictions=bundle.predictions.select(asset=target.ticker),
            has_signal=not all(learner.is_silent for learner in learners)
            and not all(calibrator.is_silent for calibrator in calibrators),
            definition=(definition, bundle.feature_sets),
            start=bundle.meta.get("start"),
            question=target.question,
            is_walk_forward=bundle.is_walk_forward,
        )

    @property
    def name(self) -> str:
        """Model and the beginning of the run's id."""
        return f"{self.model} {self.run_id[:8]}"

    @property
    def target(self) -> str:
        """What is forecast, in words."""
        asked = self.question
        named = "" if asked.name == UP.name else f"{asked.name} ({asked.kind}, threshold {asked.threshold:g}) of "
        return f"{named}{self.ticker} over {self.horizon} sessions"

    @property
    def is_base_rate(self) -> bool:
        """Whether it said the base rate on every day, and by its definition always will."""
        said = self.predictions.table
        return not self.has_signal and bool((said["p"] == said["climatology"]).all())

    def retrains(self, other: Record) -> bool:
        """Whether it is a training of the very definition of `other`, reported from the same day on."""
        if self.start != other.start:
            return False
        same = self.definition is not None and self.definition == other.definition
        return same or self.definition_hash == other.definition_hash


@dataclass(frozen=True)
class Evidence:
    """One comparison: of a run with `rival` (climatology or the champion) on `n` days, by one score."""

    rival: str
    score: str
    n: int
    gain: float
    low: float
    p_value: float
    confidence: float
    skill: float
    skill_low: float


@dataclass(frozen=True)
class Verdict:
    """What a passed gate has compared; `tried` models share the chance of error."""

    tried: int
    n_effective: float
    tests: tuple[Evidence, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON, what is not a finite number as None."""
        result: dict[str, Any] = json_ready(self)
        return result

    def lines(self) -> list[str]:
        """What was compared, one line a comparison."""
        return [
            f"{test.score} against {test.rival} on {test.n:,} days: skill {test.skill:+.2%}, at least "
            f"{test.skill_low:+.2%} with {test.confidence:.1%} confidence"
            for test in self.tests
        ]


def present_champion(home: Home, question: str, *, simulated: bool) -> tuple[Record | None, str | None]:
    """The champion of a question as a promotion compares with it, or None with a note of why it cannot be used.

    Parameters
    ----------
    home
        Where it is promoted.
    question
        Its name.
    simulated
        Whether the run to be promoted was trained on a simulated market.
    """
    place = home.champion_of(question)
    places = [place, home.forecasts / "champion"] if question == UP.name else [place]  # the second: before version 2
    if not any(map(os.path.lexists, places)):
        return None, None
    try:
        bundle = read_bundle(place, label=champion_of(question))
        bundle.require_usable()
        champion = Record.of(bundle)
    except (BullbearError, OSError, ValueError, KeyError, TypeError) as bad:
        return None, f"the {champion_of(question)} cannot be used and is not compared with: {bad}"
    if champion.simulated != simulated:
        kind = "a SIMULATED market" if champion.simulated else "real data"
        return None, f"the champion {champion.name} is of {kind} and is not compared with"
    return champion, None


def check(run: Record, champion: Record | None, *, tried: int) -> Verdict:
    """Put a run through the gate.

    Parameters
    ----------
    run
        The run to be promoted.
    champion
        The present champion, if there is one that can be used.
    tried
        Models tried on this question and kind of data, this one included; at least 1.

    Returns
    -------
    What was compared, with what result.

    Raises
    ------
    GateError
        Which test failed, and by how much.
    InputError, HistoryError
        The forecasts cannot be scored.
    """
    if champion is not None and champion.run_id == run.run_id:
        return Verdict(tried, _evidence(run), (), (f"{run.name} is the champion already",))
    refuse_what_is_not_issued(run.name, is_walk_forward=run.is_walk_forward)
    notes: list[str] = []
    common = None
    if champion is not None:
        _refuse_another_target(run, champion)
        common = _common(run, champion)
        if run.simulated and _disagree(common):
            notes.append(f"the champion {champion.name} is of another SIMULATED market and is not compared with")
            champion = common = None
    n_effective = _evidence(run)
    if run.is_base_rate and (champion is None or champion.is_base_rate):
        said = "its probabilities are the base rate and need no evidence; its policy is not tested by the gate"
        return Verdict(tried, n_effective, (), (*notes, f"{run.name}: {said}"))
    if n_effective < LEAST_EVIDENCE:
        raise GateError(
            "the evidence test",
            f"{n_effective:.0f} effective forecasts, {LEAST_EVIDENCE} are needed",
            "train over a longer span",
        )
    again = champion is not None and run.retrains(champion)
    error = ERROR if again else ERROR / tried
    tests: list[Evidence] = []
    if not run.is_base_rate:
        rows = Sample.of(run.predictions)
        tests = _tests(rows.y, rows.p, rows.climatology, "the base rate", run.horizon, error)
        if not again:
            _refuse_luck(tests, tried)
    if champion is not None and common is not None and not champion.is_base_rate:
        compared, note = _against(run, champion, common, error)
        tests += compared
        notes += note
    return Verdict(tried, n_effective, tuple(tests), tuple(notes))


def _evidence(run: Record) -> float:
    rows = Sample.of(run.predictions)
    gain = losses(rows.y, rows.climatology, "brier") - losses(rows.y, rows.p, "brier")
    return effective_number(rows.n_sessions, run.horizon, gain)


def refuse_what_is_not_issued(name: str, *, is_walk_forward: bool) -> None:
    """Refuse a run that was not trained walk-forward.

    Raises
    ------
    GateError
        It was not.
    """
    if not is_walk_forward:
        raise GateError(
            "the walk-forward test",
            f"{name} was not trained walk-forward: some of its models have seen later data",
            "train it with a walk-forward splitter",
        )


def refuse_another_question(name: str, question: str) -> None:
    """Refuse a run whose question no policy acts on.

    Raises
    ------
    GateError
        It is not `up`.
    """
    if question != UP.name:
        raise GateError(
            "the question test",
            f"{name} answers the question {question}, the policy acts on {UP.name}",
            f"name its run of {UP.name}, or train a model that answers it",
        )


def _refuse_luck(tests: list[Evidence], tried: int) -> None:
    for test in tests:
        if not (test.skill > 0 and test.skill_low > 0):
            models = "1 model" if tried == 1 else f"{tried} models"
            raise GateError(
                "the skill test",
                f"{test.score} skill {test.skill:+.4f}, whose {test.confidence:.1%} lower bound "
                f"{test.skill_low:+.4f} is not above 0 ({models} tried)",
                "keep the present champion, or the base rate, until there is more evidence",
            )


def _refuse_another_target(run: Record, champion: Record) -> None:
    if run.target != champion.target:
        raise GateError(
            "the champion test",
            f"the run forecasts {run.target}, the champion {champion.name} {champion.target}",
            f"train for {champion.target}, or remove forecasts/champions/{run.question.name} to begin with another "
            "target",
        )


def _common(run: Record, champion: Record) -> pd.DataFrame:
    """The rows that both have forecast and that have resolved; outcomes as the run, the newer training, has them."""
    ours, theirs = (each.predictions.resolved().table for each in (run, champion))
    return ours.merge(theirs[["decided_at", "p", "y"]], on="decided_at", suffixes=("", "_champion"))


def _disagree(common: pd.DataFrame) -> bool:
    """Whether the outcomes are those of two markets: corrections of bars move single ones."""
    return bool(len(common) and (common["y"] != common["y_champion"]).mean() > 0.05)


def _against(run: Record, champion: Record, common: pd.DataFrame, error: float) -> tuple[list[Evidence], list[str]]:
    """The comparison with a champion that is not the base rate."""
    least = max(20, 4 * run.horizon)
    if len(common) < least:
        first, last = (f"{each:%Y-%m-%d}" for each in champion.predictions.table["decided_at"].iloc[[0, -1]])
        raise GateError(
            "the champion test",
            f"{len(common)} resolved days in common with the champion {champion.name}, at least {least} are needed",
            f"train over days that it has forecast, {first} to {last}",
        )
    tests = _tests(common["y"], common["p"], common["p_champion"], champion.name, run.horizon, error)
    apart = float((common["p"] - common["p_champion"]).abs().max())
    if apart <= SAME:
        return tests, [f"the forecasts are those of the champion {champion.name} on all {len(common):,} common days"]
    days = f"{champion.name}'s on {len(common):,} common days"
    if run.retrains(champion):
        # Fitted on corrected data it differs a little; it is refused only where that made it worse beyond luck.
        for back in _tests(common["y"], common["p_champion"], common["p"], run.name, run.horizon, error):
            if back.low > 0:
                raise GateError("the champion test", f"{back.score} score {back.gain:.5f} worse than {days}", _KEEP)
        return tests, [
            f"a retraining of the champion {champion.name}: nothing new is chosen, so no new evidence is required"
        ]
    for test in tests:
        if not test.gain >= 0:
            raise GateError("the champion test", f"{test.score} score {-test.gain:.5f} worse than {days}", _KEEP)
    for test in tests:
        if not test.low > 0:
            raise GateError(
                "the champion test",
                f"{test.score} score {test.gain:.5f} better than {days}, but the {test.confidence:.1%} lower bound of "
                f"the gain, {test.low:+.5f}, is not above 0",
                _KEEP,
            )
    return tests, []


def _tests(y: ArrayLike, p: ArrayLike, rival: ArrayLike, name: str, horizon: int, error: float) -> list[Evidence]:
    def test(label: str, score: Score) -> Evidence:
        found: Bound = lower_bound(y, p, rival, horizon, error=error, score=score)
        return Evidence(
            name, label, np.size(y), found.gain, found.low, found.p_value, 1 - error, found.skill, found.skill_low
        )  # fmt: skip

    return [test(label, score) for label, score in _SCORES]
