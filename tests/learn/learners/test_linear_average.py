"""The mean of linear rules: each against an independent computation, and their mean against theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cross_decomposition import PLSRegression

from bullbear.definitions import Source
from bullbear.errors import DefinitionError
from bullbear.learn import LEARNERS, TrainingSet
from bullbear.learn.learners.linear_average import LinearAverage, one_component, signed_sum
from bullbear.learn.learners.logistic import Logistic, standardisation, standardise

ALL = ("logistic", "partial_least_squares", "signs")
SIGNS = (1, -1, 0, 0)


def learner(**table: object) -> LinearAverage:
    found = LEARNERS.read({"kind": "linear_average", **table})
    assert isinstance(found, LinearAverage)
    return found


def standardised(seen: TrainingSet) -> np.ndarray:
    return standardise(seen.X, *standardisation(seen.X), 3.0)


def test_one_component_is_that_of_scikit_learn(training: Callable[..., TrainingSet]) -> None:
    seen = training(300, 6)
    Z = standardised(seen)
    library = PLSRegression(n_components=1, scale=False).fit(Z, seen.y)
    mean = seen.y.mean()
    found = one_component(Z, seen.y, np.ones(len(Z)))
    np.testing.assert_allclose(found * mean * (1 - mean), np.ravel(library.coef_), rtol=1e-9)
    assert found[0] > 0.2 > -0.2 > found[1]


@given(seed=st.integers(0, 1000), counts=st.lists(st.integers(1, 4), min_size=12, max_size=12))
def test_a_row_of_weight_two_counts_as_two_rows(seed: int, counts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    Z, y = rng.normal(size=(12, 3)), (np.arange(12) % 3 > 0).astype(float)
    repeated = np.repeat(np.arange(12), counts)
    one = one_component(Z, y, np.array(counts, dtype=float))
    np.testing.assert_allclose(one, one_component(Z[repeated], y[repeated], np.ones(len(repeated))), atol=1e-9)
    signs = np.array([1.0, 0.0, -1.0])
    sums = [signed_sum(Z, signs, np.array(counts, dtype=float), 0.5)]
    sums.append(signed_sum(Z[repeated], signs, np.ones(len(repeated)), 0.5))
    np.testing.assert_allclose(sums[0], sums[1], rtol=1e-9)


def test_a_signed_sum_by_hand() -> None:
    # z1 - z3 is 2, -2, 2 and -2: a standard deviation of 2, worth 0.5 log-odds.
    Z = np.array([[1.0, 5.0, -1.0], [-1.0, 4.0, 1.0], [2.0, 0.0, 0.0], [-2.0, 1.0, 0.0]])
    found = signed_sum(Z, np.array([1.0, 0.0, -1.0]), np.ones(4), 0.5)
    np.testing.assert_allclose(found, [0.25, 0.0, -0.25])
    assert signed_sum(Z, np.zeros(3), np.ones(4), 0.5) is None
    assert signed_sum(np.zeros((4, 3)), np.ones(3), np.ones(4), 0.5) is None


@pytest.mark.parametrize("rules", [ALL, ALL[:2], ALL[1:], ALL[2:]])
def test_it_is_the_mean_of_its_rules(training: Callable[..., TrainingSet], rules: tuple[str, ...]) -> None:
    seen = training(300, 4, signs=SIGNS)
    alone = [learner(rules=[rule], penalty=20.0).fit(seen) for rule in rules]
    found = learner(rules=rules, penalty=20.0).fit(seen)
    np.testing.assert_allclose(found.signals(seen.X), np.mean([each.signals(seen.X) for each in alone], axis=0))
    if rules[0] == "logistic":
        np.testing.assert_array_equal(
            alone[0].coefficients, Logistic(kind="logistic", penalty=20.0).fit(seen).coefficients
        )


def test_signs_without_an_opinion_have_no_part(training: Callable[..., TrainingSet]) -> None:
    seen = training(300, 4)
    np.testing.assert_array_equal(learner().fit(seen).coefficients, learner(rules=ALL[:2]).fit(seen).coefficients)
    assert not learner(rules=["signs"]).fit(seen).coefficients.any()


def test_signs_need_no_label_and_the_others_need_two(training: Callable[..., TrainingSet]) -> None:
    seen = training(300, 4, signs=SIGNS)
    always = replace(seen, y=np.ones(len(seen.y)))
    assert not learner(rules=ALL[:2]).fit(always).coefficients.any()
    np.testing.assert_array_equal(
        learner(rules=["signs"]).fit(always).coefficients, learner(rules=["signs"]).fit(seen).coefficients
    )


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (["signs", "signs"], "allowed: each rule once"),
        (["lasso"], r"got 'lasso'"),
        ([], r"rules"),
    ],
)
def test_wrong_rules_are_refused(rules: list[str], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        LEARNERS.read({"kind": "linear_average", "rules": rules}, Source.nowhere("tiny"), below=("learner",))
