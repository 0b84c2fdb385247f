"""Refitted jump models against fresh fits, and against a walk that never sees later rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bullbear.errors import InputError
from bullbear.statistics.jump_model import JumpModel, fit_jump_model
from bullbear.statistics.jump_walk import _leads, _own, _states, walk_forward_states

PENALTIES = (2.0, 10.0, 40.0)
NUMBERS = st.floats(-3.0, 3.0).map(lambda value: round(value, 2))


@pytest.fixture(scope="module")
def market() -> np.ndarray:
    """Three features of a market that changes between calm and wild; shape (900, 3)."""
    rng = np.random.default_rng(31)
    wild = np.repeat([0, 1, 0, 1, 0, 1], [200, 60, 220, 120, 180, 120]).astype(float)
    return np.column_stack([1.2 * wild, -wild, 0.3 * wild]) + rng.normal(size=(900, 3))


@given(
    arrays(np.float64, (9, 2), elements=NUMBERS),
    arrays(np.float64, (3, 2, 2), elements=NUMBERS),
    st.lists(st.sampled_from([0.0, 0.4, 1.7, 25.0]), min_size=3, max_size=3),
)
@settings(max_examples=80)
def test_all_penalties_at_once_equal_one_model_after_the_other(
    x: np.ndarray, centres: np.ndarray, penalties: list[float]
) -> None:
    models = [JumpModel(each, penalty) for each, penalty in zip(centres, penalties, strict=True)]
    leads = _leads(_own(x, centres), np.array(penalties))
    np.testing.assert_allclose(leads, [model._lead(x) for model in models], rtol=0, atol=1e-12)
    for states, model in zip(_states(leads, np.array(penalties)), models, strict=True):
        assert model.objective(x, states) == pytest.approx(model.objective(x, model.states(x)), abs=1e-9)


def test_a_walk_that_starts_from_the_last_refit_finds_what_a_fresh_search_finds(market: np.ndarray) -> None:
    refits = list(range(299, 900, 50))
    found = walk_forward_states(market, refits, PENALTIES, window=400)
    assert (found[:299] == -1).all()
    for row in (299, 549, 799, 849):
        seen = market[max(0, row - 399) : row + 1]
        scaled = np.clip((market[max(0, row - 399) : row + 50] - seen.mean(axis=0)) / seen.std(axis=0), -3.0, 3.0)
        for place, penalty in enumerate(PENALTIES):
            fit = fit_jump_model(scaled[: len(seen)], penalty, starts=20)
            online = fit.model.online_states(scaled)[len(seen) - 1 :]
            if not fit.states.any():  # of the other state nothing is known
                online[:] = 0
            np.testing.assert_array_equal(found[row : row + 50, place], online)
    assert set(found[299:, 1]) == {0, 1}


def test_later_rows_change_no_state(market: np.ndarray) -> None:
    refits = [299, 399, 499, 599]
    whole = walk_forward_states(market, refits, PENALTIES)
    later = market.copy()
    later[560:] *= -4.0
    np.testing.assert_array_equal(walk_forward_states(later, refits, PENALTIES)[:560], whole[:560])
    np.testing.assert_array_equal(walk_forward_states(market[:560], refits[:3], PENALTIES), whole[:560])
    assert not np.array_equal(walk_forward_states(later, refits, PENALTIES)[560:], whole[560:])


def test_a_feature_that_never_moves_tells_nothing(market: np.ndarray) -> None:
    still = np.column_stack([market, np.full(len(market), 0.1)])
    np.testing.assert_array_equal(
        walk_forward_states(still, [299, 599], PENALTIES), walk_forward_states(market, [299, 599], PENALTIES)
    )


def test_wrong_input_is_refused(market: np.ndarray) -> None:
    with pytest.raises(InputError, match="x: a value that is not finite"):
        walk_forward_states(np.array([[0.0], [np.nan]]), [1], [1.0])
    with pytest.raises(InputError, match="refits: got 0; allowed: rows from 1 on"):
        walk_forward_states(market, [0], [1.0])
    with pytest.raises(InputError, match="penalties in rising order"):
        walk_forward_states(market, [299], [3.0, 1.0])
