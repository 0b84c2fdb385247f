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

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.view import View
from bullbear.definitions import Question, Target


@dataclass(frozen=True)
class Paths:
    """What the price did after each decision, for learners that model more than the answer to one question.

    Attributes
    ----------
    returns
        Daily log total returns of the coming sessions, shape (n, horizon), from the closes known at `known_at`; a row
        is NaN where one of them is missing or not known yet.
    known_at
        When each whole path was known, shape (n,). A label that reads two closes of the path may resolve earlier.
    """

    returns: np.ndarray
    known_at: pd.DatetimeIndex

    def known_by(self, instant: pd.Timestamp) -> np.ndarray:
        """The returns of the paths known at an instant, rows of NaN for the others; shape (n, horizon)."""
        return np.where(np.asarray(self.known_at <= instant)[:, None], self.returns, np.nan)


class Labels:
    """The labels of any questions about one ticker; questions that read the same closes share them.

    Raises
    ------
    NoDataError
        The ticker has no bar.
    """

    def __init__(self, view: View, ticker: str) -> None:
        self._view = view
        self._versions = view.versions("bars", ticker)
        # The first version of each bar; later ones are corrections.
        self._bars = self._versions.drop_duplicates("event_date").set_index("event_date").sort_index()
        self._laid_out: dict[tuple[int, bool, bool], _Closes] = {}

    def resolve(self, question: Question, *, final: bool = False) -> pd.DataFrame:
        """The labels of a question; see `resolve`."""
        closes = self._closes(question.horizon, question.reads_path, final)
        value = np.where(self._has_come(closes.resolved), question.outcome(closes.paths), np.nan)
        return pd.DataFrame(
            {
                "decided_at": closes.decided_at,
                "resolved_at": closes.resolved_at,
                "decidable": closes.decidable,
                "value": value,
                "y": question.answer(value),
            },
            index=closes.session,
        )

    def paths(self, horizon: int) -> Paths:
        """The daily returns over the horizon after every session."""
        closes = self._closes(horizon, True, False)
        returns = np.diff(np.log(closes.paths), axis=1)
        whole = self._has_come(closes.resolved) & ~np.isnan(returns).any(axis=1)
        return Paths(np.where(whole[:, None], returns, np.nan), closes.resolved_at)

    def _has_come(self, instants: np.ndarray) -> np.ndarray:
        # A bar may be in the store before its label may be used: only the clock decides.
        return np.asarray(instants <= pd.DatetimeIndex([self._view.instant]).as_unit("us").asi8[0])

    def _closes(self, horizon: int, whole: bool, final: bool) -> _Closes:
        key = (horizon, whole, final)
        if key not in self._laid_out:
            self._laid_out[key] = self._lay_out(horizon, whole, final)
        return self._laid_out[key]

    def _lay_out(self, horizon: int, whole: bool, final: bool) -> _Closes:
        versions, bars = self._versions, self._bars
        last = sessions.between(bars.index[-1] - pd.Timedelta(days=14), bars.index[-1])[-1]  # a bar's day may be none
        grid = sessions.between(bars.index[0], sessions.offset(last, horizon))
        closes, known = sessions.closes(grid), pd.DatetimeIndex(bars["known_at"].reindex(grid))
        price = bars["adj_close"].reindex(grid)
        # A missing instant is not before the close.
        decidable = np.asarray(known <= closes) & price.notna().to_numpy()
        known = known.where(known > closes, closes)
        read = np.arange(horizon + 1) if whole else np.array([0, horizon])
        places = np.arange(len(grid) - horizon)[:, None] + read
        resolved = known.asi8[places].max(axis=1)
        if final and len(bars) < len(versions):
            newest = versions.drop_duplicates("event_date", keep="last").set_index("event_date")
            price = newest["adj_close"].reindex(grid)
        paths = price.to_numpy()[places]
        if not final and len(bars) < len(versions):
            _correct(paths, versions[versions.duplicated("event_date")], grid, resolved, read)
        session = pd.DatetimeIndex(grid[:-horizon], name="session")
        return _Closes(session, closes[:-horizon], decidable[:-horizon], resolved, paths)


@dataclass(frozen=True)
class _Closes:
    """The closes that the labels of a horizon read, by decision: `paths` (n, 2 or horizon + 1), the others (n,)."""

    session: pd.DatetimeIndex
    decided_at: pd.DatetimeIndex
    decidable: np.ndarray
    resolved: np.ndarray
    paths: np.ndarray

    @property
    def resolved_at(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(self.resolved.view("datetime64[us]")).tz_localize("UTC")


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
    return Labels(view, target.ticker).resolve(target.question, final=final)


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
