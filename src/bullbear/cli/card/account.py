"""The account behind the positions: whose it is, what it went through, and the orders for somebody's own dollars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from bullbear.forecasting.card.decision import ENDED, account_of
from bullbear.wording import percent, price, short_date


def account(entry: Mapping[str, Any]) -> Text | None:
    """Which account the positions belong to, and what it went through since the last decision; None without one."""
    if "account" not in entry:  # absent from entries of an earlier version
        return None
    found = entry["account"]
    lines = [account_of(entry)]
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
    lines = [f"Equity {equity:.2f} (start 1.00), {gained} since {short_date(since['session'])}{by_source}."]
    return [*lines, *map(executed, since["orders"]), *ended(since["fills"])]


def executed(order: dict[str, Any]) -> str:
    """An order of a statement against its fill."""
    done = f"{percent(order['wanted'])} advised, {percent(order['reached'])} reached"
    at = "" if order["price"] is None else f" at {price(order['price'])} on {short_date(order['session'])}"
    return f"{order['ticker']} ({order['sleeve']}): {done}{at}; {order['note']}"


def ended(fills: list[dict[str, Any]]) -> list[str]:
    """The fills of a statement that no order asked for."""
    return [
        f"{fill['ticker']} ({fill['sleeve']}): {ENDED[fill['why']]} at {price(fill['price'])} on "
        f"{short_date(fill['session'])}, {percent(fill['weight_before'])} sold"
        for fill in fills
        if fill["why"] in ENDED
    ]


def orders(shown: Mapping[str, Any]) -> Table | None:
    """Orders in whole shares, sales first, and what they leave; None unless they were asked for."""
    if "orders" not in shown:
        return None
    found, portfolio = shown["orders"], shown["portfolio"]
    title = f"Orders for {portfolio['equity']:,.0f} USD, at the closes of {short_date(shown['decided_at'][:10])}"
    if shown.get("ages", {}).get("data", {}).get("old"):
        title += ": prices of today differ"
    table = Table(title=title, title_justify="left", box=None)
    for name in ("", "shares", "fund", "price", "USD", "then held"):
        table.add_column(name, justify="left" if name in ("", "fund") else "right")
    for each in found:
        kind = "sell stop" if each["type"] == "stop" else each["action"]
        cells = (f"{each['shares']:,}", each["ticker"], price(each["price"]), f"{each['value']:,.0f}")
        table.add_row(kind, *cells, f"{each['shares_after']:,g}")
    if not found:
        table.add_row("none")
    cash, cost = f"{portfolio['cash_after']:,.0f}", f"{portfolio['cost']:,.2f}"
    table.add_row("", "", "CASH", "", cash, f"costs of about {cost}")
    for note in portfolio["notes"]:
        table.add_row("", "", Text(note, style="dim"))
    return table
