"""Calm and turbulent: filtered probabilities of a two-state Markov-switching model, refitted on the past alone.

A session's log return is normal with the mean and variance of a hidden state, calm or turbulent, that follows a Markov
chain; the turbulent state is the one of the larger variance. Two kinds of look-ahead are common here and refused: the
smoothed probability, which knows what came after, and parameters fitted to the whole history.

On the first session of each half-year (January and July) the model is fitted to the `window` returns before that
session, and serves until the next such session. The filter starts from the chain's stationary distribution at the first
of these returns and runs to the row. A row therefore depends on `window` returns and at most a half-year more, and on
the calendar, not on where the history begins. The fit is a fixed number of steps of expectation-maximisation from
stated values: no search that stops earlier or later by a rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bullbear.factors.engine.bars_cache import cached_by_bars
from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.engine.windows import NOISE, SESSIONS_A_YEAR, log_returns

STEPS = 60
LONGEST = 184
"""Days in the longest half-year: no tape of at most one bar a day has more rows in one."""
_LIMITS = {"window": (252.0, 5040.0)}
_STAY = 1e-6
_UNLIKELY = 500.0


@dataclass(frozen=True)
class TwoStates:
    """Parameters of the model: state 0 is calm, state 1 turbulent; returns in the unit they were fitted in.

    `stay` holds the probabilities of remaining in either state from one session to the next.
    """

    mean: tuple[float, float]
    variance: tuple[float, float]
    stay: tuple[float, float]

    @property
    def stationary_odds(self) -> float:
        """Odds of the turbulent state in the long run."""
        return (1.0 - self.stay[0]) / (1.0 - self.stay[1])

    def scaled(self, scale: float) -> TwoStates:
        """The parameters of returns that are `scale` times as large."""
        mean, variance = self.mean, self.variance
        return TwoStates(
            (mean[0] * scale, mean[1] * scale), (variance[0] * scale**2, variance[1] * scale**2), self.stay
        )


def fit(returns: Array, *, steps: int = STEPS) -> TwoStates:
    """Two states by `steps` of expectation-maximisation (Baum and Welch), from a calm and a wild half of the spread.

    The first return's state has the stationary distribution of the transition probabilities of the step.

    Parameters
    ----------
    returns
        Shape (n,), in any unit, none missing and not all equal.
    steps
        Steps of the algorithm; more move the last digits.

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
    centre, spread = float(returns.mean()), float(returns.std())
    y = (returns - centre) / spread
    states = TwoStates((0.0, 0.0), (0.4, 2.5), (0.98, 0.95))
    for _ in range(steps):
        states = _step(y, states)
    if states.variance[0] > states.variance[1]:
        states = TwoStates(states.mean[::-1], states.variance[::-1], states.stay[::-1])
    scaled = states.scaled(spread)
    return TwoStates((scaled.mean[0] + centre, scaled.mean[1] + centre), scaled.variance, scaled.stay)


def _likelihood_ratios(y: Array, states: TwoStates) -> Array:
    """Density of each return in the turbulent state over that in the calm one."""
    (m0, m1), (v0, v1) = states.mean, states.variance
    log_ratio = 0.5 * ((y - m0) ** 2 / v0 - (y - m1) ** 2 / v1 + np.log(v0 / v1))
    ratios: Array = np.exp(np.clip(log_ratio, -_UNLIKELY, _UNLIKELY))
    return ratios


def _forward(ratios: list[float], states: TwoStates) -> list[float]:
    """Odds of the turbulent state given the returns so far: Hamilton's filter, for two states a recursion of odds."""
    stay0, stay1 = states.stay
    leave0, leave1 = 1.0 - stay0, 1.0 - stay1
    odds = []
    before = states.stationary_odds
    for ratio in ratios:
        now = ratio * before
        odds.append(now)
        before = (leave0 + stay1 * now) / (stay0 + leave1 * now)
    return odds


def _backward(ratios: list[float], states: TwoStates) -> list[float]:
    """How much likelier the later returns are from the turbulent state than from the calm one."""
    stay0, stay1 = states.stay
    leave0, leave1 = 1.0 - stay0, 1.0 - stay1
    after = 1.0
    back = [after]
    for ratio in ratios[:0:-1]:
        now = ratio * after
        after = (leave1 + stay1 * now) / (stay0 + leave0 * now)
        back.append(after)
    back.reverse()
    return back


def _step(y: Array, states: TwoStates) -> TwoStates:
    ratios = _likelihood_ratios(y, states)
    each = ratios.tolist()
    odds, back = np.array(_forward(each, states)), np.array(_backward(each, states))
    joint = odds * back
    turbulent = joint / (1.0 + joint)
    weight1 = turbulent.sum()
    weight0 = len(y) - weight1
    part = turbulent * y
    mean1 = part.sum() / weight1
    mean0 = (y.sum() - part.sum()) / weight0
    variance1 = (turbulent * (y - mean1) ** 2).sum() / weight1
    variance0 = ((1.0 - turbulent) * (y - mean0) ** 2).sum() / weight0
    # Shares of the four transitions at each step: calm-calm, calm-turbulent, turbulent-calm, turbulent-turbulent.
    now, then = odds[:-1], (ratios * back)[1:]
    stay0, stay1 = states.stay
    kept1 = now * stay1 * then
    left1 = now * (1.0 - stay1)
    left0 = (1.0 - stay0) * then
    whole = stay0 + left0 + left1 + kept1
    count00, count01 = (stay0 / whole).sum(), (left0 / whole).sum()
    count10, count11 = (left1 / whole).sum(), (kept1 / whole).sum()
    return TwoStates(
        (float(mean0), float(mean1)),
        (max(float(variance0), NOISE), max(float(variance1), NOISE)),
        (_inside(count00 / (count00 + count01)), _inside(count11 / (count10 + count11))),
    )


def _inside(probability: float) -> float:
    return float(min(max(probability, _STAY), 1.0 - _STAY))


def filtered(returns: Array, states: TwoStates) -> Array:
    """P(turbulent at t | returns up to t), shape (n,), the chain stationary before the first return.

    References
    ----------
    Hamilton (1989), Econometrica 57(2), doi:10.2307/1912559

    Example
    -------
    >>> states = TwoStates((0.0, 0.0), (1.0, 4.0), (0.5, 0.5))
    >>> filtered(np.array([0.0, 3.0]), states).round(4)
    array([0.3333, 0.9359])
    """
    odds = np.array(_forward(_likelihood_ratios(returns, states).tolist(), states))
    return odds / (1.0 + odds)


@lru_cache(maxsize=512)
def _fit_of(content: bytes) -> TwoStates | None:
    returns = np.frombuffer(content)
    if not returns.std() > NOISE:
        return None
    return fit(returns)


@dataclass(frozen=True)
class Regimes:
    """Filtered probability of the turbulent state and the states' parameters in force, each of shape (n_sessions,)."""

    turbulent: Array
    mean: tuple[Array, Array]
    variance: tuple[Array, Array]
    stay: tuple[Array, Array]


def refit_spans(bars: Bars, window: int) -> list[tuple[int, int]]:
    """For each half-year with `window` returns before it its first row and the row past its last.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> refit_spans(bars_from([1.0] * 400), 20)  # 2000-01-03 and the 399 days after it
    [(180, 364), (364, 400)]
    """
    half = bars.sessions.astype("datetime64[M]").astype(np.int64) // 6
    rows = np.flatnonzero(half[1:] != half[:-1]) + 1
    stops = np.append(rows, len(half))[1:]
    return [(row, stop) for row, stop in zip(rows.tolist(), stops.tolist(), strict=True) if row > window]


@cached_by_bars(4)
def regimes(bars: Bars, *, window: int = 1260) -> Regimes:
    """The model of this module along a history: refitted on the first session of each half-year, filtered in between.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Returns to which the model is fitted, all before the session of the refit.

    Returns
    -------
    Regimes
        Missing until a session of refit has `window` returns before it, and where these are all equal.
    """
    n = len(bars.close)
    result = np.full((7, n), np.nan)
    returns = log_returns(bars.close)
    for row, stop in refit_spans(bars, window):
        first = row - window
        states = _fit_of(returns[first:row].tobytes())
        if states is not None:
            result[0, row:stop] = filtered(returns[first:stop], states)[window:]
            result[1:, row:stop] = np.array([*states.mean, *states.variance, *states.stay])[:, None]
    turbulent, mean0, mean1, variance0, variance1, stay0, stay1 = result
    return Regimes(turbulent, (mean0, mean1), (variance0, variance1), (stay0, stay1))


def _rows(*, window: int) -> int:
    return window + LONGEST + 1


def _next_session(found: Regimes) -> tuple[Array, Array]:
    """Mean and variance of the next return, over both states."""
    wild = found.turbulent * found.stay[1] + (1.0 - found.turbulent) * (1.0 - found.stay[0])
    calm = 1.0 - wild
    mean = calm * found.mean[0] + wild * found.mean[1]
    # Spread within the states and between their means.
    apart = found.mean[1] - found.mean[0]
    return mean, calm * found.variance[0] + wild * found.variance[1] + calm * wild * apart * apart


@factor(
    family="regime",
    windowed=True,
    unit="probability",
    bounds=(0.0, 1.0),
    limits=_LIMITS,
    lookback=_rows,
)
def turbulent_probability(bars: Bars, *, window: int = 1260) -> Array:
    """Filtered probability that the market is in the turbulent state of a two-state Markov-switching model.

    P(s_t = turbulent | returns up to t), the model refitted each half-year to the `window` returns before

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Returns to which the model is fitted.

    Returns
    -------
    Shape (n_sessions,); missing where the returns of the fit are all equal.

    References
    ----------
    Hamilton (1989), Econometrica 57(2), doi:10.2307/1912559

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> random = np.random.default_rng(1)
    >>> returns = np.concatenate([random.normal(0.0, 0.005, 150), random.normal(0.0, 0.03, 60)] * 3)
    >>> turbulent_probability(bars_from(np.exp(np.cumsum(returns))), window=252)[[-70, -10]].round(2)
    array([0., 1.])
    """
    return regimes(bars, window=window).turbulent


@factor(
    family="regime",
    windowed=True,
    unit="a year",
    bounds=(0.0, float("inf")),
    limits=_LIMITS,
    lookback=_rows,
)
def regime_volatility(bars: Bars, *, window: int = 1260) -> Array:
    """Volatility of the next session that the two-state model expects, a year's fraction.

    sqrt(252 * (sum of p_j * v_j + p_0 * p_1 * (m_1 - m_0)**2)), p the probabilities of the states in the next session

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Returns to which the model is fitted.

    Returns
    -------
    Shape (n_sessions,), a fraction, not per cent.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> random = np.random.default_rng(1)
    >>> returns = np.concatenate([random.normal(0.0, 0.005, 150), random.normal(0.0, 0.03, 60)] * 3)
    >>> regime_volatility(bars_from(np.exp(np.cumsum(returns))), window=252)[[-70, -10]].round(1)
    array([0.1, 0.5])
    """
    return np.sqrt(SESSIONS_A_YEAR * _next_session(regimes(bars, window=window))[1])


@factor(
    family="regime",
    windowed=True,
    unit="Sharpe ratio a year",
    limits=_LIMITS,
    lookback=_rows,
)
def regime_drift(bars: Bars, *, window: int = 1260) -> Array:
    """Return of the next session that the two-state model expects, per unit of the volatility that it expects.

    sqrt(252) * (p_0 * m_0 + p_1 * m_1) / sqrt(variance), p the probabilities of the states in the next session

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    window
        Returns to which the model is fitted.

    Returns
    -------
    Shape (n_sessions,); its sign is mostly that of the state's mean, which is known poorly.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> random = np.random.default_rng(1)
    >>> returns = np.concatenate([random.normal(0.002, 0.005, 150), random.normal(-0.009, 0.03, 60)] * 3)
    >>> np.sign(regime_drift(bars_from(np.exp(np.cumsum(returns))), window=252)[[-70, -10]])
    array([ 1., -1.])
    """
    mean, variance = _next_session(regimes(bars, window=window))
    drift: Array = np.sqrt(SESSIONS_A_YEAR) * mean / np.sqrt(variance)
    return drift
