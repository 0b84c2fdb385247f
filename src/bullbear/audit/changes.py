"""The changes of a store by which the audit looks for what sees later days; see `data.changed`."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.data.segments import KINDS


@dataclass(frozen=True)
class Noise:
    """Every number known after an instant multiplied by a random one, all numbers of a row by the same.

    A bar stays a bar: its low is not above its high. Days, instants and keys stay.

    Parameters
    ----------
    after
        The instant; rows known at it stay.
    series
        The (kind, series) that change; None for all.
    rows_changed
        How many of the rows known after the instant change, the first of them in the order of publication; None for
        all. One shows a look-ahead of a single bar that noise everywhere may hide.
    seed
        Of the random numbers; each series has its own.
    """

    after: pd.Timestamp
    series: frozenset[tuple[str, str]] | None = None
    rows_changed: int | None = None
    seed: int = 1

    def touches(self, kind: str, series: str) -> bool:
        """Whether the series is among those that change."""
        return self.series is None or (kind, series) in self.series

    def rows(self, kind: str, series: str, frame: pd.DataFrame) -> pd.DataFrame:
        """The changed rows; see `data.changed.Change`."""
        numbers = [name for name in KINDS[kind].numbers if name in frame]
        late = np.flatnonzero((frame["known_at"] > self.after).to_numpy())[: self.rows_changed]
        if not numbers or not len(late):
            return frame
        draw = np.random.default_rng([self.seed, zlib.crc32(f"{kind}/{series}".encode())])
        size = np.exp(draw.normal(0.3, 1.0, len(late)))
        changed = frame.copy()
        for name in numbers:
            values = frame[name].to_numpy(np.float64).copy()
            values[late] *= size
            changed[name] = values
        return changed


@dataclass(frozen=True)
class Removed:
    """Every row known after an instant taken away: the store as it could have been copied then."""

    after: pd.Timestamp

    def touches(self, kind: str, series: str) -> bool:
        """Whether the series is among those that change: all."""
        return True

    def rows(self, kind: str, series: str, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows that are left; see `data.changed.Change`."""
        return frame[frame["known_at"] <= self.after]
