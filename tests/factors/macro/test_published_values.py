"""Macro factors against plain pandas, by hand, and against the published real-time Sahm rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.factors.engine.registry import Releases
from bullbear.factors.macro import published_values as macro
from bullbear.factors.macro import releases as macro_releases


def level(rows: int = 300, seed: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).normal(0, 0.1, rows).cumsum() + 1
    x[[40, 41, 200]] = np.nan
    return x


def monthly(values: np.ndarray | list[float], start: str = "2000-01", step: int = 1) -> Releases:
    months = np.datetime64(start, "M") + step * np.arange(len(values))
    return Releases(months.astype("datetime64[us]"), np.asarray(values, dtype=np.float64))


def counts(rows: int = 80, seed: int = 0) -> np.ndarray:
    return 200 * np.exp(np.random.default_rng(seed).normal(0.002, 0.02, rows).cumsum())


def close(ours: np.ndarray, oracle: pd.Series) -> None:
    np.testing.assert_allclose(ours, oracle.to_numpy(), rtol=1e-9, atol=1e-11)


def test_levels_equal_plain_pandas() -> None:
    x, y = level(seed=1), level(seed=2)
    s, r = pd.Series(x), pd.Series(y)
    close(macro.last_known(x), s)
    close(macro.level_change(x, window=21), s - s.shift(21))
    close(macro.level_log_change(x, window=63), np.log(s.where(s > 0)).diff(63))
    window = s.rolling(30)
    close(macro.level_zscore(x, window=30), (s - window.mean()) / window.std())
    close(macro.level_rise(x, window=30), s - window.min())
    close(macro.below_zero_share(x, window=30), (s < 0).astype(float).where(s.notna()).rolling(30).mean())
    close(macro.level_gap(x, y), s - r)
    close(macro.level_gap_change(x, y, window=5), (s - r).diff(5))


def test_headwind_equals_its_formula() -> None:
    rate, spread, slack = (pd.Series(level(seed=seed)) for seed in (1, 2, 3))

    def z(s: pd.Series) -> pd.Series:
        return (s - s.rolling(50).mean()) / s.rolling(50).std()

    expected = (z(rate + spread) + z(spread.diff(10)) + z(slack)) / 3
    ours = macro.small_cap_headwind(rate.to_numpy(), spread.to_numpy(), slack.to_numpy(), window=50, change=10)
    close(ours[59:], expected[59:])


def test_headwind_does_not_depend_on_a_constant_leverage() -> None:
    rate, spread, slack = level(seed=1), level(seed=2), level(seed=3)
    once = macro.small_cap_headwind(rate, spread, slack, window=50, change=10)
    thrice = macro.small_cap_headwind(3 * rate, 3 * spread, slack, window=50, change=10)
    np.testing.assert_allclose(thrice, once, rtol=1e-9)


def test_oil_sold_below_zero_has_no_logarithmic_change() -> None:
    oil = np.array([20.0, 18.0, -37.63, 10.0, 12.0])
    result = macro.level_log_change(oil, window=1)
    np.testing.assert_array_equal(np.isnan(result), [True, False, True, True, False])


def test_releases_equal_plain_pandas() -> None:
    values = counts()
    releases, s = monthly(values), pd.Series(values)
    close(macro_releases.release_growth(releases, periods=6), 2 * np.log(s / s.shift(6)))
    close(
        macro_releases.release_acceleration(releases, short=3, long=12),
        4 * np.log(s / s.shift(3)) - np.log(s / s.shift(12)),
    )
    close(macro_releases.release_change(releases, periods=3), s.diff(3))
    close(macro_releases.release_zscore(releases, window=36), (s - s.rolling(36).mean()) / s.rolling(36).std())
    close(macro_releases.release_trend(releases, short=3, long=12), np.log(s.rolling(3).mean() / s.rolling(12).mean()))
    m = s.rolling(2).mean()
    close(macro_releases.release_rise(releases, average=2, window=12), np.log(m / m.shift(1).rolling(12).min()))
    close(macro_releases.release_drawdown(releases, average=2, window=24), np.log(m / m.rolling(24).max()))
    m3 = s.rolling(3).mean()
    close(macro_releases.sahm_gap(releases), m3 - m3.shift(1).rolling(12).min())


def test_quarterly_growth_is_annualised_by_its_step() -> None:
    output = monthly([100.0, 101.0, 102.0, 103.0, 104.0], step=3)
    year = macro_releases.release_growth(output, periods=4, step=3)
    quarter = macro_releases.release_growth(output, periods=1, step=3)
    assert year[-1] == pytest.approx(np.log(1.04))
    assert quarter[-1] == pytest.approx(4 * np.log(104 / 103))


def test_a_release_that_was_cancelled_breaks_the_windows_that_span_it() -> None:
    values = counts(40)
    months = monthly(values).event_date
    kept = np.arange(40) != 20
    gapped = Releases(months[kept], values[kept])
    result = macro_releases.release_growth(gapped, periods=12)
    whole = macro_releases.release_growth(monthly(values), periods=12)[kept]
    np.testing.assert_array_equal(
        np.isnan(result), (np.arange(39) < 12) | ((np.arange(39) >= 20) & (np.arange(39) < 32))
    )
    np.testing.assert_array_equal(result[32:], whole[32:])


@pytest.mark.parametrize(
    ("function", "params"),
    [
        ("release_growth", {"periods": 12}),
        ("release_acceleration", {"short": 3, "long": 12}),
        ("release_trend", {"short": 3, "long": 12}),
        ("release_rise", {"average": 3, "window": 12}),
        ("release_drawdown", {"average": 3, "window": 24}),
    ],
)
def test_a_vintage_in_persons_equals_one_in_thousands(function: str, params: dict[str, int]) -> None:
    thousands = monthly(counts(36))
    persons = Releases(thousands.event_date, thousands.value * 1000)
    ours = getattr(macro_releases, function)
    np.testing.assert_allclose(ours(persons, **params), ours(thousands, **params), rtol=1e-9, atol=1e-12)


def test_sahm_rule_from_vintages_is_the_published_real_time_one(snapshot_dir: Path) -> None:
    """SAHMREALTIME was computed by its author from what was known each month; so is ours, in all 245 months."""
    published = pd.read_csv(snapshot_dir / "macro" / "SAHMREALTIME.csv", index_col="date")["value"]
    vintages = pd.read_csv(snapshot_dir / "vintages" / "UNRATE.csv")
    ours, theirs = [], []
    for _, known in vintages.groupby("vintage"):
        releases = Releases(known["date"].to_numpy("datetime64[us]"), known["value"].to_numpy(float))
        ours.append(macro_releases.sahm_gap(releases)[-1])
        theirs.append(published[known["date"].iloc[-1]])
    assert len(ours) == 245
    # The published figures are rounded to hundredths.
    np.testing.assert_allclose(ours, theirs, atol=0.005)


def test_growth_within_a_vintage_is_not_growth_across_a_change_of_base_year(snapshot_dir: Path) -> None:
    """Real output was rebased from 1992 to 1996 dollars in the vintage of November 1999."""
    vintages = pd.read_csv(snapshot_dir / "vintages" / "ROUTPUT.csv")
    before, after = (vintages[vintages["vintage"] == day].set_index("date") for day in ("1999-08-16", "1999-11-16"))
    releases = Releases(after.index.to_numpy("datetime64[us]"), after["value"].to_numpy(float))
    within = macro_releases.release_growth(releases, periods=1, step=3)[-1]
    across = 4 * np.log(after["value"].iloc[-1] / before["value"].iloc[-1])
    assert within == pytest.approx(0.047, abs=0.002)
    assert across > 0.15
