from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from bullbear.errors import InputError
from bullbear.factors import registered
from bullbear.factors.engine.registry import Array
from bullbear.factors.sentiment import put_call


@pytest.fixture
def ratio() -> Array:
    values = 0.65 * np.exp(np.random.default_rng(9).normal(0.0, 0.2, 400))
    values[150:152] = np.nan
    return values


@pytest.mark.parametrize("window", [1, 5, 21])
def test_level_against_pandas(ratio: Array, window: int) -> None:
    expected = pd.Series(ratio).rolling(window).mean()
    assert_allclose(put_call.put_call_ratio(ratio, window=window), expected, rtol=1e-9)


def test_a_ratio_of_nothing_is_missing() -> None:
    assert np.isnan(put_call.put_call_ratio(np.array([0.0, -1.0]))).all()


def test_stretch_against_pandas(ratio: Array) -> None:
    means = {window: np.log(pd.Series(ratio).rolling(window).mean()) for window in (5, 63)}
    assert_allclose(put_call.put_call_stretch(ratio, short=5, long=63), means[5] - means[63], rtol=1e-7, atol=1e-12)
    with pytest.raises(InputError, match="long: got 5"):
        registered()["put_call_stretch"].rows_needed({"short": 5, "long": 5})


def test_percentile_against_a_loop(ratio: Array) -> None:
    smoothed = put_call.put_call_ratio(ratio, window=5)
    expected = np.full(len(ratio), np.nan)
    for i in range(63, len(ratio)):
        if not np.isnan(smoothed[i - 63 : i + 1]).any():
            expected[i] = np.mean(smoothed[i - 63 : i] < smoothed[i])
    assert_allclose(put_call.put_call_percentile(ratio, window=63, smooth=5), expected, atol=1e-12)
