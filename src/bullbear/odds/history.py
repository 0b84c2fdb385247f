"""What the engine would have said at every past close, and what that was worth as a forecast.

At each close the odds are counted as `telling` counts them: cases of the five years before that had resolved by then.
While an event is active its statement is a forecast of P(up); on other days nobody speaks and the forecast is
climatology. Three readings are offered: the odds *as told*, each event's *shrunk* odds, and one *pooled* forecast of
all active events. The last two move climatology by the event's evidence alone, so that where the events together show
nothing beyond luck they equal it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from bullbear.data.view import View
from bullbear.dataset.labels import climatology, resolve
from bullbear.definitions import Target
from bullbear.errors import HistoryError
from bullbear.factors.engine.registry import Array
from bullbear.odds.counting import Counts, count
from bullbear.odds.definitions import EventSpec
from bullbear.odds.tape import Tape, read_tape
from bullbear.odds.telling import LEAST_HORIZONS, YEARS
from bullbear.statistics.proportions import wilson

Reading = Literal["told", "shrunk"]
SURE = 0.01
"""Told odds of 0 or 1 are scored as forecasts this far from certainty: no count of cases makes a market certain."""


@dataclass(frozen=True)
class History:
    """The engine at every past close; arrays have shape (n_as_of, n_events).

    `at` holds the rows of the tape that are answered, `age` the sessions since each event's latest occurrence (-1
    before the first), `active` whether its statement stood.
    """

    tape: Tape
    horizon: int
    at: NDArray[np.int64]
    counts: Counts
    age: NDArray[np.int64]
    active: NDArray[np.bool_]
    labels: pd.DataFrame

    @cached_property
    def silent(self) -> pd.DataFrame:
        """The predictions frame in which nobody speaks: climatology with its interval."""
        return _silent(self)

    @cached_property
    def evidence(self) -> Array:
        """How far each event's shrunk odds lie from the base rate, in log-odds of a rise; NaN without a case."""
        return _evidence(self)

    @property
    def sessions(self) -> pd.DatetimeIndex:
        """The sessions answered."""
        return self.tape.sessions[self.at]

    def told(self, day: pd.Timestamp) -> pd.DataFrame:
        """The counts of one session, one row per event."""
        row = int(np.flatnonzero(self.sessions == day)[0])
        names = [event.name for event in self.tape.events]
        figures = {name: values[row] for name, values in vars(self.counts).items()}
        return pd.DataFrame({**figures, "age": self.age[row], "active": self.active[row]}, index=names)


def build_history(view: View, ticker: str, events: Sequence[EventSpec], *, horizon: int, years: int = YEARS) -> History:
    """The odds of every event at every close at which three horizons of bars were known.

    Events stand where they were first known; outcomes are counted in the version that `view` holds.

    Raises
    ------
    NoDataError
        No bars of the ticker.
    HistoryError
        Fewer than three horizons of bars.
    """
    labels = resolve(view, Target(ticker=ticker, horizon=horizon))
    return history_of(read_tape(view, ticker, events), labels, horizon=horizon, years=years)


def history_of(tape: Tape, labels: pd.DataFrame, *, horizon: int, years: int = YEARS) -> History:
    """The history on a tape that has been read; `labels` are those of `dataset.resolve` for the same ticker."""
    priced = ~np.isnan(tape.close)
    at = np.flatnonzero(priced & (np.arange(len(tape.close)) >= LEAST_HORIZONS * horizon))
    if not len(at):
        raise HistoryError(
            f"history of {tape.ticker}",
            f"{len(tape.close)} sessions",
            f"more than {LEAST_HORIZONS * horizon}, three horizons",
            "choose a shorter horizon",
        )
    starts = tape.sessions[at] - pd.DateOffset(years=years)
    since = np.asarray(tape.sessions.searchsorted(starts), dtype=np.int64)
    latest = _latest(tape.flags)
    age = np.where(latest >= 0, np.arange(len(tape.close))[:, None] - latest, -1)
    active = (age >= 0) & (age < horizon) & (_rivals(tape, latest) <= latest)
    return History(tape, horizon, at, count(tape, horizon, at, since), age[at], active[at], labels)


def forecasts(history: History, event: str, reading: Reading = "told") -> pd.DataFrame:
    """One event's statements as a predictions frame: P(up) while it is active, climatology otherwise.

    Returns
    -------
    Columns decided_at, resolved_at, p, p_low, p_high, climatology, y, and `spoke`, true where the event was active.
    """
    column = [each.name for each in history.tape.events].index(event)
    counts = history.counts
    frame = history.silent
    spoke = history.active[:, column] & (counts.cases[:, column] > 0)
    low, high = (_up(history, values, column) for values in (counts.low, counts.high))
    bottom, top = np.minimum(low, high), np.maximum(low, high)
    if reading == "told":
        p = np.clip(_up(history, counts.odds, column), SURE, 1.0 - SURE)
    else:
        p = _moved(frame["climatology"].to_numpy(), history.evidence[:, column])
    return _spoken(frame, spoke, p, np.minimum(bottom, p), np.maximum(top, p))


def pooled(history: History) -> pd.DataFrame:
    """All active events as one forecast: climatology moved by the mean of their shrunk evidence, in log-odds.

    Returns
    -------
    As `forecasts`; the interval is climatology's own, moved likewise.
    """
    frame = history.silent
    evidence = history.evidence
    speaking = history.active & ~np.isnan(evidence)
    number = speaking.sum(axis=1)
    shift = np.where(speaking, evidence, 0.0).sum(axis=1) / np.maximum(number, 1)
    moved = [_moved(frame[name].to_numpy(), shift) for name in ("p", "p_low", "p_high")]
    return _spoken(frame, number > 0, *moved)


def _evidence(history: History) -> Array:
    counts = history.counts
    base, shrunk = (np.clip(values, SURE, 1.0 - SURE) for values in (counts.base_rate, counts.shrunk))
    sign = np.array([1.0 if event.direction == "bullish" else -1.0 for event in history.tape.events])
    return np.asarray(sign * (logit(shrunk) - logit(base)))


def _up(history: History, share: Array, column: int) -> Array:
    bullish = history.tape.events[column].direction == "bullish"
    return share[:, column] if bullish else 1.0 - share[:, column]


def _moved(p: Array, shift: Array) -> Array:
    # No shift leaves the number untouched to the last bit.
    return np.where(shift == 0.0, p, expit(logit(p) + shift))


def _spoken(frame: pd.DataFrame, spoke: NDArray[np.bool_], p: Array, low: Array, high: Array) -> pd.DataFrame:
    heard = spoke & ~np.isnan(p)
    changed = {
        name: np.where(heard, values, frame[name]) for name, values in (("p", p), ("p_low", low), ("p_high", high))
    }
    return frame.assign(**changed, spoke=heard)


def _silent(history: History) -> pd.DataFrame:
    labels = history.labels.reindex(history.tape.sessions)
    share, resolved = climatology(
        labels["y"].to_numpy(), pd.DatetimeIndex(labels["resolved_at"]), pd.DatetimeIndex(labels["decided_at"])
    )
    rows = history.at
    low, high = wilson(share[rows], resolved[rows] / history.horizon)
    known = labels.iloc[rows].reset_index(drop=True)
    return pd.DataFrame(
        {
            "decided_at": known["decided_at"],
            "resolved_at": known["resolved_at"],
            "p": share[rows],
            "p_low": low,
            "p_high": high,
            "climatology": share[rows],
            "y": known["y"],
        }
    )


def _latest(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each row the row of the latest event up to it, -1 before the first; shape of `flags`."""
    rows = np.arange(len(flags))[:, None]
    return np.asarray(np.maximum.accumulate(np.where(flags, rows, -1), axis=0))


def _rivals(tape: Tape, latest: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each event the latest row of an event of the same indicator in the other direction."""
    result = np.full_like(latest, -1)
    for place, event in enumerate(tape.events):
        for other_place, other in enumerate(tape.events):
            if other.indicator == event.indicator and other.direction != event.direction:
                result[:, place] = np.maximum(result[:, place], latest[:, other_place])
    return result
