"""The combination of regressions on one factor each, against the regressions one at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.definitions import UP
from bullbear.learn import LEARNERS, TrainingSet
from bullbear.learn.learners.combination_forecast import Combination, CombinationForecast, CombinedReturn
from bullbear.learn.univariate import UnivariateModels, fit_univariate

from ..conftest import asked

THREE = UnivariateModels(np.zeros(4), np.array([1.0, 2.0, np.inf, 1.0]), np.zeros(4), np.array([1.0, -2.0, 0.0, 0.5]))
TABLES = [
    {},
    {"combine": "trimmed_mean"},
    {"combine": "dmspe", "discount": 0.9},
    {"response": "answer"},
    {"response": "answer", "combine": "dmspe"},
]


def learner(**table: object) -> CombinationForecast:
    found = LEARNERS.read({"kind": "combination_forecast", **table})
    assert isinstance(found, CombinationForecast)
    return found


def test_means_by_hand() -> None:
    # Forecasts 2, -1 (missing: 0) and -1 of the factors in use; the third never varied.
    X = np.array([[2.0, 1.0, 9.0, -2.0], [2.0, np.nan, 9.0, -2.0]])
    share = np.array([1.0, 1.0, 0.0, 1.0]) / 3
    assert Combination(THREE, share, False).deviation(X).tolist() == [0.0, pytest.approx(1 / 3)]
    # Without the highest and the lowest: of 2, -1 and -1 one -1 is left, of 2, 0 and -1 the 0.
    assert Combination(THREE, share, True).deviation(X).tolist() == [-1.0, 0.0]


def test_it_is_the_mean_of_the_regressions(training: Callable[..., TrainingSet]) -> None:
    seen = training(300, 6)
    fitted = learner().fit(seen)
    assert isinstance(fitted, CombinedReturn)
    returns = seen.paths.sum(axis=1)
    each = [fit_univariate(seen.X[:, j : j + 1], returns, seen.path_weights, "return") for j in range(6)]
    apart = np.mean([one.deviations(seen.X[:, j : j + 1])[:, 0] for j, one in enumerate(each)], axis=0)
    np.testing.assert_allclose(fitted.expected(seen.X), returns.mean() + apart, atol=1e-12)


@pytest.mark.parametrize("response", ["return", "answer"])
def test_past_errors_equal_those_of_a_slow_walk(training: Callable[..., TrainingSet], response: str) -> None:
    seen = training(300, 4, horizon=5)
    fitted = learner(response=response, combine="dmspe", discount=0.8).fit(seen)
    t = seen.paths.sum(axis=1) if response == "return" else seen.y
    whole = fit_univariate(seen.X, t, seen.weights, response)
    Z = np.where(np.isnan(seen.X), np.nan, np.clip((seen.X - whole.center) / whole.scale, -3, 3))
    errors = np.zeros(4)
    for train, test in seen.inner_splits(20):
        if not len(train):
            continue
        assert (seen.resolved_at[train] <= seen.decided_at[test[0]]).all()
        base = np.average(t[train], weights=seen.weights[train])
        for j in range(4):
            rows = train[~np.isnan(Z[train, j])]
            z, w = Z[rows, j], seen.weights[rows]
            if response == "return":
                slope, constant = np.polyfit(z, t[rows], 1, w=np.sqrt(w))
                deviation = slope * Z[test, j] + constant - np.average(t[rows], weights=w)
                forecast = base + np.nan_to_num(deviation)
            else:
                yes, no = (t[rows] == answer for answer in (1, 0))
                if not yes.any() or not no.any():
                    deviation = np.zeros(len(test))
                else:
                    means = [np.average(z[part], weights=w[part]) for part in (yes, no)]
                    within = np.average((z - np.where(yes, *means)) ** 2, weights=w)
                    deviation = np.nan_to_num((means[0] - means[1]) / within * (Z[test, j] - sum(means) / 2))
                held = np.clip(base, 0.001, 0.999)
                forecast = 1 / (1 + np.exp(-(np.log(held / (1 - held)) + deviation)))
            errors[j] += np.sum(seen.weights[test] * 0.8 ** ((299 - test) / 5) * (t[test] - forecast) ** 2)
    np.testing.assert_allclose(fitted.combination.share, (1 / errors) / np.sum(1 / errors), rtol=1e-6)


@pytest.mark.parametrize("table", TABLES)
def test_the_state_brings_back_the_same_bits_of_one_row(
    training: Callable[..., TrainingSet], table: dict[str, object]
) -> None:
    seen = training(200, 12)
    fitted = learner(**table).fit(seen)
    restored = learner(**table).restore(json.loads(json.dumps(fitted.state(), allow_nan=False)))
    for function, other in ((fitted.signals, restored.signals), (fitted.contributions, restored.contributions)):
        many = function(seen.X)
        for row in (0, 5, 199):
            np.testing.assert_array_equal(other(seen.X[row : row + 1]), many[row : row + 1])


@given(values=st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_a_trimmed_mean_lies_between_the_forecasts(values: list[float]) -> None:
    models = UnivariateModels(np.zeros(4), np.ones(4), np.zeros(4), np.ones(4))
    found = Combination(models, np.full(4, 0.25), True).deviation(np.array([values]))[0]
    assert found == pytest.approx(np.mean(sorted(values)[1:-1]), abs=1e-12)


def test_noise_is_averaged_away(training: Callable[..., TrainingSet]) -> None:
    seen = training(300, 4)
    rng = np.random.default_rng(0)
    noisy = replace(
        seen,
        X=np.column_stack([seen.X, rng.normal(size=(300, 60))]),
        names=tuple(f"f{j}" for j in range(64)),
        signs=(0,) * 64,
    )
    few, many = (learner(response="answer").fit(each).signals(each.X)[:, 0] for each in (seen, noisy))
    assert np.std(many) < np.std(few) / 3
    assert np.corrcoef(many, seen.y)[0, 1] > 0.3


def test_what_is_refused() -> None:
    names = ("a", "b", "c")
    assert learner(combine="trimmed_mean").refuses_inputs(names, ("IWM",)) is None
    assert learner(combine="trimmed_mean").refuses_inputs(names[:2], ("IWM",)) == (
        "combine",
        "mean or dmspe for fewer than three factors; there are 2",
    )
    assert learner().refuses_question(UP) is None
    assert learner(response="answer").refuses_question(asked("dip", -0.05)) is None
    assert "return_above" in (learner().refuses_question(asked("dip", -0.05)) or "")
