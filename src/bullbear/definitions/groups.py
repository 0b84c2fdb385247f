"""`models/groups.toml`: groups of companies, each the dated holdings of a fund or a list that was fixed on one day.

A fixed list is today's list in the past: whatever is computed with it before its day knows who survived. So its day is
part of the definition.
"""

from __future__ import annotations

import csv
import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from bullbear.definitions.models import Day
from bullbear.definitions.reading import Definition, Source, read, validate
from bullbear.errors import DefinitionError, Found

_Ticker = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9.\-]{0,11}$")]
_GROUP_NAME = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_\-]{0,30}$")]
_NO_COMPANIES = ("cash", "derivative", "future")


def _as_text(value: Any) -> Any:
    """TOML has days of its own."""
    plain = isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)
    return value.isoformat() if plain else value


@dataclass(frozen=True)
class Line:
    """A member as a list names it; `weight` is a fraction, NaN where the list has none."""

    ticker: str
    name: str = ""
    sector: str = ""
    weight: float = float("nan")


class Group(Definition):
    """A group of companies: the holdings of `fund`, or `lines`, as they were on the day `fixed_on`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: _GROUP_NAME
    fund: str | None = None
    fixed_on: str | None = None
    lines: tuple[Line, ...] = ()


class _Table(Definition):
    fund: _Ticker | None = None
    fixed_on: Annotated[Day, BeforeValidator(_as_text)] | None = None
    tickers: tuple[_Ticker, ...] | None = Field(default=None, min_length=1, strict=False)
    members: str | None = None

    @model_validator(mode="after")
    def _is_one_of_the_two(self) -> _Table:
        listed = [self.tickers is not None, self.members is not None]
        if self.fund is not None and (any(listed) or self.fixed_on is not None):
            raise ValueError("fund alone, or fixed_on with tickers or members")
        if self.fund is None and (sum(listed) != 1 or self.fixed_on is None):
            raise ValueError("fund alone, or fixed_on with tickers or members")
        return self


class _Tables(Definition):
    model_config = ConfigDict(extra="allow")


class _Named(Definition):
    name: _GROUP_NAME


def read_groups(path: Path) -> Mapping[str, Group]:
    """The groups of a `groups.toml`, by name in the order of the file.

    Raises
    ------
    DefinitionError
        A group makes no sense, or its file of members cannot be used; the message names file and line.
    """
    tables, source = read(path, _Tables)
    return {name: _group(name, table, source) for name, table in (tables.model_extra or {}).items()}


def _group(name: str, table: Any, source: Source) -> Group:
    if not isinstance(table, dict):
        allowed = f'a table, as in [{name}] with fund = "IWM"'
        raise DefinitionError(f"{source.where(name)} ({name})", table, allowed, "correct the file")
    validate({"name": name}, _Named, source, below=(name,))
    found = validate(table, _Table, source, below=(name,))
    if found.members is not None:
        lines = _members(source.path.parent / found.members, f"{source.where(name, 'members')} ({name}.members)")
    else:
        lines = tuple(Line(ticker) for ticker in dict.fromkeys(found.tickers or ()))
    return Group(name=name, fund=found.fund, fixed_on=found.fixed_on, lines=lines)


def _members(path: Path, where: str) -> tuple[Line, ...]:
    """The companies of a list in iShares' format, with its preamble or without."""
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as bad:
        reason = Found(f"{path.name}: {bad.strerror if isinstance(bad, OSError) else bad}")
        raise DefinitionError(where, reason, "a readable CSV beside groups.toml", "check the name") from bad
    start = next((place for place, row in enumerate(rows) if row and row[0].strip() == "Ticker"), None)
    header = [cell.strip() for cell in rows[start]] if start is not None else []
    lines: dict[str, Line] = {}
    for row in rows[len(rows) if start is None else start + 1 :]:
        if not any(cell.strip(" \xa0") for cell in row):
            break  # legal text follows
        cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
        if is_company(cells["Ticker"], cells.get("Sector", ""), cells.get("Asset Class", "")):
            line = Line(cells["Ticker"], cells.get("Name", ""), cells.get("Sector", ""), _weight(cells, where))
            lines.setdefault(line.ticker, line)
    if not lines:
        allowed = "a list with a column Ticker and at least one company"
        raise DefinitionError(where, Found(f"{path.name} has none"), allowed, "name another file")
    return tuple(lines.values())


@lru_cache(maxsize=100_000)  # each line of each list, most of them again and again
def is_company(ticker: str, sector: str = "", asset_class: str = "") -> bool:
    """Whether a line of a list of holdings is a company: not cash, and no future.

    Example
    -------
    >>> is_company("TTMI", "Information Technology"), is_company("RTYM6", "Cash and/or Derivatives"), is_company("-")
    (True, False, False)
    """
    words = f"{sector} {asset_class}".lower()
    return ticker not in ("", "-", "nan") and not any(word in words for word in _NO_COMPANIES)


def _weight(cells: Mapping[str, str], where: str) -> float:
    text = cells.get("Weight (%)", "").replace(",", "")
    try:
        return float(text) / 100.0 if text not in ("", "-") else float("nan")
    except ValueError as bad:
        shown = f"{where}, {cells['Ticker']}"
        raise DefinitionError(shown, text, "a weight in per cent", "correct the file of members") from bad
