"""What a check of look-ahead has found: which factor, on which day, by how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.definitions import FactorSpec
from bullbear.factors.engine.registry import registered

TOLERANCE = 1e-9
"""How far the values of a factor that is not windowed may differ, relative to their size; the others by no bit."""


@dataclass(frozen=True)
class Finding:
    """A row of a factor that changes with what a later day knows.

    Attributes
    ----------
    check
        `truncation`, `perturbation` or `look-back`.
    session
        The row's; None by `look-back` where it is no session but a release.
    value
        With all that is stored.
    known
        From what was known at the close of `session`, by `truncation`; by `look-back` from the declared rows alone;
        by `perturbation` after what was known later had been changed.
    """

    factor: str
    function: str
    check: str
    session: pd.Timestamp | None
    value: float
    known: float

    @property
    def day(self) -> str:
        """The row's day; empty where it is no session."""
        return "" if self.session is None else f"{self.session:%Y-%m-%d}"

    @property
    def sentence(self) -> str:
        """The finding, with day and values."""
        if self.check == "look-back":
            on = f" on {self.day}" if self.day else ""
            return f"{self.value!r}{on}, but {self.known!r} from its look-back"
        day, value, known = self.day, f"{self.value:.10g}", f"{self.known:.10g}"
        if self.check == "perturbation":
            return f"{value} on {day}, but {known} after what became known later was changed"
        return f"{value} on {day}, but {known} from what was known that day"


def first_difference(spec: FactorSpec, check: str, whole: pd.Series, then: pd.Series) -> Finding | None:
    """The first row on which two columns of one factor differ, by more than its kind allows.

    Parameters
    ----------
    whole, then
        Its values by session, as `Finding` names them; the same sessions.
    """
    one, other = whole.to_numpy(float), then.to_numpy(float)
    exact = registered()[spec.function].is_windowed(spec.params)
    close = np.zeros(len(one)) if exact else TOLERANCE * np.maximum(1.0, np.abs(one))
    with np.errstate(invalid="ignore"):
        same = (one == other) | (np.isnan(one) & np.isnan(other)) | (np.abs(one - other) <= close)
    if same.all():
        return None
    row = int(np.argmin(same))
    return Finding(spec.name, spec.function, check, whole.index[row], float(one[row]), float(other[row]))
