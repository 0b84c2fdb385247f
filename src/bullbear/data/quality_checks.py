"""Which rows are doubtful: quarantined with a reason, and never served. Their file is not refused.

The delicate reason is a split-like jump without a split, since crashes are real. A close-to-close or overnight ratio is
split-like only within 3 % of 1:n or n:1 for a usual n, if open to close moved by at most 20 %, and if adj_close jumps
too (a recorded split or dividend leaves it smooth). No crash of an index or a listed fund qualifies: 1987 closed at
0.80. A single stock can halve overnight; `jumps` decides by the market, volume and the days that follow. All rows on
the other scale are quarantined together; one alone would only move the false return. Indices do not split and are
exempt.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.data import jumps
from bullbear.data.publication import AAII, PUT_CALL, VIX_FUTURES

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
IMPOSSIBLE = "known before the end of the period described"
OTHER_SHARES = "a listed split and the prices before it do not fit"
NEGATIVE_AMOUNT = "negative amount"
EXCEEDS_PRICE = "dividend not below the price before it"
NO_FALL = "large dividend after which the price did not fall"
LEVEL_NOT_POSITIVE = "level or ratio not positive"
NO_SHARE = "share outside 0 to 100 per cent"
NO_EXPOSURE = "exposure outside -200 to 200 per cent"

POSITIVE = frozenset(
    {*PUT_CALL, *VIX_FUTURES, "VIXCLS", "CBOE_VIX3M", "CBOE_VIX6M", "CBOE_VIX1Y", "CBOE_RVX", "CBOE_VVIX"}
)
"""Ratios of volumes, implied volatilities and prices of futures; some files hold a zero on days without a quote."""

# Prices in single precision, rescaled by providers for splits, miss their own extremes by a few parts in 1e7.
ROUNDING = 1e-6


def check_bars(
    ticker: str, bars: pd.DataFrame, is_session: np.ndarray, market: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The reason to quarantine each bar, or an empty text; and the row at whose close each bar is confirmed.

    Parameters
    ----------
    ticker:
        A leading ^ marks an index.
    bars:
        Columns open, high, low, close, adj_close, volume, in order of event_date; NaN where unknown.
    is_session:
        (n_rows,) whether the exchange was open.
    market:
        (n_rows,) see `jumps.Market`; None: unknown throughout.

    Returns
    -------
    (n_rows,) of str, and (n_rows,) of row numbers: the row itself, or after a jump a later one.
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
    volume = bars["volume"].to_numpy(dtype=np.float64)
    negative = volume < 0
    for wrong, reason in (
        (~is_session, NO_SESSION),
        (not_positive, NOT_POSITIVE),
        (outside, OUTSIDE),
        (negative, NEGATIVE),
    ):
        if wrong.any():
            reasons[wrong & (reasons == "")] = reason
    settled = np.arange(len(bars))
    if not ticker.startswith("^"):
        sound = np.flatnonzero((reasons == "") & ~np.isnan(prices["close"]))
        moved = np.full(len(bars), np.nan) if market is None else market
        columns = (prices["open"], prices["close"], prices["adj_close"], volume, moved)
        found = jumps.judge(*(column[sound] for column in columns))
        reasons[sound[found.off]] = SPLIT_LIKE
        settled[sound] = sound[found.settled]
    return reasons, settled


def check_quotes(ticker: str, bars: pd.DataFrame) -> np.ndarray:
    """The reason to quarantine each live bar, or an empty text; (n_rows,) of str.

    A provider whose feed has stopped repeats its last bar. In a snapshot a repeated bar may be a real one of a
    money-market fund, so only live bars are checked; indices have no volume and are exempt.

    Parameters
    ----------
    bars:
        Columns open, high, low, close, volume, in order of event_date.
    """
    reasons = np.full(len(bars), "", dtype=object)
    if ticker.startswith("^") or bars.empty:
        return reasons
    values = bars[["open", "high", "low", "close", "volume"]].to_numpy(dtype=np.float64)
    reasons[values[:, 4] == 0] = NO_VOLUME
    repeated = np.concatenate([[False], (values[1:] == values[:-1]).all(axis=1)])
    reasons[repeated & (reasons == "")] = STALE_QUOTE
    return reasons


def check_short_volume(rows: pd.DataFrame, is_session: np.ndarray) -> np.ndarray:
    """The reason to quarantine each row of short_volume and total_volume (shares), or an empty text."""
    reasons = np.full(len(rows), "", dtype=object)
    short, total = rows["short_volume"].to_numpy(), rows["total_volume"].to_numpy()
    for wrong, reason in ((~is_session, NO_SESSION), ((short < 0) | (total < 0), NEGATIVE), (short > total, EXCEEDS)):
        if wrong.any():
            reasons[wrong & (reasons == "")] = reason
    return reasons


def check_observations(series: str, values: np.ndarray) -> np.ndarray:
    """The reason to quarantine each value of a macro series, or an empty text; only impossible values have one.

    Example
    -------
    >>> check_observations("VX_M2", np.array([15.1, 0.0])).tolist()
    ['', 'level or ratio not positive']
    """
    reasons = np.full(len(values), "", dtype=object)
    if series in POSITIVE:
        reasons[values <= 0] = LEVEL_NOT_POSITIVE
    elif series in AAII:
        reasons[(values < 0) | (values > 100)] = NO_SHARE
    elif series == "NAAIM":
        # Members answer from 200 % short to 200 % long; the index is their mean.
        reasons[np.abs(values) > 200] = NO_EXPOSURE
    return reasons
