"""Information coefficients against scipy, and what their intervals cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from bullbear.picking.information import LEAST_NAMES, coefficients, information

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(60, 30)).round(1)  # ties
OUTCOME = 0.3 * SCORES + RNG.normal(size=(60, 30))
SCORES[RNG.random(SCORES.shape) < 0.1] = np.nan
OUTCOME[-1] = np.nan


def test_each_coefficient_is_spearmans() -> None:
    found = coefficients(SCORES, OUTCOME)
    for place in range(59):
        known = np.isfinite(SCORES[place])
        expected = spearmanr(SCORES[place, known], OUTCOME[place, known]).statistic
        assert found[place] == pytest.approx(expected)
    assert np.isnan(found[59])


def test_the_summary_of_the_coefficients() -> None:
    ic = coefficients(SCORES, OUTCOME)[:59]
    found = information(SCORES, OUTCOME, 12.0, sectors=["A"] * 15 + ["B"] * 15)
    assert found.mean.estimate == pytest.approx(ic.mean())
    assert found.icir == pytest.approx(ic.mean() / ic.std(ddof=1) * np.sqrt(12))
    assert found.positive == (ic > 0).mean()
    assert found.decisions == 59
    assert found.names == pytest.approx(np.isfinite(SCORES[:59]).sum(axis=1).mean())
    within = coefficients(SCORES[:, :15], OUTCOME[:, :15])
    assert found.by_sector["A"].estimate == pytest.approx(np.nanmean(within))
    assert 0.0 < found.mean.low < found.mean.estimate < found.mean.high


def test_too_few_names_or_no_spread_say_nothing() -> None:
    flat = np.zeros((1, 30))
    assert np.isnan(coefficients(flat, OUTCOME[:1])).all()
    few = np.full((1, 30), np.nan)
    few[0, : LEAST_NAMES - 1] = range(LEAST_NAMES - 1)
    assert np.isnan(coefficients(few, OUTCOME[:1])).all()
    empty = information(few, OUTCOME[:1], 12.0)
    assert empty.decisions == 0
    assert np.isnan([empty.mean.estimate, empty.mean.low, empty.icir]).all()


def test_the_interval_of_no_skill_holds_zero_as_often_as_it_says() -> None:
    held = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        mean = information(rng.normal(size=(48, 20)), rng.normal(size=(48, 20)), 12.0).mean
        held += mean.low < 0.0 < mean.high
    # Nominally 27 of 30; a binomial at 90 % is below 21 once in ten thousand times.
    assert held >= 21
