"""The engine: every row is what its own close would have given, from literal rows up to every factor in use.

`toy.at` computes one batch and, for each day, the same factor alone on the store as it was known at that day's close;
both must agree to the last bit before a value is compared with the literal one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.data import Store
from bullbear.data.simulator import load as load_simulation
from bullbear.data.simulator import simulate
from bullbear.data.snapshot import ingest
from bullbear.definitions import FactorSpec
from bullbear.errors import InputError
from bullbear.factors import compute, load
from bullbear.factors.engine.registry import Array, Bars, Releases, ShortInterest, ShortVolume
from bullbear.sessions import between, closes, day, offset
from bullbear.shipped import FEATURES as SHIPPED

FEATURES = [
    path
    for path in sorted((Path(__file__).resolve().parents[3] / "features").glob("*.toml"))
    if path.stem in SHIPPED and "factor" in tomllib.loads(path.read_text(encoding="utf-8"))
]
NAN = float("nan")
LATER = pd.Timestamp("2030-01-01", tz="UTC")
Spec = Callable[..., FactorSpec]


@pytest.fixture
def close(register: Any, spec: Spec) -> FactorSpec:
    """The close of A itself, which no real factor returns: levels mean nothing."""

    @register(family="technical", inputs={"bars": "bars"}, unit="dollars", lookback=lambda: 1)
    def toy_close(bars: Bars) -> Array:
        return bars.close

    return spec("toy_close", bars="A")


@pytest.fixture
def ratio(register: Any, spec: Spec) -> FactorSpec:
    @register(family="technical", inputs={"one": "bars", "two": "bars"}, unit="ratio", lookback=lambda: 1)
    def toy_ratio(one: Bars, two: Bars) -> Array:
        return one.close / two.close

    return spec("toy_ratio", one="A", two="B")


@pytest.fixture
def total(register: Any, spec: Spec) -> FactorSpec:
    """The sum of all releases so far: any release that should not be there shows."""

    @register(family="macro", inputs={"releases": "releases"}, unit="unit of the series", lookback=lambda: 1)
    def toy_total(releases: Releases) -> Array:
        return np.cumsum(releases.value)

    return spec("toy_total", releases="UNRATE")


# Bars


def test_a_bar_is_known_at_its_own_close(toy: Any, close: FactorSpec) -> None:
    toy.bars("A", ("2019-12-23", 10.0), ("2019-12-24", 11.0), ("2019-12-26", 12.0))
    assert toy.at(close, "2019-12-23", "2019-12-24", "2019-12-26") == [10.0, 11.0, 12.0]


def test_a_bar_quoted_after_the_close_serves_the_next_session(toy: Any, spec: Spec, close: FactorSpec) -> None:
    # Christmas Eve closes at 13:00, and its index at 13:15.
    toy.bars(
        "A",
        ("2019-12-23", 10.0, "2019-12-23 16:15"),
        ("2019-12-24", 11.0, "2019-12-24 13:15"),
        ("2019-12-26", 12.0, "2019-12-26 16:15"),
    )
    np.testing.assert_array_equal(toy.at(close, "2019-12-23", "2019-12-24", "2019-12-26"), [NAN, 10.0, 11.0])


def test_an_index_of_cboe_comes_a_session_late_by_its_rule(toy: Any, spec: Spec, close: FactorSpec) -> None:
    from bullbear.data.snapshot import ingest_frames

    days = between("2019-12-19", "2019-12-26")
    price = [15.0, 16.0, 17.0, 18.0, 19.0]
    frame = pd.DataFrame({"date": days, **dict.fromkeys(("open", "high", "low", "close", "adj_close"), price)})
    frame["volume"] = 0.0
    ingest_frames({("prices", "^VIX"): frame, ("prices", "A"): frame}, toy.store, pd.Timestamp("2020-01-02", tz="UTC"))
    late = close.model_copy(update={"inputs": {"bars": "^VIX"}})
    assert toy.at(late, "2019-12-24", "2019-12-26") == [17.0, 18.0]
    assert toy.at(close, "2019-12-24", "2019-12-26") == [18.0, 19.0]


def test_a_corrected_bar_counts_from_its_correction_on(toy: Any, spec: Spec) -> None:
    roc = spec("roc", bars="A", window=2)
    toy.bars("A", ("2019-12-16", 10.0), ("2019-12-17", 20.0), ("2019-12-18", 30.0), ("2019-12-19", 40.0))
    toy.bars("A", ("2019-12-20", 50.0), ("2019-12-17", 16.0, "2019-12-19 09:00"))
    days = ["2019-12-16", "2019-12-17", "2019-12-18", "2019-12-19", "2019-12-20"]
    # 18 December still divides by nothing corrected; 19 December by the corrected 16.
    np.testing.assert_allclose(toy.at(roc, *days), [NAN, NAN, 200.0, 150.0, 200 / 3], rtol=1e-14)


def test_a_correction_at_the_close_itself_is_known_then(toy: Any, close: FactorSpec) -> None:
    toy.bars("A", ("2019-12-17", 20.0), ("2019-12-17", 16.0, "2019-12-18 16:00"), ("2019-12-18", NAN))
    assert toy.at(close, "2019-12-17", "2019-12-18") == [20.0, 16.0]


def test_a_bar_that_arrives_after_its_followers_is_no_part_of_their_past(toy: Any, spec: Spec) -> None:
    roc = spec("roc", bars="A", window=1)
    toy.bars("A", ("2019-12-16", 10.0), ("2019-12-17", 20.0, "2019-12-18 20:00"), ("2019-12-18", 40.0))
    toy.bars("A", ("2019-12-19", 60.0))
    days = ["2019-12-16", "2019-12-17", "2019-12-18", "2019-12-19"]
    np.testing.assert_array_equal(toy.at(roc, *days), [NAN, NAN, 300.0, 50.0])


def test_without_todays_bar_yesterdays_row_serves_and_nothing_older(toy: Any, close: FactorSpec) -> None:
    toy.bars("A", ("2019-12-16", 10.0), ("2019-12-19", 40.0))
    days = ["2019-12-16", "2019-12-17", "2019-12-18", "2019-12-19"]
    np.testing.assert_array_equal(toy.at(close, *days), [10.0, 10.0, NAN, 40.0])


def test_a_bar_without_all_its_prices_did_not_trade(toy: Any, spec: Spec) -> None:
    roc = spec("roc", bars="A", window=1)
    toy.bars("A", ("2019-12-16", 10.0), ("2019-12-17", NAN), ("2019-12-18", 30.0))
    np.testing.assert_array_equal(toy.at(roc, "2019-12-17", "2019-12-18"), [NAN, 200.0])


def test_prices_are_adjusted_by_the_ratio_known(toy: Any, register: Any, spec: Spec) -> None:
    @register(family="technical", inputs={"bars": "bars"}, unit="dollars", lookback=lambda: 1)
    def toy_sum(bars: Bars) -> Array:
        return bars.open + 10 * bars.high + 100 * bars.low + 1000 * bars.close

    row = pd.DataFrame(
        {"series": "A", "event_date": [day("2019-12-16")], "known_at": closes(pd.DatetimeIndex([day("2019-12-16")]))}
    ).assign(open=3.0, high=5.0, low=2.0, close=4.0, adj_close=2.0, volume=7.0)
    toy.store.append("bars", row)
    assert toy.at(spec("toy_sum", bars="A"), "2019-12-16") == [1.5 + 25.0 + 100.0 + 2000.0]


def test_two_tickers_meet_on_the_sessions_of_both(toy: Any, ratio: FactorSpec) -> None:
    toy.bars("A", ("2019-12-16", 10.0), ("2019-12-17", 20.0), ("2019-12-18", 30.0), ("2019-12-19", 40.0))
    toy.bars("B", ("2019-12-17", 2.0), ("2019-12-19", 5.0))
    days = ["2019-12-16", "2019-12-17", "2019-12-18", "2019-12-19"]
    np.testing.assert_array_equal(toy.at(ratio, *days), [NAN, 10.0, 10.0, 8.0])


def test_the_later_of_two_tickers_decides_when_a_row_is_known(toy: Any, ratio: FactorSpec) -> None:
    toy.bars("A", ("2019-12-17", 20.0), ("2019-12-18", 30.0), ("2019-12-19", 40.0))
    toy.bars("B", ("2019-12-17", 2.0, "2019-12-17 16:15"), ("2019-12-18", 3.0, "2019-12-18 16:15"))
    toy.bars("B", ("2019-12-19", 5.0, "2019-12-19 16:15"), ("2019-12-18", 6.0, "2019-12-19 09:00"))
    np.testing.assert_array_equal(toy.at(ratio, "2019-12-17", "2019-12-18", "2019-12-19"), [NAN, 10.0, 5.0])


def test_one_series_in_two_roles_is_joined_with_itself(toy: Any, ratio: FactorSpec) -> None:
    toy.bars("A", ("2019-12-17", 20.0), ("2019-12-18", 30.0))
    same = ratio.model_copy(update={"inputs": {"one": "A", "two": "A"}})
    assert toy.at(same, "2019-12-17", "2019-12-18") == [1.0, 1.0]


# Levels and releases


def test_a_level_is_the_newest_value_published_by_the_close(toy: Any, spec: Spec) -> None:
    toy.observe(
        "DGS10",
        ("2019-12-16", "2019-12-17 16:15", 1.7),
        ("2019-12-17", "2019-12-18 16:00", 1.8),
        ("2019-12-18", "2019-12-19 09:30", 1.9),
    )
    days = ["2019-12-17", "2019-12-18", "2019-12-19"]
    np.testing.assert_array_equal(toy.at(spec("last_known", level="DGS10"), *days), [NAN, 1.8, 1.9])


def test_a_revised_level_counts_from_its_revision_on(toy: Any, spec: Spec) -> None:
    toy.observe("DGS10", ("2019-12-16", "2019-12-17 09:00", 1.7), ("2019-12-16", "2019-12-18 09:00", 1.5))
    toy.observe("DGS10", ("2019-12-13", "2019-12-19 09:00", 9.0))
    days = ["2019-12-17", "2019-12-18", "2019-12-19"]
    # The last row corrects an older day: news about the past, not the newest value.
    assert toy.at(spec("last_known", level="DGS10"), *days) == [1.7, 1.5, 1.5]
    change = spec("level_change", level="DGS10", window=1)
    np.testing.assert_allclose(toy.at(change, *days), [NAN, -0.2, 0.0], atol=1e-15)


def test_a_level_that_is_overdue_is_missing(toy: Any, spec: Spec) -> None:
    # NAPM: known three business days after its month; overdue 108 days after the month began, on 18 April.
    toy.observe("NAPM", ("2016-01-01", "2016-02-03 10:00", 48.2))
    level = spec("last_known", level="NAPM")
    days = ["2016-02-02", "2016-02-03", "2016-04-15", "2016-04-18", "2019-12-31"]
    np.testing.assert_array_equal(toy.at(level, *days), [NAN, 48.2, 48.2, NAN, NAN])


def test_a_series_without_a_rule_is_judged_by_what_was_known_of_it(toy: Any, spec: Spec) -> None:
    # One value alone might be a quarter's; with a second one, a day later, the series turns out to be daily.
    toy.observe("NEW", ("2019-11-01", "2019-11-04 09:00", 1.0), ("2019-12-18", "2019-12-19 09:00", 2.0))
    toy.observe("NEW", ("2019-12-19", "2019-12-20 09:00", 3.0), ("2019-12-20", "2019-12-23 09:00", 4.0))
    level = spec("last_known", level="NEW")
    assert toy.at(level, "2019-11-04", "2019-12-18", "2019-12-19", "2019-12-23") == [1.0, 1.0, 2.0, 4.0]
    np.testing.assert_array_equal(toy.at(level, "2020-02-03"), [NAN])


def test_releases_are_summed_in_the_version_known(toy: Any, total: FactorSpec) -> None:
    toy.observe(
        "UNRATE",
        ("2019-08-01", "2019-09-06 08:30", 3.0),
        ("2019-09-01", "2019-10-04 08:30", 4.0),
        ("2019-08-01", "2019-10-04 08:30", 3.5),
        ("2019-08-01", "2019-10-21 08:30", 2.5),
        ("2019-10-01", "2019-11-01 16:15", 5.0),
    )
    days = ["2019-09-05", "2019-09-06", "2019-10-04", "2019-10-18", "2019-10-21", "2019-11-01", "2019-11-04"]
    np.testing.assert_array_equal(toy.at(total, *days), [NAN, 3.0, 7.5, 7.5, 6.5, 6.5, 11.5])


def test_a_period_published_late_joins_from_then_on(toy: Any, total: FactorSpec) -> None:
    toy.observe("UNRATE", ("2019-08-01", "2019-09-06 08:30", 3.0), ("2019-10-01", "2019-11-01 08:30", 5.0))
    toy.observe("UNRATE", ("2019-09-01", "2019-11-05 08:30", 4.0))
    assert toy.at(total, "2019-10-31", "2019-11-04", "2019-11-05") == [3.0, 8.0, 12.0]


def test_a_half_year_change_never_mixes_two_vintages(toy: Any, register: Any, spec: Spec) -> None:
    # A benchmark revision lifts every month by 10 in January: the rate still rose by 0.6 in six months, then by 0.7.
    @register(family="macro", inputs={"slack": "half_year_change"}, unit="points", lookback=lambda: 1)
    def toy_change(slack: Array) -> Array:
        return slack

    months = [f"{each:%Y-%m-%d}" for each in pd.date_range("2018-06-01", "2019-01-01", freq="MS")]
    for number, rate in enumerate([4.0, 4.1, 4.2, 4.3, 4.4, 4.5, 4.6]):
        toy.observe("UNRATE", (months[number], "2019-01-04 08:30", rate, "2019-01-04"))
    for number, rate in enumerate([14.0, 14.1, 14.2, 14.3, 14.4, 14.5, 14.6, 14.8]):
        toy.observe("UNRATE", (months[number], "2019-02-01 08:30", rate, "2019-02-01"))
    days = ["2019-01-03", "2019-01-04", "2019-01-31", "2019-02-01"]
    values = toy.at(spec("toy_change", slack="UNRATE"), *days)
    np.testing.assert_allclose(values, [NAN, 0.6, 0.6, 0.7], atol=1e-12)


def test_one_vintage_never_mixes_with_another(toy: Any, spec: Spec) -> None:
    # The base year changes with the second vintage: 120 and 100 are the same level.
    toy.observe(
        "INDPRO",
        ("2002-08-01", "2002-10-16 23:59", 118.8, "2002-10-16"),
        ("2002-09-01", "2002-10-16 23:59", 120.0, "2002-10-16"),
        ("2002-08-01", "2002-11-15 23:59", 99.0, "2002-11-15"),
        ("2002-09-01", "2002-11-15 23:59", 100.0, "2002-11-15"),
        ("2002-10-01", "2002-11-15 23:59", 101.0, "2002-11-15"),
    )
    growth = spec("release_growth", releases="INDPRO", periods=1)
    first = 12 * np.log(120 / 118.8)  # per year; across the vintages it would be 12 * log(101 / 120)
    days = ["2002-10-16", "2002-10-17", "2002-11-15", "2002-11-18"]
    level = spec("last_known", level="INDPRO")
    np.testing.assert_array_equal(toy.at(level, *days), [NAN, 120.0, 120.0, 101.0])
    np.testing.assert_allclose(toy.at(growth, *days)[1:], [first, first, 12 * np.log(1.01)], rtol=1e-12)


def test_a_corrected_vintage_counts_from_its_correction_on(toy: Any, total: FactorSpec) -> None:
    toy.observe(
        "UNRATE",
        ("2019-08-01", "2019-10-04 23:59", 3.0, "2019-10-04"),
        ("2019-09-01", "2019-10-04 23:59", 4.0, "2019-10-04"),
        ("2019-08-01", "2019-11-01 23:59", 3.1, "2019-11-01"),
        ("2019-09-01", "2019-11-01 23:59", 4.1, "2019-11-01"),
        ("2019-10-01", "2019-11-01 23:59", 5.0, "2019-11-01"),
    )
    # Corrections of one value each: of a vintage already replaced, and of the one in force.
    toy.observe("UNRATE", ("2019-09-01", "2019-11-12 09:00", 40.0, "2019-10-04"))
    toy.observe("UNRATE", ("2019-08-01", "2019-11-14 09:00", 31.0, "2019-11-01"))
    days = ["2019-10-07", "2019-11-01", "2019-11-04", "2019-11-12", "2019-11-13", "2019-11-14"]
    assert toy.at(total, *days) == [7.0, 7.0, 12.2, 12.2, 12.2, 31.0 + 4.1 + 5.0]


def test_a_vintage_corrected_while_in_force(toy: Any, total: FactorSpec, spec: Spec) -> None:
    toy.observe("UNRATE", ("2019-09-01", "2019-10-04 23:59", 4.0, "2019-10-04"))
    toy.observe("UNRATE", ("2019-09-01", "2019-10-10 09:00", 4.5, "2019-10-04"))
    toy.observe("UNRATE", ("2019-10-01", "2019-11-01 23:59", 5.0, "2019-11-01"))
    days = ["2019-10-07", "2019-10-09", "2019-10-10", "2019-11-04"]
    assert toy.at(total, *days) == [4.0, 4.0, 4.5, 5.0]
    assert toy.at(spec("last_known", level="UNRATE"), *days) == [4.0, 4.0, 4.5, 5.0]


def test_a_vintage_that_arrives_after_a_newer_one_is_never_in_force(toy: Any, total: FactorSpec) -> None:
    toy.observe("UNRATE", ("2019-09-01", "2019-10-04 23:59", 4.0, "2019-10-04"))
    toy.observe("UNRATE", ("2019-08-01", "2019-10-10 09:00", 3.0, "2019-09-06"))
    assert toy.at(total, "2019-10-07", "2019-10-11") == [4.0, 4.0]


def test_what_was_known_before_the_first_vintage_serves_until_it(toy: Any, total: FactorSpec) -> None:
    toy.observe("UNRATE", ("2019-08-01", "2019-09-06 08:30", 3.0), ("2019-09-01", "2019-10-04 08:30", 4.0))
    toy.observe("UNRATE", ("2019-09-01", "2019-10-15 23:59", 4.5, "2019-10-15"))
    toy.observe("UNRATE", ("2019-08-01", "2019-10-17 09:00", 30.0))
    days = ["2019-09-06", "2019-10-04", "2019-10-15", "2019-10-16", "2019-10-18"]
    assert toy.at(total, *days) == [3.0, 7.0, 7.0, 4.5, 4.5]


# Positioning


def test_short_volume_of_a_session_serves_the_next(toy: Any, spec: Spec) -> None:
    toy.short_volume("A", ("2019-12-16", "2019-12-16 18:00", 3.0, 10.0), ("2019-12-17", "2019-12-17 18:00", 5.0, 10.0))
    days = ["2019-12-16", "2019-12-17", "2019-12-18", "2019-12-23", "2019-12-24"]
    np.testing.assert_allclose(
        toy.at(spec("short_volume_ratio", short_volume="A", window=1), *days), [NAN, 0.3, 0.5, 0.5, NAN]
    )


def test_short_interest_serves_from_its_publication_until_it_is_overdue(toy: Any, spec: Spec) -> None:
    toy.short_interest(
        "A",
        ("2019-11-15", "2019-11-27 16:00", 30.0, 10.0, 3.0, 100.0),
        ("2019-11-29", "2019-12-10 16:00", 50.0, 10.0, 5.0, 100.0),
        ("2019-11-15", "2019-12-12 09:00", 99.0, 10.0, 9.9, 100.0),
        ("2019-11-29", "2019-12-13 09:00", 60.0, 10.0, 6.0, 100.0),
    )
    days = ["2019-11-26", "2019-11-27", "2019-12-09", "2019-12-10", "2019-12-12", "2019-12-13"]
    cover = spec("days_to_cover", short_interest="A")
    share = spec("short_interest_ratio", short_interest="A")
    np.testing.assert_allclose(toy.at(cover, *days), [NAN, 3.0, 3.0, 5.0, 5.0, 6.0])
    np.testing.assert_allclose(toy.at(share, *days), [NAN, 0.3, 0.3, 0.5, 0.5, 0.6])
    np.testing.assert_allclose(toy.at(cover, "2020-01-10", "2020-01-13", "2020-01-14"), [6.0, NAN, NAN])


def test_every_kind_of_input_reaches_its_argument(toy: Any, register: Any, spec: Spec) -> None:
    @register(
        family="positioning",
        inputs={"bars": "bars", "level": "level", "volume": "short_volume", "interest": "short_interest"},
        unit="sum",
        lookback=lambda: 1,
    )
    def toy_everything(bars: Bars, level: Array, volume: ShortVolume, interest: ShortInterest) -> Array:
        parts = interest.shares_short + 2 * interest.avg_daily_volume + 3 * interest.days_to_cover
        return bars.close + level + volume.short + 2 * volume.total + parts + 4 * interest.shares_outstanding

    toy.bars("A", ("2019-12-16", 1e6), ("2019-12-17", 2e6))
    toy.observe("DGS10", ("2019-12-13", "2019-12-16 09:00", 1e5))
    toy.short_volume("A", ("2019-12-16", "2019-12-16 18:00", 1e4, 2e4))
    toy.short_interest("A", ("2019-11-29", "2019-12-10 16:00", 1.0, 10.0, 100.0, 1000.0))
    everything = spec("toy_everything", bars="A", level="DGS10", volume="A", interest="A")
    np.testing.assert_array_equal(toy.at(everything, "2019-12-16", "2019-12-17"), [NAN, 2e6 + 1e5 + 5e4 + 4321.0])


# What is missing, and what is refused


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        ("roc", {"bars": "A"}),
        ("relative_strength", {"asset": "A", "benchmark": "B"}),
        ("last_known", {"level": "DGS10"}),
        ("release_change", {"releases": "UNRATE"}),
        ("short_volume_ratio", {"short_volume": "A"}),
        ("days_to_cover", {"short_interest": "A"}),
        ("implied_minus_realised", {"bars": "A", "implied": "VIXCLS"}),
    ],
)
def test_an_absent_series_is_missing_everywhere(toy: Any, spec: Spec, function: str, inputs: dict[str, str]) -> None:
    toy.bars("OTHER", ("2019-12-16", 10.0))
    values = toy.at(spec(function, **inputs), "2019-12-16", "2019-12-17")
    np.testing.assert_array_equal(values, [NAN, NAN])


def test_one_absent_ticker_of_two_makes_the_factor_missing(toy: Any, ratio: FactorSpec) -> None:
    toy.bars("A", ("2019-12-16", 10.0))
    np.testing.assert_array_equal(toy.at(ratio, "2019-12-16"), [NAN])


def test_rows_before_the_look_back_are_missing_whatever_the_function_says(toy: Any, register: Any, spec: Spec) -> None:
    @register(family="technical", inputs={"bars": "bars"}, unit="dollars", lookback=lambda *, window: window)
    def toy_eager(bars: Bars, *, window: int = 3) -> Array:
        return bars.close

    toy.bars("A", *[(str(d.date()), 10.0 + i) for i, d in enumerate(between("2019-12-16", "2019-12-20"))])
    days = [str(d.date()) for d in between("2019-12-16", "2019-12-20")]
    np.testing.assert_array_equal(toy.at(spec("toy_eager", bars="A"), *days), [NAN, NAN, 12.0, 13.0, 14.0])
    np.testing.assert_array_equal(toy.at(spec("toy_eager", bars="A", window=5), *days), [*[NAN] * 4, 14.0])


def test_the_look_back_of_a_level_begins_where_the_level_does(toy: Any, register: Any, spec: Spec) -> None:
    @register(family="macro", inputs={"level": "level"}, unit="per cent", lookback=lambda: 3)
    def toy_eager_level(level: Array) -> Array:
        return np.nan_to_num(level)

    toy.observe("DGS10", ("2019-12-13", "2019-12-17 09:00", 1.7), ("2019-12-18", "2019-12-19 09:00", 1.8))
    days = ["2019-12-16", "2019-12-17", "2019-12-18", "2019-12-19", "2019-12-20"]
    values = toy.at(spec("toy_eager_level", level="DGS10"), *days)
    np.testing.assert_array_equal(values, [NAN, NAN, NAN, 1.8, 1.8])


def test_the_look_back_of_releases_counts_releases(toy: Any, register: Any, spec: Spec) -> None:
    @register(family="macro", inputs={"releases": "releases"}, unit="per cent", lookback=lambda: 2)
    def toy_eager_releases(releases: Releases) -> Array:
        return releases.value

    toy.observe("UNRATE", ("2019-08-01", "2019-09-06 08:30", 3.0), ("2019-09-01", "2019-10-04 08:30", 4.0))
    values = toy.at(spec("toy_eager_releases", releases="UNRATE"), "2019-09-06", "2019-10-04")
    np.testing.assert_array_equal(values, [NAN, 4.0])


def test_a_function_may_not_spoil_what_others_read(toy: Any, register: Any, spec: Spec, close: FactorSpec) -> None:
    @register(family="technical", inputs={"bars": "bars"}, unit="dollars", lookback=lambda: 2)
    def toy_same_array(bars: Bars) -> Array:
        return bars.close  # the engine masks a copy, or every later factor would lose its first row

    toy.bars("A", ("2019-12-16", 10.0), ("2019-12-17", 20.0))
    both = toy.compute([spec("toy_same_array", bars="A"), close], "2019-12-16", "2019-12-17")
    assert both["toy_close"].tolist() == [10.0, 20.0]
    np.testing.assert_array_equal(both["toy_same_array"], [NAN, 20.0])


def test_a_session_after_the_view_is_refused(toy: Any, close: FactorSpec) -> None:
    toy.bars("A", ("2019-12-16", 10.0), ("2019-12-17", 20.0))
    index = pd.DatetimeIndex([day("2019-12-16"), day("2019-12-17")])
    before = closes(index)[1] - pd.Timedelta(1, "us")
    with pytest.raises(
        InputError, match=r"session: got '2019-12-17'; allowed: sessions closed by .*; use a later view"
    ):
        compute(toy.store.as_of(before), [close], index, "IWM")
    assert compute(toy.store.as_of(closes(index)[1]), [close], index, "IWM")["toy_close"].tolist() == [10.0, 20.0]


def test_no_sessions_and_no_factors(toy: Any, close: FactorSpec) -> None:
    toy.bars("A", ("2019-12-16", 10.0))
    nothing = toy.compute([close])
    assert nothing.shape == (0, 1)
    assert toy.compute([], "2019-12-16").shape == (1, 0)


def test_the_frame_is_indexed_by_session_and_ordered_as_asked(toy: Any, spec: Spec, close: FactorSpec) -> None:
    toy.bars("A", ("2019-12-16", 10.0))
    frame = toy.compute([spec("roc", bars="A", window=1), close], "2019-12-16")
    assert frame.columns.tolist() == ["roc", "toy_close"]
    assert frame.index.name == "session"
    assert (frame.dtypes == np.float64).all()


def test_a_row_does_not_depend_on_what_else_was_asked_for(toy: Any, spec: Spec, close: FactorSpec) -> None:
    toy.bars("A", *[(str(d.date()), 10.0 + i) for i, d in enumerate(between("1989-12-18", "1990-01-12"))])
    late = [(str(d.date()), 20.0 + i, f"{d.date()} 16:15") for i, d in enumerate(between("1989-12-18", "1990-01-12"))]
    toy.bars("L", *late)
    toy.observe(
        "DGS10", *[(str(d.date()), f"{d.date()} 09:00", 0.1 * d.day) for d in between("1989-12-18", "1990-01-12")]
    )
    specs = [
        close,
        close.model_copy(update={"name": "late", "inputs": {"bars": "L"}}),
        spec("level_change", level="DGS10", window=5),
        spec("implied_minus_realised", bars="A", implied="DGS10", window=4),
    ]
    # 1990 begins the grid of factors that read no bars; a row before it must not move one after it.
    everything = [str(d.date()) for d in between("1989-12-20", "1990-01-12")]
    whole = toy.compute(specs, *everything)
    for one in everything:
        pd.testing.assert_frame_equal(toy.compute(specs, one), whole.loc[[day(one)]], check_exact=True)
    last = everything[-1]
    assert not whole.loc[day(last)].isna().any()
    for each in specs:
        np.testing.assert_array_equal(toy.at(each, last), [whole.loc[day(last), each.name]])


# The oracle: one close after the other


def random_store(root: Path, seed: int) -> Store:
    """Sixty sessions in which every kind of row is revised, late, lost or stale."""
    draw = np.random.default_rng(seed)
    days = between("1990-02-01", "1990-04-30")
    store = Store(root)

    def known(events: pd.DatetimeIndex, late: float) -> pd.DatetimeIndex:
        hours = np.where(draw.random(len(events)) < late, draw.integers(0, 120, len(events)), 0)
        return closes(events) + pd.to_timedelta(hours, unit="h")

    def versions(kind: str, series: str, events: pd.DatetimeIndex, names: list[str], first: pd.DatetimeIndex) -> None:
        frame = pd.DataFrame({"series": series, "event_date": events, "known_at": first})
        for name in names:
            frame[name] = 50 * np.exp(draw.normal(0, 0.1, len(events)))
        again = frame[draw.random(len(frame)) < 0.15].copy()
        again["known_at"] += pd.to_timedelta(draw.integers(1, 400, len(again)), unit="h")
        for name in names:
            again[name] *= np.exp(draw.normal(0, 0.1, len(again)))
        again.loc[draw.random(len(again)) < 0.2, names[0]] = np.nan
        store.append(kind, pd.concat([frame, again]))

    prices = ["open", "high", "low", "close", "adj_close", "volume"]
    for ticker in ("A", "B"):
        kept = days[draw.random(len(days)) > 0.07]
        versions("bars", ticker, kept, prices, known(kept, 0.15))
    versions("observations", "DGS10", days, ["value"], known(days, 0.3))
    weeks = days[::5]
    versions("observations", "ICSA", weeks, ["value"], known(weeks, 0.5))
    versions("observations", "UNLISTED", days[::7], ["value"], known(days[::7], 0.5))
    versions("short_volume", "A", days, ["short_volume", "total_volume"], known(days, 0.9))
    fortnights = days[::10]
    names = ["shares_short", "avg_daily_volume", "days_to_cover", "shares_outstanding"]
    versions("short_interest", "A", fortnights, names, known(fortnights, 0.9))
    months = pd.DatetimeIndex(pd.date_range("1988-01-01", "1990-03-01", freq="MS")).as_unit("us")
    for vintage in days[10::15]:
        seen = months[months < vintage]
        frame = pd.DataFrame({"series": "INDPRO", "event_date": seen, "vintage": vintage})
        frame["value"] = 100 * np.exp(draw.normal(0, 0.02, len(seen)))
        frame["known_at"] = closes(pd.DatetimeIndex([vintage]))[0] + pd.Timedelta(hours=8)
        again = frame[draw.random(len(frame)) < 0.1].copy()
        again["value"] *= 1.1
        again["known_at"] += pd.to_timedelta(draw.integers(1, 600, len(again)), unit="h")
        store.append("observations", pd.concat([frame, again]))
    undated = pd.DataFrame({"series": "INDPRO", "event_date": months[:-3], "value": 7.0})
    undated["known_at"] = closes(days[[3]])[0]
    store.append("observations", undated)
    return store


RANDOM_SPECS: list[tuple[str, dict[str, str], dict[str, int]]] = [
    ("roc", {"bars": "A"}, {"window": 3}),
    ("rsi", {"bars": "A"}, {"window": 2}),
    ("relative_strength", {"asset": "A", "benchmark": "B"}, {"window": 4}),
    ("relative_zscore", {"asset": "B", "benchmark": "A"}, {"window": 5}),
    ("last_known", {"level": "DGS10"}, {}),
    ("level_change", {"level": "DGS10"}, {"window": 3}),
    ("level_gap", {"level": "ICSA", "reference": "UNLISTED"}, {}),
    ("level_zscore", {"level": "INDPRO"}, {"window": 10}),
    ("small_cap_headwind", {"rate": "DGS10", "spread": "ICSA", "slack": "INDPRO"}, {"window": 8, "change": 3}),
    ("release_growth", {"releases": "INDPRO"}, {"periods": 3}),
    ("release_zscore", {"releases": "INDPRO"}, {"window": 5}),
    ("release_trend", {"releases": "INDPRO"}, {"short": 2, "long": 4}),
    ("implied_minus_realised", {"bars": "A", "implied": "DGS10"}, {"window": 3}),
    ("short_volume_ratio", {"short_volume": "A"}, {"window": 2}),
    ("short_volume_zscore", {"short_volume": "A"}, {"window": 4}),
    ("short_interest_change", {"short_interest": "A"}, {"window": 2}),
    ("days_to_cover", {"short_interest": "A"}, {}),
    ("toy_total", {"releases": "DGS10"}, {}),
    ("toy_total", {"releases": "ICSA"}, {}),
    ("toy_total", {"releases": "UNLISTED"}, {}),
    ("toy_close", {"bars": "A"}, {}),
    ("toy_ratio", {"one": "A", "two": "B"}, {}),
]


@pytest.mark.parametrize("seed", range(2))
def test_the_batch_is_the_slow_loop_bit_by_bit(
    tmp_path: Path, seed: int, close: FactorSpec, ratio: FactorSpec, total: FactorSpec
) -> None:
    store = random_store(tmp_path, seed)
    specs = [
        FactorSpec(name=f"{function}_{place}", function=function, inputs=inputs, params=params)
        for place, (function, inputs, params) in enumerate(RANDOM_SPECS)
    ]
    days = between("1990-01-29", "1990-05-04")
    batch = compute(store.as_of(LATER), specs, days, "IWM")
    assert batch.notna().any().all()
    loop = [compute(store.as_of(closes(days[[i]])[0]), specs, days[[i]], "IWM") for i in range(len(days))]
    pd.testing.assert_frame_equal(pd.concat(loop), batch, check_exact=True)


def latest_values(store: Store, series: str, session: pd.Timestamp) -> pd.Series:
    view = store.as_of(closes(pd.DatetimeIndex([session]))[0])
    return view.observations(series)["value"] if view.has("observations", series) else pd.Series(dtype="float64")


@pytest.mark.parametrize("seed", range(2))
def test_releases_and_bars_are_those_that_the_gate_itself_serves(
    tmp_path: Path, seed: int, close: FactorSpec, total: FactorSpec
) -> None:
    """Independent of the engine's spans: `View` alone says what was known."""
    store = random_store(tmp_path, seed)
    monthly = total.model_copy(update={"inputs": {"releases": "INDPRO"}})
    days = between("1990-02-01", "1990-04-30")
    batch = compute(store.as_of(LATER), [monthly, close], days, "IWM")
    for session, row in batch.iterrows():
        values = latest_values(store, "INDPRO", pd.Timestamp(session))
        expected = np.cumsum(values.to_numpy())[-1] if len(values) else NAN
        np.testing.assert_array_equal(row["toy_total"], expected, err_msg=str(session))
        view = store.as_of(closes(pd.DatetimeIndex([session]))[0])
        recent = pd.Series(dtype="float64")
        if view.has("bars", "A"):
            bars = view.bars("A").dropna(subset=["open", "high", "low", "close", "adj_close"])
            recent = bars["adj_close"][bars.index >= offset(session, -1)]
        np.testing.assert_array_equal(row["toy_close"], recent.iloc[-1] if len(recent) else NAN, err_msg=str(session))


# Every factor in use


@pytest.fixture(scope="module")
def shipped() -> list[FactorSpec]:
    specs = [each for feature_set in load(FEATURES) for each in feature_set.factor]
    assert len(specs) >= 150
    return specs


def differing(store: Store, specs: list[FactorSpec], target: str, dates: int, seed: int) -> set[tuple[str, str]]:
    """Factor and day for which the close's own computation differs from the batch in any bit."""
    view = store.as_of()
    days = pd.DatetimeIndex(view.bars(target).index)
    batch = compute(view, specs, days, "IWM")
    chosen = np.sort(np.random.default_rng(seed).choice(np.arange(30, len(days)), dates, replace=False))
    found = set()
    for place in chosen:
        index = days[[place]]
        row = compute(store.as_of(closes(index)[0]), specs, index, "IWM").to_numpy()[0]
        expected = batch.to_numpy()[place]
        wrong = (row != expected) & ~(np.isnan(row) & np.isnan(expected))
        found.update((specs[i].name, str(index[0].date())) for i in np.flatnonzero(wrong))
    return found


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Eight simulated years: even the five-year look-back speaks at their end."""
    home = tmp_path_factory.mktemp("market")
    store = Store(home / "data")
    load_simulation(simulate(seed=3, signal=0.5, years=8), store, home, pd.Timestamp("2026-01-01", tz="UTC"))
    return store


def test_incremental_equals_batch_on_the_simulated_market(market: Store, shipped: list[FactorSpec]) -> None:
    assert not differing(market, shipped, "IWM", 6, seed=0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(10, 20))
def test_incremental_equals_batch_on_250_random_days(market: Store, shipped: list[FactorSpec], seed: int) -> None:
    assert not differing(market, shipped, "IWM", 25, seed)


@pytest.fixture(scope="module")
def real(snapshot_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("real") / "data")
    ingest(snapshot_dir, store, pd.Timestamp.now("UTC"))
    return store


def test_incremental_equals_batch_on_real_data(real: Store, shipped: list[FactorSpec]) -> None:
    assert not differing(real, shipped, "IWM", 3, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(30, 40))
def test_incremental_equals_batch_on_250_real_days(real: Store, shipped: list[FactorSpec], seed: int) -> None:
    assert not differing(real, shipped, "IWM", 25, seed)


def test_a_row_is_for_an_asset(toy: Any, spec: Any) -> None:
    for ticker, factor in (("IWM", 1.0), ("SPY", 3.0)):
        toy.bars(ticker, ("2019-01-02", 10.0), ("2019-01-03", 10.0 + factor))
    index = pd.DatetimeIndex([day("2019-01-03")])
    view = toy.store.as_of()
    asked = [spec("roc", bars="$asset", window=1), spec("roc", "fixed", bars="IWM", window=1)]
    assert compute(view, asked, index, "SPY").iloc[0].round(9).tolist() == [30.0, 10.0]
    assert compute(view, asked, index, "IWM").iloc[0].round(9).tolist() == [10.0, 10.0]
