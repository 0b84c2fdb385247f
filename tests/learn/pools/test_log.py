"""The log pool against a slow grid, at its limits, and what evidence does to it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.learn.pool import PastSignals, pooled
from bullbear.learn.pools.log import LogPool
from bullbear.statistics import independent_number


def past(n: int, strengths: tuple[float, ...], *, seed: int = 0, horizon: int = 5) -> PastSignals:
    """Signals of standard deviation 1 of which the outcome has taken each by its strength."""
    rng = np.random.default_rng(seed)
    signals, base = rng.normal(size=(n, len(strengths))), rng.uniform(0.3, 0.7, n)
    odds = np.log(base / (1 - base)) + signals @ np.array(strengths)
    y = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float)
    return PastSignals(y, base, signals, horizon)


def slow_loss(pool: LogPool, seen: PastSignals, weights: tuple[float, ...]) -> float:
    """The negative log posterior, row by row."""
    n, k = seen.signals.shape
    total = 0.0
    for y, c, row in zip(seen.y, seen.climatology, seen.signals, strict=True):
        p = 1 / (1 + (1 - c) / c * np.exp(-sum(w * s for w, s in zip(weights, row, strict=True))))
        total -= np.log(p) if y else np.log(1 - p)
    total *= float(independent_number(n, seen.horizon)) / n
    return total + pool.penalty / 2 * sum((w - (1 - pool.base_rate) / k) ** 2 for w in weights)


@pytest.mark.parametrize("strengths", [(0.5, 0.1), (0.9, 0.0), (-0.3, -0.2), (1.5, 1.5)])
@pytest.mark.parametrize(("penalty", "base_rate"), [(1.0, 0.0), (40.0, 0.5)])
def test_it_equals_a_search_over_a_grid(strengths: tuple[float, float], penalty: float, base_rate: float) -> None:
    seen, pool = past(150, strengths), LogPool(penalty=penalty, base_rate=base_rate)
    ticks = np.linspace(0, 1, 26)
    grid = [pair for pair in itertools.product(ticks, ticks) if sum(pair) <= 1 + 1e-12]
    best = min(grid, key=lambda weights: slow_loss(pool, seen, weights))
    found = pool.weights(seen)
    np.testing.assert_allclose(found, best, atol=0.0401)
    assert slow_loss(pool, seen, tuple(found)) <= slow_loss(pool, seen, best) + 1e-9


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(0, 60),
    k=st.integers(2, 5),
    seed=st.integers(0, 10_000),
    scale=st.sampled_from([1e-9, 1e-3, 1.0, 30.0, 1e4]),
    penalty=st.sampled_from([1e-3, 1.0, 100.0]),
    base_rate=st.sampled_from([0.0, 0.25, 1.0]),
)
def test_weights_lie_on_the_simplex(n: int, k: int, seed: int, scale: float, penalty: float, base_rate: float) -> None:
    rng = np.random.default_rng(seed)
    seen = PastSignals(rng.integers(0, 2, n).astype(float), rng.random(n), scale * rng.normal(size=(n, k)), 21)
    pool = LogPool(penalty=penalty, base_rate=base_rate)
    found = pool.weights(seen)
    assert found.shape == (k,)
    assert (found >= 0).all()
    assert found.sum() <= 1 + 1e-12
    np.testing.assert_array_equal(found, pool.weights(seen))
    if scale <= 1.0 and n:
        equal = np.full(k, (1 - base_rate) / k)
        assert slow_loss(pool, seen, tuple(found)) <= slow_loss(pool, seen, tuple(equal)) + 1e-9


def test_without_evidence_all_members_weigh_alike() -> None:
    nothing = PastSignals(np.zeros(0), np.zeros(0), np.zeros((0, 4)), 21)
    assert LogPool().weights(nothing).tolist() == [0.25] * 4
    assert LogPool(base_rate=0.2).weights(nothing).tolist() == [0.2] * 4
    silent = PastSignals(np.ones(9), np.full(9, 0.5), np.zeros((9, 2)), 21)
    assert LogPool().weights(silent).tolist() == [0.5, 0.5]


def test_a_strong_penalty_holds_the_weights_equal() -> None:
    seen = past(400, (0.8, 0.0))
    apart = [abs(np.diff(LogPool(penalty=penalty).weights(seen))[0]) for penalty in (1.0, 1e3, 1e6)]
    assert apart[0] > 0.5
    assert apart[0] > apart[1] > apart[2]
    assert apart[2] < 1e-3


def test_a_useless_member_loses_weight_as_evidence_grows() -> None:
    found = [LogPool().weights(past(n, (0.6, 0.0), horizon=1)) for n in (0, 300, 3_000, 30_000)]
    useless = [weights[1] for weights in found]
    assert useless[0] == 0.5
    assert all(earlier > later for earlier, later in itertools.pairwise(useless))
    assert useless[-1] < 0.03
    assert found[-1][0] == pytest.approx(0.6, abs=0.05)


def test_overlapping_labels_count_for_less() -> None:
    apart = [abs(np.diff(LogPool().weights(past(800, (0.6, 0.0), horizon=horizon)))[0]) for horizon in (1, 21)]
    assert apart[0] > 2 * apart[1]


def test_one_row_and_many_are_pooled_to_the_same_bits() -> None:
    signals = np.random.default_rng(3).normal(size=(101, 3))
    weights = (0.2, 0.3, 0.4)
    whole = pooled(weights, signals)
    assert whole.tolist() == [pooled(weights, signals[row : row + 1])[0] for row in range(101)]
    assert pooled((1.0,), signals[:, :1]).tolist() == signals[:, 0].tolist()
