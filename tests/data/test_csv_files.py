"""A file is read whole or refused with its name, line and value."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.data.csv_files import LAYOUTS, instant_of, read
from bullbear.errors import SnapshotError

HEADER = "date,open,high,low,close,adj_close,volume\n"
GOOD = "2019-12-30,165.2,165.43,163.9,164.7,151.6762,17000000\n2019-12-31,165.08,166.35,164.71,165.67,152.569,\n"


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "IWM.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_values_arrive_as_they_stand(tmp_path: Path) -> None:
    frame, notes = read(write(tmp_path, HEADER + GOOD), LAYOUTS["prices"])
    assert frame["close"].tolist() == [164.7, 165.67]
    assert str(frame["date"].dtype) == "datetime64[us]"
    assert frame["volume"].iloc[0] == 17_000_000
    assert np.isnan(frame["volume"].iloc[1])
    assert notes == []


@pytest.mark.parametrize(
    "text", ["\ufeff" + HEADER + GOOD, (HEADER + GOOD).replace("\n", "\r\n"), HEADER + GOOD + "\n"]
)
def test_what_spreadsheets_do_to_a_file_is_harmless(tmp_path: Path, text: str) -> None:
    frame, _ = read(write(tmp_path, text), LAYOUTS["prices"])
    assert frame["close"].tolist() == [164.7, 165.67]


@pytest.mark.parametrize(
    ("text", "line", "value"),
    [
        (HEADER + GOOD + "2020-01-02,x12,1,1,1,1,1\n", 4, "'x12'"),
        (HEADER + GOOD + "2020-01-02,1_0,1,1,1,1,1\n", 4, "'1_0'"),
        (HEADER + GOOD + "2020-01-02,nan,1,1,1,1,1\n", 4, "'nan'"),
        (HEADER + GOOD + "2020-01-02,1,inf,1,1,1,1\n", 4, "'inf'"),
        (HEADER + "2019-02-30,1,1,1,1,1,1\n", 2, "'2019-02-30'"),
        (HEADER + "12/30/2019,1,1,1,1,1,1\n", 2, "'12/30/2019'"),
        (HEADER + ",1,1,1,1,1,1\n", 2, "''"),
        (HEADER + GOOD + "2020-01-02,1,1,2,1,1,1\n", 4, "high 1 < low 2"),
        (HEADER + GOOD + "2019-12-31,1,1,1,1,1,1\n", 4, "'2019-12-31'; allowed: each day once"),
        (HEADER + GOOD + "2019-12-27,1,1,1,1,1,1\n", 4, "'2019-12-27'; allowed: days in ascending order"),
        (HEADER + GOOD + "2020-01-02,1,1,1\n", 4, "'2020-01-02,1,1,1'; allowed: 7 cells"),
        (HEADER + "\n\n2019-12-30,1,1,1,1,1,bad\n", 4, "'bad'"),
        (HEADER.replace(",volume", "") + "2019-12-30,1,1,1,1,1\n", 1, "0 columns named volume"),
        (HEADER.replace("volume", "close") + GOOD, 1, "2 columns named close"),
        ("", 1, "0 columns named date"),
    ],
)
def test_a_fault_is_told_with_line_and_value(tmp_path: Path, text: str, line: int, value: str) -> None:
    with pytest.raises(SnapshotError) as refused:
        read(write(tmp_path, text), LAYOUTS["prices"])
    assert str(refused.value).startswith(f"prices/IWM.csv:{line}: got ")
    assert value in str(refused.value)
    assert "\n" not in str(refused.value)


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="UTF-8"):
        read(write(tmp_path, "date,välue\n", "latin-1"), LAYOUTS["macro"])


def test_extra_columns_and_aliases_are_noted(tmp_path: Path) -> None:
    frame, notes = read(write(tmp_path, "date,dividend,source\n2019-12-16,0.597,x\n"), LAYOUTS["dividends"])
    assert list(frame.columns) == ["date", "amount"]
    assert notes == ["dividends/IWM.csv: column dividend read as amount", "dividends/IWM.csv: columns ignored: source"]


def test_an_alias_beside_its_column_is_ambiguous(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="2 columns named amount"):
        read(write(tmp_path, "date,dividend,amount\n2019-12-16,0.597,0.6\n"), LAYOUTS["dividends"])


def test_vintages_are_ordered_by_vintage_then_date(tmp_path: Path) -> None:
    text = "vintage,date,value\n2019-11-30,2019-09-01,1\n2019-11-30,2019-10-01,2\n2019-12-31,2019-09-01,1\n"
    assert len(read(write(tmp_path, text), LAYOUTS["vintages"])[0]) == 3
    with pytest.raises(SnapshotError, match=r"vintages/IWM.csv:5: got '2019-12-31,2019-09-01'; allowed: each day once"):
        read(write(tmp_path, text + "2019-12-31,2019-09-01,1\n"), LAYOUTS["vintages"])


def test_holdings_repeat_the_day_but_not_the_line(tmp_path: Path) -> None:
    text = 'as_of,ticker,weight,name\n2019-12-30,A,60,"Alpha, Inc"\n2019-12-30,B,40,Beta\n'
    frame, _ = read(write(tmp_path, text), LAYOUTS["holdings"])
    assert frame["name"].tolist() == ["Alpha, Inc", "Beta"]
    with pytest.raises(SnapshotError, match=r"holdings/IWM.csv:4: got '2019-12-30,B,Beta'; allowed: each day once"):
        read(write(tmp_path, text + "2019-12-30,B,1,Beta\n"), LAYOUTS["holdings"])
    with pytest.raises(SnapshotError, match=r"holdings/IWM.csv:4: got ''; allowed: a ticker"):
        read(write(tmp_path, text + "2019-12-30,,1,Cash\n"), LAYOUTS["holdings"])


def test_every_file_of_the_real_snapshot_is_read(snapshot_dir: Path) -> None:
    paths = [path for folder in LAYOUTS for path in sorted((snapshot_dir / folder).glob("*.csv"))]
    assert len(paths) > 100
    for path in paths:
        lines = path.read_text().count("\n")
        assert len(read(path, LAYOUTS[path.parent.name])[0]) in (lines - 1, lines)


@pytest.mark.parametrize("day", ["1899-12-29", "2119-12-29"])
def test_a_day_beyond_the_calendar_is_a_slip(tmp_path: Path, day: str) -> None:
    with pytest.raises(SnapshotError, match=f"prices/IWM.csv:2: got '{day}'; allowed: a date from 1900-01-01 to 2036"):
        read(write(tmp_path, f"{HEADER}{day},1,1,1,1,1,1\n"), LAYOUTS["prices"])


def test_instants_read_together_are_those_read_alone(tmp_path: Path) -> None:
    texts = [
        "2020-01-02", "2020-01-03 08:30", "2020-07-03T08:30", "2020-07-03T08:30:00Z", "2020-07-03 08:30:15.5+02:00", "",
        "2020-07-04T12:30:00-04:00", "3 July 2020 08:30",
    ]  # fmt: skip
    rows = "".join(f"2019-{month:02d}-01,{month},{text}\n" for month, text in enumerate(texts, start=1))
    frame, _ = read(write(tmp_path, "date,value,known_at\n" + rows), LAYOUTS["macro"])
    assert str(frame["known_at"].dtype) == "datetime64[us, UTC]"
    expected = [
        "2020-01-03 04:59", "2020-01-03 13:30", "2020-07-03 12:30", "2020-07-03 08:30", "2020-07-03 06:30:15.5", "NaT",
        "2020-07-04 16:30", "2020-07-03 12:30",
    ]  # fmt: skip
    assert frame["known_at"].tolist() == pd.to_datetime(pd.Series(expected), format="mixed", utc=True).tolist()
    assert [instant_of(text or None) for text in texts[:5]] == frame["known_at"].tolist()[:5]


@pytest.mark.parametrize("text", ["2020-13-01 08:30Z", "2020-01-02T25:00:00Z", "soon"])
def test_what_is_no_instant_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, f"date,value,known_at\n2019-01-01,1,2019-02-01\n2019-02-01,2,{text}\n")
    with pytest.raises(SnapshotError, match=re.escape(f"macro/IWM.csv:3: got '{text}'; allowed: an instant or a day")):
        read(path, LAYOUTS["macro"])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_another_encoding_is_refused_in_one_line(tmp_path: Path, encoding: str) -> None:
    message = "prices/IWM.csv:1: got 'UTF-16 text'; allowed: UTF-8 text; save the file as UTF-8"
    with pytest.raises(SnapshotError, match=rf"^{re.escape(message)}$"):
        read(write(tmp_path, HEADER + GOOD, encoding), LAYOUTS["prices"])


@pytest.mark.parametrize("text", ["x" * 200_000 + HEADER + GOOD, HEADER + GOOD + '2020-01-02,"' + "1" * 200_000])
def test_a_cell_without_end_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SnapshotError, match=r"^prices/IWM.csv: got 'field larger than field limit \(131072\)'"):
        read(write(tmp_path, text), LAYOUTS["prices"])


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match=r"^prices/IWM.csv: got 'No such file or directory'; allowed: a file that"):
        read(tmp_path / "IWM.csv", LAYOUTS["prices"])
