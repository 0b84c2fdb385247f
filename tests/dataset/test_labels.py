"""Labels of nine literal closes over Christmas 2019."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear import sessions
from bullbear.data.store import Store
from bullbear.dataset.labels import Labels, climatology, resolve
from bullbear.definitions import Target
from bullbear.definitions.questions import QUESTION_KINDS
from bullbear.errors import NoDataError

# The exchange closed at 13:00 (18:00 UTC) on the 24th, and not at all on the 25th and on New Year's Day.
PRICES = {
    "2019-12-20": 100.0,
    "2019-12-23": 104.0,
    "2019-12-24": 101.0,
    "2019-12-26": 104.0,
    "2019-12-27": 103.0,
    "2019-12-30": 99.0,
    "2019-12-31": 103.0,
}


def utc(*texts: str) -> list[pd.Timestamp]:
    return [pd.Timestamp(text, tz="UTC") for text in texts]


def test_labels_over_two_sessions(toy_store: Callable[..., Store]) -> None:
    table = resolve(toy_store(PRICES).as_of(), Target(horizon=2))
    assert table.columns.tolist() == ["decided_at", "resolved_at", "decidable", "value", "y"]
    assert table.index.strftime("%Y-%m-%d").tolist() == list(PRICES)
    assert table.index.name == "session"
    assert table["decided_at"].tolist() == utc(
        "2019-12-20 21:00",
        "2019-12-23 21:00",
        "2019-12-24 18:00",
        "2019-12-26 21:00",
        "2019-12-27 21:00",
        "2019-12-30 21:00",
        "2019-12-31 21:00",
    )
    assert table["resolved_at"].tolist() == utc(
        "2019-12-24 18:00",
        "2019-12-26 21:00",
        "2019-12-27 21:00",
        "2019-12-30 21:00",
        "2019-12-31 21:00",
        "2020-01-02 21:00",
        "2020-01-03 21:00",
    )
    # 101/100; 104/104, a tie, is not up; 103/101; 99/104; 103/103, a tie; the last two have not resolved
    np.testing.assert_array_equal(table["y"], [1, 0, 1, 0, 0, np.nan, np.nan])
    expected = [0.01, 0.0, 2 / 101, -5 / 104, 0.0, np.nan, np.nan]
    np.testing.assert_allclose(table["value"], expected, rtol=0, atol=1e-15)
    assert table["decided_at"].dtype == table["resolved_at"].dtype == "datetime64[us, UTC]"


def test_labels_over_one_session(toy_store: Callable[..., Store]) -> None:
    table = resolve(toy_store(PRICES).as_of(), Target(horizon=1))
    np.testing.assert_array_equal(table["y"], [1, 0, 1, 0, 0, 1, np.nan])


def test_the_smallest_rise_is_up_and_the_smallest_fall_is_not(toy_store: Callable[..., Store]) -> None:
    rise = np.nextafter(100.0, 200.0)
    prices = {"2019-12-20": 100.0, "2019-12-23": rise, "2019-12-24": 100.0, "2019-12-26": 100.0}
    np.testing.assert_array_equal(resolve(toy_store(prices).as_of(), Target(horizon=1))["y"], [1, 0, 0, np.nan])


def test_a_missing_bar_leaves_its_labels_missing_and_moves_none(toy_store: Callable[..., Store]) -> None:
    prices = {day: price for day, price in PRICES.items() if day != "2019-12-24"}
    table = resolve(toy_store(prices).as_of(), Target(horizon=2))
    assert table.index.strftime("%Y-%m-%d").tolist() == list(PRICES)
    # Those decided on the 20th (resolving on the 24th) and on the 24th itself are missing.
    np.testing.assert_array_equal(table["y"], [np.nan, 0, np.nan, 0, 0, np.nan, np.nan])
    assert table["resolved_at"].iloc[0] == pd.Timestamp("2019-12-24 18:00", tz="UTC")


def test_one_bar_has_one_label_that_has_not_resolved(toy_store: Callable[..., Store]) -> None:
    table = resolve(toy_store({"2019-12-24": 101.0}).as_of(), Target(horizon=2))
    assert table["resolved_at"].tolist() == utc("2019-12-27 21:00")
    assert table["y"].isna().all()


def test_an_unknown_adjusted_close_is_a_missing_bar(toy_store: Callable[..., Store]) -> None:
    table = resolve(toy_store({**PRICES, "2019-12-26": np.nan}).as_of(), Target(horizon=2))
    np.testing.assert_array_equal(table["y"], [1, np.nan, 1, np.nan, 0, np.nan, np.nan])


def test_a_label_appears_at_the_close_that_resolves_it_and_not_a_microsecond_before(
    toy_store: Callable[..., Store],
) -> None:
    store = toy_store(PRICES)
    final = resolve(store.as_of(), Target(horizon=2))
    resolving = final.dropna()["resolved_at"]
    for number, instant in enumerate(resolving):
        just_before = resolve(store.as_of(instant - pd.Timedelta(microseconds=1)), Target(horizon=2))
        assert just_before["y"].notna().sum() == number
        at = resolve(store.as_of(instant), Target(horizon=2))
        assert at["y"].notna().sum() == number + 1
        pd.testing.assert_frame_equal(at.dropna(), final.iloc[: number + 1])


def test_a_bar_that_is_known_too_early_does_not_resolve_a_label(toy_store: Callable[..., Store]) -> None:
    store = toy_store({"2019-12-20": 100.0})
    tomorrow = pd.DataFrame(
        {
            "series": ["IWM"],
            "event_date": [pd.Timestamp("2019-12-23")],
            "known_at": utc("2019-12-20 21:00"),
            "adj_close": [101.0],
        }
    )
    store.append("bars", tomorrow)
    assert resolve(store.as_of(utc("2019-12-23 20:59")[0]), Target(horizon=1))["y"].isna().all()
    np.testing.assert_array_equal(resolve(store.as_of(utc("2019-12-23 21:00")[0]), Target(horizon=1))["y"], [1, np.nan])


def correct(store: Store, day: str, price: float, known_at: str) -> None:
    rows = {"series": ["IWM"], "event_date": [pd.Timestamp(day)], "known_at": utc(known_at), "adj_close": [price]}
    store.append("bars", pd.DataFrame(rows))


def test_a_correction_before_a_label_resolves_counts(toy_store: Callable[..., Store]) -> None:
    store = toy_store(PRICES)
    correct(store, "2019-12-20", 102.0, "2019-12-24 17:00")
    # 101 is no longer above what is now known of the 20th.
    assert resolve(store.as_of(), Target(horizon=2))["y"].tolist()[:2] == [0, 0]


def test_a_correction_after_a_label_has_resolved_does_not_rewrite_it(toy_store: Callable[..., Store]) -> None:
    store = toy_store(PRICES)
    before = resolve(store.as_of(), Target(horizon=2))
    correct(store, "2019-12-24", 99.5, "2019-12-27 14:00")
    after = resolve(store.as_of(), Target(horizon=2))
    # The label of the 20th rested on the 24th as it was known then: 101. The 24th's own resolves on the 27th.
    assert before["value"].iloc[2] == pytest.approx(2 / 101, abs=1e-15)
    assert after["value"].iloc[2] == pytest.approx(3.5 / 99.5, abs=1e-15)
    unchanged = [0, 1, 3, 4, 5, 6]
    pd.testing.assert_frame_equal(after.iloc[unchanged], before.iloc[unchanged])


def test_final_labels_are_those_of_the_corrected_prices(toy_store: Callable[..., Store]) -> None:
    store = toy_store(PRICES)
    correct(store, "2019-12-24", 99.5, "2019-12-27 14:00")
    table = resolve(store.as_of(), Target(horizon=2), final=True)
    # 99.5/100 where 101 was known when the label of the 20th resolved; 103/99.5.
    np.testing.assert_array_equal(table["y"], [0, 0, 1, 0, 0, np.nan, np.nan])
    expected = [-0.005, 0.0, 3.5 / 99.5, -5 / 104, 0.0, np.nan, np.nan]
    np.testing.assert_allclose(table["value"], expected, rtol=0, atol=1e-15)
    pd.testing.assert_series_equal(table["resolved_at"], resolve(store.as_of(), Target(horizon=2))["resolved_at"])
    # Before the correction was known nobody could have scored by it.
    earlier = resolve(store.as_of(utc("2019-12-27 13:59")[0]), Target(horizon=2), final=True)
    np.testing.assert_array_equal(earlier["y"], [1, 0, np.nan, np.nan])


def test_final_labels_appear_no_earlier_than_others(toy_store: Callable[..., Store]) -> None:
    store = toy_store(PRICES)
    correct(store, "2019-12-24", 99.5, "2019-12-24 17:59")  # a wrong price, stored before the close
    for minute in ("17:59", "18:00"):
        view = store.as_of(utc(f"2019-12-24 {minute}")[0])
        expected = resolve(view, Target(horizon=2))["y"].isna()
        pd.testing.assert_series_equal(resolve(view, Target(horizon=2), final=True)["y"].isna(), expected)
    assert not expected.iloc[0]


def test_without_a_correction_final_labels_are_the_same(toy_store: Callable[..., Store]) -> None:
    view = toy_store(PRICES).as_of()
    pd.testing.assert_frame_equal(resolve(view, Target(horizon=2), final=True), resolve(view, Target(horizon=2)))


def test_a_bar_that_comes_late_resolves_its_labels_only_then(toy_store: Callable[..., Store]) -> None:
    store = toy_store({day: price for day, price in PRICES.items() if day != "2019-12-24"})
    correct(store, "2019-12-24", 101.0, "2019-12-30 15:00")
    table = resolve(store.as_of(), Target(horizon=2))
    np.testing.assert_array_equal(table["y"], [1, 0, 1, 0, 0, np.nan, np.nan])
    resolved = utc("2019-12-30 15:00", "2019-12-26 21:00", "2019-12-30 15:00", "2019-12-30 21:00")
    assert table["resolved_at"].tolist()[:4] == resolved
    just_before = resolve(store.as_of(utc("2019-12-30 14:59")[0]), Target(horizon=2))
    np.testing.assert_array_equal(just_before["y"].to_numpy()[:3], [np.nan, 0, np.nan])


def test_final_labels_follow_every_correction(toy_store: Callable[..., Store]) -> None:
    store = toy_store(PRICES)
    before = resolve(store.as_of(), Target(horizon=2), final=True)
    pd.testing.assert_frame_equal(before, resolve(store.as_of(), Target(horizon=2)))
    correct(store, "2019-12-24", 99.5, "2019-12-27 14:00")
    after = resolve(store.as_of(), Target(horizon=2), final=True)
    # The 20th resolved at 101 / 100; on the price of the 27th it fell.
    assert after["value"].iloc[0] == pytest.approx(-0.5 / 100, abs=1e-15)
    assert (before["y"].iloc[0], after["y"].iloc[0]) == (1, 0)
    assert resolve(store.as_of(utc("2019-12-27 13:59")[0]), Target(horizon=2), final=True)["y"].iloc[0] == 1
    # A correction does not resolve a label early.
    just_before = resolve(store.as_of(utc("2019-12-26 20:59")[0]), Target(horizon=2), final=True)
    assert just_before["y"].notna().tolist()[:2] == [True, False]


def test_a_session_is_decidable_if_its_bar_was_known_at_its_close(toy_store: Callable[..., Store]) -> None:
    late = ("2019-12-24", "2019-12-30")
    prices = {day: price for day, price in PRICES.items() if day not in late}
    store = toy_store({**prices, "2019-12-27": np.nan})
    correct(store, "2019-12-24", 101.0, "2019-12-24 18:01")  # a minute after the early close
    correct(store, "2020-01-02", 104.0, "2020-01-02 18:01")  # an early close that the calendar does not know
    table = resolve(store.as_of(), Target(horizon=2))
    assert table["resolved_at"]["2019-12-30":].tolist()[:2] == utc("2020-01-02 21:00", "2020-01-03 21:00")
    decidable = table.index[table["decidable"]]
    assert [str(day.date()) for day in decidable] == [
        "2019-12-20",
        "2019-12-23",
        "2019-12-26",
        "2019-12-31",
        "2020-01-02",
    ]


def test_climatology_waits_for_a_label_that_resolves_late(toy_store: Callable[..., Store]) -> None:
    store = toy_store({day: price for day, price in PRICES.items() if day != "2019-12-24"})
    correct(store, "2019-12-24", 101.0, "2019-12-30 15:00")
    table = resolve(store.as_of(), Target(horizon=2))
    at = [pd.DatetimeIndex(table[name]) for name in ("resolved_at", "decided_at")]
    share, count = climatology(table["y"].to_numpy(), *at)
    # Known by the 27th: the tie of the 23rd alone. By the 30th: up, tie, up, down.
    assert count.tolist() == [0, 0, 0, 1, 1, 4, 5]
    np.testing.assert_array_equal(share, [np.nan, np.nan, np.nan, 0, 0, 0.5, 0.4])


def test_a_horizon_beyond_the_history_leaves_every_label_open(toy_store: Callable[..., Store]) -> None:
    table = resolve(toy_store(PRICES).as_of(), Target(horizon=21))
    assert len(table) == 7
    assert table["y"].isna().all()
    assert table["resolved_at"].iloc[0] == pd.Timestamp("2020-01-23 21:00", tz="UTC")


def test_a_ticker_without_bars_is_refused(toy_store: Callable[..., Store]) -> None:
    store = toy_store(PRICES)
    with pytest.raises(NoDataError, match="bars of IWN: got 'nothing known at 2019-12-31 21:00:00"):
        resolve(store.as_of(), Target(ticker="IWN"))
    with pytest.raises(NoDataError, match="bars of IWM: got 'nothing known at 2019-12-19"):
        resolve(store.as_of(utc("2019-12-19 12:00")[0]), Target())


def ask(kind: str, threshold: float, horizon: int = 2) -> Target:
    question = {"name": "asked", "kind": kind, "threshold": threshold, "sentence": "A question of a test."}
    return Target(question=QUESTION_KINDS.read(question), horizon=horizon)


def volatility(*closes: float) -> float:
    return math.sqrt(252 * sum(math.log(b / a) ** 2 for a, b in itertools.pairwise(closes)) / (len(closes) - 1))


@pytest.mark.parametrize(
    ("kind", "threshold", "values", "y"),
    [
        ("return_above", 0.005, [0.01, 0, 2 / 101, -5 / 104, 0], [1, 0, 1, 0, 0]),
        ("return_below", -0.02, [0.01, 0, 2 / 101, -5 / 104, 0], [0, 0, 0, 1, 0]),
        ("move", 0.02, [0.01, 0, 2 / 101, 5 / 104, 0], [0, 0, 0, 1, 0]),
        ("dip", -0.03, [0.01, -3 / 104, 2 / 101, -5 / 104, -4 / 103], [0, 0, 0, 1, 1]),
        ("rally", 0.03, [0.04, 0, 3 / 101, -1 / 104, 0], [1, 0, 0, 0, 0]),
        (
            "volatility",
            0.5,  # the five are 0.55, 0.46, 0.35, 0.46, 0.63
            [
                volatility(100, 104, 101),
                volatility(104, 101, 104),
                volatility(101, 104, 103),
                volatility(104, 103, 99),
                volatility(103, 99, 103),
            ],
            [1, 0, 0, 0, 1],
        ),
    ],
)
def test_labels_of_every_kind_by_hand(
    toy_store: Callable[..., Store], kind: str, threshold: float, values: list[float], y: list[float]
) -> None:
    table = resolve(toy_store(PRICES).as_of(), ask(kind, threshold))
    np.testing.assert_allclose(table["value"], [*values, np.nan, np.nan], rtol=0, atol=1e-14)
    np.testing.assert_array_equal(table["y"], [*y, np.nan, np.nan])
    # A dip on the first day resolves no earlier than the others.
    pd.testing.assert_series_equal(
        table["resolved_at"], resolve(toy_store(PRICES).as_of(), Target(horizon=2))["resolved_at"]
    )


def test_a_gap_in_the_path_leaves_the_label_missing_where_the_path_is_read(toy_store: Callable[..., Store]) -> None:
    view = toy_store({day: price for day, price in PRICES.items() if day != "2019-12-24"}).as_of()
    for kind, threshold in (("dip", -0.03), ("rally", 0.03), ("volatility", 0.5)):
        expected = [True, True, True, False, False, True, True]
        assert resolve(view, ask(kind, threshold))["y"].isna().tolist() == expected
    for kind, threshold in (("return_above", 0.005), ("return_below", -0.02), ("move", 0.02)):
        expected = [True, False, True, False, False, True, True]
        assert resolve(view, ask(kind, threshold))["y"].isna().tolist() == expected


def test_a_late_bar_within_the_path_resolves_the_label_only_then(toy_store: Callable[..., Store]) -> None:
    store = toy_store({day: price for day, price in PRICES.items() if day != "2019-12-24"})
    correct(store, "2019-12-24", 101.0, "2019-12-30 15:00")
    table = resolve(store.as_of(), ask("dip", -0.03))
    assert table["resolved_at"].tolist()[:3] == utc("2019-12-30 15:00", "2019-12-30 15:00", "2019-12-30 15:00")
    np.testing.assert_array_equal(table["y"].to_numpy()[:5], [0, 0, 0, 1, 1])


def test_a_correction_within_the_path_counts_until_the_label_resolves(toy_store: Callable[..., Store]) -> None:
    store = toy_store(PRICES)
    correct(store, "2019-12-24", 95.0, "2019-12-26 20:00")
    table = resolve(store.as_of(), ask("dip", -0.03))
    # The label of the 20th had resolved with 101 on the 24th; that of the 23rd resolves an hour after the correction.
    np.testing.assert_allclose(table["value"].iloc[:3], [0.01, -9 / 104, 103 / 95 - 1], rtol=0, atol=1e-15)
    final = resolve(store.as_of(), ask("dip", -0.03), final=True)
    np.testing.assert_allclose(final["value"].iloc[:3], [-0.05, -9 / 104, 103 / 95 - 1], rtol=0, atol=1e-15)


KINDS = [
    ("return_above", 0.01), ("return_below", -0.01), ("move", 0.02),
    ("dip", -0.01), ("rally", 0.01), ("volatility", 0.3),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_labels_equal_the_slow_way_and_never_look_ahead(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    days = sessions.between("2020-01-02", "2020-02-28")
    n = len(days)
    keep = rng.random(n) > 0.05
    keep[0] = True
    known = sessions.closes(days) + pd.to_timedelta(np.where(rng.random(n) < 0.1, rng.integers(1, 200, n), 0), "h")
    rows = pd.DataFrame({"series": "IWM", "event_date": days, "known_at": known})[keep]
    rows["adj_close"] = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, n)))[keep]
    again = rows.sample(8, random_state=seed, replace=True)
    again["known_at"] += pd.to_timedelta(rng.integers(1, 300, 8), "h")
    again["adj_close"] *= rng.uniform(0.97, 1.03, 8)
    versions = pd.concat([rows, again.drop_duplicates(["event_date", "known_at"])])
    versions = versions.sort_values(["known_at", "event_date"], kind="stable", ignore_index=True)
    store = Store(tmp_path / "data")
    store.append("bars", versions)
    grid = [*sessions.between(days[0], sessions.offset(days[-1], 5))]
    closed = dict(zip(grid, sessions.closes(pd.DatetimeIndex(grid)), strict=True))
    told = {day: [*zip(own["known_at"], own["adj_close"], strict=True)] for day, own in versions.groupby("event_date")}
    for horizon in (1, 5):
        for kind, threshold in KINDS:
            target = ask(kind, threshold, horizon)
            whole = resolve(store.as_of(), target)
            end = store.as_of().instant
            for session, label in whole.iterrows():
                place = grid.index(session)
                path = [(closed[day], told.get(day, [])) for day in grid[place : place + horizon + 1]]
                value = slow_value(path, kind, end)
                assert label["value"] == pytest.approx(value, rel=0, abs=1e-13, nan_ok=True)
            for place in rng.integers(10, len(whole), 3):
                instant = whole["resolved_at"].iloc[place]
                early = resolve(store.as_of(instant), target)
                late = whole.loc[early.index]
                known_then = (early["resolved_at"] <= instant).to_numpy()
                # Of bars that are not there yet nobody knows when they will come.
                same = known_then & (early["resolved_at"] == late["resolved_at"]).to_numpy()
                assert same.any()
                pd.testing.assert_frame_equal(early[same], late[same])
                assert early["y"][~known_then].isna().all()


def slow_value(
    path: list[tuple[pd.Timestamp, list[tuple[pd.Timestamp, float]]]], kind: str, end: pd.Timestamp
) -> float:
    """The outcome of one label: each close in the version known when the last of those that are read was known.

    The path holds, for each session from the decision to the end of the horizon, its close and its versions in order.
    """
    read = path if kind in ("dip", "rally", "volatility") else [path[0], path[-1]]
    resolved = max(path[-1][0], *(versions[0][0] if versions else close for close, versions in read))
    closes = [([math.nan] + [price for known, price in versions if known <= resolved])[-1] for _, versions in read]
    if resolved > end or any(map(math.isnan, closes)):
        return math.nan
    start, *later = closes
    return {
        "return_above": later[-1] / start - 1,
        "return_below": later[-1] / start - 1,
        "move": abs(later[-1] / start - 1),
        "dip": min(later) / start - 1,
        "rally": max(later) / start - 1,
        "volatility": volatility(*closes),
    }[kind]


DAYS = pd.date_range("2020-01-01", periods=6, tz="UTC")


def test_climatology_by_hand() -> None:
    y = np.array([1.0, 0.0, np.nan, 1.0, 1.0, np.nan])
    asked = pd.DatetimeIndex([DAYS[0] - pd.Timedelta(seconds=1), DAYS[0], DAYS[1], DAYS[2], DAYS[3], DAYS[5]])
    share, count = climatology(y, DAYS, asked)
    np.testing.assert_array_equal(share, [np.nan, 1.0, 0.5, 0.5, 2 / 3, 0.75])
    assert count.tolist() == [0, 1, 2, 2, 3, 4]


def test_climatology_of_decisions_in_another_unit() -> None:
    share, count = climatology(np.array([1.0, 0.0]), DAYS[:2].as_unit("us"), DAYS[:2].as_unit("ns"))
    assert (share.tolist(), count.tolist()) == ([1.0, 0.5], [1, 2])


@given(
    y=st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=1, max_size=30),
    horizon=st.integers(1, 8),
    changed=st.integers(0, 29),
)
def test_climatology_uses_what_had_resolved_and_all_of_it(y: list[float], horizon: int, changed: int) -> None:
    clock = pd.date_range("2020-01-01", periods=len(y) + horizon, tz="UTC")
    decided, resolved = clock[: len(y)], clock[horizon:]
    outcomes = np.array(y)
    share, count = climatology(outcomes, resolved, decided)
    for row, instant in enumerate(decided):
        known = [o for o, at in zip(y, resolved, strict=True) if at <= instant and not np.isnan(o)]
        assert count[row] == len(known)
        assert share[row] == sum(known) / len(known) if known else np.isnan(share[row])
    place = changed % len(y)
    outcomes[place] = 1.0 - np.nan_to_num(outcomes[place])
    after, _ = climatology(outcomes, resolved, decided)
    before = decided < resolved[place]
    np.testing.assert_array_equal(after[before], share[before])


def test_paths_over_two_sessions(toy_store: Callable[..., Store]) -> None:
    paths = Labels(toy_store(PRICES).as_of(), "IWM").paths(2)
    closes_of = list(PRICES.values())
    expected = [
        [math.log(b / a), math.log(c / b)] for a, b, c in zip(closes_of, closes_of[1:], closes_of[2:], strict=False)
    ]
    np.testing.assert_allclose(paths.returns[:5], expected, rtol=0, atol=1e-15)
    assert np.isnan(paths.returns[5:]).all()  # not resolved yet
    assert paths.known_at[:2].tolist() == utc("2019-12-24 18:00", "2019-12-26 21:00")
    known = paths.known_by(utc("2019-12-26 20:59")[0])
    np.testing.assert_array_equal(known[0], paths.returns[0])
    assert np.isnan(known[1:]).all()


def test_a_missing_close_leaves_no_path_over_it(toy_store: Callable[..., Store]) -> None:
    prices = {day: price for day, price in PRICES.items() if day != "2019-12-26"}
    returns = Labels(toy_store(prices).as_of(), "IWM").paths(2).returns
    # Paths from the 23rd, the 24th and the 26th itself read it.
    assert np.isnan(returns).all(axis=1).tolist() == [False, True, True, True, False, True, True]
    assert np.isnan(returns).any(axis=1).tolist() == np.isnan(returns).all(axis=1).tolist()


def test_a_close_between_that_comes_late_is_in_no_path_before_it_came(toy_store: Callable[..., Store]) -> None:
    store = toy_store({day: price for day, price in PRICES.items() if day != "2019-12-23"})
    correct(store, "2019-12-23", 104.0, "2019-12-30 15:00")
    labels = Labels(store.as_of(), "IWM")
    paths, late = labels.paths(2), utc("2019-12-30 15:00")[0]
    assert labels.resolve(Target(horizon=2).question)["resolved_at"].iloc[0] == utc("2019-12-24 18:00")[0]
    assert paths.known_at[0] == late
    np.testing.assert_allclose(paths.known_by(late)[0], [math.log(1.04), math.log(101 / 104)], rtol=0, atol=1e-15)
    assert np.isnan(paths.known_by(late - pd.Timedelta(microseconds=1))[0]).all()
    # The path of the next decision but one was known long before.
    assert not np.isnan(paths.known_by(late - pd.Timedelta(microseconds=1))[2]).any()


def test_a_path_keeps_what_was_known_when_it_ended(toy_store: Callable[..., Store]) -> None:
    store = toy_store(PRICES)
    before = Labels(store.as_of(), "IWM").paths(2).returns
    correct(store, "2019-12-26", 50.0, "2019-12-27 21:30")
    after = Labels(store.as_of(), "IWM").paths(2).returns
    # The paths of the 20th, 23rd and 24th had ended; those of the 26th and later had not.
    np.testing.assert_array_equal(after[:3], before[:3])
    np.testing.assert_allclose(after[3], [math.log(103 / 50), math.log(99 / 103)], rtol=0, atol=1e-15)
    np.testing.assert_array_equal(after[4:], before[4:])
    for instant in utc("2019-12-26 21:00", "2019-12-27 21:00", "2019-12-30 21:00"):
        early = Labels(store.as_of(instant), "IWM").paths(2)
        n = len(early.returns)
        np.testing.assert_array_equal(early.returns, Labels(store.as_of(), "IWM").paths(2).known_by(instant)[:n])
