"""The page of sections: complete, escaped, quiet on the network, and drawn by a real browser in both themes."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.report.browser import DESK, PHONE, Opened, opened

from bullbear.errors import InputError
from bullbear.report import section as s
from bullbear.report.charts import PER_CENT, Chart
from bullbear.report.page import write_page
from bullbear.report.palette import role
from bullbear.report.tables import Table

NOW = pd.Timestamp("2020-01-01 08:00", tz="UTC")
DAYS = pd.bdate_range("2017-01-02", "2019-12-31")


def _line(identifier: str = "price", **options: Any) -> Chart:
    values = 150 + np.sin(np.arange(len(DAYS)) / 40) * 7.5
    return Chart(
        identifier,
        "A price",
        {
            "data": [{"type": "scatter", "x": DAYS, "y": values, "name": "IWM", "line": {"color": role("forecast")}}],
            "layout": {"xaxis": {"type": "date"}},
        },
        "A line by day.",
        "Line: a price.",
        **options,
    )


def _bars() -> Chart:
    return Chart(
        "bars",
        "Skill",
        {
            "data": [
                {
                    "type": "bar",
                    "x": [2018, 2019],
                    "y": [-2.5, 6.5],
                    "marker": {"color": role("bull", 0.6)},
                    "hovertemplate": "skill %{y:+.1f} %<extra></extra>",
                }
            ],
            "layout": {"yaxis": {"dtick": 2.5, **PER_CENT}, "xaxis": {**PER_CENT}},
        },
        "Bars by year.",
        "Bars: skill.",
    )


def _sections() -> list[s.Section]:
    wide = Table("A wide table", tuple(f"column {n}" for n in range(20)), (("1,234.56",) * 20,) * 3)
    told = Table(
        "A table of sentences", ("day", "what happened"), (("2019-12-31", "a long sentence " * 12),),
        tones=((None, -0.8),), stack=True, left=(0, 1),
    )  # fmt: skip
    return [
        s.Section(
            "today",
            "Today",
            [
                s.Text("Nothing to say today.", "lead"),
                s.Tiles([s.Tile("close", "165.67", "+0.4 %", "bull"), s.Tile("up", "60 %")]),
                s.Grid([s.Panel("Bull", [s.Bullets(["holds"])]), s.Panel("Bear", [s.Text("waits")])]),
                _line(period="1Y"),
            ],
        ),
        s.Section("record", "The record of a forecast", [wide, told, s.Details("More", [_bars()])], "Record"),
        s.Section("data", "Data", [s.Facts([("fingerprint", "ab" * 32)])]),
    ]


def _write(folder: Path, sections: list[s.Section] | None = None, *, simulated: bool = False) -> Path:
    return write_page(
        folder / "report.html", _sections() if sections is None else sections, title="IWM on Tue 31 Dec 2019",
        ticker="IWM", simulated=simulated, generated_at=NOW, notices=["The data end on 31 Dec 2019."],
    )  # fmt: skip


def _data(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', text, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def test_the_policy_admits_the_two_scripts_by_hash_and_nothing_from_anywhere(tmp_path: Path) -> None:
    text = _write(tmp_path).read_text(encoding="utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    (own,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    (packed,) = re.findall(r'<script type="text/plain" id="report-library">(.*?)</script>', text)
    library = gzip.decompress(base64.b64decode(packed))
    assert library.startswith(b"/**\n* plotly.js v")
    hashes = [base64.b64encode(hashlib.sha256(each).digest()).decode() for each in (library, own.encode())]
    assert policy[1] == (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}' 'sha256-{hashes[1]}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    for asked in ("http://", "https://", "url(", "@import", " src=", "eval("):
        assert asked not in text, asked
    assert len(text) < 2_200_000


def test_equal_columns_are_written_once_and_read_back(tmp_path: Path) -> None:
    sections = [s.Section("a", "A", [_line("one"), _line("two")])]
    data = _data(_write(tmp_path, sections).read_text(encoding="utf-8"))
    assert len(data["columns"]) == 2
    one = data["charts"]["one"]["data"][0]
    days, values = (data["columns"][one[axis]["column"]] for axis in "xy")
    assert (days["kind"], values["kind"]) == ("days", "f4")
    since = np.frombuffer(base64.b64decode(days["bytes"]), "<u2")
    assert (pd.to_datetime(since.astype(int), unit="D") == DAYS).all()
    prices = np.frombuffer(base64.b64decode(values["bytes"]), "<f4")
    assert prices[100] == pytest.approx(150 + np.sin(100 / 40) * 7.5, rel=1e-7)


def test_a_close_in_utc_is_the_session_of_new_york(tmp_path: Path) -> None:
    late = pd.DatetimeIndex(["2019-12-31 01:00"], tz="UTC")  # eight in the evening of the 30th
    chart = Chart("c", "C", {"data": [{"x": late, "y": np.array([np.nan])}], "layout": {}}, "c", "c")
    columns = _data(_write(tmp_path, [s.Section("a", "A", [chart])]).read_text(encoding="utf-8"))["columns"]
    (day,) = [
        np.frombuffer(base64.b64decode(each["bytes"]), "<u2") for each in columns.values() if each["kind"] == "days"
    ]
    assert str(np.datetime64("1970-01-01") + int(day[0])) == "2019-12-30"


def test_text_from_outside_is_escaped(tmp_path: Path) -> None:
    evil = '</script><script>alert(1)</script>"><img src=x>'
    chart = Chart("c", evil, {"data": [{"x": [1], "y": [1], "name": evil}], "layout": {}}, evil, evil)
    blocks = [chart, s.Text(evil), s.Bullets([evil]), s.Facts([(evil, evil)]), Table(evil, (evil,), ((evil,),))]
    text = _write(tmp_path, [s.Section("a", evil, blocks)]).read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "<img" not in text
    assert _data(text)["charts"]["c"]["data"][0]["name"] == evil


def test_simulated_is_said_at_both_ends_and_across_each_chart(tmp_path: Path) -> None:
    assert "SIMULATED" not in _write(tmp_path).read_text(encoding="utf-8")
    text = _write(tmp_path, simulated=True).read_text(encoding="utf-8")
    assert text.count("SIMULATED: ") >= 3
    for chart in _data(text)["charts"].values():
        assert [each["text"] for each in chart["layout"]["annotations"]] == ["SIMULATED"]
    assert text.index("The data end on 31 Dec 2019.") < text.index("<h1>")


def test_refusals_write_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no section"):
        _write(tmp_path, [])
    with pytest.raises(InputError, match="the id price 2 times"):
        _write(tmp_path, [s.Section("a", "A", [_line(), _line()])])
    with pytest.raises(InputError, match="4Y"):
        _line(period="4Y")
    old = Chart("c", "C", {"data": [{"x": pd.DatetimeIndex(["1969-12-31"])}]}, "c", "c")
    with pytest.raises(InputError, match="1970 to 2149"):
        _write(tmp_path, [s.Section("a", "A", [old])])
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_report_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path)
    old = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        _write(tmp_path, simulated=True)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_importing_the_report_imports_neither_matplotlib_nor_plotly() -> None:
    code = "import sys, bullbear.report.page; sys.exit('matplotlib' in sys.modules or 'plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _open_details(found: Opened) -> None:
    found.page.locator("details:has([data-chart])").evaluate("each => { each.open = true; }")


@pytest.mark.parametrize(("width", "dark"), [(DESK, False), (PHONE, True)])
def test_a_browser_draws_it_in_both_themes(tmp_path: Path, chromium: Any, width: int, dark: bool) -> None:
    with opened(chromium, _write(tmp_path), width=width, dark=dark) as found:
        _open_details(found)
        found.check(charts=2)
        papers, inks = ["rgb(255, 255, 255)", "rgb(20, 24, 28)"], ["rgb(26, 32, 38)", "rgb(233, 236, 239)"]
        assert (found.background(), found.ink("price")) == (papers[dark], inks[dark])
        assert found.page.inner_text("#theme") == ("Light" if dark else "Dark")
        found.page.click("#theme")
        assert found.page.inner_text("#theme") == ("Dark" if dark else "Light")
        assert (found.background(), found.ink("price")) == (papers[not dark], inks[not dark])
        found.check()


def test_periods_show_their_months_and_labels_are_true_and_it_prints(tmp_path: Path, chromium: Any) -> None:
    plot = "document.querySelector('[data-chart=price]')._fullLayout"
    with opened(chromium, _write(tmp_path), dark=True) as found:
        assert found.page.evaluate(f"{plot}.xaxis.range[0]") == "2018-12-31"
        found.page.click("#price .periods button:has-text('3M')")
        found.page.wait_for_function(f"{plot}.xaxis.range[0] === '2019-10-01'")
        low, high = found.page.evaluate(f"{plot}.yaxis.range")
        shown = (150 + np.sin(np.arange(len(DAYS)) / 40) * 7.5)[DAYS >= "2019-09-30"]
        assert (low, high) == pytest.approx((shown.min(), shown.max()), abs=1.0)
        found.page.click("#theme")
        assert found.page.evaluate(f"{plot}.xaxis.range[0]") == "2019-10-01"  # the period outlives the theme
        found.page.click("#price .periods button:has-text('All')")
        found.page.wait_for_function(f"{plot}.yaxis.range[0] < 143")
        _open_details(found)
        labels = found.page.locator("[data-chart=bars] .ytick text").all_text_contents()
        assert [each.strip() for each in labels] == ["−2.5 %", "0 %", "2.5 %", "5 %"]
        found.page.locator("[data-chart=bars]").scroll_into_view_if_needed()
        box = found.page.locator("[data-chart=bars]").bounding_box()
        found.page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.5 * box["height"], steps=4)
        found.page.wait_for_selector("[data-chart=bars] .hoverlayer text:has-text('skill +6.5 %')")
        assert found.page.pdf(format="A4", print_background=True).startswith(b"%PDF")
        assert found.errors == []
