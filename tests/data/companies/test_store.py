"""Companies go in once, in any order and split, and come out as of an instant only."""

from __future__ import annotations

import multiprocessing
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.companies.conftest import Bars, made_bars

from bullbear import sessions
from bullbear.data import Store, segments
from bullbear.data.companies import Panel
from bullbear.data.companies.kinds import bucket, partitions_of
from bullbear.data.companies.panel import TABLES
from bullbear.errors import InputError

NAMES = ("ACME", "BOLT", "CORE")


def utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def same(one: Panel, other: Panel) -> bool:
    return (
        one.companies == other.companies
        and one.sessions.equals(other.sessions)
        and all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in TABLES)
        and one.restated.tolist() == other.restated.tolist()
    )


def late(store: Store) -> pd.DataFrame:
    rows = store.as_of().companies.late()
    return rows.sort_values(list(rows.columns), ignore_index=True)


def test_a_correction_is_served_from_its_own_known_at_on(store: Store, bars: Bars) -> None:
    first = bars("ACME", "2019-12-27", [10.0, 11.0, 12.0])
    store.companies.append_all({"bars": first})
    later = utc("2020-01-06T14:00")
    correction = first.iloc[1:2].assign(close=110.0, known_at=later)
    store.companies.append_all({"bars": correction})
    before = store.as_of(later - pd.Timedelta(1, "us")).companies.panel()
    after = store.as_of(later).companies.panel()
    assert before.close[:, 0].tolist() == [10.0, 11.0, 12.0]
    assert after.close[:, 0].tolist() == [10.0, 110.0, 12.0]
    assert store.as_of().companies.late()["known_at"].dt.tz_localize("UTC").tolist() == [later]


def test_a_row_that_is_repeated_adds_nothing_and_one_that_contradicts_is_refused(store: Store, bars: Bars) -> None:
    rows = bars("ACME", "2018-12-28", [10.0, 11.0, 12.0])
    assert store.companies.append_all({"bars": rows}) == {"bars": 3}
    stamped = store.last_stored_at
    assert store.companies.append_all({"bars": pd.concat([rows, rows])}) == {"bars": 0}
    assert store.last_stored_at == stamped
    with pytest.raises(InputError, match=r"bars ACME 2018-12-31: .*give the correction a later known_at"):
        store.companies.append_all({"bars": rows.assign(close=[10.0, 11.5, 12.0])})
    with pytest.raises(InputError, match="kind: got 'holdings'; allowed: bars, splits"):
        store.companies.append_all({"holdings": rows})
    assert store.as_of().companies.panel().close[:, 0].tolist() == [10.0, 11.0, 12.0]


def test_a_refused_kind_leaves_the_others_out(store: Store, bars: Bars) -> None:
    rows = bars("ACME", "2018-12-28", [10.0])
    with pytest.raises(InputError, match="splits column: got 'open'"):
        store.companies.append_all({"bars": rows, "splits": rows})
    assert store.is_empty


def test_what_was_stored_by_an_instant_never_grows(store: Store, bars: Bars) -> None:
    store.companies.append_all({"bars": bars("ACME", "2019-12-27", [10.0])}, stored_at=utc("2020-01-03"))
    then = store.last_stored_at
    # The clock was set back; the market's rows count, too.
    store.companies.append_all({"bars": bars("BOLT", "2019-12-27", [20.0])}, stored_at=utc("2020-01-02"))
    assert store.as_of(stored=then).companies.names == ("ACME",)
    assert store.as_of().companies.names == ("ACME", "BOLT")
    value = pd.DataFrame(
        {"series": ["X"], "event_date": [pd.Timestamp("2020-01-01")], "known_at": [then], "value": 1.0}
    )
    store.append("observations", value.assign(value=1.0), stored_at=utc("2020-01-02"))
    latest = store.last_stored_at
    store.companies.append_all({"bars": bars("CORE", "2019-12-27", [20.0])}, stored_at=utc("2020-01-02"))
    assert store.as_of(stored=latest).companies.names == ("ACME", "BOLT")
    assert store.as_of(stored=latest).has("observations", "X")


def test_the_stamp_is_found_again_where_its_file_is_lost(store: Store, bars: Bars) -> None:
    store.companies.append_all({"bars": bars("ACME", "2019-12-27", [10.0])}, stored_at=utc("2020-01-03"))
    (store.companies.root / "last-stored").unlink()
    assert Store(store.root).last_stored_at == utc("2020-01-03")


def test_a_company_stays_in_its_partition_of_the_year(bars: Bars) -> None:
    rows = bars("ACME", "2018-12-31", [10.0, 11.0])
    assert bucket("ACME", 8) == 2
    found = {name: places.tolist() for name, places in partitions_of("bars", rows).items()}
    assert found == {"2018-2of8": [0], "2019-2of8": [1]}
    assert partitions_of("splits", rows)["all"].tolist() == [0, 1]
    assert partitions_of("bars", rows.iloc[:0]) == {}


def test_many_evenings_are_merged(store: Store, bars: Bars) -> None:
    days = sessions.between("2019-01-02", "2019-01-31")
    whole = pd.concat([bars(name, "2019-01-02", list(np.arange(1.0, len(days) + 1))) for name in NAMES])
    for day in days:
        store.companies.append_all({"bars": whole[whole["event_date"] == day]})
    assert len(list(store.companies.root.glob("*/bars/*.parquet"))) <= 8 * len({bucket(name, 8) for name in NAMES})
    assert store.as_of().companies.panel().close.sum() == whole["close"].sum()


@settings(max_examples=25)
@given(data=st.data())
def test_rows_appended_in_any_split_and_order_give_the_same_view(data: st.DataObject) -> None:
    whole = pd.concat([made_bars(name, "2018-12-27", [10.0, 11.0, 12.0, 13.0]) for name in NAMES], ignore_index=True)
    fixes = whole.iloc[[2, 5, 9]].assign(known_at=utc("2019-01-08T15:00"), close=99.0)
    rows = pd.concat([whole, fixes], ignore_index=True)
    order = data.draw(st.permutations(range(len(rows))))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(rows) - 1), max_size=3)))
    instant = data.draw(st.sampled_from([utc("2018-12-31T21:00"), utc("2019-01-03"), utc("2019-01-08T15:00")]))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        once, parts = Store(Path(one)), Store(Path(other))
        once.companies.append_all({"bars": rows})
        for places in np.split(np.array(order), cuts):
            parts.companies.append_all({"bars": rows.iloc[places]})
        assert same(once.as_of(instant).companies.panel(), parts.as_of(instant).companies.panel())
        assert late(once).equals(late(parts))


@settings(max_examples=25)
@given(
    instant=st.datetimes(pd.Timestamp("2018-12-28"), pd.Timestamp("2019-01-12")),
    delays=st.lists(st.integers(0, 200), min_size=8, max_size=8),
)
def test_a_view_never_serves_a_later_row(instant: pd.Timestamp, delays: list[int]) -> None:
    """The plain way: keep what was known, then the last version of each session."""
    moment = pd.Timestamp(instant, tz="UTC")
    early = pd.concat([made_bars(name, "2018-12-27", [10.0, 11.0, 12.0, 13.0]) for name in NAMES[:2]])
    late = early.assign(known_at=early["known_at"] + pd.to_timedelta(delays, unit="h"), close=early["close"] + 50)
    rows = pd.concat([early, late[late["known_at"].array > early["known_at"].array]], ignore_index=True)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.companies.append_all({"bars": rows})
        panel = store.as_of(moment).companies.panel(NAMES)
    known = rows[rows["known_at"] <= moment].sort_values("known_at", kind="stable")
    latest = known.drop_duplicates(["series", "event_date"], keep="last")
    wide = latest.set_index(["event_date", "series"])["close"].unstack()  # noqa: PD010
    expected = wide.reindex(index=panel.sessions, columns=list(NAMES))
    assert np.array_equal(panel.close, expected.to_numpy(), equal_nan=True)
    assert panel.sessions[-1] == known["event_date"].max()


def _append(root: Path, name: str) -> None:
    store = Store(root)
    for day in range(10):
        store.companies.append_all({"bars": made_bars(name, "2019-01-02", [10.0] * 10).iloc[day : day + 1]})


def test_two_writers_at_once_lose_nothing(store: Store) -> None:
    names = [name for name in (f"C{place}" for place in range(99)) if bucket(name, 8) == 0][:2]
    processes = [multiprocessing.get_context("fork").Process(target=_append, args=(store.root, name)) for name in names]
    for each in processes:
        each.start()
    for each in processes:
        each.join()
        assert each.exitcode == 0
    panel = store.as_of().companies.panel()
    assert panel.companies == tuple(sorted(names))
    assert not np.isnan(panel.close).any()


def test_an_append_that_was_killed_is_completed_by_the_next(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pd.concat([made_bars(name, "2018-12-28", [10.0, 11.0, 12.0]) for name in NAMES])
    real, written = segments.write, []

    def killed(*given: object) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(given)
        real(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr("bullbear.data.companies.store.write", killed)
        with pytest.raises(KeyboardInterrupt):
            store.companies.append_all({"bars": rows}, stored_at=utc("2019-02-01"))
    # What was promised of the rows that did arrive holds: none is later than the stamp.
    assert store.last_stored_at == utc("2019-02-01")
    left = store.companies.append_all({"bars": rows}, stored_at=utc("2019-02-02"))["bars"]
    assert 0 < left < len(rows)
    panel = Store(store.root).as_of().companies.panel()
    assert panel.close.tolist() == [[10.0] * 3, [11.0] * 3, [12.0] * 3]


def test_a_view_outlives_the_merging_of_its_files(store: Store) -> None:
    rows = made_bars("ACME", "2019-01-02", [float(place) for place in range(1, 21)])
    for place in range(7):
        store.companies.append_all({"bars": rows.iloc[place : place + 1]})
    view = store.as_of(rows["known_at"].iloc[6]).companies
    by_then = store.as_of(stored=store.last_stored_at).companies
    for place in range(7, 20):
        store.companies.append_all({"bars": rows.iloc[place : place + 1]})
    assert view.panel().close[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert by_then.panel().close[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
