"""Positions from the next open on: what to trade, what each agent then holds and why, and what would come next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bullbear.decide.instruments import CASH
from bullbear.forecasting.card.decision import (
    AGENTS,
    Holding,
    holdings_of,
    next_of,
    orders_of,
    reasons_of,
    trend_of,
)
from bullbear.wording import capital, percent, price

_COLUMNS = ("agent", "fund", "weight", "tier", "stop order", "sold at a close below", "bought back at a close above")


def positions(entry: Mapping[str, Any]) -> RenderableType:
    """The trades, and what each agent holds from the next open on, with the levels that stand."""
    rows: list[dict[str, str]] = []
    found = holdings_of(entry)
    for agent in AGENTS:
        rows += [_row(each) for each in found if each.agent == agent] or [{"agent": agent, "fund": "no position"}]
    rows += [_row(each) for each in found if each.agent not in AGENTS]
    rows.append({"fund": CASH, "weight": percent(entry["positions"][CASH])})
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    names = [name for name in _COLUMNS if any(name in row for row in rows)]
    for name in names:
        table.add_column(name, justify="left" if name in ("agent", "fund") else "right")
    for row in rows:
        table.add_row(*(row.get(name, "") for name in names))
    return Group(_trades(entry), table)


NO_TRADE = "No trade at the next open."


def _trades(entry: Mapping[str, Any]) -> Text:
    orders = orders_of(entry)
    if not orders and "account" not in entry:
        return Text("From the next open on", style="bold")
    told = f"At the next open: {'; '.join(order.sentence for order in orders)}." if orders else NO_TRADE
    # Somebody's own orders stand on top: these are not his.
    return Text(f"The policy's own account. {told}" if "orders" in entry else told, style="bold")


def _row(holding: Holding) -> dict[str, str]:
    row = {"agent": holding.agent, "fund": holding.name, "weight": percent(holding.weight)}
    if holding.tier and holding.weight:
        row["tier"] = str(holding.tier)
    levels = (holding.stop_order, holding.stop_close, holding.reentry)
    return row | {name: price(level) for name, level in zip(_COLUMNS[4:], levels, strict=True) if level is not None}


def reasons(entry: Mapping[str, Any]) -> Table | None:
    """Each agent's reasons; None where there are none."""
    found = reasons_of(entry)
    table = Table.grid(padding=(0, 1))
    for agent, reason in found:
        table.add_row(f"{capital(agent)}:", Text(f"{reason}."))
    return table if found else None


def next_steps(entry: Mapping[str, Any]) -> Text | None:
    """The trend, and what each agent would do next; None where the policy says neither."""
    lines = [f"Trend of the agents: {trend}"] if (trend := trend_of(entry)) else []
    lines += [f"Next: {sentence}" for sentence in next_of(entry)]
    return Text("\n".join(lines)) if lines else None
