"""From a taint that moved something to the row that did it: which stage, fitted when, and what reached it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.audit.result import Leak
from bullbear.audit.taint.replacement import KINDS, VALUES, Kind, Taint, Values
from bullbear.audit.taint.stages import Stage, Stages, moved
from bullbear.dataset import Examples
from bullbear.errors import BullbearError

Run = Callable[[Sequence[Examples]], Stages]
"""The pipeline: examples in, whatever it has fitted and forecast by the close in question out."""


@dataclass(frozen=True)
class Trial:
    """What became of one fit: its leaks, how many replacements were made, and how many of them the model refused."""

    leaks: tuple[Leak, ...]
    tried: int
    refused: int


def interference(
    run: Run,
    examples: Sequence[Examples],
    taint_of: Callable[[Values], Taint],
    values: Sequence[Values] = VALUES,
    clean: Stages | None = None,
) -> Trial:
    """Run the pipeline as it is and with what it may not know replaced.

    Parameters
    ----------
    taint_of
        The taint with some values.
    clean
        What the run gives on the examples as they are, if that is known already.
    """
    clean, refused = run(examples) if clean is None else clean, 0
    for number, each in enumerate(values):
        tracing = _Tracing(run, examples, clean, taint_of(each))
        found = tracing.moved(tracing.taint)
        if found is None:
            refused += 1
        elif found:
            return Trial(tuple(tracing.leaks(found)), number + 1, refused)
    return Trial((), len(values), refused)


@dataclass(frozen=True)
class _Tracing:
    run: Run
    examples: Sequence[Examples]
    clean: Stages
    taint: Taint

    def moved(self, taint: Taint) -> list[tuple[Stage, str, float]] | None:
        """The stages that a taint moves; None if the model refuses to forecast from the replaced values."""
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return moved(self.clean, self.run(taint.applied(self.examples)))
            except BullbearError:
                return None

    def leaks(self, together: list[tuple[Stage, str, float]]) -> list[Leak]:
        """One leak for each kind of row that moves something by itself, then the other stages that moved."""
        found: list[Leak] = []
        for kind in KINDS:
            alone = self.moved(self.taint.only(kind))
            if alone:
                stage, part, size = alone[0]
                found.append(_leak(stage, part, size, self.rows(kind, stage)))
        named = {leak.what for leak in found}
        if not found:
            stage, part, size = together[0]
            found.append(_leak(stage, part, size, "what became known later, labels and factors together,"))
            named = {stage.name}
        for stage, part, size in together:
            if stage.name not in named:
                named.add(stage.name)
                found.append(_leak(stage, part, size, "the same row", "changes with it"))
        return found

    def rows(self, kind: Kind, stage: Stage) -> str:
        """The earliest row of a kind that moves a stage, or the fewest that do so together, in words."""
        session = self.examples[0].session
        days = np.unique(session[self.taint.of(kind)])
        while len(days) > 1:
            halves = np.array_split(days, 2)
            half = next((each for each in halves if self._reaches(kind, stage, session.isin(each))), None)
            if half is None:
                break
            days = half
        row = int(np.flatnonzero(session == days[0])[0])
        first, last = pd.Timestamp(days[0]), pd.Timestamp(days[-1])
        if first < last:
            return f"the {kind} of {first:%Y-%m-%d} to {last:%Y-%m-%d}, together,"
        if kind == "factors":
            return f"the row of factors of {first:%Y-%m-%d}"
        resolved = min(each.resolved_at[row] for each in self.examples)
        return f"the label of {first:%Y-%m-%d}, which resolved on {resolved:%Y-%m-%d},"

    def _reaches(self, kind: Kind, stage: Stage, rows: np.ndarray) -> bool:
        found = self.moved(self.taint.only(kind, rows))
        return bool(found) and any(each == stage for each, *_ in found or ())


def _leak(stage: Stage, part: str, size: float, rows: str, reaches: str = "reaches") -> Leak:
    of = f" ({part})" if part else ""
    question = f" for {stage.question}" if stage.question else ""
    verb = "reach" if rows.endswith("together,") and reaches == "reaches" else reaches
    sentence = f"{rows} {verb} {stage.place}{of}{question}"
    if reaches != "reaches":
        sentence = f"{stage.place}{of}{question} {reaches}"
    return Leak(stage.name, f"{stage.at:%Y-%m-%d}", size, sentence)
