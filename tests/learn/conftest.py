"""Synthetic examples of a few hundred sessions: one factor that foretells, some that do not, and holes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset import Examples
from bullbear.dataset.examples import fingerprint, uniqueness
from bullbear.dataset.labels import climatology
from bullbear.definitions import UP, FactorSpec, FeatureSet, ModelDefinition
from bullbear.definitions.questions import QUESTION_KINDS, Question
from bullbear.learn import TrainingSet
from bullbear.sessions import between, closes
from bullbear.statistics import independent_number

NAMES = ("truth", "noise_a", "noise_b", "noise_c")
HORIZON = 5


def asked(kind: str, threshold: float) -> Question:
    """A question of a kind over 21 sessions."""
    table = {"name": "mine", "kind": kind, "threshold": threshold, "horizon": 21, "sentence": "A sentence."}
    return QUESTION_KINDS.read(table)


@pytest.fixture(scope="session")
def bare() -> Callable[..., TrainingSet]:
    """A maker of training sets on consecutive days of one asset."""

    def make(X, y, weights, names, signs, seed, horizon) -> TrainingSet:
        decided_at = pd.date_range("2001-01-01", periods=len(y), tz="UTC")
        resolved_at = decided_at + pd.Timedelta(days=horizon)
        asset = np.full(len(y), "IWM")
        return TrainingSet(X, y, weights, decided_at, resolved_at, asset, names, signs, seed, horizon, UP)

    return make


@pytest.fixture(scope="session")
def training(bare: Callable[..., TrainingSet]) -> Callable[..., TrainingSet]:
    """A maker of training sets: `y` rises with the first factor and falls with the second; so do the paths."""

    def make(
        n: int = 300, k: int = 4, *, seed: int = 0, holes: float = 0.1, signs: tuple[int, ...] = (), horizon: int = 21
    ) -> TrainingSet:
        rng = np.random.default_rng(99)
        X = rng.normal(size=(n, k))
        p = 1 / (1 + np.exp(-(0.4 + 1.2 * X[:, 0] - 0.8 * X[:, 1 % k])))
        y = (rng.random(n) < p).astype(float)
        X[rng.random(X.shape) < holes] = np.nan
        weights = rng.uniform(0.5, 1.5, n)
        names = tuple(f"factor_{j}" for j in range(k))
        weights *= independent_number(n, horizon) / weights.sum()
        noise = 0.01 * rng.normal(size=(n, horizon))
        end = np.abs(0.04 * rng.normal(size=n)) * (2 * y - 1)  # a path ends where its label says
        paths = noise + ((end - noise.sum(axis=1)) / horizon)[:, None]
        made = bare(X, y, weights, names, signs or (0,) * k, seed, horizon)
        return replace(made, paths=paths, path_weights=weights)

    return make


@pytest.fixture(scope="session")
def examples() -> Examples:
    """Some 500 sessions from 2018 on, labels over five sessions; the last five have not resolved."""
    grid = between("2018-01-02", "2020-01-31")
    n = len(grid) - HORIZON
    rng = np.random.default_rng(11)
    truth = np.convolve(rng.normal(size=len(grid) + 9), np.ones(10) / 10**0.5, "valid")
    steps = 0.03 + 0.9 * truth + rng.normal(size=len(grid))
    path = np.concatenate([[0.0], np.cumsum(steps)])[:-1]
    y = (path[HORIZON:] > path[:-HORIZON]).astype(float)
    y[-HORIZON:] = np.nan
    X = pd.DataFrame(rng.normal(size=(n, 4)), index=grid[:n], columns=list(NAMES))
    X["truth"] = truth[:n]
    X.iloc[:60, 1] = np.nan
    X["noise_c"] = np.where(rng.random(n) < 0.2, np.nan, X["noise_c"])
    decided_at, resolved_at = closes(grid)[:n], closes(grid)[HORIZON:]
    share, count = climatology(y, resolved_at, decided_at)
    seal = fingerprint(X, y, resolved_at)
    always = np.ones(n, dtype=bool)
    return Examples(
        X, y, y, always, uniqueness(n, HORIZON), decided_at, resolved_at, share, count, HORIZON, seal, np.full(n, "IWM")
    )


@pytest.fixture(scope="session")
def feature_sets() -> list[FeatureSet]:
    """The set that `examples` is made of."""
    specs = [FactorSpec(name=n, function="any", inputs={}, sign=1 if n == "truth" else 0) for n in NAMES]
    return [FeatureSet(name="tiny", why="Factors for a test.", factor=tuple(specs))]


@pytest.fixture(scope="session")
def model() -> Callable[..., ModelDefinition]:
    """A maker of definitions around a `[learner]` table, or several; reported from June 2019, burn-in three months."""

    def make(
        learner: Any, *, seed: int = 0, prior_sd: float = 0.3, more: dict[str, Any] | None = None, **splitter: object
    ) -> ModelDefinition:
        table = {"first": "2019-06-03", "min_train": 100, **splitter}
        if "kind" not in table:
            table.setdefault("burn_in_months", 3)
        return ModelDefinition.model_validate(
            {
                "name": "tiny",
                "intent": "A model for a test.",
                "seed": seed,
                "target": {"horizon": HORIZON},
                "features": ["tiny"],
                "splitter": table,
                **(
                    {"learner": learner}
                    if isinstance(learner, dict)
                    else {
                        "member": [{"name": f"member_{number}", "learner": each} for number, each in enumerate(learner)]
                    }
                ),
                "calibration": {"prior_sd": prior_sd},
                **(more or {}),
            }
        )

    return make


@pytest.fixture(scope="session")
def returns() -> np.ndarray:
    """Daily log returns of a GJR-GARCH process, shape (1200,)."""
    rng = np.random.default_rng(5)
    found, variance = np.empty(1200), 1.5
    for day, shock in enumerate(rng.standard_t(6, 1200) * np.sqrt(4 / 6)):
        found[day] = np.sqrt(variance) * shock + 0.03
        variance = 0.03 + (0.02 + 0.12 * (found[day] < 0)) * found[day] ** 2 + 0.89 * variance
    return found / 100.0


@pytest.fixture(scope="session")
def stormy(returns: np.ndarray, bare: Callable[..., TrainingSet]) -> Callable[..., TrainingSet]:
    """A maker of training sets on `returns`: two log volatilities, an implied one, and the lagged returns."""

    def make(n: int = 900, *, horizon: int = 21, first: int = 100) -> TrainingSet:
        days = np.arange(first, first + n)
        lagged = np.stack([returns[days - lag] for lag in range(60)], axis=1)
        week = 0.5 * np.log(252 * np.mean(lagged[:, :5] ** 2, axis=1))
        month = 0.5 * np.log(252 * np.mean(lagged[:, :21] ** 2, axis=1))
        implied = month + 0.2 + 0.1 * np.random.default_rng(3).normal(size=n)
        paths = np.stack([returns[days + ahead] for ahead in range(1, horizon + 1)], axis=1)
        names = ("week", "month", "log_vix", *(f"daily_return_{lag}" for lag in range(60)))
        y = (paths.sum(axis=1) > 0).astype(float)
        X = np.column_stack([week, month, implied, lagged])
        training = bare(X, y, np.full(n, 1 / horizon), names, (0,) * len(names), 1, horizon)
        return replace(training, paths=paths, path_weights=training.weights)

    return make
