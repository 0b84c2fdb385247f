"""Days, sentences and numbers that may be unknown, as the report writes them; numbers are those of `wording`."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from bullbear import wording

UNKNOWN = "–"
_ACCOUNTS = {
    "ten_month_average": "ten-month average",
    "sixty_forty": "60/40",
    "base_rate": "policy on the base rate",
}


def per_cent(value: float | None, digits: int = 0, *, signed: bool = False) -> str:
    """A fraction in per cent; a share near 0 or 1 in whole per cent has the digits that it needs.

    Example
    -------
    >>> per_cent(0.0014, 2, signed=True), per_cent(0.003), per_cent(0.6), per_cent(None)
    ('+0.14 %', '0.3 %', '60 %', '–')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if digits == 0 and not signed and 0.0 <= value <= 1.0:
        return wording.chance(value)
    return wording.percent(value, digits, signed=signed)


def price(value: float | None) -> str:
    """A price with its cents.

    Example
    -------
    >>> price(1165.6)
    '1,165.60'
    """
    return UNKNOWN if value is None or not math.isfinite(value) else wording.price(value)


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
    return wording.long_date(moment) if weekday else wording.short_date(moment)


def account_name(account: str) -> str:
    """The policy's account or a baseline as people call it.

    Example
    -------
    >>> account_name("buy_and_hold"), account_name("sixty_forty")
    ('buy and hold', '60/40')
    """
    return _ACCOUNTS.get(account, account.replace("_", " "))


def sentence(text: str) -> str:
    """With a capital and a full stop.

    Example
    -------
    >>> sentence("the close rose above support")
    'The close rose above support.'
    """
    text = wording.capital(text.strip())
    return text + ("" if text[-1:] in ".!?:" else ".") if text else text
