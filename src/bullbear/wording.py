"""Numbers as people write them: one way for reasons, cards and tables.

Per cent have a space before the sign, prices two decimals, and a fraction near 0 or 1 as many digits as it needs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

UNKNOWN = "unknown"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def percent(value: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """A fraction in per cent.

    Example
    -------
    >>> percent(0.6816), percent(-0.05, 0, signed=True), percent(None)
    ('68.2 %', '-5 %', 'unknown')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{_rounded(100.0 * value, digits):{'+' if signed else ''}.{digits}f} %"


def interval(low: float | None, high: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """The two ends of an interval, fractions in per cent.

    Example
    -------
    >>> interval(0.541, 0.679), interval(-0.05, 0.06, 0, signed=True)
    ('54.1 % to 67.9 %', '-5 % to +6 %')
    """
    return f"{percent(low, digits, signed=signed)} to {percent(high, digits, signed=signed)}"


def skill(estimate: float, low: float, high: float, digits: int = 0) -> str:
    """A skill with the interval that its place names.

    Example
    -------
    >>> skill(0.104, 0.041, 0.162)
    '+10 % (+4 % to +16 %)'
    """
    return f"{percent(estimate, digits, signed=True)} ({interval(low, high, digits, signed=True)})"


def chance(p: float) -> str:
    """A probability in whole per cent, but never 0 or 100 % where it is neither.

    Example
    -------
    >>> chance(0.0825), chance(0.0048), chance(0.0003), chance(0.9999), chance(0.0)
    ('8 %', '0.5 %', 'under 0.1 %', 'over 99.9 %', '0 %')
    """
    if p in (0.0, 1.0) or 0.01 <= p <= 0.99:
        return percent(p, 0)
    if p < 0.001:
        return "under 0.1 %"
    return "over 99.9 %" if p > 0.999 else percent(p)


def points(difference: float, digits: int = 0) -> str:
    """A difference of two fractions in percentage points, without its sign.

    Example
    -------
    >>> points(-0.031), points(0.01), points(0.0042, 1)
    ('3 points', '1 point', '0.4 points')
    """
    number = f"{abs(_rounded(100.0 * difference, digits)):.{digits}f}"
    return f"{number} point{'' if number == '1' else 's'}"


def count(n: int, noun: str) -> str:
    """A number of things.

    Example
    -------
    >>> count(1, "session"), count(1735, "session")
    ('1 session', '1,735 sessions')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def price(value: float) -> str:
    """A price with two decimals.

    Example
    -------
    >>> price(1234.5)
    '1,234.50'
    """
    return f"{value:,.2f}"


def dollars(value: float | None) -> str:
    """An amount in thousands, millions or billions of dollars.

    Example
    -------
    >>> dollars(1.234e9), dollars(56.7e6), dollars(1.26e6), dollars(250_000.0), dollars(0.0), dollars(None)
    ('$1.23 bn', '$57 m', '$1.3 m', '$250 k', '$0', 'unknown')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value >= 1e9:
        return f"${value / 1e9:,.2f} bn"
    for size, unit in ((1e6, " m"), (1e3, " k")):
        if value >= size:
            return f"${value / size:.{0 if value >= 10 * size else 1}f}{unit}"
    return f"${value:.0f}"


def long_date(day: date) -> str:
    """A day with its weekday, in English whatever the machine's language.

    Example
    -------
    >>> long_date(date(2019, 12, 31))
    'Tue 31 Dec 2019'
    """
    return f"{_DAYS[day.weekday()]} {short_date(day)}"


def short_date(day: date | str) -> str:
    """A day, or the day of an ISO text, without its weekday.

    Example
    -------
    >>> short_date("2019-12-31"), short_date(date(2020, 1, 2))
    ('31 Dec 2019', '2 Jan 2020')
    """
    day = date.fromisoformat(day[:10]) if isinstance(day, str) else day
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def listed(parts: list[str]) -> str:
    """Parts in one phrase.

    Example
    -------
    >>> listed(["a", "b", "c"]), listed(["a", "b"]), listed(["a"])
    ('a, b and c', 'a and b', 'a')
    """
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]])) if parts else ""


FEW = 3
"""Names that a sentence bears."""


def few(names: Sequence[str]) -> str:
    """At most three names, and how many more there are.

    Example
    -------
    >>> few(["VIXCLS", "CBOE_RVX"])
    'VIXCLS and CBOE_RVX'
    >>> few(["VIXCLS", "CBOE_RVX", "UNRATE", "T10Y2Y", "ICSA"])
    'VIXCLS, CBOE_RVX, UNRATE and 2 more'
    """
    rest = len(names) - FEW
    return listed([*names[:FEW], f"{rest} more"] if rest > 0 else list(names))


def capital(text: str) -> str:
    """With a capital first letter, the rest as it is.

    Example
    -------
    >>> capital("the close"), capital("P(up)")
    ('The close', 'P(up)')
    """
    return text[:1].upper() + text[1:]


def _rounded(value: float, digits: int) -> float:
    """Rounded, without a negative zero."""
    return round(value, digits) + 0.0
