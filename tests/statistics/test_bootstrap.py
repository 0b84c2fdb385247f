"""Stationary resamples: their variance, their blocks, whole sessions, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap

from bullbear.errors import HistoryError, InputError
from bullbear.statistics.bootstrap import default_block, resample, stationary_rows, widening


def test_widening_by_hand():
    # h = 2, b = 4, n = 80: t with 20 degrees 1.724718 over 1.644854; 1 / (1 - 7/80); (1 + 2/2) / (1 + 2 * 1/2 * 3/4)
    expected = 1.7247182 / 1.6448536 * np.sqrt(1 / (1 - 7 / 80)) * np.sqrt(2 / 1.75)
    assert widening(80, 2, 4) == pytest.approx(expected, rel=1e-7)
    assert widening(10_000_000, 1, 50) == pytest.approx(1, abs=1e-4)


def test_widening_of_a_known_variance():
    # The stationary bootstrap's variance of a mean is that of the exponential kernel; check it by its own draws.
    x = np.random.default_rng(3).standard_normal((2000, 1))
    draws = resample(2000, 21, resamples=1500, seed=1)
    centred = x[:, 0] - x.mean()
    b = draws.mean_block
    gamma = np.array([np.dot(centred, np.roll(centred, k)) / 2000 for k in range(600)])
    kernel = gamma[0] + 2 * np.sum(gamma[1:] * (1 - 1 / b) ** np.arange(1, 600))
    assert draws.means(x)[:, 0].var() * 2000 == pytest.approx(kernel, rel=0.15)


def test_draws_repeat_with_the_seed_and_average_the_block():
    draws = resample(500, 10, resamples=40, seed=9)
    assert draws.mean_block == 20
    assert (draws.counts == resample(500, 10, resamples=40, seed=9).counts).all()
    assert (draws.counts != resample(500, 10, resamples=40, seed=10).counts).any()
    assert (draws.counts.sum(axis=1) == 500).all()


@pytest.mark.parametrize(("n", "horizon"), [(8, 1), (84, 21), (85, 21), (170, 21), (4000, 21), (20_000, 1)])
def test_default_block_is_never_refused(n, horizon):
    assert horizon <= default_block(n, horizon) <= n // 4
    assert widening(n, horizon, default_block(n, horizon)) >= 1


def test_the_rows_of_a_session_are_drawn_together():
    values, session = np.array([1.0, 5.0, 2.0, 7.0, 9.0] * 16), np.repeat(np.arange(48), [2, 1, 2] * 16)
    draws = resample(48, 2, resamples=20, seed=5, session=session)
    found = draws.means(values[:, None])[:, 0]
    for mean, drawn in zip(found, stationary_rows(48, draws.mean_block, resamples=20, seed=5), strict=True):
        assert mean == pytest.approx(np.concatenate([values[session == each] for each in drawn]).mean(), rel=1e-12)


def test_assets_that_move_as_one_add_no_evidence():
    x = np.random.default_rng(6).standard_normal(200)
    one = resample(200, 5, resamples=100, seed=2).ratio(x[:, None], lambda m: m[:, 0])
    draws = resample(200, 5, resamples=100, seed=2, session=np.repeat(np.arange(200), 3))
    three = draws.ratio(np.repeat(x, 3)[:, None], lambda m: m[:, 0])
    assert (three.estimate, three.low, three.high) == pytest.approx((one.estimate, one.low, one.high), abs=1e-12)


def test_refusals():
    with pytest.raises(HistoryError, match=r"y: got '83 rows'; allowed: at least 84, four horizons"):
        resample(83, 21)
    with pytest.raises(InputError, match=r"mean_block: got 20; allowed: 21 \(the horizon\) to 100"):
        resample(400, 21, mean_block=20)
    with pytest.raises(InputError, match="resamples: got 0"):
        resample(400, 21, resamples=0)
    with pytest.raises(InputError, match="level: got 90"):
        widening(400, 21, 42, 90)
    with pytest.raises(InputError, match="y: got '399 rows'; allowed: 400 rows"):
        resample(400, 21, resamples=2).ratio(np.ones((399, 1)), lambda m: m[:, 0])


@pytest.mark.parametrize(("n", "mean_block"), [(48, 1), (48, 7), (500, 53), (3775, 53)])
def test_draws_are_those_of_arch(n: int, mean_block: int) -> None:
    expected = StationaryBootstrap(mean_block, np.arange(n), seed=11).bootstrap(5)
    for rows, ((drawn,), _) in zip(stationary_rows(n, mean_block, resamples=5, seed=11), expected, strict=True):
        assert rows.tolist() == drawn.tolist()
