"""Sections of the report: an id, a title and blocks of text, tables, facts, tiles and charts.

A section is made by a function of `sections/` from plain data; the page numbers, links and lays out what it is given.
All text is escaped by the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from bullbear.report.charts import Chart
from bullbear.report.tables import Table


@dataclass(frozen=True)
class Text:
    """A paragraph: `lead` is large, `soft` pale, `note` and `warning` stand in a box."""

    text: str
    tone: Literal["plain", "lead", "soft", "note", "warning"] = "plain"
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Heading:
    """A heading inside a section; `id` makes it a place that can be linked to."""

    text: str
    id: str = ""
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Bullets:
    """A list of short sentences."""

    lines: Sequence[str]
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True)
class Facts:
    """Names with their values, such as a run and its hash."""

    rows: Sequence[tuple[str, str]]
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Tile:
    """One number that a reader looks for first; `tone` colours it."""

    label: str
    value: str
    note: str = ""
    tone: Literal["plain", "bull", "bear", "alarm"] = "plain"


@dataclass(frozen=True)
class Tiles:
    """Numbers side by side, below one another on a phone."""

    tiles: Sequence[Tile]
    kind: ClassVar[str] = "tiles"


@dataclass(frozen=True)
class Panel:
    """Blocks in a frame of their own, such as one agent of the card; panels in a row stand side by side."""

    title: str
    blocks: Sequence[Block]
    kind: ClassVar[str] = "panel"


@dataclass(frozen=True)
class Grid:
    """Panels or small charts side by side where the page is wide enough."""

    blocks: Sequence[Block]
    kind: ClassVar[str] = "grid"


@dataclass(frozen=True)
class Details:
    """Blocks that open on a click, for what few readers need; they print open."""

    summary: str
    blocks: Sequence[Block]
    kind: ClassVar[str] = "details"


Block = Text | Heading | Bullets | Facts | Tiles | Panel | Grid | Details | Table | Chart


@dataclass(frozen=True)
class Section:
    """One part of the page; `short` is its name in the table of contents."""

    id: str
    title: str
    blocks: Sequence[Block]
    short: str = ""

    @property
    def charts(self) -> tuple[Chart, ...]:
        """All charts, those inside grids, panels and details, too."""
        return tuple(_charts(self.blocks))


def _charts(blocks: Sequence[Block]) -> list[Chart]:
    found: list[Chart] = []
    for block in blocks:
        if isinstance(block, Chart):
            found.append(block)
        elif isinstance(block, Panel | Grid | Details):
            found.extend(_charts(block.blocks))
    return found
