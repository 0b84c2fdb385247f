from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.testing import assert_allclose

from bullbear.factors import volume
from bullbear.factors.registry import Bars
from bullbear.factors.windows import bars_from


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(900)


def series(bars: Bars) -> tuple[pd.Series, pd.Series]:
    return pd.Series(bars.close), pd.Series(bars.volume)


@pytest.mark.parametrize("window", [21, 63])
def test_obv_slope_is_talibs_slope_of_talibs_obv(bars: Bars, window: int) -> None:
    obv = talib.OBV(bars.close, bars.volume)
    expected = talib.LINEARREG_SLOPE(obv, window) / talib.SMA(bars.volume, window)
    # The first window of OBV needs one change fewer than rows; ours says the same.
    assert_allclose(volume.obv_slope(bars, window=window), expected, rtol=1e-10, atol=1e-12)


def test_volume_balance_is_the_change_of_obv(bars: Bars) -> None:
    obv, (_, traded) = pd.Series(talib.OBV(bars.close, bars.volume)), series(bars)
    expected = obv.diff(63) / traded.rolling(63).sum()
    assert_allclose(volume.volume_balance(bars, window=63), expected, rtol=1e-12, atol=1e-14)


def test_volume_z_against_pandas(bars: Bars) -> None:
    logs = np.log(series(bars)[1])
    expected = (logs - logs.rolling(63).mean()) / logs.rolling(63).std()
    assert_allclose(volume.volume_z(bars, window=63), expected, rtol=1e-9, atol=1e-10)


def test_volume_ratio_is_talib(bars: Bars) -> None:
    expected = talib.SMA(bars.volume, 5) / talib.SMA(bars.volume, 63)
    assert_allclose(volume.volume_ratio(bars, fast=5, slow=63), expected, rtol=1e-12)


def test_chaikin_money_flow_is_talib(bars: Bars) -> None:
    expected = talib.CMF(bars.high, bars.low, bars.close, bars.volume, 21)
    assert_allclose(volume.chaikin_money_flow(bars, window=21), expected, rtol=1e-12, atol=1e-14)


def test_vwap_distance_is_talib(bars: Bars) -> None:
    expected = bars.close / talib.VWMA(bars.close, bars.volume, 63) - 1
    assert_allclose(volume.vwap_distance(bars, window=63), expected, rtol=1e-12, atol=1e-14)


def test_volume_breakout_against_a_loop(bars: Bars) -> None:
    n, window, memory = len(bars.close), 21, 5
    daily = np.full(n, np.nan)
    for i in range(window, n):
        before = slice(i - window, i)
        top, bottom, usual = bars.high[before].max(), bars.low[before].min(), bars.volume[before].mean()
        size = max(bars.close[i] / top - 1, 0) - max(1 - bars.close[i] / bottom, 0)
        daily[i] = 100 * size * bars.volume[i] / usual
    expected = pd.Series(daily).rolling(memory).sum()
    found = volume.volume_breakout(bars, window=window, memory=memory)
    assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert (found[30:] > 0).any()
    assert (found[30:] < 0).any()
    assert (found[30:] == 0).any()


@pytest.mark.parametrize("name", ["dry_new_lows", "dry_new_highs"])
def test_dryness_against_a_loop(bars: Bars, name: str) -> None:
    n, window, memory = len(bars.close), 21, 10
    daily = np.full(n, np.nan)
    for i in range(window, n):
        before = slice(i - window, i)
        closes = bars.close[before]
        extreme = bars.close[i] < closes.min() if name == "dry_new_lows" else bars.close[i] > closes.max()
        daily[i] = np.log(bars.volume[before].mean() / bars.volume[i]) if extreme else 0.0
    expected = pd.Series(daily).rolling(memory).mean()
    found = getattr(volume, name)(bars, window=window, memory=memory)
    assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert np.nanstd(found) > 0


def test_new_lows_on_half_the_volume_are_dry_and_on_double_are_not() -> None:
    closes = [10.0] * 21 + [9.0]
    thin = volume.dry_new_lows(bars_from(closes, volume=[100.0] * 21 + [50.0]), window=21, memory=1)
    heavy = volume.dry_new_lows(bars_from(closes, volume=[100.0] * 21 + [200.0]), window=21, memory=1)
    assert thin[-1] == pytest.approx(np.log(2), abs=1e-12)
    assert heavy[-1] == pytest.approx(-np.log(2), abs=1e-12)


def test_illiquidity_ratio_against_pandas(bars: Bars) -> None:
    close, traded = series(bars)
    impact = close.pct_change().abs() / (close * traded)
    expected = np.log(impact.rolling(21).mean() / impact.rolling(252).mean())
    assert_allclose(volume.illiquidity_ratio(bars, fast=21, slow=252), expected, rtol=1e-9, atol=1e-10)


def test_volume_return_correlation_against_pandas_and_talib(bars: Bars) -> None:
    close, traded = series(bars)
    returns, logs = np.log(close).diff(), np.log(traded)
    found = volume.volume_return_correlation(bars, window=63)
    assert_allclose(found, returns.rolling(63).corr(logs), rtol=1e-9, atol=1e-10)
    assert_allclose(found[63:], talib.CORREL(returns.to_numpy()[1:], logs.to_numpy()[1:], 63)[62:], atol=1e-9)


def test_distribution_days_against_pandas(bars: Bars) -> None:
    close, traded = series(bars)
    counted = ((100 * close.pct_change() <= -0.2) & (traded.diff() > 0)).astype(float)
    counted[0] = np.nan
    found = volume.distribution_days(bars, window=25, drop=0.2)
    assert_allclose(found, counted.rolling(25).mean(), atol=1e-12)


def test_zero_volume_is_unknown_to_a_logarithm_and_counts_in_a_sum(bars: Bars) -> None:
    still = bars.volume.copy()
    still[400] = 0.0
    holed = replace(bars, volume=still)
    assert np.isnan(volume.volume_z(holed, window=63)[400:463]).all()
    assert np.isnan(volume.illiquidity_ratio(holed, fast=5, slow=63)[400:463]).all()
    assert np.isfinite(volume.volume_ratio(holed, fast=5, slow=63)[400:463]).all()
    assert np.isfinite(volume.chaikin_money_flow(holed, window=21)[400:463]).all()
