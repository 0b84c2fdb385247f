"""`bullbear ledger`, `ledger verify` and `ledger export` as a user types them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bullbear.cli import ledger_tables
from bullbear.forecasting.ledger_history import history_of
from bullbear.home import Home

Run = Callable[..., Any]


def test_alone_it_is_the_history_in_80_columns(bullbear: Run, trained_home: Home) -> None:
    answer = bullbear("ledger", "--home", trained_home.root)
    assert (answer.code, answer.err) == (0, "")
    *tables, statement = answer.out.splitlines()
    assert max(map(len, tables)) <= 80
    assert tables[0].rstrip() == "Replays: made in hindsight, no record (2 of 2 evenings, SIMULATED)"
    assert "Calibration so far" in answer.out
    assert statement.startswith("No live record, only 2 replays")
    line = next(line for line in tables if line.split()[:2] == ["0", "2007-06-15"])
    assert line.split()[3] == "up"


def test_last_counts_evenings_and_a_question_is_chosen(bullbear: Run, trained_home: Home) -> None:
    answer = bullbear("ledger", "--last", 1, "--question", "dip5", "--home", trained_home.root)
    assert "2007-06-15" not in answer.out
    assert "(1 of 2 evenings" in answer.out
    assert " up " not in answer.out


def test_a_skill_without_an_interval_is_none() -> None:
    kept = {"kind": "replay", "question": "up", "resolved": 1, "said": 0.6, "happened": 1.0, "climatology": 0.5}
    table = ledger_tables._calibration([{**kept, "bss": 0.775, "bss_low": None, "bss_high": None}])
    assert list(table.columns[-1].cells) == ["too few"]


def test_json_is_the_whole_history(bullbear: Run, trained_home: Home) -> None:
    document = bullbear("ledger", "--json", "--home", trained_home.root).json
    assert document == history_of(trained_home)


def test_verify_says_what_was_checked(bullbear: Run, trained_home: Home) -> None:
    answer = bullbear("ledger", "verify", "--home", trained_home.root)
    entries = len(history_of(trained_home)["forecasts"])
    assert answer.code == 0
    assert answer.out.startswith(f"verified: {entries} entries, the last hash ")
    assert f"ledger.head: {entries} entries recorded, agrees\n" in answer.out


def test_where_there_is_no_ledger_there_is_nothing_to_verify(bullbear: Run, tmp_path: Path) -> None:
    answer = bullbear("ledger", "verify", "--home", tmp_path)
    assert (answer.code, answer.out, answer.err) == (0, "nothing to verify: no entries\n", "")


def test_verify_names_every_fault_and_ends_with_2(bullbear: Run, home: Home) -> None:
    path = home.forecasts / "ledger.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for place in (1, 4):
        lines[place] = lines[place].replace(b'"IWM"', b'"IWN"', 1)
    path.write_bytes(b"".join(lines))
    answer = bullbear("ledger", "verify", "--home", home.root)
    assert answer.code == 2
    told = answer.out.splitlines()
    assert told[0] == "NOT verified: 2 faults; whole before that: 0 entries"
    assert [line.partition(": ")[0] for line in told[1:3]] == ["ledger.jsonl:2", "ledger.jsonl:5"]
    for arguments in (("ledger", "verify", "--json"), ("ledger", "--json", "verify")):
        document = bullbear(*arguments, "--home", home.root).json
        assert document["verified"] is False
        assert [fault["line"] for fault in document["faults"]] == [2, 5]
    refused = bullbear("ledger", "--home", home.root)
    assert refused.code == 2
    assert "ledger.jsonl:2" in refused.mistake


@pytest.mark.parametrize("place", ["before all", "before verify", "after verify"])
def test_the_home_may_stand_anywhere(bullbear: Run, trained_home: Home, tmp_path: Path, place: str) -> None:
    home = ["--home", trained_home.root]
    words: dict[str, list[Any]] = {
        "before all": [*home, "ledger", "verify"],
        "before verify": ["ledger", *home, "verify"],
        "after verify": ["ledger", "verify", *home],
    }
    assert bullbear(*words[place]).code == 0
    differing = bullbear(*words[place], *(["--home", tmp_path] if place != "after verify" else []))
    assert differing.code == (0 if place == "after verify" else 2)


def test_an_export_holds_every_forecast(bullbear: Run, trained_home: Home, tmp_path: Path) -> None:
    file = tmp_path / "all.csv"
    answer = bullbear("ledger", "export", file, "--home", trained_home.root)
    rows = len(history_of(trained_home)["forecasts"])
    assert answer.out == f"{rows} forecasts in {file}\n"
    assert len(pd.read_csv(file)) == rows
    one = bullbear("ledger", "--question", "up", "export", file, "--home", trained_home.root)
    assert one.code == 0
    assert set(pd.read_csv(file)["question"]) == {"up"}


def test_an_export_of_another_kind_is_refused(bullbear: Run, trained_home: Home, tmp_path: Path) -> None:
    answer = bullbear("ledger", "export", tmp_path / "all.xlsx", "--home", trained_home.root)
    assert answer.code == 2
    assert "allowed: a name that ends in .csv, .parquet, .json" in answer.mistake
    missing = bullbear("ledger", "export", tmp_path / "no" / "all.csv", "--home", trained_home.root)
    assert "a file in a folder that exists" in missing.mistake
