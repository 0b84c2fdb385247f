"""Trailing twelve months from the periods that companies report: quarters, year-to-date figures and years.

All by subtraction and addition of figures that adjoin; a period that cannot be made up from what is known is missing.
"""

from __future__ import annotations

import numpy as np

from bullbear.data.companies.panel import Array
from bullbear.group.reported_periods import QUARTER, YEAR


def trailing_years(figures: Array) -> Array:
    """Sums of the twelve months up to each month end; NaN where the figures known do not give one.

    The first of these that is known:

    1. the figure of twelve months;
    2. year to date + the year before it - the same months of that year, with the longest year to date;
    3. four quarters. A quarter is a figure of three months, or the difference of two that begin together: six months
       less three, nine less six, twelve less nine (so the fourth quarter is the year less nine months).

    Figures of six and nine months are, where they are not reported, made up of those that they consist of.

    Parameters
    ----------
    figures
        Shape (n_rows, n_months, 13): the figure of the last axis' number of months, up to each of consecutive month
        ends; NaN where none is known.

    Returns
    -------
    Array
        Shape (n_rows, n_months).
    """
    cumulative = [figures[:, :, months] for months in range(YEAR + 1)]
    three, half, nine = cumulative[QUARTER], cumulative[2 * QUARTER], cumulative[3 * QUARTER]
    half = _first(half, _back(three, QUARTER) + three)
    nine = _first(nine, _back(half, QUARTER) + three)
    cumulative[2 * QUARTER], cumulative[3 * QUARTER] = half, nine
    year = cumulative[YEAR]

    result = year
    for months in range(YEAR - 1, 0, -1):
        to_date = cumulative[months]
        if np.isnan(to_date).all():  # four months, of companies without quarters of 16 weeks
            continue
        result = _first(result, to_date + _back(year, months) - _back(to_date, YEAR))
    quarter = _first(three, half - _back(three, QUARTER))
    quarter = _first(quarter, nine - _back(half, QUARTER))
    quarter = _first(quarter, year - _back(nine, QUARTER))
    four = quarter + _back(quarter, QUARTER) + _back(quarter, 2 * QUARTER) + _back(quarter, 3 * QUARTER)
    return _first(result, four)


def _first(preferred: Array, other: Array) -> Array:
    return np.where(np.isnan(preferred), other, preferred)


def _back(figures: Array, months: int) -> Array:
    """Each figure's value some months earlier."""
    result = np.full(figures.shape, np.nan)
    result[:, months:] = figures[:, :-months]
    return result
