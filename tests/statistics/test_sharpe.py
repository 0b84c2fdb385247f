"""Sharpe ratios against the worked numbers of the two papers, and against simulated trials."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.errors import InputError
from bullbear.statistics.sharpe import (
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
)

FAT = {"skewness": -3.0, "kurtosis": 10.0}


@pytest.mark.parametrize(("trials", "shape", "published"), [(100, FAT, 0.9004), (46, FAT, 0.9505), (88, {}, 0.9505)])
def test_the_deflated_ratio_is_that_of_the_paper(trials, shape, published):
    # Bailey and Lopez de Prado (2014): an annual ratio of 2.5, five years of 250 days, V = 1/2 a year
    found = deflated_sharpe(2.5 / 250**0.5, 1250, trials=trials, variance=0.5 / 250, **shape)
    assert round(found, 4) == published


def test_the_expected_maximum_is_that_of_the_paper():
    assert round(expected_maximum_sharpe(100, 0.5 / 250), 4) == 0.1132


@pytest.mark.parametrize("trials", [5, 20, 200])
def test_the_expected_maximum_is_that_of_simulated_trials(trials):
    best = np.random.default_rng(8).normal(0, 0.3, (20_000, trials)).max(axis=1)
    assert expected_maximum_sharpe(trials, 0.09) == pytest.approx(best.mean(), rel=0.03)


@pytest.mark.parametrize(
    ("periods", "shape", "years"),
    [(250, {}, 2.73), (52, {}, 2.83), (12, {}, 3.24), (12, {"skewness": -0.72, "kurtosis": 5.78}, 4.99)],
)
def test_the_minimum_track_record_is_that_of_the_paper(periods, shape, years):
    # Bailey and Lopez de Prado (2012): an annual ratio of 2 against one of 1, at 95 %
    found = minimum_track_record(2 / periods**0.5, benchmark=1 / periods**0.5, **shape)
    assert round(found / periods, 2) == years


def test_the_probabilistic_ratio_is_the_share_of_simulated_records_below_it():
    rng, n, true = np.random.default_rng(3), 120, 0.2
    returns = rng.gamma(2.0, 1.0, (20_000, n))  # skewness 2 / sqrt(2), kurtosis 6 / 2 + 3
    returns = (returns - 2.0) / math.sqrt(2.0) + true
    found = returns.mean(axis=1) / returns.std(axis=1, ddof=1)
    for level in (0.1, 0.5, 0.9):
        seen = float(np.quantile(found, level))
        assert probabilistic_sharpe(seen, n, benchmark=true, skewness=2**0.5, kurtosis=6.0) == pytest.approx(
            level, abs=0.04
        )


@given(st.floats(0.01, 0.5), st.floats(0.0, 0.009), st.floats(-2.0, 2.0), st.floats(0.0, 5.0))
def test_a_record_of_the_minimum_length_has_just_the_confidence(sharpe, benchmark, skewness, more):
    shape = {"skewness": skewness, "kurtosis": 1.0 + skewness**2 + more + 0.5}
    n = minimum_track_record(sharpe, benchmark=benchmark, confidence=0.9, **shape)
    assert probabilistic_sharpe(sharpe, max(2, math.floor(n)), benchmark=benchmark, **shape) <= 0.9 + 1e-9 or n < 2
    assert probabilistic_sharpe(sharpe, max(2, math.ceil(n)), benchmark=benchmark, **shape) >= 0.9 - 1e-9


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_more_trials_deflate_more(one, other):
    few, many = sorted((one, other))
    ratios = [deflated_sharpe(0.1, 500, trials=trials, variance=0.002) for trials in (few, many)]
    assert ratios[0] >= ratios[1]
    assert deflated_sharpe(0.1, 500, trials=1, variance=0.002) == probabilistic_sharpe(0.1, 500)


def test_no_record_shows_what_is_not_there():
    assert minimum_track_record(0.1, benchmark=0.1) == math.inf


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: probabilistic_sharpe(0.1, 1), r"n: got 1; allowed: at least 2 returns"),
        (lambda: probabilistic_sharpe(0.1, 9, kurtosis=0.5), r"kurtosis: got 0\.5; allowed: a kurtosis of at least 1"),
        (lambda: minimum_track_record(0.1, confidence=0.5), r"confidence: got 0\.5; allowed: between 0\.5 and 1"),
        (lambda: expected_maximum_sharpe(0, 1.0), r"trials: got 0; allowed: at least 1"),
        (lambda: expected_maximum_sharpe(2, -1.0), r"variance: got -1\.0; allowed: 0 or more"),
    ],
)
def test_what_makes_no_sense_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()
