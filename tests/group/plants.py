"""Misprints to plant into a panel, one at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bullbear.data.companies import Panel

PRICES = ("open", "high", "low", "close")
NAN = float("nan")

RECOVERED = {
    "price x 10": (PRICES, 10.0),
    "price x 100": (PRICES, 100.0),
    "price / 10": (PRICES, 0.1),
    "price / 100": (PRICES, 0.01),
    "close x 10": (("close",), 10.0),
    "close / 100": (("close",), 0.01),
    "split of 2 not applied": (PRICES, 2.0),
    "split of 3 not applied": (PRICES, 3.0),
    "reverse split of 10 not applied": (PRICES, 0.1),
    "split of 2 applied too early": (PRICES, 0.5),
}
"""Those that can be read right: fields, and what they are multiplied by."""
LOST = {"zero": (PRICES, 0.0), "zero close": (("close",), 0.0), "negative close": (("close",), -1.0)}
"""Those of which nothing can be known but that they are wrong."""
VOLUMES = {"volume x 10": 10.0, "volume x 100": 100.0, "volume / 10": 0.1, "volume / 100": 0.01, "no volume": 0.0}


def multiplied(panel: Panel, row: int, column: int, fields: tuple[str, ...], factor: float) -> Panel:
    """The panel with some fields of one bar multiplied."""
    tables = {}
    for name in fields:
        tables[name] = getattr(panel, name).copy()
        tables[name][row, column] *= factor
    return replace(panel, **tables)


def stale(panel: Panel, row: int, column: int) -> Panel:
    """The panel with one bar repeated on the next session, volume and all."""
    tables = {}
    for name in (*PRICES, "volume"):
        tables[name] = getattr(panel, name).copy()
        tables[name][row, column] = tables[name][row - 1, column]
    return replace(panel, **tables)


def without_price(panel: Panel, row: int, column: int) -> Panel:
    """The panel without the prices of one bar, its volume kept."""
    return multiplied(panel, row, column, PRICES, NAN)


def unrecorded(panel: Panel, row: int, column: int) -> Panel:
    """The panel without the record of a split of 2 that a company makes at a session, and stays made."""
    tables = {}
    for name in (*PRICES, "volume"):
        tables[name] = getattr(panel, name).copy()
        tables[name][row:, column] *= 2.0 if name == "volume" else 0.5
    return replace(panel, **tables)


def recorded(panel: Panel, row: int, column: int) -> Panel:
    """The same split, recorded."""
    split = panel.split.copy()
    split[row, column] *= 2.0
    return replace(unrecorded(panel, row, column), split=split)


def jump(panel: Panel, row: int, column: int, factor: float, shares: float, span: float) -> Panel:
    """A real jump: the price stays, `shares` times the usual volume change hands, within a range of `span`."""
    tables = {name: getattr(panel, name).copy() for name in (*PRICES, "volume")}
    for name in PRICES:
        tables[name][row:, column] *= factor
    tables["volume"][row, column] *= shares
    tables["volume"][row + 1 :, column] *= np.sqrt(shares)
    close = tables["close"][row, column]
    tables["high"][row, column] = close * np.exp(span / 2)
    tables["low"][row, column] = close * np.exp(-span / 2)
    return replace(panel, **tables)
