"""How far a model was believed, and whether it says anything that the champion does not."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bullbear.dataset.predictions import Predictions
from bullbear.errors import BullbearError
from bullbear.forecasting.belief import Belief, SameAs, belief_of, read_belief, same_forecasts
from bullbear.forecasting.bundle import read_bundle
from bullbear.home import Home
from bullbear.workflows.reuse import ReusedQuestion

if TYPE_CHECKING:
    from bullbear.tracking import Run
    from bullbear.workflows.training import TrainedModel, TrainedQuestion


@dataclass(frozen=True)
class BeliefBeside:
    """The belief in a model, and its forecasts beside those of the champion; `champion` is None where it is that."""

    belief: Belief
    champion: SameAs | None

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**self.belief.as_dict(), "same_as_champion": None if self.champion is None else asdict(self.champion)}

    def sentence(self) -> str:
        """What is to be known of it, in one line."""
        found = self.belief
        said = []
        if found.last is not None:
            low, high = min(found.a.values()), max(found.a.values())
            zero = f", none of it at {found.fits_without:,}" if found.fits_without else ""
            fits = f"{low:.2f} to {high:.2f} over {len(found.a):,} fits{zero}"
            said.append(f"the last fit believes a = {found.last:.2f} of the signal ({fits})")
        skills = {name: each["bss"] for name, each in found.raw.items() if "bss" in each}
        if len(skills) == 1:
            said.append(f"believed in full, a = 1, the signal has a Brier skill of {next(iter(skills.values())):+.2%}")
        elif skills:
            by_member = ", ".join(f"{name} {skill:+.2%}" for name, skill in skills.items())
            said.append(f"Brier skills of its members' signals believed in full: {by_member}")
        if found.same:
            said.append(f"the same forecast as the base rate on {found.same:,} of {found.n:,} days")
        if self.champion is not None and self.champion.same:
            count = f"{self.champion.same:,} of {self.champion.n:,} days"
            said.append(f"the same as the champion {self.champion.name} on {count}")
        return "; ".join(said)


def belief_of_training(home: Home, each: TrainedQuestion | ReusedQuestion) -> BeliefBeside | None:
    """The belief in a model just trained; None of one without a signal."""
    if isinstance(each, ReusedQuestion):
        return belief_of_run(home, each.run)
    definition, training = each.model.definition, each.training
    predictions = training.predictions.select(asset=definition.ticker)
    found = belief_of(definition, training.models, training.signals, predictions)
    return (
        None
        if found is None
        else BeliefBeside(found, _beside(home, definition.target.question.name, predictions, each.run_id))
    )


def beliefs_of_training(home: Home, trained: TrainedModel) -> dict[str, BeliefBeside | None]:
    """The same of each question."""
    return {question: belief_of_training(home, each) for question, each in trained.questions.items()}


def belief_of_run(home: Home, run: Run) -> BeliefBeside | None:
    """The belief in a finished run; None of one without a signal, or whose signals cannot be read."""
    try:
        found = read_belief(run.bundle)
    except BullbearError:
        return None
    return None if found is None else BeliefBeside(found, _beside(home, run.question, run.of_target, run.run_id))


def _beside(home: Home, question: str, predictions: Predictions, run_id: str) -> SameAs | None:
    place = home.champion_of(question)
    if not os.path.lexists(place):
        return None
    try:
        champion = read_bundle(place)
        name, of_champion = champion.definition.name, str(champion.meta["run_id"])
        if of_champion == run_id:
            return None
        theirs = champion.predictions.select(asset=champion.definition.ticker)
    except (BullbearError, KeyError):
        return None
    return same_forecasts(predictions, theirs, f"{name} {of_champion[:8]}", of_champion)
