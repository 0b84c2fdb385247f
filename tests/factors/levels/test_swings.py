from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from bullbear.errors import InputError
from bullbear.factors.engine.bars_cache import cached_by_bars, digest
from bullbear.factors.engine.registry import Bars, registered
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.levels import swings as module
from bullbear.factors.levels.swings import ScaledSwingRules, SwingRules, mean_true_range, swings

# A zigzag with tops at rows 3 and 9 and bottoms at rows 6 and 12.
ZIGZAG = [10.0, 11.0, 12.0, 13.0, 12.0, 11.0, 10.5, 12.0, 13.0, 14.0, 13.0, 12.0, 11.5, 12.5, 13.5]


def part(bars: Bars, stop: int) -> Bars:
    return Bars(**{field.name: getattr(bars, field.name)[:stop] for field in fields(Bars)})


def test_swings_of_a_zigzag() -> None:
    found = swings(bars_from(ZIGZAG), strength=2)
    assert found.high_rows.tolist() == [3, 9]
    assert found.high_prices.tolist() == [13.0, 14.0]
    assert found.low_rows.tolist() == [6, 12]
    assert found.low_prices.tolist() == [10.5, 11.5]


def test_highs_are_of_the_high_and_lows_of_the_low() -> None:
    bars = bars_from([10, 10, 10, 10, 10], high=[10, 10, 14, 11, 10], low=[10, 7, 9, 9, 10])
    found = swings(bars, strength=1)
    assert (found.high_rows.tolist(), found.high_prices.tolist()) == ([2], [14.0])
    assert (found.low_rows.tolist(), found.low_prices.tolist()) == ([1], [7.0])


def test_of_equal_tops_the_first_is_the_swing() -> None:
    assert swings(bars_from([1, 3, 3, 1, 1]), strength=1).high_rows.tolist() == [1]


@pytest.mark.parametrize("rows", [0, 1, 2, 4])
def test_too_few_bars_confirm_nothing(rows: int) -> None:
    found = swings(bars_from(ZIGZAG[:rows]), strength=2)
    assert len(found.high_rows) == len(found.low_rows) == 0


def test_a_swing_appears_only_when_its_last_bar_does() -> None:
    bars = bars_from(ZIGZAG)
    assert swings(part(bars, 5), strength=2).high_rows.tolist() == []
    assert swings(part(bars, 6), strength=2).high_rows.tolist() == [3]
    gap = module.swing_age_gap(bars, rules=SwingRules(strength=2, window=15))
    # The low of row 6 is known from row 8, the high of row 9 from row 11, the low of row 12 from row 14.
    assert gap[8:].tolist() == [-3, -3, -3, 3, 3, 3, -3]
    assert np.isnan(gap[:8]).all()


@settings(max_examples=60, deadline=None)
@given(prices=st.lists(st.integers(1, 12), min_size=1, max_size=60), strength=st.integers(1, 4), cut=st.integers(0, 60))
def test_swings_by_definition_and_without_look_ahead(prices: list[int], strength: int, cut: int) -> None:
    bars = bars_from([float(price) for price in prices])
    found = swings(bars, strength=strength)
    expected = [
        p
        for p in range(strength, len(prices) - strength)
        if all(prices[p] > prices[p - j] and prices[p] >= prices[p + j] for j in range(1, strength + 1))
    ]
    assert found.high_rows.tolist() == expected
    known = [p for p in expected if p + strength < cut]
    assert swings(part(bars, cut), strength=strength).high_rows.tolist() == known


def test_mean_true_range_is_the_mean_of_talib(tape: Callable[..., Bars]) -> None:
    bars = tape(300)
    truth = talib.SMA(talib.TRANGE(bars.high, bars.low, bars.close)[1:], 20)
    assert_allclose(mean_true_range(bars, 20)[1:], truth, rtol=1e-12)


def test_mean_true_range_by_hand() -> None:
    bars = bars_from([10, 12, 9], high=[10, 13, 10], low=[9, 11, 8])
    # True ranges: max(13 - 11, 13 - 10, 11 - 10) = 3 and max(10 - 8, 12 - 10, 12 - 8) = 4.
    assert_array_equal(mean_true_range(bars, 2), [np.nan, np.nan, 3.5])


def test_distances_and_positions_by_hand() -> None:
    bars = bars_from(ZIGZAG)
    # The last close is 13.5, the last top 14 (row 9), the last bottom 11.5 (row 12), every true range of late is 1.
    rules = SwingRules(strength=2, window=12)
    scaled = ScaledSwingRules(strength=2, window=12, atr=2)
    assert module.swing_distance(bars, side="high", rules=scaled)[-1] == 0.5
    assert module.swing_distance(bars, side="low", rules=scaled)[-1] == 2.0
    assert module.swing_age_gap(bars, rules=rules)[-1] == -3.0
    assert module.swing_position(bars, rules=rules)[-1] == pytest.approx(0.8)
    assert module.swing_trend(bars, rules=rules, steps=1)[-1] == 1.0


def test_a_mixed_step_is_no_trend() -> None:
    broadening = [5, 6, 7, 6, 5, 4, 3, 5, 7, 9, 6, 4, 1, 2, 3]
    found = module.swing_trend(bars_from(broadening), rules=SwingRules(strength=2, window=14), steps=1)
    assert found[-1] == 0.0  # a higher high and a lower low


def test_an_old_swing_is_forgotten() -> None:
    bars = bars_from([1, 5, 1, 1, 1, 1, 1.5])
    forgotten, known = (
        module.swing_distance(bars, rules=ScaledSwingRules(strength=1, window=window, atr=6))[-1] for window in (4, 6)
    )
    assert np.isnan(forgotten)
    assert known == pytest.approx(3.5 / (8.5 / 6))


def test_a_window_too_short_for_its_swings_is_refused() -> None:
    with pytest.raises(InputError, match=r"window.*more than strength = 20"):
        registered()["swing_position"].rows_needed({"strength": 20, "window": 15})


def test_what_is_remembered_is_told_apart_by_content() -> None:
    one, other = bars_from(ZIGZAG), bars_from([*ZIGZAG[:-1], 13.6])
    assert digest(one) == digest(bars_from(ZIGZAG))
    assert digest(one) != digest(other)
    asked = []

    @cached_by_bars(1)
    def last(bars: Bars, *, scale: float) -> float:
        asked.append(scale)
        return float(bars.close[-1] * scale)

    assert [last(one, scale=2.0), last(one, scale=2.0), last(other, scale=2.0), last(one, scale=1.0)] == [
        27.0,
        27.0,
        27.2,
        13.5,
    ]
    assert asked == [2.0, 2.0, 1.0]
    one.close[-1] = 20.0  # a changed array is another tape
    assert last(one, scale=1.0) == 20.0
