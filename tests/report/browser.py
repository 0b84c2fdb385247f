"""The report in a real headless Chromium: what a page must do to count as drawn, at any width and in both themes.

Chromium is Debian's, driven by playwright; without either, the tests that ask for `chromium` skip and say so.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
)  # fmt: skip
DESK, PHONE = 1400, 390


@dataclass
class Opened:
    """A page that has drawn everything, with what it logged and asked for on the way."""

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def charts(self) -> dict[str, int]:
        """By chart: the number of traces that stand in its SVG, -1 if it was not drawn."""
        found = self.page.evaluate(
            """() => Object.fromEntries([...document.querySelectorAll("[data-chart]")].map((each) => [
              each.dataset.chart,
              each.dataset.drawn !== "yes" ? -1 : each.querySelectorAll(
                ".trace, .box, .bars, .fills path, .heatmaplayer .hm, .hm, .slice, .barlayer .point").length,
            ]))"""
        )
        return {str(name): int(count) for name, count in found.items()}

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(self.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth"))

    def small_text(self, least: float = 10.0) -> list[str]:
        """Texts of charts below `least` pixels."""
        return [
            str(each)
            for each in self.page.evaluate(
                """(least) => [...document.querySelectorAll("svg text")].filter((each) => each.textContent.trim()
                  && parseFloat(getComputedStyle(each).fontSize) < least).map((each) => each.textContent)""",
                least,
            )
        ]

    def background(self) -> str:
        """The colour of the paper."""
        return str(self.page.evaluate("() => getComputedStyle(document.body).backgroundColor"))

    def ink(self, chart: str) -> str:
        """The colour of a chart's tick labels."""
        return str(
            self.page.evaluate(
                "(id) => getComputedStyle(document.querySelector(`[data-chart=${id}] .xtick text, "
                "[data-chart=${id}] .ytick text`)).fill",
                chart,
            )
        )

    def check(self, *, charts: int | None = None) -> None:
        """No error, no request, every chart drawn with its traces, nothing wider than the window."""
        assert self.errors == []
        assert self.requests == []
        drawn = self.charts()
        assert [name for name, count in drawn.items() if count < 1] == []
        assert charts is None or len(drawn) == charts
        assert self.overflow() <= 0
        assert self.small_text() == []


@contextmanager
def opened(browser: Any, path: Path, *, width: int = DESK, height: int = 900, dark: bool = False) -> Iterator[Opened]:
    """The file in a window of its own, once every chart is drawn."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", has_touch=width < 600
    )
    try:
        page = context.new_page()
        found = Opened(page)
        page.on("console", lambda each: found.errors.append(each.text) if each.type in ("error", "warning") else None)
        page.on("pageerror", lambda each: found.errors.append(str(each)))
        page.on("request", lambda each: found.requests.append(each.url) if _leaves(each.url) else None)
        page.goto(path.resolve().as_uri())
        page.wait_for_selector("html[data-charts=drawn]", state="attached", timeout=60_000)
        yield found
    finally:
        context.close()


def _leaves(url: str) -> bool:
    return not url.startswith(("file:", "data:", "blob:"))


def launch() -> Iterator[Any]:
    """One browser for a session of tests; skips where there is none."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no `chromium` on PATH: the report is not looked at in a browser")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: the report is not looked at")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()
