"""What a file adds to a store that already holds its series: new events, genuine revisions, and nothing else.

Providers restate whole histories. Yahoo divides every earlier price by a split and every earlier adj_close by each new
dividend, so a later file equals the stored history times a constant. Levels carry no meaning, returns do: the file is
brought back to the stored anchor, OHLC and adj_close each by its own ratio, and only its continuation is added. What
then still differs is a revision: a new row, known from now on.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

ANCHOR_TOLERANCE = 1e-5  # relative; adj_close carries seven digits, OHLC of cheap or rescaled prices fewer than that
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
