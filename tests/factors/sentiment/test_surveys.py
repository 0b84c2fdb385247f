from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bullbear.definitions import FactorSpec
from bullbear.factors.engine.registry import Array
from bullbear.factors.sentiment import surveys

from ..conftest import Toy


@pytest.fixture
def weekly() -> tuple[Array, Array]:
    """Shares of bulls and bears that stand for five sessions each, with a gap of a week."""
    random = np.random.default_rng(3)
    bullish, bearish = np.repeat(random.uniform(15, 60, 80), 5), np.repeat(random.uniform(15, 40, 80), 5)
    bearish[200:205] = np.nan
    return bullish, bearish


def test_spread_and_score_by_hand() -> None:
    bullish, bearish = np.array([41.9, 44.1, 30.0]), np.array([20.0, 20.5, 45.25])
    assert_allclose(surveys.bull_bear_spread(bullish, bearish), [21.9, 23.6, -15.25])
    spread = np.array([21.9, 23.6, -15.25])
    expected = (spread[2] - spread.mean()) / spread.std(ddof=1)
    assert_allclose(surveys.bull_bear_zscore(bullish, bearish, window=3), [np.nan, np.nan, expected])


@pytest.mark.parametrize("window", [10, 63])
def test_percentile_against_a_loop(weekly: tuple[Array, Array], window: int) -> None:
    spread = weekly[0] - weekly[1]
    expected = np.full(len(spread), np.nan)
    for i in range(window, len(spread)):
        if not np.isnan(spread[i - window : i + 1]).any():
            expected[i] = np.mean(spread[i - window : i] < spread[i])
    assert_allclose(surveys.bull_bear_percentile(*weekly, window=window), expected, atol=1e-12)
    assert_array_equal(
        surveys.manager_exposure_percentile(spread, window=window),
        surveys.bull_bear_percentile(spread, np.zeros(len(spread)), window=window),
    )


def test_a_survey_of_one_half_alone_is_missing() -> None:
    assert np.isnan(surveys.bull_bear_spread(np.array([40.0]), np.array([np.nan]))).all()


def test_a_survey_counts_from_its_publication(toy: Toy, spec: Callable[..., FactorSpec]) -> None:
    toy.bars("IWM", *[(f"2019-12-{day}", 160) for day in (18, 19, 20, 23, 24)])
    for series, old, new in (("AAII_BULLISH", 37.6, 44.1), ("AAII_BEARISH", 25.0, 20.5)):
        toy.observe(series, ("2019-12-12", "2019-12-13 09:30", old), ("2019-12-19", "2019-12-20 09:30", new))
    spread = spec("bull_bear_spread", bullish="AAII_BULLISH", bearish="AAII_BEARISH")
    assert_allclose(toy.at(spread, "2019-12-18", "2019-12-19", "2019-12-20"), [12.6, 12.6, 23.6])
