from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import talib
from numpy.testing import assert_array_equal

from bullbear.factors.engine.registry import Bars
from bullbear.factors.technical import directional


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(900)


def test_directional_movement_is_talib_to_the_bit(bars: Bars) -> None:
    prices = bars.high, bars.low, bars.close
    assert_array_equal(directional.adx(bars, window=14), talib.ADX(*prices, 14))
    assert_array_equal(directional.directional_indicator(bars, window=14, side="up"), talib.PLUS_DI(*prices, 14))
    assert_array_equal(directional.directional_indicator(bars, window=14, side="down"), talib.MINUS_DI(*prices, 14))


def test_directional_spread_is_the_difference(bars: Bars) -> None:
    prices = bars.high, bars.low, bars.close
    expected = talib.PLUS_DI(*prices, 14) - talib.MINUS_DI(*prices, 14)
    assert_array_equal(directional.directional_spread(bars, window=14), expected)


def test_directed_adx_has_the_sign_of_the_spread(bars: Bars) -> None:
    directed = directional.directed_adx(bars, window=14)
    assert_array_equal(np.abs(directed), directional.adx(bars, window=14))
    assert_array_equal(np.sign(directed)[40:], np.sign(directional.directional_spread(bars, window=14))[40:])
    assert {-1.0, 1.0} <= set(np.sign(directed[40:]))
