from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bullbear.factors import registered
from bullbear.factors.engine.registry import Array, Bars
from bullbear.factors.volatility import implied


@pytest.fixture
def level() -> Array:
    random = np.random.default_rng(5)
    values = 18.0 * np.exp(np.cumsum(random.normal(0.0, 0.06, 700)))
    values[300:303] = np.nan
    return values


def test_a_level_is_told_as_published_and_a_gap_stays_a_gap(level: Array) -> None:
    assert_array_equal(implied.implied_volatility(level), level)
    assert np.isnan(implied.implied_volatility(np.array([0.0, -1.0]))).all()


def test_term_structure_is_positive_in_backwardation() -> None:
    assert_allclose(implied.implied_term(np.array([30.0, 15.0]), np.array([24.0, 18.0])), [0.25, -1 / 6], rtol=1e-12)


def test_implied_minus_realised_against_pandas(level: Array, tape: Callable[..., Bars]) -> None:
    bars = tape(700)
    realised = 100 * np.sqrt(252) * np.log(pd.Series(bars.close)).diff().rolling(21).std()
    assert_allclose(implied.implied_minus_realised(bars, level, window=21), level - realised, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("window", [1, 5, 21])
def test_change_against_pandas(level: Array, window: int) -> None:
    assert_allclose(implied.implied_change(level, window=window), np.log(pd.Series(level)).diff(window), rtol=1e-12)


def test_standard_score_against_pandas(level: Array) -> None:
    logs = np.log(pd.Series(level))
    expected = (logs - logs.rolling(63).mean()) / logs.rolling(63).std()
    assert_allclose(implied.implied_z(level, window=63), expected, rtol=1e-8, atol=1e-9)


def test_percentile_against_a_loop(level: Array) -> None:
    expected = np.full(len(level), np.nan)
    for i in range(63, len(level)):
        window = level[i - 63 : i + 1]
        if not np.isnan(window).any():
            expected[i] = np.mean(window[:-1] < window[-1])
    assert_allclose(implied.implied_percentile(level, window=63), expected, atol=1e-12)


def test_stretch_against_pandas(level: Array) -> None:
    logs = np.log(pd.Series(level))
    assert_allclose(implied.implied_stretch(level, window=21), logs - logs.rolling(21).mean(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("implied_change", {"window": 5}),
        ("implied_z", {"window": 63}),
        ("implied_percentile", {"window": 63}),
        ("implied_stretch", {"window": 21}),
        ("implied_volatility", {}),
    ],
)
def test_a_gap_spoils_only_what_touches_it_and_the_past_stays(level: Array, name: str, params: dict[str, int]) -> None:
    one = registered()[name]
    rows = one.rows_needed(params)
    values = one.function(level, **params)
    whole = one.function(np.where(np.isnan(level), 20.0, level), **params)
    assert_array_equal(values[:300], whole[:300])
    assert np.isnan(values[300:303]).all()
    assert_allclose(values[303 + rows :], whole[303 + rows :], rtol=1e-12)
    assert np.isnan(values[: rows - 1]).all()
    assert np.isfinite(values[rows - 1])
    for stop in (1, 2, rows, rows + 1, 299, 302, 511):
        assert_array_equal(one.function(level[:stop].copy(), **params), values[:stop])


def test_the_crash_of_2008_stands_out_in_the_real_vix(snapshot_dir: Path) -> None:
    with (snapshot_dir / "macro" / "VIXCLS.csv").open() as file:
        rows = [row for row in csv.reader(file)][1:]
    known = [(row[0], float(row[1])) for row in rows if row[1] not in ("", ".")]
    vix = np.array([value for _, value in known])
    crash = next(i for i, (day, _) in enumerate(known) if day == "2008-10-27")
    assert implied.implied_volatility(vix)[crash] == 80.06
    assert implied.implied_percentile(vix, window=252)[crash] == 1.0
    assert implied.implied_z(vix, window=252)[crash] > 3.0
