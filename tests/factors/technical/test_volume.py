from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.testing import assert_allclose

from bullbear.factors.engine.registry import Bars
from bullbear.factors.technical import volume


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(900)


def series(bars: Bars) -> tuple[pd.Series, pd.Series]:
    return pd.Series(bars.close), pd.Series(bars.volume)


def test_volume_z_against_pandas(bars: Bars) -> None:
    logs = np.log(series(bars)[1])
    expected = (logs - logs.rolling(63).mean()) / logs.rolling(63).std()
    assert_allclose(volume.volume_z(bars, window=63), expected, rtol=1e-9, atol=1e-10)


def test_volume_ratio_is_talib(bars: Bars) -> None:
    expected = talib.SMA(bars.volume, 5) / talib.SMA(bars.volume, 63)
    assert_allclose(volume.volume_ratio(bars, fast=5, slow=63), expected, rtol=1e-12)


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
