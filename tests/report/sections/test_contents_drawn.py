"""The sections below the forecast in a real browser: every chart drawn, every table filled, at both widths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.report.browser import DESK, PHONE, opened
from tests.report.sections import samples

from bullbear.report.page import write_page
from bullbear.report.section import Section
from bullbear.report.sections.account import account_section
from bullbear.report.sections.dashboards import dashboards_section
from bullbear.report.sections.freshness import freshness_section
from bullbear.report.sections.ledger import ledger_section
from bullbear.report.sections.models import models_section
from bullbear.report.sections.odds import odds_section
from bullbear.report.sections.short_selling import short_selling_section


def _sections() -> list[Section]:
    return [
        odds_section(samples.odds()),
        account_section(samples.tested()),
        short_selling_section(samples.short_selling()),
        dashboards_section(samples.boards()),
        models_section(samples.models()),
        ledger_section(samples.ledger()),
        freshness_section(samples.freshness()),
    ]


@pytest.mark.parametrize(("width", "dark"), [(DESK, True), (PHONE, False)])
def test_every_chart_is_drawn_and_every_table_has_rows(tmp_path: Path, chromium: Any, width: int, dark: bool) -> None:
    path = write_page(
        tmp_path / "report.html", _sections(), title="IWM", ticker="IWM", simulated=False,
        generated_at=pd.Timestamp("2020-01-01", tz="UTC"),
    )  # fmt: skip
    with opened(chromium, path, width=width, dark=dark) as found:
        found.page.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
        found.check(charts=9)
        rows = found.page.evaluate(
            "[...document.querySelectorAll('main table')].map((each) => each.tBodies[0].rows.length)"
        )
        assert len(rows) == 17
        assert min(rows) > 0
