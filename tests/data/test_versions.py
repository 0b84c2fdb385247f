"""Arrays of versions: what the frames serve, cut at the same instant, and never written to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.data.segments import KINDS
from bullbear.data.store import Store
from bullbear.data.versions import UNDATED, Columns, History, Versions, newest_rows
from bullbear.errors import InputError

DAYS = pd.DatetimeIndex(["2019-12-02", "2019-12-03", "2019-12-04"]).as_unit("us")
KNOWN = pd.DatetimeIndex(["2019-12-03 14:00", "2019-12-04 14:00", "2019-12-05 14:00"], tz="UTC").as_unit("us")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "data")
    rows = pd.DataFrame({"series": "DGS10", "event_date": DAYS, "known_at": KNOWN, "value": [1.0, 2.0, 3.0]})
    rows["vintage"] = pd.DatetimeIndex(["NaT", "2019-12-04", "NaT"]).as_unit("us")
    store.append("observations", rows)
    bars = pd.DataFrame({"series": "A", "event_date": DAYS, "known_at": KNOWN})
    store.append("bars", bars.assign(open=1.0, high=2.0, low=0.5, close=[1.0, 2.0, 4.0], adj_close=1.0, volume=9.0))
    return store


@pytest.mark.parametrize(("kind", "series"), [("observations", "DGS10"), ("bars", "A")])
@pytest.mark.parametrize("at", [*KNOWN, KNOWN[1] - pd.Timedelta(1, "us"), KNOWN[2] + pd.Timedelta(1, "D")])
def test_arrays_are_the_rows_of_the_frame(store: Store, kind: str, series: str, at: pd.Timestamp) -> None:
    view = store.as_of(at)
    frame, arrays = view.versions(kind, series), view.arrays(kind, series)
    assert len(arrays) == len(frame)
    np.testing.assert_array_equal(arrays.event_date.view("datetime64[us]"), frame["event_date"].to_numpy())
    np.testing.assert_array_equal(arrays.known_at, pd.DatetimeIndex(frame["known_at"]).asi8)
    assert list(arrays.numbers) == list(KINDS[kind].numbers)
    for name, column in arrays.numbers.items():
        np.testing.assert_array_equal(column, frame[name])


def test_nothing_known_is_no_rows(store: Store) -> None:
    before = store.as_of(KNOWN[0] - pd.Timedelta(1, "us"))
    assert len(before.arrays("observations", "DGS10")) == 0
    assert len(store.as_of().arrays("observations", "ABSENT")) == 0
    with pytest.raises(InputError, match="kind: got 'nonsense'"):
        store.as_of().arrays("nonsense", "DGS10")


def test_a_row_without_a_vintage_is_undated(store: Store) -> None:
    vintage = store.as_of().arrays("observations", "DGS10").vintage
    assert (vintage == UNDATED).tolist() == [True, False, True]


def test_the_newest_row_is_of_the_vintage_in_force(store: Store) -> None:
    assert store.as_of().arrays("observations", "DGS10").causal(newest_rows)[0].tolist() == [0, 1, 1]


def test_arrays_follow_what_is_appended(store: Store) -> None:
    assert store.as_of().arrays("bars", "A").numbers["close"].tolist() == [1.0, 2.0, 4.0]
    late = pd.DataFrame({"series": "A", "event_date": DAYS[:1], "known_at": KNOWN[2:], "close": 7.0})
    store.append("bars", late)
    assert store.as_of().arrays("bars", "A").numbers["close"].tolist() == [1.0, 2.0, 7.0, 4.0]
    assert store.as_of(KNOWN[1]).arrays("bars", "A").numbers["close"].tolist() == [1.0, 2.0]


def test_bars_derived_from_raw_ones_are_those_of_the_frame(store: Store) -> None:
    raw = pd.DataFrame({"series": "A", "event_date": [DAYS[2] + pd.Timedelta(1, "D")], "known_at": [KNOWN[2]]})
    store.append("raw_bars", raw.assign(open=3.0, high=3.0, low=3.0, close=3.0, volume=1.0, scale=1.0))
    view = store.as_of()
    assert len(view.arrays("bars", "A")) == 4
    np.testing.assert_array_equal(view.arrays("bars", "A").numbers["close"], view.versions("bars", "A")["close"])


def test_what_is_derived_is_computed_once_and_cut(store: Store) -> None:
    calls = []

    def doubled(versions: Versions) -> Columns:
        calls.append(len(versions))
        return (2.0 * versions.numbers["value"],)

    for at, expected in ((KNOWN[1], [2.0, 4.0]), (KNOWN[2], [2.0, 4.0, 6.0]), (KNOWN[0], [2.0])):
        (column,) = store.as_of(at).arrays("observations", "DGS10").causal(doubled)
        assert column.tolist() == expected
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 0.0
    assert calls == [3]


def test_no_array_can_be_written_to() -> None:
    frame = pd.DataFrame({"event_date": DAYS, "known_at": KNOWN, "value": [1.0, 2.0, 3.0]})
    versions = History.of_frame(frame).until(int(KNOWN.asi8[1]))
    for column in (versions.event_date, versions.known_at, versions.vintage, versions.numbers["value"]):
        assert len(column) == 2
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 0


@pytest.mark.parametrize("with_vintages", [False, True])
def test_the_newest_value_is_the_last_row_of_the_reader(tmp_path: Path, with_vintages: bool) -> None:
    rng = np.random.default_rng(3)
    store = Store(tmp_path)
    events = pd.date_range("2015-01-01", periods=40, freq="MS").as_unit("us")
    parts = []
    for name in ("A", "B"):
        chosen = events[rng.integers(0, 40, 120)]
        lags = pd.to_timedelta(rng.integers(20, 400, 120), unit="D")
        rows = pd.DataFrame({"series": name, "event_date": chosen, "known_at": (chosen + lags).tz_localize("UTC")})
        if with_vintages:
            known = rows["known_at"].dt.tz_localize(None).dt.to_period("Q").dt.start_time.dt.as_unit("us")
            rows = rows.assign(vintage=known.where(rng.random(120) < 0.8))
        parts.append(rows.assign(value=rng.normal(size=120)))
    store.append("observations", pd.concat(parts).drop_duplicates(["series", "event_date", "known_at"]))
    for instant in pd.date_range("2015-01-15", "2019-06-01", freq="23D", tz="UTC").as_unit("us"):
        view = store.as_of(instant)
        for name in ("A", "B", "C"):
            expected = view.observations(name)["value"].iloc[-1] if view.has("observations", name) else np.nan
            np.testing.assert_array_equal(view.newest("observations", name, "value"), expected)


def test_the_newest_value_of_a_wrong_column_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="column: got 'close'; allowed: value; name a number of the kind"):
        store.as_of().newest("observations", "DGS10", "close")
