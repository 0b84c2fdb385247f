from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.testing import assert_allclose, assert_array_equal

from bullbear.factors.engine.registry import Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.volatility import realised as volatility

YEAR = 252


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(900)


@pytest.fixture(scope="module")
def frame(bars: Bars) -> pd.DataFrame:
    return pd.DataFrame({name: getattr(bars, name) for name in ("open", "high", "low", "close")})


def test_atr_percent_is_talib_to_the_bit(bars: Bars) -> None:
    assert_array_equal(volatility.atr_percent(bars, window=14), talib.NATR(bars.high, bars.low, bars.close, 14))


@pytest.mark.parametrize("window", [5, 21, 63, 252])
def test_realised_volatility_is_talib_and_pandas(bars: Bars, frame: pd.DataFrame, window: int) -> None:
    returns = np.log(frame["close"]).diff()
    found = volatility.realised_volatility(bars, window=window)
    assert_allclose(found, 100 * np.sqrt(YEAR) * returns.rolling(window).std(), rtol=1e-10)
    population = talib.STDDEV(returns.to_numpy()[1:], window, 1.0)
    expected = 100 * np.sqrt(YEAR) * population * np.sqrt(window / (window - 1))
    assert_allclose(found[1:], expected, rtol=1e-11)


def test_parkinson_against_pandas(bars: Bars, frame: pd.DataFrame) -> None:
    squares = np.log(frame.high / frame.low) ** 2
    expected = 100 * np.sqrt(YEAR * squares.rolling(21).mean() / (4 * np.log(2)))
    assert_allclose(volatility.parkinson_volatility(bars, window=21), expected, rtol=1e-10)


def test_garman_klass_against_pandas(bars: Bars, frame: pd.DataFrame) -> None:
    daily = np.log(frame.high / frame.low) ** 2 / 2 - (2 * np.log(2) - 1) * np.log(frame.close / frame.open) ** 2
    expected = 100 * np.sqrt(YEAR * daily.rolling(21).mean())
    assert_allclose(volatility.garman_klass_volatility(bars, window=21), expected, rtol=1e-10)


def rogers_satchell(frame: pd.DataFrame) -> pd.Series:
    up = np.log(frame.high / frame.close) * np.log(frame.high / frame.open)
    return up + np.log(frame.low / frame.close) * np.log(frame.low / frame.open)


def test_rogers_satchell_against_pandas(bars: Bars, frame: pd.DataFrame) -> None:
    expected = 100 * np.sqrt(YEAR * rogers_satchell(frame).rolling(21).mean())
    assert_allclose(volatility.rogers_satchell_volatility(bars, window=21), expected, rtol=1e-10)


def test_yang_zhang_against_pandas(bars: Bars, frame: pd.DataFrame) -> None:
    n = 21
    night, day = np.log(frame.open / frame.close.shift()), np.log(frame.close / frame.open)
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    variance = night.rolling(n).var() + k * day.rolling(n).var() + (1 - k) * rogers_satchell(frame).rolling(n).mean()
    assert_allclose(volatility.yang_zhang_volatility(bars, window=n), 100 * np.sqrt(YEAR * variance), rtol=1e-10)


@pytest.mark.parametrize(
    "name",
    ["parkinson_volatility", "garman_klass_volatility", "rogers_satchell_volatility", "yang_zhang_volatility"],
)
def test_range_estimators_find_the_volatility_of_a_finely_sampled_walk(name: str) -> None:
    random = np.random.default_rng(3)
    steps = random.normal(0.0, 0.2 / np.sqrt(YEAR * 390), (600, 390))
    paths = np.exp(np.cumsum(steps.ravel())).reshape(600, 390)
    open_ = np.concatenate([[1.0], paths[:-1, -1]])
    high, low = np.maximum(paths.max(axis=1), open_), np.minimum(paths.min(axis=1), open_)
    walk = bars_from(paths[:, -1], open=open_, high=high, low=low)
    # Sampling 390 times a session misses some of the range: a known bias of a few per cent downward.
    assert getattr(volatility, name)(walk, window=599)[-1] == pytest.approx(20.0, rel=0.08)


@pytest.mark.parametrize("window", [1, 5, 252])
def test_log_realised_volatility_is_the_root_mean_square_of_pandas(
    bars: Bars, frame: pd.DataFrame, window: int
) -> None:
    returns = np.log(frame["close"]).diff()
    expected = np.log(np.sqrt(YEAR * (returns**2).rolling(window).mean()).clip(lower=0.01))
    assert_allclose(volatility.log_realised_volatility(bars, window=window), expected, rtol=1e-9)


@pytest.mark.parametrize("window", [1, 5, 252])
def test_log_range_volatility_adds_nights_to_garman_and_klass(bars: Bars, frame: pd.DataFrame, window: int) -> None:
    logs = np.log(frame)
    night, body = logs["open"] - logs["close"].shift(), logs["close"] - logs["open"]
    daily = night**2 + 0.5 * (logs["high"] - logs["low"]) ** 2 - (2 * np.log(2) - 1) * body**2
    expected = 0.5 * np.log(YEAR * daily.rolling(window).mean())
    assert_allclose(volatility.log_range_volatility(bars, window=window), expected, rtol=1e-9)


def test_a_price_that_stands_still_has_the_least_log_volatility() -> None:
    still = bars_from([10.0] * 5)
    for found in (volatility.log_realised_volatility, volatility.log_range_volatility):
        assert found(still, window=2)[-1] == np.log(0.01)
