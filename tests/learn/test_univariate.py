"""Regressions on one factor each against statsmodels and scikit-learn, one at a time."""

from __future__ import annotations

import json

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from bullbear.learn.learners.logistic import standardise
from bullbear.learn.univariate import Sums, UnivariateModels, fit_univariate


def sample(n: int = 200, k: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, k)) * [1.0, 5.0, 0.1, 2.0][:k]
    returns = 0.02 * X[:, 0] + 0.05 * rng.normal(size=n)
    X[rng.random(X.shape) < 0.2] = np.nan
    return X, returns, rng.uniform(0.5, 1.5, n)


def test_slopes_of_a_return_are_those_of_weighted_least_squares() -> None:
    X, r, weights = sample()
    models = fit_univariate(X, r, weights, "return")
    Z = standardise(X, models.center, models.scale, 3.0)
    for j in range(4):
        known = ~np.isnan(X[:, j])
        own = sm.WLS(r[known], sm.add_constant(Z[known, j]), weights=weights[known]).fit()
        assert models.slopes[j] == pytest.approx(own.params[1], rel=1e-9)
        expected = own.predict(sm.add_constant(Z[known, j])) - np.average(r[known], weights=weights[known])
        np.testing.assert_allclose(models.deviations(X)[known, j], expected, atol=1e-12)
        assert not models.deviations(X)[~known, j].any()


def test_slopes_of_an_answer_are_those_of_the_linear_discriminant() -> None:
    X, r, _ = sample()
    y = (r > 0).astype(float)
    models = fit_univariate(X, y, np.ones(len(y)), "answer")
    for j in range(4):
        known = ~np.isnan(X[:, j])
        z = standardise(X, models.center, models.scale, 3.0)[known, j : j + 1]
        own = LinearDiscriminantAnalysis(solver="lsqr").fit(z, y[known])
        assert models.slopes[j] == pytest.approx(own.coef_[0, 0], rel=1e-9)
        share = y[known].mean()
        expected = own.decision_function(z) - np.log(share / (1 - share))
        np.testing.assert_allclose(models.deviations(X)[known, j], expected, atol=1e-9)


def test_a_factor_that_teaches_nothing_has_no_slope() -> None:
    X, r, weights = sample()
    X[:, 1], X[:, 2] = 7.0, np.nan
    X[:, 3] = np.where(np.arange(200) < 19, X[:, 3], np.nan)  # known on less than a tenth of the rows
    models = fit_univariate(X, r, weights, "return")
    assert models.is_used.tolist() == [True, False, False, False]
    assert not models.slopes[1:].any()
    assert not fit_univariate(X, np.ones(200), weights, "answer").slopes.any()
    assert not fit_univariate(X, np.zeros(200), weights, "return").slopes.any()


@given(cut=st.integers(30, 170), response=st.sampled_from(["return", "answer"]))
def test_sums_of_two_parts_are_those_of_the_whole(cut: int, response: str) -> None:
    X, r, weights = sample()
    t = r if response == "return" else (r > 0).astype(float)
    Z, known = np.nan_to_num(X), ~np.isnan(X)
    whole = Sums.of(Z, known, t, weights)
    parts = Sums.of(Z[:cut], known[:cut], t[:cut], weights[:cut]) + Sums.of(
        Z[cut:], known[cut:], t[cut:], weights[cut:]
    )
    for one, other in zip(whole.slopes(response), parts.slopes(response), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


@given(order=st.permutations(range(60)))
def test_the_order_of_the_rows_does_not_matter(order: list[int]) -> None:
    X, r, weights = sample(60)
    one, other = (fit_univariate(X[rows], r[rows], weights[rows], "return") for rows in (np.arange(60), order))
    np.testing.assert_allclose(one.deviations(X), other.deviations(X), rtol=0, atol=1e-12)


def test_the_state_brings_back_the_same_bits() -> None:
    X, r, weights = sample()
    X[:, 1] = np.nan
    models = fit_univariate(X, r, weights, "return")
    restored = UnivariateModels.restore(json.loads(json.dumps(models.state(), allow_nan=False)))
    np.testing.assert_array_equal(restored.deviations(X), models.deviations(X))
