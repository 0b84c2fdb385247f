"""All sections on one page, in a real browser: everything is drawn, in both themes, on a desk and on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.report.browser import DESK, PHONE, opened
from tests.report.sections.test_outlook import ALONE, ROW, SPREAD, fan
from tests.report.sections.test_price import data
from tests.report.sections.test_record import record

from bullbear.report import ModelResult
from bullbear.report.page import write_page
from bullbear.report.sections.outlook import OutlookData, outlook_section
from bullbear.report.sections.price import PriceData, price_section
from bullbear.report.sections.record import record_section
from bullbear.report.sections.skill import limits_section, skill_section
from bullbear.report.sections.today import today_section

price_data = data


@pytest.mark.parametrize(("width", "dark"), [(DESK, False), (PHONE, True)])
def test_a_browser_draws_every_section(
    tmp_path: Path,
    chromium: Any,
    forecast: dict[str, Any],
    model: ModelResult,
    price_data: PriceData,
    width: int,
    dark: bool,
) -> None:
    sections = [
        today_section(forecast),
        price_section(price_data),
        outlook_section(OutlookData([ROW, ALONE], SPREAD, fan(), "2020-01-06")),
        record_section([record("dip5"), record("dip8")]),
        skill_section([model], model.run_id),
        limits_section(),
    ]
    path = write_page(
        tmp_path / "report.html", sections, title="IWM on Tue 31 Dec 2019", ticker="IWM", simulated=True,
        generated_at=pd.Timestamp("2020-01-01", tz="UTC"),
    )  # fmt: skip
    with opened(chromium, path, width=width, dark=dark) as found:
        found.check(charts=9)
        assert found.page.locator("svg text:has-text('SIMULATED')").count() == 9
