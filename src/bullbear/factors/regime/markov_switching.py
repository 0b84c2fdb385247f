"""Filtered probabilities of Markov-switching models with two and with three states, refitted on the past alone.

A log return is normal with the mean and variance of a hidden state that follows a Markov chain; states are ordered by
their variance. Two kinds of look-ahead are common here and refused: the smoothed probability, which knows what came
after, and parameters fitted to the whole history.

On the first session of each half-year (January and July) the model is fitted to the `window` returns before that
session, and serves until the next refit. The filter starts from the chain's stationary distribution at the first of
these returns. A row therefore depends on `window` returns and at most a half-year more, and on the calendar, not on
where the history begins. The fit is a fixed number of steps of expectation-maximisation from fixed starting values, so
that no search stops earlier or later by a rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np

from bullbear.factors.engine.bars_cache import cached_by_bars
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.warm_up import in_order
from bullbear.factors.engine.windows import NOISE, SESSIONS_A_YEAR, log_returns

LONGEST_HALF_YEAR = 184
"""Days: no history of at most one bar a day has more rows in a half-year."""
State = Literal["calm", "usual", "wild"]
STATES = get_args(State)
_LEAST = 1e-6
"""Least probability of a transition, and least variance relative to that of the returns."""
_UNLIKELY = 1e-200
"""Least likelihood of a return relative to its most likely state: a crash beyond all measure is survived."""
_LIMITS = {"window": (252.0, 5040.0)}


@dataclass(frozen=True)
class MarkovSwitching:
    """Means and variances by state, shape (k,), and the probabilities of passing from state (row) to state (column)."""

    mean: Array
    variance: Array
    transition: Array

    @property
    def stationary(self) -> Array:
        """Share of time in each state in the long run, shape (k,)."""
        k = len(self.mean)
        return np.asarray(np.linalg.solve((np.eye(k) - self.transition + 1.0).T, np.ones(k)), dtype=np.float64)


TWO_STATES = MarkovSwitching(np.zeros(2), np.array([0.4, 2.5]), np.array([[0.98, 0.02], [0.05, 0.95]]))
THREE_STATES = MarkovSwitching(np.zeros(3), np.array([0.3, 0.9, 3.0]), 0.925 * np.eye(3) + 0.025)
"""Starting values of a fit to standardised returns."""


def fit(returns: Array, start: MarkovSwitching = TWO_STATES, *, steps: int = 60) -> MarkovSwitching:
    """The model after `steps` of expectation-maximisation (Baum and Welch) from `start`.

    The first return's state has the stationary distribution of the transition probabilities of the step.

    The `returns`, shape (n,), are in any unit, none missing and not all equal.

    References
    ----------
    Hamilton (1990), Journal of Econometrics 45, doi:10.1016/0304-4076(90)90093-9

    Example
    -------
    >>> random = np.random.default_rng(0)
    >>> calm, wild = random.normal(0.0, 1.0, 500), random.normal(0.0, 3.0, 500)
    >>> np.sqrt(fit(np.concatenate([calm, wild])).variance).round(1)
    array([1. , 2.8])
    """
    centre, spread = returns.mean(), returns.std()
    y = (returns - centre) / spread
    model = start
    for _ in range(steps):
        model = _step(y, model)
    order = np.argsort(model.variance, kind="stable")
    return MarkovSwitching(
        model.mean[order] * spread + centre, model.variance[order] * spread**2, model.transition[np.ix_(order, order)]
    )


def filtered(returns: Array, model: MarkovSwitching) -> Array:
    """P(state at t | returns up to t), shape (k, n), the chain stationary before the first return.

    Example
    -------
    >>> model = MarkovSwitching(np.zeros(2), np.array([1.0, 4.0]), np.full((2, 2), 0.5))
    >>> filtered(np.array([0.0, 3.0]), model)[1].round(4)
    array([0.3333, 0.9359])
    """
    likelihoods = _likelihoods(returns, model)
    joint = _carried(likelihoods, model.stationary, model.transition) * likelihoods
    return np.asarray(joint / _total(joint))


def _likelihoods(y: Array, model: MarkovSwitching) -> Array:
    """Density of each return in each state over the largest of them, shape (k, n)."""
    mean, variance = model.mean[:, None], model.variance[:, None]
    logs = -0.5 * ((y - mean) ** 2 / variance + np.log(variance))
    return np.asarray(np.maximum(np.exp(logs - logs.max(axis=0)), _UNLIKELY))


def _carried(likelihoods: Array, start: Array, transition: Array) -> Array:
    """Probabilities of the states before each observation, shape (k, n): x -> (x * likelihood) @ transition, scaled."""
    carry = _carried_odds if len(start) == 2 else _carried_three
    return carry(likelihoods, start.tolist(), transition.tolist())


def _carried_odds(likelihoods: Array, start: list[float], transition: list[list[float]]) -> Array:
    (p00, p01), (p10, p11) = transition
    odds = start[1] / start[0]
    result = []
    for ratio in (likelihoods[1] / likelihoods[0]).tolist():
        result.append(odds)
        now = odds * ratio
        odds = (p01 + p11 * now) / (p00 + p10 * now)
    each = np.array(result)
    return np.array([1.0 / (1.0 + each), each / (1.0 + each)])


def _carried_three(likelihoods: Array, start: list[float], transition: list[list[float]]) -> Array:
    (p00, p01, p02), (p10, p11, p12), (p20, p21, p22) = transition
    a, b, c = start
    result = []
    for la, lb, lc in likelihoods.T.tolist():
        result.append((a, b, c))
        a, b, c = a * la, b * lb, c * lc
        whole = a + b + c
        a, b, c = a / whole, b / whole, c / whole
        a, b, c = a * p00 + b * p10 + c * p20, a * p01 + b * p11 + c * p21, a * p02 + b * p12 + c * p22
    return np.array(result).T.copy()


def _total(rows: Array) -> Array:
    # Row by row: a reduction adds in another order where there is one column only.
    return np.asarray(np.cumsum(rows, axis=0)[-1])


def _step(y: Array, model: MarkovSwitching) -> MarkovSwitching:
    likelihoods = _likelihoods(y, model)
    before = _carried(likelihoods, model.stationary, model.transition) * likelihoods
    after = _carried(likelihoods[:, ::-1], np.ones(len(before)), model.transition.T)[:, ::-1]
    share = before * after
    share /= share.sum(axis=0)
    weight = share.sum(axis=1)
    mean = share @ y / weight
    variance = np.maximum((share * (y - mean[:, None]) ** 2).sum(axis=1) / weight, _LEAST)
    now, then = before[:, :-1], (likelihoods * after)[:, 1:]
    counts = model.transition * ((now / ((model.transition.T @ now) * then).sum(axis=0)) @ then.T)
    transition = np.maximum(counts / counts.sum(axis=1, keepdims=True), _LEAST)
    return MarkovSwitching(mean, variance, transition / transition.sum(axis=1, keepdims=True))


@lru_cache(maxsize=512)
def _fitted(content: bytes, states: int) -> MarkovSwitching | None:
    returns = np.frombuffer(content)
    if not returns.std() > NOISE:
        return None
    return fit(returns) if states == 2 else fit(returns, THREE_STATES, steps=40)


def refit_spans(bars: Bars, window: int) -> list[tuple[int, int]]:
    """For each half-year with `window` returns before it its first row and the row past its last.

    Example
    -------
    >>> refit_spans(bars_from([1.0] * 400), 20)  # 2000-01-03 and the 399 days after it
    [(180, 364), (364, 400)]
    """
    half = bars.sessions.astype("datetime64[M]").astype(np.int64) // 6
    rows = np.flatnonzero(half[1:] != half[:-1]) + 1
    stops = np.append(rows, len(half))[1:]
    return [(row, stop) for row, stop in zip(rows.tolist(), stops.tolist(), strict=True) if row > window]


@cached_by_bars(4)
def _two_states(bars: Bars, *, window: int) -> tuple[Array, Array, Array]:
    """P(turbulent), and mean and variance of the next session's return, at each row."""
    returns = log_returns(bars.close)
    result = np.full((3, len(returns)), np.nan)
    for row, stop in refit_spans(bars, window):
        model = _fitted(returns[row - window : row].tobytes(), 2)
        if model is None:
            continue
        turbulent = filtered(returns[row - window : stop], model)[1, window:]
        (_, enters), (_, stays) = model.transition
        wild = turbulent * stays + (1.0 - turbulent) * enters
        calm = 1.0 - wild
        mean = calm * model.mean[0] + wild * model.mean[1]
        variance = calm * model.variance[0] + wild * model.variance[1] + calm * wild * np.diff(model.mean) ** 2
        result[:, row:stop] = turbulent, mean, variance
    turbulent, mean, variance = result
    return turbulent, mean, variance


def _rows(window: int) -> int:
    return window + LONGEST_HALF_YEAR + 1


@factor(windowed=True, unit="probability", bounds=(0.0, 1.0), limits=_LIMITS, lookback=_rows)
def turbulent_probability(bars: Bars, *, window: int = 1260) -> Array:
    """Filtered probability that the market is in the turbulent state of a two-state Markov-switching model.

    P(s_t = turbulent | returns up to t), the model refitted each half-year to the `window` returns before; missing
    where these are all equal

    References
    ----------
    Hamilton (1989), Econometrica 57(2), doi:10.2307/1912559
    """
    return _two_states(bars, window=window)[0]


@factor(windowed=True, unit="a year", bounds=(0.0, float("inf")), limits=_LIMITS, lookback=_rows)
def regime_volatility(bars: Bars, *, window: int = 1260) -> Array:
    """Volatility of the next session that the two-state model expects, a year's fraction.

    sqrt(252 * (sum of p_j * v_j + p_0 * p_1 * (m_1 - m_0)**2)), p the probabilities of the states in the next session
    """
    return np.sqrt(SESSIONS_A_YEAR * _two_states(bars, window=window)[2])


@factor(windowed=True, unit="Sharpe ratio a year", limits=_LIMITS, lookback=_rows)
def regime_drift(bars: Bars, *, window: int = 1260) -> Array:
    """Return of the next session that the two-state model expects, per unit of the volatility that it expects.

    sqrt(252) * (p_0 * m_0 + p_1 * m_1) / sqrt(variance), p the probabilities of the states in the next session. Its
    sign is mostly that of the state's mean, which is known poorly.
    """
    _, mean, variance = _two_states(bars, window=window)
    drift: Array = np.sqrt(SESSIONS_A_YEAR) * mean / np.sqrt(variance)
    return drift


@cached_by_bars(4)
def _three_states(bars: Bars, *, window: int, span: int) -> Array:
    """Filtered probabilities of the states at each row, shape (3, n_sessions).

    The model is fitted to the returns over adjoining spans that end on the session before the refit. The filter of a
    row runs over the adjoining spans that end on that row, so every session has an answer and no return is used twice.
    """
    logs = np.log(bars.close)
    result = np.full((3, len(logs)), np.nan)
    adjoining = (window + 1) // span - 1
    for row, stop in refit_spans(bars, window):
        ends = row - 1 - span * np.arange(window // span)[::-1]
        model = _fitted((logs[ends] - logs[ends - span]).tobytes(), 3)
        if model is None:
            continue
        for phase in range(min(span, stop - row)):
            ends = np.arange(row + phase - span * adjoining, stop, span)
            result[:, ends[adjoining:]] = filtered(logs[ends] - logs[ends - span], model)[:, adjoining:]
    return result


def _rows_of_spans(window: int, span: int) -> int:
    # Two hundred returns would be few for three states; ten spans are the least that can be fitted at all.
    return in_order(**{"10 * span": 10 * span, "window": window}) + LONGEST_HALF_YEAR + 1


@factor(
    windowed=True,
    unit="probability",
    bounds=(0.0, 1.0),
    limits={**_LIMITS, "span": (1.0, 21.0)},
    choices={"state": STATES},
    lookback=_rows_of_spans,
)
def three_state_probability(bars: Bars, *, state: State = "wild", window: int = 1260, span: int = 5) -> Array:
    """Filtered probability of the calm, the usual or the wild state of returns over `span` sessions.

    P(s_t = state | returns up to t), the model refitted each half-year to the `window` sessions before. Three states
    need longer returns than daily ones to be distinguished.

    Parameters
    ----------
    state
        From the smallest variance to the largest.
    """
    probability: Array = _three_states(bars, window=window, span=span)[STATES.index(state)].copy()
    return probability
