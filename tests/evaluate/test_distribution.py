"""Forecast distributions: skill, coverage and PIT where the truth is known, with 21 sessions of overlap."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import chi2

from bullbear.errors import HistoryError, InputError
from bullbear.evaluate.distribution import evaluate_distribution, pit_histogram, uniformity

LEVELS = np.array([0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95])
HORIZON = 21


def monthly(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes over 21 sessions, and the daily scale that each of them is known to have."""
    random = np.random.default_rng(seed)
    scale = np.exp(0.4 * np.sin(np.arange(n) / 120.0))
    walk = np.concatenate([[0.0], np.cumsum(random.standard_normal(n + HORIZON - 1))])
    return scale * (walk[HORIZON:] - walk[:-HORIZON]) / np.sqrt(HORIZON), scale


def test_the_truth_has_skill_covers_and_is_uniform() -> None:
    y, scale = monthly(3000, seed=1)
    climatology = np.tile(np.quantile(y, LEVELS), (len(y), 1))
    realised = scale * np.exp(0.1 * np.random.default_rng(2).standard_normal(len(y)))
    got = evaluate_distribution(
        y,
        scale[:, None] * ndtri(LEVELS),
        climatology,
        LEVELS,
        horizon=HORIZON,
        volatility=(realised, scale, np.full(len(y), np.log(realised).mean())),
        resamples=300,
    )
    assert 0.0 < got.crps_skill < 0.1
    assert got.crps_skill_low < got.crps_skill < got.crps_skill_high
    assert got.crps_skill == pytest.approx(1 - got.crps / got.crps_climatology)
    assert [each.level for each in got.quantiles] == LEVELS.tolist()
    assert all(each.skill == pytest.approx(1 - each.loss / each.climatology) for each in got.quantiles)
    for band in got.coverage:
        assert band.low <= band.nominal <= band.high
    assert [band.nominal for band in got.coverage] == [0.5, 0.9]
    assert sum(each.n for each in got.pit) == len(y)
    assert got.pit_p_value > 0.05
    assert got.volatility is not None
    # the variance of a sine of 0.4 against that of the noise of 0.1
    assert got.volatility.r2 == pytest.approx(1 - 0.01 / (0.08 + 0.01), abs=0.02)
    document = json.loads(json.dumps(got.as_dict(), allow_nan=False))
    assert document["pit"][0] == {"low": 0.0, "high": 0.1, "n": got.pit[0].n, "share": got.pit[0].share}
    assert document["volatility"]["n"] == 3000


@pytest.mark.parametrize(("factor", "low", "high"), [(0.5, 0.2, 0.4), (2.0, 0.7, 0.95)])
def test_a_scale_that_is_wrong_shows(factor: float, low: float, high: float) -> None:
    y, scale = monthly(3000, seed=3)
    wrong = factor * scale[:, None] * ndtri(LEVELS)
    got = evaluate_distribution(y, wrong, scale[:, None] * ndtri(LEVELS), LEVELS, horizon=HORIZON, resamples=200)
    assert got.crps_skill_high < 0.0
    assert low < got.coverage[0].share < high
    assert not got.coverage[0].low <= 0.5 <= got.coverage[0].high
    assert got.pit_p_value < 0.02
    assert got.volatility is None


def test_size_of_the_uniformity_test_at_21_sessions_of_overlap() -> None:
    # Fat-tailed daily returns, unlike the normal ones of the null; the quantiles are the true ones.
    random = np.random.default_rng(4)
    days = random.standard_t(4, size=(200, 1500 + HORIZON))
    walk = np.cumsum(days, axis=1)
    y = walk[:, HORIZON:] - walk[:, :-HORIZON]
    sums = random.standard_t(4, size=(200_000, HORIZON)).sum(axis=1)
    quantiles = np.quantile(sums, LEVELS)
    p = np.array(
        [uniformity(pit_histogram(row, np.tile(quantiles, (len(row), 1)), LEVELS), HORIZON).p_value for row in y]
    )
    assert 0.05 <= (p <= 0.1).mean() <= 0.16
    assert 0.40 <= (p <= 0.5).mean() <= 0.60
    # The chi-squared test, which takes the rows for independent, finds fault with nearly every one.
    naive = np.array(
        [uniformity(pit_histogram(row, np.tile(quantiles, (len(row), 1)), LEVELS), 1).p_value for row in y[:40]]
    )
    assert (naive <= 0.1).mean() > 0.9


def test_without_overlap_the_test_is_chi_squared() -> None:
    y = np.random.default_rng(8).uniform(size=500) ** 1.1
    histogram = pit_histogram(y, np.tile(np.arange(1, 10) / 10, (500, 1)), np.arange(1, 10) / 10)
    got = uniformity(histogram, 1, paths=4000)
    assert got.p_value == pytest.approx(chi2.sf(got.statistic, 9), abs=0.03)


def test_five_levels_make_six_bins() -> None:
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    got = pit_histogram([-3.0, -1.0, 0.1, 0.2, 3.0], [[-2.0, -0.7, 0.0, 0.7, 2.0]] * 5, levels)
    assert [(each.low, each.high, each.n) for each in got] == [
        (0.0, 0.05, 1),
        (0.05, 0.25, 1),
        (0.25, 0.5, 0),
        (0.5, 0.75, 2),
        (0.75, 0.95, 0),
        (0.95, 1.0, 1),
    ]


def test_bands_are_scored_where_both_ends_are_known() -> None:
    y = np.linspace(-1, 1, 100)
    got = evaluate_distribution(y, [[0.0]] * 100, [[0.0]] * 100, [0.5], horizon=1, resamples=50)
    assert got.coverage == ()
    assert got.crps_skill == 0.0


def test_what_is_refused() -> None:
    y, q = np.linspace(-1, 1, 100), [[0.0]] * 100
    with pytest.raises(HistoryError, match="100 rows"):
        evaluate_distribution(y, q, q, [0.5], horizon=30)
    with pytest.raises(InputError, match=r"volatility, forecast\[0\]: got 0.0; allowed: a finite volatility above 0"):
        evaluate_distribution(
            y, q, q, [0.5], horizon=1, volatility=(np.ones(100), np.zeros(100), np.zeros(100)), resamples=20
        )
    with pytest.raises(InputError, match="bins: got 1"):
        pit_histogram(y, q, [0.5], bins=1)
