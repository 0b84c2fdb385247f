"""What a file adds to a store that already holds its series: new events, genuine revisions, and nothing else.

Providers restate whole histories. Yahoo divides every earlier price by a split and every earlier adj_close by each new
dividend, so a later file equals the stored history times a constant. The file is brought back to the stored anchor,
OHLC and adj_close each by its own ratio, and only its continuation is added. What then still differs is a revision: a
new row, known from now on.

The level of adj_close carries no meaning, that of a price does: it is what a screen shows. A file that reaches the end
of the stored history or beyond and restates its prices is therefore a split at the seam (see `seam`): what follows is
stored as it came, and the bars before it are divided when they are read.
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
    """Bring `bars` to the scale of the `stored` ones.

    The ratio is the median of new/stored over the last 21 sessions that both hold, so that neither a corrected last
    bar nor a dividend restated far back moves it. Within 1e-5 of one it is one.

    Parameters
    ----------
    stored:
        Latest versions, indexed by event_date.
    bars:
        Columns event_date, open, high, low, close, adj_close, volume.

    Returns
    -------
    The rescaled bars, the ratio of prices and the ratio of adj_close (1.0 where nothing overlaps).

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
    # Most providers restate volume at a split, some do not: the overlap tells.
    if shares != 1.0:
        rescaled["volume"] = bars["volume"] * price
    return rescaled, price, adjusted


def is_restated(price: float) -> bool:
    """Whether a ratio of prices is more than the rounding of cheap ones."""
    return abs(price - 1) > _RESTATED


def seam(bars: pd.DataFrame, rows: pd.DataFrame, price: float, splits: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """The split that a file of restated prices implies, as rows to append.

    It takes effect on the first session that the file adds, or on the next one if it adds none, and is known as soon
    as a bar on the new shares is; without such a bar from `now` on. A seam that waits for its first bar is known with
    that bar at the latest.

    Parameters
    ----------
    bars:
        The stored bars as shown, by event_date.
    rows:
        What the file adds after the last of `bars`: columns event_date, known_at.
    price:
        The ratio of the file's prices to the stored ones.
    splits:
        The latest stored splits: columns event_date, known_at, ratio.

    Returns
    -------
    Columns event_date, known_at, ratio.
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
    """The rows to append: events not stored yet, and changed values with a known_at of `now`.

    A cell that is empty in `rows` and known in the store is no revision: it keeps the stored value.

    Parameters
    ----------
    stored:
        Latest versions with columns event_date, known_at and `values`.
    rows:
        Columns event_date, known_at and `values`; known_at by the rule of publication.
    tolerance:
        Relative difference that is rounding.

    Returns
    -------
    The additions, and how many of them are revisions.
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
    # A clock that runs behind the stored rows must not put a correction before what it corrects.
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
