from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bullbear.factors.engine.registry import Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.technical import streaks

nan = np.nan


@pytest.fixture(scope="module")
def bars(tape: Callable[..., Bars]) -> Bars:
    return tape(900)


def test_streak_on_a_tape_a_person_can_check() -> None:
    closes = [10, 11, 12, 13, 12, 12, 11, 10, 9, 8]
    assert_array_equal(streaks.streak(bars_from(closes), cap=3), [nan, nan, nan, 3, -1, 0, -1, -2, -3, -3])


def test_streak_return_on_a_tape_a_person_can_check() -> None:
    found = streaks.streak_return(bars_from([10, 11, 12, 13, 12, 12, 9]), cap=3)
    assert_allclose(found, [nan, nan, nan, 30, 100 * (12 / 13 - 1), 0, -25], rtol=1e-12)


def test_streak_and_its_return_against_a_loop(bars: Bars) -> None:
    cap, close = 4, bars.close
    lengths, returns = np.full(len(close), nan), np.full(len(close), nan)
    for i in range(cap, len(close)):
        sign, k = np.sign(close[i] - close[i - 1]), 0
        while k < cap and np.sign(close[i - k] - close[i - k - 1]) == sign:
            k += 1
        lengths[i], returns[i] = sign * k, 100 * (close[i] / close[i - k] - 1)
    assert_array_equal(streaks.streak(bars, cap=cap), lengths)
    assert_allclose(streaks.streak_return(bars, cap=cap), returns, rtol=1e-12)
    assert {-4.0, -1.0, 1.0, 4.0} <= set(lengths[cap:])


@pytest.mark.parametrize("window", [1, 21, 63])
def test_up_share_against_pandas(bars: Bars, window: int) -> None:
    change = pd.Series(bars.close).diff()
    expected = (change > 0).astype(float).where(change.notna()).rolling(window).mean()
    assert_allclose(streaks.up_share(bars, window=window), expected, atol=1e-12)


def test_bar_direction_against_pandas(bars: Bars) -> None:
    signs = np.sign(pd.Series(bars.high).diff()) + np.sign(pd.Series(bars.low).diff())
    assert_allclose(streaks.bar_direction(bars, window=21), (signs / 2).rolling(21).mean(), atol=1e-12)


def test_sma_side_age_against_a_loop(bars: Bars) -> None:
    window, cap = 20, 12
    side = np.sign(bars.close - pd.Series(bars.close).rolling(window).mean().to_numpy())
    expected = np.full(len(side), nan)
    for i in range(window + cap - 2, len(side)):
        k = 1
        while k < cap and side[i - k] == side[i]:
            k += 1
        expected[i] = side[i] * k
    assert_array_equal(streaks.sma_side_age(bars, window=window, cap=cap), expected)
