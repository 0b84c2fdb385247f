"""Levels on hand-drawn tapes and against a plain loop that starts from nothing at every row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.errors import InputError
from bullbear.factors.engine.registry import Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.levels.breaks import BreakRules
from bullbear.factors.levels.horizontal_levels import HALF_LIFE, Level, LevelRules, level_table, levels_at
from bullbear.factors.levels.swings import mean_true_range

RULES = LevelRules(strength=1, window=30, atr=2, tolerance=0.25)

#                    0   1   2   3   4    5   6   7     8   9
TAPE = bars_from([8, 10, 6, 10.2, 7, 12.0, 10, 11.5, 13, 12])


def part(bars: Bars, start: int, stop: int) -> Bars:
    return Bars(**{field.name: getattr(bars, field.name)[start:stop] for field in fields(Bars)})


def seen(row: int, **more: int) -> dict[float, Level]:
    return {round(level.price, 6): level for level in levels_at(TAPE, row, RULES, **more)}


def test_two_tops_within_the_tolerance_make_one_level() -> None:
    # The second top (row 3, 10.2) is known at row 4, when the ATR is (4.2 + 3.2) / 2 = 3.7: 0.2 < 0.25 * 3.7.
    # The bottom of row 2 founds a level of its own at 6.
    assert {price: level.touches for price, level in seen(4).items()} == {6.0: 1, 10.1: 2}
    level = seen(4)[10.1]
    assert level.band == pytest.approx(0.25 * 3.7)
    assert (level.kind, level.high_touches) == ("resistance", 2)
    assert (level.born_row, level.known_row, level.last_touch_row, level.broken_row) == (1, 2, 3, None)


def test_a_level_is_not_there_before_its_first_touch_is_confirmed() -> None:
    # The top of row 1 is confirmed at row 2, but the ATR of two sessions is known only from row 2 on.
    assert levels_at(TAPE, 1, RULES) == ()
    assert [(level.price, level.touches) for level in levels_at(TAPE, 2, RULES)] == [(10.0, 1)]


def test_resistance_turns_support_when_a_close_leaves_its_band_above() -> None:
    # Row 5 closes at 12, above 10.1 + 0.925; the low of row 6 (10) is confirmed at row 7 and touches the level.
    assert (seen(5)[10.1].kind, seen(5)[10.1].broken_row) == ("support", 5)
    touched = seen(7)[round((10.0 + 10.2 + 10.0) / 3, 6)]
    assert (touched.kind, touched.touches, touched.high_touches, touched.broken_row) == ("support", 3, 2, 5)


def test_strength_adds_touches_faded_and_weighed_by_volume() -> None:
    bars = bars_from([8, 10, 6, 10.2, 7], volume=[10, 30, 20, 60, 10])
    top = max(levels_at(bars, -1, RULES), key=lambda level: level.price)
    # Volumes 30 and 60 against means of two sessions of 20 and 40, three sessions and one session old.
    assert top.strength == pytest.approx(1.5 * 2 ** (-3 / HALF_LIFE) + 1.5 * 2 ** (-1 / HALF_LIFE))


def test_a_touch_of_unknown_volume_counts_as_usual() -> None:
    bars = bars_from([8, 10, 6], volume=[np.nan, np.nan, 5])
    (level,) = levels_at(bars, -1, RULES)
    assert level.strength == pytest.approx(2 ** (-1 / HALF_LIFE))


def test_levels_leave_with_the_window() -> None:
    rules = replace(RULES, window=3)
    # At row 4 only rows 2 to 4 count: the first top is gone and the level stands at the second.
    assert {round(level.price, 6) for level in levels_at(TAPE, 4, rules)} == {6.0, 10.2}


def test_few_touches_are_left_out_on_request() -> None:
    assert list(seen(4, touches=2)) == [10.1]


def test_the_rules_say_how_many_rows_they_need() -> None:
    assert (RULES.rows, LevelRules().rows) == (31, 504 + 19)
    with pytest.raises(InputError, match=r"window.*more than strength = 30"):
        _ = LevelRules(strength=30, window=20).rows


def test_groups_that_extend_the_rules_share_their_levels() -> None:
    extended = BreakRules(strength=1, window=30, atr=2, tolerance=0.25, memory=7)
    assert level_table(TAPE, extended) is level_table(TAPE, RULES)


@pytest.mark.parametrize("row", [10, -11])
def test_no_such_row(row: int) -> None:
    with pytest.raises(InputError, match="row"):
        levels_at(TAPE, row, RULES)


def test_one_bar_and_none_have_no_levels() -> None:
    assert levels_at(bars_from([5.0]), 0, RULES) == ()
    assert level_table(bars_from([]), RULES).role.shape == (0, 0)


def test_constant_prices_have_no_levels() -> None:
    assert levels_at(bars_from([5.0] * 40), -1, RULES) == ()


def obvious(bars: Bars, row: int, strength: int, window: int, atr: int, tolerance: float) -> list[tuple[float, ...]]:
    """Price, touches, highs, born, last, role at one row, by the rule as it is written."""
    size = mean_true_range(bars, atr)
    levels: list[dict[str, float]] = []
    for p in range(max(row - window + 1, strength), row - strength + 1):
        around = [p + j for j in range(-strength, strength + 1) if j]
        for is_high, x in ((True, bars.high), (False, -bars.low)):
            if not all(x[p] > x[q] if q < p else x[p] >= x[q] for q in around) or np.isnan(size[p + strength]):
                continue
            price, reach = abs(x[p]), tolerance * size[p + strength]
            near = min(levels, key=lambda level: abs(level["price"] - price), default=None)
            if near is None or abs(near["price"] - price) > reach:
                near = {"sum": 0.0, "touches": 0, "highs": 0, "born": p}
                levels.append(near)
            near["sum"] += price
            near["touches"] += 1
            near["highs"] += is_high
            near["price"], near["band"], near["last"] = near["sum"] / near["touches"], reach, p
    result = []
    for level in sorted(levels, key=lambda level: level["price"]):
        role = -1.0 if level["highs"] else 1.0
        for t in range(int(level["born"]), row + 1):
            if bars.close[t] > level["price"] + level["band"]:
                role = 1.0
            if bars.close[t] < level["price"] - level["band"]:
                role = -1.0
        result.append((level["price"], level["touches"], level["highs"], level["born"], level["last"], role))
    return result


@pytest.mark.parametrize(("strength", "window", "atr", "tolerance"), [(1, 60, 5, 0.4), (3, 120, 10, 1.0)])
def test_table_against_a_loop_from_scratch(
    tape: Callable[..., Bars], strength: int, window: int, atr: int, tolerance: float
) -> None:
    bars = tape(400, seed=strength)
    table = level_table(bars, LevelRules(strength, window, atr, tolerance))
    for row in (0, 5, 40, 150, 151, 152, 275, 399):
        expected = obvious(bars, row, strength, window, atr, tolerance)
        epoch = table.epoch[row]
        there = table.touches[epoch] > 0
        columns = (table.price, table.touches, table.high_touches, table.born, table.last)
        found = np.column_stack([*(column[epoch][there] for column in columns), table.role[row][there]])
        np.testing.assert_allclose(found, np.array(expected).reshape(-1, 6), rtol=1e-12)
    assert np.isnan(table.price[table.touches == 0]).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 50), row=st.integers(0, 299))
def test_levels_of_a_row_are_those_of_its_window_alone(seed: int, row: int) -> None:
    random = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.01, 300)))
    bars = bars_from(close, high=close * 1.004, low=close * 0.996, volume=random.uniform(1, 9, 300))
    rules = LevelRules(strength=2, window=90, atr=10, tolerance=0.5)
    whole = levels_at(bars, row, rules)
    assert whole == levels_at(part(bars, 0, row + 1), row, rules)
    first = max(row - 99 + 1, 0)  # window + atr - 1 rows
    alone = levels_at(part(bars, first, row + 1), -1, rules)
    shifted = [
        (level.price, level.kind, level.touches, level.strength, level.born_row + first, level.last_touch_row + first)
        for level in alone
    ]
    assert shifted == [
        (level.price, level.kind, level.touches, level.strength, level.born_row, level.last_touch_row)
        for level in whole
    ]


@settings(max_examples=20, deadline=None)
@given(price=st.floats(0.01, 1000.0), seed=st.integers(0, 20))
def test_levels_scale_with_prices(price: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.01, 200)))
    rules = LevelRules(strength=2, window=90, atr=10, tolerance=0.5)
    plain = levels_at(bars_from(close), -1, rules)
    scaled = levels_at(bars_from(close * price), -1, rules)
    assert [(one.kind, one.touches, one.born_row) for one in plain] == [
        (one.kind, one.touches, one.born_row) for one in scaled
    ]
    np.testing.assert_allclose([one.price for one in scaled], [one.price * price for one in plain], rtol=1e-9)
