from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.testing import assert_allclose

from bullbear.factors.engine.registry import Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.technical import money_flow


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(900)


def prices(bars: Bars) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return bars.high, bars.low, bars.close


def series(bars: Bars) -> tuple[pd.Series, pd.Series]:
    return pd.Series(bars.close), pd.Series(bars.volume)


@pytest.mark.parametrize("window", [21, 63])
def test_obv_slope_is_talibs_slope_of_talibs_obv(bars: Bars, window: int) -> None:
    obv = talib.OBV(bars.close, bars.volume)
    expected = talib.LINEARREG_SLOPE(obv, window) / talib.SMA(bars.volume, window)
    # The first window of OBV needs one change fewer than rows; ours says the same.
    assert_allclose(money_flow.obv_slope(bars, window=window), expected, rtol=1e-10, atol=1e-12)


def test_volume_balance_is_the_change_of_obv(bars: Bars) -> None:
    obv, (_, traded) = pd.Series(talib.OBV(bars.close, bars.volume)), series(bars)
    expected = obv.diff(63) / traded.rolling(63).sum()
    assert_allclose(money_flow.volume_balance(bars, window=63), expected, rtol=1e-12, atol=1e-14)


def test_chaikin_money_flow_is_talib(bars: Bars) -> None:
    expected = talib.CMF(bars.high, bars.low, bars.close, bars.volume, 21)
    assert_allclose(money_flow.chaikin_money_flow(bars, window=21), expected, rtol=1e-12, atol=1e-14)


def test_vwap_distance_is_talib(bars: Bars) -> None:
    expected = bars.close / talib.VWMA(bars.close, bars.volume, 63) - 1
    assert_allclose(money_flow.vwap_distance(bars, window=63), expected, rtol=1e-12, atol=1e-14)


def test_money_flow_index_is_talib(bars: Bars) -> None:
    expected = talib.MFI(*prices(bars), bars.volume, 14)
    assert_allclose(money_flow.money_flow_index(bars, window=14), expected, rtol=1e-12, atol=1e-10)


def test_money_flow_index_survives_an_unknown_volume(bars: Bars) -> None:
    volume = bars.volume.copy()
    volume[500] = np.nan
    found = money_flow.money_flow_index(replace(bars, volume=volume), window=14)
    expected = talib.MFI(*prices(bars), bars.volume, 14)
    assert np.isnan(found[500:514]).all()
    assert_allclose(np.delete(found, range(500, 514)), np.delete(expected, range(500, 514)), rtol=1e-12, atol=1e-10)


def test_no_flow_is_missing_and_not_oversold() -> None:
    assert np.isnan(money_flow.money_flow_index(bars_from([7.3] * 40))[-20:]).all()


def test_no_volume_counts_in_a_sum(bars: Bars) -> None:
    still = bars.volume.copy()
    still[400] = 0.0
    assert np.isfinite(money_flow.chaikin_money_flow(replace(bars, volume=still), window=21)[400:463]).all()
