"""What the fund looks like inside: market values, growth, breadth, sectors and movers of its members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bullbear.group.statistics import SHOWN
from bullbear.report.section import Block, Bullets, Section, Text
from bullbear.report.tables import Table
from bullbear.report.words import UNKNOWN, day, per_cent
from bullbear.wording import dollars

_WINDOWS = {"5": "a week", "21": "a month", "63": "a quarter"}


@dataclass(frozen=True)
class Inside:
    """The document of `bullbear group --json` at the close of the forecast, or why there is none."""

    ticker: str
    document: Mapping[str, Any] | None
    missing: str = ""


def group_section(found: Inside) -> Section:
    """The section; one sentence where the members or their prices are not known."""
    title = f"Inside {found.ticker}"
    document = found.document
    if document is None:
        return Section("inside", title, [Text(found.missing)], "Inside")
    members, value, breadth = document["membership"], document["market_value"], document["breadth"]
    blocks: list[Block] = [
        Text(
            f"{breadth['advances'] or 0:,} of {breadth['names']:,} members rose and {breadth['declines'] or 0:,} fell; "
            f"{per_cent(breadth['above_50'])} stand above their 50-day average, {per_cent(breadth['above_200'])} above "
            f"the 200-day. {_whole(breadth['new_highs'])} made a new high of 252 sessions, "
            f"{_whole(breadth['new_lows'])} a new low.",
            "lead",
        ),
        Text(
            f"{members['members']:,} members ({members['source']}), {members['priced']:,} with a price. Market value: "
            f"mean {dollars(value['mean'])}, median {dollars(value['median'])}, from {_extreme(value['smallest'])} "
            f"to {_extreme(value['largest'])}; {value['names']:,} names."
        ),
        _growth(document["growth"]),
    ]
    if len(document["sectors"]) > 1:
        blocks.append(_sectors(document["sectors"]))
    if document["movers"]:
        blocks.append(_movers(document["movers"]))
    wrong = len(document["suspects"])
    said = [*document["notes"]]
    if wrong:
        said.append(f"suspicious prices or volumes of the last {SHOWN} sessions, corrected or left out: {wrong:,}")
    if said:
        blocks.append(Bullets(said))
    blocks.append(Text(f"As known at the close of {day(document['session'])}.", "soft"))
    return Section("inside", title, blocks, "Inside")


def _growth(growth: Mapping[str, Any]) -> Table:
    rows = []
    for kind in ("price", "volume"):
        for sessions, both in growth.items():
            of = both[kind]
            figures = (per_cent(of[name], 1, signed=True) for name in ("median", "weighted", "trimmed"))
            rows.append((f"{kind}, {_WINDOWS.get(sessions, sessions)}", *figures, f"{of['names']:,}"))
    head = ("Growth of", "median", "weighted by value", "trimmed mean", "names")
    return Table("Growth of the members; trimmed of 5 % at each end", head, tuple(rows))


def _sectors(sectors: list[Mapping[str, Any]]) -> Table:
    rows = tuple(
        (
            each["sector"],
            f"{each['members']:,}",
            *(per_cent(growth["price"]["median"], 1, signed=True) for growth in each["growth"].values()),
            per_cent(each["above_50"]),
            per_cent(each["above_200"]),
        )
        for each in sectors
    )
    head = ("Sector", "members", "week", "month", "quarter", "above 50-day", "above 200-day")
    return Table("Median growth of price, and trend, by sector", head, rows)


def _movers(movers: list[Mapping[str, Any]]) -> Table:
    rows = tuple(
        (each["ticker"], each["name"] or "", per_cent(each["growth"], 1, signed=True), each["verdict"])
        for each in movers
    )
    head = ("Ticker", "name", "growth", "verdict")
    return Table(f"Largest movers over {movers[0]['sessions']} sessions", head, rows, left=(0, 1, 3))


def _extreme(named: Mapping[str, Any] | None) -> str:
    return UNKNOWN if named is None else f"{dollars(named['value'])} ({named['ticker']})"


def _whole(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"
