"""The odds at every past close, as forecasts of P(yes): of P(up), unless another question is asked.

At each close the odds are counted as `current` counts them: cases of the five years before that had resolved by then.
While an event is active its odds are a forecast; on other days the forecast is climatology. Three forecasts are made
of them: each event's *raw* odds, its *shrunk* odds, and one *pooled* forecast of all active events. The last two move
climatology by the event's evidence alone, so that they equal it where the events together show nothing beyond chance.
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
from bullbear.dataset.predictions import Predictions
from bullbear.definitions import UP, Question, Target
from bullbear.errors import HistoryError
from bullbear.factors.engine.registry import Array
from bullbear.odds.counting import Counts, count, directed
from bullbear.odds.current import LEAST_HORIZONS, YEARS
from bullbear.odds.definitions import EventSpec
from bullbear.odds.event_series import EventSeries, read_event_series
from bullbear.statistics.proportions import wilson

Kind = Literal["raw", "shrunk"]
POOLED = "pooled"
"""The member that pools all active events."""
MARGIN = 0.01
"""Raw odds of 0 or 1 are scored as forecasts this far from certainty: no count of cases makes a market certain."""


@dataclass(frozen=True)
class PastOdds:
    """The odds at every past close; arrays have shape (n_as_of, n_events).

    `at` holds the rows of the series that are answered, `age` the sessions since each event's latest occurrence (-1
    before the first), `active` whether it was active.
    """

    series: EventSeries
    horizon: int
    at: NDArray[np.int64]
    counts: Counts
    age: NDArray[np.int64]
    active: NDArray[np.bool_]
    labels: pd.DataFrame
    question: Question = UP

    @property
    def upward(self) -> NDArray[np.bool_]:
        """Whether the odds of each event speak of a yes: always, but of falls where the question is `up`."""
        bullish = np.array([event.direction == "bullish" for event in self.series.events])
        return bullish if directed(self.question) else np.ones(len(bullish), dtype=bool)

    @cached_property
    def baseline(self) -> Predictions:
        """Climatology with its interval, the forecast where no event is active."""
        labels = self.labels.reindex(self.series.sessions)
        share, resolved = climatology(
            labels["y"].to_numpy(), pd.DatetimeIndex(labels["resolved_at"]), pd.DatetimeIndex(labels["decided_at"])
        )
        low, high = wilson(share[self.at], resolved[self.at] / self.horizon)
        known = labels.iloc[self.at]
        return Predictions.of(
            decided_at=known["decided_at"],
            resolved_at=known["resolved_at"],
            asset=self.series.ticker,
            question=UP.name if directed(self.question) else self.question.name,
            horizon=self.horizon,
            p=share[self.at],
            p_low=low,
            p_high=high,
            climatology=share[self.at],
            y=known["y"],
        )

    @cached_property
    def shift(self) -> Array:
        """How far each event's shrunk odds lie from the base rate, in log-odds of a yes; NaN without a case."""
        base, shrunk = (np.clip(share, MARGIN, 1.0 - MARGIN) for share in (self.counts.base_rate, self.counts.shrunk))
        sign = np.where(self.upward, 1.0, -1.0)
        return np.asarray(sign * (logit(shrunk) - logit(base)))

    @property
    def signals(self) -> NDArray[np.bool_]:
        """Where an event is active and has a resolved case, so that its odds are a forecast."""
        return np.asarray(self.active & (self.counts.cases > 0))

    @property
    def sessions(self) -> pd.DatetimeIndex:
        """The sessions answered."""
        return self.series.sessions[self.at]


def past_odds(
    view: View,
    ticker: str,
    events: Sequence[EventSpec],
    *,
    horizon: int,
    question: Question = UP,
    years: int = YEARS,
) -> PastOdds:
    """The odds of every event at every close at which three horizons of bars were known.

    Events are dated by when they were first known; outcomes are counted in the version that `view` holds.

    NoDataError without bars of the ticker, HistoryError with fewer than three horizons of them.
    """
    asked = question.model_copy(update={"horizon": horizon})
    labels = resolve(view, Target(ticker=ticker, question=asked))
    return past_odds_of(read_event_series(view, ticker, events), labels, horizon=horizon, question=asked, years=years)


def past_odds_of(
    series: EventSeries, labels: pd.DataFrame, *, horizon: int, question: Question = UP, years: int = YEARS
) -> PastOdds:
    """The same on a series that has been read; `labels` are those of `dataset.resolve` for ticker and question."""
    priced = ~np.isnan(series.close)
    at = np.flatnonzero(priced & (np.arange(len(series.close)) >= LEAST_HORIZONS * horizon))
    if not len(at):
        raise HistoryError(
            f"history of {series.ticker}",
            f"{len(series.close)} sessions",
            f"more than {LEAST_HORIZONS * horizon}, three horizons",
            "choose a shorter horizon",
        )
    starts = series.sessions[at] - pd.DateOffset(years=years)
    since = np.asarray(series.sessions.searchsorted(starts), dtype=np.int64)
    age, active = series.activity(horizon)
    return PastOdds(
        series, horizon, at, count(series, horizon, at, since, question), age[at], active[at], labels, question
    )


def forecasts(past: PastOdds, event: str, kind: Kind = "raw") -> Predictions:
    """One event's odds as forecasts of P(yes) where it is a signal, climatology elsewhere; the member is the event."""
    column = [each.name for each in past.series.events].index(event)
    counts, baseline = past.counts, past.baseline.table
    odds, low, high = (_yes(past, values[:, column], column) for values in (counts.odds, counts.low, counts.high))
    if kind == "raw":
        p = np.clip(odds, MARGIN, 1.0 - MARGIN)
    else:
        p = _moved(baseline["climatology"].to_numpy(), past.shift[:, column])
    ends = np.fmin(np.fmin(low, high), p), np.fmax(np.fmax(low, high), p)
    return _predictions(past, event, past.signals[:, column], p, *ends)


def pooled(past: PastOdds) -> Predictions:
    """All signals as one forecast: climatology and its interval, moved by the mean of their shifts in log-odds."""
    number = past.signals.sum(axis=1)
    shift = np.where(past.signals, past.shift, 0.0).sum(axis=1) / np.maximum(number, 1)
    baseline = past.baseline.table
    moved = [_moved(baseline[name].to_numpy(), shift) for name in ("p", "p_low", "p_high")]
    return _predictions(past, POOLED, number > 0, *moved)


def _yes(past: PastOdds, share: Array, column: int) -> Array:
    return share if past.upward[column] else 1.0 - share


def _moved(p: Array, shift: Array) -> Array:
    # No shift leaves the number untouched to the last bit.
    return np.where(shift == 0.0, p, expit(logit(p) + shift))


def _predictions(
    past: PastOdds, member: str, signal: NDArray[np.bool_], p: Array, low: Array, high: Array
) -> Predictions:
    table = past.baseline.table
    issued = {name: np.where(signal, each, table[name]) for name, each in (("p", p), ("p_low", low), ("p_high", high))}
    return Predictions(table.assign(member=member, **issued))
