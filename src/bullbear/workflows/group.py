"""`bullbear group`: what a fund or a list of companies looks like inside, at one session's close."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from bullbear import sessions as exchange
from bullbear.data.companies.panel import BoolArray, Panel
from bullbear.documents import json_ready
from bullbear.errors import Found, InputError, NoDataError
from bullbear.group.fundamentals import OLDEST
from bullbear.group.growth import Averages, Growth
from bullbear.group.market_value import CONCEPTS, ValueSummary
from bullbear.group.membership import Members, Universe, universe_of
from bullbear.group.rated import RatedGroup, Within, rate_members
from bullbear.group.screening import REASONS, Reason
from bullbear.group.statistics import SESSIONS, SHOWN, GroupFigures, Today, group_figures
from bullbear.home import Home
from bullbear.wording import count, few
from bullbear.workflows.no_companies import company_session, never_heard_of, no_members, unknown_tickers

DEFAULT = "IWM"
"""The group that is shown if none is named."""
_VOLUME_REASONS = (REASONS[Reason.VOLUME], REASONS[Reason.NO_VOLUME])


@dataclass(frozen=True)
class GroupReport:
    """The figures of a group, with who its members are; `sector` is the only one shown, if any."""

    group: str
    as_of: str | None
    session: pd.Timestamp
    universe: Universe
    members: Members
    sector: str | None
    figures: GroupFigures
    rated: RatedGroup | None
    notes: tuple[str, ...]
    simulated: bool

    def named(self, column: int) -> dict[str, Any]:
        """Ticker, name and sector of a column of the panel; of -1, nothing."""
        if column < 0:
            return {"ticker": None, "name": None, "sector": None}
        place = self._places[self.figures.screened.panel.companies[column]]
        texts = (self.members.tickers[place], self.members.names[place], self.members.sectors[place])
        return dict(zip(("ticker", "name", "sector"), (text or None for text in texts), strict=True))

    @property
    def _places(self) -> dict[str, int]:
        return {company: place for place, company in enumerate(self.members.companies)}

    def as_dict(self) -> dict[str, Any]:
        """The document of `group --json`; growth and shares are fractions, values dollars."""
        figures, value = self.figures, self.figures.value
        places = self._places
        tickers = {company: self.members.tickers[place] for company, place in places.items()}
        document = {
            "group": self.group,
            "as_of": self.as_of or str(self.session.date()),
            "session": self.session,
            "simulated": self.simulated,
            "sector": self.sector,
            "membership": {
                "source": self.source,
                "known_at": None if self.members.known_at is None else self.members.known_at.isoformat(),
                "fixed_on": self.universe.fixed_on,
                "survivorship": self.universe.survivorship,
                "members": int(np.count_nonzero(figures.member)),
                "priced": figures.priced,
            },
            "market_value": {
                **_value(value),
                "smallest": self._extreme(value.smallest, value.lowest),
                "largest": self._extreme(value.largest, value.highest),
            },
            "growth": _growth(figures.growth),
            "breadth": _breadth(figures.breadth),
            "movers": [
                {
                    **self.named(each.column),
                    **{name: getattr(each, name) for name in ("growth", "sessions", "volume_ratio")},
                    "verdict": str(each.verdict),
                }
                for each in figures.movers
            ],
            "suspects": [
                {
                    "ticker": tickers[each.company],
                    "field": "volume" if each.reason in _VOLUME_REASONS else "price",
                    **{
                        name: getattr(each, name)
                        for name in ("session", "sessions", "reason", "value", "expected", "corrected")
                    },
                }
                for each in figures.suspects
            ],
            "sectors": [
                {
                    "sector": each.sector,
                    "members": each.members,
                    "priced": each.priced,
                    "weight": each.weight,
                    "market_value": _value(each.value),
                    "growth": _growth(each.growth),
                    **_breadth(each.breadth),
                }
                for each in figures.sectors
            ],
            **({} if self.rated is None else {"ratings": self.rated.as_dict(self.sector)}),
            "notes": list(self.notes),
        }
        ready: dict[str, Any] = json_ready(document, days=True)
        return ready

    @property
    def source(self) -> str:
        """Where the list of members comes from."""
        if self.universe.fund is None:
            return "models/groups.toml"
        return f"holdings of {self.universe.fund} on {self.members.day.date()}"

    def _extreme(self, column: int, value: float) -> dict[str, Any] | None:
        if column < 0:
            return None
        named = self.named(column)
        return {"ticker": named["ticker"], "name": named["name"], "value": value}


def group_report(
    home: Home,
    name: str = DEFAULT,
    *,
    as_of: str | None = None,
    sector: str | None = None,
    movers: int = 5,
    ratings: Within | None = None,
    stored: pd.Timestamp | None = None,
) -> GroupReport:
    """The figures of a group at the close of a session.

    Parameters
    ----------
    name
        A group of `models/groups.toml`.
    as_of
        A day; its session, or the last before it. By default the last session with a bar of any company.
    sector
        Only members of this sector.
    movers
        How many each way.
    ratings
        Rate the members, each among the whole group or its sector; with `sector`, too, among all of them.
    stored
        Only what was stored by then; see `Store.as_of`.

    Raises
    ------
    DefinitionError
        There is no group of that name.
    NoDataError
        No company has bars, or none then; membership is not known then; or no member has a bar.
    InputError
        No member is of that sector.
    """
    store = home.filled_store()
    groups = home.groups()
    if name not in groups:
        universe_of(store.as_of(stored=stored), name, groups)  # says so
    session = company_session(store, as_of, stored)
    closed = exchange.closes(pd.DatetimeIndex([session]))[0]
    view = store.as_of(closed, stored=stored)
    universe = universe_of(view, name, groups)
    members = universe.at(closed)
    if members is None or not len(members):
        raise no_members(universe, store.as_of(stored=stored), name, session, members)
    companies = view.companies
    panel = companies.panel(members.companies, first=exchange.offset(session, 1 - SESSIONS), last=session)
    strangers: tuple[str, ...] = ()
    if not panel.traded.any(axis=0).all():
        strangers = never_heard_of(universe, members, store.as_of(stored=stored))
        if len(strangers) == len(members):
            raise no_members(universe, view, name, session, members)
    if not panel.traded.any():
        raise NoDataError(
            f"group {name}",
            Found(f"no bar of {count(len(members), 'member')} in the {SESSIONS} sessions to {session.date()}"),
            "members with bars",
            "fetch them with `bullbear fetch --holdings`, or ingest a directory with prices",
        )
    places = {company: place for place, company in enumerate(members.companies)}
    sectors = [members.sectors[places[company]] for company in panel.companies]
    chosen = _sector(sector, sectors)
    member = np.array([chosen is None or each == chosen for each in sectors])
    since = session - pd.Timedelta(days=OLDEST + 100)  # a count is compared with the one before it
    facts = companies.facts(CONCEPTS, members.companies, since=since)
    figures = group_figures(panel, member, sectors, facts, count=movers)
    return GroupReport(
        group=name,
        as_of=as_of,
        session=session,
        universe=universe,
        members=members,
        sector=chosen,
        figures=figures,
        rated=rate_members(view, members, session, within=ratings) if ratings else None,
        notes=(
            *([unknown_tickers(strangers)] if strangers else []),
            *_notes(universe, members, figures),
            *set_aside(companies.quarantine(), panel, member),
        ),
        simulated=store.is_simulated,
    )


def _sector(asked: str | None, sectors: list[str]) -> str | None:
    if asked is None:
        return None
    known = sorted({sector for sector in sectors if sector})
    for sector in known:
        if sector.casefold() == asked.casefold():
            return sector
    raise InputError("--sector", asked, ", ".join(known) or "none: no member has a known sector", "choose one")


def set_aside(aside: pd.DataFrame, panel: Panel, member: BoolArray) -> tuple[str, ...]:
    """A note on bars of members that were impossible, and for which no sound bar came since."""
    names, rows = pd.Index(panel.companies), aside[aside["kind"] == "bars"]
    columns = names.get_indexer(pd.Index(rows["company"]))
    places = panel.sessions.get_indexer(pd.DatetimeIndex(rows["event_date"]))
    inside = (columns >= 0) & (places >= max(len(panel.sessions) - SHOWN, 0))
    found = sorted({(int(place), int(column)) for place, column in zip(places[inside], columns[inside], strict=True)
                    if member[column] and not panel.traded[place, column]})  # fmt: skip
    if not found:
        return ()
    shown = few([f"{names[column]} on {panel.sessions[place].date()}" for place, column in reversed(found)])
    return (f"{count(len(found), 'impossible bar')} of members set aside in the last {SHOWN} sessions: {shown}",)


def _notes(universe: Universe, members: Members, figures: GroupFigures) -> tuple[str, ...]:
    notes = []
    if universe.survivorship is not None:
        notes.append(f"{universe.survivorship}: who left before that day, or was not yet listed, is not counted")
    if members.unresolved:
        notes.append(f"not in the store under their tickers of the list: {few(sorted(members.unresolved))}")
    total, value = int(np.count_nonzero(figures.member)), figures.value
    if figures.priced < total:
        printed = figures.screened.panel.close[-1]
        companies = figures.screened.panel.companies
        absent = sorted(companies[column] for column in np.flatnonzero(figures.member & np.isnan(printed)))
        notes.append(f"{count(total - figures.priced, 'member')} without a close on the session: {few(absent)}")
    if value.names < total:
        missing = total - value.names
        notes.append(
            f"{count(missing, 'member')} without a market value (no price, or no count of shares filed within "
            f"{OLDEST} days): not in the weighted figures"
        )
    if value.restated:
        notes.append(
            f"market values of {count(value.restated, 'name')} rest on prices that were delivered divided by later "
            "splits: those of companies that split since are wrong by the split"
        )
    doubted = int(np.count_nonzero(figures.values.doubted & figures.member))
    if doubted:
        notes.append(f"{count(doubted, 'count')} of shares set aside: a quarter of them changed hands on a usual day")
    return tuple(notes)


def _value(value: ValueSummary) -> dict[str, Any]:
    return {
        name: getattr(value, name) for name in ("mean", "median", "lowest", "highest", "total", "names", "restated")
    }


def _growth(growth: dict[int, Growth]) -> dict[str, Any]:
    return {
        str(sessions): {"price": _averages(each.price), "volume": _averages(each.volume)}
        for sessions, each in growth.items()
    }


def _averages(of: Averages) -> dict[str, Any]:
    return {field.name: getattr(of, field.name) for field in fields(of)}


def _breadth(of: Today) -> dict[str, Any]:
    counts = ("names", "advances", "declines", "unchanged", "new_highs", "new_lows", "aged")
    return {
        field.name: int(value) if field.name in counts and not np.isnan(value) else value
        for field in fields(of)
        for value in [getattr(of, field.name)]
    }
