"""Which rows of a snapshot file are doubtful: set aside with a reason, kept, and never served.

A doubtful row is not wrong enough to refuse its file, yet a factor must not see it. The reasons are: no session on that
day, an open or close outside [low, high], a price that is not positive, and a split-like jump without a split.

The last one is the delicate one: crashes are real. A close-to-close or overnight ratio counts as split-like only if it
lies within 3 % of 1:n or n:1 for a usual n, the session itself is no more turbulent than 20 % from open to close, and
adj_close jumps along (a recorded split or dividend would leave adj_close smooth). No crash of an index or of a listed
fund qualifies: 1987 closed at 0.80. From the jump on, the rows stand on another scale than the history before them, so
all are set aside until the level returns: serving the first row alone would only move the false return elsewhere.
Indices do not split and are exempt.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

NO_SESSION = "no session of the exchange on that day"
OUTSIDE = "open or close outside [low, high]"
NOT_POSITIVE = "price not positive"
SPLIT_LIKE = "split-like jump without a split"
NEGATIVE = "negative number of shares"
EXCEEDS = "short volume above total volume"
DISAGREES = "another source disagrees"
LISTED_TWICE = "listed twice with different values"
STALE_QUOTE = "stale quote: prices and volume of the session before"
NO_VOLUME = "no volume on a session"
IMPOSSIBLE = "known_at before event_date"

# Prices in single precision, rescaled by providers for splits, miss their own extremes by a few parts in 1e7.
ROUNDING = 1e-6

_SPLITS = np.array([2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50, 100], dtype=np.float64)
_RATIOS = np.concatenate([_SPLITS, 1 / _SPLITS])
_NEAR = 0.03
_TURBULENT = 0.20


def bar_doubts(ticker: str, bars: pd.DataFrame, is_session: np.ndarray) -> np.ndarray:
    """The reason to doubt each bar, or an empty text.

    Parameters
    ----------
    ticker:
        A leading ^ marks an index.
    bars:
        Columns open, high, low, close, adj_close, in order of event_date; NaN where unknown.
    is_session:
        (n_rows,) whether the exchange was open.

    Returns
    -------
    (n_rows,) of str.
    """
    reasons = np.full(len(bars), "", dtype=object)
    prices = {name: bars[name].to_numpy(dtype=np.float64) for name in ("open", "high", "low", "close", "adj_close")}
    above, below = prices["high"] * (1 + ROUNDING), prices["low"] * (1 - ROUNDING)
    outside = np.zeros(len(bars), dtype=bool)
    for name in ("open", "close"):
        outside |= (prices[name] > above) | (prices[name] < below)
    not_positive = np.zeros(len(bars), dtype=bool)
    for values in prices.values():
        not_positive |= values <= 0
    negative = bars["volume"].to_numpy(dtype=np.float64) < 0
    for wrong, reason in (
        (~is_session, NO_SESSION),
        (not_positive, NOT_POSITIVE),
        (outside, OUTSIDE),
        (negative, NEGATIVE),
    ):
        if wrong.any():
            reasons[wrong & (reasons == "")] = reason
    if not ticker.startswith("^"):
        sound = np.flatnonzero((reasons == "") & ~np.isnan(prices["close"]))
        off = _off_scale(prices["open"][sound], prices["close"][sound], prices["adj_close"][sound])
        reasons[sound[off]] = SPLIT_LIKE
    return reasons


def quote_doubts(ticker: str, bars: pd.DataFrame) -> np.ndarray:
    """The reason to doubt a live bar as a quote, or an empty text: nothing traded, or the bar before it told again.

    A provider whose feed has stopped repeats its last bar. In a snapshot such rows may be what really happened to a
    money-market fund, so this is asked of live bars only; indices have no volume and are exempt.

    Parameters
    ----------
    bars:
        Columns open, high, low, close, volume, in order of event_date.

    Returns
    -------
    (n_rows,) of str.
    """
    reasons = np.full(len(bars), "", dtype=object)
    if ticker.startswith("^") or bars.empty:
        return reasons
    values = bars[["open", "high", "low", "close", "volume"]].to_numpy(dtype=np.float64)
    reasons[values[:, 4] == 0] = NO_VOLUME
    repeated = np.concatenate([[False], (values[1:] == values[:-1]).all(axis=1)])
    reasons[repeated & (reasons == "")] = STALE_QUOTE
    return reasons


def short_volume_doubts(rows: pd.DataFrame, is_session: np.ndarray) -> np.ndarray:
    """The reason to doubt each row of short_volume and total_volume (shares), or an empty text."""
    reasons = np.full(len(rows), "", dtype=object)
    short, total = rows["short_volume"].to_numpy(), rows["total_volume"].to_numpy()
    for wrong, reason in ((~is_session, NO_SESSION), ((short < 0) | (total < 0), NEGATIVE), (short > total, EXCEEDS)):
        if wrong.any():
            reasons[wrong & (reasons == "")] = reason
    return reasons


def _off_scale(opens: np.ndarray, closes: np.ndarray, adjusted: np.ndarray) -> np.ndarray:
    """Which rows stand on another scale than the first row: between a split-like jump and its reversal."""
    off = np.zeros(len(closes), dtype=bool)
    if len(closes) < 2:
        return off
    overnight, change = opens[1:] / closes[:-1], closes[1:] / closes[:-1]
    adjusted_change = adjusted[1:] / adjusted[:-1]
    # Cheap first: almost no session has a ratio this large.
    for row in np.flatnonzero((change < 0.65) | (change > 1.54)).tolist():
        if off[row] or off[row + 1]:  # on the other scale, or the step that ends it
            continue
        ratio = _split_ratio(overnight[row], change[row])
        smooth = abs(np.log(adjusted_change[row])) < 0.5 * abs(np.log(change[row]))
        if np.isnan(ratio) or smooth:
            continue
        end = _reversal(closes, row, ratio)
        off[row + 1 : end] = True
    return off


def _split_ratio(overnight: float, change: float) -> float:
    for seen in (overnight, change):
        if np.isnan(seen):
            continue
        nearest = float(_RATIOS[np.argmin(np.abs(np.log(_RATIOS / seen)))])
        calm = np.isnan(overnight) or abs(change / overnight - 1) <= _TURBULENT
        if abs(seen / nearest - 1) <= _NEAR and calm:
            return nearest
    return float("nan")


def _reversal(closes: np.ndarray, row: int, ratio: float) -> int:
    """The first row after the jump at which the level comes back in one step; the end if it never does."""
    steps = closes[row + 2 :] / closes[row + 1 : -1]
    back = np.flatnonzero(np.abs(steps * ratio - 1) <= _TURBULENT)
    return row + 2 + int(back[0]) if len(back) else len(closes)
