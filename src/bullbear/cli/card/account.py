"""The account behind the positions: whose it is, what it went through, and the orders for somebody's own dollars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from bullbear.wording import percent


def account(entry: Mapping[str, Any]) -> Text | None:
    """Which account the positions belong to, and what it went through since the last decision; None without one."""
    if "account" not in entry:  # absent from entries of an earlier version
        return None
    found = entry["account"]
    lines = [
        "Positions follow the paper account of live advice."
        if found["kind"] == "advised"
        else "Positions are those of the champion's own backtest: this is a replay, not live advice."
    ]
    if "replaces" in found:
        lines.append(f"This replaces the advice of ledger entry {found['replaces']}, given earlier this evening.")
    if since := found.get("since"):
        lines += _since(since, found["book"]["equity"])
    return Text("\n".join(lines))


def _since(since: dict[str, Any], equity: float) -> list[str]:
    """Equity, profit and fills since the last decision, each order with what differed from the advice."""
    before, profit = since["equity"], since["profit"]
    parts = [
        f"{name} {percent(amount / before, 2, signed=True)}"
        for name, amount in profit.items()
        if name != "total" and abs(amount / before) >= 0.00005
    ]
    by_source = f" ({', '.join(parts)})" if len(parts) > 1 else ""
    gained = percent(since["return"], 2, signed=True)
    lines = [f"1 dollar at the start is {equity:.2f} now, {gained} since {since['session']}{by_source}."]
    return [*lines, *map(executed, since["orders"]), *ended(since["fills"])]


def executed(order: dict[str, Any]) -> str:
    """An order of a statement against its fill."""
    done = f"{percent(order['wanted'])} advised, {percent(order['reached'])} reached"
    at = "" if order["price"] is None else f" at {order['price']:.2f} on {order['session']}"
    return f"{order['ticker']} ({order['sleeve']}): {done}{at}; {order['note']}"


def ended(fills: list[dict[str, Any]]) -> list[str]:
    """The fills of a statement that no order asked for."""
    return [
        f"{fill['ticker']} ({fill['sleeve']}): {_ENDED[fill['why']]} at {fill['price']:.2f} on {fill['session']}, "
        f"{percent(fill['weight_before'])} sold"
        for fill in fills
        if fill["why"] in _ENDED
    ]


_ENDED = {"stop": "stopped out", "expiry": "paid out"}


def orders(shown: Mapping[str, Any]) -> Table | None:
    """Orders in whole shares, sales first, and what they leave; None unless they were asked for."""
    if "orders" not in shown:
        return None
    found, portfolio = shown["orders"], shown["portfolio"]
    table = Table(title=f"Orders for {portfolio['equity']:,.0f} USD", title_justify="left", box=None)
    for name in ("", "shares", "fund", "price", "USD", "then held"):
        table.add_column(name, justify="left" if name in ("", "fund") else "right")
    for each in found:
        kind = "sell stop" if each["type"] == "stop" else each["action"]
        price, value = f"{each['price']:,.2f}", f"{each['value']:,.0f}"
        table.add_row(kind, f"{each['shares']:,}", each["ticker"], price, value, f"{each['shares_after']:,g}")
    if not found:
        table.add_row("none")
    cash, cost = f"{portfolio['cash_after']:,.0f}", f"{portfolio['cost']:,.2f}"
    table.add_row("", "", "CASH", "", cash, f"costs of about {cost}")
    for note in portfolio["notes"]:
        table.add_row("", "", Text(note, style="dim"))
    return table
