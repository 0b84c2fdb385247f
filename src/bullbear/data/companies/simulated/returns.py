"""Total returns of companies, and what of them could be known.

The simple total return of company `i` in session `t`, in its normal life, is

    R[i, t] = r[t] + (beta[i] - 1) * surprise[t] + sector[t] + STRENGTH * signal * score[i, t-1] + own[i, t]

where `r` is IWM's. The own part has no expectation: noise, bad news, and the chance of a takeover or a bankruptcy,
whose expected contribution is subtracted. The expected return above IWM's of the next 21 sessions is therefore, to
first order,

    expected[i, t] = STRENGTH * signal * score[i, t] * (1 + rho + ... + rho**20)

with `rho` the persistence of the score. With `signal = 0` nothing distinguishes companies.

A product of returns is skewed to the right: of two companies with the same expected return the more volatile one has
the lower median, and a ranking by volatility would have an information coefficient without earning anything. Bad news,
about five times a year, is as large as makes the 21-session return symmetric: its third moment per unit of variance,
the skewness, is `-3 * sqrt(21)` times the volatility of 21 sessions. So neither mean nor median depends on volatility.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bullbear.data.companies.simulated.lives import (
    PERSISTENCE,
    TAKEN_OVER,
    TAKEOVERS,
    WIDTH,
    Lives,
)
from bullbear.data.companies.simulated.market import Market
from bullbear.data.companies.simulated.traits import Traits
from bullbear.data.simulated_process import HORIZON, Floats, stream

STRENGTH = 0.00085
"""Expected excess return per session for one standard deviation of the score, with `signal = 1`."""
BAD_NEWS = 0.02
"""Chance of bad news in a session."""
PREMIUM, CRASH = (0.20, 0.45), (-0.99, -0.94)
SKEW = 3.4
"""3 if all noise were the own one; the market and the sectors widen the 21-session return without skewing it."""
WORST, BEST = -0.80, 1.50
"""Limits of a return in normal life; reached about once in a million company-years."""
_YEAR = 252.0


@dataclass(frozen=True)
class Returns:
    """Per session and place, (n_sessions, n_places): simple total return; what of its logarithm came as news overnight;
    daily volatility of the rest; and the true expected return above IWM's of the next 21 sessions (NaN where no company
    is listed, or its end is announced)."""

    total: Floats
    overnight: Floats
    volatility: Floats
    expected: Floats


def returns_of(market: Market, lives: Lives, traits: Traits, number: int) -> Returns:
    """The returns of the companies of block `number`; 0 in a company's first session and where there is none."""
    n, width = lives.who.shape
    z = stream(market.seed, f"companies {number} returns").standard_normal((n, WIDTH))[:, :width]
    u = stream(market.seed, f"companies {number} bad news").random((n, WIDTH))[:, :width]
    who = np.maximum(lives.who, 0)
    excess = np.zeros((n, width))
    excess[1:] = STRENGTH * market.signal * lives.score[:-1]
    excess -= TAKEOVERS / _YEAR * np.mean(PREMIUM) + lives.hazard * np.mean(CRASH)
    volatility = traits.volatility[who] * market.scale[:, None]
    calm, size = _shape(traits.volatility)
    # Given that it is bad, -log(u / BAD_NEWS) is exponential: one draw says whether, and how bad.
    bad = u < BAD_NEWS
    news = np.where(bad, size[who] * volatility * np.log(np.where(bad, u, BAD_NEWS) / BAD_NEWS), 0.0)
    own = volatility * (calm[who] * z + size[who] * BAD_NEWS) + news
    total = market.returns[:, None] + (traits.beta[who] - 1.0) * market.surprise[:, None]
    total += np.take_along_axis(market.sectors, traits.sector[who], axis=1)
    total += excess + own
    total = np.clip(total, WORST, BEST)
    overnight = np.log1p(np.maximum(news, WORST))
    _end(lives, z, total, overnight, volatility, stream(market.seed, f"companies {number} ends"))
    total[lives.first, lives.place] = 0.0
    overnight[lives.first, lives.place] = 0.0
    total[lives.who < 0] = 0.0
    steps = (1.0 - PERSISTENCE**HORIZON) / (1.0 - PERSISTENCE)
    expected = np.where(lives.settled(), STRENGTH * market.signal * steps * lives.score, np.nan)
    return Returns(total, overnight, volatility, expected)


def forward(total: Floats, lives: Lives, market_returns: Floats) -> Floats:
    """Realised total return over the next 21 sessions above IWM's; a company that ends keeps its last value.

    NaN where no company is listed, or less than 21 sessions follow.
    """
    wealth = np.cumsum(np.log1p(total), axis=0)
    n = len(total)
    made = np.full_like(total, np.nan)
    if n <= HORIZON:
        return made
    rows = np.arange(n - HORIZON)[:, None]
    who = lives.who[:-HORIZON]
    ends = np.minimum(rows + HORIZON, lives.last[who])
    fund = np.cumsum(np.log1p(market_returns))
    places = np.arange(total.shape[1])[None, :]
    gained = np.expm1(wealth[ends, places] - wealth[:-HORIZON])
    above = gained - np.expm1(fund[HORIZON:] - fund[:-HORIZON])[:, None]
    made[:-HORIZON] = np.where(who >= 0, above, np.nan)
    return made


def _shape(volatility: Floats) -> tuple[Floats, Floats]:
    """Size of the normal noise, and mean size of bad news, in units of the daily volatility."""
    # An exponential of mean 1, that comes with chance p, has these central moments.
    p = BAD_NEWS
    variance, third = 2.0 * p - p**2, 6.0 * p - 6.0 * p**2 + 2.0 * p**3
    skewness = SKEW * HORIZON * volatility
    size = np.minimum(np.cbrt(skewness / third), np.sqrt(0.8 / variance))
    return np.sqrt(1.0 - size**2 * variance), size


def _end(
    lives: Lives, z: Floats, total: Floats, overnight: Floats, volatility: Floats, draws: np.random.Generator
) -> None:
    """Write the ends of companies into their returns."""
    u = draws.random(lives.key.max() + 1)[lives.key]
    n = len(total)
    for company in np.flatnonzero(lives.news < n):
        row, place, last = lives.news[company], lives.place[company], lives.last[company]
        after = slice(row + 1, last + 1)
        if lives.fate[company] == TAKEN_OVER:
            jump = PREMIUM[0] + u[company] * (PREMIUM[1] - PREMIUM[0])
            total[row, place] = (1.0 + jump) * (1.0 + 0.002 * z[row, place]) - 1.0
            total[after, place] = 0.002 * z[after, place]
            volatility[row : last + 1, place] = 0.002
        else:
            jump = CRASH[0] + u[company] * (CRASH[1] - CRASH[0])
            total[row, place] = jump
            total[after, place] = np.clip(0.10 * z[after, place], -0.4, 0.4)
            volatility[row : last + 1, place] = 0.08
        overnight[row, place] = np.log1p(jump)
        overnight[after, place] = 0.0
