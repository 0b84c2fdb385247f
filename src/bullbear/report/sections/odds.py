"""The odds of the events of the look-back, active ones first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bullbear.odds.statements import FALSE_DISCOVERY_RATE
from bullbear.report.section import Block, Bullets, Details, Section, Text
from bullbear.report.tables import Table, number
from bullbear.report.words import UNKNOWN, day, per_cent
from bullbear.wording import capital


@dataclass(frozen=True)
class OddsTable:
    """Odds documents as of the close, active ones first, then by q-value; `note` says why there are none."""

    ticker: str
    horizon: int
    odds: tuple[Mapping[str, Any], ...]
    note: str = ""


def odds_section(found: OddsTable) -> Section:
    """The section: what is beyond luck in words, then the tables."""
    if not found.odds:
        return Section("odds", "Odds after events", [Text(found.note or "No event has occurred.")], "Odds")
    active = [each for each in found.odds if each["active"]]
    others = [each for each in found.odds if not each["active"]]
    tested = max(each["tested"] for each in found.odds)
    beyond = [
        each["statement"]
        for each in found.odds
        if each["q_value"] is not None and each["q_value"] <= FALSE_DISCOVERY_RATE
    ]
    blocks: list[Block] = [
        Text(
            f"What followed {found.ticker}'s events over {found.horizon} sessions in the past, beside what usually "
            f"follows. q is the share of false findings among all {tested} events with at most that q: above "
            f"{FALSE_DISCOVERY_RATE:.2f} a difference may well be chance."
        ),
        Bullets(beyond) if beyond else Text("None of these odds is beyond what luck explains."),
        _table(active, "Active: its outcome is still open") if active else Text("No event is active at this close."),
    ]
    if others:
        blocks.append(Details(f"{len(others)} earlier events of the look-back", [_table(others, "No longer active")]))
    return Section("odds", "Odds after events", blocks, "Odds")


def _table(odds: Sequence[Mapping[str, Any]], caption: str) -> Table:
    return Table(
        f"{caption}; odds of a rise after a bullish event, of a fall after a bearish one, with their 90 % interval. "
        "Cases overlap, so they count as fewer independent ones",
        ("on", "event", "odds", "usually", "lift", "cases (independent)", "q"),
        tuple(_row(each) for each in odds),
        tuple((None,) * 6 + (_found(each),) for each in odds),
        stack=True,
        left=(0, 1, 2),
    )


def _row(each: Mapping[str, Any]) -> tuple[str, ...]:
    opening = (day(each["occurred_on"]), capital(str(each["says"])))
    move = "fall" if each["direction"] == "bearish" else "rise"
    if not each["cases"]:
        return (*opening, f"{move} {UNKNOWN}", UNKNOWN, UNKNOWN, "0", UNKNOWN)
    return (
        *opening,
        f"{move} {per_cent(each['odds'])} ({per_cent(each['odds_low'])} to {per_cent(each['odds_high'])})",
        per_cent(each["base_rate"]),
        number(each["lift"]),
        f"{each['continued']} of {each['cases']} ({number(each['effective_cases'], 1)})",
        number(each["q_value"]),
    )


def _found(each: Mapping[str, Any]) -> float | None:
    q = each["q_value"]
    return 0.6 if q is not None and q <= FALSE_DISCOVERY_RATE else None
