"""What persists beyond the overlap of labels, against plain sums and simulated laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from bullbear.statistics import independent_number, rows_per_label, variance_inflation
from bullbear.statistics.overlap import sign_correlation
from bullbear.statistics.persistence import persistent_share


def labels(rng: np.random.Generator, n: int, strength: float, horizon: int = 21) -> np.ndarray:
    """Signs of overlapping sums whose drift follows an autoregression with a half-life of 63 sessions."""
    phi = 0.5 ** (1 / 63)
    tide = lfilter([1.0], [1.0, -phi], np.sqrt(1 - phi**2) * rng.normal(size=n + 1000))[1000 - horizon :]
    path = np.cumsum(strength * tide + rng.normal(size=n + horizon))
    return (path[horizon:] > path[:-horizon]).astype(float)


def test_the_share_and_its_error_by_plain_sums() -> None:
    y = labels(np.random.default_rng(4), 400, 0.1, 5)
    centred = y - y.mean()
    lags = range(5, 131)
    w = np.array([2.0 ** (-lag / 63) for lag in lags])
    r = np.array([sum(centred[i] * centred[i + lag] for i in range(400 - lag)) for lag in lags]) / (centred @ centred)
    c = dict(enumerate(sign_correlation(5)))
    pairs = {d: sum(c.get(abs(u), 0) * c.get(abs(u + d), 0) for u in range(-9, 10)) for d in range(-130, 131)}
    common = np.array([[pairs[b - a] for a in lags] for b in lags])
    share, error = persistent_share(y, 5)
    assert share == pytest.approx(w @ r / (w @ w), abs=1e-12)
    assert error == pytest.approx(np.sqrt(w @ common @ w / 400) / (w @ w), rel=1e-9)


def test_without_persistence_the_estimate_scatters_as_its_error_says() -> None:
    rng = np.random.default_rng(9)
    found = [persistent_share(labels(rng, 3000, 0.0), 21) for _ in range(300)]
    shares, errors = np.array(found).T
    assert np.ptp(errors) == 0.0
    assert shares.std() == pytest.approx(errors[0], rel=0.12)
    assert abs(shares.mean()) < 0.4 * errors[0]


@pytest.mark.parametrize(("strength", "low", "high"), [(0.0, 0.9, 1.9), (0.15, 0.6, 1.4)])
def test_the_inflation_is_about_that_of_the_share_of_ups(strength: float, low: float, high: float) -> None:
    rng = np.random.default_rng(10)
    drawn = [labels(rng, 4000, strength) for _ in range(250)]
    shares = np.array([y.mean() for y in drawn])
    real = shares.var() / (0.25 / float(independent_number(4000, 21)))
    mean = float(np.mean([variance_inflation(y, 21) for y in drawn]))
    assert low < mean / real < high


def test_what_cannot_be_told_is_not_called_certain() -> None:
    few = variance_inflation(np.array([1.0, 0.0, 1.0]), 21)
    assert few == variance_inflation(np.array([]), 21) == variance_inflation(np.ones(300), 21)
    assert few > variance_inflation(labels(np.random.default_rng(1), 4000, 0.0), 21) > 1.0
    assert persistent_share(np.ones(300), 21) == (0.0, math.inf)


def test_labels_that_alternate_leave_the_overlap_alone() -> None:
    # Far below zero there is next to nothing left of the posterior.
    seasons = np.tile(np.repeat([1.0, 0.0], 41), 100)
    share, error = persistent_share(seasons, 21)
    assert share < -10 * error
    assert 1.0 < variance_inflation(seasons, 21) < 1.05
    assert rows_per_label(1) == 1.0
