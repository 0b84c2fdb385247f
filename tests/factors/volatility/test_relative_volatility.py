from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.testing import assert_allclose

from bullbear.errors import InputError
from bullbear.factors import registered
from bullbear.factors.engine.registry import Bars
from bullbear.factors.volatility import relative_volatility


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(900)


@pytest.fixture(scope="module")
def returns(bars: Bars) -> pd.Series:
    return np.log(pd.Series(bars.close)).diff()


def test_range_expansion_is_talib(bars: Bars) -> None:
    ranges = talib.TRANGE(bars.high, bars.low, bars.close)
    assert_allclose(relative_volatility.range_expansion(bars, window=21), ranges / talib.SMA(ranges, 21), rtol=1e-12)


def test_true_range_ratio_against_pandas(bars: Bars) -> None:
    relative = pd.Series(talib.TRANGE(bars.high, bars.low, bars.close) / bars.close)
    expected = relative.rolling(14).mean() / relative.rolling(252).mean()
    assert_allclose(relative_volatility.true_range_ratio(bars, fast=14, slow=252), expected, rtol=1e-9)


def test_volatility_of_volatility_against_pandas(bars: Bars, returns: pd.Series) -> None:
    level = returns.rolling(21).std()
    expected = level.rolling(63).std() / level.rolling(63).mean()
    assert_allclose(relative_volatility.volatility_of_volatility(bars, window=63, inner=21), expected, rtol=1e-8)


def test_volatility_term_against_pandas(bars: Bars, returns: pd.Series) -> None:
    expected = np.log(returns.rolling(21).std() / returns.rolling(252).std())
    assert_allclose(relative_volatility.volatility_term(bars, fast=21, slow=252), expected, rtol=1e-8, atol=1e-10)


def test_realised_percentile_against_a_loop(bars: Bars, returns: pd.Series) -> None:
    level = returns.rolling(21).std().to_numpy()
    expected = np.full(len(level), np.nan)
    for i in range(21 + 252, len(level)):
        expected[i] = np.mean(level[i - 252 : i] < level[i])
    assert_allclose(relative_volatility.realised_percentile(bars, window=21, history=252), expected, atol=1e-12)


def test_a_term_structure_upside_down_is_refused() -> None:
    with pytest.raises(InputError, match=r"slow: got 21; allowed: more than fast = 63"):
        registered()["volatility_term"].rows_needed({"fast": 63, "slow": 21})
