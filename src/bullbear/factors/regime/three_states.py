"""Calm, usual and wild weeks: filtered probabilities of a three-state Markov-switching model.

As `markov_switching`, on the same calendar of refits and as strictly without hindsight, but on returns over `span`
sessions: three states need longer stretches than days to be told apart. The model is fitted to the returns over
adjoining spans that end on the session before the refit. The filter of a row runs over the adjoining spans that end on
that row, so every session has an answer and no return is used twice. States are ordered by their variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np

from bullbear.factors.engine.bars_cache import cached_by_bars
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.windows import NOISE, in_order
from bullbear.factors.regime.markov_switching import LONGEST, refit_spans

STEPS = 40
State = Literal["calm", "usual", "wild"]
STATES = get_args(State)
_RARE = 1e-6
_Row = tuple[float, float, float]


@dataclass(frozen=True)
class ThreeStates:
    """Means and variances by state, and the probabilities of passing from each state (row) to each (column)."""

    mean: _Row
    variance: _Row
    passing: tuple[_Row, _Row, _Row]

    @property
    def stationary(self) -> _Row:
        """Shares of time in the long run, by the weights of the trees that lead to each state."""
        (_, p01, p02), (p10, _, p12), (p20, p21, _) = self.passing
        w0 = p10 * p20 + p12 * p20 + p21 * p10
        w1 = p01 * p21 + p02 * p21 + p20 * p01
        w2 = p02 * p12 + p01 * p12 + p10 * p02
        whole = w0 + w1 + w2
        return w0 / whole, w1 / whole, w2 / whole


def fit(returns: Array, *, steps: int = STEPS) -> ThreeStates:
    """Three states by `steps` of expectation-maximisation from stated values.

    Parameters
    ----------
    returns
        Shape (n,), in any unit, none missing and not all equal.
    steps
        Steps of the algorithm.

    References
    ----------
    Hamilton (1990), Journal of Econometrics 45, doi:10.1016/0304-4076(90)90093-9
    """
    centre, spread = float(returns.mean()), float(returns.std())
    y = (returns - centre) / spread
    states = ThreeStates(
        (0.0, 0.0, 0.0), (0.3, 0.9, 3.0), ((0.95, 0.025, 0.025), (0.025, 0.95, 0.025), (0.025, 0.025, 0.95))
    )
    for _ in range(steps):
        states = _step(y, states)
    a, b, c = sorted(range(3), key=lambda state: states.variance[state])
    mean = [m * spread + centre for m in states.mean]
    variance = [v * spread**2 for v in states.variance]
    return ThreeStates(
        (mean[a], mean[b], mean[c]),
        (variance[a], variance[b], variance[c]),
        _rows_of([[states.passing[i][j] for j in (a, b, c)] for i in (a, b, c)]),
    )


def _rows_of(table: list[list[float]]) -> tuple[_Row, _Row, _Row]:
    (a, b, c), (d, e, f), (g, h, i) = table
    return (a, b, c), (d, e, f), (g, h, i)


def _likelihoods(y: Array, states: ThreeStates) -> Array:
    """Density of each return in each state over the largest of the three, shape (n, 3)."""
    logs = np.stack([-0.5 * ((y - m) ** 2 / v + np.log(v)) for m, v in zip(states.mean, states.variance, strict=True)])
    likelihoods: Array = np.exp(logs - logs.max(axis=0)).T
    return likelihoods


def _forward(likelihoods: list[list[float]], states: ThreeStates) -> list[_Row]:
    """Hamilton's filter: probabilities of the states given the returns so far."""
    (p00, p01, p02), (p10, p11, p12), (p20, p21, p22) = states.passing
    q0, q1, q2 = states.stationary
    result = []
    for l0, l1, l2 in likelihoods:
        a0, a1, a2 = q0 * l0, q1 * l1, q2 * l2
        whole = a0 + a1 + a2
        a0, a1, a2 = a0 / whole, a1 / whole, a2 / whole
        result.append((a0, a1, a2))
        q0 = a0 * p00 + a1 * p10 + a2 * p20
        q1 = a0 * p01 + a1 * p11 + a2 * p21
        q2 = a0 * p02 + a1 * p12 + a2 * p22
    return result


def _backward(likelihoods: list[list[float]], states: ThreeStates) -> list[_Row]:
    """Likelihood of the later returns from each state, up to a factor."""
    (p00, p01, p02), (p10, p11, p12), (p20, p21, p22) = states.passing
    b0 = b1 = b2 = 1.0 / 3.0
    result = [(b0, b1, b2)]
    for l0, l1, l2 in likelihoods[:0:-1]:
        b0, b1, b2 = b0 * l0, b1 * l1, b2 * l2
        c0 = p00 * b0 + p01 * b1 + p02 * b2
        c1 = p10 * b0 + p11 * b1 + p12 * b2
        c2 = p20 * b0 + p21 * b1 + p22 * b2
        whole = c0 + c1 + c2
        b0, b1, b2 = c0 / whole, c1 / whole, c2 / whole
        result.append((b0, b1, b2))
    result.reverse()
    return result


def _step(y: Array, states: ThreeStates) -> ThreeStates:
    likelihoods = _likelihoods(y, states)
    each = likelihoods.tolist()
    # Columns as rows: sums below then run along contiguous memory.
    ahead, back = np.array(_forward(each, states)).T.copy(), np.array(_backward(each, states)).T.copy()
    joint = ahead * back
    share = joint / (joint[0] + joint[1] + joint[2])
    mean, variance = [], []
    for weight in share:
        centre = float((weight * y).sum() / weight.sum())
        mean.append(centre)
        variance.append(max(float((weight * (y - centre) ** 2).sum() / weight.sum()), _RARE))
    then = (likelihoods.T * back)[:, 1:]
    moves = [[ahead[i, :-1] * states.passing[i][j] * then[j] for j in range(3)] for i in range(3)]
    whole = sum(move for row in moves for move in row)
    counts = [[float((move / whole).sum()) for move in row] for row in moves]
    passing = []
    for row in counts:
        kept = [max(count / sum(row), _RARE) for count in row]
        passing.append([probability / sum(kept) for probability in kept])
    return ThreeStates((mean[0], mean[1], mean[2]), (variance[0], variance[1], variance[2]), _rows_of(passing))


def filtered(returns: Array, states: ThreeStates) -> Array:
    """P(state at t | returns up to t), shape (n, 3), the chain stationary before the first return.

    References
    ----------
    Hamilton (1989), Econometrica 57(2), doi:10.2307/1912559

    Example
    -------
    >>> even = ((1 / 3, 1 / 3, 1 / 3),) * 3
    >>> filtered(np.array([0.0]), ThreeStates((0.0, 0.0, 0.0), (1.0, 4.0, 16.0), even)).round(4)
    array([[0.5714, 0.2857, 0.1429]])
    """
    return np.array(_forward(_likelihoods(returns, states).tolist(), states)).reshape(-1, 3)


@lru_cache(maxsize=512)
def _fit_of(content: bytes) -> ThreeStates | None:
    returns = np.frombuffer(content)
    return fit(returns) if returns.std() > NOISE else None


@cached_by_bars(4)
def three_states(bars: Bars, *, window: int = 1260, span: int = 5) -> Array:
    """Filtered probabilities of the calm, the usual and the wild state at each row, shape (3, n_sessions).

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Sessions before a refit whose returns are fitted.
    span
        Sessions over which a return is taken.
    """
    logs = np.log(bars.close)
    result = np.full((3, len(logs)), np.nan)
    adjoining = (window + 1) // span - 1
    for row, stop in refit_spans(bars, window):
        ends = row - 1 - span * np.arange(window // span)[::-1]
        states = _fit_of((logs[ends] - logs[ends - span]).tobytes())
        if states is None:
            continue
        for phase in range(min(span, stop - row)):
            ends = np.arange(row + phase - span * adjoining, stop, span)
            result[:, ends[adjoining:]] = filtered(logs[ends] - logs[ends - span], states)[adjoining:].T
    return result


def _rows(window: int, span: int) -> int:
    # Two hundred returns would be few for three states; ten spans are the least that can be fitted at all.
    return in_order(**{"10 * span": 10 * span, "window": window}) + LONGEST + 1


@factor(
    family="regime",
    windowed=True,
    unit="probability",
    bounds=(0.0, 1.0),
    limits={"window": (252.0, 5040.0), "span": (1.0, 21.0)},
    choices={"state": STATES},
    lookback=lambda *, state, window, span: _rows(window, span),
)
def three_state_probability(bars: Bars, *, state: State = "wild", window: int = 1260, span: int = 5) -> Array:
    """Filtered probability of the calm, the usual or the wild state of returns over `span` sessions.

    P(s_t = state | returns up to t), the model refitted each half-year to the `window` sessions before

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    state
        "calm", "usual" or "wild": from the smallest variance to the largest.
    window
        Sessions before a refit whose returns are fitted.
    span
        Sessions over which a return is taken.

    Returns
    -------
    Shape (n_sessions,); missing where the returns of the fit are all equal.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> random = np.random.default_rng(1)
    >>> returns = np.concatenate([random.normal(0.0, 0.005, 150), random.normal(0.0, 0.03, 60)] * 3)
    >>> bars = bars_from(np.exp(np.cumsum(returns)))
    >>> three_state_probability(bars, window=252)[[-70, -10]].round(1)
    array([0., 1.])
    >>> three_state_probability(bars, state="calm", window=252)[-10].round(1)
    np.float64(0.0)
    """
    result: Array = three_states(bars, window=window, span=span)[STATES.index(state)].copy()
    return result
