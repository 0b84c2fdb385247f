"""The audit: of each check the verdict, what it makes sure of, and the evidence; on a page of its own, or as a section.

An audit is the document that is logged with its run (`workflows.audit_log`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bullbear.report.section import Block, Facts, Heading, Section, Text
from bullbear.report.tables import Table, instant, number
from bullbear.report.words import UNKNOWN

Document = Mapping[str, Any]
LIMITS = (
    "A passed audit means that no look-ahead was found between the data and the forecasts and orders. It says nothing "
    "about wrong data, about hindsight in the choice of the model, or about skill."
)


@dataclass(frozen=True)
class Audits:
    """What the report shows: audits of the champions' trainings, or of other runs (`of_others`), and notes."""

    found: tuple[Document, ...]
    notes: tuple[str, ...]
    of_others: bool = False


def audit_section(audits: Audits) -> Section:
    """The section of the report: the tables of verdicts, then the evidence, check by check."""
    blocks: list[Block] = [Text(note, "note") for note in audits.notes]
    if audits.of_others:
        blocks.append(Text("The audit below is of another run.", "note"))
    for each in audits.found:
        blocks += [Text(headline(each), "lead"), summary(each)]
    for name, check in _checks(audits.found).items():
        blocks.append(Heading(check["title"], id=f"audit-{name}"))
        for each in audits.found:
            for made in _made(each, name):
                blocks += [Text(f"{named(each)}: {made['verdict']}"), *evidence(made)]
    if audits.found:
        blocks.append(Text(LIMITS, "soft"))
    return Section("audit", "Audit: is there look-ahead?", blocks, "Audit")


def page_sections(found: Sequence[Document]) -> list[Section]:
    """The sections of the page of one audit or several: what came out, then a section for each check."""
    first: list[Block] = []
    for each in found:
        first += [Text(headline(each), "lead"), summary(each)]
    sections = [Section("audit", "Results", [*first, Text(LIMITS, "soft")], "Verdicts")]
    for name, check in _checks(found).items():
        blocks: list[Block] = []
        for each in found:
            for made in _made(each, name):
                blocks.append(Heading(f"{named(each)}: {made['verdict']}"))
                blocks += evidence(made)
        sections.append(Section(name, check["title"], [Text(f"Verifies that {check['asks']}.", "soft"), *blocks]))
    return sections


def _checks(found: Sequence[Document]) -> dict[str, Document]:
    return {check["name"]: check for each in found for check in each["checks"]}


def _made(found: Document, name: str) -> list[Document]:
    return [check for check in found["checks"] if check["name"] == name]


def named(found: Document) -> str:
    """A model with the beginning of its training's id."""
    return f"{found['model']} {found['training'][:8]}".strip()


def headline(found: Document) -> str:
    """Whether it passed, which audit it was and when it was made."""
    effort = "quick" if found["quick"] else "full"
    count = len(found["checks"])
    part = "" if found["whole"] else f", only {count} check{'s' * (count > 1)}"
    failed = [check["title"] for check in found["checks"] if check["verdict"] == "failed"]
    outcome = "passed" if not failed else f"failed: {', '.join(failed)}"
    asked = ", ".join(found["runs"])
    of = f"{named(found)}{f' ({asked})' if asked else ', from its definition alone'}"
    return f"{of}: {outcome} ({effort} audit{part}, {instant(found['at'])})"


def summary(found: Document) -> Table:
    """The checks with verdict and sentence."""
    return Table(
        f"Checks of {named(found)}",
        ("check", "verdict", "what was found", "seconds"),
        tuple(
            (check["title"], check["verdict"], check["sentence"], number(check["seconds"], 1))
            for check in found["checks"]
        ),
        tones=tuple((None, _TONES[check["verdict"]], None, None) for check in found["checks"]),
        stack=True,
        left=(0, 1, 2),
    )


_TONES = {"passed": 0.6, "failed": -1.0, "not applicable": None}


def evidence(check: Document) -> list[Block]:
    """The sentence of a check, its leaks and its figures."""
    blocks: list[Block] = [Text(str(check["sentence"]))]
    if check["leaks"]:
        blocks.append(
            Table(
                "Look-ahead found",
                ("what", "when", "by how much", "in words"),
                tuple((leak["what"], leak["when"], _size(leak["size"]), leak["sentence"]) for leak in check["leaks"]),
                stack=True,
                left=(0, 1, 3),
            )
        )
    facts = [(name.replace("_", " "), _figure(value)) for name, value in check["figures"].items() if _is_plain(value)]
    return [*blocks, Facts(facts)] if facts else blocks


def _size(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.6g}"


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _figure(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
