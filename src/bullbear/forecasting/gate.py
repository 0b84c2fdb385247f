"""The gate of a promotion: evidence of skill, made stricter by the number of models tried, and against the champion.

A skill at or above zero is no evidence: one skill-less model in seven has it over fifteen years, and the best of three
in two cases of five. So the one-sided 90 % bound of a run's skill must lie above zero, in Brier score and in log loss
alike, with the tenth of error shared out among all models that were tried on the question (Bonferroni). Then the run
must beat the question's champion beyond luck on the days that both forecast. It must not be found overconfident, and
where other models were tried, the best of them all must beat the base rate (SPA), and choosing among them must not be
overfitting (PBO). A retraining of the champion chooses nothing new: it is refused only if it became worse. A model that
can say nothing but the base rate does no harm and needs no evidence, but it does not replace a champion that has earned
more; one that merely happened to say the base rate on every reported day may believe its signal at the next refit, and
needs the same evidence as any other.

Thresholds are those of `models/promotion.toml`. A verdict holds every test that could be made, not the first that
failed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bullbear.definitions import UP
from bullbear.definitions.promotion import Promotion
from bullbear.errors import GateError, HistoryError
from bullbear.evaluate.all_models import least_rows
from bullbear.evaluate.reliability import overconfidence_test
from bullbear.evaluate.sample import Sample
from bullbear.evaluate.scores import Score, losses
from bullbear.evaluate.significance import Bound, lower_bound
from bullbear.evaluate.tried_models import TriedModels
from bullbear.forecasting.forecast_record import Record, present_champion
from bullbear.forecasting.verdict import Check, Evidence, Verdict
from bullbear.statistics.long_run import effective_number

__all__ = ["Check", "Evidence", "Record", "Verdict", "judge", "present_champion"]

DEFAULT = Promotion()
SAME = 1e-6
"""Probabilities that differ by less than this on every common day are the same forecasts."""
_SCORES: tuple[tuple[str, Score], ...] = (("Brier", "brier"), ("log-loss", "log_loss"))
_KEEP = "keep the present champion"
_MORE_EVIDENCE = "keep the present champion, or the base rate, until there is more evidence"


def judge(
    run: Record,
    champion: Record | None,
    *,
    tried: int,
    models: Callable[[], TriedModels | None] | None = None,
    thresholds: Promotion = DEFAULT,
) -> Verdict:
    """Put a run through every test of the gate.

    Parameters
    ----------
    run
        The run to be promoted.
    champion
        The present champion, if there is one that can be used.
    tried
        Models tried on this question and kind of data, this one included; at least 1.
    models
        Gives the run beside all others tried, asked only where it matters; None where they cannot be compared.

    Raises
    ------
    InputError, HistoryError
        The forecasts cannot be scored.
    """
    if champion is not None and champion.run_id == run.run_id:
        return _of_champion(run, tried, thresholds)
    if not run.is_walk_forward:
        return Verdict(tried, float("nan"), (), (), (_not_issued(run.name),))
    notes: list[str] = []
    common = None
    if champion is not None:
        if run.target != champion.target:
            other = _another_target(run, champion)
            return Verdict(tried, _evidence(run, Sample.of(run.predictions)), (), (), (other,))
        common = _common(run, champion)
        if run.simulated and _disagree(common):
            notes.append(f"the champion {champion.name} is of another SIMULATED market and is not compared with")
            champion = common = None
    rows = Sample.of(run.predictions)
    n_effective = _evidence(run, rows)
    if run.is_base_rate and (champion is None or champion.is_base_rate):
        said = "its probabilities are the base rate and need no evidence; its policy is not tested by the gate"
        return Verdict(tried, n_effective, (), (*notes, f"{run.name}: {said}"))
    checks = [_enough(n_effective, thresholds)]
    again = champion is not None and run.retrains(champion)
    error = thresholds.skill.error if again else thresholds.skill.error / tried
    tests: list[Evidence] = []
    if not run.is_base_rate:
        try:
            tests = _tests(rows.y, rows.p, rows.climatology, "the base rate", run.horizon, error)
        except HistoryError:
            if checks[0].passed:
                raise
        if not again and tests:
            checks.append(_skill(tests, tried))
    if champion is not None and common is not None and not champion.is_base_rate:
        compared, note, found = _against(run, champion, common, error)
        tests += compared
        notes += note
        checks.append(found)
    if not run.is_base_rate and not again:
        checks += [_calibrated(rows, thresholds), _tries(tried, thresholds)]
        checks += _beside_others(None if models is None else models(), thresholds)
    return Verdict(tried, n_effective, tuple(tests), tuple(notes), tuple(checks))


def _of_champion(run: Record, tried: int, thresholds: Promotion) -> Verdict:
    """The present champion's verdict: nothing is chosen, so that its numbers are told and refuse nothing."""
    rows = Sample.of(run.predictions)
    already = f"{run.name} is the champion already"
    n_effective = _evidence(run, rows)
    found = [_enough(n_effective, thresholds), _tries(tried, thresholds)]
    if not run.is_base_rate:
        found.append(_calibrated(rows, thresholds))
        with suppress(HistoryError):
            error = thresholds.skill.error / tried
            tests = _tests(rows.y, rows.p, rows.climatology, "the base rate", run.horizon, error)
            found.append(_skill(tests, tried))
    told = [replace(check, passed=None, remedy="") for check in found]
    return Verdict(tried, n_effective, (), (already,), (Check("champion", True, already), *told))


def refuse_what_is_not_issued(name: str, *, is_walk_forward: bool) -> None:
    """Refuse a run that was not trained walk-forward.

    Raises
    ------
    GateError
        It was not.
    """
    if not is_walk_forward:
        failed = _not_issued(name)
        raise GateError(f"the {failed.test} test", failed.reason, failed.remedy)


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


def _evidence(run: Record, rows: Sample) -> float:
    gain = losses(rows.y, rows.climatology, "brier") - losses(rows.y, rows.p, "brier")
    return effective_number(rows.n_sessions, run.horizon, gain)


def _not_issued(name: str) -> Check:
    return Check(
        "walk-forward",
        False,
        f"{name} was not trained walk-forward: some of its models have seen later data",
        "train it with a walk-forward splitter",
    )


def _another_target(run: Record, champion: Record) -> Check:
    return Check(
        "champion",
        False,
        f"the run forecasts {run.target}, the champion {champion.name} {champion.target}",
        f"train for {champion.target}, or take the champion down with `bullbear demote --question {run.question.name}`",
    )


def _enough(n_effective: float, thresholds: Promotion) -> Check:
    least = thresholds.evidence.least
    reason = f"{n_effective:.0f} effective forecasts, {least:g} are needed"
    return Check("evidence", n_effective >= least, reason, "train over a longer span", n_effective, least)


def _skill(tests: list[Evidence], tried: int) -> Check:
    failed = next((test for test in tests if not (test.skill > 0 and test.skill_low > 0)), None)
    test = failed or min(tests, key=lambda each: each.skill_low)
    side = "is not above 0" if failed else "is above 0"
    reason = (
        f"{test.score} skill {test.skill:+.4f}, whose one-sided {test.confidence:.1%} lower bound "
        f"{test.skill_low:+.4f} {side} ({_models(tried)} tried)"
    )
    return Check("skill", failed is None, reason, _MORE_EVIDENCE, test.skill_low, 0.0)


def _calibrated(rows: Sample, thresholds: Promotion) -> Check:
    least = thresholds.calibration.least_p_value
    try:
        p_value = overconfidence_test(rows.y, rows.p, rows.climatology, rows.horizon, session=rows.session).p_value
    except HistoryError as short:
        return Check("calibration", None, str(short))
    reason = f"p-value {p_value:.4f} that its moves from the base rate are not too large, at least {least:g} is asked"
    return Check("calibration", p_value >= least, reason, "let its calibration shrink it more", p_value, least)


def _tries(tried: int, thresholds: Promotion) -> Check:
    most = thresholds.tries.most
    if most is None:
        return Check("tries", None, f"{_models(tried)} tried, no limit is set", value=tried)
    reason = f"{_models(tried)} tried, at most {most} are allowed"
    return Check("tries", tried <= most, reason, "wait for new data before trying more", tried, most)


def _beside_others(models: TriedModels | None, thresholds: Promotion) -> list[Check]:
    """SPA and PBO over all models tried, or why they do not apply."""
    ability, over = thresholds.superior_ability, thresholds.overfitting
    if models is None:
        return [Check(name, None, "no other model could be compared") for name in ("superior ability", "overfitting")]
    count = len(models.models)
    left = f" ({len(models.left_out)} not comparable)" if models.left_out else ""
    if models.spa is None:
        few = (
            f"{models.n:,} resolved days are common to {_models(count)}{left}, at least {models.least_days} are needed"
        )
        return [
            Check(name, None, few, value=models.n, threshold=models.least_days)
            for name in ("superior ability", "overfitting")
        ]
    p_value, pbo = models.spa.p_value, models.overfitting
    if count < ability.least_models:
        spa = Check("superior ability", None, f"{_models(count)} to compare{left}, {ability.least_models} are needed")
    else:
        reason = (
            f"p-value {p_value:.3f} that none of {_models(count)}{left} beats the base rate on {models.n:,} common "
            f"days, at most {ability.most_p_value:g} is allowed"
        )
        spa = Check(
            "superior ability", p_value <= ability.most_p_value, reason, _MORE_EVIDENCE, p_value, ability.most_p_value
        )
    if count < over.least_models:
        return [spa, Check("overfitting", None, f"{_models(count)} to compare{left}, {over.least_models} are needed")]
    if pbo is None:
        return [spa, Check("overfitting", None, f"{models.n:,} common days are too few for its blocks")]
    passed = pbo.pbo <= over.most_pbo or pbo.loss_share <= over.most_losses
    reason = (
        f"the best of {_models(count)}{left} in one half of the history is below the median in the other in "
        f"{pbo.pbo:.0%} of splits (PBO) and loses to the base rate in {pbo.loss_share:.0%}; more than "
        f"{over.most_pbo:.0%} and {over.most_losses:.0%} together are too many"
    )
    return [spa, Check("overfitting", passed, reason, "try fewer models", pbo.pbo, over.most_pbo)]


def _models(count: int) -> str:
    return "1 model" if count == 1 else f"{count} models"


def _common(run: Record, champion: Record) -> pd.DataFrame:
    """The rows that both have forecast and that have resolved; outcomes as the run, the newer training, has them."""
    ours, theirs = (each.predictions.resolved().table for each in (run, champion))
    return ours.merge(theirs[["decided_at", "p", "y"]], on="decided_at", suffixes=("", "_champion"))


def _disagree(common: pd.DataFrame) -> bool:
    """Whether the outcomes are those of two markets: corrections of bars move single ones."""
    return bool(len(common) and (common["y"] != common["y_champion"]).mean() > 0.05)


def _against(
    run: Record, champion: Record, common: pd.DataFrame, error: float
) -> tuple[list[Evidence], list[str], Check]:
    """The comparison with a champion that is not the base rate."""

    def refused(reason: str, value: float, threshold: float = 0.0, remedy: str = _KEEP) -> Check:
        return Check("champion", False, reason, remedy, value, threshold)

    least = least_rows(run.horizon)
    if len(common) < least:
        first, last = (f"{each:%Y-%m-%d}" for each in champion.predictions.table["decided_at"].iloc[[0, -1]])
        reason = f"{len(common)} resolved days in common with the champion {champion.name}, at least {least} are needed"
        remedy = f"train over days that it has forecast, {first} to {last}"
        return [], [], refused(reason, len(common), least, remedy)
    tests = _tests(common["y"], common["p"], common["p_champion"], champion.name, run.horizon, error)
    apart = float((common["p"] - common["p_champion"]).abs().max())
    if apart <= SAME:
        same = f"the forecasts are those of the champion {champion.name} on all {len(common):,} common days"
        return tests, [same], Check("champion", True, same, value=apart, threshold=SAME)
    days = f"{champion.name}'s on {len(common):,} common days"
    if run.retrains(champion):
        # Fitted on corrected data it differs a little; it is refused only where that made it worse beyond luck.
        backwards = _tests(common["y"], common["p_champion"], common["p"], run.name, run.horizon, error)
        for back in backwards:
            if back.low > 0:
                return tests, [], refused(f"{back.score} score {back.gain:.5f} worse than {days}", back.low)
        worst = max(back.low for back in backwards)
        note = f"a retraining of the champion {champion.name}: nothing new is chosen, so no new evidence is required"
        reason = f"not worse beyond luck than {days}"
        return tests, [note], Check("champion", True, reason, value=worst, threshold=0.0)
    for test in tests:
        if not test.gain >= 0:
            return tests, [], refused(f"{test.score} score {-test.gain:.5f} worse than {days}", test.gain)
    for test in tests:
        if not test.low > 0:
            reason = (
                f"{test.score} score {test.gain:.5f} better than {days}, but the one-sided {test.confidence:.1%} lower "
                f"bound of the gain, {test.low:+.5f}, is not above 0"
            )
            return tests, [], refused(reason, test.low)
    low = min(test.low for test in tests)
    return tests, [], Check("champion", True, f"better than {days} beyond luck", value=low, threshold=0.0)


def _tests(y: ArrayLike, p: ArrayLike, rival: ArrayLike, name: str, horizon: int, error: float) -> list[Evidence]:
    def test(label: str, score: Score) -> Evidence:
        found: Bound = lower_bound(y, p, rival, horizon, error=error, score=score)
        return Evidence(
            name, label, np.size(y), found.gain, found.low, found.p_value, 1 - error, found.skill, found.skill_low
        )  # fmt: skip

    return [test(label, score) for label, score in _SCORES]
