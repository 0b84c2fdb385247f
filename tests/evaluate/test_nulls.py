"""What AUC and calibration error would be by chance, held against markets whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import expit, logit

from bullbear.data.simulated_process import HORIZON, draw
from bullbear.errors import HistoryError, InputError
from bullbear.evaluate.nulls import auc_null, ece_null
from bullbear.evaluate.reliability import ece
from bullbear.evaluate.scores import weighted_auc


def auc(y, p) -> float:
    y, p = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
    return float(weighted_auc(y, p, np.ones((1, len(y))))[0])


def labels(seed: int, signal: float, sessions: int) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and true probabilities of a simulated market."""
    path = draw(seed, signal, sessions)
    level = np.cumsum(path.returns)
    y = (level[HORIZON:] > level[:-HORIZON]).astype(float)
    return y, path.p_up[: len(y)]


def base_rate(y: np.ndarray, first: int) -> np.ndarray:
    """The expanding share of ups among the labels resolved at each row from `first` on."""
    ups = np.concatenate([[0.0], np.cumsum(y)])
    resolved = np.arange(first, len(y)) - HORIZON + 1
    return ups[resolved] / resolved


def noise(seed: int, n: int, persistence: float = 0.98) -> np.ndarray:
    shocks = np.random.default_rng(seed).standard_normal(n)
    return lfilter([np.sqrt(1 - persistence**2)], [1, -persistence], shocks)


def test_the_auc_null_by_hand() -> None:
    # Shifts by 2 to 6 of eight rows, the lone signal falling on rows 2 to 6; against a flat base rate the AUC is
    # 1/2 + (share of ups that it lifts - share of downs that it lifts) / 2, four ups and four downs.
    y, p = [1, 0, 1, 1, 0, 0, 1, 0], [0.7, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    found = auc_null(y, p, [0.5] * 8, 1)
    assert found.mean == pytest.approx(0.5 + (3 - 2) / 8 / 5)
    assert (found.low, found.high) == pytest.approx((0.375, 0.625))


def test_the_base_rate_is_its_own_null() -> None:
    y, _ = labels(3, 0.0, 2520)
    c = base_rate(y, 504)
    found = auc_null(y[504:], c, c, HORIZON)
    assert found.mean == found.low == found.high == auc(y[504:], c)
    assert found.mean < 0.45  # a benchmark of 0.5 would call this negative skill


def test_a_faint_signal_leaves_the_null_near_that_of_the_base_rate() -> None:
    # The base rate ranks every down above every up; a signal of a few thousandths changes no pair across the halves.
    y, c = np.repeat([1.0, 0.0], 20), np.repeat([0.5, 0.6], 20)
    found = auc_null(y, c + np.tile([0.002, -0.001, 0.0, 0.003], 10), c, 2)
    assert (found.mean, found.low, found.high) == (0.0, 0.0, 0.0)


def test_a_signal_without_skill_lies_within_its_null_as_often_as_it_says() -> None:
    held, centre = [], []
    for seed in range(40):
        y, _ = labels(seed, 0.0, 2520)
        c = base_rate(y, 504)
        p = expit(logit(c) + 0.3 * noise(seed, len(c)))
        found, own = auc_null(y[504:], p, c, HORIZON), auc(y[504:], p)
        held.append(found.low <= own <= found.high)
        centre.append(own - found.mean)
    assert np.mean(held) >= 0.75
    assert abs(np.mean(centre)) < 0.03


def test_a_signal_with_skill_lies_above_its_null() -> None:
    y, truth = labels(5, 1.0, 3780)
    c = base_rate(y, 504)
    assert auc(y[504:], truth[504:]) > auc_null(y[504:], truth[504:], c, HORIZON).high


def test_one_outcome_has_no_auc() -> None:
    assert np.isnan(auc_null([1] * 10, [0.5, 0.6] * 5, [0.5] * 10, 1).mean)


def test_certain_forecasts_keep_their_rank() -> None:
    found = auc_null([1, 0] * 20, [1.0, 0.0] * 20, [0.5] * 40, 1)
    assert (found.low, found.high) == (0.0, 1.0)


def test_the_ece_null_is_the_mean_gap_of_independent_outcomes_at_horizon_one() -> None:
    # One bin of 100 fair coins: E|share - 1/2| = C(100, 50) / 2^101 * 100 / 100 = 0.0398.
    found = ece_null([0.5] * 100, 1, paths=20_000)
    assert found.mean == pytest.approx(0.0398, abs=0.0006)
    assert (found.low, found.high) == pytest.approx((0.0, 0.1))  # P(|ups - 50| >= 10) = 5.7 %, >= 11: 3.5 %


@pytest.mark.parametrize("signal", [0.0, 1.0])
def test_true_probabilities_lie_within_their_null_as_often_as_it_says(signal: float) -> None:
    above, below, own, null = 0, 0, [], []
    for seed in range(40):
        y, truth = labels(seed, signal, 2520)
        found, gap = ece_null(truth, HORIZON, paths=200), ece(y, truth)
        above, below = above + (gap > found.high), below + (gap < found.low)
        own, null = [*own, gap], [*null, found.mean]
    assert above <= 6  # 2 expected of 40
    assert below <= 6
    assert np.mean(own) == pytest.approx(np.mean(null), rel=0.25)
    assert np.mean(own) > 0.02  # far from 0, although nothing is miscalibrated


def test_miscalibrated_probabilities_lie_above_the_null() -> None:
    y, truth = labels(5, 0.0, 3780)
    assert ece(y, truth + 0.15) > ece_null(truth + 0.15, HORIZON).high


def test_refusals() -> None:
    with pytest.raises(HistoryError, match=r"y: got '7 rows'; allowed: at least 8"):
        auc_null([1] * 7, [0.5] * 7, [0.5] * 7, 2)
    with pytest.raises(InputError, match=r"p\[1\]: got 1\.5; allowed: a fraction in \[0, 1\]"):
        ece_null([0.5, 1.5], 1)
