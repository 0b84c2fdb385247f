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
from bullbear.data.store import View
from bullbear.errors import HistoryError


def resolve(view: View, ticker: str, horizon: int) -> pd.DataFrame:
    """The labels of every session of `ticker` known to `view`.

    `y = 1` if adj_close(resolved) > adj_close(decided), else 0; NaN while `resolved_at` is after `view.instant`.

    Parameters
    ----------
    view
        The store as known at one instant.
    ticker
        The target's ticker.
    horizon
        Sessions from decision to resolution, at least 1.

    Returns
    -------
    DataFrame
        Index `session` (n,), columns `decided_at`, `resolved_at` (UTC instants), `forward_return` (fraction) and `y`
        (0, 1 or NaN).

    Raises
    ------
    HistoryError
        The ticker has no bar.
    """
    bars = view.bars(ticker)
    if bars.empty:
        raise HistoryError("target", ticker, "a ticker with at least one bar", "ingest its prices first")
    first, last = bars.index[0], bars.index[-1]
    grid = sessions.between(first, sessions.offset(last, horizon))
    price = bars["adj_close"].reindex(grid).to_numpy()
    closes = sessions.closes(grid)
    ahead = np.full(len(grid), np.nan)
    ahead[:-horizon] = price[horizon:] / price[:-horizon] - 1.0
    table = pd.DataFrame(
        {
            "decided_at": closes[:-horizon],
            "resolved_at": closes[horizon:],
            "forward_return": ahead[:-horizon],
        },
        index=pd.DatetimeIndex(grid[:-horizon], name="session"),
    )
    # A bar may be in the store before its label may be used: only the clock decides.
    table.loc[table["resolved_at"] > view.instant, "forward_return"] = np.nan
    table["y"] = np.where(table["forward_return"].isna(), np.nan, (table["forward_return"] > 0).astype(float))
    return table


def climatology(
    y: np.ndarray, resolved_at: pd.DatetimeIndex, decided_at: pd.DatetimeIndex
) -> tuple[np.ndarray, np.ndarray]:
    """The expanding share of ups among the labels resolved at each decision: the benchmark of every score.

    Parameters
    ----------
    y
        Labels in the order of `resolved_at`, 0, 1 or NaN; shape (n,).
    resolved_at
        When each label is known, sorted; shape (n,).
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
    known = ~np.isnan(y)
    ups = np.concatenate([[0.0], np.cumsum(np.where(known, y, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    place = np.searchsorted(resolved_at.asi8, decided_at.as_unit(resolved_at.unit).asi8, side="right")
    with np.errstate(invalid="ignore"):
        return np.where(counts[place] > 0, ups[place] / np.maximum(counts[place], 1), np.nan), counts[place]
