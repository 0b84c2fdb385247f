"""Loading a snapshot directory: refuse, set aside, store once, whatever interrupts it."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

from bullbear.data import Store
from bullbear.data.csv_files import Layout, read
from bullbear.data.segments import KINDS
from bullbear.data.snapshot import IngestReport, ingest, ingest_frames
from bullbear.errors import InputError, SnapshotError

NOW = pd.Timestamp("2020-06-01 12:00", tz="UTC").as_unit("us")
LATER = NOW + pd.Timedelta(days=1)

PRICES = "date,open,high,low,close,adj_close,volume\n"
# The last three sessions of 2019; the 24th closed at 13:00, the 25th was no session.
CHRISTMAS = (
    "2019-12-23,165.0,166.0,164.0,165.5,152.0,1000\n"
    "2019-12-24,165.5,166.5,165.0,166.0,152.5,500\n"
    "2019-12-26,166.0,166.8,165.5,166.2,152.7,\n"
)


def snapshot(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def loaded(tmp_path: Path, files: dict[str, str], now: pd.Timestamp = NOW) -> tuple[Store, IngestReport]:
    store = Store(tmp_path / "home" / "data")
    return store, ingest(snapshot(tmp_path / "snapshot", files), store, now)


def content(store: Store) -> dict[str, pd.DataFrame]:
    view = store.as_of(pd.Timestamp("2040-01-01", tz="UTC"))
    return {
        kind: view._all(kind, layout.columns).sort_values(layout.key, ignore_index=True)
        for kind, layout in KINDS.items()
    }


def assert_same(one: Store, two: Store) -> None:
    first, second = content(one), content(two)
    for kind in KINDS:
        pd.testing.assert_frame_equal(first[kind], second[kind])


EVERYTHING = {
    "prices/IWM.csv": PRICES + CHRISTMAS,
    "prices/^VIX.csv": PRICES + "2019-12-24,12.5,13,12,12.7,12.7,\n",
    "dividends/IWM.csv": "date,amount\n2019-12-16,0.597\n",
    "macro/DGS10.csv": "date,value\n2019-12-23,1.93\n2019-12-24,\n2019-12-26,1.90\n",
    "macro/PAYEMS.csv": "date,value\n2019-10-01,151524\n2019-11-01,151758\n",
    "macro/XYZ.csv": "date,value,known_at\n"
    "2019-10-01,1,2019-11-05\n2019-11-01,2,2019-12-05T08:30:00-05:00\n2019-12-01,3,\n",
    "vintages/PAYEMS.csv": "vintage,date,value\n"
    "2019-11-30,2019-10-01,151000\n2019-12-31,2019-10-01,151100\n2019-12-31,2019-11-01,151200\n",
    "short_interest/IWM.csv": "settlement_date,shares_short\n2019-11-29,100000000\n2019-12-13,110000000\n",
    "short_volume/IWM.csv": "date,short_volume,total_volume\n2019-12-23,5,10\n2019-12-24,6,10\n",
    "holdings/IWM.csv": "as_of,ticker,weight,name\n2019-12-23,A,60,Alpha\n2019-12-23,B,40,Beta\n",
    "MANIFEST.csv": "file\n",
    "papers/x.csv": "a\n1\n",
}


def test_a_row_of_every_kind_is_known_when_the_rules_say(tmp_path: Path) -> None:
    store, report = loaded(tmp_path, EVERYTHING)
    assert report.refusals == ()
    assert report.added == {
        "bars": 4,
        "dividends": 1,
        "observations": 8,
        "short_interest": 2,
        "short_volume": 2,
        "holdings": 2,
    }
    view = store.as_of()
    york = "America/New_York"

    def known(frame: pd.DataFrame) -> list[str]:
        return frame["known_at"].dt.tz_convert(york).dt.strftime("%m-%d %H:%M").tolist()

    assert known(view.bars("IWM")) == ["12-23 16:00", "12-24 13:00", "12-26 16:00"]
    assert known(view.bars("^VIX")) == ["12-24 13:15"]
    assert known(view.dividends("IWM")) == ["12-16 09:30"]
    assert known(view.observations("DGS10")) == ["12-24 16:15", "12-27 16:15"]
    assert known(view.observations("XYZ")) == ["11-05 23:59", "12-05 08:30", "03-02 16:15"]
    assert known(view.short_interest("IWM")) == ["12-11 18:00", "12-26 18:00"]
    assert known(view.short_volume("IWM")) == ["12-23 18:00", "12-24 18:00"]
    assert known(view.holdings("IWM")) == ["12-24 18:00"] * 2
    assert view.observations("PAYEMS")["value"].tolist() == [151100, 151200]
    assert pd.isna(view.bars("IWM")["volume"].iloc[2])


def test_what_is_ignored_is_noted(tmp_path: Path) -> None:
    _, report = loaded(tmp_path, EVERYTHING | {"prices/readme.txt": "x"})
    assert set(report.notes) == {
        "MANIFEST.csv: ignored, not part of a snapshot",
        "papers: ignored, not part of a snapshot",
        "prices/readme.txt: ignored, not a .csv file",
        "macro/DGS10.csv: 1 empty rows left out",
        "macro/PAYEMS.csv: not stored; its real-time history in vintages/ serves instead",
    }


def test_twice_adds_nothing(tmp_path: Path) -> None:
    store, _ = loaded(tmp_path, EVERYTHING | {"prices/SPY.csv": PRICES + CHRISTMAS + "2019-12-28,1,1,1,1,1,1\n"})
    before = content(store)
    segments = sorted(store.root.rglob("*.parquet"))
    again = ingest(tmp_path / "snapshot", store, LATER)
    assert again.rows_added == 0
    assert again.revised == 0
    assert sorted(store.root.rglob("*.parquet")) == segments
    for kind, rows in content(store).items():
        pd.testing.assert_frame_equal(rows, before[kind])


def test_a_refused_file_stores_nothing_and_the_others_load(tmp_path: Path) -> None:
    bad = PRICES + CHRISTMAS.replace("166.5,165.0", "164.0,165.0")
    store, report = loaded(
        tmp_path,
        {
            "prices/IWM.csv": bad,
            "prices/SPY.csv": PRICES + CHRISTMAS,
            "macro/Z.csv": "date,value,known_at\n2019-10-01,1,soon\n",
        },
    )
    assert [str(error).split(";")[0] for error in report.refusals] == [
        "macro/Z.csv:2: got 'soon'",
        "prices/IWM.csv:3: got 'high 164.0 < low 165.0'",
    ]
    assert all(error.exit_code == 2 for error in report.refusals)
    assert store.as_of().catalogue()["series"].tolist() == ["SPY"]


def test_doubtful_rows_are_kept_but_never_served(tmp_path: Path) -> None:
    saturday = "2019-12-28,166.2,167,166,166.5,153.0,10\n"
    outside = "2019-12-30,170.0,167,166,166.5,153.0,10\n"
    store, report = loaded(tmp_path, {"prices/IWM.csv": PRICES + CHRISTMAS + saturday + outside})
    assert report.quarantined == 2
    view = store.as_of()
    assert len(view.bars("IWM")) == 3
    aside = view.quarantine()
    assert aside["event_date"].dt.strftime("%Y-%m-%d").tolist() == ["2019-12-28", "2019-12-30"]
    assert aside["reason"].tolist() == ["no session of the exchange on that day", "open or close outside [low, high]"]
    assert '"open": 170.0' in aside["row"].iloc[1]


def test_a_split_like_jump_at_the_seam_is_seen(tmp_path: Path) -> None:
    store, _ = loaded(tmp_path, {"prices/IWM.csv": PRICES + CHRISTMAS})
    halved = snapshot(tmp_path / "next", {"prices/IWM.csv": PRICES + "2019-12-27,83.1,83.4,82.8,83.0,76.3,900\n"})
    assert ingest(halved, store, NOW).quarantined == 1
    assert store.as_of().bars("IWM").index[-1] == pd.Timestamp("2019-12-26")
    assert store.as_of().quarantine()["reason"].tolist() == ["split-like jump without a split"]


def test_a_restated_history_adds_only_its_continuation(tmp_path: Path) -> None:
    store, _ = loaded(tmp_path, {"prices/IWM.csv": PRICES + CHRISTMAS})
    # A 2:1 split and a dividend of one per cent before the 27th: OHLC x 1/2, adj_close x 0.495, volume x 2.
    restated = (
        "2019-12-23,82.5,83.0,82.0,82.75,75.24,2000\n"
        "2019-12-24,82.75,83.25,82.5,83.0,75.4875,1000\n"
        "2019-12-26,83.0,83.4,82.75,83.1,75.5865,\n"
        "2019-12-27,82.0,83.0,81.0,82.5,75.7980,2600\n"
    )
    before = store.as_of(pd.Timestamp("2019-12-26 21:00", tz="UTC")).bars("IWM")
    report = ingest(snapshot(tmp_path / "next", {"prices/IWM.csv": PRICES + restated}), store, NOW)
    assert report.added == {"splits": 1, "bars": 1}
    assert report.revised == 0
    assert report.notes == ("prices/IWM.csv: brought to the stored anchor (prices x 2, adj_close x 2.020202)",)
    bars = store.as_of().bars("IWM")
    assert bars["close"].tolist() == [82.75, 83.0, 83.1, 82.5]
    assert bars["volume"].tolist()[:2] == [2000.0, 1000.0]
    assert bars["volume"].iloc[3] == 2600
    pd.testing.assert_frame_equal(store.as_of(pd.Timestamp("2019-12-26 21:00", tz="UTC")).bars("IWM"), before)
    assert ingest(tmp_path / "next", store, LATER).rows_added == 0
    assert bars["adj_close"].iloc[3] / bars["adj_close"].iloc[2] == pytest.approx(75.7980 / 75.5865, rel=1e-9)
    assert bars["known_at"].iloc[3] == pd.Timestamp("2019-12-27 21:00", tz="UTC")


def test_a_corrected_value_is_known_from_now(tmp_path: Path) -> None:
    store, _ = loaded(tmp_path, EVERYTHING)
    corrected = {
        "prices/IWM.csv": PRICES + CHRISTMAS.replace("166.0,152.5,500", "165.8,152.5,500"),
        "macro/DGS10.csv": "date,value\n2019-12-23,1.94\n2019-12-26,1.90\n",
        "short_interest/IWM.csv": "settlement_date,shares_short\n2019-11-29,100000000\n2019-12-13,111000000\n",
        "holdings/IWM.csv": "as_of,ticker,weight,name\n2019-12-23,A,100,Alpha\n",
        "vintages/PAYEMS.csv": EVERYTHING["vintages/PAYEMS.csv"].replace("151200", "151201"),
    }
    report = ingest(snapshot(tmp_path / "next", corrected), store, LATER)
    assert report.revised == 5
    assert report.added == {"bars": 1, "observations": 2, "short_interest": 1, "holdings": 1}
    before, after = store.as_of(NOW), store.as_of(LATER)
    assert before.bars("IWM")["close"].tolist() == [165.5, 166.0, 166.2]
    assert after.bars("IWM")["close"].tolist() == [165.5, 165.8, 166.2]
    assert after.observations("DGS10")["value"].tolist() == [1.94, 1.90]
    assert after.short_interest("IWM")["shares_short"].tolist() == [100_000_000, 111_000_000]
    assert before.holdings("IWM")["ticker"].tolist() == ["A", "B"]
    assert after.holdings("IWM")["ticker"].tolist() == ["A"]
    assert before.observations("PAYEMS")["value"].tolist() == [151100, 151200]
    assert after.observations("PAYEMS")["value"].tolist() == [151100, 151201]
    assert ingest(tmp_path / "next", store, LATER + pd.Timedelta(days=1)).rows_added == 0
    # Back to the first value: one more version, not a conflict with the first.
    assert ingest(tmp_path / "snapshot", store, LATER + pd.Timedelta(days=2)).revised == 5
    assert store.as_of().bars("IWM")["close"].tolist() == [165.5, 166.0, 166.2]


def test_a_latest_revised_file_continues_a_series_of_vintages(tmp_path: Path) -> None:
    store, _ = loaded(tmp_path, EVERYTHING)
    fetched = {"macro/PAYEMS.csv": "date,value\n2019-11-01,151300\n2019-12-01,151400\n"}
    assert ingest(snapshot(tmp_path / "next", fetched), store, NOW).added == {"observations": 2}
    assert store.as_of(NOW - pd.Timedelta(1, "us")).observations("PAYEMS")["value"].tolist() == [151100, 151200]
    assert store.as_of(NOW).observations("PAYEMS")["value"].tolist() == [151300, 151400]
    assert ingest(tmp_path / "next", store, LATER).rows_added == 0


def test_a_session_that_is_not_over_is_left_out(tmp_path: Path) -> None:
    noon = pd.Timestamp("2019-12-26 17:00", tz="UTC")
    store, report = loaded(tmp_path, {"prices/IWM.csv": PRICES + CHRISTMAS}, noon)
    assert report.notes == ("prices/IWM.csv: 1 rows from 2019-12-26 left out, session not over",)
    assert len(store.as_of().bars("IWM")) == 2
    assert ingest(tmp_path / "snapshot", store, NOW).added == {"bars": 1}


def test_a_value_in_hand_before_its_rule_is_known_now(tmp_path: Path) -> None:
    now = pd.Timestamp("2019-12-27 12:00", tz="UTC")
    store, _ = loaded(tmp_path, {"macro/DGS10.csv": "date,value\n2019-12-26,1.90\n"}, now)
    assert store.as_of().observations("DGS10")["known_at"].tolist() == [now]
    assert ingest(tmp_path / "snapshot", store, NOW).rows_added == 0


def test_a_claim_to_have_known_before_the_event_is_set_aside(tmp_path: Path) -> None:
    text = "date,value,known_at\n2019-10-01,1,2019-09-30\n2019-11-01,2,2019-12-01\n"
    store, report = loaded(tmp_path, {"macro/X.csv": text})
    assert report.quarantined == 1
    assert store.as_of().observations("X")["value"].tolist() == [2.0]
    row = {"event_date": "2019-10-01", "value": 1.0, "known_at": "2019-10-01 03:59:00+00:00"}
    assert json.loads(store.as_of().quarantine()["row"].iloc[0]) == row


@pytest.mark.parametrize(
    ("series", "event", "refused", "accepted"),
    [
        ("GDPC1", "2019-10-01", "2019-10-30", "2020-01-30T08:30"),  # the quarter lasts to December
        ("GDPC1", "2019-10-01", "2019-12-31T15:59", "2019-12-31T16:00"),
        ("PAYEMS", "2019-11-01", "2019-11-08", "2019-12-06T08:30"),
        ("PAYEMS", "2019-11-01", "2019-11-29T12:00", "2019-11-30"),  # the last business day was Friday the 29th
        ("ICSA", "2019-12-14", "2019-12-12T08:30", "2019-12-19T08:30"),  # the week to Saturday
        ("DGS10", "2019-12-12", "2019-12-12T15:30", "2019-12-12T16:15"),
        # Surveys come out within their month, Freddie Mac's on its own day.
        ("GACDISA066MSFRBNY", "2019-12-01", "2019-11-30T10:00", "2019-12-16T08:30"),
        ("UMCSENT", "2019-12-01", "2019-11-22T10:00", "2019-12-20T10:00"),
        ("MORTGAGE30US", "2019-12-12", "2019-12-11T12:00", "2019-12-12T12:00"),
    ],
)
def test_a_value_known_before_its_period_was_over_is_set_aside(
    tmp_path: Path, series: str, event: str, refused: str, accepted: str
) -> None:
    for moment, count in ((refused, 0), (accepted, 1)):
        text = f"date,value,known_at\n{event},1,{moment}\n"
        folder = tmp_path / str(count)
        store, report = loaded(folder, {f"macro/{series}.csv": text})
        assert (report.quarantined, report.added.get("observations", 0)) == (1 - count, count)
        reasons = store.as_of().quarantine()["reason"].tolist()
        assert reasons == ["known before the end of the period described"] * (1 - count)


def test_the_spacing_of_a_series_without_a_rule_says_what_its_period_is(tmp_path: Path) -> None:
    head = "date,value,known_at\n"
    daily = head + "2019-12-11,1,2019-12-11T09:00\n2019-12-12,1,2019-12-12T09:00\n"
    weekly = head + "2019-12-04,1,2019-12-05\n2019-12-11,1,2019-12-12\n"
    monthly = head + "2019-10-01,1,2019-11-05\n2019-11-01,2,2019-11-12\n"
    quarterly = head + "2019-04-01,1,2019-07-25\n2019-07-01,1,2019-09-30T12:00\n"
    files = {"macro/D.csv": daily, "macro/W.csv": weekly, "macro/M.csv": monthly, "macro/Q.csv": quarterly}
    store, report = loaded(tmp_path, files)
    assert report.quarantined == 2
    assert store.as_of().quarantine()["series"].tolist() == ["M", "Q"]
    # One more day of a daily series is judged by the days before it, not as a lonely quarter.
    more = {"macro/D.csv": head + "2019-12-13,1,2019-12-13T09:00\n", "macro/M.csv": head + "2019-12-01,1,2019-12-20\n"}
    assert ingest(snapshot(tmp_path / "next", more), store, LATER).added == {"observations": 1, "quarantine": 1}
    assert len(store.as_of().observations("D")) == 3


def test_a_value_in_hand_before_its_period_is_over_is_set_aside_and_taken_once_it_is(tmp_path: Path) -> None:
    october = pd.Timestamp("2019-10-10 12:00", tz="UTC")
    text = {"macro/GDPC1.csv": "date,value\n2019-04-01,19021.9\n2019-10-01,19200.0\n"}
    store, report = loaded(tmp_path, text, october)
    assert report.added == {"observations": 1, "quarantine": 1}
    assert store.as_of(october).quarantine()["row"].tolist() == ['{"event_date": "2019-10-01", "value": 19200.0}']
    again = ingest(tmp_path / "snapshot", store, october + pd.Timedelta(days=1))
    assert (again.quarantined, again.rows_added) == (1, 0)  # set aside once
    assert ingest(tmp_path / "snapshot", store, NOW).added == {"observations": 1}
    assert store.as_of().observations("GDPC1")["known_at"].iloc[1] == pd.Timestamp("2020-02-03 13:30", tz="UTC")


def test_a_vintage_that_lists_a_month_that_is_not_over_keeps_the_others(tmp_path: Path) -> None:
    lines = "2019-11-15,2019-10-01,151000\n2019-11-15,2019-11-01,151100\n2019-11-30,2019-11-01,151100\n"
    store, report = loaded(tmp_path, {"vintages/PAYEMS.csv": "vintage,date,value\n" + lines})
    assert report.quarantined == 1
    row = {"vintage": "2019-11-15 00:00:00", "event_date": "2019-11-01", "value": 151100.0}
    told = json.loads(store.as_of().quarantine()["row"].iloc[0])
    assert {key: told[key] for key in row} == row
    assert store.as_of(pd.Timestamp("2019-11-20", tz="UTC")).observations("PAYEMS")["value"].tolist() == [151000]
    # A file of latest values is one more vintage, and may not look ahead, either.
    now = pd.Timestamp("2019-12-12 12:00", tz="UTC")
    fetched = {"macro/PAYEMS.csv": "date,value\n2019-11-01,151300\n2019-12-01,151400\n"}
    assert ingest(snapshot(tmp_path / "next", fetched), store, now).quarantined == 1
    assert store.as_of(now).observations("PAYEMS")["value"].tolist() == [151300]
    only = {"macro/PAYEMS.csv": "date,value\n2020-06-01,151500\n"}
    report = ingest(snapshot(tmp_path / "only", only), store, NOW)
    assert (report.added, report.notes) == ({"quarantine": 1}, ())  # no vintage without a value


def test_short_interest_known_before_its_settlement_is_set_aside(tmp_path: Path) -> None:
    lines = "2019-11-15,1,2019-11-15T15:00\n2019-11-29,2,2019-11-28\n2019-12-13,3,2019-12-26\n"
    files = {"short_interest/IWM.csv": "settlement_date,shares_short,known_at\n" + lines}
    store, report = loaded(tmp_path, files)
    assert report.quarantined == 2
    assert store.as_of().short_interest("IWM")["shares_short"].tolist() == [3.0]


def test_a_list_of_holdings_in_hand_before_its_rule_is_known_now(tmp_path: Path) -> None:
    morning = pd.Timestamp("2019-12-24 13:15", tz="UTC")
    head = "as_of,ticker,weight\n"
    files = {"holdings/IWM.csv": head + "2019-12-23,A,100\n2019-12-30,A,100\n"}  # the second is of the future
    store, report = loaded(tmp_path, files, morning)
    assert report.quarantined == 1
    assert store.as_of().holdings("IWM")["known_at"].tolist() == [morning]


def test_what_is_set_aside_is_listed_at_once_and_when_it_was_known(tmp_path: Path) -> None:
    # 16:30 of the 26th: the day is not over, but its doubtful bar is here.
    evening = pd.Timestamp("2019-12-26 21:30", tz="UTC")
    bars = CHRISTMAS.replace("166.0,166.8,165.5", "170.0,166.8,165.5") + "2019-12-28,1,1,1,1,1,1\n"
    macro = "date,value,known_at\n2019-08-01,1,2019-08-02\n"
    files = {"prices/IWM.csv": PRICES + bars.splitlines(keepends=True)[2], "macro/PAYEMS.csv": macro}
    store, _ = loaded(tmp_path, files, evening)
    aside = store.as_of(evening).quarantine().set_index("series")["known_at"]
    assert aside["IWM"] == evening
    assert aside["PAYEMS"] == pd.Timestamp("2019-09-11 12:30", tz="UTC")  # by the rule, not its own claim
    assert ingest(tmp_path / "snapshot", store, NOW).rows_added == 0
    assert not store.as_of(NOW, stored=evening - pd.Timedelta(1, "s")).quarantine()["series"].tolist()


def test_files_are_told_in_the_order_of_their_paths_whichever_is_read_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last_is_read = threading.Event()

    def first_waits(path: Path, layout: Layout) -> tuple[pd.DataFrame, list[str]]:
        if path.stem == "A":
            assert last_is_read.wait(60)
        try:
            return read(path, layout)
        finally:
            if path.stem == "D":
                last_is_read.set()

    monkeypatch.setattr("bullbear.data.snapshot.read", first_waits)
    bad, odd = "date,value\n2019-10-01,x\n", "date,value,extra\n2019-10-01,1,2\n"
    _, report = loaded(tmp_path, {f"macro/{name}.csv": bad if name in "AB" else odd for name in "ABCD"})
    assert [refused.where for refused in report.refusals] == ["macro/A.csv:2", "macro/B.csv:2"]
    assert [note.split(":")[0] for note in report.notes] == ["macro/C.csv", "macro/D.csv"]


def test_frames_load_like_files(tmp_path: Path) -> None:
    store, _ = loaded(tmp_path, {"macro/DGS10.csv": EVERYTHING["macro/DGS10.csv"]})
    frame = pd.DataFrame({"date": pd.to_datetime(["2019-12-23", "2019-12-26"]), "value": [1.93, 1.90]})
    assert ingest_frames({("macro", "DGS10"): frame}, store, LATER).rows_added == 0
    other = Store(tmp_path / "other")
    assert ingest_frames({("macro", "DGS10"): frame}, other, NOW).rows_added == 2
    assert_same(store, other)


def test_the_letter_case_of_names_does_not_matter(tmp_path: Path) -> None:
    store, report = loaded(
        tmp_path,
        {
            "prices/iwm.csv": PRICES + CHRISTMAS,
            "Prices/SPY.CSV": PRICES + CHRISTMAS,
            "prices/^vix.Csv": PRICES + CHRISTMAS,
            "macro/payems.csv": EVERYTHING["macro/PAYEMS.csv"],
            "macro/claimsX.csv": "date,value\n2019-10-01,214000\n",
            "macro/myOwn.csv": "date,value\n2019-10-01,7\n",
            "macro/own.csv": "date,value\n2019-10-01,7\n",
            "VINTAGES/unrate.csv": "vintage,date,value\n2019-11-30,2019-10-01,3.6\n",
            "macro/UNRATE.csv": "date,value\n2019-10-01,3.5\n",
            "holdings/iwm.csv": EVERYTHING["holdings/IWM.csv"],
        },
    )
    assert report.refusals == ()
    known = store.as_of(pd.Timestamp("2040-01-01", tz="UTC")).catalogue()
    assert sorted(known["kind"] + " " + known["series"]) == [
        "bars IWM", "bars SPY", "bars ^VIX", "holdings IWM", "observations CLAIMSx", "observations PAYEMS",
        "observations UNRATE", "observations myOwn", "observations own",
    ]  # fmt: skip
    assert set(report.notes) == {
        "prices/iwm.csv: read as prices/IWM.csv",
        "Prices/SPY.CSV: read as prices/SPY.csv",
        "prices/^vix.Csv: read as prices/^VIX.csv",
        "macro/payems.csv: read as macro/PAYEMS.csv",
        "macro/claimsX.csv: read as macro/CLAIMSx.csv",
        "macro/own.csv: stored as series own; FRED's names are in upper case",
        "VINTAGES/unrate.csv: read as vintages/UNRATE.csv",
        "holdings/iwm.csv: read as holdings/IWM.csv",
        "macro/UNRATE.csv: not stored; its real-time history in vintages/ serves instead",
    }
    assert ingest(tmp_path / "snapshot", store, LATER).rows_added == 0


def test_of_two_files_of_one_series_the_exact_name_is_read(tmp_path: Path) -> None:
    other = PRICES + "2019-12-23,1,1,1,1,1,1\n"
    files = {"prices/IWM.csv": PRICES + CHRISTMAS, "prices/iwm.csv": other, "prices/Iwm.csv": other}
    files |= {"prices/spy.csv": other, "prices/Spy.csv": other}
    store, report = loaded(tmp_path, files)
    assert [str(refused) for refused in report.refusals] == [
        f"prices/{name}.csv: got 'another file of {name.upper()}'; allowed: one file of a series; "
        f"keep prices/{name.upper()}.csv alone"
        for name in ("Iwm", "Spy", "iwm", "spy")
    ]
    assert store.as_of().bars("IWM")["close"].tolist() == [165.5, 166.0, 166.2]
    assert not store.as_of().has("bars", "SPY")


def test_two_refused_files_of_vintages_do_not_let_revised_values_in(tmp_path: Path) -> None:
    rows = "vintage,date,value\n2019-11-30,2019-10-01,3.6\n"
    files = {"vintages/unrate.csv": rows, "vintages/Unrate.csv": rows}
    store, report = loaded(tmp_path, files | {"macro/UNRATE.csv": "date,value\n2019-10-01,3.5\n"})
    assert len(report.refusals) == 2
    assert store.is_empty


def test_hidden_files_of_another_system_are_noted(tmp_path: Path) -> None:
    files = {"prices/IWM.csv": PRICES + CHRISTMAS, "prices/._IWM.csv": "\0\0", "prices/.DS_Store": "x"}
    _, report = loaded(tmp_path, files)
    assert (report.refusals, report.notes) == ((), ("prices/._IWM.csv: ignored, a hidden file",))


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_folder_takes_a_byte_order_mark_and_any_line_end(tmp_path: Path, mark: str, end: str) -> None:
    expected, _ = loaded(tmp_path, EVERYTHING)
    for name, text in EVERYTHING.items():
        path = tmp_path / "marked" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((mark + text.replace("\n", end)).encode())
    store = Store(tmp_path / "other")
    report = ingest(tmp_path / "marked", store, NOW)
    assert report.refusals == ()
    assert_same(store, expected)


def test_a_wrong_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="no such folder"):
        ingest(tmp_path / "nowhere", Store(tmp_path / "data"), NOW)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SnapshotError, match="no file to load"):
        ingest(tmp_path / "empty", Store(tmp_path / "data"), NOW)


def test_real_rows_do_not_mix_with_simulated_ones(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    store.mark_simulated({"seed": 1})
    with pytest.raises(InputError, match="a store without simulated rows"):
        ingest(snapshot(tmp_path / "snapshot", EVERYTHING), store, NOW)


def _ingest(directory: Path, root: Path) -> None:
    ingest(directory, Store(root), NOW)


def _killed_after(seconds: float, directory: Path, root: Path) -> None:
    worker = multiprocessing.get_context("fork").Process(target=_ingest, args=(directory, root))
    worker.start()
    time.sleep(seconds)
    if worker.is_alive():
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
    worker.join(60)


def _survives(directory: Path, tmp_path: Path, points: int) -> None:
    undisturbed = Store(tmp_path / "undisturbed")
    started = time.perf_counter()
    ingest(directory, undisturbed, NOW)
    whole = time.perf_counter() - started
    draw = random.Random(20191231)
    for point in range(points):
        root = tmp_path / f"killed-{point}"
        _killed_after(draw.uniform(0, 1.1 * whole), directory, root)
        store = Store(root)
        ingest(directory, store, NOW)
        assert_same(store, undisturbed)
        assert not list(root.rglob(".staging-*"))


def test_a_killed_ingest_is_completed_by_the_next(tmp_path: Path) -> None:
    directory = snapshot(tmp_path / "snapshot", EVERYTHING)
    ingest(directory, Store(tmp_path / "warm"), NOW)
    _survives(directory, tmp_path, points=6)


@pytest.mark.slow
def test_a_killed_ingest_of_the_real_snapshot_is_completed_by_the_next(snapshot_dir: Path, tmp_path: Path) -> None:
    _survives(snapshot_dir, tmp_path, points=20)


def test_two_processes_load_the_same_files_at_once(tmp_path: Path) -> None:
    directory = snapshot(tmp_path / "snapshot", EVERYTHING)
    alone = Store(tmp_path / "alone")
    ingest(directory, alone, NOW)
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_ingest, args=(directory, tmp_path / "shared")) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert_same(alone, Store(tmp_path / "shared"))
    assert len(list((tmp_path / "shared").rglob("*.parquet"))) == 6


def test_the_real_snapshot_loads_whole(snapshot_dir: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    report = ingest(snapshot_dir, store, NOW)
    assert report.refusals == ()
    manifest = pd.read_csv(snapshot_dir / "MANIFEST.csv")
    prices = manifest["rows"][manifest["file"].str.startswith("prices/")].sum()
    assert report.added["bars"] == prices - 48  # those set aside below
    aside = store.as_of().quarantine()
    assert sorted(aside["series"].unique()) == ["VX_M2", "^VIX"]
    assert aside["reason"].value_counts().to_dict() == {
        "open or close outside [low, high]": 47,
        "level or ratio not positive": 9,  # VX_M2 on days without a second month
        "no session of the exchange on that day": 1,
    }
    assert pd.Timestamp("2004-06-11") in aside["event_date"].tolist()
    view = store.as_of(pd.Timestamp("2008-10-15 20:00", tz="UTC"))
    assert view.bars("IWM").index[-1] == pd.Timestamp("2008-10-15")
    assert view.bars("^VIX").index[-1] == pd.Timestamp("2008-10-14")
    assert view.observations("PAYEMS").index[-1] == pd.Timestamp("2008-08-01")
    started = time.process_time()
    store.as_of(pd.Timestamp("2015-06-30 20:00", tz="UTC")).bars("SPY")
    assert time.process_time() - started < 0.25  # of the processor; about 5 ms on an idle machine
    assert ingest(snapshot_dir, store, LATER).rows_added == 0


def test_an_impossible_value_is_set_aside_until_it_is_corrected(tmp_path: Path) -> None:
    store, report = loaded(
        tmp_path, {"macro/VX_M2.csv": "date,value\n2019-12-27,16.5\n2019-12-30,0\n2019-12-31,16.6\n"}
    )
    assert (report.quarantined, report.added) == (1, {"observations": 2, "quarantine": 1})
    aside = store.as_of().quarantine().iloc[0]
    assert (aside["series"], aside["reason"]) == ("VX_M2", "level or ratio not positive")
    assert str(aside["known_at"].tz_convert("America/New_York")) == "2019-12-31 09:30:00-05:00"
    corrected = {"macro/VX_M2.csv": "date,value\n2019-12-27,16.5\n2019-12-30,17.4\n2019-12-31,16.6\n"}
    assert ingest(snapshot(tmp_path / "next", corrected), store, LATER).added["observations"] == 1
    assert store.as_of().observations("VX_M2")["value"].tolist() == [16.5, 17.4, 16.6]


def test_corrections_at_one_and_the_same_now_follow_each_other(tmp_path: Path) -> None:
    store, _ = loaded(tmp_path, EVERYTHING)
    for value in (151201, 151202):
        files = {
            "vintages/PAYEMS.csv": EVERYTHING["vintages/PAYEMS.csv"].replace("151200", str(value)),
            "macro/DGS10.csv": f"date,value\n2019-12-23,{value / 1e5}\n",
        }
        assert ingest(snapshot(tmp_path / str(value), files), store, NOW).revised == 2
    assert store.as_of().observations("PAYEMS")["value"].tolist() == [151100, 151202]
    assert store.as_of().observations("DGS10")["value"].tolist() == [1.51202, 1.90]


def test_refused_vintages_do_not_let_revised_values_in(tmp_path: Path) -> None:
    store, report = loaded(
        tmp_path, EVERYTHING | {"vintages/PAYEMS.csv": "vintage,date,value\n2019-11-30,2019-10-01,x\n"}
    )
    assert [error.where for error in report.refusals] == ["vintages/PAYEMS.csv:2"]
    assert not store.as_of().has("observations", "PAYEMS")
