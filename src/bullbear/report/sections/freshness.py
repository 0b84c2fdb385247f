"""How fresh every series was, what the champions read first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bullbear.report.section import Block, Details, Section, Text
from bullbear.report.tables import Table, instant
from bullbear.report.words import UNKNOWN, day


@dataclass(frozen=True)
class Freshness:
    """One series: its last day, when that was known, and whether it is stale; None where nothing is stored.

    `needed` marks what a champion reads.
    """

    kind: str
    series: str
    first: pd.Timestamp | None
    last: pd.Timestamp | None
    last_known_at: pd.Timestamp | None
    age_days: int | None
    max_age_days: int | None
    stale: bool
    needed: bool


def freshness_section(rows: Sequence[Freshness]) -> Section:
    """The section: one sentence, then what the champions read, then the rest."""
    needed, rest = [row for row in rows if row.needed], [row for row in rows if not row.needed]
    lacking = [f"{row.series} ({row.kind.replace('_', ' ')})" for row in needed if row.stale]
    if not needed:
        said = "No champion reads any series."
    elif not lacking:
        said = f"All {len(needed)} series that the champions and their policies read are fresh."
    else:
        said = f"Stale or absent, of {len(needed)} series that champions or their policies read: {'; '.join(lacking)}."
    blocks: list[Block] = [
        Text(said, "lead"),
        Text("Ages are of the close of the forecast; a series is stale beyond what its publication rule allows."),
    ]
    if needed:
        blocks.append(_table(needed, "What the champions and their policies read"))
    if rest:
        stale = sum(row.stale for row in rest)
        blocks.append(
            Details(
                f"{len(rest)} other series, {stale} of them stale", [_table(rest, "Stored, but read by no champion")]
            )
        )
    return Section("freshness", "Freshness of the data", blocks, "Data")


def _table(rows: Sequence[Freshness], caption: str) -> Table:
    return Table(
        caption,
        ("series", "state", "age, days", "at most", "kind", "last day", "known at"),
        tuple(
            (
                row.series,
                ("absent" if row.last is None else "stale") if row.stale else "fresh",
                UNKNOWN if row.age_days is None else f"{row.age_days:,}",
                UNKNOWN if row.max_age_days is None else f"{row.max_age_days:,}",
                row.kind.replace("_", " "),
                UNKNOWN if row.last is None else day(row.last),
                UNKNOWN if row.last_known_at is None else instant(row.last_known_at),
            )
            for row in rows
        ),
        tuple((None, -0.8 if row.stale else None, *(None,) * 5) for row in rows),
        left=(0, 1, 4),
    )
