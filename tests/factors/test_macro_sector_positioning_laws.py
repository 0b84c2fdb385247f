"""What every factor of macro series, sectors, positioning, sentiment and implied volatility promises.

A row knows its past only, and of that its declared look-back only, to the last bit; a missing input is missing and does
not linger; a result stays within its declared bounds; the inputs are left as they were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factors.together import over

import bullbear.factors  # noqa: F401 (registers)
from bullbear.factors.engine.registry import Bars, Factor, Releases, ShortInterest, ShortVolume, registered

ROWS = 120

CASES: dict[str, dict[str, Any]] = {
    "last_known": {},
    "level_change": {"window": 21},
    "level_log_change": {"window": 13},
    "level_zscore": {"window": 20},
    "level_rise": {"window": 17},
    "below_zero_share": {"window": 11},
    "level_gap": {},
    "level_gap_change": {"window": 9},
    "small_cap_headwind": {"window": 23, "change": 7},
    "implied_volatility": {},
    "log_implied_volatility": {},
    "implied_term": {},
    "implied_change": {"window": 5},
    "implied_z": {"window": 21},
    "implied_percentile": {"window": 21},
    "implied_stretch": {"window": 8},
    "implied_minus_realised": {"window": 11},
    "term_slope": {},
    "forward_volatility": {},
    "term_percentile": {"window": 21},
    "futures_basis": {},
    "futures_roll": {},
    "futures_roll_z": {"window": 21},
    "bull_bear_spread": {},
    "bull_bear_zscore": {"window": 21},
    "bull_bear_percentile": {"window": 21},
    "manager_exposure": {},
    "manager_exposure_percentile": {"window": 21},
    "put_call_ratio": {"window": 5},
    "put_call_stretch": {"short": 5, "long": 21},
    "put_call_percentile": {"window": 21, "smooth": 5},
    "release_growth": {"periods": 12},
    "release_acceleration": {"short": 3, "long": 12},
    "release_change": {"periods": 3},
    "release_zscore": {"window": 24},
    "release_trend": {"short": 3, "long": 12},
    "release_rise": {"average": 3, "window": 12},
    "release_drawdown": {"average": 3, "window": 24},
    "sahm_gap": {},
    "relative_strength": {"window": 21},
    "relative_trend": {"window": 30},
    "relative_zscore": {"window": 30},
    "relative_drawdown": {"window": 30},
    "return_correlation": {"window": 21},
    "sectors_above_average": {"window": 20},
    "sector_dispersion": {"window": 10},
    "sector_weakness": {"trend": 20, "momentum": 15},
    "absorption_ratio": {"window": 30, "components": 2},
    "absorption_shift": {"window": 20, "components": 2, "short": 3, "long": 15},
    "mean_correlation": {"window": 15},
    "short_interest_ratio": {},
    "days_to_cover": {},
    "short_interest_change": {"window": 21},
    "short_interest_change of shares": {"window": 21, "measure": "shares"},
    "short_interest_change of days": {"window": 21, "measure": "days_to_cover"},
    "short_interest_zscore": {"window": 25},
    "short_interest_zscore of shares": {"window": 25, "measure": "shares"},
    "short_interest_zscore of days": {"window": 25, "measure": "days_to_cover"},
    "short_interest_index": {"window": 40},
    "short_interest_index of shares": {"window": 40, "measure": "shares"},
    "short_interest_index of days": {"window": 40, "measure": "days_to_cover"},
    "short_volume_ratio": {"window": 5},
    "short_volume_zscore": {"window": 21},
    "short_volume_shift": {"short": 5, "long": 21},
    "short_volume_anomaly": {"window": 21},
}
SCALE_FREE = [
    *("level_log_change", "level_zscore", "release_growth", "release_acceleration", "release_zscore", "release_trend"),
    *(
        "release_rise",
        "release_drawdown",
        "relative_strength",
        "relative_trend",
        "relative_zscore",
        "relative_drawdown",
        "return_correlation",
    ),
    *("sector_dispersion", "absorption_ratio", "absorption_shift", "mean_correlation"),
    *(name for name in CASES if name.startswith("short_interest_")),
    "days_to_cover",
    *("short_volume_ratio", "short_volume_zscore", "short_volume_shift", "short_volume_anomaly"),
]
FAMILIES = ("macro", "sectors", "positioning", "sentiment")
POSITIVE = ("implied", "term_", "forward_", "futures_", "put_call_")


def factor_of(name: str) -> Factor:
    """The factor of a case, whose name may go on to say which of its choices is meant."""
    return registered()[name.split()[0]]


WINDOWED = [name for name in CASES if factor_of(name).windowed]


def columns_of(factor_name: str, seed: int, rows: int = ROWS) -> list[dict[str, np.ndarray]]:
    """For each input of the factor its arrays by name, `rows` long."""
    generator = np.random.default_rng(seed)
    made = []
    for kind in factor_of(factor_name).inputs.values():
        if kind in ("level", "half_year_change"):
            walk = generator.normal(0, 0.1, rows).cumsum()
            positive = "log" in factor_name or factor_name.startswith(POSITIVE)
            # Two levels so close that no forward variance is negative.
            walk = 0.1 * np.sin(walk) if factor_name == "forward_volatility" else walk
            made.append({"level": 20 * np.exp(walk) if positive else walk + 0.2})
        elif kind == "releases":
            months = np.arange("2000-01", "2100-01", dtype="datetime64[M]")[:rows].astype("datetime64[us]")
            made.append({"event_date": months, "value": 100 * np.exp(generator.normal(0, 0.01, rows).cumsum())})
        elif kind == "bars":
            close = 50 * np.exp(generator.normal(0, 0.01, rows).cumsum())
            days = np.datetime64("2001-01-01", "us") + np.arange(rows) * np.timedelta64(1, "D")
            made.append({"sessions": days, "open": close, "high": close, "low": close, "close": close, "volume": close})
        elif kind == "short_volume":
            total = generator.uniform(1e6, 3e6, rows)
            made.append({"short": total * generator.uniform(0.3, 0.8, rows), "total": total})
        else:
            shares, volume = generator.uniform(1e7, 3e7, rows), generator.uniform(1e7, 2e7, rows)
            outstanding = generator.uniform(9e7, 1e8, rows)
            names = ("shares_short", "avg_daily_volume", "days_to_cover", "shares_outstanding")
            made.append(dict(zip(names, (shares, volume, shares / volume, outstanding), strict=True)))
    return made


def run(factor_name: str, columns: list[dict[str, np.ndarray]], part: slice = slice(None)) -> np.ndarray:
    factor = factor_of(factor_name)
    kinds = {"releases": Releases, "bars": Bars, "short_volume": ShortVolume, "short_interest": ShortInterest}
    arguments = []
    for kind, arrays in zip(factor.inputs.values(), columns, strict=True):
        cut = {name: values[part] for name, values in arrays.items()}
        arguments.append(cut["level"] if "level" in cut else kinds[kind](**cut))
    return factor.function(*arguments, **CASES[factor_name])


def test_every_factor_of_the_families_is_held_to_the_laws() -> None:
    # A test of a home may have registered others in this process.
    found = [each for each in registered().items() if each[1].function.__module__.startswith("bullbear.factors.")]
    # Breadth reads a whole table; tests/factors/breadth compares each of its rows with a store cut at its close.
    others = [(name, factor) for name, factor in found if factor.family != "breadth"]
    ours = {name for name, factor in others if factor.family in FAMILIES or set(factor.inputs.values()) != {"bars"}}
    assert ours == {factor_of(name).name for name in CASES}


def test_each_of_them_needs_its_look_back_only() -> None:
    assert set(WINDOWED) == set(CASES)


def with_gaps(columns: list[dict[str, np.ndarray]], seed: int) -> list[dict[str, np.ndarray]]:
    """Values that stand for some rows until the next is published, with a few that were never told."""
    generator = np.random.default_rng(seed)
    stands = np.maximum.accumulate(np.where(generator.random(ROWS) < 0.4, np.arange(ROWS), 0))
    untold = generator.random(ROWS) < 0.02
    return [
        {
            name: np.where(untold, np.nan, values[stands]) if values.dtype == np.float64 else values
            for name, values in arrays.items()
        }
        if "close" not in arrays
        else arrays  # bars are of the sessions that were traded, none of which has no price
        for arrays in columns
    ]


@pytest.mark.parametrize("published", [lambda columns, _: columns, with_gaps], ids=["daily", "now and then"])
@over("name", WINDOWED)
def test_a_windowed_factor_keeps_to_its_look_back(name: str, published: Callable[..., Any]) -> None:
    rows, generator = factor_of(name).rows_needed(CASES[name]), np.random.default_rng(len(name))
    told = 0
    for seed in range(settings.default.max_examples // 50):
        columns = published(columns_of(name, seed), seed)
        whole = run(name, columns)
        for end in range(rows, ROWS + 1):
            for more in (0, int(generator.integers(1, ROWS))):
                tail = run(name, columns, slice(max(end - rows - more, 0), end))
                np.testing.assert_array_equal(tail[-1], whole[end - 1], err_msg=f"row {end - 1}, {more} rows more")
        told += np.isfinite(whole).sum()
    assert told


@over("name", CASES)
@settings(max_examples=settings.default.max_examples // 25, deadline=None)
@given(seed=st.integers(0, 999), cut=st.integers(0, ROWS))
def test_the_future_moves_no_bit(name: str, seed: int, cut: int) -> None:
    columns = columns_of(name, seed)
    whole = run(name, columns)
    assert whole.dtype == np.float64
    assert len(whole) == ROWS
    np.testing.assert_array_equal(run(name, columns, slice(cut)), whole[:cut])


@over("name", CASES)
@settings(max_examples=settings.default.max_examples // 25, deadline=None)
@given(seed=st.integers(0, 999), ahead=st.integers(0, 60))
def test_the_look_back_is_the_true_one(name: str, seed: int, ahead: int) -> None:
    rows = factor_of(name).rows_needed(CASES[name])
    columns = columns_of(name, seed)
    end = min(rows + ahead, ROWS)
    whole = run(name, columns)
    alone = run(name, columns, slice(end - rows, end))
    assert np.isfinite(alone[-1])
    assert alone[-1] == whole[end - 1]
    assert np.isnan(run(name, columns, slice(end - rows + 1, end))).all()


@over("name", CASES)
@settings(max_examples=settings.default.max_examples // 25, deadline=None)
@given(seed=st.integers(0, 999), hole=st.integers(0, ROWS - 1), which=st.integers(0, 9))
def test_a_missing_input_is_missing_and_does_not_linger(name: str, seed: int, hole: int, which: int) -> None:
    factor = factor_of(name)
    rows = factor.rows_needed(CASES[name])
    columns = columns_of(name, seed)
    whole = run(name, columns)
    for arrays in [columns[which % len(columns)]]:
        for column, values in arrays.items():
            if values.dtype == np.float64:
                arrays[column] = np.where(np.arange(ROWS) == hole, np.nan, values)
    holed = run(name, columns)
    assert np.isnan(holed[hole])
    np.testing.assert_array_equal(holed[:hole], whole[:hole])
    np.testing.assert_array_equal(holed[hole + rows :], whole[hole + rows :])


@over("name", CASES)
def test_results_stay_within_their_bounds_and_inputs_are_untouched(name: str) -> None:
    low, high = factor_of(name).bounds or (-np.inf, np.inf)
    for seed in range(5):
        columns = columns_of(name, seed)
        before = [{k: v.copy() for k, v in arrays.items()} for arrays in columns]
        result = run(name, columns)
        seen = result[np.isfinite(result)]
        assert len(seen)
        assert seen.min() >= low
        assert seen.max() <= high
        for old, new in zip(before, columns, strict=True):
            for column in old:
                np.testing.assert_array_equal(old[column], new[column])


@pytest.mark.parametrize("scale", [1e-3, 7.0])
@over("name", SCALE_FREE)
def test_scale_does_not_matter_where_it_is_said_not_to(name: str, scale: float) -> None:
    columns = columns_of(name, seed=4)
    scaled = [
        {k: v * scale if v.dtype == np.float64 and k != "days_to_cover" else v for k, v in arrays.items()}
        for arrays in columns
    ]
    np.testing.assert_allclose(run(name, scaled), run(name, columns), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("rows", [0, 1])
@over("name", CASES)
def test_no_rows_and_one_row_are_no_mistake(name: str, rows: int) -> None:
    assert len(run(name, columns_of(name, seed=1, rows=rows))) == rows


@over("name", [n for n in CASES if n != "last_known"])
def test_what_never_moves_gives_a_plain_zero_or_nothing(name: str) -> None:
    columns = [
        {k: np.full(ROWS, 2.5 + place) if v.dtype == np.float64 else v for k, v in arrays.items()}
        for place, arrays in enumerate(columns_of(name, seed=1))
    ]
    columns = [{k: v * 2 if k in ("total", "shares_outstanding") else v for k, v in a.items()} for a in columns]
    result = run(name, columns)
    constant = {
        "level_gap": -1.0,
        "implied_volatility": 2.5,
        "log_implied_volatility": float(np.log(2.5) - np.log(100.0)),
        "implied_term": 2.5 / 3.5 - 1.0,
        "implied_minus_realised": 3.5,
        "term_slope": float(np.polyfit(np.log([1, 3, 6, 12]), np.log([2.5, 3.5, 4.5, 5.5]), 1)[0]),
        "forward_volatility": float(np.sqrt((6 * 3.5**2 - 3 * 2.5**2) / 3)),
        "futures_basis": float(np.log(2.5) - np.log(3.5)),
        "futures_roll": float(np.log(3.5) - np.log(2.5)),
        "bull_bear_spread": -1.0,
        "manager_exposure": 2.5,
        "put_call_ratio": 2.5,
        "sector_weakness": 1 / 3,
        "short_interest_ratio": 0.5,
        "days_to_cover": 1.0,
        "short_volume_ratio": 0.5,
    }
    undefined = {n for n in CASES if factor_of(n).name.endswith(("_zscore", "_index", "_anomaly"))}
    undefined |= {"small_cap_headwind", "absorption_ratio", "absorption_shift", "mean_correlation", "implied_z"}
    undefined |= {"futures_roll_z", "return_correlation"}
    if name in undefined:
        assert np.isnan(result).all()
    else:
        rows = factor_of(name).rows_needed(CASES[name])
        # No absolute tolerance: a zero is exact.
        np.testing.assert_allclose(result[rows - 1 :], constant.get(name, 0.0), rtol=1e-14, atol=0.0)
