"""ShrinkageModel: the posterior mode against an optimiser, and what it promises when there is no evidence."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from bullbear.definitions import Source
from bullbear.errors import DefinitionError
from bullbear.learn import CALIBRATORS
from bullbear.learn.calibrator import History
from bullbear.learn.calibrators.shrinkage import Shrinkage, ShrinkageModel
from bullbear.learn.learner import bag_mean
from bullbear.statistics import independent_number, variance_inflation

PROBABILITIES = hnp.arrays(float, 5, elements=st.floats(0.0, 1.0))
SIGNALS = hnp.arrays(float, (5, 3), elements=st.floats(-8, 8))


def fitted(
    y: np.ndarray, climatology: np.ndarray, signal: np.ndarray, horizon: int, params: Shrinkage
) -> ShrinkageModel:
    """Calibrated on the labels alone: nothing had resolved before the first forecast."""
    return params.fit(History(y, climatology, signal, horizon, y))


def known(slope: float, frequency_slope: float, variance: float, persistence: float = 1.0) -> ShrinkageModel:
    return ShrinkageModel(slope, frequency_slope, variance, 3.0, persistence)


def test_one_label_by_hand() -> None:
    # y = 1 at even odds, signal 1, prior N(0, 1): the mode solves 1 / (1 + e^a) = a.
    found = fitted(np.array([1.0]), np.array([0.5]), np.array([1.0]), 1, Shrinkage(prior_sd=1.0))
    assert found.frequency_slope == pytest.approx(found.slope, abs=1e-9)
    assert found.slope == pytest.approx(0.401058138, abs=1e-9)
    assert 1 / (1 + np.exp(found.slope)) == pytest.approx(found.slope, abs=1e-12)
    # p (1 - p) = 0.598941862 * 0.401058138, and the prior's precision of 1
    assert found.variance == pytest.approx(1 / (0.240210508 + 1), abs=1e-8)
    assert found.evidence == 1.0


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 400),
    scale=st.floats(0.01, 40),
    truth=st.floats(-1.0, 2.0),
    horizon=st.sampled_from([1, 5, 21]),
    params=st.builds(
        Shrinkage,
        prior_sd=st.floats(0.05, 10),
        prior_mean=st.sampled_from([0.0, 0.5]),
        ceiling=st.sampled_from([0.5, 1.0, 3.0]),
    ),
)
def test_the_slope_is_the_posterior_mode_between_zero_and_the_ceiling(
    seed: int, n: int, scale: float, truth: float, horizon: int, params: Shrinkage
) -> None:
    rng = np.random.default_rng(seed)
    signal, climatology = scale * rng.normal(size=n), rng.uniform(0.02, 0.98, n)
    y = (rng.random(n) < expit(logit(climatology) + truth * signal)).astype(float)

    evidence = float(independent_number(n, horizon))

    def loss(a: float) -> float:
        eta = logit(climatology) + a * signal
        prior = (a - params.prior_mean) ** 2 / (2 * params.prior_sd**2)
        return float(np.sum(np.logaddexp(0, eta) - y * eta) * evidence / n + prior)

    best = minimize_scalar(loss, bounds=(0, params.ceiling), method="bounded", options={"xatol": 1e-10})
    found = fitted(y, climatology, signal, horizon, params)
    assert 0.0 <= found.slope <= params.ceiling
    assert found.slope == pytest.approx(best.x, abs=1e-5)
    # The intervals' slope: the same without bounds, under the widest of the prior, the ceiling and one log-odds.
    wide = max(params.prior_sd, params.ceiling, 1 / np.sqrt(np.mean(signal**2)))

    def free(a: float) -> float:
        eta = logit(climatology) + a * signal
        return float(
            np.sum(np.logaddexp(0, eta) - y * eta) * evidence / n + (a - params.prior_mean) ** 2 / (2 * wide**2)
        )

    near = 1e-4 * max(1.0, abs(found.frequency_slope))
    here = free(found.frequency_slope)
    assert here <= min(free(found.frequency_slope - near), free(found.frequency_slope + near))
    p = expit(logit(climatology) + found.frequency_slope * signal)
    curvature = np.sum(p * (1 - p) * signal**2) * evidence / n + 1 / wide**2
    assert found.variance == pytest.approx(1 / curvature, rel=1e-6)
    assert found.evidence == evidence


def test_newton_would_not_have_found_this_mode() -> None:
    # One label, 0.18 called, a strong signal against it: whole steps leap between the flat ends for ever.
    past = np.array([1.0]), np.array([0.18351901]), np.array([-2.6339035])
    found = fitted(*past, 1, Shrinkage(prior_sd=3.0, prior_mean=0.5, ceiling=0.5))
    eta = logit(0.18351901) - 2.6339035 * found.frequency_slope
    assert -2.6339035 * (1 - expit(eta)) == pytest.approx((found.frequency_slope - 0.5) / 9, abs=1e-9)


def test_large_signals_that_were_wrong_are_not_believed() -> None:
    # Newton's step alone leaps from one flat end to the other here, and ended on the ceiling.
    rng = np.random.default_rng(13)
    signal = 12.0 * rng.normal(size=716)
    y = (signal < 0).astype(float)
    params = Shrinkage(prior_sd=0.2, prior_mean=0.5)
    found = fitted(y, np.full(716, 0.5), signal, 21, params)
    assert found.slope == 0.0
    assert found.frequency_slope < -0.01


CLIMATOLOGY = np.array([0.1, 0.3, 1 / 3, 0.6123456789, 0.999, 1.0, 0.0])
EXTREME = np.array([5.0, -5.0, 1.0, 0.3, 30.0, -40.0, 40.0])


@pytest.mark.parametrize(
    ("y", "signal", "params"),
    [
        ([], [], Shrinkage()),
        ([1.0, 0.0], [0.0, 0.0], Shrinkage()),
        ([0.0, 1.0], [2.0, -2.0], Shrinkage()),
        ([1.0, 0.0], [2.0, -2.0], Shrinkage(prior_sd=0.0)),
    ],
    ids=["no past", "silent", "wrong", "off"],
)
def test_without_evidence_the_forecast_is_the_climatology_to_the_last_bit(
    y: list[float], signal: list[float], params: Shrinkage
) -> None:
    found = fitted(np.array(y), np.full(len(y), 0.6), np.array(signal), 1, params)
    assert found.slope == 0.0
    np.testing.assert_array_equal(found.probability(CLIMATOLOGY, EXTREME), CLIMATOLOGY)
    assert found.evidence == len(y)


@pytest.mark.parametrize(
    ("y", "signal", "prior_sd"),
    [([], [], 0.5), ([1.0, 0.0], [0.0, 0.0], 0.5), ([1.0, 0.0], [-2.0, 2.0], 0.0)],
    ids=["no past", "silent", "fixed"],
)
@pytest.mark.parametrize(("prior_mean", "ceiling", "slope"), [(0.7, 1.0, 0.7), (0.7, 0.4, 0.4), (0.0, 1.0, 0.0)])
def test_without_evidence_the_slope_is_the_mode_of_the_prior(
    y: list[float], signal: list[float], prior_sd: float, prior_mean: float, ceiling: float, slope: float
) -> None:
    params = Shrinkage(prior_sd=prior_sd, prior_mean=prior_mean, ceiling=ceiling)
    found = fitted(np.array(y), np.full(len(y), 0.6), np.array(signal), 1, params)
    assert (found.slope, found.frequency_slope) == (slope, slope)
    assert found.variance == (max(prior_sd, ceiling) ** 2 if prior_sd else 0.0)


def test_evidence_counts_independent_labels() -> None:
    rng = np.random.default_rng(5)
    signal = rng.normal(size=420)
    y = (rng.random(420) < expit(0.4 + signal)).astype(float)
    slopes = [fitted(y, np.full(420, 0.6), signal, horizon, Shrinkage(prior_sd=0.5)) for horizon in (1, 21, 420)]
    assert slopes[0].slope > slopes[1].slope > slopes[2].slope > 0
    assert slopes[0].variance < slopes[1].variance < slopes[2].variance < 1.05
    # 420 labels over 21 sessions are worth 27.8 independent ones, over 420 sessions two (the arcsine law).
    assert [s.evidence for s in slopes] == pytest.approx([420.0, 27.8, 2.0], abs=0.05)


def test_more_of_the_same_evidence_raises_the_slope() -> None:
    y, signal = np.array([1.0, 0.0, 1.0]), np.array([1.0, -1.0, -0.5])
    slopes = [
        fitted(np.tile(y, k), np.full(3 * k, 0.5), np.tile(signal, k), 5, Shrinkage(ceiling=9.0)).slope
        for k in (1, 10, 100)
    ]
    assert slopes == sorted(slopes)
    assert slopes[0] > 0


def test_the_ceiling_holds() -> None:
    signal = np.tile([1.0, -1.0], 500)
    found = fitted((signal > 0).astype(float), np.full(1000, 0.5), signal, 1, Shrinkage(prior_sd=10.0))
    assert found.slope == 1.0


def test_a_probability_by_hand() -> None:
    # log-odds of 0.6 are log 1.5; half of a signal of 0.4 makes 1.5 e^0.2 = 1.832104
    found = known(0.5, 0.8, 0.04).probability(np.array([0.6]), np.array([0.4]))
    assert found[0] == pytest.approx(1.8321041 / 2.8321041, abs=1e-8)


def test_a_base_rate_of_nought_or_one_counts_as_one_in_a_million() -> None:
    found = known(1.0, 1.0, 0.1).probability(np.array([0.0, 1.0]), np.array([2.0, -2.0]))
    assert found == pytest.approx([expit(logit(1e-6) + 2.0), expit(logit(1 - 1e-6) - 2.0)], rel=1e-9)


def test_the_table_that_is_left_out() -> None:
    assert Shrinkage().model_dump() == {"kind": "shrinkage", "prior_sd": 0.5, "prior_mean": 0.0, "ceiling": 1.0}


def test_an_interval_by_hand() -> None:
    # Around the frequency slope, 0.8 * 0.3; persistence doubles 1 / (50 * 0.6 * 0.4), and 0.09 * 0.04 is the slope's.
    width = 1.6448536269514722 * np.sqrt(2 / 12 + 0.0036)
    center = np.log(1.5) + 0.24
    low, high = known(0.5, 0.8, 0.04, 2.0).interval(np.array([0.6]), np.array([50.0]), np.array([0.3]))
    assert low[0] == pytest.approx(expit(center - width), abs=1e-12)
    assert high[0] == pytest.approx(expit(center + width), abs=1e-12)


def test_a_forecast_held_back_by_its_ceiling_still_lies_in_its_interval() -> None:
    low, high = known(0.1, 4.0, 0.01).interval(np.array([0.6]), np.array([2000.0]), np.array([0.5]))
    p = known(0.1, 4.0, 0.01).probability(np.array([0.6]), np.array([0.5]))
    assert low[0] == p[0]
    assert high[0] > 0.9


def test_an_interval_without_bounds_is_0_to_1_without_a_warning() -> None:
    wide = ShrinkageModel(slope=0.0, frequency_slope=0.0, variance=1e6, evidence=0.0, persistence=1.0)
    with np.errstate(over="raise"):
        low, high = wide.interval(np.array([0.6]), np.array([40.0]), np.array([2.0]))
    assert (low.tolist(), high.tolist()) == ([0.0], [1.0])


def test_an_interval_narrows_with_history_and_widens_with_doubt_and_persistence() -> None:
    def width(variance: float, n: float, signal: float, persistence: float = 1.0) -> float:
        found = known(0.5, 0.5, variance, persistence)
        low, high = found.interval(np.array([0.6]), np.array([n]), np.array([signal]))
        return float(high[0] - low[0])

    usual = width(0.04, 50, 0.3)
    assert width(0.04, 200, 0.3) < usual
    assert width(0.25, 50, 0.3) > usual
    assert width(0.04, 50, 1.0) > usual
    assert width(0.04, 50, 0.3, 1.5) > usual


@given(
    climatology=PROBABILITIES,
    signals=SIGNALS,
    n=hnp.arrays(float, 5, elements=st.floats(0, 1e6)),
    slope=st.sampled_from([0.0, 0.3, 1.0]),
    frequency_slope=st.floats(-5, 5),
    variance=st.floats(0, 4),
    persistence=st.floats(1, 10),
)
def test_an_interval_holds_its_probability_within_0_and_1(
    climatology: np.ndarray,
    signals: np.ndarray,
    n: np.ndarray,
    slope: float,
    frequency_slope: float,
    variance: float,
    persistence: float,
) -> None:
    calibrator, signal = known(slope, frequency_slope, variance, persistence), bag_mean(signals)
    p = calibrator.probability(climatology, signal)
    low, high = calibrator.interval(climatology, n, signal)
    assert ((low >= 0) & (low <= p) & (p <= high) & (high <= 1)).all()


@given(climatology=PROBABILITIES, signals=SIGNALS, slope=st.sampled_from([0.0, 0.37]))
def test_one_row_and_many_give_the_same_bits(climatology: np.ndarray, signals: np.ndarray, slope: float) -> None:
    calibrator, n, signal = known(slope, 0.9, 0.1, 1.3), np.full(5, 30.0), bag_mean(signals)
    p = calibrator.probability(climatology, signal)
    low, high = calibrator.interval(climatology, n, signal)
    for row in range(5):
        one = slice(row, row + 1)
        assert calibrator.probability(climatology[one], bag_mean(signals[one]))[0] == p[row]
        found = calibrator.interval(climatology[one], n[one], bag_mean(signals[one]))
        assert (found[0][0], found[1][0]) == (low[row], high[row])


def test_persistence_is_read_from_all_that_had_resolved() -> None:
    # Six years of alternating good and bad half-years before the first forecast: the base rate rests on far less.
    seasons = np.repeat([1.0, 0.0, 1.0, 1.0, 0.0, 1.0], 250)
    y, base = np.array([1.0, 0.0]), np.array([0.6, 0.6])
    found = Shrinkage().fit(History(y, base, np.zeros(2), 21, seasons))
    assert found.persistence == variance_inflation(seasons, 21) > 4
    assert found.slope == fitted(y, base, np.zeros(2), 21, Shrinkage()).slope


def test_the_mean_over_bags() -> None:
    np.testing.assert_array_equal(bag_mean(np.array([[1.0, 2.0, 6.0], [0.0, 0.0, -3.0]])), [3.0, -1.0])
    signals = np.random.default_rng(0).normal(size=(50, 7))
    np.testing.assert_array_equal(bag_mean(np.asfortranarray(signals)), bag_mean(signals))


def test_the_state_gives_back_the_same_bits_through_json() -> None:
    calibrator = ShrinkageModel(0.1 + 0.2, -2 / 7, 1 / 3, 17 / 21, 1.1)
    state = json.loads(json.dumps(calibrator.state()))
    assert CALIBRATORS[state["kind"]].restore(state) == calibrator


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"prior_sd": -0.1}, r"got -0.1; allowed: a number from 0 on"),
        ({"ceiling": 0.0}, r"got 0.0; allowed: a number above 0"),
        (
            {"kind": "spline"},
            r"got 'spline'; allowed: beta or chosen or isotonic or model_averaging or platt or shrinkage or "
            r"venn_abers; choose the calibration's kind",
        ),
        ({"prior": 1.0}, r"got 'prior'; allowed: one of kind, prior_sd, prior_mean, ceiling"),
        ({"prior_sd": float("inf")}, r"got inf; allowed: a finite number"),
    ],
)
def test_a_wrong_table_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(DefinitionError, match=rf"\(calibration\..*\): {message}"):
        CALIBRATORS.read(table, Source.nowhere("tiny"), below=("calibration",))


def test_a_huge_signal_gives_zero_or_one_without_a_warning() -> None:
    shrinkage = ShrinkageModel(slope=1.0, frequency_slope=1.0, variance=1.0, evidence=10.0, persistence=1.0)
    base = np.array([0.6, 0.6])
    with np.errstate(over="raise"):
        p = shrinkage.probability(base, np.array([-2000.0, 2000.0]))
        low, high = shrinkage.interval(base, np.array([50.0, 50.0]), np.array([-2000.0, 2000.0]))
    assert p.tolist() == [0.0, 1.0]
    assert low.tolist() == [0.0, 0.0]
    assert high.tolist() == [1.0, 1.0]
