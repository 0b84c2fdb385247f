"""The positions that somebody really holds, from a CSV: `ticker,shares[,cost]`, a line each.

What cannot be meant is refused with its line: an unknown ticker, a negative number of shares, a ticker named twice.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bullbear.decide.instruments import CASH
from bullbear.errors import Found, InputError

_COLUMNS = ("ticker", "shares", "cost")
_ALLOWED = "the columns ticker,shares and, if known, cost (dollars a share)"


@dataclass(frozen=True, slots=True)
class Position:
    """Shares of one ticker, and what a share cost on average (None: unknown)."""

    ticker: str
    shares: float
    cost: float | None = None


def read_positions(path: Path, known: Collection[str]) -> dict[str, Position]:
    """The positions of a CSV, by ticker; a file of no lines but the header is an account in cash.

    Parameters
    ----------
    known
        The tickers that may be held.

    Raises
    ------
    InputError
        The file cannot be read, or a line makes no sense; the message names file and line.
    """
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines(), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as bad:
        why = "no such file" if isinstance(bad, FileNotFoundError) else "no CSV in UTF-8 that can be read"
        raise InputError(str(path), Found(why), f"a CSV with {_ALLOWED}", "check the path and the file") from bad
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if not {"ticker", "shares"} <= set(header) or not set(header) <= set(_COLUMNS) or len(set(header)) < len(header):
        raise InputError(f"{path}:1", ",".join(header), _ALLOWED, "correct the first line")
    found: dict[str, Position] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        where = f"{path}:{number}"
        if len(row) != len(header):
            raise InputError(where, ",".join(row), f"{len(header)} cells: {','.join(header)}", "correct the line")
        cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
        position = _position(where, cells, known)
        if position.ticker in found:
            raise InputError(f"{where} (ticker)", position.ticker, "one line for each ticker", "add the lines up")
        found[position.ticker] = position
    return found


def _position(where: str, cells: dict[str, str], known: Collection[str]) -> Position:
    ticker = cells["ticker"].upper()
    allowed = ", ".join(sorted(set(known) - {CASH}))
    if ticker == CASH:
        raise InputError(f"{where} (ticker)", ticker, allowed, "leave cash out: it is what --equity leaves")
    if ticker not in known:
        raise InputError(
            f"{where} (ticker)",
            ticker,
            allowed,
            "leave out what bullbear does not trade, or define it in instruments.toml",
        )
    shares = _number(f"{where} (shares)", cells["shares"])
    cost = _number(f"{where} (cost)", cells["cost"]) if cells.get("cost") else None
    return Position(ticker, shares, cost)


def _number(where: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 <= number < math.inf:
        raise InputError(where, text, "a number from 0, such as 120 or 61.5", "correct the cell; no short positions")
    return number
