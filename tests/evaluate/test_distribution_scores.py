"""Pinball loss and CRPS against closed forms, slow integrals and scikit-learn; climatology sees the past alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import norm
from sklearn.metrics import mean_pinball_loss

from bullbear.errors import InputError
from bullbear.evaluate.distribution_scores import (
    climatological_mean,
    climatological_quantiles,
    crps,
    pinball_losses,
)


def test_crps_of_a_normal_is_its_closed_form() -> None:
    # Gneiting & Raftery (2007), equation 21: sigma (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi))
    levels = (np.arange(4000) + 0.5) / 4000
    y, mean, sigma = np.array([0.3, -2.0, 5.0]), np.array([0.0, 0.5, 1.0]), np.array([1.0, 2.0, 0.5])
    z = (y - mean) / sigma
    exact = sigma * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    got = crps(y, mean[:, None] + sigma[:, None] * ndtri(levels), levels)
    np.testing.assert_allclose(got, exact, rtol=1e-4)


@given(
    st.floats(-3, 3),
    st.lists(st.floats(-2, 2), min_size=1, max_size=5),
    st.lists(st.integers(1, 99), min_size=5, max_size=5, unique=True),
)
@example(y=-1.5, quantiles=[0.0, 2.220446049250313e-16], percents=[1, 2, 3, 4, 5])  # quantiles that nearly coincide
def test_crps_is_the_integral_over_the_distribution_function_and_over_the_levels(
    y: float, quantiles: list[float], percents: list[int]
) -> None:
    q, levels = np.sort(quantiles), np.sort(percents)[: len(quantiles)] / 100
    got = crps([y], [q], levels).item()
    tau = (np.arange(20_000) + 0.5) / 20_000
    over_levels = 2 * pinball_losses([y], [np.interp(tau, levels, q)], tau).mean()
    assert got == pytest.approx(over_levels, abs=2e-4)
    x = np.linspace(-4, 4, 40_001)
    distinct = np.append(np.diff(q) > 0, True)  # the distribution function jumps to the last of equal quantiles
    below = np.interp(x, q[distinct], levels[distinct], left=0.0, right=1.0)
    if distinct.all():
        below = np.where(x < q[0], 0.0, np.where(x >= q[-1], 1.0, below))
        over_returns = ((below - (y <= x)) ** 2).sum() * (x[1] - x[0])
        assert got == pytest.approx(over_returns, abs=2e-3)


def test_pinball_loss_is_scikit_learns() -> None:
    random = np.random.default_rng(5)
    y, q, levels = random.normal(size=200), np.sort(random.normal(size=(200, 3)), axis=1), [0.1, 0.5, 0.8]
    got = pinball_losses(y, q, levels).mean(axis=0)
    expected = [mean_pinball_loss(y, q[:, place], alpha=level) for place, level in enumerate(levels)]
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_the_true_distribution_scores_best() -> None:
    random = np.random.default_rng(6)
    levels = np.arange(1, 20) / 20
    y = random.standard_normal(20_000)
    scores = {
        (mean, sigma): crps(y, np.tile(mean + sigma * ndtri(levels), (len(y), 1)), levels).mean()
        for mean in (-0.2, 0.0, 0.2)
        for sigma in (0.8, 1.0, 1.25)
    }
    assert min(scores, key=lambda each: scores[each]) == (0.0, 1.0)


def test_climatology_is_numpys_quantile_of_what_had_resolved() -> None:
    random = np.random.default_rng(7)
    days = pd.date_range("2020-01-01", periods=80, freq="B", tz="UTC")
    y = random.normal(size=80)
    y[10] = np.nan
    resolved, decided, levels = days + pd.Timedelta(days=30), days, [0.05, 0.5, 0.9]
    got = climatological_quantiles(y, resolved, decided, levels, fewest=3)
    means = climatological_mean(y, resolved, decided, fewest=3)
    for row, day in enumerate(decided):
        known = y[(resolved <= day) & ~np.isnan(y)]
        if len(known) < 3:
            assert np.isnan(got[row]).all()
            assert np.isnan(means[row])
        else:
            np.testing.assert_allclose(got[row], np.quantile(known, levels), rtol=1e-12)
            assert means[row] == pytest.approx(known.mean(), rel=1e-12)
    later = y.copy()
    later[40:] = 1e6  # known from row 62 on
    changed = climatological_quantiles(later, resolved, decided, levels, fewest=3)
    first = int(np.flatnonzero(decided >= resolved[40])[0])
    np.testing.assert_array_equal(changed[:first], got[:first])
    assert (changed[first, -1] != got[first, -1]).all()


@pytest.mark.parametrize(
    ("y", "quantiles", "levels", "message"),
    [
        ([0.0], [[1.0, 2.0]], [0.5], r"quantiles: got 'shape \(1, 2\)'; allowed: shape \(1, 1\)"),
        ([0.0], [[2.0, 1.0]], [0.1, 0.5], r"quantiles\[0\]: got \[2.0, 1.0\]; allowed: numbers that do not decrease"),
        ([0.0, np.nan], [[1.0], [2.0]], [0.5], r"y\[1\]: got 'a missing number'"),
        ([0.0], [[np.inf]], [0.5], r"quantiles\[0\]: got 'a missing number'"),
        ([0.0], [[1.0]], [5.0], r"levels: got \[5.0\]; allowed: increasing fractions between 0 and 1"),
        ([], np.empty((0, 1)), [0.5], "y: .*filled one-dimensional array"),
    ],
)
def test_what_is_refused(y: list[float], quantiles: list[list[float]], levels: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        crps(y, quantiles, levels)


def test_decisions_out_of_order_are_refused() -> None:
    with pytest.raises(InputError, match=r"decided_at: .*order of time"):
        climatological_quantiles([1.0], np.array([0]), np.array([2, 1]), [0.5])
    with pytest.raises(InputError, match=r"resolved_at: got 'shape \(2,\)'; allowed: shape \(1,\)"):
        climatological_mean([1.0], np.array([0, 1]), np.array([2]))
