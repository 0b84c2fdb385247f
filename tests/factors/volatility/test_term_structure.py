from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from bullbear.errors import InputError
from bullbear.factors import registered
from bullbear.factors.engine.registry import Array
from bullbear.factors.volatility import term_structure


@pytest.fixture
def curve() -> Array:
    """Four levels of 300 sessions, shape (4, 300), with a gap in the third."""
    random = np.random.default_rng(11)
    vix = 18.0 * np.exp(np.cumsum(random.normal(0.0, 0.05, 300)))
    levels = np.stack([vix * (vix / 18.0) ** -power for power in (0.0, 0.3, 0.45, 0.6)])
    levels *= np.exp(random.normal(0.0, 0.02, levels.shape))
    levels[2, 100] = np.nan
    return levels


def test_slope_is_that_of_a_regression(curve: Array) -> None:
    months = np.log([1.0, 3.0, 6.0, 12.0])
    expected = [np.polyfit(months, np.log(day), 1)[0] if np.isfinite(day).all() else np.nan for day in curve.T]
    assert_allclose(term_structure.term_slope(*curve), expected, rtol=1e-9, atol=1e-12)


def test_forward_volatility_joins_the_horizons(curve: Array) -> None:
    near, far = curve[1], curve[2]
    forward = term_structure.forward_volatility(near, far, near_months=3, far_months=6)
    known = np.isfinite(forward)
    assert known.sum() > 250
    # Three months at the near volatility and three at the forward one make six at the far one.
    assert_allclose(((3 * near**2 + 3 * forward**2) / 6)[known], far[known] ** 2, rtol=1e-12)


def test_a_negative_forward_variance_is_missing() -> None:
    assert np.isnan(term_structure.forward_volatility(np.array([30.0]), np.array([20.0]))).all()
    with pytest.raises(InputError, match="far_months: got 3"):
        registered()["forward_volatility"].rows_needed({"near_months": 3, "far_months": 3})


def test_percentile_of_the_ratio_against_a_loop(curve: Array) -> None:
    ratio = curve[0] / curve[2]
    expected = np.full(300, np.nan)
    for i in range(63, 300):
        if not np.isnan(ratio[i - 63 : i + 1]).any():
            expected[i] = np.mean(ratio[i - 63 : i] < ratio[i])
    assert_allclose(term_structure.term_percentile(curve[0], curve[2], window=63), expected, atol=1e-12)


def test_basis_and_roll_of_literal_settlements() -> None:
    # 2019-12-17, the last day of the December future, and the day after, when January was the first month.
    first, second, vix = np.array([12.45, 14.85]), np.array([14.85, 16.40]), np.array([12.29, 12.58])
    assert_allclose(term_structure.futures_basis(first, vix), np.log([12.45 / 12.29, 14.85 / 12.58]))
    assert_allclose(term_structure.futures_roll(first, second), np.log([14.85 / 12.45, 16.40 / 14.85]))


def test_score_of_the_roll_against_pandas(curve: Array) -> None:
    roll = pd.Series(np.log(curve[1] / curve[0]))
    expected = (roll - roll.rolling(63).mean()) / roll.rolling(63).std()
    assert_allclose(term_structure.futures_roll_z(curve[0], curve[1], window=63), expected, rtol=1e-8, atol=1e-9)


def test_the_curve_was_upside_down_in_the_autumn_of_2008(snapshot_dir: Path) -> None:
    levels = [
        pd.read_csv(snapshot_dir / "macro" / f"{name}.csv", index_col="date")["value"]
        for name in ("VX_M1", "VX_M2", "VIXCLS")
    ]
    table = pd.concat(levels, axis=1, keys=["first", "second", "vix"]).dropna()
    roll = pd.Series(term_structure.futures_roll(*table[["first", "second"]].to_numpy().T), table.index)
    basis = pd.Series(term_structure.futures_basis(*table[["first", "vix"]].to_numpy().T), table.index)
    assert (roll["2008-10-01":"2008-10-31"] < 0).all()
    assert (basis["2008-10-01":"2008-10-31"] < 0).mean() > 0.9
    assert roll["2017-01-01":"2017-12-31"].mean() > 0.08
