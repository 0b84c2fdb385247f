"""Distances, strength and polarity of the nearest levels; the two sides mirror each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from itertools import product

import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bullbear.factors import registered
from bullbear.factors.engine.registry import Array, Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.levels import support_resistance as levels
from bullbear.factors.levels.horizontal_levels import Level, LevelRules, levels_at
from bullbear.factors.levels.swings import mean_true_range

RULES = LevelRules(strength=1, window=30, atr=2, tolerance=0.25)

#                    0   1   2   3   4    5   6   7     8   9
TAPE = bars_from([8, 10, 6, 10.2, 7, 12.0, 10, 11.5, 13, 12])


def test_distances_by_hand() -> None:
    # At row 4 the close is 7 and the ATR 3.7, the levels stand at 6 and 10.1.
    assert levels.level_distance(TAPE, side="support", rules=RULES)[4] == pytest.approx(1.0 / 3.7)
    assert levels.level_distance(TAPE, side="resistance", rules=RULES)[4] == pytest.approx(3.1 / 3.7)
    assert levels.level_position(TAPE, rules=RULES)[4] == pytest.approx(1.0 / 4.1)


def test_no_level_is_as_far_as_the_cap() -> None:
    # At row 5 the close of 12 is above every swing that is known.
    assert levels.level_distance(TAPE, side="resistance", rules=RULES, cap=7.0)[5] == 7.0
    assert levels.level_distance(TAPE, side="support", rules=RULES, touches=9, cap=7.0)[5] == 7.0
    assert levels.level_position(TAPE, rules=RULES, touches=9)[5] == 0.5


def test_the_ratio_gives_the_level_back() -> None:
    # At row 4 the levels stand at 6 and 10.1, the close at 7; at row 5 nothing stands above 12.
    assert levels.level_ratio(TAPE, side="support", rules=RULES)[4] == pytest.approx(6.0 / 7.0 - 1.0)
    assert levels.level_ratio(TAPE, side="resistance", rules=RULES)[4] == pytest.approx(10.1 / 7.0 - 1.0)
    assert math.isnan(levels.level_ratio(TAPE, side="resistance", rules=RULES)[5])
    assert math.isnan(levels.level_ratio(TAPE, side="support", rules=RULES, touches=9)[5])


def test_polarity_by_hand() -> None:
    # From row 7 on the level at 10.07 was touched by two highs and, from above, by one low.
    assert_allclose(levels.level_role_reversal(TAPE, side="support", rules=RULES)[[4, 5, 6, 7]], [0, 1, 1, 2 / 3])
    assert_array_equal(levels.level_role_reversal(TAPE, side="resistance", rules=RULES)[[4, 7]], [0.0, 0.0])
    mirror = bars_from(20 - TAPE.close)
    turned = levels.level_role_reversal(mirror, side="resistance", rules=RULES)
    assert_allclose(turned[[4, 5, 6, 7]], [0, 1, 1, 2 / 3])


def test_balance_by_hand() -> None:
    # At row 4: support at 6 touched once two rows ago, resistance at 10.1 touched three rows and one row ago.
    below = 2 ** (-2 / 126)
    above = 2 ** (-3 / 126) + 2 ** (-1 / 126)
    assert levels.level_balance(TAPE, rules=RULES)[4] == pytest.approx((below - above) / (below + above))
    # Within half an ATR (1.85) only the support is near.
    assert levels.level_balance(TAPE, rules=RULES, reach=0.5)[4] == 1.0
    assert levels.level_balance(TAPE, rules=RULES, reach=0.1)[4] == 0.0


def nearest(found: tuple[Level, ...], kind: str, touches: int) -> Level | None:
    fits = [level for level in found if level.kind == kind and level.touches >= touches]
    return (max if kind == "support" else min)(fits, key=lambda level: level.price, default=None)


@pytest.mark.parametrize("touches", [1, 3])
def test_factors_are_what_the_structured_levels_say(tape: Callable[..., Bars], touches: int) -> None:
    bars = tape(400)
    rules = LevelRules(strength=2, window=120, atr=10, tolerance=0.5)
    size = mean_true_range(bars, 10)
    below, above = (
        levels.level_distance(bars, side=side, rules=rules, touches=touches, cap=6.0)
        for side in ("support", "resistance")
    )
    was, were = (
        levels.level_role_reversal(bars, side=side, rules=rules, touches=touches) for side in ("support", "resistance")
    )
    balance = levels.level_balance(bars, rules=rules, reach=4.0)
    strength = [levels.level_strength(bars, side=side, rules=rules) for side in ("support", "resistance")]
    for row in range(130, 400, 9):
        found, close = levels_at(bars, row, rules), bars.close[row]
        support, resistance = nearest(found, "support", touches), nearest(found, "resistance", touches)
        assert below[row] == pytest.approx(min(6.0, (close - support.price) / size[row]) if support else 6.0)
        assert above[row] == pytest.approx(min(6.0, (resistance.price - close) / size[row]) if resistance else 6.0)
        assert was[row] == pytest.approx(support.high_touches / support.touches if support else 0.0)
        assert were[row] == pytest.approx(1.0 - resistance.high_touches / resistance.touches if resistance else 0.0)
        for values, kind in zip(strength, ("support", "resistance"), strict=True):
            one = nearest(found, kind, 1)
            assert values[row] == pytest.approx(one.strength if one else 0.0)
        near = [level for level in found if abs(level.price - close) <= 4.0 * size[row]]
        weights = [level.strength * (1 if level.kind == "support" else -1) for level in near]
        assert balance[row] == pytest.approx(sum(weights) / sum(map(abs, weights)) if near else 0.0)


@pytest.mark.parametrize("factor", [levels.level_distance, levels.level_strength, levels.level_role_reversal])
def test_turning_the_tape_upside_down_swaps_the_sides(tape: Callable[..., Bars], factor: Callable[..., Array]) -> None:
    bars = tape(700)
    top = 2.0 * bars.high.max()
    mirror = Bars(bars.sessions, top - bars.open, top - bars.low, top - bars.high, top - bars.close, bars.volume)
    rules = LevelRules(strength=3, window=200, atr=20, tolerance=0.5)
    for side, other in (("support", "resistance"), ("resistance", "support")):
        one = factor(mirror, side=side, rules=rules)[220:]
        assert_allclose(one, factor(bars, side=other, rules=rules)[220:], rtol=1e-8, atol=1e-8)


def part(bars: Bars, start: int, stop: int) -> Bars:
    return Bars(**{field.name: getattr(bars, field.name)[start:stop].copy() for field in fields(Bars)})


FAMILY = [
    (name, dict(zip(factor.choices, chosen, strict=True)))
    for name, factor in sorted(registered().items())
    if factor.family == "levels"
    for chosen in product(*factor.choices.values())
]


def test_the_family_is_the_library_of_levels() -> None:
    assert len(FAMILY) >= 30


@pytest.mark.parametrize(("name", "chosen"), FAMILY, ids=[" ".join([n, *c.values()]) for n, c in FAMILY])
def test_exactly_the_look_back_gives_the_same_bits(
    name: str, chosen: dict[str, str], tape: Callable[..., Bars]
) -> None:
    factor = registered()[name]
    params = factor.complete(chosen)
    rows = factor.rows_needed(chosen)
    bars = tape(rows + 120)
    values = factor.function(bars, **params)
    for last in range(rows - 1, rows + 120, 7):
        alone = factor.function(part(bars, last - rows + 1, last + 1), **params)[-1]
        assert_array_equal(alone, values[last])
