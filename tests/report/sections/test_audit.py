"""What the report and the page of the audit say of audits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bullbear.report.page import page_html
from bullbear.report.section import Block, Heading, Text
from bullbear.report.sections.audit import Audits, audit_section, headline, page_sections
from bullbear.report.tables import Table

LEAK = {"what": "rsi_14", "when": "2005-06-01", "size": 0.25, "sentence": "0.5 on 2005-06-01, but 0.75 then"}


def check(name: str, verdict: str = "passed", **more: Any) -> dict[str, Any]:
    title, asks = name.capitalize(), f"{name} holds"
    return {"name": name, "title": title, "asks": asks, "verdict": verdict, "sentence": f"{name} said so", "leaks": [],
            "figures": {"cuts": 3, "days": ["2005-06-01"], "skill": 0.00125}, "seconds": 1.25, **more}  # fmt: skip


def document(model: str = "small", **more: Any) -> dict[str, Any]:
    return {"model": model, "training": "a" * 32, "runs": {"up": "a" * 32}, "quick": False, "whole": True,
            "passed": True, "at": "2026-11-27T20:00:00+00:00", "simulated": False,
            "checks": [check("truncation"), check("noise")], **more}  # fmt: skip


def texts(blocks: Sequence[Block]) -> list[str]:
    return [block.text for block in blocks if isinstance(block, Text)]


def test_the_headline_says_of_which_run_it_is_how_thorough_and_when() -> None:
    assert headline(document()) == "small aaaaaaaa (up): passed (full audit, 2026-11-27 20:00 UTC)"
    failed = document(quick=True, whole=False, runs={}, training="", checks=[check("noise", "failed")])
    assert headline(failed) == (
        "small, from its definition alone: failed: Noise (quick audit, only 1 check, 2026-11-27 20:00 UTC)"
    )


def test_the_section_of_the_report_has_a_place_for_each_check_with_its_evidence() -> None:
    failing = document("other", checks=[check("noise", "failed", leaks=[LEAK])])
    section = audit_section(Audits((document(), failing), ("The audit of other is old.",)))
    assert texts(section.blocks)[0] == "The audit of other is old."
    assert [block.id for block in section.blocks if isinstance(block, Heading)] == ["audit-truncation", "audit-noise"]
    leaks = [block for block in section.blocks if isinstance(block, Table) and block.head[0] == "what"]
    assert [table.rows for table in leaks] == [(("rsi_14", "2005-06-01", "0.25", LEAK["sentence"]),)]
    page = page_html([section], title="t", ticker="IWM", simulated=False, generated_at=pd.Timestamp(0, tz="UTC"))
    assert '<h3 id="audit-noise">Noise</h3>' in page


def test_without_an_audit_the_section_says_how_to_make_one_and_another_run_s_is_said_to_be_so() -> None:
    note = "The champion of up was not audited. `bullbear audit` makes one."
    assert texts(audit_section(Audits((), (note,))).blocks) == [note]
    other = texts(audit_section(Audits((document(),), (note,), of_others=True)).blocks)
    assert other[:2] == [note, "The audit below is of another run."]


def test_the_page_of_an_audit_has_a_section_for_each_check_and_needs_no_plotly() -> None:
    sections = page_sections([document(), document("other", checks=[check("warm-up")])])
    assert [section.id for section in sections] == ["audit", "truncation", "noise", "warm-up"]
    page = page_html(
        sections, title="Audit", ticker="IWM", simulated=True, generated_at=pd.Timestamp("2026-11-27", tz="UTC")
    )
    assert len(page) < 60_000
    assert '<script type="text/plain" id="report-library">' not in page
    assert "SIMULATED" in page
    assert "<dd>0.00125</dd>" in page
