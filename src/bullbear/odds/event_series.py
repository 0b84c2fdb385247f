"""One ticker's closes and events on the grid of the exchange's sessions, and what followed each session.

An event is dated by the first close at which it was known: its factor is computed point in time, so a later revision of
a bar moves no event. What followed is the total return to the close `horizon` sessions later, and the deepest fall
from a peak on the way; both are unknown until that close, and where a price on either end is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear import sessions
from bullbear.data.view import View
from bullbear.definitions import Question
from bullbear.errors import Found, HistoryError, NoDataError
from bullbear.factors import compute
from bullbear.factors.engine.registry import Array
from bullbear.factors.technical.occurrences import Flags, occurs
from bullbear.odds.definitions import EventSpec


@dataclass(frozen=True)
class EventSeries:
    """Sessions from the ticker's first bar to its last, its closes, and the sessions of its events.

    `close` has shape (n_sessions,), dividend-adjusted, NaN on a session without a bar; `flags` has shape
    (n_sessions, n_events).
    """

    ticker: str
    sessions: pd.DatetimeIndex
    close: Array
    events: tuple[EventSpec, ...]
    flags: Flags

    def activity(self, horizon: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Sessions since each event's latest occurrence (-1 before the first), and whether it is active.

        An event is active for `horizon` sessions, or until one of the same indicator in the other direction follows.
        Both arrays have shape (n_sessions, n_events).
        """
        row = np.arange(len(self.flags))[:, None]
        latest = np.maximum.accumulate(np.where(self.flags, row, -1), axis=0)
        opposite = np.full_like(latest, -1)
        for place, event in enumerate(self.events):
            for other_place, other in enumerate(self.events):
                if other.indicator == event.indicator and other.direction != event.direction:
                    opposite[:, place] = np.maximum(opposite[:, place], latest[:, other_place])
        age = np.where(latest >= 0, row - latest, -1)
        return age, (age >= 0) & (age < horizon) & (opposite <= latest)


def read_event_series(view: View, ticker: str, events: Sequence[EventSpec]) -> EventSeries:
    """The closes and events of `ticker` as known to `view`; NoDataError without a bar."""
    bars = view.bars(ticker)
    bars = bars[bars["adj_close"].notna()]
    if bars.empty:
        raise NoDataError(
            f"bars of {ticker}", Found("none with a close"), "a ticker with prices", "ingest its prices first"
        )
    traded = pd.DatetimeIndex(bars.index)
    grid = sessions.between(traded[0], traded[-1])
    place = grid.get_indexer(traded)
    on_grid = place >= 0
    close = np.full(len(grid), np.nan)
    close[place[on_grid]] = bars["adj_close"].to_numpy(dtype=np.float64)[on_grid]
    rows = place[on_grid]
    values = _factors(view, ticker, events, grid[rows])
    flags = np.zeros((len(grid), len(events)), dtype=bool)
    for column, event in enumerate(events):
        # Only sessions with a bar count as one more day of a stay.
        flags[rows, column] = occurs(values[event.name].to_numpy(), event.rule, event.level, event.sessions or 1)
    return EventSeries(ticker, grid, close, tuple(events), flags)


def forward_returns(close: Array, horizon: int) -> Array:
    """The total return over the `horizon` sessions after each one; NaN where unknown; shape (n_sessions,).

    Raises
    ------
    HistoryError
        The horizon is below one session.

    Example
    -------
    >>> forward_returns(np.array([100.0, 110.0, 99.0]), 1).round(2)
    array([ 0.1, -0.1,  nan])
    """
    if horizon < 1:
        raise HistoryError("horizon", horizon, "at least 1 session", "choose 5, 21 or 63")
    result = np.full(len(close), np.nan)
    result[:-horizon] = close[horizon:] / close[:-horizon] - 1.0
    return result


def forward_answers(close: Array, question: Question) -> Array:
    """The answer over the question's horizon after each session: 1 for yes, 0 for no, NaN where unknown; (n_sessions,).

    Example
    -------
    >>> from bullbear.definitions.questions import Dip
    >>> dip = Dip(name="dip5", kind="dip", threshold=-0.05, horizon=2, sentence="A close 5 % lower within two days.")
    >>> forward_answers(np.array([100.0, 94.0, 101.0, 99.0]), dip).tolist()
    [1.0, 0.0, nan, nan]
    """
    result = np.full(len(close), np.nan)
    if len(close) > question.horizon:
        paths = np.lib.stride_tricks.sliding_window_view(close, question.horizon + 1)
        result[: -question.horizon] = question.answer(question.outcome(paths))
    return result


def forward_drawdowns(close: Array, horizon: int) -> Array:
    """The deepest fall from a peak, by closes, over the `horizon` sessions after each one; shape (n_sessions,).

    min over i < j <= i + horizon of close_j / max(close_i .. close_j) - 1; NaN where the horizon is not over. Sessions
    without a price are skipped.

    Example
    -------
    >>> forward_drawdowns(np.array([100.0, 110.0, 99.0, 120.0]), 2).round(2)
    array([-0.1, -0.1,  nan,  nan])
    """
    n = len(close) - horizon
    result = np.full(len(close), np.nan)
    if n <= 0:
        return result
    peak = close[:n].copy()
    worst = np.zeros(n)
    for ahead in range(1, horizon + 1):
        now = close[ahead : n + ahead]
        peak = np.fmax(peak, now)
        worst = np.fmin(worst, now / peak - 1.0)
    result[:n] = np.where(np.isnan(close[:n]) | np.isnan(close[horizon:]), np.nan, worst)
    return result


def _factors(view: View, ticker: str, events: Sequence[EventSpec], index: pd.DatetimeIndex) -> pd.DataFrame:
    # Events that differ only in rule or level share one computation.
    first: dict[tuple[str, tuple[tuple[str, object], ...]], str] = {}
    shared = {}
    for event in events:
        key = event.function, tuple(sorted(event.params.items()))
        shared[event.name] = first.setdefault(key, event.name)
    needed = [event.factor(ticker) for event in events if shared[event.name] == event.name]
    table = compute(view, needed, index, ticker)
    return pd.DataFrame({name: table[source] for name, source in shared.items()}, index=table.index)
