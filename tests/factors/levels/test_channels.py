from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bullbear.factors.engine.registry import Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.levels import channels
from bullbear.factors.levels.swings import ScaledSwingRules, SwingRules, mean_true_range, swings

#                   0  1  2  3  4  5  6
RISING = bars_from([1, 4, 2, 5, 3, 6, 5.25])


def test_a_rising_channel_by_hand() -> None:
    # Highs 4, 5, 6 at rows 1, 3, 5 and lows 2, 3 at rows 2, 4: slope 1/2; at row 6 the lines stand at 6.5 and 4.
    found = channels.channel(RISING, SwingRules(strength=1, window=7))
    assert (found.lower[-1], found.upper[-1], found.slope[-1], found.spreading[-1]) == (4.0, 6.5, 0.5, 0.0)
    assert channels.channel_position(RISING, rules=SwingRules(strength=1, window=7))[-1] == 0.5
    # True ranges of the last two sessions are 3 and 0.75.
    assert channels.channel_width(RISING, rules=ScaledSwingRules(strength=1, window=7, atr=2))[-1] == pytest.approx(
        2.5 / 1.875
    )
    assert channels.channel_slope(RISING, rules=ScaledSwingRules(strength=1, window=7, atr=2))[-1] == pytest.approx(
        0.5 / 1.875
    )


def test_the_lines_against_the_close() -> None:
    rules = SwingRules(strength=1, window=7)
    assert channels.channel_ratio(RISING, rules=rules)[-1] == pytest.approx(4.0 / 5.25 - 1.0)
    assert channels.channel_ratio(RISING, line="upper", rules=rules)[-1] == pytest.approx(6.5 / 5.25 - 1.0)


def test_the_channel_waits_for_two_swings_of_each_kind() -> None:
    # The second low (row 4) is confirmed at row 5.
    assert np.isnan(channels.channel(RISING, SwingRules(strength=1, window=7)).slope[:5]).all()
    assert not np.isnan(channels.channel(RISING, SwingRules(strength=1, window=7)).slope[5])


def test_a_triangle_closes_and_a_broadening_range_opens() -> None:
    triangle = bars_from([1, 6, 2, 5, 3, 4, 3])
    assert channels.channel_spreading(triangle, rules=ScaledSwingRules(strength=1, window=7, atr=2))[-1] == -1.0
    broadening = bars_from([3, 4, 3, 5, 2, 6, 4])
    assert channels.channel_spreading(broadening, rules=ScaledSwingRules(strength=1, window=7, atr=2))[-1] > 0.0


def test_a_close_far_outside_is_held_at_two_widths() -> None:
    broken = bars_from([1, 4, 2, 5, 3, 6, 90])
    assert channels.channel_position(broken, rules=SwingRules(strength=1, window=7))[-1] == 3.0


@pytest.mark.parametrize("row", [150, 233, 299])
def test_against_least_squares_with_two_intercepts(tape: Callable[..., Bars], row: int) -> None:
    bars, strength, window = tape(300), 3, 100
    found = swings(bars, strength=strength)
    x, y, high = [], [], []
    for is_high, rows, prices in (
        (1.0, found.high_rows, found.high_prices),
        (0.0, found.low_rows, found.low_prices),
    ):
        for p, price in zip(rows, prices, strict=True):
            if row - window < p <= row - strength:
                x.append(float(p))
                y.append(price)
                high.append(is_high)
    side = np.array(high)
    design = np.column_stack([np.array(x) - row, side, 1.0 - side])
    slope, upper, lower = np.linalg.lstsq(design, np.array(y), rcond=None)[0]
    apart = [np.polyfit(np.array(x)[side == k], np.array(y)[side == k], 1)[0] for k in (1.0, 0.0)]
    result = channels.channel(bars, SwingRules(strength, window))
    assert_allclose(
        [result.slope[row], result.upper[row], result.lower[row], result.spreading[row]],
        [slope, upper, lower, apart[0] - apart[1]],
        rtol=1e-9,
    )
    size = mean_true_range(bars, 20)[row]
    assert channels.channel_spreading(bars, rules=ScaledSwingRules(strength=3, window=100))[row] == pytest.approx(
        (apart[0] - apart[1]) / size
    )
