"""Filtered historical simulation against `arch`'s own variances and a plain loop."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from arch import arch_model

from bullbear.definitions import UP
from bullbear.definitions.questions import QUESTION_KINDS
from bullbear.learn.paths.events import event_of
from bullbear.learn.paths.filtered_simulation import FilteredSimulation

LAGS = tuple(range(126))
DIP = event_of(QUESTION_KINDS.read({"name": "d", "kind": "dip", "threshold": -0.03, "sentence": "A sentence."}))


@pytest.fixture(scope="module")
def fitted(returns: np.ndarray) -> FilteredSimulation:
    return FilteredSimulation.fit(returns, horizon=10, seed=3, lags=LAGS)


def rows(returns: np.ndarray, days: np.ndarray) -> np.ndarray:
    """A row of lagged returns for each day, the newest first."""
    return np.stack([returns[days - lag] for lag in LAGS], axis=1)


def test_the_variance_of_a_row_is_that_of_arch(returns: np.ndarray, fitted: FilteredSimulation) -> None:
    model = arch_model(100 * returns, mean="Zero", p=1, o=1, q=1, dist="t", rescale=False)
    theirs = model.fit(disp="off").conditional_volatility ** 2
    days = np.arange(200, len(returns) - 1)
    # Theirs is the variance of a day; a row at the close of a day knows that of the next.
    np.testing.assert_allclose(np.exp(fitted.level(rows(returns, days))), theirs[days + 1], rtol=1e-4)


def test_a_missing_return_is_taken_as_expected(fitted: FilteredSimulation) -> None:
    row = np.full((1, 126), np.nan)
    row[0, :2] = [-0.02, 0.01]  # yesterday up 1 %, today down 2 %
    share = fitted.alpha + 0.5 * fitted.gamma + fitted.beta
    variance = fitted.start
    for _ in range(124):
        variance = fitted.omega + share * variance
    variance = fitted.omega + fitted.alpha * 1.0 + fitted.beta * variance
    variance = fitted.omega + (fitted.alpha + fitted.gamma) * 4.0 + fitted.beta * variance
    assert np.exp(fitted.level(row))[0] == pytest.approx(variance)


def test_paths_follow_the_recursion(fitted: FilteredSimulation) -> None:
    found = fitted._daily(0.5)
    for path in (0, 1999):
        variance = np.exp(0.5)
        for session in range(10):
            r = np.sqrt(variance) * fitted._shocks[session, path]
            assert found[session, path] == pytest.approx(r)
            variance = fitted.omega + (fitted.alpha + fitted.gamma * (r < 0)) * r * r + fitted.beta * variance


def test_each_session_draws_every_residual_equally_often(fitted: FilteredSimulation) -> None:
    for shocks in fitted._shocks:
        np.testing.assert_array_equal(np.sort(shocks), np.repeat(fitted.residuals, 5))
    assert not np.array_equal(fitted._shocks[0], fitted._shocks[1])


def test_the_draws_are_fixed_for_good(fitted: FilteredSimulation) -> None:
    # A bundle of today must give the same forecast with a numpy of tomorrow.
    numbered = replace(fitted, residuals=np.arange(400.0), seed=7)
    assert numbered._shocks[0, :6].tolist() == [7.0, 385.0, 320.0, 214.0, 37.0, 65.0]


def test_probabilities_and_quantiles_are_counts_of_paths(fitted: FilteredSimulation, returns: np.ndarray) -> None:
    X = rows(returns, np.array([300, 777]))
    forecast = fitted.distribution(X)
    for row, level in enumerate(fitted.level(X).tolist()):
        paths = np.exp(np.cumsum(fitted._daily(level), axis=0) / 100) - 1
        p = fitted.probability(DIP, np.array([level]))[0]
        assert p == pytest.approx(np.mean(paths.min(axis=0) <= -0.03), abs=1e-12)
        np.testing.assert_allclose(forecast.quantiles[row], np.quantile(paths[-1], forecast.levels), atol=1e-4)
        np.testing.assert_allclose(forecast.fan[row][2], np.median(paths, axis=1), atol=1e-6)
        daily = fitted._daily(level) / 100
        volatility = np.sqrt(252 * np.mean(daily**2, axis=0))
        assert forecast.volatility[row] == pytest.approx(np.exp(np.mean(np.log(volatility))))


def test_one_row_is_as_good_as_many(fitted: FilteredSimulation, returns: np.ndarray) -> None:
    X = rows(returns, np.arange(300, 309))
    together, p = fitted.distribution(X), fitted.probability(DIP, fitted.level(X))
    restored = FilteredSimulation.restore(fitted.state(DIP))
    for row in (0, 4, 8):
        alone = restored.distribution(X[row : row + 1])
        for name in ("quantiles", "volatility", "fan"):
            np.testing.assert_array_equal(getattr(alone, name)[0], getattr(together, name)[row])
        assert restored.probability(DIP, restored.level(X[row : row + 1]))[0] == p[row]


def test_a_row_is_simulated_once_for_all_events(returns: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [DIP, event_of(UP)]
    asked = FilteredSimulation.fit(returns, horizon=10, seed=3, lags=LAGS, events=events)
    simulated: list[float] = []
    daily = FilteredSimulation._daily
    monkeypatch.setattr(FilteredSimulation, "_daily", lambda self, level: simulated.append(level) or daily(self, level))
    levels = asked.level(rows(returns, np.arange(300, 400)))
    together = [asked.probability(event, levels) for event in events]
    assert sorted(simulated) == sorted(set(levels.tolist()))
    restored = FilteredSimulation.restore(asked.state(DIP))
    for event, found in zip(events, together, strict=True):
        np.testing.assert_array_equal(restored.probability(event, levels), found)


@pytest.mark.parametrize(
    ("flag", "changes"),
    [
        (4, {}),
        (0, {"omega": np.nan}),
        (0, {"alpha[1]": -0.05}),
        (0, {"gamma[1]": -0.5}),
        (0, {"beta[1]": 0.99}),
    ],
)
def test_a_recursion_that_could_not_be_fitted_is_a_constant_variance(
    flag: int, changes: dict[str, float], returns: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = {"omega": 0.03, "alpha[1]": 0.02, "gamma[1]": 0.12, "beta[1]": 0.89} | changes
    bad = SimpleNamespace(params=params, convergence_flag=flag, std_resid=np.full(len(returns), np.nan))
    monkeypatch.setattr("arch.univariate.base.ARCHModel.fit", lambda self, **options: bad)
    found = FilteredSimulation.fit(returns, horizon=10, seed=3, lags=LAGS)
    assert not found.converged
    assert not FilteredSimulation.restore(found.state(DIP)).converged
    variance = np.mean((100 * returns) ** 2)
    np.testing.assert_allclose(np.exp(found.level(rows(returns, np.array([300, 777])))), variance)
    assert np.mean(found.residuals**2) == pytest.approx(1.0, abs=0.05)
    np.testing.assert_allclose(found._daily(float(np.log(variance))), np.sqrt(variance) * found._shocks)


def test_a_fit_that_converged_says_so(fitted: FilteredSimulation) -> None:
    assert fitted.converged
    assert fitted.alpha + 0.5 * fitted.gamma + fitted.beta < 1.0


def test_a_price_that_stands_still_stays() -> None:
    still = FilteredSimulation.fit(np.zeros(300), horizon=5, seed=0, lags=LAGS)
    level = still.level(np.zeros((1, 126)))
    assert still.probability(DIP, level)[0] == 0.0
    assert still.distribution(np.zeros((1, 126))).volatility[0] == 0.0


def test_one_path_that_stands_still_does_not_hide_the_volatility_of_the_others() -> None:
    # On one session in fifty the close was that of the day before: over one session some path has no volatility.
    rng = np.random.default_rng(0)
    returns = np.where(rng.random(500) < 0.02, 0.0, rng.normal(0.0, 0.01, 500))
    fitted = FilteredSimulation.fit(returns, horizon=1, seed=1, lags=LAGS)
    X = np.full((1, 126), 0.01)
    moves = np.abs(fitted._daily(float(fitted.level(X)[0]))[0]) / 100
    assert moves.min() == 0.0
    usual = np.sqrt(252) * np.exp(np.mean(np.log(moves[moves > 0.0])))
    assert fitted.distribution(X).volatility[0] == pytest.approx(usual)
