"""Indicators that TA-Lib sums by adding and subtracting, against their definitions in exact rational arithmetic.

TA-Lib carries one running sum through the whole history and with it the rounding of every bar before the window. Ours
depend on their window alone, so they differ from TA-Lib in that rounding; here both distances from the truth are told.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import sqrt

import numpy as np
import pytest
import talib

from bullbear.factors.engine.registry import Array, Bars
from bullbear.factors.technical import averages, bands, oscillators, trend

Exact = list[Fraction]
ROWS = 6_000
CHECKED = range(400, ROWS, 373)


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(ROWS)


def exact(values: Array) -> Exact:
    return [Fraction(float(value)) for value in values]


def mean(values: Exact) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def variance(values: Exact) -> Fraction:
    middle = mean(values)
    return mean([(value - middle) ** 2 for value in values])


def fitted(values: Exact) -> tuple[Fraction, Fraction, Fraction]:
    """Slope, height at the last row and mean squared residual of the least-squares line."""
    n = len(values)
    times = [Fraction(i) - Fraction(n - 1, 2) for i in range(n)]
    middle = mean(values)
    slope = sum((t * v for t, v in zip(times, values, strict=True)), Fraction(0)) / sum(t * t for t in times)
    residual = mean([(v - middle - slope * t) ** 2 for t, v in zip(times, values, strict=True)])
    return slope, middle + slope * times[-1], residual


def furthest(found: Array, truth: Callable[[int], float]) -> float:
    """Largest error over the checked rows, as a share of the factor's own spread."""
    return float(max(abs(found[row] - truth(row)) for row in CHECKED) / np.nanstd(found))


def test_averages(bars: Bars) -> None:
    def truth(row: int) -> float:
        return float(Fraction(float(bars.close[row])) / mean(exact(bars.close[row - 199 : row + 1])) - 1)

    assert furthest(averages.price_to_sma(bars, window=200), truth) < 1e-13


def test_bollinger_position(bars: Bars) -> None:
    def truth(row: int) -> float:
        window = exact(bars.close[row - 19 : row + 1])
        return 0.5 + float(window[-1] - mean(window)) / (4.0 * sqrt(variance(window)))

    ours = furthest(bands.bollinger_position(bars, window=20, width=2.0), truth)
    upper, _, lower = talib.BBANDS(bars.close, 20, 2.0, 2.0, 0)
    assert ours < 1e-13 < furthest((bars.close - lower) / (upper - lower), truth)


def test_regression(bars: Bars) -> None:
    logs = np.log(bars.close)

    def line(row: int) -> tuple[Fraction, Fraction, Fraction]:
        return fitted(exact(logs[row - 62 : row + 1]))

    def slope(row: int) -> float:
        return float(100 * line(row)[0])

    def fit(row: int) -> float:
        b, _, residual = line(row)
        return float(np.sign(float(b))) * float(1 - residual / variance(exact(logs[row - 62 : row + 1])))

    def position(row: int) -> float:
        _, height, residual = line(row)
        return float(Fraction(float(logs[row])) - height) / sqrt(residual)

    assert furthest(trend.regression_slope(bars, window=63), slope) < 1e-13
    assert furthest(talib.LINEARREG_SLOPE(logs, 63) * 100, slope) > 1e-13
    assert furthest(trend.regression_fit(bars, window=63), fit) < 1e-12
    assert furthest(trend.regression_position(bars, window=63), position) < 1e-12


def test_cci(bars: Bars) -> None:
    def truth(row: int) -> float:
        rows = slice(row - 19, row + 1)
        columns = (exact(column[rows]) for column in (bars.high, bars.low, bars.close))
        typical = [sum(each, Fraction(0)) / 3 for each in zip(*columns, strict=True)]
        middle = mean(typical)
        return float((typical[-1] - middle) / (Fraction(15, 1000) * mean([abs(x - middle) for x in typical])))

    assert furthest(oscillators.cci(bars, window=20), truth) < 1e-12


def test_stochastic(bars: Bars) -> None:
    def raw(row: int) -> Fraction:
        high = max(exact(bars.high[row - 13 : row + 1]))
        low = min(exact(bars.low[row - 13 : row + 1]))
        return 100 * (Fraction(float(bars.close[row])) - low) / (high - low)

    def truth(row: int) -> float:
        return float(mean([raw(row - back) for back in range(3)]))

    assert furthest(oscillators.stochastic_k(bars, window=14, smooth=3), truth) < 1e-13
