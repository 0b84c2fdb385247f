"""The store: rows go in once, come out only as of an instant, and survive killed and competing writers."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bullbear.data import Store
from bullbear.data.segments import KINDS, MANY, ROW_GROUP, _row_groups
from bullbear.errors import InputError, NoDataError
from bullbear.files import STAGING


def instant(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def observations(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["series", "event_date", "known_at", "value"])
    frame["event_date"] = pd.to_datetime(frame["event_date"]).dt.as_unit("us")
    frame["known_at"] = pd.to_datetime(frame["known_at"], utc=True).dt.as_unit("us")
    return frame


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


def test_a_revision_is_served_only_from_its_own_known_at_on(store: Store) -> None:
    store.append("observations", observations(("GDP", "2019-07-01", "2019-10-30T12:30", 2.0)))
    store.append("observations", observations(("GDP", "2019-07-01", "2019-11-27T12:30", 2.1)))
    before = store.as_of(instant("2019-11-27T12:29:59")).observations("GDP")
    after = store.as_of(instant("2019-11-27T12:30")).observations("GDP")
    assert before["value"].tolist() == [2.0]
    assert after["value"].tolist() == [2.1]
    assert after.index.tolist() == [pd.Timestamp("2019-07-01")]
    assert store.as_of().versions("observations", "GDP")["value"].tolist() == [2.0, 2.1]


def test_identical_rows_are_skipped_and_counted(store: Store) -> None:
    rows = observations(("A", "2019-01-01", "2019-02-01", 1.0), ("B", "2019-01-01", "2019-02-01", np.nan))
    assert store.append("observations", rows) == 2
    assert store.append("observations", pd.concat([rows, rows])) == 0
    assert store.append("observations", observations(("A", "2019-02-01", "2019-03-01", 1.0))) == 1
    assert len(list((store.root / "observations").glob("*.parquet"))) == 2


def test_rewriting_what_was_known_is_refused(store: Store) -> None:
    store.append("observations", observations(("A", "2019-01-01", "2019-02-01", 1.0)))
    with pytest.raises(InputError, match=r"observations A 2019-01-01: got .*give the correction a later known_at"):
        store.append("observations", observations(("A", "2019-01-01", "2019-02-01", 1.5)))
    assert store.as_of().observations("A")["value"].tolist() == [1.0]


def test_the_latest_vintage_is_served_alone(store: Store) -> None:
    def vintage(day: str, *values: tuple[str, float]) -> pd.DataFrame:
        rows = observations(*(("INDPRO", event, f"{day}T23:59", value) for event, value in values))
        return rows.assign(vintage=pd.Timestamp(day))

    # A change of base year between the vintages: 120 and 100 are the same level.
    store.append("observations", vintage("2002-11-30", ("2002-08-01", 120.0), ("2002-09-01", 121.0)))
    store.append("observations", vintage("2002-12-31", ("2002-09-01", 100.9), ("2002-10-01", 101.0)))
    old = store.as_of(instant("2002-12-31")).observations("INDPRO")
    new = store.as_of(instant("2003-01-01")).observations("INDPRO")
    assert old["value"].tolist() == [120.0, 121.0]
    assert new["value"].tolist() == [100.9, 101.0]
    assert list(new.columns) == ["known_at", "value"]
    assert store.as_of().versions("observations", "INDPRO")["vintage"].nunique() == 2


def test_columns_units_and_names(store: Store) -> None:
    bars = observations(("IWM", "2019-12-31", "2019-12-31T21:00", 1.0)).drop(columns="value")
    store.append("bars", bars.assign(close=165.67, event_date=bars["event_date"].dt.as_unit("ns")))
    read = store.as_of().bars("IWM")
    assert list(read.columns) == ["known_at", "open", "high", "low", "close", "adj_close", "volume"]
    assert str(read.index.dtype) == "datetime64[us]"
    assert read.index.name == "event_date"
    assert str(read["known_at"].dtype) == "datetime64[us, UTC]"
    assert read["close"].tolist() == [165.67]
    assert np.isnan(read["volume"].iloc[0])


def test_holdings_serve_each_list_in_its_latest_version(store: Store) -> None:
    lines = observations(("IWM", "2019-12-30", "2019-12-31T21:00", 0), ("IWM", "2019-12-30", "2019-12-31T21:00", 0))
    lines = lines.drop(columns="value").assign(ticker=["A", "B"], name=["a", "b"], weight=[60.0, 40.0])
    store.append("holdings", lines)
    corrected = lines.iloc[:1].assign(known_at=instant("2020-01-02T21:00"), weight=100.0)
    store.append("holdings", corrected)
    assert store.as_of(instant("2020-01-01")).holdings("IWM")["ticker"].tolist() == ["A", "B"]
    assert store.as_of().holdings("IWM")["weight"].tolist() == [100.0]


def test_an_unknown_series_is_named(store: Store) -> None:
    store.append("observations", observations(("A", "2019-01-01", "2019-02-01", 1.0)))
    view = store.as_of(instant("2019-01-15"))
    assert not view.has("observations", "A")
    assert not view.has("bars", "IWM")
    with pytest.raises(NoDataError, match="observations of A: got 'nothing known at 2019-01-15"):
        view.observations("A")
    with pytest.raises(InputError, match="kind: got 'prices'"):
        view.has("prices", "IWM")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1.0}, "observations column: got 'colour'"),
        ({"known_at": pd.Timestamp("2019-02-01")}, "observations known_at: got .*time zone"),
        ({"event_date": pd.Timestamp("2019-02-01 12:00")}, "observations event_date: got 'a time of day'"),
        ({"event_date": "2019-02-01"}, "observations event_date: got .*naive days"),
        ({"series": None}, "observations series: got 'an empty cell'"),
    ],
)
def test_a_wrong_frame_is_refused_before_anything_is_written(store: Store, change: dict, message: str) -> None:
    rows = observations(("A", "2019-01-01", "2019-02-01", 1.0)).assign(**change)
    with pytest.raises(InputError, match=message):
        store.append("observations", rows)
    assert store.is_empty


def test_as_of_needs_a_time_zone(store: Store) -> None:
    with pytest.raises(InputError, match="an instant with a time zone"):
        store.as_of(pd.Timestamp("2019-01-01"))


def test_a_view_is_frozen_against_later_appends(store: Store) -> None:
    store.append("observations", observations(("A", "2019-01-01", "2019-02-01", 1.0)))
    view = store.as_of(instant("2030-01-01"))
    store.append("observations", observations(("A", "2019-02-01", "2019-03-01", 2.0)))
    assert view.observations("A")["value"].tolist() == [1.0]
    assert store.as_of(view.instant).observations("A")["value"].tolist() == [1.0, 2.0]


def test_a_reader_cannot_change_what_the_next_reader_sees(store: Store) -> None:
    store.append("observations", observations(("A", "2019-01-01", "2019-02-01", 1.0)))
    first = store.as_of().observations("A")
    first["value"] = 99.0
    first.loc[pd.Timestamp("2019-01-01"), "value"] = 98.0
    assert store.as_of().observations("A")["value"].tolist() == [1.0]


def test_a_view_travels_to_another_process(store: Store) -> None:
    store.append("observations", observations(("A", "2019-01-01", "2019-02-01", 1.0)))
    view = pickle.loads(pickle.dumps(store.as_of(instant("2019-06-01"))))
    assert view.instant == instant("2019-06-01")
    assert view.observations("A")["value"].tolist() == [1.0]


def test_everything_stored_includes_the_last_known_row(store: Store) -> None:
    assert store.as_of().instant == instant("1970-01-01")
    store.append("observations", observations(("A", "2019-01-01", "2019-02-01T13:30", 1.0)))
    assert store.as_of().instant == instant("2019-02-01T13:30")
    assert store.as_of().last_known_at == instant("2019-02-01T13:30")


def test_catalogue_counts_events_known_by_then(store: Store) -> None:
    store.append(
        "observations", observations(("A", "2019-01-01", "2019-02-01", 1.0), ("A", "2019-01-01", "2019-03-01", 2.0))
    )
    store.append(
        "observations", observations(("A", "2019-02-01", "2019-03-01", 1.0), ("B", "2019-02-01", "2019-05-01", 1.0))
    )
    table = store.as_of(instant("2019-04-01")).catalogue()
    assert table[["kind", "series", "rows"]].to_numpy().tolist() == [["observations", "A", 2]]
    assert table["last_known_at"].tolist() == [instant("2019-03-01")]


def test_simulated_is_declared(store: Store) -> None:
    assert not store.is_simulated
    store.mark_simulated({"seed": 7})
    assert Store(store.root).is_simulated


def test_staging_left_by_a_killed_writer_is_ignored_then_removed(store: Store) -> None:
    folder = store.root / "observations"
    folder.mkdir(parents=True)
    leftover = folder / f"{STAGING}4711"
    leftover.write_bytes(b"half a segment")
    assert store.is_empty
    store.append("observations", observations(("A", "2019-01-01", "2019-02-01", 1.0)))
    assert not leftover.exists()
    assert store.as_of().observations("A")["value"].tolist() == [1.0]


def test_a_damaged_segment_is_named(store: Store) -> None:
    store.append("observations", observations(("A", "2019-01-01", "2019-02-01", 1.0)))
    segment = next((store.root / "observations").glob("*.parquet"))
    segment.write_bytes(segment.read_bytes()[:50])
    with pytest.raises(InputError, match=r"segment observations/000001-\w{12}.parquet: got .*restore the file"):
        Store(store.root).as_of()


@pytest.mark.parametrize("cut_short", ["fsync", "replace"])
def test_the_mark_of_a_simulated_store_appears_whole_or_not_at_all(
    store: Store, monkeypatch: pytest.MonkeyPatch, cut_short: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, cut_short, fail)
        with pytest.raises(OSError, match="no space left"):
            store.mark_simulated({"seed": 7})
    assert not store.is_simulated
    store.mark_simulated({"seed": 7})
    with monkeypatch.context() as disk:
        disk.setattr(os, cut_short, fail)
        with pytest.raises(OSError, match="no space left"):
            store.mark_simulated({"seed": 8})
    assert store.simulated_from == {"seed": 7}
    store.mark_simulated({"seed": 9})
    assert store.simulated_from == {"seed": 9}
    assert not list(store.root.glob(f"{STAGING}*"))


def test_kinds_that_are_appended_together_appear_in_their_order_or_not_at_all(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = observations(("A", "2019-01-01", "2019-02-01", 1.0))
    dividends = rows.rename(columns={"value": "amount"})
    with pytest.raises(InputError, match="observations column: got 'amount'"):
        store.append_all({"dividends": dividends, "observations": dividends})
    assert store.is_empty
    told: list[str] = []
    monkeypatch.setattr("bullbear.data.store.write", lambda root, kind, content: told.append(kind.name))
    assert store.append_all({"dividends": dividends, "observations": rows}) == {"dividends": 1, "observations": 1}
    assert store.append_all({"observations": rows, "dividends": dividends}) == {"observations": 1, "dividends": 1}
    assert told == ["dividends", "observations", "observations", "dividends"]


def test_row_groups_break_at_series() -> None:
    ends = np.cumsum([10, 10, ROW_GROUP, 5, 5]).tolist()
    assert list(_row_groups(ends)) == [(0, 20), (20, 20 + ROW_GROUP), (20 + ROW_GROUP, 30 + ROW_GROUP)]
    assert list(_row_groups([10, 10 + ROW_GROUP])) == [(0, 10), (10, 10 + ROW_GROUP)]
    assert list(_row_groups([7])) == [(0, 7)]


def test_series_that_share_a_row_group_are_told_apart(store: Store) -> None:
    rows = [(name, "2019-01-01", "2019-02-01", float(place)) for place, name in enumerate("cabd")]
    store.append("observations", observations(*rows))
    view = store.as_of()
    assert [view.observations(name)["value"].tolist() for name in "abcd"] == [[1.0], [2.0], [0.0], [3.0]]
    assert not view.has("observations", "bb")


ROWS = st.lists(
    st.tuples(st.sampled_from("AB"), st.integers(1, 4), st.integers(0, 8)), unique=True, min_size=1, max_size=12
)


@settings(
    max_examples=settings.default.max_examples // 5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=ROWS, data=st.data())
def test_no_later_row_is_served_and_the_order_of_appends_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    # The value is a function of the key, as no two rows with one key may differ.
    literal = [(s, f"2019-0{e}-01", f"2019-06-0{k + 1}", e + k / 10) for s, e, k in rows]
    shuffled = data.draw(st.permutations(literal))
    cut = data.draw(st.integers(0, len(rows)))
    one, two = (Store(tmp_path_factory.mktemp("store")) for _ in range(2))
    one.append("observations", observations(*literal))
    for part in (shuffled[:cut], shuffled[cut:]):
        if part:
            two.append("observations", observations(*part))
    for day in ("2019-06-01", "2019-06-04", "2019-06-09"):
        now = instant(day)
        for name in "AB":
            expected: dict[str, tuple[str, float]] = {}
            for series, event, known, value in literal:
                if series == name and instant(known) <= now and known >= expected.get(event, ("", 0.0))[0]:
                    expected[event] = (known, value)
            assert one.as_of(now).has("observations", name) == bool(expected)
            if expected:
                served = one.as_of(now).observations(name)
                assert (served["known_at"] <= now).all()
                assert served["value"].tolist() == [expected[event][1] for event in sorted(expected)]
                pd.testing.assert_frame_equal(served, two.as_of(now).observations(name))
                versions = (store.as_of(now).versions("observations", name) for store in (one, two))
                pd.testing.assert_frame_equal(*versions)


def _append_days(root: Path, start: int) -> None:
    store = Store(root)
    for day in range(start, start + 15):
        store.append("observations", observations(("A", f"2019-01-{day:02d}", "2019-02-01", float(day))))


def test_two_processes_append_at_once(store: Store) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append_days, args=(store.root, start)) for start in (1, 8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert store.as_of().observations("A")["value"].tolist() == [float(day) for day in range(1, 23)]


def days_of(start: int, stop: int) -> list[pd.DataFrame]:
    return [observations(("A", f"2019-01-{day:02d}", "2019-02-01", float(day))) for day in range(start, stop)]


def test_small_segments_are_merged_and_nothing_is_lost(store: Store) -> None:
    view = None
    for place, row in enumerate(days_of(1, 29)):
        store.append("observations", row)
        if place == 5:
            view = Store(store.root).as_of()
    assert len(list((store.root / "observations").glob("*.parquet"))) <= MANY
    assert store.as_of().observations("A")["value"].tolist() == [float(day) for day in range(1, 29)]
    assert view is not None
    # The files of the old view are gone; what it serves by now is the merged segment.
    assert view.observations("A")["value"].tolist()[:6] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_a_merge_that_was_killed_leaves_rows_twice_which_count_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = days_of(1, MANY + 1)
    for row in rows[:-1]:
        store.append("observations", row)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            store.append("observations", rows[-1])
    again = Store(store.root)
    assert len(list((store.root / "observations").glob("*.parquet"))) == MANY + 1
    assert len(again.as_of().versions("observations", "A")) == MANY
    assert again.as_of().catalogue()["rows"].tolist() == [MANY]
    assert sum(again.append("observations", row) for row in rows) == 0


def test_opening_the_store_stays_light() -> None:
    heavy = (
        "['pandera', 'exchange_calendars', 'duckdb', 'mlflow', 'scipy', 'sklearn', 'pyarrow.csv', 'pyarrow.dataset']"
    )
    code = f"import sys, bullbear.data.store; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.strip() == "[]"


def test_every_kind_has_its_reader(store: Store) -> None:
    readers = {name for name in dir(store.as_of()) if name in KINDS}
    assert readers == set(KINDS)
