"""Trailing statistics against pandas, and the promise that a row knows its own window only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.factors.engine import trailing

STATISTICS = {
    "highest": (trailing.highest, lambda r: r.max()),
    "lowest": (trailing.lowest, lambda r: r.min()),
    "mean": (lambda x, w: trailing.comoments(x[np.newaxis], w)[0][0], lambda r: r.mean()),
    "variance": (lambda x, w: trailing.comoments(x[np.newaxis], w)[1][0] / w, lambda r: r.var(ddof=0)),
}


def series(rows: int, seed: int, missing: float = 0.0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    x = generator.normal(100, 3, rows).cumsum()
    x[generator.random(rows) < missing] = np.nan
    return x


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("window", [1, 2, 3, 7, 8, 63, 100])
def test_equals_pandas(name: str, window: int) -> None:
    x = series(250, seed=1, missing=0.004)
    ours, theirs = STATISTICS[name]
    # pandas' own running sums drift, so every window is handed over as a fresh array.
    expected = pd.Series(x).rolling(window).apply(theirs, raw=True).to_numpy()
    np.testing.assert_allclose(ours(x, window), expected, rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(window=st.integers(1, 40), cut=st.integers(1, 80), before=st.integers(0, 39), seed=st.integers(0, 99))
def test_neither_the_future_nor_what_precedes_the_window_moves_a_bit(window, cut, before, seed) -> None:
    x = series(80, seed, missing=0.02)
    for ours, _ in STATISTICS.values():
        whole = ours(x, window)
        np.testing.assert_array_equal(whole[:cut], ours(x[:cut], window))
        np.testing.assert_array_equal(whole[before + window - 1 :], ours(x[before:], window)[window - 1 :])


def test_a_constant_window_has_its_value_as_mean_and_no_deviation() -> None:
    means, products = trailing.comoments(np.full((2, 30), 0.1), 7, decay=0.9)
    assert set(means[:, 6:].flat) == {0.1}
    assert set(products[:, 6:].flat) == {0.0}


@pytest.mark.parametrize(("window", "decay"), [(5, 1.0), (12, 1.0), (12, 0.5 ** (2 / 12)), (31, 0.9)])
def test_comoments_equal_weighted_covariances(window: int, decay: float) -> None:
    x = np.stack([series(60, seed) for seed in (1, 2, 3)])
    means, products = trailing.comoments(x, window, decay=decay)
    weights = decay ** np.arange(window - 1, -1, -1)
    left, right = np.triu_indices(3)
    assert np.isnan(means[:, : window - 1]).all()
    assert np.isnan(products[:, : window - 1]).all()
    for end in range(window, 61):
        block = x[:, end - window : end]
        mean = (block * weights).sum(axis=1) / weights.sum()
        centred = block - mean[:, None]
        expected = (centred * weights) @ centred.T
        np.testing.assert_allclose(means[:, end - 1], mean, rtol=1e-12)
        np.testing.assert_allclose(products[:, end - 1], expected[left, right], rtol=1e-9)


def test_logs_that_do_not_exist_are_missing_without_a_warning() -> None:
    np.testing.assert_array_equal(trailing.log_positive(np.array([-37.63, 0.0, 1.0])), [np.nan, np.nan, 0.0])
