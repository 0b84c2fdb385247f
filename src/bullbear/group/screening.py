"""The screen: prices and volumes that cannot be right, and a panel without them.

The verdict on a bar reads that bar and earlier ones only, and is never revised, so what is computed from the clean
panel is as causal as the panel. Where a wrong number can be read right (a shifted decimal point, a split that was not
recorded) the clean panel holds it as corrected; where it cannot, the bar is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bullbear.data.companies.panel import Array, BoolArray, Panel
from bullbear.group.price_screen import THIN, PriceScreen, Reason, screen_prices
from bullbear.group.surprise import Surprise, surprise

__all__ = ["REASONS", "Reason", "Screen", "Suspect", "screen"]

REASONS = {
    Reason.DECIMAL: "decimal point shifted",
    Reason.SPLIT: "split not applied or not recorded",
    Reason.STALE: "stale price",
    Reason.ZERO: "zero or negative price",
    Reason.RANGE: "close outside the day's range",
    Reason.JUMP: "jump that nobody traded",
    Reason.VOLUME: "volume far from usual in a quiet session",
    Reason.NO_VOLUME: "no volume although the price moved",
}
WRONG_VOLUME, WRONG_SPREADS = 1.6, 4.0
"""A volume is wrong if its logarithm is off by more than both, the second in spreads of the company's own volume."""


@dataclass(frozen=True)
class Suspect:
    """A run of suspicious bars of one company.

    Parameters
    ----------
    company, session
        The first bar.
    sessions
        How many bars in a row.
    reason
        One of `REASONS`.
    value, expected
        The first bar's printed price (or volume), and what it was read as, or the last one accepted.
    corrected
        Whether `expected` is used; else the bar is left out.
    """

    company: str
    session: pd.Timestamp
    sessions: int
    reason: str
    value: float
    expected: float
    corrected: bool


@dataclass(frozen=True)
class Screen:
    """What is wrong with the bars of a panel, shape (n_sessions, n_companies) each.

    Parameters
    ----------
    panel
        As given.
    clean
        The panel to compute on: corrected where possible, NaN where not.
    reason, volume_reason
        `Reason` of the price and of the volume, 0 where nothing is wrong.
    expected, expected_volume
        The price and volume they were read as, or that had been expected.
    move
        Logarithm of each accepted close over the one accepted before, splits applied.
    rebased
        See `PriceScreen`.
    unusual
        How unusual volume and range were.
    """

    panel: Panel
    clean: Panel
    reason: Array
    volume_reason: Array
    expected: Array
    expected_volume: Array
    move: Array
    rebased: Array
    unusual: Surprise

    @property
    def bad(self) -> BoolArray:
        """Bars with a suspicious price or volume."""
        bad: BoolArray = (self.reason != 0) | (self.volume_reason != 0)
        return bad

    def suspects(self, first: pd.Timestamp | None = None) -> list[Suspect]:
        """Every run of suspicious bars that reaches the session `first` or later; the latest first."""
        row = 0 if first is None else int(self.panel.sessions.searchsorted(first))
        found = [
            *self._runs(self.reason, self.panel.close, self.expected, self.clean.close, row),
            *self._runs(self.volume_reason, self.panel.volume, self.expected_volume, self.clean.volume, row),
        ]
        return sorted(found, key=lambda each: (-each.session.value, each.company, each.reason))

    def _runs(self, reason: Array, printed: Array, expected: Array, clean: Array, first: int) -> list[Suspect]:
        starts = reason != 0
        starts[1:] &= reason[1:] != reason[:-1]
        runs = []
        for row, column in np.argwhere(starts).tolist():
            same = reason[row:, column] == reason[row, column]
            count = len(same) if same.all() else int(np.argmin(same))
            if row + count > first:
                runs.append(
                    Suspect(
                        company=self.panel.companies[column],
                        session=pd.Timestamp(self.panel.sessions[row]),
                        sessions=count,
                        reason=REASONS[Reason(int(reason[row, column]))],
                        value=float(printed[row, column]),
                        expected=float(expected[row, column]),
                        corrected=not np.isnan(clean[row, column]),
                    )
                )
        return runs


def screen(panel: Panel, *, crowd: bool = True) -> Screen:
    """Screen the closes and volumes of a panel; row i reads rows up to i only.

    The first bar of a company is believed. Give some sixty sessions more than what is shown, so that what is usual for
    each company is known.

    Parameters
    ----------
    crowd
        Compare volumes with those of the session's median company. Without it a verdict reads its own company alone,
        whatever others are in the panel.
    """
    unusual = surprise(panel, crowd=crowd)
    prices = screen_prices(panel, unusual)
    volume, expected_volume, volume_reason = _screen_volumes(panel, prices, unusual)
    clean = replace(
        panel,
        open=_read(panel.open, prices),
        high=_read(panel.high, prices),
        low=_read(panel.low, prices),
        close=_read(panel.close, prices),
        volume=volume,
        split=prices.split,
    )
    return Screen(
        panel=panel,
        clean=clean,
        reason=prices.reason,
        volume_reason=volume_reason,
        expected=prices.expected,
        expected_volume=expected_volume,
        move=prices.move,
        rebased=prices.rebased,
        unusual=unusual,
    )


def _read(values: Array, prices: PriceScreen) -> Array:
    """Prices at the right scale; of a bar of which only some are wrong, each at the scale nearer to the close."""
    scaled = np.where(prices.usable, values * prices.scale, np.nan)
    if not np.any(prices.scale != 1):
        return scaled
    with np.errstate(divide="ignore", invalid="ignore"):
        nearer = np.abs(np.log(values / prices.expected)) < np.abs(np.log(scaled / prices.expected))
    return np.where(nearer & prices.usable, values, scaled)


def _screen_volumes(panel: Panel, prices: PriceScreen, unusual: Surprise) -> tuple[Array, Array, Array]:
    """Volumes to compute with, those expected, and what is wrong with the printed ones."""
    volume, off = panel.volume, unusual.volume
    reason = np.zeros(panel.shape)
    moves = np.abs(prices.move) / np.maximum(_running_size(prices.move), 0.003)
    quiet, calm = (moves < 3.0) & (unusual.span < 0.9), (moves < 6.0) & (unusual.span < 1.4)
    before = np.zeros(panel.shape)
    before[1:] = off[:-1]
    # Volume is high for days on end after news; what yesterday explains is no surprise today.
    fresh = np.where(off > 0, np.maximum(off - np.clip(0.4 * before, 0, None), 0), off)
    least = np.maximum(WRONG_VOLUME, WRONG_SPREADS * unusual.volume_spread)
    wrong = (quiet & (np.abs(fresh) > least)) | (calm & (np.abs(fresh) > 2 * WRONG_VOLUME))
    wrong &= (unusual.dollars > THIN) & (prices.reason == 0)
    reason[wrong] = Reason.VOLUME
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = (panel.high > panel.low) | (np.abs(prices.move) > 1e-9)
    reason[(volume < 0) | ((volume == 0) & moved & (unusual.dollars > 0))] = Reason.NO_VOLUME
    tens = np.where(wrong, np.sign(off) * np.maximum(np.round(np.abs(off) / np.log(10)), 1), 0.0)
    expected = volume / 10.0**tens
    usable = np.where((reason == Reason.NO_VOLUME) | (prices.reason == Reason.STALE), np.nan, expected)
    # A price read at another scale is one of another number of shares, unless it alone was wrong: volume shows which.
    as_split = (prices.scale != 1) & (prices.reason == Reason.SPLIT)
    off = _mean_of_run(off, np.where(as_split, prices.scale, 1.0))
    nearer = np.abs(off - np.log(prices.scale)) < np.abs(off)
    return np.where(as_split & nearer, volume / prices.scale, usable), expected, reason


def _mean_of_run(values: Array, scale: Array) -> Array:
    """Mean of the values since the scale last changed."""
    total, count = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    found, before = np.zeros(values.shape), np.ones(values.shape[1])
    for row, (each, now) in enumerate(zip(values, scale, strict=True)):
        goes_on = now == before
        total, count = np.where(goes_on, total, 0) + each, np.where(goes_on, count, 0) + 1
        found[row], before = total / count, now
    return found


def _running_size(move: Array) -> Array:
    """What a move usually was before each session."""
    size, found = np.full(move.shape[1], 0.03), np.empty(move.shape)
    for row, each in enumerate(np.abs(move)):
        found[row] = size
        size = size + (1.25 * np.minimum(each, 4 * size) - size) / 20
    return found
