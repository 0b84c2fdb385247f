"""The files of a directory of companies, and reading them.

`prices/`, `splits/`, `dividends/` and `short_interest/` hold a file per company, named by its identity, usually its
ticker. `filed_facts.csv` and `listings.csv` hold all companies. `members_YYYY-MM-DD.csv` is a fund's list in the format
of iShares, with or without its preamble; `holdings/FUND.csv` is as in a snapshot.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from bullbear import sessions
from bullbear.data import csv_files
from bullbear.data.csv_files import LAYOUTS, Layout
from bullbear.errors import Found, InputError, SnapshotError

FUND = "IWM"
"""Whose members `members_YYYY-MM-DD.csv` lists."""

FACTS, LISTINGS = "filed_facts.csv", "listings.csv"

BY_COMPANY = {
    layout.folder: layout
    for layout in (
        # Not of the kind `bars`, of which an impossible row refuses the file: here it is set aside by itself.
        Layout(
            "prices",
            "company_bars",
            ("date",),
            ("open", "high", "low", "close", "volume"),
            optional_numbers=("adj_close",),
        ),
        Layout("splits", "splits", ("date",), ("ratio",)),
        LAYOUTS["dividends"],
        LAYOUTS["short_interest"],
    )
}
_WHOLE = {
    FACTS: Layout(
        "",
        "facts",
        ("known_at", "end_date"),
        ("value",),
        texts=("ticker", "concept"),
        optional_days=("start_date",),
        optional_texts=("form", "unit"),
        is_loose=True,
    ),
    LISTINGS: Layout(
        "",
        "listings",
        ("date",),
        (),
        texts=("ticker",),
        optional_texts=("company", "name", "cik", "exchange", "sector", "status", "known_at"),
        is_loose=True,
    ),
}
_MEMBERS = re.compile(r"members_(\d{4}-\d{2}-\d{2})\.csv", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Directory:
    """What a directory of companies holds, and notes on what is ignored.

    `by_company` are the files of each company by folder, `holdings` those of funds.
    """

    by_company: dict[str, dict[str, Path]]
    holdings: dict[str, Path]
    members: dict[pd.Timestamp, Path]
    facts: Path | None
    listings: Path | None
    notes: list[str]

    @property
    def count(self) -> int:
        """The number of files."""
        alone = (self.facts is not None) + (self.listings is not None) + len(self.holdings) + len(self.members)
        return alone + sum(len(files) for files in self.by_company.values())


def is_of_companies(directory: Path) -> bool:
    """Whether a directory holds the facts that companies filed, or a dated list of members."""
    if not directory.is_dir():
        return False
    return any(path.name.lower() == FACTS or _MEMBERS.fullmatch(path.name) for path in directory.iterdir())


def listed(directory: Path) -> Directory:
    """The files of a directory of companies.

    Raises
    ------
    SnapshotError
        It holds none, or two files of one company that differ in letter case alone.
    """
    if not directory.is_dir():
        raise SnapshotError(str(directory), Found("no such folder"), "a directory of companies", "check the path")
    found = Directory({}, {}, {}, None, None, [])
    for entry in sorted(directory.iterdir()):
        name = entry.name.lower()
        dated = _MEMBERS.fullmatch(name)
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and name in (*BY_COMPANY, "holdings"):
            for path in sorted(entry.iterdir()):
                if path.suffix.lower() != ".csv" or path.name.startswith("."):
                    found.notes.append(f"{entry.name}/{path.name}: ignored, not a .csv file")
                    continue
                series = path.stem.strip().upper()
                files = found.holdings if name == "holdings" else found.by_company.setdefault(series, {})
                key = series if name == "holdings" else name
                if key in files:
                    raise SnapshotError(
                        f"{entry.name}/{path.name}", f"another file of {series}", "one file each", "keep one of them"
                    )
                files[key] = path
        elif dated and entry.is_file():
            found.members[_day_of(entry, dated[1])] = entry
        elif name == FACTS:
            found = replace(found, facts=entry)
        elif name == LISTINGS:
            found = replace(found, listings=entry)
        else:
            found.notes.append(f"{entry.name}: ignored, not part of a directory of companies")
    if not found.count:
        allowed = f"{FACTS}, members_YYYY-MM-DD.csv or CSV files in {', '.join(BY_COMPANY)}"
        raise SnapshotError(directory.name, Found("no file to load"), allowed, "choose a directory of companies")
    return found


def read_one(folder: str, path: Path) -> tuple[pd.DataFrame, list[str]]:
    """The rows of one company's file with `event_date`, and notes; SnapshotError where it is refused."""
    layout = BY_COMPANY[folder]
    rows, notes = csv_files.read(path, layout)
    return rows.rename(columns={layout.days[0]: "event_date"}), notes


def read_facts(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Columns known_at and end_date (days), ticker, concept, value, start_date, form, unit; and notes."""
    return csv_files.read(path, _WHOLE[FACTS])


def read_listings(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Columns date, ticker and the optional ones that the file has; and notes."""
    return csv_files.read(path, _WHOLE[LISTINGS])


def read_members(path: Path, day: pd.Timestamp) -> tuple[pd.DataFrame, list[str]]:
    """A fund's list as the rows of a file in `holdings/`, with the exchange of each line; and notes.

    Raises
    ------
    SnapshotError
        It is no list in the format of iShares.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as bad:
        raise SnapshotError(path.name, str(bad), "UTF-8 text that can be read", "check the file") from None
    start = next((place for place, line in enumerate(lines) if line.lstrip('"').startswith("Ticker")), None)
    if start is None:
        value = Found("no line that begins with `Ticker,`")
        raise SnapshotError(path.name, value, "a list in the format of iShares", "export it again")
    stop = next((place for place in range(start, len(lines)) if not lines[place].strip(' ,"\xa0')), len(lines))
    text = io.StringIO("\n".join(lines[start:stop]))
    table = pd.read_csv(text, dtype="str", keep_default_na=False, skipinitialspace=True)
    shares = "Shares" if "Shares" in table else "Quantity"
    for name in ("Name", "Sector", "Weight (%)", "Market Value", shares):
        if name not in table:
            raise SnapshotError(f"{path.name}:{start + 1}", Found(f"no column {name}"), "Ticker, Name, Sector, "
                                "Weight (%), Market Value, Shares or Quantity", "export it again")  # fmt: skip
    frame = pd.DataFrame({"as_of": day, "ticker": table["Ticker"].str.strip(), "name": table["Name"].str.strip()})
    frame["sector"] = table["Sector"].str.strip()
    for column, name in (("weight", "Weight (%)"), ("market_value", "Market Value"), ("shares", shares)):
        frame[column] = _numbers(f"{path.name}:{{}}", start + 2, table[name], name)
    frame["exchange"] = table["Exchange"].str.strip() if "Exchange" in table else ""
    frame["is_equity"] = table["Asset Class"].str.strip() == "Equity" if "Asset Class" in table else True
    frame["ticker"] = frame["ticker"].where(frame["ticker"] != "", "-")  # cash
    frame = frame.drop_duplicates(["ticker", "name"], ignore_index=True).astype({"as_of": "datetime64[us]"})
    weight = frame["weight"].sum()
    is_whole = 95 <= weight <= 105
    return frame, [] if is_whole else [f"{path.name}: the weights of {len(frame)} lines add up to {weight:.1f} %"]


def _numbers(where: str, first: int, column: pd.Series, name: str) -> pd.Series:
    texts = column.str.replace(",", "").str.strip()
    texts = texts.where(~texts.isin(["", "-"]), "nan")
    numbers = pd.to_numeric(texts, errors="coerce")
    odd = (numbers.isna() & (texts != "nan")).to_numpy()
    if odd.any():
        place = int(odd.argmax())
        raise SnapshotError(where.format(first + place), column.iloc[place], f"a number as {name}", "correct the line")
    return numbers.astype("float64")


def _day_of(path: Path, text: str) -> pd.Timestamp:
    try:
        return sessions.day(text)
    except InputError:
        raise SnapshotError(path.name, text, "a day as YYYY-MM-DD in the name", "rename the file") from None
