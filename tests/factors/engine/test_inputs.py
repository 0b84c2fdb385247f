"""What a decision may see: states, spans and joint bars of literal rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.data.versions import History, Versions, newest_rows, versions_of
from bullbear.factors.engine.inputs import (
    Ages,
    States,
    _adjusted,
    _ages_by_spacing,
    _newest_values,
    _vintage_in_force,
    dated_bars,
    joint_bars,
    last_known,
    level_max_age,
    level_max_ages,
    microseconds,
    release_spans,
    release_states,
    revision_spans,
)

DAY = 86_400_000_000
NAN = float("nan")
NEVER = np.iinfo(np.int64).max


def days(*counts: float) -> np.ndarray:
    """Instants as days since 1970 in microseconds."""
    return np.array([int(count * DAY) for count in counts])


def versions(*rows: tuple[float, float, float], vintages: list[float] | None = None) -> Versions:
    """Rows (event, known, value) in days since 1970, as a view serves them: sorted by (known_at, event_date)."""
    return versions_of(frame(*rows, vintages=vintages))


def frame(*rows: tuple[float, float, float], vintages: list[float] | None = None) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["event_date", "known_at", "value"])
    table["vintage"] = pd.Series(vintages or [NAN] * len(table), dtype="float64")
    table = table.sort_values(["known_at", "event_date", "vintage"], ignore_index=True)
    table["event_date"] = pd.to_datetime(table["event_date"], unit="D").dt.as_unit("us")
    table["known_at"] = pd.to_datetime(table["known_at"], unit="D", utc=True).dt.as_unit("us")
    table["vintage"] = pd.to_datetime(table["vintage"], unit="D").dt.as_unit("us")
    return table


def test_microseconds_are_utc_whatever_the_unit() -> None:
    instant = pd.DatetimeIndex(["1970-01-01 19:00"], tz="America/New_York").as_unit("s")
    assert microseconds(instant).tolist() == [DAY]
    assert microseconds(pd.Series(pd.DatetimeIndex(["1970-01-03"]).as_unit("ns"))).tolist() == [2 * DAY]


def test_a_state_is_in_force_from_its_instant_until_the_next_or_too_old() -> None:
    states = States(known_at=days(10, 20), event_date=days(8, 19), value=np.array([1.0, 2.0]))
    at = states.at(days(9.999, 10, 13, 13.001, 20, 24, 24.001), max_age_days=5)
    np.testing.assert_array_equal(at, [NAN, 1.0, 1.0, NAN, 2.0, 2.0, NAN])


def test_states_of_several_columns_and_of_none() -> None:
    states = States(days(10), days(10), np.array([[1.0, 2.0]]))
    np.testing.assert_array_equal(states.at(days(9, 11), 5), [[NAN, NAN], [1.0, 2.0]])
    nothing = States(days(), days(), np.empty((0, 2)))
    np.testing.assert_array_equal(nothing.at(days(9, 11), 5), np.full((2, 2), NAN))


def test_the_newest_event_counts_and_its_newest_version() -> None:
    rows = versions((1, 2, 10.0), (3, 4, 30.0), (2, 5, 20.0), (3, 6, 33.0), (1, 7, 11.0), (4, 8, 40.0))
    states = last_known(rows)
    assert states.known_at.tolist() == days(2, 4, 5, 6, 7, 8).tolist()
    assert states.value.ravel().tolist() == [10.0, 30.0, 30.0, 33.0, 33.0, 40.0]
    assert states.event_date.tolist() == days(1, 3, 3, 3, 3, 4).tolist()


def test_a_series_that_only_grows_is_one_span() -> None:
    (span,) = release_spans(versions((1, 2, 10.0), (2, 4, 20.0), (3, 4, 30.0)))
    assert span.instants.tolist() == days(2, 4).tolist()
    assert span.newest.tolist() == [0, 2]
    assert span.releases.value.tolist() == [10.0, 20.0, 30.0]


def test_a_revision_begins_a_span_with_all_that_is_known_until_the_next() -> None:
    first, second = release_spans(versions((1, 2, 10.0), (2, 4, 20.0), (1, 6, 11.0), (3, 8, 30.0)))
    assert first.releases.value.tolist() == [10.0, 20.0]
    assert first.instants.tolist() == days(2, 4).tolist()
    assert second.releases.value.tolist() == [11.0, 20.0, 30.0]
    assert second.instants.tolist() == days(6, 8).tolist()
    assert second.newest.tolist() == [1, 2]


def test_each_vintage_is_in_force_until_any_row_of_a_newer_one() -> None:
    rows = versions(
        (1, 2, 10.0), (1, 5, 100.0), (2, 5, 200.0), (1, 7, 11.0), (1, 9, 101.0), vintages=[2.0, 5.0, 5.0, 2.0, 5.0]
    )
    spans = release_spans(rows)
    assert [span.instants.tolist() for span in spans] == [days(2).tolist(), days(5).tolist(), days(9).tolist()]
    assert [span.releases.value.tolist() for span in spans] == [[10.0], [100.0, 200.0], [101.0, 200.0]]


def test_rows_without_a_vintage_are_older_than_all() -> None:
    rows = versions((1, 2, 10.0), (2, 3, 20.0), (2, 5, 2.0), (3, 8, 30.0), vintages=[NAN, NAN, 5.0, NAN])
    spans = release_spans(rows)
    assert [span.releases.value.tolist() for span in spans] == [[10.0, 20.0], [2.0]]


def test_states_of_a_causal_function_over_spans() -> None:
    rows = versions((1, 2, 10.0), (2, 4, 20.0), (1, 6, 11.0), (3, 8, 30.0))
    states = release_states(release_spans(rows), lambda releases: np.cumsum(releases.value))
    assert states.known_at.tolist() == days(2, 4, 6, 8).tolist()
    assert states.event_date.tolist() == days(1, 2, 2, 3).tolist()
    assert states.value.tolist() == [10.0, 30.0, 31.0, 61.0]


def test_only_spans_that_can_matter_are_kept() -> None:
    for vintages in (None, [1.0, 2.0, 3.0, 4.0]):
        rows = versions((1, 2, 10.0), (1, 4, 11.0), (1, 6, 12.0), (1, 8, 13.0), vintages=vintages)

        def starts(first: float, last: float, rows: Versions = rows) -> list[int]:
            return [int(span.instants[0] // DAY) for span in release_spans(rows, int(first * DAY), int(last * DAY))]

        assert starts(4.5, 6) == [4, 6]
        assert starts(1, 1) == [2]
        assert starts(9, 9) == [8]


def test_of_vintages_that_come_at_one_instant_the_newest_is_in_force() -> None:
    rows = versions((1, 2, 10.0), (1, 4, 11.0), (1, 4, 12.0), (2, 4, 20.0), vintages=[2.0, 3.0, 4.0, 3.0])
    assert [span.releases.value.tolist() for span in release_spans(rows)] == [[10.0], [12.0]]


def test_revision_spans_of_nothing() -> None:
    assert revision_spans(days(), days()) == []


def test_rows_published_together_do_not_revise_each_other() -> None:
    assert revision_spans(days(1, 2, 3, 2), days(5, 5, 5, 7)) == [(5 * DAY, 7 * DAY), (7 * DAY, NEVER)]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 8), st.integers(1, 12)), min_size=1, max_size=25, unique=True))
def test_spans_and_a_slow_reading_agree_at_every_instant(keys: list[tuple[int, int]]) -> None:
    rows = versions(*[(event, known, 100.0 * event + known) for event, known in keys])
    states = release_states(release_spans(rows), lambda releases: np.cumsum(releases.value))
    for now in np.arange(0.5, 14, 0.5):
        latest = {event: 100.0 * event + known for event, known in sorted(keys, key=lambda k: k[1]) if known <= now}
        expected = sum(latest.values()) if latest else NAN
        np.testing.assert_array_equal(states.at(days(now), max_age_days=1e6), [expected])


def test_ages_of_a_listed_series_follow_its_rule_alone() -> None:
    rows = frame((1, 2, 1.0), (400, 401, 1.0))
    assert level_max_age("UNRATE", versions_of(rows)) == level_max_age("UNRATE", versions_of(rows.iloc[:1]))
    assert level_max_ages("UNRATE", versions_of(rows)) == level_max_age("UNRATE", versions_of(rows))


def test_ages_of_an_unlisted_series_follow_what_was_known() -> None:
    rows = frame((1, 2, 1.0), (40, 41, 1.0), (41, 42, 1.0), (42, 43, 1.0), (43, 44, 1.0))
    ages = level_max_ages("NEW", versions_of(rows))
    assert isinstance(ages, Ages)
    assert ages.at(days(1, 2, 40))[1] == ages.at(days(40))[0] == level_max_age("NEW", versions_of(rows.iloc[:1]))
    assert ages.at(days(44, 4000)).tolist() == [level_max_age("NEW", versions_of(rows))] * 2
    assert (
        level_max_age("NEW", versions_of(rows))
        < level_max_age("NEW", versions_of(rows.iloc[:2]))
        < level_max_age("NEW", versions_of(rows.iloc[:1]))
    )


def test_joint_bars_know_a_row_when_all_of_it_and_before_it_was_known(toy: Any) -> None:
    toy.bars("A", ("2019-12-16", 10.0), ("2019-12-17", 11.0), ("2019-12-18", 12.0), ("2019-12-19", NAN))
    toy.bars("B", ("2019-12-16", 1.0, "2019-12-18 20:00"), ("2019-12-18", 3.0), ("2019-12-19", 4.0))
    view = toy.store.as_of()
    (one, two), known = joint_bars([view.bars("A"), view.bars("B")])
    assert one.sessions.astype("datetime64[D]").astype(str).tolist() == ["2019-12-16", "2019-12-18"]
    assert one.close.tolist() == [10.0, 12.0]
    assert two.close.tolist() == [1.0, 3.0]
    late = pd.Timestamp("2019-12-18 20:00", tz="America/New_York")
    assert known.tolist() == microseconds(pd.DatetimeIndex([late, late])).tolist()


def test_dated_bars_before_an_instant_are_the_versions_known_by_then(toy: Any) -> None:
    toy.bars("A", ("2019-12-16", 10.0), ("2019-12-17", 11.0), ("2019-12-16", 9.0, "2019-12-17 12:00"))
    noon = microseconds(pd.DatetimeIndex([pd.Timestamp("2019-12-17 12:00", tz="America/New_York")]))[0]
    rows = toy.store.as_of().arrays("bars", "A")
    assert dated_bars(rows, int(noon)).bars.close.tolist() == [10.0]
    assert dated_bars(rows, int(noon) + 1).bars.close.tolist() == [9.0]
    assert dated_bars(rows, NEVER).bars.close.tolist() == [9.0, 11.0]


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_bars_cannot_be_written_to(toy: Any, column: str) -> None:
    toy.bars("A", ("2019-12-16", 10.0))
    with pytest.raises(ValueError, match="read-only"):
        getattr(dated_bars(toy.store.as_of().arrays("bars", "A")).bars, column)[0] = -1.0


@pytest.mark.parametrize("lacking", [0.0, NAN])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_row_without_a_price_is_left_out_in_silence(toy: Any, lacking: float) -> None:
    toy.bars("A", ("2019-12-16", 10.0), ("2019-12-17", lacking), ("2019-12-18", 12.0))
    assert dated_bars(toy.store.as_of().arrays("bars", "A")).bars.close.tolist() == [10.0, 12.0]


Keys = st.lists(
    st.tuples(st.integers(1, 8), st.integers(1, 12), st.integers(0, 3)), min_size=1, max_size=25, unique=True
)


@settings(deadline=None, max_examples=40)
@given(Keys)
def test_what_is_kept_of_versions_never_looks_ahead(keys: list[tuple[int, int, int]]) -> None:
    """Cut at an instant, each causal function's columns are those of the versions known by then alone."""
    rows = frame(*[(event, known, 0.0) for event, known, _ in keys], vintages=[v or NAN for *_, v in keys])
    draw = np.random.default_rng(len(keys))
    for name in ("open", "high", "low", "close", "adj_close", "volume"):
        rows[name] = np.where(draw.random(len(rows)) < 0.2, NAN, draw.normal(50, 5, len(rows)))
    history = History.of_frame(rows)
    for function in (newest_rows, _newest_values, _vintage_in_force, _adjusted, _ages_by_spacing):
        for now in range(1, 13):
            cut = history.until(now * DAY)
            alone = versions_of(rows[(rows["known_at"] <= pd.Timestamp(now, unit="D", tz="UTC")).to_numpy()])
            assert len(cut) == len(alone)
            if len(cut):
                for ours, expected in zip(cut.causal(function), function(alone), strict=True):
                    np.testing.assert_array_equal(ours, expected)
