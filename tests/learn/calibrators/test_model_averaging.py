"""Averaged strengths: weights by hand, what they cost, and what they leave alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.definitions import Source
from bullbear.errors import DefinitionError
from bullbear.learn.calibrator import CALIBRATORS, History
from bullbear.learn.calibrators.model_averaging import AveragedModel, ModelAveraging
from bullbear.learn.calibrators.shrinkage import Shrinkage
from bullbear.statistics import rows_per_label

NONE = np.zeros(0)


def averaging(*strengths: float) -> ModelAveraging:
    found = CALIBRATORS.read({"kind": "model_averaging", "strengths": list(strengths)})
    assert isinstance(found, ModelAveraging)
    return found


def history(n: int, strength: float, seed: int = 3, horizon: int = 1) -> History:
    """Labels that follow a signal of standard deviation 1 at a strength, beyond a base rate of 0.6."""
    rng = np.random.default_rng(seed)
    signal, base = rng.normal(size=n), np.full(n, 0.6)
    p = 1 / (1 + np.exp(-(np.log(1.5) + strength * signal)))
    y = (rng.random(n) < p).astype(float)
    return History(y, base, signal, horizon, y)


def test_weights_by_hand() -> None:
    # Log-odds 0 and log 3: p is 1/2 at strength 0, and 3/4 or 1/4 at 1. Right twice and wrong once: 9/64 against 8/64.
    past = History(np.array([1.0, 0.0, 1.0]), np.full(3, 0.5), np.log(3) * np.array([1.0, -1.0, -1.0]), 1, np.ones(3))
    found = averaging(0.0, 1.0).fit(past)
    np.testing.assert_allclose(found.weights, [8 / 17, 9 / 17])
    assert found.slope == pytest.approx(9 / 17)
    p = found.probability(np.array([0.5]), np.array([np.log(3)]))
    np.testing.assert_allclose(p, 0.5 * 8 / 17 + 0.75 * 9 / 17)


def test_overlapping_labels_count_as_independent_ones() -> None:
    past = history(400, 1.0, horizon=21)
    found = averaging(0.0, 1.0).fit(past).weights
    right = [np.where(past.y > 0, p, 1 - p) for p in (0.6, 1 / (1 + np.exp(-(np.log(1.5) + past.signal))))]
    gained = (np.log(right[1]) - np.log(right[0])).sum() / rows_per_label(21)
    assert np.log(found[1] / found[0]) == pytest.approx(gained)
    assert 1.0 < gained < 10.0


def test_without_a_past_all_strengths_weigh_the_same() -> None:
    found = averaging(0.5, 1.0, 1.5).fit(History(NONE, NONE, NONE, 21, NONE))
    np.testing.assert_allclose(found.weights, 1 / 3)
    assert found.slope == pytest.approx(1.0)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_it_finds_the_strength(strength: float) -> None:
    found = averaging(0.0, 0.25, 0.5, 1.0).fit(history(3000, strength))
    assert found.slope == pytest.approx(strength, abs=0.1)


@given(seed=st.integers(0, 500), strength=st.sampled_from([0.0, 0.5, 2.0]), n=st.integers(1, 60))
def test_day_by_day_it_loses_to_no_strength_by_more_than_their_number_allows(
    seed: int, strength: float, n: int
) -> None:
    past, strengths = history(n, strength, seed), (0.0, 0.25, 0.5, 1.0)

    def loss(p: np.ndarray) -> float:
        return float(-np.log(np.where(past.y > 0.5, p, 1 - p)).sum())

    said = []
    for day in range(n):
        known = History(past.y[:day], past.climatology[:day], past.signal[:day], 1, past.y[:day])
        one = slice(day, day + 1)
        said.append(averaging(*strengths).fit(known).probability(past.climatology[one], past.signal[one])[0])
    best = min(loss(1 / (1 + np.exp(-(np.log(1.5) + a * past.signal)))) for a in strengths)
    assert loss(np.array(said)) <= best + np.log(len(strengths)) + 1e-9


def test_one_strength_is_a_fixed_slope() -> None:
    past = history(100, 1.0)
    fixed = Shrinkage(prior_mean=0.5, prior_sd=0.0).fit(past)
    found = averaging(0.5).fit(past)
    np.testing.assert_allclose(
        found.probability(past.climatology, past.signal), fixed.probability(past.climatology, past.signal)
    )


def test_a_silent_signal_leaves_the_base_rate_to_the_last_bit() -> None:
    found = averaging(0.5, 1.0, 1.5).fit(history(80, 1.0))
    base = np.array([0.1, 1 / 3, 0.61, 0.0, 1.0])
    np.testing.assert_array_equal(found.probability(base, np.zeros(5)), base)
    assert averaging(0.0).is_silent
    assert not averaging(0.0, 0.5).is_silent


def test_the_interval_holds_the_forecast_and_is_that_of_shrinkage_elsewhere() -> None:
    past = history(300, 0.2)
    found = averaging(2.0, 3.0).fit(past)
    base, behind, signal = np.full(7, 0.6), np.full(7, 40.0), np.linspace(-6, 6, 7)
    low, high = found.interval(base, behind, signal)
    p = found.probability(base, signal)
    assert np.all(low <= p)
    assert np.all(p <= high)
    own = Shrinkage().fit(past).interval(base, behind, signal)
    assert low[3] == own[0][3]
    assert high[3] == own[1][3]
    assert high[-1] == p[-1] > own[1][-1]


def test_it_restores_to_the_same_bits_and_one_row_is_as_many() -> None:
    past = history(300, 0.7, horizon=21)
    found = averaging(0.25, 1.0, 1.5).fit(past)
    again = CALIBRATORS["model_averaging"].restore(json.loads(json.dumps(found.state())))
    assert isinstance(again, AveragedModel)
    assert again == found
    whole = found.probability(past.climatology, past.signal)
    for row in range(0, 300, 29):
        one = slice(row, row + 1)
        assert again.probability(past.climatology[one], past.signal[one])[0] == whole[row]


@pytest.mark.parametrize(
    ("strengths", "message"),
    [
        ([1.0, 0.5], "allowed: rising numbers"),
        ([0.5, 0.5], "allowed: rising numbers"),
        ([-0.5], "got -0.5; allowed: a number from 0 on"),
        ([], "strengths"),
    ],
)
def test_wrong_strengths_are_refused(strengths: list[float], message: str) -> None:
    table = {"kind": "model_averaging", "strengths": strengths}
    with pytest.raises(DefinitionError, match=message):
        CALIBRATORS.read(table, Source.nowhere("tiny"), below=("calibration",))
