"""The instruments as a table, and one of them year by year."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from bullbear.cli.console import ResultConsole

if TYPE_CHECKING:
    from bullbear.decide.tracking import Tracking
    from bullbear.workflows.instruments import Entry

_ERRORS = ("daily", "monthly", "lasting")


def show(entries: Sequence[Entry], *, simulated: bool) -> None:
    """Print all instruments, with the tracking error of those that have a model over the whole overlap."""
    console = ResultConsole()
    table = Table(title=f"{len(entries)} instruments" + (" (SIMULATED market)" if simulated else ""))
    for name in ("ticker", "multiple", "fee", "half-spread, bp", "first bar", "before it", "difference a year",
                 *(f"{name} error" for name in _ERRORS)):  # fmt: skip
        table.add_column(name, justify="left" if name in ("ticker", "first bar", "before it") else "right")
    for each in entries:
        own, fund = each.instrument, each.instrument.model_fund
        whole = each.tracking[-1] if each.tracking else None
        figures = ["" for _ in range(4)]
        if whole is not None:
            figures = [_percent(whole.difference, "+"), *(_percent(getattr(whole, name)) for name in _ERRORS)]
        table.add_row(
            own.ticker, f"{own.multiple:g}", _percent(getattr(own, "expense_ratio", math.nan)),
            f"{own.half_spread_bp:g}", each.first_bar or "no data", "" if fund is None else f"model of {fund.tracks}",
            *figures,
        )  # fmt: skip
    console.print(table)
    if any(each.tracking for each in entries):
        console.print(
            "Difference: of the fund to its model, a year. Errors are a year's standard deviation of that difference: "
            "from one close to the next, over 21 sessions, and without the noise of closes.",
            soft_wrap=True,
        )


def show_one(entry: Entry, *, simulated: bool) -> None:
    """Print one instrument, and its years beside its model."""
    console, own, fund = ResultConsole(), entry.instrument, entry.instrument.model_fund
    console.print(f"{own.ticker}  {own.name}" + ("  SIMULATED market" if simulated else ""))
    costs = f"A trade costs {own.half_spread_bp:g} bp of half-spread and {own.slippage_bp:g} bp of slippage"
    costs += f", and {_percent(own.commission)} of commission" if own.commission else ""
    console.print(f"{costs}.")
    if fund is None:
        console.print("It has no model: its prices are its own." if entry.first_bar else "No data in this store.")
        return
    until = "no bars in this store" if entry.first_bar is None else f"modelled until {entry.first_bar}"
    console.print(
        f"{until}: {fund.multiple:g} x {fund.tracks} a day, fee {_percent(fund.expense_ratio)}, financing "
        f"{_percent(fund.financing_spread)} a year beside the bill rate"
    )
    if not entry.tracking:
        return
    table = Table()
    for name in ("year", "fund", "model", fund.tracks, "difference", *(f"{name} error" for name in _ERRORS),
                 "correlation", f"{fund.multiple:g} x log {fund.tracks}", "decay", "carry", "rest",
                 "fitted multiple", "fitted financing"):  # fmt: skip
        table.add_column(name, justify="right")
    fitted = [(f"{each.multiple:.2f}", _percent(each.financing_spread)) for each in entry.fits]
    last = len(fitted) - 1
    for place, (each, fit) in enumerate(zip(entry.tracking, [*fitted, ("", "")], strict=True)):
        table.add_row(*_year(each), *fit, end_section=place == last)
    console.print(table)
    console.print(
        "Log return of the fund = multiple x log index + decay + carry + rest. Fitted: what the overlap up to "
        "that year's end implies; no price uses it.",
        soft_wrap=True,
    )


def _year(each: Tracking) -> list[str]:
    shown = [_percent(getattr(each, name), "+") for name in ("fund", "model", "index")]
    shown += [_percent(each.difference, "+"), *(_percent(getattr(each, name)) for name in _ERRORS)]
    parts = [_percent(getattr(each, name), "+", 1) for name in ("multiple_of_index", "decay", "carry", "rest")]
    return ["all" if each.year is None else str(each.year), *shown, f"{each.correlation:.4f}", *parts]


def _percent(value: float, sign: str = "", digits: int = 2) -> str:
    return f"{value:{sign}.{digits}%}" if math.isfinite(value) else ""
