"""Births and deaths: which company occupies which place of the market in each session.

A market of `count` companies has `count` places. The company of a place is taken over or goes bankrupt; some months
later another one is listed there. Places are drawn in blocks of a fixed width, so the companies of a small market are
the first ones of a larger one, and those of a short market the beginnings of a longer one's.

A takeover is announced with a premium, and the last bar follows some weeks later. A bankruptcy is a crash to a few
per cent of the price, and some more sessions at cents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from bullbear.data.companies.simulated.market import Market
from bullbear.data.simulated_process import Floats, stream

WIDTH = 100
"""Places of a block."""
HALF_LIFE = 252.0
"""Of the hidden score, in sessions."""
PERSISTENCE = 0.5 ** (1.0 / HALF_LIFE)
TAKEOVERS, BANKRUPTCIES = 0.035, 0.015
"""Expected number per company and year."""
WEAKNESS = 0.8
"""With `signal = 1`, one standard deviation of the score less multiplies the chance of bankruptcy by e to this."""
TAKEOVER_WINDOW, BANKRUPTCY_WINDOW, VACANCY = (10, 31), (5, 16), (21, 127)
"""Sessions from the news to the last bar, and from there to the next listing; the end is excluded."""
ALIVE, TAKEN_OVER, BANKRUPT = 0, 1, 2
_YEAR = 252.0

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Lives:
    """The companies of one block, numbered in the order of their births.

    Attributes
    ----------
    who
        Shape (n_sessions, n_places): the company, -1 where there is none.
    place, first, last
        Shape (n_companies,): place, and the sessions of the first and the last bar.
    news, fate
        The session of the news (n_sessions if there was none) and what it was.
    key
        Where the draws of a company lie in a table of `keys_of` rows; the same however many places are looked at.
    score
        Shape (n_sessions, n_places): the hidden score at the close, stationary with unit variance. A new company's
        score does not tell the sign of the old one's.
    signs
        Shape (n_companies,): what the drawn score of the place is multiplied by.
    hazard
        Shape (n_sessions, n_places): chance of a bankruptcy in that session, given the score of the one before.
    """

    who: NDArray[np.int32]
    place: Integers
    first: Integers
    last: Integers
    news: Integers
    fate: Integers
    key: Integers
    score: Floats
    signs: Floats
    hazard: Floats

    @property
    def count(self) -> int:
        """Companies."""
        return len(self.place)

    def settled(self) -> NDArray[np.bool_]:
        """Where a company is listed and no news has ended its normal life, at the close; shape as `who`."""
        rows = np.arange(len(self.who))[:, None]
        return np.asarray((self.who >= 0) & (rows < self.news[self.who]))


def lives_of(market: Market, number: int, width: int) -> Lives:
    """The companies of the first `width` places of block `number`."""
    n = len(market.sessions)
    raw = _scores(market.seed, number, n)[:, :width]
    tilt = WEAKNESS * market.signal
    chance = BANKRUPTCIES / _YEAR * np.exp(-0.5 * tilt**2)
    draws = stream(market.seed, f"companies {number} deaths").random((n, WIDTH))[:, :width]
    # One row for each place and birth: sign, and lengths of window and vacancy.
    traits = stream(market.seed, f"companies {number} lives").random((keys_of(n), 4))
    lengths = {
        fate: low + (traits[:, 1] * (high - low)).astype(np.int64)
        for fate, (low, high) in ((TAKEN_OVER, TAKEOVER_WINDOW), (BANKRUPT, BANKRUPTCY_WINDOW))
    }
    vacancy = VACANCY[0] + (traits[:, 2] * (VACANCY[1] - VACANCY[0])).astype(np.int64)
    who = np.full((n, width), -1, dtype=np.int32)
    rows: list[list[int]] = []  # place, first, last, news, fate
    for place in range(width):
        start, born = 0, 0
        while start < n:
            key = place + born * WIDTH
            sign = 1.0 if traits[key, 0] < 0.5 else -1.0
            bankrupt = chance * np.exp(-tilt * sign * raw[start:-1, place]) if start < n - 1 else np.empty(0)
            struck = draws[start + 1 :, place] < TAKEOVERS / _YEAR + bankrupt
            news = start + 1 + int(struck.argmax()) if struck.any() else n
            fate = ALIVE
            last = n - 1
            if news < n:
                fate = TAKEN_OVER if draws[news, place] < TAKEOVERS / _YEAR else BANKRUPT
                last = news + int(lengths[fate][key])
            rows.append([place, start, min(last, n - 1), news, fate, key])
            start, born = last + int(vacancy[key]), born + 1
    table = np.array(rows, dtype=np.int64)
    table = table[np.lexsort((table[:, 0], table[:, 1]))]
    place, first, last, news, fate, key = table.T
    signs = np.where(traits[key, 0] < 0.5, 1.0, -1.0)
    for company in range(len(table)):
        who[first[company] : last[company] + 1, place[company]] = company
    score = raw * np.where(who >= 0, signs[who], 1.0)
    hazard = np.empty_like(score)
    hazard[0] = chance
    hazard[1:] = chance * np.exp(-tilt * score[:-1])
    return Lives(who, place, first, last, news, fate, key, score, signs, hazard)


def keys_of(sessions: int) -> int:
    """Rows of a table with one row for each company of a block that may be born."""
    return WIDTH * (3 + sessions // 126)


def _scores(seed: int, number: int, n: int) -> Floats:
    """The hidden score of each place, before signs."""
    shocks = stream(seed, f"companies {number} score").standard_normal((n, WIDTH))
    shocks[1:] *= np.sqrt(1.0 - PERSISTENCE**2)
    return np.asarray(lfilter([1.0], [1.0, -PERSISTENCE], shocks, axis=0), dtype=np.float64)
