from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.testing import assert_allclose, assert_array_equal

from bullbear.factors.engine.registry import Array, Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.technical import bands


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(1_200)


def prices(bars: Bars) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return bars.high, bars.low, bars.close


def test_bollinger_is_talib(bars: Bars) -> None:
    upper, middle, lower = talib.BBANDS(bars.close, 20, 2.0, 2.0, 0)
    position = bands.bollinger_position(bars, window=20, width=2.0)
    assert_allclose(position, (bars.close - lower) / (upper - lower), rtol=0, atol=1e-11)
    width = bands.bollinger_width(bars, window=20, width=2.0)
    assert_allclose(width, (upper - lower) / middle, rtol=0, atol=1e-12)


def test_bollinger_against_pandas(bars: Bars) -> None:
    window = pd.Series(bars.close).rolling(20)
    mean, spread = window.mean(), window.std(ddof=0)
    expected = (bars.close - mean + 2 * spread) / (4 * spread)
    assert_allclose(bands.bollinger_position(bars), expected, rtol=1e-7, atol=1e-8)


def test_squeeze_is_talibs_deviation_over_its_true_range(bars: Bars) -> None:
    expected = 2 * talib.STDDEV(bars.close, 20, 1.0) / (1.5 * talib.ATR(*prices(bars), 20))
    assert_array_equal(bands.squeeze(bars, window=20), expected)


@pytest.mark.parametrize("of", [bands.bollinger_position, bands.squeeze])
def test_no_range_is_missing(of: Callable[..., Array]) -> None:
    assert np.isnan(of(bars_from([7.3] * 700))[-100:]).all()
