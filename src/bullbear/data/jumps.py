"""Whether a price that halves or doubles overnight was traded there, or stands on shares of another split.

A jump by nearly 1:n or n:1 that no split explains is doubtful on its day. What decides, in this order:

- the rest of the market: where it moved by 8 % or more, the jump is real at once;
- volume: a day with at least twice the shares that a split would have traded is news, and real once the next session
  has not taken the jump back; shares that scale with 1:n from then on are a split that nobody listed;
- the following days: a level that returns in one step was an error, one that holds for five sessions is real.

Only a jump with the volume of a split stays set aside, until the split is listed or the level returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

Market = Callable[[str, pd.DataFrame], np.ndarray]
"""The log change of the rest of the market over the session of each bar of a ticker, NaN where unknown."""

_SPLITS = np.array([2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50, 100], dtype=np.float64)
_RATIOS = np.concatenate([_SPLITS, 1 / _SPLITS])
_NEAR = 0.03
_TURBULENT = 0.20
_MARKET_MOVED = 0.08  # log change
_OTHERS = 3  # tickers that make a market
_NEWS = 2.0  # times the shares that a split would have traded
_ALIKE = 1.5  # how far the shares traded after a split lie from what it says, as a ratio
_BEFORE, _AFTER = 21, 5  # sessions whose median volume is compared
_KNOWN = 5  # fewer volumes than that say nothing
HELD = 5
"""Sessions after which a level that volume does not speak against is real."""

NEWS, SPLIT, SILENT = "news", "split", "silent"


@dataclass(frozen=True)
class Jumps:
    """Which rows stand on another scale, and the row whose close settles that a row does not; both (n_rows,)."""

    off: np.ndarray
    settled: np.ndarray


def candidates(closes: np.ndarray) -> np.ndarray:
    """The rows whose close lies a split-like step from the one before; cheap, since almost none does."""
    change = closes[1:] / closes[:-1]
    return np.flatnonzero((change < 0.65) | (change > 1.54)) + 1


def market_change(bars: pd.DataFrame, others: Iterable[pd.DataFrame]) -> np.ndarray:
    """The median log change of `others` over each split-like step of `bars`, NaN on other days or without a market.

    Parameters
    ----------
    bars, others:
        Columns event_date (ascending) and close.
    """
    moved = np.full(len(bars), np.nan)
    steps = candidates(bars["close"].to_numpy())
    if not len(steps):
        return moved
    days = pd.DatetimeIndex(bars["event_date"])
    changes = []
    for other in others:
        close = other.drop_duplicates("event_date", keep="last").set_index("event_date")["close"]
        after, before = close.reindex(days[steps]).to_numpy(), close.reindex(days[steps - 1]).to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            changes.append(np.log(after / before))
    if changes:
        table = np.array(changes)
        enough = np.isfinite(table).sum(axis=0) >= _OTHERS
        moved[steps[enough]] = np.nanmedian(np.where(np.isfinite(table), table, np.nan)[:, enough], axis=0)
    return moved


def judged(
    opens: np.ndarray, closes: np.ndarray, adjusted: np.ndarray, volumes: np.ndarray, market: np.ndarray
) -> Jumps:
    """Judge every jump of one ticker.

    Parameters
    ----------
    opens, closes, adjusted, volumes:
        (n_rows,) in order of sessions, on common shares; NaN where unknown, closes without gaps.
    market:
        (n_rows,) log change of the rest of the market over each session, NaN where unknown.

    Example
    -------
    >>> closes = np.array([100.0] * 8 + [50.0, 49.0])
    >>> news = judged(closes, closes, closes, np.array([1e6] * 8 + [2e7, 9e6]), np.full(10, np.nan))
    >>> bool(news.off.any()), news.settled[-2:].tolist()
    (False, [9, 9])
    """
    rows = len(closes)
    off, settled = np.zeros(rows, dtype=bool), np.arange(rows)
    for day in candidates(closes).tolist():
        if off[day - 1] or off[day]:  # on the other scale, or the step that ends it
            continue
        change = closes[day] / closes[day - 1]
        ratio = _split_ratio(opens[day] / closes[day - 1], change)
        smooth = abs(np.log(adjusted[day] / adjusted[day - 1])) < 0.5 * abs(np.log(change))
        if np.isnan(ratio) or smooth or abs(market[day]) >= _MARKET_MOVED:
            continue
        end, says = _reversal(closes, day, ratio), _verdict(volumes, day, ratio)
        last = rows if says == SPLIT else day + (1 if says == NEWS else HELD)
        # A level that was already taken as real is not doubted again: its reversal is the next jump.
        if end < rows and end <= last:
            off[day:end] = True
        elif last >= rows:
            off[day:] = True
        else:
            settled[day:last] = np.maximum(settled[day:last], last)
    return Jumps(off, settled)


def _split_ratio(overnight: float, change: float) -> float:
    for seen in (overnight, change):
        if np.isnan(seen):
            continue
        nearest = float(_RATIOS[np.argmin(np.abs(np.log(_RATIOS / seen)))])
        calm = np.isnan(overnight) or abs(change / overnight - 1) <= _TURBULENT
        if abs(seen / nearest - 1) <= _NEAR and calm:
            return nearest
    return float("nan")


def _reversal(closes: np.ndarray, day: int, ratio: float) -> int:
    """The first row after the jump at which the level comes back in one step; the end if it never does."""
    steps = closes[day + 1 :] / closes[day:-1]
    back = np.flatnonzero(np.abs(steps * ratio - 1) <= _TURBULENT)
    return day + 1 + int(back[0]) if len(back) else len(closes)


def _verdict(volumes: np.ndarray, day: int, ratio: float) -> str:
    """What the shares traded say of a jump by `ratio`."""
    before = _traded(volumes[max(day - _BEFORE, 0) : day])
    after = _traded(volumes[day : day + 1 + _AFTER])
    if len(before) < _KNOWN or not len(after):
        return SILENT
    usual = float(np.median(before))
    if volumes[day] >= _NEWS * usual * max(1.0, 1 / ratio):
        return NEWS
    share = float(np.log(np.median(after) / usual))
    as_split = abs(share + np.log(ratio))
    return SPLIT if as_split <= np.log(_ALIKE) and as_split < abs(share) else SILENT


def _traded(volumes: np.ndarray) -> np.ndarray:
    known: np.ndarray = volumes[np.isfinite(volumes) & (volumes > 0)]
    return known
