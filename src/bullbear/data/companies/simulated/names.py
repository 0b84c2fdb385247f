"""Names and tickers, and the listings that tie them to companies.

A company is identified by its first ticker, with `.2`, `.3` if others had used that ticker before. Now and then a
company is renamed, and the ticker of one that is gone is given to another.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bullbear.data.companies.simulated.lives import ALIVE, Integers, Lives, keys_of
from bullbear.data.companies.simulated.market import SECTORS, Market
from bullbear.data.companies.simulated.traits import Traits
from bullbear.data.simulated_prices import BONDS, FUNDS, LEVERAGED
from bullbear.data.simulated_process import stream

RENAMED = 0.01
"""Expected number per company and year."""
RECYCLED = 0.35
"""Share of the new companies that take the ticker of the one that left their place."""
_YEAR = 252.0
_LETTERS = 26**4
# More than the companies of a block; two codes for each in 25 blocks are fewer than there are.
_STRIDE = 6_000
_SYLLABLES = {
    "onsets": "B C D F G H K L M N P R S T V W Z Br Cr Dr Gr Pl St Tr",
    "vowels": "a e i o u ai ea io",
    "codas": "l m n r s x d ra ta via nor tek cor max gen",
}
_ONSETS, _VOWELS, _CODAS = (tuple(text.split()) for text in _SYLLABLES.values())
_KINDS = {
    "Communication": "Media",
    "Consumer Discretionary": "Brands",
    "Consumer Staples": "Foods",
    "Energy": "Energy",
    "Financials": "Bancorp",
    "Health Care": "Therapeutics",
    "Industrials": "Industries",
    "Information Technology": "Systems",
    "Materials": "Materials",
    "Real Estate": "Properties",
    "Utilities": "Power",
}


@dataclass(frozen=True)
class Listing:
    """A ticker and name from a session on; `row` may be one past the last session, for a delisting then."""

    company: int
    row: int
    ticker: str
    name: str
    status: str


@dataclass(frozen=True)
class Names:
    """Of the companies of one block: identities, CIK numbers, exchanges, and all listings by company and time."""

    ids: tuple[str, ...]
    cik: tuple[str, ...]
    exchange: tuple[str, ...]
    listings: tuple[Listing, ...]

    def in_force(self, rows: Integers, lives: Lives) -> NDArray[np.int64]:
        """The number of the listing of each place in some sessions, -1 where none; (n_rows, n_places)."""
        found = np.full((len(rows), lives.who.shape[1]), -1, dtype=np.int64)
        for number, each in enumerate(self.listings):
            holds = (rows >= each.row) & (rows <= lives.last[each.company])
            found[holds, lives.place[each.company]] = number
        return found


def names_of(market: Market, lives: Lives, traits: Traits, number: int) -> Names:
    """The names of the companies of block `number`."""
    n = len(market.sessions)
    u = stream(market.seed, f"companies {number} names").random((keys_of(n), 8))
    sectors = tuple(SECTORS)
    held: dict[int, str] = {}  # the last ticker of each place
    users: Counter[str] = Counter()
    ids, listings = [], []
    for company in range(lives.count):
        draw, place, first = u[lives.key[company]], int(lives.place[company]), int(lives.first[company])
        serial = number * _STRIDE + int(lives.key[company])
        recycled = place in held and draw[0] < RECYCLED
        ticker = held[place] if recycled else _code(2 * serial)
        users[ticker] += 1
        ids.append(ticker if users[ticker] == 1 else f"{ticker}.{users[ticker]}")
        kind = _KINDS[sectors[traits.sector[company]]]
        name = f"{_word(draw[1], draw[2])} {kind} Inc"
        listings.append(Listing(company, first, ticker, name, "listed"))
        # The time until a change of name is exponential; one that comes after the news does not take place.
        renamed = first + 20 + int(-np.log(1.0 - draw[3]) / RENAMED * _YEAR)
        if renamed < min(lives.last[company], lives.news[company]):
            ticker, name = _code(2 * serial + 1), f"{_word(draw[4], draw[5])} {kind} Inc"
            users[ticker] += 1
            listings.append(Listing(company, renamed, ticker, name, "listed"))
        held[place] = ticker
        if lives.fate[company] != ALIVE and lives.last[company] + 1 < n:
            listings.append(Listing(company, int(lives.last[company]) + 1, ticker, name, "delisted"))
    serials = number * _STRIDE + lives.key
    exchanges = tuple("NASDAQ" if draw < 0.6 else "NYSE" for draw in u[lives.key, 6])
    return Names(tuple(ids), tuple(f"{5_000_000 + s:010d}" for s in serials), exchanges, tuple(listings))


def _code(serial: int) -> str:
    """Four letters; a different code for each number below 456,976."""
    # 7919 has no factor in common with 26: the numbers are scattered over all codes, each once.
    number = (serial * 7919 + 104_729) % _LETTERS
    letters = []
    for _ in range(4):
        number, digit = divmod(number, 26)
        letters.append(chr(65 + digit))
    code = "".join(letters)
    return code if code not in FUNDS | BONDS | LEVERAGED else f"{code}Z"


def _word(u: float, v: float) -> str:
    """A made-up word of two syllables and an ending."""
    parts = []
    for pool in (_ONSETS, _VOWELS):
        place = int(u * len(pool))
        u = u * len(pool) - place
        parts.append(pool[place])
    for pool in (_ONSETS, _VOWELS, _CODAS):
        place = int(v * len(pool))
        v = v * len(pool) - place
        parts.append(pool[place].lower())
    return "".join(parts)
