from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.testing import assert_allclose, assert_array_equal

from bullbear.errors import InputError
from bullbear.factors import registered
from bullbear.factors.engine.registry import Array, Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.technical import averages


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(1_200)


def sma(close: Array, window: int) -> pd.Series:
    return pd.Series(close).rolling(window).mean()


@pytest.mark.parametrize("window", [20, 50, 100, 200])
def test_price_to_sma_is_talib(bars: Bars, window: int) -> None:
    expected = bars.close / talib.SMA(bars.close, window) - 1
    assert_allclose(averages.price_to_sma(bars, window=window), expected, rtol=0, atol=1e-12)


def test_price_to_sma_against_pandas(bars: Bars) -> None:
    assert_allclose(averages.price_to_sma(bars, window=50), bars.close / sma(bars.close, 50) - 1, atol=1e-12)


def test_sma_gap_is_talib(bars: Bars) -> None:
    expected = talib.SMA(bars.close, 50) / talib.SMA(bars.close, 200) - 1
    assert_allclose(averages.sma_gap(bars, fast=50, slow=200), expected, rtol=0, atol=1e-12)


def test_sma_side_is_the_sign_of_the_distance(bars: Bars) -> None:
    side = averages.sma_side(bars, window=50)
    assert_array_equal(side, np.sign(averages.price_to_sma(bars, window=50)))
    assert {-1.0, 1.0} <= set(side[49:])
    assert not averages.sma_side(bars_from([0.1 + 0.2] * 60), window=50)[49:].any()


def test_sma_state_is_the_sign_of_the_gap(bars: Bars) -> None:
    state = averages.sma_state(bars, fast=20, slow=50)
    assert_array_equal(state, np.sign(averages.sma_gap(bars, fast=20, slow=50)))
    assert set(state[49:]) == {-1.0, 1.0}


def test_sma_cross_age_against_a_loop(bars: Bars) -> None:
    gap = averages.sma_gap(bars, fast=20, slow=50)
    expected = np.full(len(gap), np.nan)
    age = 0
    for i in range(49, len(gap)):
        age = age + 1 if i > 49 and np.sign(gap[i]) == np.sign(gap[i - 1]) else 1
        if i >= 49 + 29:
            expected[i] = np.sign(gap[i]) * min(age, 30)
    found = averages.sma_cross_age(bars, fast=20, slow=50, cap=30)
    assert_array_equal(found, expected)
    assert {-30.0, -1.0, 1.0, 30.0} <= set(found[78:])


def test_sma_slope_against_pandas(bars: Bars) -> None:
    expected = 100 * sma(bars.close, 50).pct_change(21)
    assert_allclose(averages.sma_slope(bars, window=50, span=21), expected, rtol=1e-9, atol=1e-12)


def test_sma_stack_counts_ordered_rungs(bars: Bars) -> None:
    rungs = [pd.Series(bars.close), *(sma(bars.close, window) for window in (20, 50, 100, 200))]
    expected = sum(np.sign(a - b) for a, b in pairwise(rungs)) / 4
    assert_allclose(averages.sma_stack(bars), expected, atol=1e-15)
    assert averages.sma_stack(bars_from(range(1, 251)))[-1] == 1.0
    assert averages.sma_stack(bars_from(range(250, 0, -1)))[-1] == -1.0


def test_ppo_is_talib_to_the_bit(bars: Bars) -> None:
    assert_array_equal(averages.ppo(bars, fast=12, slow=26), talib.PPO(bars.close, 12, 26, 1))


def test_ppo_against_pandas_once_the_start_is_forgotten(bars: Bars) -> None:
    close = pd.Series(bars.close)
    fast, slow = close.ewm(span=12, adjust=False).mean(), close.ewm(span=26, adjust=False).mean()
    rows = registered()["ppo"].rows_needed({})
    assert_allclose(averages.ppo(bars)[rows:], (100 * (fast / slow - 1))[rows:], rtol=1e-9, atol=1e-11)


def test_macd_histogram_is_talib_to_the_bit(bars: Bars) -> None:
    assert_array_equal(averages.macd_histogram(bars), 100 * talib.MACD(bars.close, 12, 26, 9)[2] / bars.close)


def test_macd_histogram_against_pandas_once_the_start_is_forgotten(bars: Bars) -> None:
    close = pd.Series(bars.close)
    line = close.ewm(span=12, adjust=False).mean() - close.ewm(span=26, adjust=False).mean()
    expected = 100 * (line - line.ewm(span=9, adjust=False).mean()) / close
    rows = registered()["macd_histogram"].rows_needed({})
    assert_allclose(averages.macd_histogram(bars)[rows:], expected[rows:], rtol=1e-9, atol=1e-11)


def test_trix_is_talib_to_the_bit(bars: Bars) -> None:
    assert_array_equal(averages.trix(bars, window=15), talib.TRIX(bars.close, 15))


def test_an_average_that_is_not_slower_is_refused() -> None:
    with pytest.raises(InputError, match=r"slow: got 50; allowed: more than fast = 50"):
        registered()["sma_gap"].rows_needed({"fast": 50, "slow": 50})


def test_equal_averages_have_no_side() -> None:
    assert averages.sma_state(bars_from([0.1] * 60), fast=20, slow=50)[-1] == 0.0
    assert averages.sma_cross_age(bars_from([0.1] * 60), fast=20, slow=50, cap=5)[-1] == 0.0
