"""What a calibrator is: it turns a base rate and a learner's signal into a probability, as the past allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from bullbear.definitions import Definition, Kinds


@dataclass(frozen=True)
class History:
    """A learner's past out-of-sample signals whose labels had resolved at the fit.

    Attributes
    ----------
    y, climatology, signal
        Label, base rate at the decision and mean signal of each; shape (n,).
    horizon
        Sessions that a label spans: all rows together count as `independent_number(n, horizon)` labels.
    resolved
        Every label that had resolved, in order, those before the first forecast too: the base rate's own past.
    """

    y: np.ndarray
    climatology: np.ndarray
    signal: np.ndarray
    horizon: int
    resolved: np.ndarray


class FittedCalibrator(Protocol):
    """A fitted calibrator."""

    @property
    def slope(self) -> float:
        """Log-odds of the forecast per unit of signal: what a factor's share of the signal is worth."""

    def probability(self, climatology: np.ndarray, signal: np.ndarray) -> np.ndarray:
        """P(yes); shape (n,)."""

    def interval(
        self, climatology: np.ndarray, n_independent: np.ndarray, signal: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """A central 90% interval of the long-run frequency; `n_independent` labels stand behind the base rate."""

    def state(self) -> dict[str, Any]:
        """JSON-ready, with the `kind`."""


class Calibrator(Definition):
    """A kind of calibration with its parameters; subclasses have `kind: Literal["..."]` and are registered.

    `libraries` are the optional modules that its fit imports.
    """

    libraries: ClassVar[tuple[str, ...]] = ()

    def imports(self) -> tuple[str, ...]:
        """The optional modules that a fit with these parameters imports; default `libraries`."""
        return self.libraries

    @property
    def kinds(self) -> tuple[type, ...]:
        """The classes whose code a fit and its forecasts run."""
        return (type(self),)

    @property
    def is_silent(self) -> bool:
        """Whether no signal can ever move a forecast."""
        return False

    def fit(self, history: History) -> FittedCalibrator:
        """Fit on the past of one learner."""
        raise NotImplementedError(f"{type(self).__name__}.fit")

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> FittedCalibrator:
        """A fitted calibrator from its `state()`."""
        raise NotImplementedError(f"{cls.__name__}.restore")


CALIBRATORS = Kinds[Calibrator](
    "calibration", package="bullbear.learn.calibrators", folder="calibrators", default="shrinkage"
)
