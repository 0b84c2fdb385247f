"""Calibration against hand computations, published Wilson intervals and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from scipy.special import expit, logit
from statsmodels.stats.sandwich_covariance import S_hac_simple

from bullbear.errors import HistoryError, InputError
from bullbear.evaluate.reliability import (
    calibration_line,
    calibration_table,
    calibration_test,
    ece,
    overconfidence_test,
)
from bullbear.statistics.proportions import wilson

Y = [1, 0, 1, 1, 0]
P = [0.8, 0.3, 0.6, 0.4, 0.7]


def test_table_by_hand():
    low, high = calibration_table(Y, P, bins=2)
    assert (low.n, high.n) == (2, 3)
    assert (low.mean_p, high.mean_p) == pytest.approx((0.35, 0.7))
    assert (low.share_up, high.share_up) == pytest.approx((0.5, 2 / 3))
    assert (high.low, high.high) == pytest.approx(wilson(2 / 3, 3))


def test_there_are_ten_bins_unless_it_is_said():
    y, p = Y * 20, np.linspace(0.2, 0.8, 100)
    assert [each.n for each in calibration_table(y, p)] == [10] * 10
    assert ece(y, p) == ece(y, p, bins=10) != ece(y, p, bins=9)


def test_fewer_effective_rows_widen_the_table():
    plain, overlapping = calibration_table(Y, P, bins=2), calibration_table(Y, P, bins=2, n_effective=2.5)
    assert (overlapping[1].low, overlapping[1].high) == pytest.approx(wilson(2 / 3, 1.5))
    assert overlapping[0].high > plain[0].high


def test_ece_by_hand():
    # bins of 2 and 3 with gaps 0.15 and 0.7 - 2/3
    assert ece(Y, P, bins=2) == pytest.approx((2 * 0.15 + 3 * (0.7 - 2 / 3)) / 5, abs=1e-15)
    # one bin: mean p 0.56 against 3 of 5
    assert ece(Y, P, bins=1) == pytest.approx(0.04, abs=1e-15)


@pytest.mark.parametrize("scale", [1.0, 0.02])
def test_line_agrees_with_statsmodels(scale):
    rng = np.random.default_rng(8)
    p = expit(0.4 + scale * rng.standard_normal(900))
    y = (rng.random(900) < expit(0.2 + 0.6 * logit(p))).astype(float)
    fit = sm.Logit(y, sm.add_constant(logit(p))).fit(disp=0, tol=1e-12)
    line = calibration_line(y, p)
    assert (line.intercept, line.slope) == pytest.approx(tuple(fit.params), rel=1e-6)


def test_line_recovers_overconfidence():
    rng = np.random.default_rng(9)
    truth = rng.standard_normal(60_000)
    y = (rng.random(60_000) < expit(0.3 + truth)).astype(float)
    line = calibration_line(y, expit(2.0 * truth))
    assert (line.slope, line.intercept) == pytest.approx((0.5, 0.3), abs=0.03)


@pytest.mark.parametrize(
    ("y", "p"),
    [
        ([1, 1, 1], [0.4, 0.5, 0.6]),
        ([0, 1, 0], [0.5, 0.5, 0.5]),
        ([0, 1, 0, 1], [0.0, 0.5, 0.6, 0.7]),
        ([0, 0, 1, 1], [0.3, 0.4, 0.5, 0.6]),
        ([1, 1, 0, 0], [0.3, 0.4, 0.4, 0.6]),
    ],
)
def test_an_undetermined_line_is_missing(y, p):
    line = calibration_line(y, p)
    assert np.isnan(line.slope)
    assert np.isnan(line.intercept)


def test_refusals():
    with pytest.raises(InputError, match=r"p\[0\]: got -0.1"):
        ece([1, 0], [-0.1, 0.5])


def test_the_calibration_test_is_a_hac_wald_test_of_two_means(market):
    made = market(600, np.random.default_rng(4), 0.06)
    y, p = made.y, made.truth
    found = calibration_test(y, p, 21, lag=30)
    z = logit(p)
    design = np.column_stack([np.ones(600), (z - z.mean()) / z.std()])
    scores = (y - p)[:, None] * design
    wald = np.linalg.multi_dot([
        scores.mean(axis=0),
        np.linalg.inv(S_hac_simple(scores - scores.mean(axis=0), nlags=30) / 600),
        scores.mean(axis=0),
    ]) * 600  # fmt: skip
    freedom = 1.5 * 600 / 30
    assert found.statistic == pytest.approx(wald, rel=1e-9)
    assert found.p_value == pytest.approx(stats.f.sf(wald * (freedom - 1) / (2 * freedom), 2, freedom - 1), rel=1e-9)


def test_true_probabilities_are_seldom_refused_and_bold_ones_often(market):
    true, bold = [], []
    for seed in range(120):
        made = market(1500, np.random.default_rng([seed, 5]), 0.04)
        true.append(calibration_test(made.y, made.truth, 21).p_value)
        bold.append(calibration_test(made.y, expit(5 * logit(made.truth)), 21).p_value)
    assert np.mean(np.array(true) < 0.05) <= 0.12  # 6 of 120 expected
    assert np.mean(np.array(true) < 0.01) <= 0.05
    assert np.mean(np.array(bold) < 0.01) > 0.6


def test_a_constant_has_one_moment():
    y = np.tile([1.0, 0.0, 1.0, 1.0, 0.0], 20)
    assert calibration_test(y, np.full(100, 0.6), 1).p_value == pytest.approx(1.0)
    found = calibration_test(np.random.default_rng(1).integers(0, 2, 400), np.full(400, 0.9), 1)
    assert (found.moments, found.p_value < 1e-6) == (1, True)


@pytest.mark.parametrize(
    ("n", "lag", "kind", "words"),
    [
        (83, None, HistoryError, r"y: got '83 resolved rows'; allowed: at least 84"),
        (100, 20, InputError, r"lag: got 20; allowed: 21 \(the horizon\) to 99"),
    ],
)
def test_too_little_for_a_calibration_test_is_refused(n, lag, kind, words):
    with pytest.raises(kind, match=words):
        calibration_test(np.arange(n) % 2, np.full(n, 0.5), 21, lag=lag)


def test_overconfidence_is_a_one_sided_hac_regression_on_a_constant(market):
    made = market(600, np.random.default_rng(4), 0.06)
    y, p, c = made.y, made.truth, made.climatology
    found = overconfidence_test(y, p, c, 21, lag=30)
    fit = sm.OLS((y - p) * (logit(p) - logit(c)), np.ones(600)).fit(cov_type="HAC", cov_kwds={"maxlags": 30})
    assert found.statistic == pytest.approx(fit.tvalues[0], rel=1e-9)
    assert found.p_value == pytest.approx(stats.t.cdf(fit.tvalues[0], 30), rel=1e-9)


def test_bold_forecasts_are_refused_and_true_or_shy_ones_are_not(market):
    found = {1.0: [], 4.0: [], 0.3: []}
    for seed in range(120):
        made = market(1500, np.random.default_rng([seed, 5]), 0.04)
        base = logit(made.climatology)
        for stretch, p_values in found.items():
            p = expit(base + stretch * (logit(made.truth) - base))
            p_values.append(overconfidence_test(made.y, p, made.climatology, 21).p_value)
    shares = {stretch: np.mean(np.array(p_values) < 0.05) for stretch, p_values in found.items()}
    assert shares[1.0] <= 0.12  # 6 of 120 expected
    assert shares[0.3] <= 0.03
    assert shares[4.0] > 0.6


def test_who_says_the_base_rate_is_not_overconfident():
    assert overconfidence_test(np.arange(100) % 2, np.full(100, 0.4), np.full(100, 0.4), 21).p_value == 0.5
