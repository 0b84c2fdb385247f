"""Volatility and range against the plain pandas expression and Wilder's loop."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.statistics.volatility import wilder_atr, zero_mean_volatility


def test_volatility_equals_the_plain_pandas_expression() -> None:
    close = pd.Series(100.0 * np.cumprod(1.0 + np.random.default_rng(3).normal(0.0, 0.012, 300)))
    expected = ((close.pct_change() ** 2).rolling(21).mean() * 252) ** 0.5
    np.testing.assert_allclose(zero_mean_volatility(close.to_numpy(), 21), expected, rtol=1e-12)


def test_volatility_is_unknown_before_a_whole_window() -> None:
    assert np.isnan(zero_mean_volatility(np.array([1.0, 2.0, 3.0]), 3)).all()
    assert np.isfinite(zero_mean_volatility(np.array([1.0, 2.0, 3.0, 4.0]), 3)).tolist() == [False] * 3 + [True]


def test_atr_equals_wilders_loop() -> None:
    rng = np.random.default_rng(4)
    close = 50.0 + np.cumsum(rng.normal(0.0, 1.0, 60))
    high, low = close + rng.uniform(0.0, 1.0, 60), close - rng.uniform(0.0, 1.0, 60)
    ranges = [max(high[i], close[i - 1]) - min(low[i], close[i - 1]) for i in range(1, 60)]
    expected = [sum(ranges[:14]) / 14]
    for each in ranges[14:]:
        expected.append((13 * expected[-1] + each) / 14)
    found = wilder_atr(high, low, close, 14)
    assert np.isnan(found[:14]).all()
    np.testing.assert_allclose(found[14:], expected, rtol=1e-12)
    assert np.isnan(wilder_atr(high[:14], low[:14], close[:14], 14)).all()
