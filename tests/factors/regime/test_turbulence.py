from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bullbear.factors.engine.registry import Bars, registered
from bullbear.factors.engine.windows import bars_from, log_returns
from bullbear.factors.regime.turbulence import correlation_surprise, distances, turbulence


def part(bars: Bars, start: int, stop: int) -> Bars:
    return Bars(**{field.name: getattr(bars, field.name)[start:stop].copy() for field in fields(Bars)})


@pytest.fixture(scope="module")
def nine(tape: Callable[..., Bars]) -> list[Bars]:
    """Nine sectors with a common part."""
    market = tape(300).close
    return [bars_from((tape(300, seed=10 + k).close * market).tolist()) for k in range(9)]


def test_distance_by_hand() -> None:
    # Before the last day: means 1 and 2/3, variances 1 and 1/3, covariance 0; away by 2 and by 10/3.
    full, apart = distances(np.array([[0.0, 1.0, 2.0, 3.0], [1.0, 0.0, 1.0, 4.0]]), 3)
    assert full[-1] == pytest.approx((2.0**2 / 1.0 + (10 / 3) ** 2 / (1 / 3)) / 2)
    assert apart[-1] == pytest.approx(full[-1])
    assert np.isnan(full[:3]).all()


@pytest.mark.parametrize("row", [81, 200, 299])
def test_against_numpy(nine: list[Bars], row: int) -> None:
    returns = np.stack([log_returns(bars.close) for bars in nine])
    full, apart = distances(returns, 80)
    before = returns[:, row - 80 : row]
    away = returns[:, row] - before.mean(axis=1)
    covariance = np.cov(before)
    assert full[row] == pytest.approx(away @ np.linalg.solve(covariance, away) / 9, rel=1e-9)
    assert apart[row] == pytest.approx((away**2 / np.diag(covariance)).mean(), rel=1e-9)


def test_smoothing_and_surprise(nine: list[Bars]) -> None:
    full, apart = distances(np.stack([log_returns(bars.close) for bars in nine]), 80)
    assert turbulence(*nine, window=80, smooth=5)[299] == pytest.approx(np.log(full[295:300].mean()))
    expected = np.log(full[295:300].mean() / apart[295:300].mean())
    assert correlation_surprise(*nine, window=80, smooth=5)[299] == pytest.approx(expected)


def test_moving_against_the_usual_relation_surprises() -> None:
    random = np.random.default_rng(0)
    common = random.normal(0.0, 0.01, 120)
    returns = common + random.normal(0.0, 0.002, (9, 120))
    with_the_rest, against = returns.copy(), returns.copy()
    with_the_rest[:, -1], against[:, -1] = 0.01, 0.01
    against[4, -1] = -0.01

    def surprise(r: np.ndarray) -> float:
        return correlation_surprise(*(bars_from(np.exp(np.cumsum(row)).tolist()) for row in r), window=100, smooth=1)[
            -1
        ]

    assert surprise(with_the_rest) < -1.0 < 1.0 < surprise(against)


def test_a_sector_that_stands_still_or_repeats_another_is_missing(nine: list[Bars]) -> None:
    still = bars_from([5.0] * 300)
    assert np.isnan(turbulence(*nine[:8], still, window=80, smooth=1)).all()
    assert np.isnan(turbulence(*nine[:8], nine[0], window=80, smooth=1)).all()


@pytest.mark.parametrize("name", ["turbulence", "correlation_surprise"])
def test_exactly_the_look_back_gives_the_same_bits(name: str, nine: list[Bars]) -> None:
    factor, params = registered()[name], {"window": 80, "smooth": 5}
    rows = factor.rows_needed(params)
    assert rows == 86
    values = factor.function(*nine, **params)
    assert np.isnan(values[: rows - 1]).all()
    assert not np.isnan(values[rows - 1 :]).any()
    for last in range(rows - 1, 300, 17):
        alone = factor.function(*(part(bars, last - rows + 1, last + 1) for bars in nine), **params)
        assert_array_equal(alone[-1], values[last])
        assert_allclose(factor.function(*(part(bars, 0, last + 1) for bars in nine), **params), values[: last + 1])
