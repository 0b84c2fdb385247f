"""Labels: did the total return over the horizon turn out positive, and when could one know.

A label belongs to the close at which its forecast is decided and is known only at the close `horizon` sessions later.
Both instants travel with it, because every later decision about admissibility is a comparison with `resolved_at`.
Labels count sessions of the exchange: where the target has no bar on the deciding or the resolving session, the label
is missing, not moved to a neighbouring day.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.view import View


def resolve(view: View, ticker: str, horizon: int, *, final: bool = False) -> pd.DataFrame:
    """The labels of every session of `ticker` known to `view`.

    `y = 1` if adj_close(resolved) > adj_close(decided), else 0; NaN while `resolved_at` is after `view.instant`.

    Models train on labels as they were known: both prices are those known at `resolved_at`, so a later correction of a
    bar does not rewrite what was learnt from it. Forecasts are scored on final labels: both prices in the newest
    version that `view` knows, so a bad tick that was corrected the next morning does not stay the outcome for ever.

    Parameters
    ----------
    view
        The store as known at one instant.
    ticker
        The target's ticker.
    horizon
        Sessions from decision to resolution, at least 1.
    final
        Score with the newest version of each price instead of the one known at `resolved_at`.

    Returns
    -------
    DataFrame
        Index `session` (n,), columns `decided_at`, `resolved_at` (UTC instants), `decidable` (whether the session's
        bar was known at its close, so that a forecast could be decided there), `forward_return` (fraction) and `y`
        (0, 1 or NaN). A bar that came after its close resolves its labels only then.

    Raises
    ------
    NoDataError
        The ticker has no bar.
    """
    versions = view.versions("bars", ticker)
    # The first version of each bar, and whether there is any other.
    bars = versions.drop_duplicates("event_date").set_index("event_date").sort_index()
    last = sessions.between(bars.index[-1] - pd.Timedelta(days=14), bars.index[-1])[-1]  # a bar's day may be none
    grid = sessions.between(bars.index[0], sessions.offset(last, horizon))
    closes, known = sessions.closes(grid), pd.DatetimeIndex(bars["known_at"].reindex(grid))
    priced = bars["adj_close"].reindex(grid).notna().to_numpy()
    decidable = np.asarray(known <= closes) & priced  # an instant that is missing is not before the close
    known = known.where(known > closes, closes)
    decided, resolved = grid[:-horizon], grid[horizon:]
    resolved_at = known[horizon:].where(known[horizon:] > known[:-horizon], known[:-horizon])
    if len(bars) == len(versions):
        price = bars["adj_close"].reindex(grid).to_numpy()
        before, after = price[:-horizon], price[horizon:]
    elif final:
        newest = versions.drop_duplicates("event_date", keep="last").set_index("event_date")["adj_close"]
        before, after = newest.reindex(decided).to_numpy(), newest.reindex(resolved).to_numpy()
    else:
        before, after = (_price_at(versions, days, resolved_at) for days in (decided, resolved))
    table = pd.DataFrame(
        {
            "decided_at": closes[:-horizon],
            "resolved_at": resolved_at,
            "decidable": decidable[:-horizon],
            "forward_return": after / before - 1.0,
        },
        index=pd.DatetimeIndex(decided, name="session"),
    )
    # A bar may be in the store before its label may be used: only the clock decides.
    table.loc[table["resolved_at"] > view.instant, "forward_return"] = np.nan
    table["y"] = np.where(table["forward_return"].isna(), np.nan, (table["forward_return"] > 0).astype(float))
    return table


def _price_at(versions: pd.DataFrame, days: pd.DatetimeIndex, instants: pd.DatetimeIndex) -> np.ndarray:
    """The adjusted close of each day in the version known at its instant; NaN where there was none; shape (n,)."""
    asked = pd.DataFrame({"event_date": days, "known_at": instants, "place": np.arange(len(days))})
    columns = versions[["event_date", "known_at", "adj_close"]]
    found = pd.merge_asof(asked.sort_values("known_at", kind="stable"), columns, on="known_at", by="event_date")
    return found.sort_values("place")["adj_close"].to_numpy()


def climatology(
    y: np.ndarray, resolved_at: pd.DatetimeIndex, decided_at: pd.DatetimeIndex
) -> tuple[np.ndarray, np.ndarray]:
    """The expanding share of ups among the labels resolved at each decision: the benchmark of every score.

    Parameters
    ----------
    y
        Labels, 0, 1 or NaN; shape (n,).
    resolved_at
        When each label is known; shape (n,).
    decided_at
        The decisions to answer; shape (m,).

    Returns
    -------
    share, count : ndarray
        Shape (m,) each; the share is NaN where nothing had resolved.

    Example
    -------
    >>> t = pd.date_range("2020-01-01", periods=4, tz="UTC")
    >>> share, count = climatology(np.array([1.0, 0.0, 1.0, np.nan]), t, t)
    >>> share.round(3).tolist(), count.tolist()
    ([1.0, 0.5, 0.667, 0.667], [1, 2, 3, 3])
    """
    resolved = resolved_at.asi8
    if (resolved[1:] < resolved[:-1]).any():  # a bar that came late resolves its labels after their followers
        order = np.argsort(resolved, kind="stable")
        resolved, y = resolved[order], y[order]
    known = ~np.isnan(y)
    ups = np.concatenate([[0.0], np.cumsum(np.where(known, y, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    place = np.searchsorted(resolved, decided_at.as_unit(resolved_at.unit).asi8, side="right")
    with np.errstate(invalid="ignore"):
        return np.where(counts[place] > 0, ups[place] / np.maximum(counts[place], 1), np.nan), counts[place]
