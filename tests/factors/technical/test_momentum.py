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
from bullbear.factors.technical import momentum


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(900)


@pytest.mark.parametrize("window", [5, 10, 21, 63, 126, 252])
def test_roc_is_talib_to_the_bit(bars: Bars, window: int) -> None:
    assert_array_equal(momentum.roc(bars, window=window), talib.ROC(bars.close, window))


def test_skip_momentum_against_pandas(bars: Bars) -> None:
    close = pd.Series(bars.close)
    expected = 100 * (close.shift(21) / close.shift(252) - 1)
    assert_allclose(momentum.skip_momentum(bars, window=252, skip=21), expected, rtol=1e-12)


def test_momentum_t_against_pandas(bars: Bars) -> None:
    returns = np.log(pd.Series(bars.close)).diff().rolling(252)
    expected = np.sqrt(252) * returns.mean() / returns.std()
    assert_allclose(momentum.momentum_t(bars, window=252), expected, rtol=1e-9, atol=1e-10)


def test_momentum_change_is_roc_less_the_roc_before(bars: Bars) -> None:
    change = pd.Series(talib.ROC(bars.close, 63))
    assert_array_equal(momentum.momentum_change(bars, window=63), change - change.shift(63))


def test_information_discreteness_against_pandas(bars: Bars) -> None:
    close = pd.Series(bars.close)
    change = close.diff()
    up = (change > 0).where(change.notna()).astype(float).rolling(252).mean()
    down = (change < 0).where(change.notna()).astype(float).rolling(252).mean()
    expected = np.sign(close.diff(252)) * (down - up)
    assert_allclose(momentum.information_discreteness(bars, window=252), expected, atol=1e-12)


def test_nights_and_days_add_up_to_the_whole(bars: Bars) -> None:
    open_, close = pd.Series(bars.open), pd.Series(bars.close)
    night = 100 * np.log(open_ / close.shift()).rolling(21).sum()
    nights, days = (momentum.day_part_return(bars, window=21, part=part) for part in ("night", "day"))
    assert_allclose(nights, night, rtol=1e-9, atol=1e-11)
    assert_allclose(nights + days, 100 * np.log(close / close.shift(21)), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("lag", [1, 5])
def test_autocorrelation_against_pandas(bars: Bars, lag: int) -> None:
    returns = np.log(pd.Series(bars.close)).diff()
    expected = returns.rolling(63).corr(returns.shift(lag))
    assert_allclose(momentum.return_autocorrelation(bars, window=63, lag=lag), expected, rtol=1e-9, atol=1e-10)


def test_variance_ratio_against_pandas(bars: Bars) -> None:
    logs = np.log(pd.Series(bars.close))
    expected = logs.diff(5).rolling(252).var(ddof=0) / (5 * logs.diff().rolling(252).var(ddof=0))
    assert_allclose(momentum.variance_ratio(bars, window=252, span=5), expected, rtol=1e-9)


def test_steady_growth_has_no_t_statistic() -> None:
    assert np.isnan(momentum.momentum_t(bars_from(1.01 ** np.arange(300.0)), window=252)[-1])


def test_a_skip_as_long_as_the_window_is_refused() -> None:
    with pytest.raises(InputError, match=r"window: got 21; allowed: more than skip = 21"):
        registered()["skip_momentum"].rows_needed({"window": 21, "skip": 21})
