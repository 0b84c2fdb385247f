"""The page: well-formed, complete, escaped, quiet on the network, and honest about simulated data."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.image import imread

from bullbear.errors import InputError
from bullbear.report import ModelResult, plots, write_report

PICTURES = ("calibration_plot", "skill_plot", "probability_plot", "equity_plot")
_drawn: dict[tuple[object, ...], tuple[bytes, object]] = {}


@pytest.fixture(autouse=True)
def _draw_each_picture_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # Most tests are of the page and show the same real pictures: each is drawn by the first that needs it.
    for name in PICTURES:
        monkeypatch.setattr(plots, name, _once(name, getattr(plots, name)))


def _once(name: str, draw: Callable[..., bytes]) -> Callable[..., bytes]:
    def drawn(*data: object, **options: object) -> bytes:
        key = (name, *map(id, data), *sorted(options.items()))
        if key not in _drawn:
            _drawn[key] = draw(*data, **options), data  # kept, so that no other object gets its id
        return _drawn[key][0]

    return drawn


NOW = pd.Timestamp("2020-01-01 08:00", tz="UTC")
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """A strict reader: every element that opens must close, in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def _page(
    folder: Path,
    models: list[ModelResult],
    forecast: dict[str, Any] | None,
    simulated: bool = False,
    pictures: dict[str, bytes] | None = None,
) -> Page:
    path = write_report(
        folder / "report.html", models=models, forecast=forecast, simulated=simulated, generated_at=NOW,
        pictures=pictures,
    )  # fmt: skip
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_tells_the_numbers_it_was_given(tmp_path: Path, model: ModelResult, forecast: dict[str, Any]) -> None:
    text = _page(tmp_path, [model], forecast).text
    e = model.evaluation
    for expected in (
        "61.2%", "Interval 54.1% to 67.9%", "base rate 58.0%", "2020-01-31", "2019-12-31 21:00 UTC", "Regime: calm",
        "87.5% in IWM", "tier 0", "159.37", "1.83", "rsi_14", "+0.0413", "-0.0127", "f1e2d3c4b5", "UMCSENT", "d1f0aa17",
        "2019-11-29 21:00 UTC", "ab" * 32, "2020-01-01 08:00 UTC", model.run_id, model.intent, "seeded (champion)",
        f"{e.bss:+.1%} [{e.bss_low:+.1%}, {e.bss_high:+.1%}]", f"{e.brier:.4f}", f"{e.n:,}", "buy and hold",
        "ten month average", "almost unpredictable", "The interval contains the base rate",
    ):  # fmt: skip
        assert expected in text, expected
    for span in e.by_year:
        assert f"{span.label} {span.n:,} {span.bss:+.1%}" in text


def test_pictures_are_embedded_and_described_and_tables_have_captions(
    tmp_path: Path, model: ModelResult, forecast: dict[str, Any]
) -> None:
    page = _page(tmp_path, [model], forecast)
    pictures = page.all("img")
    assert len(pictures) == 4
    for picture in pictures:
        kind, _, data = (picture["src"] or "").partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")
        assert len(picture["alt"] or "") > 40
    assert len(page.all("caption")) == len(page.all("table")) == 9
    assert len(page.all("h1")) == 1
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    for _, attributes in page.elements:
        assert attributes.get("aria-labelledby", identifiers[0]) in identifiers


ROW = {"question": "dip8", "statement": "A close 8 % or more below today's within the month.", "p": 0.191,
       "p_low": 0.142, "p_high": 0.252, "climatology": 0.123, "lift": 1.55, "skill": 0.104,
       "skill_low": 0.041, "skill_high": 0.162,
       "model": "wild", "run_id": "ab12cd34ef"}  # fmt: skip
ALONE = ROW | {"question": "rally5", "p": 0.31, "climatology": 0.31, "model": None, "run_id": None, "skill": 0.0,
               "skill_low": None, "skill_high": None}  # fmt: skip


def test_the_outlook_is_a_picture_and_a_table(tmp_path: Path, model: ModelResult, forecast: dict[str, Any]) -> None:
    plain = _page(tmp_path, [model], forecast)
    known = {"quantiles": {"0.05": -0.081, "0.95": 0.075}, "volatility": 0.243, "volatility_climatology": 0.187}
    page = _page(
        tmp_path, [model], forecast | {"outlook": [ROW, ALONE], "distribution": known},
        pictures={"against_usual": b"\x89PNG", "fan": b"\x89PNG"},
    )  # fmt: skip
    assert len(page.all("img")) == len(plain.all("img")) + 2
    for expected in (
        "dip8 A close 8 % or more below today's within the month. 19.1% 14.2% to 25.2% 12.3% +10.4% [+4.1%, +16.2%] "
        "wild ab12cd34",
        "31.0% – none: the base rate",
        "Forecast volatility 24.3% a year (usually 18.7%). Quantiles of the return: 5% below -8.1%, 95% below +7.5%.",
    ):
        assert expected in page.text, expected


def test_nothing_is_loaded_from_anywhere_and_nothing_runs(
    tmp_path: Path, model: ModelResult, forecast: dict[str, Any]
) -> None:
    page = _page(tmp_path, [model], forecast, simulated=True)
    assert page.all("script") == []
    assert "default-src 'none'" in str(page.all("meta"))
    for _, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "srcset", "action"):
            assert (attributes.get(name) or "#").startswith(("data:", "#"))
    raw = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "url(" not in raw
    assert "@import" not in raw
    assert "http://" not in raw
    assert "https://" not in raw


def test_text_from_outside_is_escaped(tmp_path: Path, model: ModelResult, forecast: dict[str, Any]) -> None:
    evil = '"><script>alert(1)</script>'
    forecast["ticker"] = forecast["regime"] = forecast["data"]["fingerprint"] = evil
    forecast["agents"]["bull"]["reasons"] = [evil]
    forecast["drivers"][0]["factor"] = evil
    forecast["data"]["stale"] = [evil]
    page = _page(tmp_path, [replace(model, name=evil, intent=evil, run_id=evil, backtest=None)], forecast)
    assert page.all("script") == []
    assert page.text.count("<script>alert(1)</script>") >= 9


def test_simulated_is_said_if_and_only_if_it_is(tmp_path: Path, model: ModelResult, forecast: dict[str, Any]) -> None:
    real = _page(tmp_path, [model], forecast)
    assert "SIMULATED" not in (tmp_path / "report.html").read_text(encoding="utf-8")
    simulated = _page(tmp_path, [model], forecast, simulated=True)
    assert simulated.text.startswith("SIMULATED: bullbear report, IWM SIMULATED: every number on this page")
    assert all((picture["alt"] or "").startswith("SIMULATED") for picture in simulated.all("img"))
    assert simulated.all("img")[0]["src"] != real.all("img")[0]["src"]


def test_a_home_without_champion_still_reports_its_models(tmp_path: Path, model: ModelResult) -> None:
    text = _page(tmp_path, [replace(model, backtest=None)], None).text
    assert "no model has been promoted to champion" in text
    assert "No backtest was run for this model." in text
    assert "(champion)" not in text


@pytest.mark.parametrize(
    ("kind", "account", "said", "unsaid"),
    [
        (
            "live",
            "advised",
            ("Live, issued 2020-01-01 02:00 UTC.", "Positions follow the account of live advice"),
            "hindsight",
        ),
        (
            "replay",
            "backtest",
            ("Replay, issued 2020-01-01 02:00 UTC, in hindsight", "champion's own backtest"),
            "Live,",
        ),
    ],
)
def test_the_page_says_whether_the_forecast_is_live_and_what_to_trade(
    tmp_path: Path, forecast: dict[str, Any], kind: str, account: str, said: tuple[str, ...], unsaid: str
) -> None:
    trade = {"ticker": "IWM", "change": -0.4, "weight_before": 0.875, "weight_after": 0.475}
    forecast |= {"kind": kind, "issued_at": "2020-01-01T02:00:00Z", "account": {"kind": account, "trades": [trade]}}
    text = _page(tmp_path, [], forecast).text
    for expected in (*said, "Sell IWM: 87.5% to 47.5%."):
        assert expected in text
    assert unsaid not in text
    assert "No trade." not in text
    forecast["account"]["trades"] = []
    assert "No trade." in _page(tmp_path, [], forecast).text


def test_a_forecast_alone_is_reported_even_with_gaps(tmp_path: Path, forecast: dict[str, Any]) -> None:
    forecast |= {"p_low": None, "p_high": None, "regime": None, "stops": [], "drivers": []}
    del forecast["ledger"]
    text = _page(tmp_path, [], forecast).text
    assert "The forecast has no interval." in text
    assert "No stop or re-entry level is set." in text
    assert "Regime" not in text


def test_the_data_of_a_report_without_forecast_may_be_given(tmp_path: Path, model: ModelResult) -> None:
    path = write_report(
        tmp_path / "r.html", models=[replace(model, backtest=None)], forecast=None, simulated=False, generated_at=NOW,
        data={"fingerprint": "cafe01", "last_known_at": "2019-12-30T21:00:00+00:00", "stale": []},
    )  # fmt: skip
    assert "fingerprint cafe01 last known at 2019-12-30 21:00 UTC stale series none" in Page(path.read_text()).text


def test_refusals_write_nothing(tmp_path: Path, model: ModelResult, forecast: dict[str, Any]) -> None:
    path = tmp_path / "report.html"
    with pytest.raises(InputError, match=r"no model and no forecast.*bullbear train"):
        write_report(path, models=[], forecast=None, simulated=False, generated_at=NOW)
    with pytest.raises(InputError, match=r"generated_at.*time zone"):
        write_report(path, models=[], forecast=forecast, simulated=False, generated_at=NOW.tz_localize(None))
    del forecast["p_up"], forecast["stops"]
    with pytest.raises(InputError, match="forecast: got 'no p_up, stops'"):
        write_report(path, models=[], forecast=forecast, simulated=False, generated_at=NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_report_whole(
    tmp_path: Path, forecast: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new" / "report.html"
    write_report(path, models=[], forecast=forecast, simulated=False, generated_at=NOW)
    old = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(path, models=[], forecast=forecast, simulated=True, generated_at=NOW)
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]


def test_importing_the_report_does_not_import_matplotlib() -> None:
    code = "import sys, bullbear.report; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("width", [1200, 500])
def test_a_browser_renders_it(tmp_path: Path, model: ModelResult, forecast: dict[str, Any], width: int) -> None:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no `chromium` on PATH; install it to render the report")
    path = write_report(
        tmp_path / "report.html", models=[model], forecast=forecast, simulated=True, generated_at=NOW
    )  # fmt: skip
    picture = tmp_path / "screen.png"
    done = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900", f"--screenshot={picture}",
            path.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert picture.is_file(), done.stderr[-2000:]
    pixels = imread(picture)[..., :3]
    assert pixels.shape == (900, width, 3)
    red = (abs(pixels - [0xB0 / 255, 0.0, 0x20 / 255]) < 0.02).all(axis=2)
    assert red[:200].mean() > 0.1  # the banner stands at the top
    assert not red[500:].any()


def test_the_weights_of_a_pool_are_a_picture_with_the_newest_in_words(tmp_path: Path, model: ModelResult) -> None:
    fits = pd.DatetimeIndex(["2019-10-31", "2019-11-29"], tz="UTC")
    weights = pd.DataFrame({"line": [0.4, 0.5], "trees": [0.2, 0.15], "base rate": [0.4, 0.35]}, fits)

    def page(weights: pd.DataFrame | None) -> str:
        models = [replace(model, weights=weights)]
        path = write_report(
            tmp_path / "page.html", models=models, forecast=None, simulated=False, generated_at=pd.Timestamp.now("UTC")
        )
        return path.read_text(encoding="utf-8")

    assert "newest: line 50.0%, trees 15.0%, base rate 35.0%" in page(weights)
    for none in (None, weights.iloc[:0]):
        assert "Weights of the members" not in page(none)
