"""What a file adds to a series already stored: new events and revisions.

Providers restate whole histories: Yahoo divides all earlier prices by a split and all earlier adj_close by each
dividend, so a later file equals the stored history times a constant. The file is rescaled to the stored history, prices
and adj_close each by its own ratio, and its new rows are added. What still differs is a revision, known from now on.

Unlike that of adj_close, the level of a price has a meaning. A file with restated prices that reaches the last stored
bar therefore implies a split (see `seam`): its new rows are stored unchanged, and earlier ones are divided on read.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear import sessions

ANCHOR_TOLERANCE = 1e-5  # relative; adj_close carries seven digits, OHLC of cheap or rescaled prices fewer than that
_RESTATED = 1e-3
_TAIL = 21

_MICROSECOND = pd.Timedelta(1, "us")


def reanchored(stored: pd.DataFrame, bars: pd.DataFrame) -> tuple[pd.DataFrame, float, float]:
    """Rescale `bars` to the `stored` ones; returns them with the ratios of prices and of adj_close.

    A ratio is the median of new/stored over the last 21 common sessions, which neither a corrected last bar nor a
    dividend restated far back changes; 1 if nothing overlaps, or if it is within 1e-5 of 1.

    Parameters
    ----------
    stored:
        Latest versions, indexed by event_date.
    bars:
        Columns event_date, open, high, low, close, adj_close, volume.

    Example
    -------
    >>> day = pd.DatetimeIndex(["2019-12-30", "2019-12-31"], name="event_date")
    >>> old = pd.DataFrame({n: [100.0] for n in ("open", "high", "low", "close", "adj_close", "volume")}, index=day[:1])
    >>> new = pd.DataFrame({n: [50.0, 55.0] for n in old.columns}).assign(event_date=day)
    >>> reanchored(old, new)[0]["close"].tolist()
    [100.0, 110.0]
    """
    both = stored.index.intersection(pd.DatetimeIndex(bars["event_date"]))[-_TAIL:]
    indexed = bars.set_index("event_date")
    price = _ratio(stored["close"].loc[both], indexed["close"].loc[both])
    adjusted = _ratio(stored["adj_close"].loc[both], indexed["adj_close"].loc[both])
    if price == 1.0 and adjusted == 1.0:
        return bars, price, adjusted
    shares = _ratio(stored["volume"].loc[both], indexed["volume"].loc[both])
    rescaled = bars.copy()
    for name in ("open", "high", "low", "close"):
        rescaled[name] = bars[name] / price
    rescaled["adj_close"] = bars["adj_close"] / adjusted
    # Most providers restate volume at a split, some do not: the overlap shows which.
    if shares != 1.0:
        rescaled["volume"] = bars["volume"] * price
    return rescaled, price, adjusted


def is_restated(price: float) -> bool:
    """Whether a ratio of prices exceeds rounding."""
    return abs(price - 1) > _RESTATED


def seam(bars: pd.DataFrame, rows: pd.DataFrame, price: float, splits: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """The split that a file of restated prices implies, as rows to append: event_date, known_at, ratio.

    It takes effect on the first session that the file adds, or the next session if it adds none, and is known with the
    first bar from then on; without such a bar, now. An earlier implied split still without a bar is known with its
    first bar at the latest.

    Parameters
    ----------
    bars:
        The stored bars as served, by event_date.
    rows:
        The file's rows after the last of `bars`: columns event_date, known_at.
    price:
        The ratio of the file's prices to the stored ones.
    splits:
        The latest stored splits: columns event_date, known_at, ratio.
    """
    last = bars.index[-1]
    day = rows["event_date"].min() if len(rows) else sessions.offset(last, 1)
    waiting = splits[splits["event_date"] > last]
    first = rows["known_at"].min() if len(rows) else now
    lines = []
    for event, known_at, ratio in waiting[["event_date", "known_at", "ratio"]].itertuples(index=False):
        if len(rows) and event <= rows["event_date"].max() and known_at > first:
            lines.append((event, first, ratio))
    if is_restated(price):
        same = waiting[waiting["event_date"] == day]
        ratio = float(same["ratio"].prod()) / price
        lines = [line for line in lines if line[0] != day]
        if not (same["known_at"] == first).any():
            lines.append((day, first, ratio))
        lines += [(day, max(now, known_at + _MICROSECOND), ratio) for known_at in same["known_at"] if known_at >= first]
    table = pd.DataFrame(lines, columns=["event_date", "known_at", "ratio"])
    return table.astype({"event_date": "datetime64[us]", "known_at": "datetime64[us, UTC]", "ratio": "float64"})


def additions(
    stored: pd.DataFrame, rows: pd.DataFrame, values: list[str], now: pd.Timestamp, tolerance: float
) -> tuple[pd.DataFrame, int]:
    """The rows to append, and how many are revisions: new events, and changed values known from `now`.

    An empty cell of `rows` is no revision: it keeps the stored value.

    Parameters
    ----------
    stored:
        Latest versions with columns event_date, known_at and `values`.
    rows:
        Columns event_date, known_at and `values`; known_at by the rule of publication.
    tolerance:
        Relative; smaller differences are rounding.
    """
    places = pd.Index(stored["event_date"]).get_indexer(pd.Index(rows["event_date"]))
    known = places >= 0
    old, new = stored.iloc[places[known]], rows[known]
    changed = np.zeros(len(new), dtype=bool)
    revised = {}
    for name in values:
        before, after = old[name].to_numpy(), new[name].to_numpy()
        unknown = np.isnan(after)
        differs = np.abs(after - before) > tolerance * np.abs(before)
        changed |= (differs | np.isnan(before)) & ~unknown
        revised[name] = np.where(unknown, before, after)
    if not changed.any():
        return rows[~known], 0
    # If the clock is behind the stored rows, a correction must still follow what it corrects.
    after_stored = old["known_at"][changed] + _MICROSECOND
    after_stored = after_stored.where(after_stored > now, now)
    revisions = new.assign(**revised)[changed].assign(known_at=after_stored.array)
    return pd.concat([rows[~known], revisions], ignore_index=True), len(revisions)


def _ratio(stored: pd.Series, new: pd.Series) -> float:
    ratios = (new / stored).to_numpy()
    ratios = ratios[np.isfinite(ratios) & (ratios > 0)]
    if not len(ratios):
        return 1.0
    middle = float(np.median(ratios))
    return 1.0 if abs(middle - 1) <= ANCHOR_TOLERANCE else middle
