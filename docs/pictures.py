"""Write docs/images/: the card and the report of a home, as a browser shows them.

    python docs/pictures.py HOME

needs the extras report and dev, and a chromium at /usr/bin/chromium.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.text import Text

IMAGES = Path(__file__).resolve().parent / "images"
_COLUMNS = 100
_PAGE = (
    "<body style='margin:0;background:#fff'><pre style='font:14px/1.25 DejaVu Sans Mono,monospace;margin:12px'>{}</pre>"
)


def card(browser: Browser, home: Path) -> None:
    """The panel of `bullbear forecast`."""
    command = [str(Path(sys.executable).with_name("bullbear")), "forecast", "--home", str(home)]
    environment = {**os.environ, "COLUMNS": str(_COLUMNS), "FORCE_COLOR": "1"}
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    console = Console(record=True, width=_COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(printed), end="")
    page = browser.new_page(viewport={"width": 900, "height": 400})
    page.set_content(_PAGE.format(console.export_html(code_format="{code}", inline_styles=True)))
    page.locator("pre").screenshot(path=IMAGES / "card.png")


def report(browser: Browser, home: Path) -> None:
    """The top of the page of `bullbear report`."""
    page = browser.new_page(viewport={"width": 1400, "height": 1100})
    page.goto((home / "reports" / "index.html").resolve().as_uri())
    page.wait_for_selector(".main-svg")
    page.wait_for_timeout(2000)
    page.screenshot(path=IMAGES / "report.png")


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
        card(chromium, Path(sys.argv[1]))
        report(chromium, Path(sys.argv[1]))
