"""The ledger's history, its calibration and its verification, as tables of at most 80 columns."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from bullbear.cli.console import ResultConsole
from bullbear.forecasting.ledger import LIVE, REPLAY
from bullbear.forecasting.ledger_history import KINDS
from bullbear.forecasting.verification import Verification
from bullbear.wording import chance, percent

_TITLES = {
    LIVE: "Live forecasts: the record",
    REPLAY: "Replays: made in hindsight, no record",
    "unknown": "Forecasts of an older version, which did not say when they were issued",
}


def history(found: dict[str, Any], last: int) -> None:
    """Print the `last` evenings of each kind, then the calibration so far."""
    console = ResultConsole()
    for kind in KINDS:
        rows = [row for row in found["forecasts"] if row["kind"] == kind]
        evenings = sorted({row["decided_at"] for row in rows})
        if evenings:
            shown = [row for row in rows if row["decided_at"] in evenings[-last:]]
            console.print(_forecasts(kind, shown, len(evenings), simulated=found["simulated"]))
    if found["calibration"]:
        console.print(_calibration(found["calibration"]))
    console.print(Text(found["statement"]))


def _forecasts(kind: str, rows: list[dict[str, Any]], evenings: int, *, simulated: bool) -> Table:
    shown = len({row["decided_at"] for row in rows})
    title = f"{_TITLES[kind]} ({shown} of {evenings:,} evenings{', SIMULATED' if simulated else ''})"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("entry", "decided", "issued", "question", "p", "usually", "outcome", "position"):
        table.add_column(name, justify="right" if name in ("entry", "p", "usually") else "left")
    for row in sorted(rows, key=lambda row: (row["decided_at"], row["entry"])):
        decided = row["decided_at"][:10]
        table.add_row(
            f"{row['entry']}",
            decided,
            issued(row["issued_at"], decided),
            row["question"] + ("" if row["counts"] else " *"),
            chance(row["p"]),
            chance(row["climatology"]),
            _outcome(row),
            _position(row["positions"]),
        )
    if not all(row["counts"] for row in rows):
        table.caption, table.caption_justify = "* asked again: the first of a day and model counts", "left"
    return table


def _calibration(lines: list[dict[str, Any]]) -> Table:
    table = Table(title="Calibration so far", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("", "question", "resolved", "said", "happened", "usually", "Brier skill, 90 %"):
        table.add_column(name, justify="left" if name in ("", "question") else "right")
    for each in lines:
        figures = [chance(each[name]) for name in ("said", "happened", "climatology")]
        name = {LIVE: "live", REPLAY: "replays"}.get(each["kind"], each["kind"])
        table.add_row(name, each["question"], f"{each['resolved']:,}", *figures, _skill(each))
    return table


def _skill(each: dict[str, Any]) -> str:
    if each["bss"] is None:
        return "unknown"
    said = percent(each["bss"], signed=True)
    if each["bss_low"] is None or each["bss_high"] is None:
        return "too few"  # to say more than chance
    return f"{said} [{100 * each['bss_low']:+.0f}, {100 * each['bss_high']:+.0f}]"


def issued(issued_at: str | None, decided: str) -> str:
    """The hour in UTC if it is of the same day, else the day."""
    if issued_at is None:
        return "unknown"
    return f"{issued_at[11:16]} UTC" if issued_at[:10] == decided else issued_at[:10]


def _outcome(row: dict[str, Any]) -> str:
    if row["y"] is None:
        return f"due {row['resolves_on'][:10]}"
    return "yes" if row["y"] else "no"


def _position(positions: dict[str, float] | None) -> str:
    if positions is None:
        return ""
    held = [f"{percent(weight, 0)} {ticker}" for ticker, weight in positions.items() if weight and ticker != "CASH"]
    return ", ".join(held) or "cash"


def verification(found: Verification) -> None:
    """Print what was checked, and every fault."""
    console = ResultConsole()
    if found.is_sound and not found.entries:
        console.print(Text("nothing to verify: no entries"))
    elif found.is_sound:
        console.print(Text(f"verified: {found.entries:,} entries, the last hash {found.hash[:12]}..."))
    else:
        count = "a fault" if len(found.faults) == 1 else f"{len(found.faults):,} faults"
        console.print(Text(f"NOT verified: {count}; whole before that: {found.entries:,} entries"))
    for fault in found.faults:
        console.print(Text(str(fault)))
    for each in found.witnesses:
        said = {True: "agrees", False: "DISAGREES", None: "not compared: the chain is broken before"}[each.agrees]
        console.print(Text(f"{each.kept_in}: {each.count:,} entries recorded, {said}"))
    if not found.is_sound:
        console.print(Text("restore the file from a copy; forecasts cannot be edited (docs/ledger.md)"))
