"""Breaks, retests and reclaims on hand-drawn tapes, against a plain loop, and without look-ahead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.factors.engine.registry import Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.levels import breaks as module
from bullbear.factors.levels.breaks import EVENTS, BreakRules, breaks, level_events
from bullbear.factors.levels.horizontal_levels import Side, levels_at

RULES = BreakRules(strength=1, window=40, atr=2, tolerance=0.2, touches=2, memory=10)

# Bottoms at 50 in rows 2 and 4 make a support that row 6 breaks; row 7 stays below, row 8 comes back to 50 and is
# turned away at its close, row 10 closes above the band again.
FALL = [56.0, 54, 50, 54, 50, 54, 48, 46, 48, 46, 53, 55]
FALL_HIGH = [56.0, 54, 50, 54, 50, 54, 50, 47, 50, 47, 53, 55]


def falling() -> Bars:
    return bars_from(FALL, high=FALL_HIGH)


def rising() -> Bars:
    """The same tape upside down."""
    close = 100.0 - np.array(FALL)
    return bars_from(close, low=100.0 - np.array(FALL_HIGH))


def part(bars: Bars, start: int, stop: int) -> Bars:
    return Bars(**{field.name: getattr(bars, field.name)[start:stop] for field in fields(Bars)})


def test_what_comes_of_a_broken_support() -> None:
    found = breaks(falling(), RULES)
    assert (found.row[0], found.price[0], found.kind[0], found.touches[0], found.born[0]) == (6, 50.0, 1, 2, 2)
    # The second bottom is confirmed at row 5, when the ATR is 4: the band reaches 0.8 to either side.
    assert found.band[0] == pytest.approx(0.8)
    assert (found.departed[0], found.returned[0], found.held[0], found.undone[0]) == (7, 8, 8, 10)


def test_events_of_a_broken_support() -> None:
    events = level_events(falling(), RULES)
    assert tuple(events) == EVENTS
    assert {name: rows.tolist() for name, rows in events.items()} == {
        "support_break": [6],
        "resistance_break": [10],  # the broken support had become resistance
        "support_retest": [8],
        "resistance_turned_support": [],
        "reclaim": [10],
        "failed_breakout": [],
    }


def test_events_of_a_broken_resistance_mirror_those_of_a_support() -> None:
    events = level_events(rising(), RULES)
    assert {name: rows.tolist() for name, rows in events.items()} == {
        "support_break": [10],
        "resistance_break": [6],
        "support_retest": [],
        "resistance_turned_support": [8],
        "reclaim": [],
        "failed_breakout": [10],
    }


def test_a_return_without_departure_is_no_retest() -> None:
    bars = bars_from(FALL[:9], high=[*FALL_HIGH[:7], 49.5, 50])
    found = breaks(bars, RULES)
    assert (found.departed[0], found.returned[0], found.held[0], found.undone[0]) == (-1, -1, -1, -1)


def test_a_close_inside_the_band_returns_and_does_not_hold() -> None:
    bars = bars_from([*FALL[:8], 49.5, 48.0], high=[*FALL_HIGH[:8], 50.0, 49.0])
    found = breaks(bars, RULES)
    assert (found.returned[0], found.held[0]) == (8, 9)


def test_a_break_is_followed_for_the_memory() -> None:
    found = breaks(falling(), replace(RULES, memory=3))
    assert (found.departed[0], found.returned[0], found.held[0], found.undone[0]) == (7, 8, 8, -1)
    assert level_events(falling(), replace(RULES, memory=2))["support_retest"].tolist() == []


def test_a_level_touched_once_does_not_count() -> None:
    assert level_events(bars_from([9.0, 5, 7, 4, 3]), RULES)["support_break"].tolist() == []
    assert level_events(bars_from([9.0, 5, 7, 3, 2]), replace(RULES, touches=1))["support_break"].tolist() == [3]


@pytest.mark.parametrize("closes", [[], [5.0], [5.0] * 30])
def test_nothing_breaks_where_nothing_moves(closes: list[float]) -> None:
    events = level_events(bars_from(closes), RULES)
    assert all(len(rows) == 0 for rows in events.values())


STAGES = [0, 0, 0, 0, 0, 0, 1, 1, 3, 3, -1, -1]


@pytest.mark.parametrize(("side", "make"), [("support", falling), ("resistance", rising)])
def test_factors_of_a_break(side: Side, make: Callable[[], Bars]) -> None:
    bars, rules = make(), RULES
    assert module.break_stage(bars, side=side, rules=rules).tolist() == STAGES
    assert module.break_age(bars, side=side, rules=rules).tolist() == [10] * 6 + [0, 1, 2, 3, 4, 5]
    size = module.break_size(bars, side=side, rules=rules)
    # Row 7: the close is 4 beyond the level; true ranges of rows 6 and 7 are 6 and 2.
    assert size[7] == pytest.approx(1.0)
    assert size[5] == 0.0
    assert size[10] == pytest.approx(-3.0 / 4.5)  # back by 3, true ranges 2 and 7


def test_balance_counts_what_still_stands() -> None:
    assert module.break_balance(falling(), rules=RULES).tolist() == [0] * 6 + [-1] * 4 + [1, 1]


def test_a_break_is_forgotten_after_the_memory() -> None:
    rules = replace(RULES, memory=2)
    assert module.break_stage(falling(), rules=rules).tolist() == [0] * 6 + [1, 1] + [0] * 4
    assert module.break_age(falling(), rules=rules).tolist() == [2] * 6 + [0, 1] + [2] * 4


def test_breaks_against_the_levels_of_the_day_before(tape: Callable[..., Bars]) -> None:
    bars = tape(500)
    rules = BreakRules(strength=3, window=120, atr=10, tolerance=0.5, touches=2, memory=20)
    found = breaks(bars, rules)
    expected = []
    for row in range(1, 500):
        for level in levels_at(bars, row - 1, rules, touches=2):
            if level.kind == "support" and bars.close[row] < level.price - level.band:
                expected.append((row, level.price, 1))
            if level.kind == "resistance" and bars.close[row] > level.price + level.band:
                expected.append((row, level.price, -1))
    assert len(expected) > 50
    assert sorted(expected) == sorted(zip(found.row.tolist(), found.price.tolist(), found.kind.tolist(), strict=True))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 50), stop=st.integers(1, 300))
def test_a_longer_history_adds_events_and_changes_none(seed: int, stop: int) -> None:
    random = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.01, 300)))
    bars = bars_from(close, high=close * 1.004, low=close * 0.996)
    rules = BreakRules(strength=2, window=90, atr=10, tolerance=0.5, touches=1, memory=20)
    whole, cut = level_events(bars, rules), level_events(part(bars, 0, stop), rules)
    assert {name: rows[rows < stop].tolist() for name, rows in whole.items()} == {
        name: rows.tolist() for name, rows in cut.items()
    }


def test_every_event_happens_in_a_market(tape: Callable[..., Bars]) -> None:
    events = level_events(tape(3_000))
    assert all(len(rows) > 20 for rows in events.values())
    assert all((np.diff(rows) > 0).all() for rows in events.values())
