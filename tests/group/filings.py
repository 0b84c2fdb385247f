"""Filings written by hand, and the figures that follow from them worked out plainly, one company and day at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from bullbear.group.reported_periods import Item


def facts(*rows: tuple[str, str, str, str, float], form: str = "10-Q") -> pd.DataFrame:
    """Rows of (company, concept, day filed, period, value); a period is `FIRST/LAST`, or one day of a balance."""
    return pd.DataFrame([filing(*row, form) for row in rows])


def filing(company: str, concept: str, filed: str, period: str, value: float, form: str) -> dict[str, object]:
    first, _, last = period.rpartition("/")
    return {
        "company": company,
        "concept": concept,
        "event_date": pd.Timestamp(last),
        "start_date": pd.Timestamp(first) if first else pd.NaT,
        "known_at": evening(filed),
        "value": float(value),
        "unit": "shares" if concept.startswith("shares") else "USD",
        "form": form,
    }


def evening(day: str) -> pd.Timestamp:
    return (pd.Timestamp(day) + pd.Timedelta(hours=22)).tz_localize("America/New_York").tz_convert("UTC")


def plainly(facts: pd.DataFrame, instant: pd.Timestamp, company: str, item: Item) -> tuple[float, float, float]:
    """Value, the one of a year ago, and the month of the value's end, from the documented rules."""
    figures: dict[tuple[int, int], float] = {}
    known = facts[(facts["known_at"] <= instant) & (facts["company"] == company) & (facts["unit"] == item.unit)]
    for concept in reversed(item.concepts):  # the first one, entered last, counts
        rows = known[known["concept"] == concept].itertuples()
        for row in sorted(
            rows, key=lambda row: (row.known_at, row.form[-2:] == "/A", row.event_date, row.form, row.value)
        ):
            if row.event_date > row.known_at.tz_localize(None):
                continue
            end = _nearest(row.event_date)
            start = end if pd.isna(row.start_date) else _nearest(row.start_date - pd.Timedelta(days=1))
            if 1 <= end - start <= 12 if item.flow else start == end:
                figures[start, end] = row.value
    if not figures:
        return np.nan, np.nan, np.nan
    latest = max(end for _, end in figures)
    value, end = None, latest
    for end in range(latest, latest - 18, -1) if item.flow else [latest]:
        value = year_to(figures, end) if item.flow else figures[end, end]
        if value is not None:
            break
    last = pd.Period(year=1970 + end // 12, month=end % 12 + 1, freq="M").end_time.normalize()
    if value is None or (instant.tz_localize(None).normalize() - last).days > 500:
        return np.nan, np.nan, np.nan
    before = year_to(figures, end - 12) if item.flow else figures.get((end - 12, end - 12))
    return value, np.nan if before is None else before, end


def _filed(row: Any) -> tuple[Any, ...]:
    return row.known_at, row.form.endswith("/A"), row.event_date, row.form, row.value


def _nearest(day: pd.Timestamp) -> int:
    return (day.year - 1970) * 12 + day.month - (2 if day.day <= 15 else 1)


def _sum(parts: Iterable[float | None]) -> float | None:
    found = list(parts)
    return None if any(part is None for part in found) else sum(found)


def year_to(figures: dict[tuple[int, int], float], end: int) -> float | None:
    def cumulative(start: int, end: int) -> float | None:
        if (start, end) in figures:
            return figures[start, end]
        if end - start in (6, 9):
            return _sum([cumulative(start, end - 3), figures.get((end - 3, end))])
        return None

    def less(one: float | None, other: float | None) -> float | None:
        return None if one is None or other is None else one - other

    def quarter(end: int) -> float | None:
        direct = figures.get((end - 3, end))
        differences = [less(cumulative(end - n, end), cumulative(end - n, end - 3)) for n in (6, 9, 12)]
        return next((value for value in [direct, *differences] if value is not None), None)

    if (end - 12, end) in figures:
        return figures[end - 12, end]
    for months in range(11, 0, -1):
        begin = end - months
        year = _sum([cumulative(begin, end), figures.get((begin - 12, begin))])
        if (rolled := less(year, cumulative(begin - 12, end - 12))) is not None:
            return rolled
    return _sum(quarter(end - 3 * place) for place in range(4))
