"""What this machine had stored by an instant is answered for ever as it was answered then."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bullbear.data import Store, View
from bullbear.data.segments import KINDS, MANY
from bullbear.data.snapshot import ingest_frames
from bullbear.data.status import status
from bullbear.data.versions import newest_rows
from bullbear.errors import InputError, NoDataError

TICK = pd.Timedelta(1, "us")
LAST = pd.Timestamp("2040-01-01", tz="UTC").as_unit("us")


def instant(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC").as_unit("us")


def values(*rows: tuple[str, float]) -> pd.DataFrame:
    days, numbers = zip(*rows, strict=True)
    return pd.DataFrame({"date": pd.DatetimeIndex(days), "value": list(numbers)})


def row(series: str, event: str, known_at: str, value: float) -> pd.DataFrame:
    return pd.DataFrame(
        {"series": [series], "event_date": [pd.Timestamp(event)], "known_at": [instant(known_at)], "value": [value]}
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


def test_a_value_fetched_late_changes_what_was_public_and_not_what_this_machine_had(store: Store) -> None:
    first, late = instant("2019-12-12T22:00"), instant("2019-12-27T22:00")
    ingest_frames({("macro", "PAYEMS"): values(("2019-10-01", 151_524.0))}, store, first)
    had = store.last_stored_at
    # November's value was due on 2019-12-11 and comes two weeks later.
    ingest_frames({("macro", "PAYEMS"): values(("2019-10-01", 151_524.0), ("2019-11-01", 151_758.0))}, store, late)
    decided = instant("2019-12-13T21:00")
    assert store.as_of(decided).observations("PAYEMS")["value"].tolist() == [151_524.0, 151_758.0]
    assert store.as_of(decided, stored=had).observations("PAYEMS")["value"].tolist() == [151_524.0]
    assert store.as_of(decided, stored=late).observations("PAYEMS")["value"].tolist() == [151_524.0, 151_758.0]
    assert store.as_of(decided, stored=had).newest("observations", "PAYEMS", "value") == 151_524.0
    assert store.as_of(decided, stored=had).catalogue()["rows"].tolist() == [1]
    assert (had, store.last_stored_at) == (first, late)
    assert (store.as_of(decided).stored, store.as_of(decided, stored=had).stored) == (None, had)


def test_a_row_delivered_again_keeps_when_it_was_first_stored(store: Store) -> None:
    rows = row("X", "2019-12-02", "2019-12-03", 1.0)
    assert store.append("observations", rows, stored_at=instant("2019-12-04")) == 1
    assert store.append("observations", rows, stored_at=instant("2019-12-09")) == 0
    assert store.last_stored_at == instant("2019-12-04")
    assert store.as_of(instant("2019-12-31"), stored=instant("2019-12-04")).has("observations", "X")


def test_the_clock_of_the_machine_is_the_default(store: Store) -> None:
    before = pd.Timestamp.now("UTC")
    store.append("observations", row("X", "2019-12-02", "2019-12-03", 1.0))
    assert before <= store.last_stored_at <= pd.Timestamp.now("UTC")


def test_what_was_stored_by_an_instant_never_grows(store: Store) -> None:
    noon = instant("2019-12-04T12:00")
    store.append("observations", row("A", "2019-12-02", "2019-12-03", 1.0), stored_at=noon)
    # The same instant once more, and a clock that was set back by a year.
    for name, clock in (("B", noon), ("C", instant("2018-12-04"))):
        seen = store.last_stored_at
        store.append("observations", row(name, "2019-12-02", "2019-12-03", 1.0), stored_at=clock)
        assert not store.as_of(instant("2019-12-31"), stored=seen).has("observations", name)
    assert store.last_stored_at == noon + 2 * TICK


def test_the_kinds_of_one_batch_are_told_apart_and_end_at_the_clock(store: Store) -> None:
    clock = instant("2019-12-04T12:00")
    rows = row("IWM", "2019-12-02", "2019-12-03", 1.0).rename(columns={"value": "amount"})
    store.append_all({"dividends": rows, "splits": rows.rename(columns={"amount": "ratio"})}, stored_at=clock)
    assert store.as_of(LAST, stored=clock).has("splits", "IWM")
    between = store.as_of(LAST, stored=clock - TICK)
    assert (between.has("dividends", "IWM"), between.has("splits", "IWM")) == (True, False)
    assert not store.as_of(LAST, stored=clock - 2 * TICK).has("dividends", "IWM")


def test_merging_keeps_when_each_row_was_stored(store: Store) -> None:
    days = pd.date_range("2019-12-02", periods=MANY + 1, freq="D").as_unit("us")
    clocks = [day.tz_localize("UTC") + pd.Timedelta(days=3) for day in days]
    for day, clock in zip(days, clocks, strict=True):
        store.append("observations", row("X", str(day.date()), str(day.date()), 1.0), stored_at=clock)
    assert len(list((store.root / "observations").glob("*.parquet"))) < MANY
    for place, clock in enumerate(clocks):
        view = store.as_of(LAST, stored=clock)
        assert view.observations("X").index.tolist() == days[: place + 1].tolist()
        assert len(view.arrays("observations", "X")) == place + 1
        assert store.as_of(stored=clock).instant == days[place].tz_localize("UTC")
    assert store.as_of(stored=clocks[0] - TICK).is_empty


def strip(root: Path) -> None:
    """Segments as an earlier version wrote them."""
    for path in root.glob("*/*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(["stored_at"]), path)


def test_rows_of_an_earlier_version_count_as_stored_when_they_were_known(store: Store) -> None:
    days = ("2019-12-02", "2019-12-03")
    store.append("observations", pd.concat([row("X", day, f"{day}T21:15", 1.0) for day in days]))
    strip(store.root)
    store = Store(store.root)
    assert store.last_stored_at == instant("2019-12-03T21:15")
    monday = store.as_of(LAST, stored=instant("2019-12-02T21:15"))
    assert len(monday.observations("X")) == len(monday.arrays("observations", "X")) == 1
    assert len(store.as_of(LAST).observations("X")) == 2
    assert store.append("observations", row("X", "2019-12-02", "2019-12-02T21:15", 1.0)) == 0
    for place in range(MANY):  # until old and new segments are merged
        more = row("Y", f"2019-12-{place + 1:02d}", "2019-12-15", 1.0)
        store.append("observations", more, stored_at=instant("2019-12-20"))
    assert len(list((store.root / "observations").glob("*.parquet"))) < MANY
    assert len(store.as_of(LAST, stored=instant("2019-12-02T21:15")).observations("X")) == 1
    assert len(store.as_of(LAST, stored=instant("2019-12-21")).observations("Y")) == MANY


def test_views_of_several_stored_instants_share_nothing(store: Store) -> None:
    # Two rows of one segment, stored apart, as a merge leaves them.
    rows = [row("X", day, day, value) for day, value in (("2019-12-02", 1.0), ("2019-12-03", 2.0))]
    for frame, clock in zip(rows, ("2019-12-05", "2019-12-09"), strict=True):
        store.append("observations", frame, stored_at=instant(clock))
    for place in range(MANY):
        store.append("observations", row(f"F{place}", "2019-12-02", "2019-12-02", 0.0), stored_at=instant("2019-12-10"))
    asked = [None, instant("2019-12-06"), None, instant("2019-12-04"), instant("2019-12-06"), instant("2019-12-09")]
    views = [store.as_of(LAST, stored=stored) for stored in asked]
    for view, expected in zip(views, ([1, 2], [1], [1, 2], [], [1], [1, 2]), strict=True):
        assert view.arrays("observations", "X").numbers["value"].tolist() == expected
        assert view.arrays("observations", "X").causal(newest_rows)[0].tolist() == list(range(len(expected)))
        assert view.has("observations", "X") == bool(expected)
        if expected:
            assert view.observations("X")["value"].tolist() == expected


def test_an_instant_without_a_time_zone_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="stored: got '2019-12-04 00:00:00'; allowed: an instant with a time zone"):
        store.as_of(LAST, stored=pd.Timestamp("2019-12-04"))
    with pytest.raises(InputError, match="stored_at: got '2019-12-04 00:00:00'; allowed: an instant with a time zone"):
        store.append("observations", row("X", "2019-12-02", "2019-12-03", 1.0), stored_at=pd.Timestamp("2019-12-04"))


# Sessions of December 2019 and the day after which they are over.
SESSIONS = pd.DatetimeIndex(["2019-12-02", "2019-12-03", "2019-12-04", "2019-12-05", "2019-12-06", "2019-12-09"])
MONTHS = pd.DatetimeIndex(["2019-08-01", "2019-09-01", "2019-10-01"])


@st.composite
def deliveries(draw: st.DrawFn) -> list[tuple[pd.Timestamp, dict[tuple[str, str], pd.DataFrame]]]:
    """Ingests at increasing clocks; each brings some events of each series, some of them late, some corrected."""
    clock = instant("2019-12-09T22:00")
    found = []
    for _ in range(draw(st.integers(2, 4))):
        clock += pd.Timedelta(draw(st.integers(1, 30 * 24)), "h")
        frames: dict[tuple[str, str], pd.DataFrame] = {}
        for folder, name, dates in (("macro", "DGS10", SESSIONS), ("macro", "PAYEMS", MONTHS)):
            chosen = dates[sorted(draw(st.sets(st.integers(0, len(dates) - 1), min_size=1)))]
            numbers = [float(draw(st.sampled_from([1, 2]))) for _ in chosen]
            frames[folder, name] = pd.DataFrame({"date": chosen, "value": numbers})
        chosen = SESSIONS[sorted(draw(st.sets(st.integers(0, len(SESSIONS) - 1), min_size=1)))]
        closes = np.array([float(draw(st.sampled_from([100, 101]))) for _ in chosen])
        paid = [float(draw(st.sampled_from([0, 1]))) for _ in chosen]
        prices = {"open": closes, "high": closes + 1, "low": closes - 1, "close": closes, "volume": closes}
        frames["raw_bars", "IWM"] = pd.DataFrame({"date": chosen, **prices, "dividend": paid, "split": 1.0})
        shown = {name: closes * 2 for name in ("open", "high", "low", "close", "adj_close", "volume")}
        # An open above the high is set aside.
        frames["prices", "SPY"] = pd.DataFrame({"date": chosen, **shown}).assign(
            open=closes * draw(st.sampled_from([2, 3]))
        )
        found.append((clock, frames))
    return found


def told(view: View) -> dict[str, pd.DataFrame | None]:
    """Everything that a view answers."""
    found: dict[str, pd.DataFrame | None] = {
        "catalogue": view.catalogue(),
        "quarantine": view.quarantine(),
        "status": status(view),
    }
    for kind in KINDS:
        for name in ("DGS10", "PAYEMS", "IWM", "SPY"):
            try:
                found[f"{kind} {name}"] = view.versions(kind, name)
            except NoDataError:
                found[f"{kind} {name}"] = None
            arrays = view.arrays(kind, name)
            columns = {"event_date": arrays.event_date, "known_at": arrays.known_at, **arrays.numbers}
            found[f"{kind} {name} arrays"] = pd.DataFrame({key: np.asarray(column) for key, column in columns.items()})
            found[f"{kind} {name} newest"] = pd.DataFrame(list(arrays.causal(newest_rows)))
    return found


@settings(
    max_examples=settings.default.max_examples // 33,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(deliveries=deliveries(), data=st.data())
def test_a_replay_is_the_view_of_a_store_that_received_no_more(
    deliveries: list[tuple[pd.Timestamp, dict[tuple[str, str], pd.DataFrame]]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        every, part = Store(Path(folder) / "every"), Store(Path(folder) / "part")
        count = data.draw(st.integers(1, len(deliveries)))
        for place, (clock, frames) in enumerate(deliveries):
            for key, frame in frames.items():
                ingest_frames({key: frame}, every, clock)
                if place < count:
                    ingest_frames({key: frame}, part, clock)
            if place == count - 1:
                stored = every.last_stored_at
        for moment in (*(clock for clock, _ in deliveries), instant("2019-12-05T21:00"), LAST):
            replayed, expected = told(every.as_of(moment, stored=stored)), told(part.as_of(moment))
            assert replayed.keys() == expected.keys()
            for name, value in expected.items():
                again = replayed[name]
                if value is None or again is None:
                    assert again is value, name
                else:
                    pd.testing.assert_frame_equal(again, value, obj=name)
        assert every.as_of(stored=stored).instant == part.as_of().instant
