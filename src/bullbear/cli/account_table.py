"""The paper account as a table: an evening a row, with each order of the evening before against its fill."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from bullbear.cli.card.account import ended, executed
from bullbear.cli.console import ResultConsole
from bullbear.cli.ledger_tables import issued
from bullbear.wording import percent, short_date


def paper_account(account: dict[str, Any], last: int) -> None:
    """Print the `last` evenings, and how many of all are reconciled."""
    console, evenings = ResultConsole(), account["evenings"]
    market = " (SIMULATED)" if account["simulated"] else ""
    table = Table(title=f"Paper account on {account['ticker']}{market}", title_justify="left", box=None)
    for name in ("evening", "issued", "equity", "since", "what became of the advice of the evening before"):
        table.add_column(name, justify="right" if name in ("equity", "since") else "left")
    for row in evenings[-last:]:
        since = "" if row["return"] is None else percent(row["return"], 2, signed=True)
        lines = [row["note"]] if row["note"] else []
        lines += [executed(order) for order in row["orders"]] + ended(row["fills"])
        told = Text("\n".join(lines) or "no order")
        made = issued(row["issued_at"], row["decided_on"])
        table.add_row(row["decided_on"], made, f"{row['equity']:.4f}", since, told)
    console.print(table)
    held = ", ".join(f"{t} {percent(weight)}" for t, weight in evenings[-1]["advised"].items() if weight)
    open_ones = [row["decided_on"] for row in evenings if not row["reconciled"]]
    agreed = f"{len(evenings) - len(open_ones)} of {len(evenings)} evenings are reconciled"
    gained = percent(account["return"], 2, signed=True)
    console.print(Text(f"Advised from the next open on: {held}."))
    console.print(Text(f"{gained} since {short_date(account['start'])}; {agreed}."))
    if open_ones:
        console.print(Text(f"Not reconciled: {', '.join(open_ones)}."))
