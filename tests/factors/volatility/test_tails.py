from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from bullbear.factors.engine.registry import Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.volatility import tails

YEAR = 252


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(900)


@pytest.fixture(scope="module")
def returns(bars: Bars) -> pd.Series:
    return np.log(pd.Series(bars.close)).diff()


def test_downside_against_pandas(bars: Bars, returns: pd.Series) -> None:
    decline = returns.clip(upper=0) ** 2
    expected = 100 * np.sqrt(YEAR * decline.rolling(63).mean())
    assert_allclose(tails.downside_volatility(bars, window=63), expected, rtol=1e-10)
    share = decline.rolling(63).sum() / (returns**2).rolling(63).sum()
    assert_allclose(tails.downside_share(bars, window=63), share, rtol=1e-10)


def test_realised_moments_against_pandas(bars: Bars, returns: pd.Series) -> None:
    second, third, fourth = ((returns**power).rolling(63).sum() for power in (2, 3, 4))
    skew = np.sqrt(63) * third / second**1.5
    assert_allclose(tails.realised_skewness(bars, window=63), skew, rtol=1e-8, atol=1e-9)
    assert_allclose(tails.realised_kurtosis(bars, window=63), 63 * fourth / second**2, rtol=1e-9)


def test_jump_share_against_pandas(bars: Bars, returns: pd.Series) -> None:
    n = 21
    pairs = (returns.abs() * returns.abs().shift()).rolling(n - 1).sum()
    smooth = np.pi / 2 * n / (n - 1) * pairs
    expected = (1 - smooth / (returns**2).rolling(n).sum()).clip(lower=0)
    assert_allclose(tails.jump_share(bars, window=n), expected, rtol=1e-8, atol=1e-10)
    assert 0 < np.nanmean(expected) < 1


def test_overnight_share_against_pandas(bars: Bars) -> None:
    open_, close = pd.Series(bars.open), pd.Series(bars.close)
    night, day = np.log(open_ / close.shift()) ** 2, np.log(close / open_) ** 2
    expected = night.rolling(63).sum() / (night.rolling(63).sum() + day.rolling(63).sum())
    assert_allclose(tails.overnight_share(bars, window=63), expected, rtol=1e-9)


def test_worst_session_against_pandas(bars: Bars, returns: pd.Series) -> None:
    expected = returns.rolling(21).min() / np.sqrt((returns**2).rolling(21).mean())
    assert_allclose(tails.worst_session(bars, window=21), expected, rtol=1e-10)


def test_one_crash_in_a_calm_month_is_all_tail() -> None:
    closes = np.concatenate([100 * 1.0001 ** np.arange(40.0), [90.0]])
    crash = bars_from(closes)
    assert tails.downside_share(crash, window=21)[-1] == pytest.approx(1.0, abs=1e-4)
    assert tails.realised_skewness(crash, window=21)[-1] == pytest.approx(-np.sqrt(21), rel=1e-3)
    assert tails.realised_kurtosis(crash, window=21)[-1] == pytest.approx(21.0, rel=1e-3)
    assert tails.jump_share(crash, window=21)[-1] > 0.99
