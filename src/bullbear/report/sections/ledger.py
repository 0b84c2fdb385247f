"""The ledger: what was really forecast, when it was issued, what came of it, and the score of the live forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bullbear.report.section import Block, Details, Section, Text
from bullbear.report.tables import Table, instant
from bullbear.report.words import UNKNOWN, day, per_cent

SHOWN = 40
"""Forecasts of `up` in the table, the newest first."""
_KINDS = {"live": "live", "replay": "replay", "unknown": "not recorded"}


@dataclass(frozen=True)
class Chance:
    """Live forecasts from `low` to `high`: how many, their mean, and the share that came true."""

    low: float
    high: float
    n: int
    mean_p: float
    share: float


@dataclass(frozen=True)
class LedgerRecord:
    """The document of `bullbear score` with what had resolved by the decision.

    `means` are the mean live forecast and the share that came true, by question of which one has resolved; `chances`
    the same over all questions by the size of the forecast.
    """

    document: Mapping[str, Any]
    means: Mapping[str, tuple[float, float]]
    chances: tuple[Chance, ...]


def ledger_section(found: LedgerRecord) -> Section:
    """The section: the live score first, replays apart."""
    document = found.document
    blocks: list[Block] = [
        Text(str(document["statement"]), "lead"),
        Text(
            "Live forecasts were issued before the next session opened, and they alone are the record. A replay was "
            "made later, in hindsight. Every entry carries the hash of the one before: none can be changed unseen."
        ),
    ]
    records = list(document["forecasts"])
    if not records:
        return Section("ledger", "Ledger and live score", blocks, "Ledger")
    blocks.append(_scores(document["questions"], found.means))
    if found.chances:
        blocks.append(_calibration(found.chances))
    else:
        blocks.append(Text("No live forecast has resolved yet, so its calibration is unknown."))
    ups = [each for each in records if each["question"] == "up"][::-1]
    shown = ups[:SHOWN]
    if shown:
        blocks.append(_forecasts(shown[:8], f"Forecasts of the direction: the newest of {len(ups):,}"))
    if len(shown) > 8:
        blocks.append(Details(f"{len(shown) - 8} forecasts before these", [_forecasts(shown[8:], "Earlier forecasts")]))
    return Section("ledger", "Ledger and live score", blocks, "Ledger")


def _scores(questions: Sequence[Mapping[str, Any]], means: Mapping[str, tuple[float, float]]) -> Table:
    rows = []
    for each in questions:
        live, replays = each["live"], each["replays"]
        said, happened = means.get(str(each["question"]), (None, None))
        interval = UNKNOWN
        if live["bss_low"] is not None and live["bss_high"] is not None:
            interval = f"{per_cent(live['bss_low'], 1, signed=True)} to {per_cent(live['bss_high'], 1, signed=True)}"
        rows.append(
            (
                str(each["question"]),
                f"{live['entries']:,}",
                f"{live['resolved']:,}",
                f"{live['pending']:,}",
                per_cent(said),
                per_cent(happened),
                per_cent(live["bss"], 1, signed=True),
                interval,
                f"{replays['entries']:,}",
                per_cent(replays["bss"], 1, signed=True),
            )
        )
    return Table(
        "By question; Brier skill against the base rate, replays apart",
        (
            "question",
            "live",
            "resolved",
            "pending",
            "mean forecast",
            "came true",
            "skill",
            "90 % interval",
            "replays",
            "their skill",
        ),
        tuple(rows),
    )


def _calibration(chances: Sequence[Chance]) -> Table:
    return Table(
        "Calibration so far: live forecasts of all questions by their size, and how many of them came true",
        ("forecast", "forecasts", "mean forecast", "came true"),
        tuple(
            (
                f"{100 * each.low:.0f} to {100 * each.high:.0f} %",
                f"{each.n:,}",
                per_cent(each.mean_p),
                per_cent(each.share),
            )
            for each in chances
        ),
    )


def _forecasts(records: Sequence[Mapping[str, Any]], caption: str) -> Table:
    return Table(
        caption,
        ("close", "issued at", "kind", "P(up)", "base rate", "resolves", "outcome", "model"),
        tuple(
            (
                day(each["decided_at"]),
                UNKNOWN if each["issued_at"] is None else instant(each["issued_at"]),
                _KINDS[each["kind"]] + ("" if each["counts"] else ", repeated"),
                per_cent(each["p"], 1),
                per_cent(each["climatology"], 1),
                day(each["resolves_on"]),
                "open" if each["y"] is None else "rose" if each["y"] else "fell",
                str(each["model"]),
            )
            for each in records
        ),
        stack=True,
        left=(0, 1, 2, 7),
    )
