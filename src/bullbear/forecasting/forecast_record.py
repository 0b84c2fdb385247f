"""What the gate reads of a trained model: its forecasts, and what they are forecasts of.

The champion is read from its bundle, never from the tracking store; one that cannot be used any more is passed over
with a note, so that it can always be replaced.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from bullbear.dataset.predictions import Predictions
from bullbear.definitions import UP, Question, Source
from bullbear.errors import BullbearError
from bullbear.forecasting.bundle import Bundle, champion_of, read_bundle
from bullbear.home import Home
from bullbear.learn import LEARNERS
from bullbear.learn.members import calibrations_of


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
