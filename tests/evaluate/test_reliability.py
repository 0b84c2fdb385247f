"""Calibration against hand computations, published Wilson intervals and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit

from bullbear.errors import InputError
from bullbear.evaluate.reliability import calibration_line, calibration_table, ece
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
