"""Fading downside risk against pandas' own exponential weights on each window."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bullbear.factors.engine.registry import Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.volatility.downside import log_downside_deviation, sortino_ratio


def faded(x: pd.Series, halflife: float, window: int) -> pd.Series:
    return x.rolling(window).apply(lambda part: part.ewm(halflife=halflife).mean().iloc[-1], raw=False)


@pytest.mark.parametrize(("halflife", "window"), [(10.0, 63), (3.5, 17)])
def test_they_equal_pandas_on_each_window(tape: Callable[..., Bars], halflife: float, window: int) -> None:
    bars = tape(140)
    returns = pd.Series(np.log(bars.close)).diff()
    deviation = np.sqrt(252 * faded(returns.clip(upper=0.0) ** 2, halflife, window))
    assert deviation.min() > 0.01
    found = log_downside_deviation(bars, halflife=halflife, window=window)
    np.testing.assert_allclose(found, np.log(deviation), rtol=0, atol=1e-11)
    ratio = sortino_ratio(bars, halflife=halflife, window=window)
    np.testing.assert_allclose(ratio, 252 * faded(returns, halflife, window) / deviation, rtol=1e-9, atol=1e-9)
    assert np.isfinite(ratio).sum() == len(ratio) - window


def test_without_a_decline_the_deviation_is_one_per_cent() -> None:
    rises = bars_from(np.exp(0.001 * np.arange(30)).tolist())
    assert log_downside_deviation(rises, halflife=5.0, window=21)[-1] == pytest.approx(np.log(0.01))
    assert sortino_ratio(rises, halflife=5.0, window=21)[-1] == pytest.approx(0.252 / 0.01)
