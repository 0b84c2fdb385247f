"""Scores against hand computations, scikit-learn and what must always hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from bullbear.errors import InputError
from bullbear.evaluate.decomposition import decompose, equal_mass_bins
from bullbear.evaluate.scores import brier, brier_skill, log_loss, log_loss_skill, losses, weighted_auc

Y = [1, 0, 1, 1, 0]
P = [0.8, 0.3, 0.6, 0.4, 0.7]
REFERENCE = [0.5, 0.6, 0.5, 0.6, 0.7]


def auc(y, p) -> float:
    y, p = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
    return float(weighted_auc(y, p, np.ones((1, len(y))))[0])


@pytest.fixture
def wide() -> tuple[np.ndarray, np.ndarray]:
    """A few hundred forecasts with many ties."""
    rng = np.random.default_rng(3)
    p = np.round(rng.uniform(0.05, 0.95, 400), 1)
    return (rng.random(400) < p).astype(float), p


def test_brier_by_hand():
    # (0.04 + 0.09 + 0.16 + 0.36 + 0.49) / 5
    assert brier(Y, P) == pytest.approx(0.228, abs=1e-15)


def test_log_loss_by_hand():
    # 0.8 * 0.7 * 0.6 * 0.4 * 0.3 = 0.04032, whose logarithm is -3.2109077
    assert log_loss(Y, P) == pytest.approx(3.2109077 / 5, abs=1e-7)


def test_brier_skill_by_hand():
    # the reference scores (0.25 + 0.36 + 0.25 + 0.16 + 0.49) / 5 = 0.302
    assert brier_skill(Y, P, REFERENCE) == pytest.approx(1 - 0.228 / 0.302, abs=1e-15)


def test_log_loss_skill_by_hand():
    # the reference: 0.5 * 0.4 * 0.5 * 0.6 * 0.3 = 0.018, whose logarithm is -4.0173835
    assert log_loss_skill(Y, P, REFERENCE) == pytest.approx(1 - 3.2109077 / 4.0173835, abs=1e-7)


def test_auc_by_hand_with_a_tie():
    # ups 0.8 0.6 0.4 against downs 0.3 0.6: 2 + 1.5 + 1 of 6 pairs
    assert auc([1, 0, 1, 1, 0], [0.8, 0.3, 0.6, 0.4, 0.6]) == pytest.approx(4.5 / 6, abs=1e-15)


def test_scores_agree_with_scikit_learn(wide):
    y, p = wide
    assert brier(y, p) == pytest.approx(metrics.brier_score_loss(y, p), rel=1e-12)
    assert log_loss(y, p) == pytest.approx(metrics.log_loss(y, p), rel=1e-12)
    assert auc(y, p) == pytest.approx(metrics.roc_auc_score(y, p), rel=1e-12)


def test_weighted_auc_agrees_with_repeated_rows(wide):
    y, p = wide
    counts = np.random.default_rng(1).integers(0, 4, (3, len(y)))
    got = weighted_auc(y, p, counts.astype(float))
    for weights, value in zip(counts, got, strict=True):
        repeated = metrics.roc_auc_score(np.repeat(y, weights), np.repeat(p, weights))
        assert value == pytest.approx(repeated, rel=1e-12)


def test_weighted_auc_of_one_outcome_is_missing():
    assert np.isnan(weighted_auc(np.array([1.0, 0.0]), np.array([0.6, 0.4]), np.array([[2.0, 0.0]])))[0]


def test_a_failed_certainty_costs_infinity():
    assert log_loss([1, 0], [0.0, 0.4]) == np.inf
    assert log_loss_skill([1, 0], [0.0, 0.4], [0.5, 0.5]) == -np.inf
    assert log_loss([1, 0], [1.0, 0.0]) == 0.0


def test_decomposition_by_hand():
    # bins {0.3, 0.4} with shares 1/2 and {0.6, 0.7, 0.8} with 2/3; mean p 0.35 and 0.7; 3 of 5 up
    parts = decompose(Y, P, bins=2)
    assert parts.reliability == pytest.approx((2 * 0.15**2 + 3 * (0.7 - 2 / 3) ** 2) / 5, abs=1e-15)
    assert parts.resolution == pytest.approx((2 * 0.1**2 + 3 * (2 / 3 - 0.6) ** 2) / 5, abs=1e-15)
    assert parts.uncertainty == pytest.approx(0.24, abs=1e-15)
    assert parts.within_bin_variance == pytest.approx((2 * 0.05**2 + 2 * 0.1**2) / 5, abs=1e-15)
    # 0.3 fell and 0.4 rose: 0.025 + 0.025; 0.6 and 0.8 rose, 0.7 fell: 1/3 of -0.1 + 0.1, and 0 = 0
    assert parts.within_bin_covariance == pytest.approx(2 * 0.05 / 5, abs=1e-15)
    assert parts.brier == pytest.approx(0.228, abs=1e-15)


def test_bins_have_equal_mass_and_keep_ties_together():
    assert equal_mass_bins(np.arange(10.0), 5).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert equal_mass_bins(np.array([0.6, 0.2, 0.6, 0.6, 0.9]), 5).tolist() == [1, 0, 1, 1, 2]
    assert equal_mass_bins(np.full(7, 0.5), 10).tolist() == [0] * 7


pairs = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=60)


@given(pairs, st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_decomposition_always_adds_up(rows, bins):
    y, p = np.array(rows, dtype=float).T
    parts = decompose(y, p, bins)
    assert parts.brier == pytest.approx(brier(y, p), abs=1e-12)
    assert 0 <= brier(y, p) <= 1
    assert min(parts.reliability, parts.resolution, parts.uncertainty, parts.within_bin_variance) >= 0


@given(pairs, st.randoms())
@settings(max_examples=100, deadline=None)
def test_auc_ignores_order_and_turns_with_the_outcome(rows, random):
    y, p = np.array(rows, dtype=float).T
    if y.min() == y.max():
        return
    shuffled = list(range(len(y)))
    random.shuffle(shuffled)
    assert auc(y[shuffled], p[shuffled]) == pytest.approx(auc(y, p), abs=1e-12)
    assert auc(1 - y, p) == pytest.approx(1 - auc(y, p), abs=1e-12)


@given(pairs)
@settings(max_examples=100, deadline=None)
def test_a_reference_has_no_skill_against_itself(rows):
    y, p = np.array(rows, dtype=float).T
    if brier(y, p) > 0:
        assert brier_skill(y, p, p) == 0


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([1, 0], [0.5, np.nan], r"p\[1\]: got nan; .*finite.*drop unresolved"),
        ([np.nan, 0], [0.5, 0.5], r"y\[0\]: got nan; .*finite"),
        ([1, 2], [0.5, 0.5], r"y\[1\]: got 2.0; allowed: 0 or 1"),
        ([1, 0], [0.5, 55.0], r"p\[1\]: got 55.0; .*\[0, 1\]; .*not per cent"),
        ([1, 0], [0.5], r"p: got '1 values'; allowed: 2 values"),
        ([], [], r"y: got 'shape \(0,\)'"),
        ([[1, 0]], [0.5, 0.5], r"y: got 'shape \(1, 2\)'"),
    ],
)
@pytest.mark.parametrize("score", [brier, log_loss])
def test_bad_rows_are_refused(score, y, p, message):
    with pytest.raises(InputError, match=message):
        score(y, p)


def test_other_refusals():
    with pytest.raises(InputError, match=r"reference: got 'a brier of 0\.0'"):
        brier_skill([1, 0], [0.5, 0.5], [1.0, 0.0])
    with pytest.raises(InputError, match="reference: got 'a log_loss of inf'"):
        log_loss_skill([1, 0], [0.5, 0.5], [0.0, 0.5])
    with pytest.raises(InputError, match="bins: got 0"):
        decompose([1, 0], [0.5, 0.4], bins=0)
    with pytest.raises(InputError, match="score: got 'crps'; allowed: brier or log_loss"):
        losses([1], [0.5], "crps")
