"""The lognormal against a simulated random walk."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bullbear.definitions.questions import QUESTION_KINDS
from bullbear.learn.paths.events import event_of, marginals_of
from bullbear.learn.paths.implied_lognormal import ImpliedLognormal

HAND = ImpliedLognormal(place=1, usual=math.log(0.2), ratio=math.log(1.1), scatter=0.0, drift=0.05, horizon=21)


def event(kind: str, threshold: float):
    return event_of(QUESTION_KINDS.read({"name": "q", "kind": kind, "threshold": threshold, "sentence": "A sentence."}))


@pytest.mark.parametrize(
    ("kind", "threshold"),
    [("return_above", 0.0), ("return_below", -0.05), ("dip", -0.05), ("dip", -0.08), ("rally", 0.05), ("move", 0.05)],
)
def test_probabilities_are_those_of_a_random_walk(kind: str, threshold: float) -> None:
    sigma = 0.3 * 1.1 / math.sqrt(252)
    steps = np.random.default_rng(1).normal(0.05 * sigma, sigma, (40_000, 21))
    asked = event(kind, threshold)
    walked = asked.share(marginals_of(steps)[asked.marginal])
    found = HAND.probability(asked, np.log([0.3]))[0]
    assert found == pytest.approx(walked, abs=0.008)


def test_realised_volatility_is_lognormal_about_the_implied_one() -> None:
    wide = ImpliedLognormal(place=0, usual=0.0, ratio=math.log(1.1), scatter=0.25, drift=0.0, horizon=21)
    # One standard deviation above the median: 15.87 %. Without scatter it is known.
    assert wide.probability(event("volatility", 0.22 * math.exp(0.25)), np.log([0.2]))[0] == pytest.approx(
        0.158655, abs=1e-6
    )
    assert HAND.probability(event("volatility", 0.2), np.log([0.19, 0.18])).tolist() == [1.0, 0.0]


def test_the_forecast_volatility_is_the_median_of_the_realised_one() -> None:
    wide = ImpliedLognormal(place=0, usual=0.0, ratio=math.log(1.1), scatter=0.25, drift=0.0, horizon=21)
    found = wide.distribution(np.log([[0.2]])).volatility
    assert found[0] == pytest.approx(0.22)
    assert wide.probability(event("volatility", float(found[0])), np.log([0.2]))[0] == pytest.approx(0.5)


def test_the_fit_is_the_mean_ratio_and_the_share_of_rises() -> None:
    paths = np.array([[0.01, 0.02], [-0.03, 0.01], [0.02, -0.01], [0.01, 0.01]])
    implied = np.array([-1.5, np.nan, -1.7, -1.9])
    found = ImpliedLognormal.fit(implied, paths, place=4)
    logs = 0.5 * np.log(252 * np.array([0.00025, 0.00025, 0.0001])) - implied[[0, 2, 3]]
    assert (found.place, found.horizon) == (4, 2)
    assert found.usual == pytest.approx(-1.7)
    assert found.ratio == pytest.approx(logs.mean())
    assert found.scatter == pytest.approx(logs.std())
    # All three known paths rose; the share is held at 98 %, the normal quantile 2.0537.
    assert found.drift == pytest.approx(2.053749 / math.sqrt(2), abs=1e-6)


def test_quantiles_and_fan_are_normal_in_logs() -> None:
    forecast = HAND.distribution(np.array([[0.0, np.log(0.3)], [0.0, np.nan]]))
    for row, sigma in enumerate([0.33 / math.sqrt(252), 0.22 / math.sqrt(252)]):  # the missing one is as usual
        median = math.expm1(sigma * 0.05 * 21)
        assert forecast.quantiles[row, 49] == pytest.approx(median)
        assert forecast.quantiles[row, 4] == pytest.approx(math.expm1(sigma * (0.05 * 21 - 1.6448536 * math.sqrt(21))))
        np.testing.assert_allclose(forecast.fan[row, :, -1], forecast.quantiles[row, [4, 24, 49, 74, 94]])
        assert forecast.volatility[row] == pytest.approx(sigma * math.sqrt(252))


def test_a_drift_far_from_a_barrier_far_away_is_no_overflow() -> None:
    # exp(2 * 2.05 * 265) is beyond a float: a price that hardly moved and always fell, asked for a dip tomorrow.
    still = ImpliedLognormal(place=0, usual=0.0, ratio=math.log(0.025), scatter=0.0, drift=-2.05, horizon=1)
    assert still.probability(event("dip", -0.08), np.log([0.2])).tolist() == [0.0]
