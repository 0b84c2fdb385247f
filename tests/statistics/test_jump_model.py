"""The jump model against every sequence of states, against the package of its authors, and day by day."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bullbear.errors import InputError
from bullbear.statistics.jump_model import JumpModel, fit_jump_model

NUMBERS = st.floats(-3.0, 3.0).map(lambda value: round(value, 2))
SHORT = st.integers(2, 8).flatmap(lambda n: arrays(np.float64, (n, 2), elements=NUMBERS))


@pytest.fixture(scope="module")
def regimes() -> np.ndarray:
    """Three features of a market that changes between calm and wild, standardised; shape (600, 3)."""
    rng = np.random.default_rng(12)
    wild = np.repeat([0, 1, 0, 1, 0], [200, 60, 180, 40, 120]).astype(float)
    features = np.column_stack([1.5 * wild, -wild, 0.3 * wild]) + rng.normal(size=(600, 3))
    return (features - features.mean(axis=0)) / features.std(axis=0)


@given(SHORT, arrays(np.float64, (2, 2), elements=NUMBERS), st.sampled_from([0.0, 0.3, 1.7, 20.0]))
@settings(max_examples=60)
def test_no_sequence_of_states_is_cheaper(x: np.ndarray, centres: np.ndarray, penalty: float) -> None:
    model = JumpModel(centres, penalty)
    every = [model.objective(x, np.array(states)) for states in product((0, 1), repeat=len(x))]
    assert model.objective(x, model.states(x)) == pytest.approx(min(every), abs=1e-9)


@given(SHORT, arrays(np.float64, (2, 2), elements=NUMBERS), st.sampled_from([0.0, 0.3, 1.7]))
@settings(max_examples=40)
def test_an_online_state_is_the_last_one_of_the_series_so_far(
    x: np.ndarray, centres: np.ndarray, penalty: float
) -> None:
    model = JumpModel(centres, penalty)
    online = [int(model.states(x[: day + 1])[-1]) for day in range(len(x))]
    assert model.online_states(x).tolist() == online


@pytest.mark.parametrize("penalty", [3.0, 8.0, 15.0])
def test_it_equals_the_package_of_its_authors(regimes: np.ndarray, penalty: float) -> None:
    jump = pytest.importorskip("jumpmodels.jump", reason="the oracle jumpmodels is a development dependency")
    fit = fit_jump_model(regimes, penalty)
    oracle = jump.JumpModel(n_components=2, jump_penalty=penalty, random_state=0).fit(regimes, sort_by=None)
    order = np.argsort(oracle.centers_[:, 0])
    np.testing.assert_array_equal(fit.states, np.argsort(order)[oracle.labels_])
    np.testing.assert_allclose(fit.model.centres, oracle.centers_[order], rtol=0, atol=1e-12)
    assert fit.objective == pytest.approx(oracle.val_, rel=1e-12)
    assert 0 < fit.states.sum() < len(regimes)
    np.testing.assert_array_equal(
        fit.model.online_states(regimes), np.argsort(order)[np.asarray(oracle.predict_online(regimes))]
    )


def test_a_higher_penalty_never_changes_state_more_often(regimes: np.ndarray) -> None:
    jumps = [np.count_nonzero(np.diff(fit_jump_model(regimes, penalty).states)) for penalty in (0, 3, 8, 15, 1e6)]
    assert jumps == sorted(jumps, reverse=True)
    assert jumps[0] > 100
    assert jumps[2:] == [4, 4, 0]


def test_later_rows_change_no_online_state(regimes: np.ndarray) -> None:
    model = fit_jump_model(regimes[:300], 15.0).model
    later = regimes.copy()
    later[400:] *= -5.0
    np.testing.assert_array_equal(model.online_states(later)[:400], model.online_states(regimes)[:400])
    assert not np.array_equal(model.online_states(later)[400:], model.online_states(regimes)[400:])


def test_the_same_series_gives_the_same_bits(regimes: np.ndarray) -> None:
    first, again = fit_jump_model(regimes, 7.0, seed=3), fit_jump_model(regimes.copy(), 7.0, seed=3)
    assert first.model.centres.tobytes() == again.model.centres.tobytes()
    assert first.objective == again.objective
    assert fit_jump_model(regimes, 7.0, seed=4).objective == pytest.approx(first.objective, rel=1e-12)


def test_a_series_that_never_moves_has_one_state() -> None:
    fit = fit_jump_model(np.full((30, 2), 0.5), 1.0)
    assert fit.states.tolist() == [0] * 30
    assert fit.objective == 0.0
    np.testing.assert_array_equal(fit.model.centres, np.full((2, 2), 0.5))


@pytest.mark.parametrize(
    ("x", "penalty", "message"),
    [
        (np.zeros((1, 2)), 1.0, r"x: shape \(1, 2\).*two rows or more"),
        (np.zeros(5), 1.0, r"x: shape \(5,\).*two rows or more"),
        (np.array([[0.0], [np.nan]]), 1.0, "x: a value that is not finite"),
        (np.zeros((3, 1)), -1.0, "penalty: got -1.0.*at least 0"),
        (np.zeros((3, 1)), float("nan"), "penalty: got nan.*at least 0"),
    ],
)
def test_what_it_refuses(x: np.ndarray, penalty: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_jump_model(x, penalty)
