"""The card put together, from what to do to where it all comes from; needs rich alone.

It prints an entry with its card as `forecast --json` has them. Of an entry alone, or of one of an earlier version, what
is not there is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bullbear.cli.card.account import account, orders
from bullbear.cli.card.changes import changes
from bullbear.cli.card.evidence import odds, situations
from bullbear.cli.card.foot import drivers, foot
from bullbear.cli.card.outlook import outlook
from bullbear.cli.card.positions import next_steps, positions, reasons
from bullbear.cli.console import ResultConsole
from bullbear.cli.located import at_the_same_place
from bullbear.forecasting.card.price import price_sentence
from bullbear.forecasting.card.summary import summary_of
from bullbear.wording import long_date

_WIDEST = 120
"""Longer lines are hard to read."""


def forecast(shown: dict[str, Any]) -> None:
    """Print a ledger entry with its card."""
    console = ResultConsole()
    console.print(forecast_panel(shown), width=min(console.width, _WIDEST))


def forecast_panel(shown: dict[str, Any]) -> Panel:
    """A ledger entry with its card as a panel."""
    body = Table.grid(padding=(0, 1))
    for number, part in enumerate(_parts(shown)):
        if number:
            body.add_row("")
        body.add_row(part)
    title = f"{shown['ticker']} at the close of {long_date(date.fromisoformat(shown['decided_at'][:10]))}"
    title += "  SIMULATED" if shown["data"].get("simulated", False) else ""
    return Panel(body, title=Text(title), expand=False)


def _parts(shown: dict[str, Any]) -> Iterator[RenderableType]:
    yield _top(shown)
    yield outlook(shown)
    for part in (
        changes(shown),
        positions(shown),
        reasons(shown),
        next_steps(shown),
        account(shown),
        orders(shown),
        odds(shown),
        situations(shown),
        drivers(shown),
    ):
        if part is not None:
            yield part
    yield foot(shown)


def _top(shown: dict[str, Any]) -> Text:
    """What must be known before anything else, the summary, and the price."""
    text = Text()
    for line in shown.get("ages", {}).get("notice", ()):
        text.append(f"{at_the_same_place(line)}\n", style="bold red")
    text.append(shown.get("summary") or summary_of(shown, None), style="bold")
    if price := shown.get("price"):
        text.append(f"\n{price_sentence(price)}")
    return text
