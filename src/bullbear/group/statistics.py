"""The figures of a group at one session's close: market value, growth, breadth, movers, suspects, and by sector.

Everything is about the members as known at that close, and read from their screened bars. Each average says how many
names stand behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.data.companies.panel import BoolArray, Panel
from bullbear.group.breadth import counted
from bullbear.group.growth import WINDOWS, CompanyGrowth, Growth, company_growth, group_growth
from bullbear.group.market_value import MarketValues, ValueSummary, market_values, summarise
from bullbear.group.marks import YEAR, Marks, marks_of
from bullbear.group.movers import Mover, movers
from bullbear.group.returns import GAP
from bullbear.group.screening import Screen, Suspect, screen

SESSIONS = YEAR + 78
"""Sessions to read: a year for new highs, and before it what makes known what is usual for each company."""
SHOWN = 2 * max(WINDOWS)
"""Sessions that the averages read: suspects within them are listed."""
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Today:
    """Breadth at the session: counts of names, shares as fractions; NaN where no member has the history."""

    names: float
    advances: float
    declines: float
    unchanged: float
    above_50: float
    above_200: float
    new_highs: float
    new_lows: float
    aged: float
    dispersion_21: float


@dataclass(frozen=True)
class Sector:
    """The figures of one sector; `weight` is its share in the market value of all."""

    sector: str
    members: int
    priced: int
    weight: float
    value: ValueSummary
    growth: dict[int, Growth]
    breadth: Today


@dataclass(frozen=True)
class GroupFigures:
    """The figures of a group; columns are those of `screened.clean`."""

    screened: Screen
    values: MarketValues
    member: BoolArray
    priced: int
    value: ValueSummary
    growth: dict[int, Growth]
    breadth: Today
    movers: list[Mover]
    suspects: list[Suspect]
    sectors: list[Sector]


def group_figures(
    panel: Panel, member: BoolArray, sectors: Sequence[str], facts: pd.DataFrame, *, count: int = 5
) -> GroupFigures:
    """The figures of a group at the last session of a panel.

    Parameters
    ----------
    panel
        As traded, not screened; `SESSIONS` sessions make every figure known that has the history.
    member
        Who belongs to the group at the last session, shape (n_companies,).
    sectors
        Of each company; empty where not known.
    facts
        Every version of `shares_outstanding` known; see `market_values`.
    count
        Movers each way.
    """
    screened = screen(panel)
    # What corrects a wrong start of the prices has changed no number of shares.
    splits = screened.clean.split / screened.rebased
    values = market_values(screened.clean, facts, np.array([len(panel.sessions) - 1]), splits).at(0)
    grown = [company_growth(screened.clean, sessions) for sessions in WINDOWS]
    marked = marks_of(screened.clean, len(panel.sessions) - 1, gap=GAP, screened=True)
    named = np.array([sector or UNKNOWN for sector in sectors], dtype=object)
    whole = summarise(values, member)
    by_sector = []
    for sector in sorted(set(named[member])):
        inside = member & (named == sector)
        part = summarise(values, inside)
        by_sector.append(
            Sector(
                sector=str(sector),
                members=int(np.count_nonzero(inside)),
                priced=_priced(screened, inside),
                weight=part.total / whole.total if part.names else float("nan"),
                value=part,
                growth=_growth(grown, values, inside),
                breadth=_today(marked, inside),
            )
        )
    first = panel.sessions[max(len(panel.sessions) - SHOWN, 0)]
    names = {name for name, inside in zip(panel.companies, member, strict=True) if inside}
    return GroupFigures(
        screened=screened,
        values=values,
        member=member,
        priced=_priced(screened, member),
        value=whole,
        growth=_growth(grown, values, member),
        breadth=_today(marked, member),
        movers=movers(screened, member, count),
        suspects=[suspect for suspect in screened.suspects(first) if suspect.company in names],
        sectors=by_sector,
    )


def _priced(screened: Screen, member: BoolArray) -> int:
    return int(np.count_nonzero(member & ~np.isnan(screened.panel.close[-1])))


def _growth(grown: list[CompanyGrowth], values: MarketValues, member: BoolArray) -> dict[int, Growth]:
    return {each.sessions: group_growth(each, member, values.value) for each in grown}


def _today(marked: Marks, member: BoolArray) -> Today:
    found = counted(marked, member[None, :])
    return Today(**{name: float(getattr(found, name)[-1]) for name in Today.__dataclass_fields__})
