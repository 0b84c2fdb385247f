"""One-sided bounds of gains: by hand, and as often above the truth as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from bullbear.errors import HistoryError, InputError
from bullbear.evaluate.significance import diebold_mariano, lower_bound
from bullbear.statistics.long_run import default_lag, long_run_variance


def test_by_hand() -> None:
    y, p, rival = [1, 0, 1, 1, 0, 1] * 5, [0.7, 0.4, 0.6, 0.8, 0.6, 0.7] * 5, [0.6, 0.5, 0.6, 0.6, 0.5, 0.7] * 5
    difference = (np.array(rival) - y) ** 2 - (np.array(p) - y) ** 2
    lag = default_lag(30, 2)
    spread = np.sqrt(long_run_variance(difference, lag) / 30) / np.sqrt((30 + 1 - 4 + 2 / 30) / 30)
    got = lower_bound(y, p, rival, 2, error=0.05)
    assert got.gain == pytest.approx(difference.mean())
    assert got.low == pytest.approx(difference.mean() - student.ppf(0.95, min(29, 45 / lag)) * spread)
    assert got.skill == pytest.approx(difference.mean() / np.mean((np.array(rival) - y) ** 2))
    assert got.skill_low == pytest.approx(got.low * got.skill / got.gain)


@pytest.mark.parametrize("score", ["brier", "log_loss"])
def test_it_is_the_one_sided_test_of_diebold_and_mariano(score: str) -> None:
    rng = np.random.default_rng(4)
    y, p, rival = (rng.random(400) < 0.6).astype(float), rng.uniform(0.4, 0.8, 400), np.full(400, 0.6)
    test = diebold_mariano(y, p, rival, 5, score=score)
    got = lower_bound(y, p, rival, 5, score=score)
    assert min(got.p_value, 1 - got.p_value) == pytest.approx(test.p_value / 2)
    at = lower_bound(y, p, rival, 5, score=score, error=min(got.p_value, 1 - got.p_value))
    assert min(abs(at.low), abs(2 * at.gain - at.low)) < 1e-12  # the bound that touches 0 is at the p-value


def test_a_smaller_error_gives_a_lower_bound() -> None:
    y, p = [1, 0, 1, 1, 0, 1] * 5, [0.7, 0.4, 0.6, 0.8, 0.6, 0.7] * 5
    bounds = [lower_bound(y, p, [0.6] * 30, 2, error=error).low for error in (0.2, 0.1, 0.01)]
    assert bounds == sorted(bounds, reverse=True)


def test_equal_losses_give_no_bound_above_zero() -> None:
    got = lower_bound([1, 0] * 20, [0.6] * 40, [0.6] * 40, 1)
    assert (got.gain, got.low, got.p_value, got.skill, got.skill_low) == (0, 0, 1, 0, 0)


@pytest.mark.parametrize(("p", "p_value"), [(0.75, 0.0), (0.25, 1.0)])
def test_a_gain_that_never_varies_is_certain(p: float, p_value: float) -> None:
    got = lower_bound([1] * 40, [p] * 40, [0.5] * 40, 1)
    assert got.low == got.gain
    assert got.p_value == p_value


def test_against_a_perfect_rival_skill_is_undetermined() -> None:
    y = [1, 0] * 20
    got = lower_bound(y, [0.6] * 40, y, 1)
    assert got.gain == pytest.approx(-(0.16 + 0.36) / 2)
    assert np.isnan([got.skill, got.skill_low]).all()


def test_a_failed_certainty_is_never_above_a_bound() -> None:
    got = lower_bound([1, 0] * 20, [0.6] * 39 + [1.0], [0.6] * 40, 1, score="log_loss")
    assert (got.low, got.p_value, got.skill) == (-np.inf, 1, -np.inf)


def test_the_bound_lies_above_the_truth_as_often_as_it_says(market) -> None:
    rng, above = np.random.default_rng(8), []
    for _ in range(200):
        made = market(1500, rng, 0.0)
        bogus = market(1500, rng, 0.04)
        p = made.climatology + bogus.truth - bogus.climatology
        # On average the losses differ by (p - truth)^2, whatever came.
        true_gain = -np.mean((p - made.truth) ** 2)
        above.append(lower_bound(made.y, p, made.climatology, 21).low > true_gain)
    assert 0.05 <= np.mean(above) <= 0.15


def test_refusals() -> None:
    for error in (0.0, 0.5):
        with pytest.raises(InputError, match=rf"error: got {error}; allowed: between 0 and 0\.5"):
            lower_bound([1] * 40, [0.5] * 40, [0.5] * 40, 1, error=error)
    with pytest.raises(HistoryError, match=r"y: got '39 resolved rows'; allowed: at least 40"):
        lower_bound([1] * 39, [0.5] * 39, [0.5] * 39, 10)
