"""The penalised logistic regression against its own objective, minimised by other means."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from bullbear.learn import LinearModel, TrainingSet
from bullbear.learn.learners.logistic import Logistic, standardise
from bullbear.statistics import independent_number

HAND = LinearModel(np.array([1.0, 2.0, -1.0]), np.array([2.0, np.inf, 0.5]), np.array([0.5, 3.0, -0.25]), 3.0)


def plain(training: TrainingSet, clip: float) -> pd.DataFrame:
    """Standardisation as pandas would have it: missing values are skipped, then stand at the mean."""
    X = pd.DataFrame(training.X)
    return ((X - X.mean()) / X.std(ddof=0)).clip(-clip, clip).fillna(0.0)


def test_a_linear_signal_by_hand() -> None:
    # Row 1: (5 - 1) / 2 = 2 and (-2 + 1) / 0.5 = -2. Row 2: drawn in from 99 / 2 to 3; missing. The second is unused.
    X = np.array([[5.0, 9.0, -2.0], [100.0, 7.0, np.nan]])
    np.testing.assert_array_equal(HAND.contributions(X), [[1.0, 0.0, 0.5], [1.5, 0.0, 0.0]])
    np.testing.assert_array_equal(HAND.signals(X), [[1.5], [1.5]])


def test_the_state_writes_an_unused_factor_as_null() -> None:
    assert HAND.state() == {
        "center": [1.0, 2.0, -1.0],
        "scale": [2.0, None, 0.5],
        "coefficients": [0.5, 3.0, -0.25],
        "clip": 3.0,
    }
    restored = Logistic(kind="logistic").restore(HAND.state())
    np.testing.assert_array_equal(restored.scale, HAND.scale)


@pytest.mark.parametrize(("penalty", "clip", "horizon"), [(0.5, 3.0, 1), (5.0, 1.0, 5), (100.0, 3.0, 21)])
def test_coefficients_minimise_the_penalised_likelihood(
    training: Callable[..., TrainingSet], penalty: float, clip: float, horizon: int
) -> None:
    seen = training(horizon=horizon)
    fitted = Logistic(kind="logistic", penalty=penalty, clip=clip).fit(seen)
    Z = plain(seen, clip).to_numpy()

    def loss(b: np.ndarray) -> float:
        eta = b[0] + Z @ b[1:]
        likelihood = np.sum(seen.weights * (np.logaddexp(0, eta) - seen.y * eta))
        return float(likelihood + penalty / 2 * np.sum(b[1:] ** 2))

    best = minimize(loss, np.zeros(5), method="BFGS", options={"gtol": 1e-9}).x
    np.testing.assert_allclose(fitted.coefficients, best[1:], rtol=0, atol=2e-6)
    np.testing.assert_allclose(fitted.signals(seen.X)[:, 0], Z @ best[1:], rtol=0, atol=1e-5)
    assert fitted.coefficients[0] > 0 > fitted.coefficients[1]


def test_coefficients_equal_those_of_another_solver(training: Callable[..., TrainingSet]) -> None:
    seen = training(400, 6)
    fitted = Logistic(kind="logistic", penalty=2.0).fit(seen)
    other = LogisticRegression(C=0.5, solver="newton-cholesky", tol=1e-12)
    other.fit(plain(seen, 3.0), seen.y, sample_weight=seen.weights)
    np.testing.assert_allclose(fitted.coefficients, other.coef_[0], rtol=0, atol=1e-6)


def test_the_penalty_counts_independent_labels(training: Callable[..., TrainingSet]) -> None:
    # Labels over one session against labels over five, 3.7 rows of which are worth one: a penalty 3.7 times as heavy.
    rows = 300 / float(independent_number(300, 5))
    one = Logistic(kind="logistic", penalty=3.0).fit(training(horizon=5))
    two = Logistic(kind="logistic", penalty=3.0 * rows).fit(training(horizon=1))
    assert rows == pytest.approx(3.75, abs=0.02)
    np.testing.assert_allclose(one.coefficients, two.coefficients, rtol=1e-6)


def test_standardisation_comes_from_the_training_rows_alone(bare: Callable[..., TrainingSet]) -> None:
    X = np.array([[1.0, 4.0], [3.0, np.nan], [5.0, 8.0], [3.0, 6.0]])
    seen = bare(X, np.array([0.0, 1.0, 1.0, 0.0]), np.ones(4), ("a", "b"), (0, 0), 0, 1)
    fitted = Logistic(kind="logistic").fit(seen)
    np.testing.assert_allclose(fitted.center, [3.0, 6.0], rtol=1e-15)
    np.testing.assert_allclose(fitted.scale, [np.sqrt(2.0), np.sqrt(8 / 3)], rtol=1e-15)


def test_a_missing_value_counts_as_the_training_mean(training: Callable[..., TrainingSet]) -> None:
    seen = training()
    fitted = Logistic(kind="logistic", penalty=1.0).fit(seen)
    row = np.array([[0.3, np.nan, -0.2, 0.1]])
    filled = row.copy()
    filled[0, 1] = fitted.center[1]
    np.testing.assert_array_equal(fitted.signals(row), fitted.signals(filled))


@pytest.mark.parametrize("value", [0.1, 1 / 3, 7.0, 0.0, 1e9 + 0.1])
def test_a_factor_that_never_varied_says_nothing_when_it_does(
    training: Callable[..., TrainingSet], value: float
) -> None:
    seen = training()
    X = seen.X.copy()
    X[:, 2] = value
    fitted = Logistic(kind="logistic", penalty=0.1).fit(dataclasses.replace(seen, X=X))
    moved = X.copy()
    moved[:, 2] = value + 5.0
    np.testing.assert_array_equal(fitted.signals(moved), fitted.signals(X))


def test_a_factor_that_is_constant_but_for_rounding_says_nothing(training: Callable[..., TrainingSet]) -> None:
    seen = training()
    X = seen.X.copy()
    X[:, 2] = np.where(seen.y > 0, 0.1 + 0.2, 0.3)  # would tell the outcome, were it not one number
    fitted = Logistic(kind="logistic", penalty=0.1).fit(dataclasses.replace(seen, X=X))
    other = X.copy()
    other[:, 2] = np.where(seen.y > 0, 0.3, 0.1 + 0.2)
    np.testing.assert_array_equal(fitted.signals(other), fitted.signals(X))
    np.testing.assert_array_equal(fitted.contributions(X)[:, 2], 0.0)


def test_a_factor_that_was_hardly_ever_there_is_not_used(training: Callable[..., TrainingSet]) -> None:
    seen = training(300)
    X = seen.X.copy()
    X[:, 3] = np.nan
    X[:29, 3] = np.arange(29.0)
    rare = Logistic(kind="logistic").fit(dataclasses.replace(seen, X=X))
    assert np.isinf(rare.scale[3])
    X[29, 3] = 29.0
    enough = Logistic(kind="logistic").fit(dataclasses.replace(seen, X=X))
    assert np.isfinite(enough.scale[3])


@given(
    x=st.one_of(st.floats(-1e12, 1e12), st.just(np.nan)),
    center=st.floats(-100, 100),
    scale=st.one_of(st.floats(1e-6, 1e6), st.just(np.inf)),
    clip=st.floats(0.1, 10),
)
def test_standardised_values_stay_within_the_clip(x: float, center: float, scale: float, clip: float) -> None:
    found = standardise(np.array([[x]]), np.array([center]), np.array([scale]), clip)[0, 0]
    assert -clip <= found <= clip
    if np.isnan(x) or np.isinf(scale):
        assert found == 0.0
