"""The predictive regression on one factor: its restrictions, what it refuses, and its probability by hand."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from bullbear.definitions import UP, Source
from bullbear.errors import DefinitionError, HistoryError
from bullbear.learn import LEARNERS, TrainingSet
from bullbear.learn.learners.predictive_regression import FittedReturn, PredictiveRegression

from ..conftest import asked


def seen(training: Callable[..., TrainingSet], sign: int = 0, **changes: object) -> TrainingSet:
    found = training(300, 1, holes=0.1, signs=(sign,))
    return dataclasses.replace(found, **changes)


def learner(**table: object) -> PredictiveRegression:
    found = LEARNERS.read({"kind": "predictive_regression", **table})
    assert isinstance(found, PredictiveRegression)
    return found


def test_the_probability_is_that_of_least_squares_and_normal_residuals(training: Callable[..., TrainingSet]) -> None:
    data = seen(training)
    fitted = learner(tails="normal").fit(data)
    x, returns = data.X[:, 0], data.paths.sum(axis=1)
    known = ~np.isnan(x)
    z = np.clip((x - x[known].mean()) / x[known].std(), -3, 3)
    own = sm.WLS(returns[known], sm.add_constant(z[known]), weights=data.path_weights[known]).fit()
    middle = np.average(z[known], weights=data.path_weights[known])
    mean = returns.mean() + np.where(known, own.params[1] * (z - middle), 0.0)
    p = stats.norm.cdf(mean / (returns - mean).std())
    n, share = data.path_weights.sum(), p.mean()
    odds = [(n * each + share) / (n + 1) for each in (p, share)]
    expected = np.log(odds[0] / (1 - odds[0])) - np.log(odds[1] / (1 - odds[1]))
    np.testing.assert_allclose(fitted.signals(data.X)[known, 0], expected[known], atol=1e-8)
    assert not fitted.signals(data.X)[~known].any()
    assert np.corrcoef(fitted.signals(data.X)[known, 0], x[known])[0, 1] > 0.95


def test_a_slope_against_theory_is_zero(training: Callable[..., TrainingSet]) -> None:
    against, along = (seen(training, sign) for sign in (-1, 1))
    assert not learner(restrict_sign=True).fit(against).signals(against.X).any()
    free, restricted = learner().fit(along), learner(restrict_sign=True).fit(along)
    np.testing.assert_array_equal(free.signals(along.X), restricted.signals(along.X))
    assert learner().fit(against).signals(against.X).any()
    # A factor that lifts the return lowers the chance of a fall: the sign of P(yes) is turned round.
    fall = seen(training, -1, question=asked("return_below", -0.01))
    assert learner(restrict_sign=True).fit(fall).signals(fall.X).any()


def test_an_expected_return_below_zero_is_zero(training: Callable[..., TrainingSet]) -> None:
    data = seen(training)
    free, truncated = learner().fit(data), learner(truncate=True).fit(data)
    assert isinstance(free, FittedReturn)
    assert isinstance(truncated, FittedReturn)
    expected = free.expected(data.X)
    assert (expected < 0).any()
    np.testing.assert_array_equal(truncated.expected(data.X), np.maximum(expected, 0.0))
    lowest = truncated.signals(data.X)[(expected < 0) & ~np.isnan(data.X[:, 0])]
    assert len(np.unique(lowest)) == 1


def test_the_answer_itself_may_be_regressed_on_for_any_question(training: Callable[..., TrainingSet]) -> None:
    data = seen(training, question=asked("volatility", 0.2), paths=None, path_weights=None)
    fitted = learner(response="answer").fit(data)
    # The signal is y's own: the logistic regression has nearly the same slope.
    own = sm.Logit(data.y[~np.isnan(data.X[:, 0])], sm.add_constant(data.X[~np.isnan(data.X[:, 0]), 0])).fit(disp=0)
    steps = fitted.signals(np.array([[0.0], [1.0]]))
    assert steps[1, 0] - steps[0, 0] == pytest.approx(own.params[1], rel=0.15)
    restored = learner(response="answer").restore(json.loads(json.dumps(fitted.state())))
    np.testing.assert_array_equal(restored.signals(data.X), fitted.signals(data.X))


@pytest.mark.parametrize("table", [{}, {"truncate": True}, {"tails": "gram_charlier"}])
def test_the_state_brings_back_the_same_bits_of_one_row(
    training: Callable[..., TrainingSet], table: dict[str, object]
) -> None:
    data = seen(training)
    fitted = learner(**table).fit(data)
    restored = learner(**table).restore(json.loads(json.dumps(fitted.state(), allow_nan=False)))
    many = fitted.signals(data.X)
    for row in (0, 7, 299):
        np.testing.assert_array_equal(restored.signals(data.X[row : row + 1]), many[row : row + 1])
    np.testing.assert_array_equal(restored.contributions(data.X), many)


def test_without_a_known_factor_or_contrast_it_says_the_base_rate(training: Callable[..., TrainingSet]) -> None:
    data = seen(training)
    blind = learner().fit(dataclasses.replace(data, X=np.full_like(data.X, np.nan)))
    still = learner().fit(dataclasses.replace(data, paths=np.zeros_like(data.paths)))
    assert not blind.signals(data.X).any()
    assert not still.signals(data.X).any()


def test_each_asset_has_its_own_drift(training: Callable[..., TrainingSet]) -> None:
    data = seen(training, asset=np.where(np.arange(300) % 2, "SPY", "IWM"))
    fitted = learner().fit(data)
    assert isinstance(fitted, FittedReturn)
    returns = data.paths.sum(axis=1)
    for name, rows in (("IWM", slice(0, None, 2)), ("SPY", slice(1, None, 2))):
        at_mean = fitted.of_asset(name).expected(np.array([[np.nan]]))
        assert at_mean[0] == pytest.approx(returns[rows].mean())


def test_what_is_refused(training: Callable[..., TrainingSet]) -> None:
    text = '[learner]\nkind = "predictive_regression"\nresponse = "answer"\ntruncate = true\n'
    source = Source(Path("models/mine.toml"), text)
    table = {"kind": "predictive_regression", "response": "answer", "truncate": True}
    with pytest.raises(DefinitionError, match=r'mine.toml:4 \(learner.truncate\): .* false with response = "answer"'):
        LEARNERS.read(table, source, below=("learner",))
    assert learner().refuses_inputs(("a",), ("IWM",)) is None
    assert learner().refuses_inputs(("a", "b"), ("IWM",)) == (
        "kind",
        "a regression on one factor, not 2; combination_forecast takes several",
    )
    assert learner().refuses_question(UP) is None
    assert learner(response="answer").refuses_question(asked("dip", -0.05)) is None
    assert (learner().refuses_question(asked("dip", -0.05)) or "").endswith('or response = "answer"')
    with pytest.raises(HistoryError, match="predictive_regression learner: got 'no paths'"):
        learner().fit(seen(training, paths=None))
    few = seen(training)
    few = dataclasses.replace(few, paths=np.where(np.arange(300)[:, None] < 20, few.paths, np.nan))
    with pytest.raises(HistoryError, match="20 known paths"):
        learner().fit(few)
