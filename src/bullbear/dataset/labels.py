"""Labels: how each question was answered, and when one could know.

A label belongs to the close at which its forecast is decided and is known only at the close `horizon` sessions later.
Both instants travel with it, because every later decision about admissibility is a comparison with `resolved_at`.

A dip that has happened on the third day is still resolved at the end of the horizon. Climatology, purge and overlap
count labels by their horizon, and a hit that resolved at once would stand beside failures that take the whole horizon:
among the labels resolved at any instant the hits would be too many, and every base rate too high.

Horizons count sessions of the exchange. Where a close that the question reads is missing, the label is missing, not
moved to a neighbouring day: of all questions the first and the last close, of those that read the path every close
between. A path with a gap might show the dip, but can never show that there was none; to keep the hits alone would
raise the base rate.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.view import View
from bullbear.definitions import Target


def resolve(view: View, target: Target, *, final: bool = False) -> pd.DataFrame:
    """The labels of `target` for every session known to `view`.

    Models train on labels as they were known: all closes are those known at `resolved_at`, so a later correction of a
    bar does not rewrite what was learnt from it. Forecasts are scored on final labels: all closes in the newest version
    that `view` knows, so a bad tick that was corrected the next morning does not stay the outcome for ever.

    Parameters
    ----------
    view
        The store as known at one instant.
    target
        The ticker, the question and its horizon in sessions.
    final
        Use the newest version of each close instead of the one known at `resolved_at`.

    Returns
    -------
    DataFrame
        Index `session` (n,), columns `decided_at`, `resolved_at` (UTC instants), `decidable` (whether the session's
        bar was known at its close, so that a forecast could be decided there), `value` (the question's outcome) and `y`
        (1 for yes, 0 for no, NaN while `resolved_at` is after `view.instant`). A bar that came after its close resolves
        the labels that read it only then.

    Raises
    ------
    NoDataError
        The ticker has no bar.
    """
    horizon, question = target.horizon, target.question
    versions = view.versions("bars", target.ticker)
    # The first version of each bar; later ones are corrections.
    bars = versions.drop_duplicates("event_date").set_index("event_date").sort_index()
    last = sessions.between(bars.index[-1] - pd.Timedelta(days=14), bars.index[-1])[-1]  # a bar's day may be none
    grid = sessions.between(bars.index[0], sessions.offset(last, horizon))
    closes, known = sessions.closes(grid), pd.DatetimeIndex(bars["known_at"].reindex(grid))
    price = bars["adj_close"].reindex(grid)
    decidable = np.asarray(known <= closes) & price.notna().to_numpy()  # a missing instant is not before the close
    known = known.where(known > closes, closes)
    decided = grid[:-horizon]
    read = np.arange(horizon + 1) if question.reads_path else np.array([0, horizon])
    places = np.arange(len(decided))[:, None] + read
    resolved = known.asi8[places].max(axis=1)
    if final and len(bars) < len(versions):
        price = versions.drop_duplicates("event_date", keep="last").set_index("event_date")["adj_close"].reindex(grid)
    paths = price.to_numpy()[places]
    if not final and len(bars) < len(versions):
        _correct(paths, versions[versions.duplicated("event_date")], grid, resolved, read)
    # A bar may be in the store before its label may be used: only the clock decides.
    instant = pd.DatetimeIndex([view.instant]).as_unit("us").asi8[0]
    value = np.where(resolved <= instant, question.outcome(paths), np.nan)
    return pd.DataFrame(
        {
            "decided_at": closes[:-horizon],
            "resolved_at": pd.DatetimeIndex(resolved.view("datetime64[us]")).tz_localize("UTC"),
            "decidable": decidable[:-horizon],
            "value": value,
            "y": question.answer(value),
        },
        index=pd.DatetimeIndex(decided, name="session"),
    )


def _correct(
    paths: np.ndarray, corrections: pd.DataFrame, grid: pd.DatetimeIndex, resolved: np.ndarray, read: np.ndarray
) -> None:
    """Write each correction into the paths that had not resolved when it became known.

    Parameters
    ----------
    paths
        Closes of each label in their first version, on the sessions `read` after its decision; shape (n, len(read)).
    corrections
        Later versions, sorted by `known_at`.
    resolved
        Instants in microseconds; shape (n,).
    """
    day = grid.get_indexer(pd.DatetimeIndex(corrections["event_date"]))
    known = pd.DatetimeIndex(corrections["known_at"]).as_unit("us").asi8
    row = day[:, None] - read
    counts = (day[:, None] >= 0) & (row >= 0) & (row < len(paths))
    counts &= known[:, None] <= resolved[np.where(counts, row, 0)]
    column = np.broadcast_to(np.arange(len(read)), row.shape)
    price = np.broadcast_to(corrections["adj_close"].to_numpy()[:, None], row.shape)
    paths[row[counts], column[counts]] = price[counts]  # of several for one cell the last remains


def climatology(
    y: np.ndarray, resolved_at: pd.DatetimeIndex, decided_at: pd.DatetimeIndex
) -> tuple[np.ndarray, np.ndarray]:
    """The expanding share of yes among the labels resolved at each decision: the benchmark of every score.

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
    yes = np.concatenate([[0.0], np.cumsum(np.where(known, y, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    place = np.searchsorted(resolved, decided_at.as_unit(resolved_at.unit).asi8, side="right")
    with np.errstate(invalid="ignore"):
        return np.where(counts[place] > 0, yes[place] / np.maximum(counts[place], 1), np.nan), counts[place]
