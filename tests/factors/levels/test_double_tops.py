"""Double tops and bottoms drawn by hand: when they are known, complete, reach their target, fail or expire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from bullbear.errors import InputError
from bullbear.factors.engine.registry import Bars, registered
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.levels import double_tops as module
from bullbear.factors.levels.double_tops import TURNS, DoubleRules, double_patterns

RULES = DoubleRules(strength=2, window=20, gap=4, tolerance=0.5, depth=2.0, atr=3, memory=12)

# Tops of 20 and 20.4 in rows 4 and 9, the neckline of 15 between them in row 6; the height is 20.2 - 15 = 5.2 and the
# target 9.8.   0   1   2   3   4   5   6   7   8     9  10  11
TOPS = [12.0, 14, 16, 18, 20, 18, 15, 17, 19, 20.4, 18, 16]


def tops(*more: float) -> Bars:
    return bars_from([*TOPS, *more])


def test_a_double_top_is_known_when_its_second_top_is_confirmed() -> None:
    assert double_patterns(bars_from(TOPS[:11]), "top", RULES) == ()
    (found,) = double_patterns(tops(), "top", RULES)
    assert (found.first_row, found.second_row, found.known_row) == (4, 9, 11)
    assert (found.first_price, found.second_price, found.neckline) == (20.0, 20.4, 15.0)
    assert found.target == pytest.approx(9.8)
    assert (found.completed_row, found.over_row, found.outcome) == (None, 12, "open")


def test_it_completes_at_the_first_close_below_the_neckline() -> None:
    (found,) = double_patterns(tops(15, 14.9, 13), "top", RULES)
    assert (found.completed_row, found.outcome) == (13, "open")


def test_it_ends_at_its_target() -> None:
    (found,) = double_patterns(tops(14, 12, 9.8, 11), "top", RULES)
    assert (found.completed_row, found.over_row, found.outcome) == (12, 14, "target")


def test_it_fails_above_both_tops() -> None:
    (found,) = double_patterns(tops(18, 20.4, 20.5), "top", RULES)
    assert (found.completed_row, found.over_row, found.outcome) == (None, 14, "failed")


def test_it_expires() -> None:
    (found,) = double_patterns(tops(*[17.0, 17.5] * 8), "top", RULES)
    assert (found.over_row, found.outcome) == (21, "expired")


def test_a_neckline_broken_before_the_confirmation_is_known_at_the_confirmation() -> None:
    (found,) = double_patterns(bars_from([*TOPS[:10], 14.0, 13.0]), "top", replace(RULES, depth=1.5))
    assert (found.known_row, found.completed_row) == (11, 11)


@pytest.mark.parametrize(
    "change",
    [{"tolerance": 0.1}, {"depth": 3.0}, {"gap": 6}, {"window": 4, "gap": 3}],
    ids=["unequal tops", "shallow", "too near", "too far apart"],
)
def test_what_is_no_double_top(change: dict[str, float]) -> None:
    # At row 11 the ATR of three sessions is (1.4 + 2.4 + 2) / 3 = 1.93: the tops differ by 0.21, the depth is 2.69.
    assert double_patterns(tops(), "top", replace(RULES, **change)) == ()


def test_a_higher_top_between_forbids_it() -> None:
    between = [12.0, 14, 16, 18, 20, 18, 21, 17, 15, 17, 20.4, 18, 16]
    found = double_patterns(bars_from(between), "top", replace(RULES, depth=0.5))
    assert [(one.first_row, one.second_row) for one in found] == [(6, 10)]


def test_a_double_bottom_is_a_double_top_upside_down() -> None:
    (found,) = double_patterns(bars_from([40.0 - price for price in [*TOPS, 14, 12, 9.8, 11]]), "bottom", RULES)
    assert (found.first_row, found.second_row, found.known_row) == (4, 9, 11)
    assert (found.first_price, found.second_price, found.neckline) == (20.0, 19.6, 25.0)
    assert found.target == pytest.approx(30.2)
    assert (found.completed_row, found.over_row, found.outcome) == (12, 14, "target")


def test_stages_and_room_by_hand() -> None:
    bars = tops(16, 14, 12, 9.8, 11)
    rules = RULES
    assert module.double_pattern_stage(bars, rules=rules).tolist() == [0] * 11 + [1, 1, 2, 2, 0, 0]
    room = module.double_pattern_room(bars, rules=rules)
    # Row 13: true ranges 2, 0 and 2; row 14: 0, 2 and 2.
    assert room[13] == pytest.approx((14 - 9.8) / (4 / 3))
    assert room[14] == pytest.approx((12 - 9.8) / (4 / 3))
    assert (room[12], room[15]) == (0.0, 0.0)
    turned = bars_from(40.0 - bars.close)
    assert module.double_pattern_stage(turned, side="bottom", rules=rules).tolist() == [0] * 11 + [1, 1, 2, 2, 0, 0]
    np.testing.assert_allclose(module.double_pattern_room(turned, side="bottom", rules=rules), room, rtol=1e-12)


def test_parameters_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(InputError, match=r"window.*more than gap = 30"):
        registered()["double_pattern_stage"].rows_needed({"gap": 30, "window": 20})


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 50), stop=st.integers(1, 300))
def test_no_look_ahead(seed: int, stop: int) -> None:
    random = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.01, 300)))
    bars = bars_from(close, high=close * 1.004, low=close * 0.996)
    cut = Bars(**{field.name: getattr(bars, field.name)[:stop] for field in fields(Bars)})
    rules = DoubleRules(strength=2, window=60, gap=5, tolerance=1.0, depth=1.5, memory=30)
    for side in TURNS:
        known = [(one.first_row, one.second_row) for one in double_patterns(bars, side, rules) if one.known_row < stop]
        assert [(one.first_row, one.second_row) for one in double_patterns(cut, side, rules)] == known
        for factor in (module.double_pattern_stage, module.double_pattern_room):
            assert_array_equal(factor(bars, side=side, rules=rules)[:stop], factor(cut, side=side, rules=rules))


def test_patterns_occur_in_a_market(tape: Callable[..., Bars]) -> None:
    outcomes = {one.outcome for side in TURNS for one in double_patterns(tape(5_000), side)}
    assert {"target", "failed", "expired"} <= outcomes
