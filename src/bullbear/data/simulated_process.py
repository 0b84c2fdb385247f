"""The process of the simulated market: hidden states, returns, and the true probability of a rise.

The probability is prescribed, and the drift solved for it. The hidden state of a session is `s = (k, j, x)`:

- a *regime* `k` (calm bull, grinding, bear), which sets the base volatility;
- a *ripple* `j`, a five-level Markov chain on log volatility inside the regime (half-life about ten sessions);
- a *tide* `x`, an eleven-level Markov chain with mean 0, variance 1 and a half-life of three months. A low tide makes
  the bear regime likelier, and it is the only thing that makes the direction of the market predictable.

With `sigma(s)` the daily volatility of regime and ripple, the log total return of IWM is

    r[t+1] = mu(s[t]) + sigma(s[t+1]) * (e[t+1] - LEVERAGE * log(sigma(s[t+1]) / sigma(s[t])))

where `e` is independent of everything: a mean-zero, unit-variance mixture of two normals, the rarer one wide and
below zero. Volatility therefore clusters, rises in falls, and returns have fat, left-leaning tails.

The chance of a rise over the next 21 sessions is *prescribed*, and depends on the tide alone:

    P(r[t+1] + ... + r[t+21] > 0 | s[t]) = Phi(sqrt(1 + b**2) * Phi^-1(BASE_RATE) + b * x[t]),    b = STRENGTH * signal

The drifts `mu(s)`, one per state, are the solution of these equations. Given `s[t]` the future is independent of the
past (Markov), so with `signal = 0` the probability is BASE_RATE given any state, hence given anything that anybody
could have observed by then (tower property): nothing is predictable although volatility is. The left-hand side is
not simulated. With `K(u)[s, s'] = P(s, s') E[exp(iur) | s, s']` the characteristic function of the 21-session return
is `K(u)**21 1`, and Gil-Pelaez (1951, doi:10.1093/biomet/38.3-4.481) turns it into the probability by one quadrature:

    P(R > 0) = 1/2 + (1/pi) * integral over u > 0 of Im(phi(u)) / u

so that the truth has a numerical error below 1e-10 and no sampling error.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

HORIZON = 21
BASE_RATE = 0.60
STRENGTH = 0.64
LEVERAGE = 1.0

REGIME_VOLATILITY = np.array([0.0090, 0.0138, 0.0215])
REGIME_STAY = np.array([0.992, 0.988, 0.974])
# The next regime when one ends; one standard deviation of the tide multiplies these odds by e**TILT.
REGIME_EXITS = np.array([[0.0, 0.85, 0.15], [0.65, 0.0, 0.35], [0.25, 0.75, 0.0]])
TILT = 0.5

RIPPLES, RIPPLE_SPREAD, RIPPLE_PERSISTENCE = 5, 0.20, 0.93
TIDES, TIDE_HALF_LIFE = 11, 63.0

SHOCK_WEIGHTS = np.array([0.95, 0.05])
SHOCK_MEANS = np.array([0.05, -0.95])
SHOCK_WIDTHS = np.array([0.905, 1.77])

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


@dataclass(frozen=True)
class Path:
    """One draw of the hidden states and of IWM's log total returns; entry `t` is session `t`, `returns[0]` is 0.

    `state` numbers the whole hidden state from 0 to 164: `TIDES * (regime and ripple) + tide`.
    """

    regime: NDArray[np.int64]
    volatility: Floats
    tide: Floats
    returns: Floats
    p_up: Floats
    state: NDArray[np.int64]


def p_up(signal: float, tide: Floats) -> Floats:
    """The prescribed probability of a positive 21-session total return, given the tide at the close.

    Example
    -------
    >>> p_up(0.0, np.array([-2.0, 0.0, 2.0])).round(3).tolist()
    [0.6, 0.6, 0.6]
    >>> p_up(1.0, np.array([-2.0, 0.0, 2.0])).round(3).tolist()
    [0.164, 0.618, 0.943]
    """
    slope = STRENGTH * signal
    # The factor keeps the share of ups at BASE_RATE for every signal: E Phi(a + bx) = Phi(a / sqrt(1 + b**2)).
    return np.asarray(ndtr(np.sqrt(1.0 + slope**2) * ndtri(BASE_RATE) + slope * tide), dtype=np.float64)


def volatilities() -> Floats:
    """Daily volatility of each (regime, ripple) pair, regimes outermost; shape (15,)."""
    ripple = RIPPLE_SPREAD * _levels(RIPPLES)
    return (REGIME_VOLATILITY[:, None] * np.exp(ripple)[None, :]).ravel()


def tide_levels() -> Floats:
    """The levels of the tide, in standard deviations; shape (11,)."""
    return _levels(TIDES)


def tide_transitions() -> Floats:
    """Transition matrix of the tide, rows sum to one; shape (11, 11)."""
    return _rouwenhorst(TIDES, 0.5 ** (1.0 / TIDE_HALF_LIFE))


def volatility_transitions() -> Floats:
    """Transition matrices of (regime, ripple) for each level of the tide; shape (11, 15, 15)."""
    ripples = _rouwenhorst(RIPPLES, RIPPLE_PERSISTENCE)
    return np.stack([np.kron(_regime_transitions(x), ripples) for x in _levels(TIDES)])


def chance_of_rise(drift: Floats, nodes: int = 200) -> tuple[Floats, Floats]:
    """P(R > 0) and the density of R at zero, R the 21-session log return, given each state.

    Parameters
    ----------
    drift
        `mu(s)`, log return per session, shape (15, 11): (regime and ripple) by tide.

    Returns
    -------
    Two arrays of the shape of `drift`: a probability, and a density per unit of log return.
    """
    sigma = volatilities()
    u, weights = _quadrature(nodes, upper=7.0 / (np.sqrt(HORIZON) * sigma.min()))
    arrival = _arrival(u, sigma)
    departure = np.exp(1j * u[:, None, None] * drift.T[None])
    tides = tide_transitions().astype(np.complex128)
    phi = np.ones((len(u), TIDES, len(sigma)), dtype=np.complex128)
    for _ in range(HORIZON):
        phi = departure * np.matmul(arrival, np.matmul(tides, phi)[..., None])[..., 0]
    rise = 0.5 + np.einsum("u,uxv->vx", weights / u, phi.imag) / np.pi
    density = np.einsum("u,uxv->vx", weights, phi.real) / np.pi
    return rise, density


@lru_cache(maxsize=4)
def drifts(signal: float) -> Floats:
    """The drifts `mu(s)` that give every state its prescribed chance of a rise; shape (15, 11).

    Newton's method with an approximate Jacobian: raising `mu(s')` by one raises the mean of R given `s` by the
    expected number of sessions spent in `s'`, and P(R > 0) by the density of R at zero times that.
    """
    target = np.broadcast_to(p_up(signal, tide_levels()), (len(volatilities()), TIDES))
    visits = _visits()
    drift = np.zeros_like(target)
    for _ in range(40):
        rise, density = chance_of_rise(drift)
        if np.abs(rise - target).max() < 1e-12:
            return drift
        drift = drift + np.linalg.solve(visits, ((target - rise) / density).ravel()).reshape(drift.shape)
    raise ArithmeticError(f"the drifts of signal {signal} did not converge")


def draw(seed: int, signal: float, sessions: int) -> Path:
    """One market of `sessions` sessions, whose first sessions do not depend on how many follow."""
    sigma, tides = volatilities(), tide_levels()
    drift = drifts(signal)
    vol_steps, tide_steps = volatility_transitions().cumsum(axis=2), tide_transitions().cumsum(axis=1)
    u_vol, u_tide = (stream(seed, name).random(sessions) for name in ("volatility", "tide"))
    v = np.empty(sessions, dtype=np.int64)
    x = np.empty(sessions, dtype=np.int64)
    v[0], x[0] = RIPPLES // 2, min(int(np.searchsorted(_binomial(TIDES).cumsum(), u_tide[0])), TIDES - 1)
    for t in range(1, sessions):
        # side="right": a transition of probability zero must stay impossible even at u = 0.
        v[t] = min(int(np.searchsorted(vol_steps[x[t - 1], v[t - 1]], u_vol[t], side="right")), len(sigma) - 1)
        x[t] = min(int(np.searchsorted(tide_steps[x[t - 1]], u_tide[t], side="right")), TIDES - 1)
    wide = (stream(seed, "shock kind").random(sessions) < SHOCK_WEIGHTS[1]).astype(np.int64)
    shock = SHOCK_MEANS[wide] + shock_widths()[wide] * stream(seed, "shock").standard_normal(sessions)
    returns = np.zeros(sessions)
    turn = np.log(sigma[v[1:]] / sigma[v[:-1]])
    returns[1:] = drift[v[:-1], x[:-1]] + sigma[v[1:]] * (shock[1:] - LEVERAGE * turn)
    return Path(v // RIPPLES, sigma[v], tides[x], returns, p_up(signal, tides[x]), v * TIDES + x)


def stream(seed: int, name: str) -> np.random.Generator:
    """A separate random stream for each name, so that adding one does not change the others."""
    return np.random.default_rng([seed, *name.encode()])


def _levels(count: int) -> Floats:
    return np.linspace(-1.0, 1.0, count) * float(np.sqrt(count - 1.0))


def _binomial(count: int) -> Floats:
    row = np.ones(1)
    for _ in range(count - 1):
        row = np.convolve(row, [0.5, 0.5])
    return row


def _rouwenhorst(count: int, persistence: float) -> Floats:
    """Rouwenhorst's chain: an AR(1) of that persistence with binomial, nearly normal, levels."""
    stay = (1.0 + persistence) / 2.0
    matrix = np.array([[stay, 1.0 - stay], [1.0 - stay, stay]])
    for size in range(3, count + 1):
        grown = np.zeros((size, size))
        grown[:-1, :-1] += stay * matrix
        grown[:-1, 1:] += (1.0 - stay) * matrix
        grown[1:, :-1] += (1.0 - stay) * matrix
        grown[1:, 1:] += stay * matrix
        grown[1:-1] /= 2.0
        matrix = grown
    return matrix


def _regime_transitions(tide: float) -> Floats:
    rows = np.diag(REGIME_STAY) + (1.0 - REGIME_STAY)[:, None] * REGIME_EXITS
    worse = np.arange(3)[None, :] - np.arange(3)[:, None]
    rows = rows * np.exp(-TILT * tide * np.sign(worse))
    return np.asarray(rows / rows.sum(axis=1, keepdims=True), dtype=np.float64)


def shock_widths() -> Floats:
    """The standard deviations of the two normals of a shock; shape (2,)."""
    # Exactly unit variance, whatever the rounding of the constants above.
    variance = float(SHOCK_WEIGHTS @ (SHOCK_WIDTHS**2 + SHOCK_MEANS**2))
    between = float(SHOCK_WEIGHTS @ SHOCK_MEANS**2)
    return np.asarray(SHOCK_WIDTHS * np.sqrt((1.0 - between) / (variance - between)), dtype=np.float64)


def _arrival(u: Floats, sigma: Floats) -> Complexes:
    """P(v, w | x) E[exp(iu(r - mu)) | v, w], shape (nodes, 11, 15, 15)."""
    turn = np.log(sigma[None, :] / sigma[:, None])
    scaled = u[:, None] * sigma[None, :]
    shock = np.zeros_like(scaled, dtype=np.complex128)
    for weight, mean, width in zip(SHOCK_WEIGHTS, SHOCK_MEANS, shock_widths(), strict=True):
        shock += weight * np.exp(1j * scaled * mean - 0.5 * (scaled * width) ** 2)
    step = shock[:, None, :] * np.exp(-1j * LEVERAGE * scaled[:, None, :] * turn[None])
    return np.asarray(volatility_transitions()[None] * step[:, None], dtype=np.complex128)


def stationary() -> Floats:
    """The share of the sessions that a long market spends in each state, by `Path.state`; shape (165,)."""
    step = _transitions()
    equations = np.vstack([step.T - np.eye(len(step)), np.ones(len(step))])
    return np.asarray(np.linalg.lstsq(equations, np.append(np.zeros(len(step)), 1.0))[0], dtype=np.float64)


def _transitions() -> Floats:
    """Of the whole state, regime and ripple outermost; shape (165, 165)."""
    tides, vols = tide_transitions(), volatility_transitions()
    count = vols.shape[1] * TIDES
    return np.asarray(np.einsum("xvw,xy->vxwy", vols, tides).reshape(count, count), dtype=np.float64)


def _visits() -> Floats:
    """Expected number of the sessions t .. t+20 spent in each state, given the state at t; shape (165, 165)."""
    step = _transitions()
    count = len(step)
    total = np.eye(count)
    for _ in range(HORIZON - 1):
        total = np.eye(count) + step @ total
    return total


def _quadrature(nodes: int, upper: float) -> tuple[Floats, Floats]:
    points, weights = np.polynomial.legendre.leggauss(nodes)
    return (points + 1.0) * upper / 2.0, weights * upper / 2.0
