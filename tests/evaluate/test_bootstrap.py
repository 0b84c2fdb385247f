"""Bootstrap intervals: their arithmetic against repeated rows, and their coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap
from scipy import stats
from sklearn.metrics import roc_auc_score

from bullbear.evaluate.bootstrap import auc_interval, skill_interval
from bullbear.evaluate.scores import brier_skill, log_loss_skill
from bullbear.statistics.bootstrap import resample, widening


def _slow_draws(statistic, arrays, block, resamples, seed):
    rows = StationaryBootstrap(block, np.arange(len(arrays[0])), seed=seed)
    return np.array([statistic(*(a[index] for a in arrays)) for (index,), _ in rows.bootstrap(resamples)])


def _slow_ends(estimate, values, factor):
    return [estimate + factor * (np.quantile(values, q) - estimate) for q in (0.05, 0.95)]


@pytest.mark.parametrize("score", ["brier", "log_loss"])
def test_skill_interval_agrees_with_resampled_rows(market, score):
    made = market(300, np.random.default_rng(1), 0.05, 5)
    skill = brier_skill if score == "brier" else log_loss_skill
    arrays = (made.y, made.truth, made.climatology)
    got = skill_interval(*arrays, resample(300, 5, resamples=150, seed=3, mean_block=12), score=score)
    values = _slow_draws(skill, arrays, 12, 150, 3)
    assert got.estimate == pytest.approx(skill(*arrays), rel=1e-12)
    assert [got.low, got.high] == pytest.approx(_slow_ends(got.estimate, values, widening(300, 5, 12)), rel=1e-9)


def test_auc_interval_agrees_with_resampled_rows(market):
    made = market(300, np.random.default_rng(2), 0.05, 5)
    p = np.round(made.truth, 2)
    got = auc_interval(made.y, p, resample(300, 5, resamples=150, seed=4, mean_block=12))
    values = _slow_draws(roc_auc_score, (made.y, p), 12, 150, 4)
    assert got.estimate == pytest.approx(roc_auc_score(made.y, p), rel=1e-12)
    assert [got.low, got.high] == pytest.approx(_slow_ends(got.estimate, values, widening(300, 5, 12)), rel=1e-9)


def test_identical_forecasts_have_a_point_interval(market):
    made = market(400, np.random.default_rng(5), 0.05)
    got = skill_interval(made.y, made.climatology, made.climatology, resample(400, 21, resamples=50))
    assert (got.estimate, got.low, got.high) == (0, 0, 0)


def test_what_is_not_determined_is_missing():
    y, p = np.r_[np.ones(39), 0.0], np.full(40, 0.9)
    draws = resample(40, 2, resamples=200)
    only_ups = auc_interval(np.ones(40), p, draws)
    assert np.isnan([only_ups.estimate, only_ups.low, only_ups.high]).all()
    certain = skill_interval(y, np.r_[p[:39], 1.0], np.full(40, 0.8), draws, score="log_loss")
    assert certain.estimate == -np.inf
    assert np.isnan([certain.low, certain.high]).all()


def test_four_thousand_rows_take_a_couple_of_seconds(market):
    import time

    made = market(4000, np.random.default_rng(6), 0.03)
    resample(100, 1, resamples=1)
    start = time.process_time()
    draws = resample(4000, 21)
    skill_interval(made.y, made.truth, made.climatology, draws)
    auc_interval(made.y, made.truth, draws)
    assert draws.counts.shape == (2000, 4000)
    assert time.process_time() - start < 4


def _coverage(market, n, signal, runs, seed):
    """How often the 90 % interval holds the true skill, and how often it claims skill, for blurred true forecasts."""
    rng = np.random.default_rng(seed)

    def forecasts(length):
        made = market(length, rng, signal)
        bogus = market(length, rng, 0.03).truth
        return made, 0.7 * made.truth + 0.3 * bogus if signal else bogus

    scores = []
    for _ in range(60):
        made, p = forecasts(20_000)
        # The expected loss given the truth, so that the luck of outcomes does not blur the target.
        scores.append([np.mean((q - made.truth) ** 2 + made.truth * (1 - made.truth)) for q in (p, made.climatology)])
    model, climatology = np.mean(scores, axis=0)
    true = 1 - model / climatology
    held, claimed = [], []
    for run in range(runs):
        made, p = forecasts(n)
        got = skill_interval(made.y, p, made.climatology, resample(n, 21, resamples=300, seed=run))
        held.append(got.low <= true <= got.high)
        claimed.append(got.low > 0)
    return float(np.mean(held)), float(np.mean(claimed))


def test_coverage_under_overlap(market):
    held, _ = _coverage(market, 500, 0.04, 150, 21)
    assert stats.binom.ppf(0.001, 150, 0.87) / 150 <= held <= 0.98


def test_no_skill_is_claimed_for_noise(market):
    held, claimed = _coverage(market, 1000, 0.0, 150, 22)
    assert held >= stats.binom.ppf(0.001, 150, 0.87) / 150
    assert claimed <= 0.08


@pytest.mark.slow
@pytest.mark.parametrize("n", [200, 1000, 4000])
@pytest.mark.parametrize("signal", [0.0, 0.02, 0.05])
def test_coverage_at_length(market, n, signal):
    held, claimed = _coverage(market, n, signal, 500, n)
    assert 0.85 <= held <= 0.95
    assert signal > 0 or claimed <= 0.05
