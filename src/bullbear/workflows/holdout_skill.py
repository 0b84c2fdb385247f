"""The skill on the days of a hold-out alone, beside that before them, and what the gate makes of it.

Every opening is one more look at the same days, so all of them share the chance of error (Bonferroni).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.definitions.holdout import HoldOut
from bullbear.documents import json_ready
from bullbear.errors import BullbearError
from bullbear.evaluate.all_models import least_rows
from bullbear.evaluate.breakdown import Slice, skill_by
from bullbear.forecasting.holdout import FILE, Lock, Opening, last_instant, openings_of, times
from bullbear.forecasting.verdict import Check
from bullbear.home import Home
from bullbear.sessions import days
from bullbear.statistics.proportions import LEVEL

if TYPE_CHECKING:
    from bullbear.tracking import Run

BEFORE, INSIDE, AFTER = "before", "inside", "after"


@dataclass(frozen=True)
class HoldOutSkill:
    """The skill before and inside a hold-out that was opened `openings` times; intervals cover `level` together."""

    span: str
    openings: int
    level: float
    parts: tuple[Slice, ...]

    def part(self, label: str) -> Slice | None:
        """One of `before`, `inside` and `after`."""
        return next((each for each in self.parts if each.label == label), None)

    @property
    def sentence(self) -> str:
        """Both skills in a line."""
        said = [f"{label} {_skill(part)}" for label in (INSIDE, BEFORE) if (part := self.part(label)) is not None]
        return (
            f"hold-out {self.span}, {times(self.openings)}: Brier skill {', '.join(said)}; {self.level:.1%} intervals"
        )

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        parts = {
            each.label: {key: value for key, value in asdict(each).items() if key != "label"} for each in self.parts
        }
        found: dict[str, Any] = json_ready({"span": self.span, "openings": self.openings, "level": self.level, **parts})
        return found


def holdout_skill(home: Home, predictions: Predictions) -> HoldOutSkill | None:
    """The skill of one question's walk-forward forecasts by where they lie; None where none of them is inside.

    Raises
    ------
    HistoryError
        Fewer than four horizons of resolved sessions.
    """
    period = home.holdout()
    if period is None:
        return None
    return _skill_of(period, openings_of(home, period), predictions)


def _skill_of(period: HoldOut, made: list[Opening], predictions: Predictions) -> HoldOutSkill | None:
    rows = predictions.resolved().table
    state = _state_of(period, rows)
    if not (state == INSIDE).any():
        return None
    level = 1.0 - (1.0 - LEVEL) / max(len(made), 1)
    return HoldOutSkill(period.span, len(made), level, skill_by(predictions, state, level=level))


def state_of(period: HoldOut, decided_at: pd.DatetimeIndex, resolved_at: pd.DatetimeIndex) -> pd.Series:
    """Where each forecast lies, indexed by `decided_at`; missing where it was decided before and resolved inside."""
    session = days(decided_at)
    place = np.where(session < pd.Timestamp(period.first), BEFORE, INSIDE).astype(object)
    place[(place == BEFORE) & np.asarray(resolved_at > last_instant(period))] = None
    if period.last is not None:
        place[session > pd.Timestamp(period.last)] = AFTER
    found = pd.Series(place, decided_at)
    return found[~found.index.duplicated()]


def _state_of(period: HoldOut, rows: pd.DataFrame) -> pd.Series:
    return state_of(period, pd.DatetimeIndex(rows["decided_at"]), pd.DatetimeIndex(rows["resolved_at"]))


def before_seal(run: Run, lock: Lock) -> tuple[Run, str | None]:
    """A run as its model may be judged, and what to say of the forecasts that are left out.

    While the period is sealed for the model, forecasts that resolved after the seal are not counted: those of a run
    from before it was sealed.
    """
    if lock.period is None or lock.through is None:
        return run, None
    judged = run.known_at(lock.through)
    count, left = (len(each.of_target.resolved()) for each in (run, judged))
    if count == left:
        return judged, None
    sealed = f"{lock.period.span} is sealed by {FILE}"
    said = f"{count - left:,} of its {count:,} resolved forecasts resolved after that and are not counted"
    return judged, f"judged on what was known before {lock.period.first}: {sealed}; {said}"


def holdout_check(home: Home, run: Run, lock: Lock) -> Check | None:
    """The gate's test of a walk-forward run; None where nothing is sealed.

    A run that was not tested inside is not refused: the check says what would test it. A skill inside that lies below
    zero beyond luck refuses it, be the skill before ever so high. Of a model that has not opened the period the skill
    inside is not computed.
    """
    period = lock.period
    if period is None:
        return None
    made = openings_of(home, period)
    remedy = f"`bullbear holdout open {run.model} --reason TEXT` and a new training test it there, once"
    if not lock.is_open:
        rows = run.of_target.resolved().table
        left = int((_state_of(period, rows) == INSIDE).sum())
        if left:
            reason = f"hold-out {period.span}, {left:,} forecasts inside are not counted"
            return Check("hold-out", None, f"trained before the days were sealed, and never opened: {reason}", remedy)
    try:
        found = _skill_of(period, made, run.of_target)
    except BullbearError as bad:
        return Check("hold-out", None, f"not judged: {bad}")
    inside = None if found is None else found.part(INSIDE)
    if found is None or inside is None:
        reason = f"not tested on {period.span}, sealed by {FILE}"
        return Check("hold-out", None, f"{reason}; {remedy}", remedy)
    least = least_rows(run.horizon)
    if inside.n < least:
        reason = f"{inside.n} resolved days of {period.span}, at least {least} are needed"
        return Check("hold-out", None, reason, value=inside.n, threshold=least)
    if not np.isfinite(inside.bss_high):
        return Check("hold-out", None, f"not judged: the skill inside has no interval; {found.sentence}", threshold=0.0)
    remedy = "keep the present champion: what it learnt does not hold there"
    return Check("hold-out", not inside.bss_high < 0.0, found.sentence, remedy, inside.bss_high, 0.0)


def _skill(part: Slice) -> str:
    return f"{part.bss:+.2%} [{part.bss_low:+.2%}, {part.bss_high:+.2%}] on {part.n:,} days"
