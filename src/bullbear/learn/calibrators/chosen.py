"""Calibration by the kind that would have done best on the past.

The past is cut into `blocks` stretches. From the second on, each is forecast by every kind as fitted on the labels
that had resolved when it began, and the kind with the lowest log loss over all of them is fitted on the whole past.
Until the stretches forecast are worth `least` independent labels, and on ties, the first of `among` is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator

from bullbear.errors import DefinitionError
from bullbear.learn.calibrator import CALIBRATORS, Calibrator, FittedCalibrator, History
from bullbear.statistics import independent_number


@CALIBRATORS.register
class Chosen(Calibrator):
    """`[calibration] kind = "chosen"`; `among` holds tables of other kinds, the one to begin with first."""

    kind: Literal["chosen"]
    among: tuple[dict[str, Any], ...] = Field(
        default=({"kind": "shrinkage"}, {"kind": "platt"}, {"kind": "beta"}), min_length=2, strict=False
    )
    blocks: int = Field(default=5, ge=2, le=50)
    least: float = Field(default=30.0, ge=5)

    @field_validator("among")
    @classmethod
    def _kinds(cls, among: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        if any(table.get("kind") == "chosen" for table in among):
            raise ValueError("tables of other kinds than chosen")
        for table in among:
            try:
                CALIBRATORS.read(table)
            except DefinitionError as bad:  # pydantic adds the place to a ValueError alone
                raise ValueError(f"tables of calibrations; in {table} allowed: {bad.allowed}") from bad
        return among

    def imports(self) -> tuple[str, ...]:
        """Those of all kinds among which it chooses."""
        return tuple(dict.fromkeys(module for each in self.calibrators for module in each.imports()))

    @property
    def kinds(self) -> tuple[type, ...]:
        """Its own and all among which it chooses."""
        return (type(self), *(kind for each in self.calibrators for kind in each.kinds))

    @property
    def is_silent(self) -> bool:
        """Whether each of `among` is."""
        return all(each.is_silent for each in self.calibrators)

    @property
    def calibrators(self) -> list[Calibrator]:
        """Those to choose among."""
        return [CALIBRATORS.read(table) for table in self.among]

    def fit(self, history: History) -> FittedCalibrator:
        """The chosen kind, fitted on the whole past."""
        losses = self.losses(history)
        return self.calibrators[int(np.argmin(losses))].fit(history)

    def losses(self, history: History) -> np.ndarray:
        """The log loss of each kind over the stretches, in sum over days; zeros where these are too few."""
        n, total = len(history.y), np.zeros(len(self.among))
        blocks = np.array_split(np.arange(n), self.blocks)[1:]
        scored = int(sum(map(len, blocks)))
        if float(independent_number(scored, history.horizon)) < self.least:
            return total
        for block in blocks:
            # The label of a row resolves `horizon` rows later, or sooner where rows are missing.
            past = self._until(history, max(0, int(block[0]) - history.horizon + 1))
            for place, calibrator in enumerate(self.calibrators):
                p = calibrator.fit(past).probability(history.climatology[block], history.signal[block])
                p = np.clip(p, 1e-6, 1.0 - 1e-6)
                total[place] -= np.sum(np.log(np.where(history.y[block] > 0.5, p, 1.0 - p)))
        return total

    @staticmethod
    def _until(history: History, n: int) -> History:
        """The first `n` rows, and the labels that had resolved with them."""
        resolved = history.resolved[: max(0, len(history.resolved) - (len(history.y) - n))]
        return History(history.y[:n], history.climatology[:n], history.signal[:n], history.horizon, resolved)

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> FittedCalibrator:
        """Never asked for: a fit gives the model of the chosen kind."""
        return CALIBRATORS[state["kind"]].restore(state)
