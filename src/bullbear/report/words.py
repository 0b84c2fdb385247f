"""Numbers and days as people write them, in the report's sentences, tiles and tables."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

UNKNOWN = "–"


def per_cent(value: float | None, digits: int = 0, *, signed: bool = False) -> str:
    """A fraction in per cent.

    Example
    -------
    >>> per_cent(0.0014, 2, signed=True), per_cent(0.0003), per_cent(0.6), per_cent(None)
    ('+0.14 %', '0.03 %', '60 %', '–')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value and digits == 0 and abs(value) < 0.01:
        digits = 1 if abs(value) >= 0.001 else 2
    return f"{100.0 * value:{'+' if signed else ''}.{digits}f} %"


def price(value: float | None) -> str:
    """A price with its cents.

    Example
    -------
    >>> price(1165.6)
    '1,165.60'
    """
    return UNKNOWN if value is None or not math.isfinite(value) else f"{value:,.2f}"


def day(value: Any, *, weekday: bool = False) -> str:
    """A day; of an instant, the day in New York.

    Example
    -------
    >>> day("2019-12-31", weekday=True), day("2020-01-03T02:00:00Z")
    ('Tue 31 Dec 2019', '2 Jan 2020')
    """
    moment = pd.Timestamp(value)
    if moment.tzinfo is not None:
        moment = moment.tz_convert("America/New_York")
    return f"{moment:%a }{moment.day} {moment:%b %Y}" if weekday else f"{moment.day} {moment:%b %Y}"


def sentence(text: str) -> str:
    """With a capital and a full stop.

    Example
    -------
    >>> sentence("the close has left the support behind")
    'The close has left the support behind.'
    """
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text[-1:] in ".!?:" else ".") if text else text
