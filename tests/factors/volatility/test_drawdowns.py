from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.testing import assert_allclose, assert_array_equal

from bullbear.factors.engine.registry import Bars
from bullbear.factors.volatility import drawdowns


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(900)


@pytest.mark.parametrize("window", [2, 21, 252])
def test_max_drawdown_against_a_loop(bars: Bars, window: int) -> None:
    expected = np.full(len(bars.close), np.nan)
    for i in range(window - 1, len(bars.close)):
        closes = bars.close[i - window + 1 : i + 1]
        expected[i] = 100 * (closes / np.maximum.accumulate(closes) - 1).min()
    assert_array_equal(drawdowns.max_drawdown(bars, window=window)[: window - 1], expected[: window - 1])
    assert_allclose(drawdowns.max_drawdown(bars, window=window), expected, rtol=1e-12, atol=1e-13)


def test_ulcer_index_against_pandas(bars: Bars) -> None:
    depth = 100 * (bars.close / pd.Series(talib.MAX(bars.close, 63)) - 1)
    expected = np.sqrt((depth**2).rolling(63).mean())
    assert_allclose(drawdowns.ulcer_index(bars, window=63), expected, rtol=1e-9)
