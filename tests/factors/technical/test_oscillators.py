from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.testing import assert_allclose, assert_array_equal

from bullbear.errors import InputError
from bullbear.factors import registered
from bullbear.factors.engine.registry import Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.technical import oscillators


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(1_200)


def prices(bars: Bars) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return bars.high, bars.low, bars.close


@pytest.mark.parametrize("window", [2, 14])
def test_rsi_is_talib_to_the_bit(bars: Bars, window: int) -> None:
    assert_array_equal(oscillators.rsi(bars, window=window), talib.RSI(bars.close, window))


def test_rsi_against_pandas_once_the_start_is_forgotten(bars: Bars) -> None:
    change = pd.Series(bars.close).diff()
    gain = change.clip(lower=0).ewm(alpha=1 / 14, adjust=False).mean()
    loss = (-change).clip(lower=0).ewm(alpha=1 / 14, adjust=False).mean()
    rows = registered()["rsi"].rows_needed({"window": 14})
    assert_allclose(oscillators.rsi(bars)[rows:], (100 * gain / (gain + loss))[rows:], rtol=1e-10)


def test_rsi_position_is_the_stochastic_of_talibs_rsi(bars: Bars) -> None:
    rsi = talib.RSI(bars.close, 14)
    expected, _ = talib.STOCHF(rsi, rsi, rsi, 14, 1, 0)
    assert_allclose(oscillators.rsi_position(bars)[27:], expected[27:], rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize(("window", "smooth", "signal"), [(14, 3, 3), (14, 1, 3), (63, 5, 4)])
def test_stochastic_is_talib(bars: Bars, window: int, smooth: int, signal: int) -> None:
    _, d = talib.STOCH(*prices(bars), window, smooth, 0, signal, 0)
    k, _ = talib.STOCH(*prices(bars), window, smooth, 0, 1, 0)
    first = window + smooth + signal - 3  # TA-Lib withholds both lines until the second is there
    found = oscillators.stochastic_k(bars, window=window, smooth=smooth)
    assert_allclose(found[first:], k[first:], rtol=1e-12, atol=1e-12)
    found = oscillators.stochastic_k(bars, window=window, smooth=smooth, signal=signal)
    assert_allclose(found, d, rtol=1e-12, atol=1e-12)


def test_stochastic_against_pandas(bars: Bars) -> None:
    high, low = pd.Series(bars.high).rolling(14).max(), pd.Series(bars.low).rolling(14).min()
    k = (100 * (bars.close - low) / (high - low)).rolling(3).mean()
    assert_allclose(oscillators.stochastic_k(bars), k, rtol=1e-9, atol=1e-9)
    assert_allclose(oscillators.stochastic_k(bars, signal=3), k.rolling(3).mean(), rtol=1e-9, atol=1e-9)


def test_williams_r_is_talib_to_the_bit(bars: Bars) -> None:
    assert_array_equal(oscillators.williams_r(bars, window=14), talib.WILLR(*prices(bars), 14))


@pytest.mark.parametrize("window", [2, 20, 63])
def test_cci_is_talib(bars: Bars, window: int) -> None:
    assert_allclose(oscillators.cci(bars, window=window), talib.CCI(*prices(bars), window), rtol=1e-12, atol=1e-10)


def test_ultimate_oscillator_is_talib(bars: Bars) -> None:
    expected = talib.ULTOSC(*prices(bars), 7, 14, 28)
    assert_allclose(oscillators.ultimate_oscillator(bars), expected, rtol=1e-12, atol=1e-12)


def test_closing_strength_against_pandas(bars: Bars) -> None:
    close, high, low = pd.Series(bars.close), pd.Series(bars.high), pd.Series(bars.low)
    expected = (close - low).rolling(5).sum() / (high - low).rolling(5).sum()
    assert_allclose(oscillators.closing_strength(bars, window=5), expected, rtol=1e-9)


UNDEFINED_AT_REST = [
    "cci",
    "closing_strength",
    "rsi",
    "rsi_position",
    "stochastic_k",
    "ultimate_oscillator",
    "williams_r",
]


@pytest.mark.parametrize("name", UNDEFINED_AT_REST)
def test_no_range_is_missing_and_not_oversold(name: str) -> None:
    assert np.isnan(getattr(oscillators, name)(bars_from([7.3] * 700))[-100:]).all()


def test_horizons_out_of_order_are_refused() -> None:
    with pytest.raises(InputError, match=r"long: got 10; allowed: more than medium = 14"):
        registered()["ultimate_oscillator"].rows_needed({"long": 10})
