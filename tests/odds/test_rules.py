from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bullbear.errors import InputError
from bullbear.factors.technical.occurrences import occurs, passes, stays

NAN = np.nan
SERIES = hnp.arrays(np.float64, st.integers(0, 40), elements=st.sampled_from([-1.0, 0.0, 1.0, NAN]))


def rows(rule: str, level: float, values: list[float], sessions: int | None = None) -> list[int]:
    return occurs(np.array(values, dtype=float), rule, level, sessions or 1).nonzero()[0].tolist()


def test_passing_upward_needs_a_row_at_or_below_the_level() -> None:
    assert rows("rises_through", 30.0, [40, 30, 31, 29, 35, 36]) == [2, 4]


def test_passing_downward_is_its_mirror() -> None:
    assert rows("falls_through", 30.0, [20, 30, 29, 31, 25, 24]) == [2, 4]


def test_the_nth_session_of_a_stay_is_the_event_and_the_later_ones_are_the_same() -> None:
    assert rows("stays_above", 0.0, [1, 1, 1, 1, -1, 1, 1, 0, 1, 1, 1, 1], 3) == [2, 10]


def test_a_stay_below() -> None:
    assert rows("stays_below", 30.0, [31, 29, 28, 30, 29, 28, 27], 2) == [2, 5]


def test_an_unknown_value_makes_no_event_and_ends_a_stay() -> None:
    assert rows("rises_through", 0.0, [NAN, 1, -1, NAN, 1, 0, 1]) == [6]
    assert rows("stays_above", 0.0, [1, NAN, 1, 1, 1], 3) == [4]


def test_a_stay_of_no_session_is_refused() -> None:
    with pytest.raises(InputError, match=r"sessions: got 0; allowed: at least 1"):
        stays(np.zeros(3), 0.0, 0)


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(InputError, match=r"rule: got 'jumps'; allowed: rises_through, falls_through"):
        occurs(np.zeros(3), "jumps", 0.0)


@given(SERIES, st.integers(1, 4))
def test_no_row_sees_a_later_one(values: np.ndarray, sessions: int) -> None:
    for stop in range(len(values)):
        assert (passes(values[:stop], 0.0) == passes(values, 0.0)[:stop]).all()
        assert (stays(values[:stop], 0.0, sessions) == stays(values, 0.0, sessions)[:stop]).all()


@given(SERIES)
def test_a_stay_of_one_session_is_every_entry(values: np.ndarray) -> None:
    above = values > 0.0
    entered = above & ~np.concatenate([[False], above[:-1]])
    assert (stays(values, 0.0, 1) == entered).all()
