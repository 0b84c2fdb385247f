"""The odds of every event at any number of as-of sessions, counted from what had resolved by each of them.

At session t a case counts if it stands in the look-back and its outcome was known at the close of t; newer ones are
pending. The base rate is the share of the same outcome over all sessions of the same span.

Asked `up`, an event is judged by its own direction: a bullish one by rises (strictly higher prices), a bearish one by
falls (strictly lower ones). Asked any other question, every event is judged by the answer yes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bullbear.definitions import UP, Question
from bullbear.factors.engine.registry import Array
from bullbear.factors.technical.occurrences import Flags
from bullbear.odds.event_series import EventSeries, forward_answers, forward_returns
from bullbear.statistics.multiple_tests import benjamini_hochberg, shrunk_differences
from bullbear.statistics.overlap import Rows, evidence
from bullbear.statistics.proportions import binomial_p_value, wilson


@dataclass(frozen=True)
class Counts:
    """What had been counted at each as-of session; every array has shape (n_as_of, n_events), NaN without a case.

    `odds` is the share of cases that continued, `base_rate` the share of all sessions that did; `difference` is the
    one less the other, `lift` the one over the other. `q_value` is adjusted over the events of its row. `shrunk` is the
    odds after empirical-Bayes shrinkage towards the base rate.
    """

    cases: Array
    pending: Array
    continued: Array
    effective: Array
    base_rate: Array
    odds: Array
    low: Array
    high: Array
    lift: Array
    lift_low: Array
    lift_high: Array
    p_value: Array
    q_value: Array
    shrunk: Array

    @property
    def difference(self) -> Array:
        """Odds less base rate."""
        return np.asarray(self.odds - self.base_rate)


def count(series: EventSeries, horizon: int, at: Rows, since: Rows, question: Question = UP) -> Counts:
    """Count every event at the sessions `at`, looking back to the sessions `since`.

    Parameters
    ----------
    at, since
        Row numbers of the series's sessions, shape (n_as_of,); a `since` later than row 0 must lie at least two
        horizons before its `at`.
    question
        What is asked of an event; its own horizon has no effect.

    Example
    -------
    >>> import pandas as pd
    >>> from bullbear.odds.definitions import EventSpec
    >>> event = EventSpec(name="e", indicator="roc", direction="bearish", function="roc", rule="falls_through", level=0,
    ...                   says="the price fell")
    >>> close = np.array([100.0, 99.0, 98.0, 99.0, 98.0, 97.0])
    >>> flags = np.array([[False], [True], [False], [False], [True], [True]])
    >>> toy = EventSeries("X", pd.date_range("2020-01-01", periods=6), close, (event,), flags)
    >>> found = count(toy, 1, np.array([5]), np.array([0]))
    >>> found.cases.item(), found.pending.item(), found.continued.item(), found.odds.item(), found.base_rate.item()
    (2.0, 1.0, 2.0, 1.0, 0.8)
    """
    known, share = _outcomes(series.close, question.model_copy(update={"horizon": horizon}))
    last = np.maximum(at - horizon, since - 1)
    shape = (len(at), len(series.events))
    cases, pending, continued, effective, compared, base = (np.zeros(shape) for _ in range(6))
    sessions = _between(known, since, last)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = {direction: _between(hit, since, last) / sessions for direction, hit in share.items()}
    for column, event in enumerate(series.events):
        seen = series.flags[:, column]
        counted = seen & known
        hits = counted & share[event.direction]
        weight = evidence(counted, since, last, horizon)
        cases[:, column] = weight.cases
        pending[:, column] = _between(seen, np.maximum(last + 1, since), at)
        continued[:, column] = _between(hits, since, last)
        effective[:, column], compared[:, column] = weight.effective, weight.compared
        base[:, column] = rate[event.direction]
    return _with_intervals(cases, pending, continued, effective, compared, base)


def directed(question: Question) -> bool:
    """Whether an event is judged by its own direction: the question is that of `up`, over any horizon."""
    return (question.kind, question.threshold) == (UP.kind, UP.threshold)


def _outcomes(close: Array, question: Question) -> tuple[Flags, dict[str, Flags]]:
    """Where the outcome is known, and where it is what continues an event of each direction."""
    if directed(question):
        returns = forward_returns(close, question.horizon)
        return ~np.isnan(returns), {"bullish": returns > 0.0, "bearish": returns < 0.0}
    answers = forward_answers(close, question)
    yes = answers == 1.0
    return ~np.isnan(answers), {"bullish": yes, "bearish": yes}


def _with_intervals(
    cases: Array, pending: Array, continued: Array, effective: Array, compared: Array, base: Array
) -> Counts:
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.where(cases > 0, continued / cases, np.nan)
        low, high = wilson(odds, effective)
        p_value = binomial_p_value(odds, base, compared)
        around_low, around_high = wilson(odds, compared)
        variance = base * (1.0 - base) / compared
        shrunk = base + shrunk_differences(odds - base, variance)
        return Counts(
            cases=cases,
            pending=pending,
            continued=continued,
            effective=effective,
            base_rate=base,
            odds=odds,
            low=low,
            high=high,
            lift=np.where(base > 0.0, odds / base, np.nan),
            lift_low=np.where(base > 0.0, around_low / base, np.nan),
            lift_high=np.where(base > 0.0, around_high / base, np.nan),
            p_value=p_value,
            q_value=benjamini_hochberg(p_value),
            shrunk=np.clip(shrunk, 0.0, 1.0),
        )


def _between(flags: np.ndarray, first: Rows, last: Rows) -> Array:
    """How many flags stand in rows `first` to `last`, both included."""
    total = np.concatenate([[0.0], np.cumsum(flags)])
    return np.asarray(total[np.maximum(last + 1, first)] - total[first])
