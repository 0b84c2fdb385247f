"""A simulated index from its blocks: the rows of every kind of the company store, the holdings lists, and the truth.

Blocks of 100 places are drawn one after the other, so that no more than one of them is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.data.companies.oracle import CompanyTruth
from bullbear.data.companies.simulated import membership
from bullbear.data.companies.simulated.bars import Bars, bars_of
from bullbear.data.companies.simulated.facts import facts_of
from bullbear.data.companies.simulated.lives import BANKRUPT, WIDTH, Lives, lives_of
from bullbear.data.companies.simulated.market import SECTORS, Market, market_of
from bullbear.data.companies.simulated.membership import Candidates
from bullbear.data.companies.simulated.misprints import plant
from bullbear.data.companies.simulated.names import Names, names_of
from bullbear.data.companies.simulated.returns import forward, returns_of
from bullbear.data.companies.simulated.short_interest import short_interest_of
from bullbear.data.companies.simulated.traits import Traits, traits_of
from bullbear.data.publication import at
from bullbear.data.simulated_process import Path
from bullbear.sessions import closes, opens

MOST = 2500
"""Places of the largest market."""

Frames = dict[str, pd.DataFrame]
_PRICES = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Block:
    """The companies of one block.

    Attributes
    ----------
    frames
        Rows by kind of the company store (`bars`, `splits`, `dividends`, `facts`, `short_interest`, `listings`), each
        in the order of series, known_at and event_date.
    truth
        What is true of them, in single precision.
    candidates
        For the holdings lists.
    """

    frames: Frames
    truth: CompanyTruth
    candidates: Candidates


@dataclass(frozen=True)
class Companies:
    """A simulated index of `count` places; `blocks` draws it.

    Example
    -------
    >>> from bullbear.data.simulator import simulate
    >>> companies = simulate(years=3, companies=30).companies
    >>> block = next(companies.blocks())
    >>> block.frames["listings"].iloc[0][["series", "ticker", "status"]].nunique()
    2
    """

    market: Market
    count: int

    def blocks(self) -> Iterator[Block]:
        """The blocks in order; the same each time."""
        for number, start in enumerate(range(0, self.count, WIDTH)):
            yield _block(self.market, number, min(WIDTH, self.count - start))

    def holdings(self, candidates: Sequence[Candidates]) -> pd.DataFrame:
        """The holdings lists of IWM, see `membership.holdings`; of the candidates of all blocks."""
        return membership.holdings(candidates, self.market.sessions, self.count)


def companies_of(path: Path, sessions: pd.DatetimeIndex, seed: int, signal: float, count: int) -> Companies:
    """The index whose fund follows `path`."""
    return Companies(market_of(path, sessions, seed, signal), count)


def _block(market: Market, number: int, width: int) -> Block:
    lives = lives_of(market, number, width)
    traits = traits_of(market, lives, number)
    returns = returns_of(market, lives, traits, number)
    names = names_of(market, lives, traits, number)
    true = bars_of(market, lives, traits, returns, number)
    shown, misprints = plant(market, lives, true, number)
    order = np.argsort(np.array(names.ids, dtype=object), kind="stable")
    frames = {
        "listings": _listings(market, traits, names, order),
        "splits": _events(market, lives, names, order, true.split, true.split != 1.0, "ratio"),
        "dividends": _events(market, lives, names, order, true.dividend, true.dividend > 0.0, "amount"),
        "bars": _bars(market, lives, names, order, shown, true, misprints),
        "facts": _named(facts_of(market, lives, traits, true, number), names, order),
        "short_interest": _named(short_interest_of(market, lives, true, number), names, order),
    }
    rows = membership.list_rows(market.sessions)
    candidates = _candidates(rows, lives, traits, names, true)
    realised = forward(returns.total, lives, market.returns)
    where = misprints["row"].to_numpy(np.int64)
    table = pd.DataFrame(
        {
            "company": np.array(names.ids, dtype=object)[misprints["company"].to_numpy(np.int64)],
            "session": market.sessions[where],
            "kind": misprints["kind"],
            "shown": misprints["shown"],
            "true": misprints["true"],
            "corrected_at": _corrections(market, misprints["corrected"].to_numpy(np.int64)),
        }
    )
    truth = CompanyTruth(
        _wide(market, lives, names, order, returns.expected), _wide(market, lives, names, order, realised), table
    )
    return Block(frames, truth, candidates)


def _bars(
    market: Market, lives: Lives, names: Names, order: np.ndarray, shown: Bars, true: Bars, misprints: pd.DataFrame
) -> pd.DataFrame:
    company, row, place = _cells(lives, order, true.traded)
    closed = closes(market.sessions)
    keys = {"series": _texts(names.ids, company), "event_date": market.sessions[row], "known_at": closed[row]}
    columns = {name: getattr(shown, name)[row, place] for name in _PRICES}
    frame = pd.DataFrame(keys | columns).assign(restated=0.0)
    fixed = misprints[misprints["corrected"] >= 0]
    if fixed.empty:
        return frame
    row, place = fixed["row"].to_numpy(np.int64), fixed["place"].to_numpy(np.int64)
    columns = {name: getattr(true, name)[row, place] for name in _PRICES}
    again = pd.DataFrame(
        {
            "series": _texts(names.ids, fixed["company"].to_numpy(np.int64)),
            "event_date": market.sessions[row],
            "known_at": _corrections(market, fixed["corrected"].to_numpy(np.int64)),
        }
    ).assign(**columns, restated=0.0)
    both = pd.concat([frame, again], ignore_index=True)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    # Sorted by company in the order of their names; a text sort of millions of rows is slow.
    series = rank[np.concatenate([company, fixed["company"].to_numpy(np.int64)])]
    known = both["known_at"].to_numpy("datetime64[us]")
    return both.take(np.lexsort((both["event_date"].to_numpy(), known, series))).reset_index(drop=True)


def _corrections(market: Market, rows: np.ndarray) -> pd.DatetimeIndex:
    """The evening of each session; NaT for -1."""
    days = market.sessions.to_numpy().astype("datetime64[D]")[np.maximum(rows, 0)]
    return pd.DatetimeIndex(pd.Series(at(days, "20:00")).where(rows >= 0))


def _events(
    market: Market, lives: Lives, names: Names, order: np.ndarray, values: np.ndarray, where: np.ndarray, column: str
) -> pd.DataFrame:
    """Splits or dividends, known at the open of their session."""
    company, row, place = _cells(lives, order, where)
    return pd.DataFrame(
        {
            "series": _texts(names.ids, company),
            "event_date": market.sessions[row],
            "known_at": opens(market.sessions)[row],
            column: values[row, place],
        }
    )


def _listings(market: Market, traits: Traits, names: Names, order: np.ndarray) -> pd.DataFrame:
    sectors = tuple(SECTORS)
    rank = {company: place for place, company in enumerate(order.tolist())}
    rows = sorted(names.listings, key=lambda each: (rank[each.company], each.row))
    company = np.array([each.company for each in rows], dtype=np.int64)
    days = market.sessions[[each.row for each in rows]]
    return pd.DataFrame(
        {
            "series": _texts(names.ids, company),
            "event_date": days,
            "known_at": at(days.to_numpy().astype("datetime64[D]"), "08:00"),
            "ticker": [each.ticker for each in rows],
            "name": [each.name for each in rows],
            "cik": [names.cik[each.company] for each in rows],
            "exchange": [names.exchange[each.company] for each in rows],
            "sector": [sectors[traits.sector[each.company]] for each in rows],
            "status": [each.status for each in rows],
        }
    )


def _named(frame: pd.DataFrame, names: Names, order: np.ndarray) -> pd.DataFrame:
    """`frame` with the identity as `series` instead of the company's number, in the order of names."""
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    company = frame["company"].to_numpy(np.int64)
    rows = frame.take(np.argsort(rank[company], kind="stable")).reset_index(drop=True)
    company = rows.pop("company").to_numpy(np.int64)
    rows.insert(0, "series", _texts(names.ids, company))
    return rows


def _candidates(rows: np.ndarray, lives: Lives, traits: Traits, names: Names, bars: Bars) -> Candidates:
    who = lives.who[rows].astype(np.int64)
    bankrupt = (lives.fate[who] == BANKRUPT) & (rows[:, None] >= lives.news[who])
    company = np.where(bankrupt, -1, who)
    sectors = tuple(SECTORS)
    return Candidates(
        company,
        names.in_force(rows, lives),
        bars.close[rows],
        np.where(company >= 0, bars.value[rows], 0.0),
        tuple((each.ticker, each.name) for each in names.listings),
        tuple(sectors[sector] for sector in traits.sector),
    )


def _cells(lives: Lives, order: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Company, row and place of the cells of a mask, by company in the given order, then by session."""
    rows = [lives.first[c] + np.flatnonzero(where[lives.first[c] : lives.last[c] + 1, lives.place[c]]) for c in order]
    company = np.repeat(order, [len(each) for each in rows])
    row = np.concatenate(rows)
    return company, row, lives.place[company]


def _wide(market: Market, lives: Lives, names: Names, order: np.ndarray, values: np.ndarray) -> pd.DataFrame:
    table = np.full((len(market.sessions), len(order)), np.nan, dtype=np.float32)
    for column, company in enumerate(order):
        span = slice(lives.first[company], lives.last[company] + 1)
        table[span, column] = values[span, lives.place[company]]
    return pd.DataFrame(table, index=market.sessions, columns=[names.ids[company] for company in order])


def _texts(values: Sequence[str], places: np.ndarray) -> pd.Series:
    return pd.Series(pd.Series(values, dtype="str").array.take(places))
