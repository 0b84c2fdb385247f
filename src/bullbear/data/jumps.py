"""Whether a price that halves or doubles overnight is real, or an unlisted split.

A jump by nearly 1:n or n:1 that no split explains is doubtful on its day. What decides, in this order:

- the rest of the market: if it moved by 8 % or more, the jump is real at once;
- volume: at least twice the shares that a split would have traded means news, and the jump is real unless the next
  session reverses it; volume that scales with 1:n from then on means an unlisted split;
- the following days: a jump reversed in one step was an error, a level that holds for five sessions is real.

Only a jump with the volume of a split stays in quarantine, until the split is listed or the level returns.
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
_NEWS = 2.0  # times the volume that a split would have
_ALIKE = 1.5  # largest ratio between the volume after a split and the expected one
_BEFORE, _AFTER = 21, 5  # sessions whose median volume is compared
_KNOWN = 5  # with fewer known volumes there is no verdict
HELD = 5
"""Sessions after which a new level is real unless volume shows a split."""

NEWS, SPLIT, UNDECIDED = "news", "split", "undecided"


@dataclass(frozen=True)
class Jumps:
    """Which rows are `off` scale, and the row whose close confirms (`settled`) each other row; both (n_rows,)."""

    off: np.ndarray
    settled: np.ndarray


def candidates(closes: np.ndarray) -> np.ndarray:
    """The rows whose close is far enough from the one before to be a split."""
    change = closes[1:] / closes[:-1]
    return np.flatnonzero((change < 0.65) | (change > 1.54)) + 1


def market_change(bars: pd.DataFrame, others: Iterable[pd.DataFrame]) -> np.ndarray:
    """The median log change of `others` over each split-like step of `bars`; NaN on other days, or with few `others`.

    Both have the columns event_date (ascending) and close.
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


def judge(
    opens: np.ndarray, closes: np.ndarray, adjusted: np.ndarray, volumes: np.ndarray, market: np.ndarray
) -> Jumps:
    """Classify every jump of one ticker.

    Parameters
    ----------
    opens, closes, adjusted, volumes:
        (n_rows,) by session, split-adjusted; NaN where unknown, closes without gaps.
    market:
        (n_rows,) see `Market`.

    Example
    -------
    >>> closes = np.array([100.0] * 8 + [50.0, 49.0])
    >>> news = judge(closes, closes, closes, np.array([1e6] * 8 + [2e7, 9e6]), np.full(10, np.nan))
    >>> bool(news.off.any()), news.settled[-2:].tolist()
    (False, [9, 9])
    """
    rows = len(closes)
    off, settled = np.zeros(rows, dtype=bool), np.arange(rows)
    for day in candidates(closes).tolist():
        if off[day - 1] or off[day]:  # within rows off scale, or the step that ends them
            continue
        change = closes[day] / closes[day - 1]
        ratio = _split_ratio(opens[day] / closes[day - 1], change)
        smooth = abs(np.log(adjusted[day] / adjusted[day - 1])) < 0.5 * abs(np.log(change))
        if np.isnan(ratio) or smooth or abs(market[day]) >= _MARKET_MOVED:
            continue
        end, verdict = _reversal(closes, day, ratio), _verdict(volumes, day, ratio)
        last = rows if verdict == SPLIT else day + (1 if verdict == NEWS else HELD)
        # A level already accepted as real stays so: its reversal is the next jump.
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
    """The first row that reverses the jump in one step; the end if none does."""
    steps = closes[day + 1 :] / closes[day:-1]
    back = np.flatnonzero(np.abs(steps * ratio - 1) <= _TURBULENT)
    return day + 1 + int(back[0]) if len(back) else len(closes)


def _verdict(volumes: np.ndarray, day: int, ratio: float) -> str:
    before = _traded(volumes[max(day - _BEFORE, 0) : day])
    after = _traded(volumes[day : day + 1 + _AFTER])
    if len(before) < _KNOWN or not len(after):
        return UNDECIDED
    usual = float(np.median(before))
    if volumes[day] >= _NEWS * usual * max(1.0, 1 / ratio):
        return NEWS
    share = float(np.log(np.median(after) / usual))
    as_split = abs(share + np.log(ratio))
    return SPLIT if as_split <= np.log(_ALIKE) and as_split < abs(share) else UNDECIDED


def _traded(volumes: np.ndarray) -> np.ndarray:
    known: np.ndarray = volumes[np.isfinite(volumes) & (volumes > 0)]
    return known
