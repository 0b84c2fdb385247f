"""The history: outcomes and positions beside each forecast, live apart from replays, and the calibration so far."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from bullbear.dataset.labels import Labels
from bullbear.definitions import Target
from bullbear.errors import InputError
from bullbear.forecasting.forecast import issue
from bullbear.forecasting.ledger import Ledger
from bullbear.forecasting.ledger_history import FORMATS, exported, history_of
from bullbear.forecasting.scoring import score_ledger
from bullbear.home import Home


def test_every_forecast_has_its_outcome_and_that_of_up_its_position(trained_home: Home) -> None:
    found = history_of(trained_home)
    entries = Ledger(trained_home.forecasts / "ledger.jsonl").entries()
    assert [row["entry"] for row in found["forecasts"]] == list(range(len(entries)))
    final = Labels(trained_home.store().as_of(), "IWM").resolve(Target().question, final=True)["y"]
    for row, entry in zip(found["forecasts"], entries, strict=True):
        assert row["hash"] == entry["ledger"]["hash"]
        assert row["p"] == entry["p_up" if row["question"] == "up" else "p"]
        assert row["positions"] == (entry["positions"] if row["question"] == "up" else None)
    first = found["forecasts"][0]
    assert (first["decided_at"][:10], first["question"], first["kind"]) == ("2007-06-15", "up", "replay")
    assert first["y"] == final[pd.Timestamp("2007-06-15")]
    assert found["forecasts"][-1]["y"] is None  # the store ends before it resolves


def test_calibration_is_of_what_has_resolved_with_the_skill_of_the_score(trained_home: Home) -> None:
    found, scored = history_of(trained_home), score_ledger(trained_home)
    lines = {line["question"]: line for line in found["calibration"]}
    assert {line["kind"] for line in found["calibration"]} == {"replay"}
    assert set(lines) == set(trained_home.questions())
    replays = {each["question"]: each["replays"] for each in scored["questions"]}
    only = next(row for row in found["forecasts"] if row["question"] == "dip5")
    assert lines["dip5"] == {
        "kind": "replay",
        "question": "dip5",
        "resolved": 1,
        "said": only["p"],
        "happened": only["y"],
        "climatology": only["climatology"],
        "bss": replays["dip5"]["bss"],
        "bss_low": None,
        "bss_high": None,
    }


def test_live_forecasts_stand_apart(home: Home) -> None:
    last = history_of(home)["forecasts"][-1]
    live = issue(home, "2007-06-18", now=pd.Timestamp("2007-06-18T21:00Z"))
    found = history_of(home, "up")
    kinds = {row["decided_at"][:10]: row["kind"] for row in found["forecasts"]}
    assert kinds == {"2007-06-15": "replay", last["decided_at"][:10]: "replay", "2007-06-18": "live"}
    assert {(line["kind"], line["resolved"]) for line in found["calibration"]} == {("live", 1), ("replay", 1)}
    assert found["statement"].startswith("Live record, one forecast per day and model: 1 resolved")
    assert found["forecasts"][-1]["positions"] == live["positions"]


def test_a_question_that_the_ledger_lacks_is_refused(trained_home: Home) -> None:
    with pytest.raises(InputError, match=r"--question: got 'rain'; allowed: a question of the ledger \(up, "):
        history_of(trained_home, "rain")


def test_every_format_holds_the_same_table(trained_home: Home, tmp_path: Path) -> None:
    table = exported(trained_home)
    for ending, write in FORMATS.items():
        content = write(table)
        (tmp_path / f"out{ending}").write_bytes(content if isinstance(content, bytes) else content.encode())
    read = {
        ".csv": pd.read_csv(tmp_path / "out.csv", float_precision="round_trip"),
        ".parquet": pd.read_parquet(tmp_path / "out.parquet"),
        ".json": pd.DataFrame(json.loads((tmp_path / "out.json").read_text())),
    }
    for ending, found in read.items():
        assert list(found) == list(table), ending
        assert found["p"].tolist() == table["p"].tolist(), ending
        assert found["y"].isna().tolist() == table["y"].isna().tolist(), ending
        assert found["hash"].tolist() == table["hash"].tolist(), ending
    of_up = table["question"] == "up"
    assert table.loc[of_up, "weight_CASH"].notna().all()
    assert table.loc[~of_up, "weight_CASH"].isna().all()


def test_nothing_is_no_table(home: Home) -> None:
    for path in home.forecasts.glob("ledger.*"):
        path.unlink()
    assert history_of(home)["forecasts"] == []
    with pytest.raises(InputError, match=r"no forecasts of this store's market"):
        exported(home)
