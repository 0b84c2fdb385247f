"""Who belongs to the index: the monthly holdings lists of IWM.

On the last session of June all listed companies are ranked by market value. The very largest have outgrown the index,
and the next ones by rank are its members for a year. In between a company leaves when it is delisted or bankrupt, and
nobody joins. Weights follow market value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear.data.companies.simulated.lives import Integers
from bullbear.data.simulated_process import Floats

OUTGROWN, MEMBERS = 0.05, 0.8
"""The largest companies, which are not in the index, and its members at a reconstitution, as shares of the places."""
RECONSTITUTION = 6
"""The month at whose end members are chosen."""
FUND = 2e10
"""Net assets of the fund, dollars."""


@dataclass(frozen=True)
class Candidates:
    """The companies of one block on the days of `list_rows`.

    Attributes
    ----------
    company
        Shape (n_lists, n_places): number in the block, -1 where none is listed or its bankruptcy is known.
    listing
        Same shape: number of the listing in force.
    close, value
        Same shape: price and market value, dollars.
    labels
        Ticker and name by number of the listing.
    sectors
        By company.
    """

    company: Integers
    listing: Integers
    close: Floats
    value: Floats
    labels: tuple[tuple[str, str], ...]
    sectors: tuple[str, ...]


def list_rows(sessions: pd.DatetimeIndex) -> Integers:
    """The first session, and the last one of every month that is over."""
    months = (sessions.year * 12 + sessions.month).to_numpy()
    return np.asarray(np.concatenate([[0], np.flatnonzero(months[1:] != months[:-1])]), dtype=np.int64)


def holdings(blocks: Sequence[Candidates], sessions: pd.DatetimeIndex, count: int) -> pd.DataFrame:
    """Every list: as_of, ticker, name, sector, weight (per cent, of a sum of 100), market_value, shares; by day, then
    weight.

    Parameters
    ----------
    count
        Places of the market.
    """
    rows = list_rows(sessions)
    value = np.concatenate([block.value for block in blocks], axis=1)
    close = np.concatenate([block.close for block in blocks], axis=1)
    company = np.concatenate([block.company for block in blocks], axis=1)
    starts = np.cumsum([0, *(len(block.labels) for block in blocks)])
    listing = np.concatenate([b.listing + start for b, start in zip(blocks, starts, strict=False)], axis=1)
    labels = [label for block in blocks for label in block.labels]
    sector = np.concatenate([_sectors(block) for block in blocks], axis=1)
    members = _members(company, value, sessions[rows].month.to_numpy(), count)
    parts = []
    for each in range(len(rows)):
        places = np.flatnonzero(members[each])
        places = places[np.argsort(-value[each, places], kind="stable")]
        weight = value[each, places] / value[each, places].sum()
        named = [labels[number] for number in listing[each, places]]
        shares = np.round(FUND * weight / close[each, places])
        parts.append(
            pd.DataFrame(
                {
                    "as_of": sessions[rows[each]],
                    "ticker": [ticker for ticker, _ in named],
                    "name": [name for _, name in named],
                    "sector": sector[each, places],
                    "weight": 100.0 * weight,
                    "market_value": np.round(shares * close[each, places], 2),
                    "shares": shares,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _members(company: Integers, value: Floats, months: Integers, count: int) -> NDArray[np.bool_]:
    """Which places hold a member on each list; (n_lists, n_places)."""
    found = np.zeros(company.shape, dtype=np.bool_)
    chosen = np.full(company.shape[1], -1, dtype=np.int64)
    for each in range(len(company)):
        if each == 0 or months[each] == RECONSTITUTION:
            rank = np.argsort(np.where(company[each] >= 0, -value[each], np.inf), kind="stable")
            chosen = np.full(company.shape[1], -1, dtype=np.int64)
            start = round(OUTGROWN * count)
            best = rank[start : start + round(MEMBERS * count)]
            chosen[best] = company[each, best]
        found[each] = (chosen >= 0) & (company[each] == chosen)
    return found


def _sectors(block: Candidates) -> NDArray[np.object_]:
    return np.array(block.sectors, dtype=object)[np.maximum(block.company, 0)]
