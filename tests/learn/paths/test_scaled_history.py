"""History to scale against scikit-learn's ridge and a plain count of scaled paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from bullbear.definitions.questions import QUESTION_KINDS
from bullbear.learn import TrainingSet
from bullbear.learn.paths.events import event_of, marginals_of
from bullbear.learn.paths.scaled_history import ScaledHistory

EVENTS = [
    event_of(QUESTION_KINDS.read({"name": "mine", "kind": kind, "threshold": threshold, "sentence": "A sentence."}))
    for kind, threshold in [
        ("return_above", 0.0),
        ("return_below", -0.05),
        ("dip", -0.05),
        ("rally", 0.04),
        ("move", 0.06),
        ("volatility", 0.2),
    ]
]


def fit(training: TrainingSet, penalty: float = 3.0, k: int = 3) -> ScaledHistory:
    seen = replace(training, X=training.X[:, :k])
    assert seen.paths is not None
    return ScaledHistory.fit(seen.X, seen.weights, seen.paths, penalty)


def test_the_scale_is_a_ridge_regression(stormy: Callable[..., TrainingSet]) -> None:
    training = stormy()
    weights = np.linspace(0.01, 0.1, len(training.y))
    found = fit(replace(training, weights=weights))
    X = training.X[:, :3]
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    assert np.abs(Z).max() < 5.0
    target = np.log(np.sqrt(252 * np.mean(training.paths**2, axis=1)))
    ridge = Ridge(alpha=3.0).fit(Z, target, sample_weight=weights)
    np.testing.assert_allclose(found.slopes.coefficients, ridge.coef_, rtol=1e-8)
    np.testing.assert_allclose(found.level(X), ridge.predict(Z), rtol=1e-8)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.marginal} {event.below:.2f} {event.above:.2f}")
def test_probabilities_are_shares_of_scaled_paths(stormy: Callable[..., TrainingSet], event) -> None:
    training = stormy()
    found = fit(training)
    standard = training.paths / np.exp(found.level(training.X[:, :3]))[:, None]
    levels = np.log([0.1, 0.2, 0.4])
    plain = [event.share(marginals_of(np.exp(level) * standard)[event.marginal]) for level in levels]
    np.testing.assert_allclose(found.probability(event, levels), plain, atol=0.004)


def test_quantiles_volatility_and_fan_are_those_of_scaled_paths(stormy: Callable[..., TrainingSet]) -> None:
    training = stormy()
    found, X = fit(training), training.X[:2, :3]
    standard = training.paths / np.exp(found.level(training.X[:, :3]))[:, None]
    forecast = found.distribution(X)
    for row, level in enumerate(found.level(X)):
        scaled = np.exp(level) * standard
        end = np.exp(scaled.sum(axis=1)) - 1
        np.testing.assert_allclose(forecast.quantiles[row], np.quantile(end, forecast.levels), atol=5e-4)
        typical = np.exp(np.mean(np.log(np.sqrt(252 * np.mean(scaled**2, axis=1)))))
        assert forecast.volatility[row] == pytest.approx(typical, rel=1e-4)
        paths = np.exp(np.cumsum(scaled, axis=1)) - 1
        fan = np.quantile(paths, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
        np.testing.assert_allclose(forecast.fan[row], fan, atol=1e-4)
    assert (np.diff(forecast.quantiles, axis=1) >= 0).all()


def test_a_missing_factor_counts_as_usual(stormy: Callable[..., TrainingSet]) -> None:
    training = stormy()
    holes = training.X.copy()
    holes[:200, 1] = np.nan
    found = fit(replace(training, X=holes))
    row = np.array([[-1.5, np.nan, -1.2]])
    usual = np.array([[-1.5, np.nanmean(holes[:, 1]), -1.2]])
    np.testing.assert_allclose(found.level(row), found.level(usual), rtol=1e-12)
    assert np.isfinite(found.level(np.full((1, 3), np.nan))).all()


def test_one_row_is_as_good_as_many(stormy: Callable[..., TrainingSet]) -> None:
    found, X = fit(stormy()), stormy().X[:37, :3]
    together = found.distribution(X)
    for row in range(37):
        alone = found.distribution(X[row : row + 1])
        for name in ("quantiles", "volatility", "fan"):
            np.testing.assert_array_equal(getattr(alone, name)[0], getattr(together, name)[row])
        for event in EVENTS:
            level = found.level(X[row : row + 1])
            assert found.probability(event, level)[0] == found.probability(event, found.level(X))[row]
