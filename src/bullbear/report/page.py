"""The report: one self-contained HTML file of sections, which draws its charts without any request.

plotly.js stands in the file once, compressed to two fifths, and the page's own script unpacks it. The content security
policy admits these two scripts by their hash and nothing else: no other script, no `eval`, no request. plotly.js
positions what it draws by inline styles, so the policy has to admit styles. All text is escaped. A report on simulated
data says so at the top, at the bottom and across every chart.
"""

from __future__ import annotations

import gzip
import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined

from bullbear.errors import Found, InputError
from bullbear.files import write_whole
from bullbear.report import tables
from bullbear.report.charts import PERIODS, page_data
from bullbear.report.palette import style_variables
from bullbear.report.section import Section


def write_page(
    path: Path,
    sections: Sequence[Section],
    *,
    title: str,
    ticker: str,
    simulated: bool,
    generated_at: pd.Timestamp,
    notices: Sequence[str] = (),
) -> Path:
    """Write the page, whole or not at all; an existing file is replaced; see `page_html`.

    Parameters
    ----------
    path
        Its folder is created.
    """
    page = page_html(
        sections, title=title, ticker=ticker, simulated=simulated, generated_at=generated_at, notices=notices
    )
    write_whole(path, page)
    return path


def page_html(
    sections: Sequence[Section],
    *,
    title: str,
    ticker: str,
    simulated: bool,
    generated_at: pd.Timestamp,
    notices: Sequence[str] = (),
) -> str:
    """The page.

    Parameters
    ----------
    sections
        In the order to show; ids of sections and charts are unique.
    simulated
        Whether any number comes from the simulated market.
    generated_at
        With a time zone.
    notices
        Warnings in the first lines of the page, such as the age of the data.

    Raises
    ------
    InputError
        No section, an id twice, or `generated_at` has no time zone.
    """
    if not sections:
        raise InputError("report", Found("no section"), "at least one", "run `bullbear train` first")
    if generated_at.tzinfo is None:
        raise InputError("generated_at", str(generated_at), "an instant with a time zone", "give it in UTC")
    charts = [chart for section in sections for chart in section.charts]
    counted = Counter([section.id for section in sections] + [chart.id for chart in charts])
    if twice := [name for name, count in counted.items() if count > 1]:
        raise InputError("report", f"the id {twice[0]} {counted[twice[0]]} times", "an id once", "rename one of them")
    library, script = _plotly() if charts else "", _asset("page.js")
    page: str = _template().render(
        title=title,
        ticker=ticker,
        simulated=simulated,
        generated_at=tables.instant(generated_at),
        notices=notices,
        sections=sections,
        periods=PERIODS,
        style=_style(),
        library=b64encode(gzip.compress(library.encode(), mtime=0)).decode("ascii") if library else "",
        script=script,
        hashes=[_hash(text) for text in (library, script) if text],
        data=page_data(charts, simulated=simulated),
    )
    return page


def _style() -> str:
    light, dark = style_variables(0), style_variables(1)
    themes = (
        f":root {{ color-scheme: light; {light} }}\n"
        f":root[data-theme=dark] {{ color-scheme: dark; {dark} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme]) {{ color-scheme: dark; {dark} }} }}\n"
        "@media print { :root, :root[data-theme=dark], :root:not([data-theme]) "
        f"{{ color-scheme: light; {light} }} }}\n"
    )
    return themes + _asset("page.css")


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _hash(script: str) -> str:
    return "sha256-" + b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _asset(name: str) -> str:
    return files("bullbear.report").joinpath(name).read_text(encoding="utf-8")


def _template() -> Any:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_asset("page.html.j2"))
