"""Tests of significance and bounds of gains against slow loops, statsmodels, and their own size on noise."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.tsa.stattools import diebold_mariano_test

from bullbear.errors import HistoryError, InputError
from bullbear.evaluate.scores import losses
from bullbear.evaluate.significance import (
    clark_west,
    diebold_mariano,
    lower_bound,
)
from bullbear.statistics.long_run import default_lag, long_run_variance


@pytest.fixture
def rivals(market) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """600 overlapping outcomes, a sharp forecast and a dull one."""
    made = market(600, np.random.default_rng(4), 0.06)
    return made.y, made.truth, made.climatology


def _slow_variance(x, lag):
    n, mean, total = len(x), sum(x) / len(x), 0.0
    for i in range(n):
        for j in range(n):
            if abs(i - j) <= lag:
                total += (1 - abs(i - j) / (lag + 1)) * (x[i] - mean) * (x[j] - mean)
    return total / n


@pytest.mark.parametrize(("horizon", "lag"), [(1, 1), (5, 5), (21, 30)])
def test_diebold_mariano_agrees_with_statsmodels(rivals, horizon, lag):
    y, p, reference = rivals
    oracle = diebold_mariano_test(y, reference, p, lags=lag, harvey_adj=True, horizon=horizon)
    test = diebold_mariano(y, p, reference, horizon, lag=lag)
    assert test.statistic == pytest.approx(oracle.statistic, rel=1e-9)
    freedom = min(len(y) - 1, 1.5 * len(y) / lag)
    assert test.p_value == pytest.approx(2 * stats.t.sf(abs(oracle.statistic), freedom), rel=1e-9)


@pytest.mark.parametrize("score", ["brier", "log_loss"])
def test_diebold_mariano_is_a_hac_regression_on_a_constant(rivals, score):
    y, p, reference = rivals
    gain = losses(y, reference, score) - losses(y, p, score)
    fit = sm.OLS(gain, np.ones(len(y))).fit(cov_type="HAC", cov_kwds={"maxlags": 21})
    n, h = len(y), 21
    test = diebold_mariano(y, p, reference, 21, score=score, lag=21)
    assert test.gain == pytest.approx(gain.mean(), rel=1e-12)
    assert test.statistic == pytest.approx(fit.tvalues[0] * np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n), rel=1e-9)


def test_diebold_mariano_by_hand():
    # squared errors 0.16 0.36 0.16 0.16 0.36 0.16 less 0.09 0.16 0.16 0.04 0.36 0.09
    y, p = [1, 0, 1, 1, 0, 1], [0.7, 0.4, 0.6, 0.8, 0.6, 0.7]
    d = np.array([0.07, 0.2, 0.0, 0.12, 0.0, 0.07])
    variance = _slow_variance(d.tolist(), 1)
    test = diebold_mariano(y, p, [0.6] * 6, horizon=1, lag=1)
    assert test.gain == pytest.approx(0.46 / 6, abs=1e-12)
    assert test.statistic == pytest.approx(0.46 / 6 / np.sqrt(variance / 6) * np.sqrt(5 / 6), rel=1e-9)
    assert test.degrees_of_freedom == 5


def test_diebold_mariano_turns_with_the_rivals(rivals):
    y, p, reference = rivals
    one, other = diebold_mariano(y, p, reference, 21), diebold_mariano(y, reference, p, 21)
    assert (one.statistic, one.p_value) == pytest.approx((-other.statistic, other.p_value))


def test_rivals_that_never_differ_are_equal(rivals):
    y, p, _ = rivals
    test = diebold_mariano(y, p, p, 21)
    assert (test.statistic, test.p_value) == (0.0, 1.0)


def test_clark_west_by_hand():
    # f = d + (reference - p)^2 = 0.08 0.24 0 0.16 0 0.08
    y, p = [1, 0, 1, 1, 0, 1], [0.7, 0.4, 0.6, 0.8, 0.6, 0.7]
    f = [0.08, 0.24, 0.0, 0.16, 0.0, 0.08]
    test = clark_west(y, p, [0.6] * 6, horizon=1, lag=1)
    statistic = (0.56 / 6) / np.sqrt(_slow_variance(f, 1) / 6)
    assert test.gain == pytest.approx(0.56 / 6, abs=1e-12)
    assert test.statistic == pytest.approx(statistic, rel=1e-9)
    assert test.p_value == pytest.approx(stats.t.sf(statistic, 5), rel=1e-9)


def test_clark_west_forgives_the_noise_of_estimation(market):
    # An informed but overconfident forecast loses on Brier score and still carries information.
    made = market(4000, np.random.default_rng(6), 0.06)
    bold = np.clip(0.5 + 2.5 * (made.truth - 0.5), 0.01, 0.99)
    assert diebold_mariano(made.y, bold, made.climatology, 21).gain < 0
    assert clark_west(made.y, bold, made.climatology, 21).p_value < 0.01


@pytest.mark.parametrize("horizon", [1, 21])
def test_size_of_diebold_mariano_under_the_null(market, horizon):
    # Two equally bad forecasts of a market without signal; 400 tests at 10 % with a standard error of 1.5 %.
    rng = np.random.default_rng(11)
    p_values = []
    for _ in range(400):
        y = market(1000, rng, 0.0, horizon).y
        one, other = (market(1000, rng, 0.04, horizon).truth for _ in range(2))
        p_values.append(diebold_mariano(y, one, other, horizon).p_value)
    assert 0.05 < np.mean(np.array(p_values) < 0.10) < 0.16


def test_a_plain_t_test_would_find_skill_in_noise(market):
    # Why all this: the same null with the overlap ignored rejects several times too often.
    rng = np.random.default_rng(12)
    rejected = []
    for _ in range(200):
        y = market(1000, rng, 0.0).y
        one, other = (market(1000, rng, 0.04).truth for _ in range(2))
        rejected.append(stats.ttest_1samp((y - one) ** 2 - (y - other) ** 2, 0).pvalue < 0.10)
    assert np.mean(rejected) > 0.5


def test_size_of_clark_west_under_the_null(market):
    rng = np.random.default_rng(13)
    p_values = []
    for _ in range(400):
        made, bogus = market(1500, rng, 0.0), market(1500, rng, 0.04)
        p_values.append(clark_west(made.y, bogus.truth, made.climatology, 21).p_value)
    assert 0.05 < np.mean(np.array(p_values) < 0.10) < 0.17


def test_refusals(rivals):
    y, p, reference = rivals
    with pytest.raises(InputError, match=r"lag: got 20; allowed: 21 \(the horizon\) to 599"):
        diebold_mariano(y, p, reference, 21, lag=20)
    with pytest.raises(HistoryError, match=r"y: got '41 rows'; allowed: at least 42"):
        clark_west(y[:41], p[:41], reference[:41], 21)
    with pytest.raises(InputError, match=r"log_loss\[1\]: got -inf; .*probabilities of 0 and 1"):
        diebold_mariano([1, 0, 1], [0.5, 1.0, 0.5], [0.6, 0.5, 0.5], 1, score="log_loss")
    with pytest.raises(InputError, match="horizon: got 0"):
        diebold_mariano(y, p, reference, 0)
    with pytest.raises(HistoryError, match=r"y: got '2 rows'; allowed: at least 3"):
        clark_west([1, 0], [0.5, 0.5], [0.6, 0.5], 1)
    assert clark_west([1, 0, 1], [0.7, 0.4, 0.6], [0.6, 0.5, 0.5], 1).lag == 2
    with pytest.raises(InputError, match="reference: got '599 values'"):
        clark_west(y, p, reference[1:], 21)
    with pytest.raises(InputError, match="reference: got '599 values'; allowed: 600 values"):
        diebold_mariano(y, p, reference[1:], 21)


def test_a_bound_by_hand() -> None:
    y, p, rival = [1, 0, 1, 1, 0, 1] * 5, [0.7, 0.4, 0.6, 0.8, 0.6, 0.7] * 5, [0.6, 0.5, 0.6, 0.6, 0.5, 0.7] * 5
    difference = (np.array(rival) - y) ** 2 - (np.array(p) - y) ** 2
    lag = default_lag(30, 2)
    spread = np.sqrt(long_run_variance(difference, lag) / 30) / np.sqrt((30 + 1 - 4 + 2 / 30) / 30)
    got = lower_bound(y, p, rival, 2, error=0.05)
    assert got.gain == pytest.approx(difference.mean())
    assert got.low == pytest.approx(difference.mean() - stats.t.ppf(0.95, min(29, 45 / lag)) * spread)
    assert got.skill == pytest.approx(difference.mean() / np.mean((np.array(rival) - y) ** 2))
    assert got.skill_low == pytest.approx(got.low * got.skill / got.gain)


@pytest.mark.parametrize("score", ["brier", "log_loss"])
def test_a_bound_is_the_one_sided_test_of_diebold_and_mariano(score: str) -> None:
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


def test_a_bound_is_refused() -> None:
    for error in (0.0, 0.5):
        with pytest.raises(InputError, match=rf"error: got {error}; allowed: between 0 and 0\.5"):
            lower_bound([1] * 40, [0.5] * 40, [0.5] * 40, 1, error=error)
    with pytest.raises(HistoryError, match=r"y: got '39 resolved rows'; allowed: at least 40"):
        lower_bound([1] * 39, [0.5] * 39, [0.5] * 39, 10)
