"""Which trainings stand beside a run as other models tried, and what is read of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.tracking.mlflow_store import connect, experiment_id
from bullbear.tracking.stored_runs import StoredRun

TAGS = {"model": "mine", "question": "up", "data": "SIMULATED"}


def log(home: Home, text: str | None, tags: dict[str, str], params: dict[str, str]) -> str:
    """A finished run with a table of predictions, or without."""
    client = connect(home.runs)
    run_id = client.create_run(experiment_id(client), tags=TAGS | tags).info.run_id
    for name, value in ({"learner.kind": "logistic", "target": "IWM 21 sessions"} | params).items():
        client.log_param(run_id, name, value)
    if text is not None:
        client.log_text(run_id, text, "predictions.csv")
    client.set_terminated(run_id)
    return str(run_id)


def test_the_newest_training_of_every_other_model_is_read(home: Home) -> None:
    runs = Runs(home)
    small = runs.find("small")
    assert runs.others_tried(small) == []
    csv = small.read_text("predictions.csv")
    head = "\n".join(csv.splitlines()[:5])
    log(home, csv, {"definition_hash": "a"}, {})
    newest = log(home, head, {"definition_hash": "a"}, {})
    spans = log(home, csv, {"definition_hash": "a"}, {"option.start": "2004-01-02"})
    log(home, csv, {"definition_hash": small.tags["definition_hash"]}, {})  # a retraining of `small` itself
    log(home, csv, {"definition_hash": "b", "question": "dip5"}, {})
    log(home, csv, {"definition_hash": "b", "data": "real"}, {})
    log(home, csv, {"definition_hash": "b"}, {"learner.kind": "climatology"})
    found = {each.run_id: each for each in runs.others_tried(small)}
    assert set(found) == {newest, spans}
    assert runs.tried(small) == 3
    first = found[newest].forecasts
    assert first is not None
    table = small.predictions.table.iloc[:4]
    assert first.index.equals(pd.DatetimeIndex(table["decided_at"], name=first.index.name))
    assert first["p"].tolist() == table["p"].tolist()
    assert found[newest].name == f"mine {newest[:8]}"
    assert len(found[spans].forecasts) == small.predictions.table["y"].notna().sum()  # the resolved ones


def test_forecasts_that_are_too_few_to_compare_are_not_fetched(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(home)
    small = runs.find("small")
    client, fetched = connect(home.runs), []
    for digest, size in (("short", 1000), ("long", 1200), ("unknown", None)):  # of 1,237
        run_id = log(home, small.read_text("predictions.csv"), {"definition_hash": digest}, {})
        if size is not None:
            client.log_metric(run_id, "size/n", size)
    real = Runs._artifact
    monkeypatch.setattr(StoredRun, "place", None)  # of a run on this machine they are kept when it is taken over

    def fetching(self: Runs, run: Any, name: str) -> Path:
        fetched.append(run.tags["definition_hash"])
        return real(self, run, name)

    monkeypatch.setattr(Runs, "_artifact", fetching)
    found = runs.others_tried(small)
    assert sorted(fetched) == ["long", "unknown"]
    assert len(found) == 3
    assert sum(each.forecasts is None for each in found) == 1


def test_what_cannot_be_compared_is_counted_all_the_same(home: Home) -> None:
    runs = Runs(home)
    small = runs.find("small")
    csv = small.read_text("predictions.csv")
    log(home, None, {"definition_hash": "gone"}, {})
    log(home, "decided_at\n", {"definition_hash": "damaged"}, {})
    log(home, csv, {"definition_hash": "week"}, {"target": "IWM 5 sessions"})
    log(home, csv.replace("\n", ",0\n").replace("y,0\n", "y,path\n", 1), {"definition_hash": "paths"}, {})
    deleted = log(home, csv, {"definition_hash": "deleted"}, {})
    connect(home.runs).delete_run(deleted)
    found = runs.others_tried(small)
    assert [each.run_id for each in found if each.forecasts is not None] == [deleted]
    assert runs.tried(small) == 6


def test_of_a_run_on_another_machine_its_forecasts_alone_are_fetched(home: Home, monkeypatch) -> None:
    runs = Runs(home)
    small = runs.find("small")
    other = log(home, small.read_text("predictions.csv"), {"definition_hash": "a"}, {})
    monkeypatch.setattr(StoredRun, "place", None)
    for _ in range(2):  # the second reads what was fetched
        (found,) = runs.others_tried(small)
        assert found.forecasts is not None
    fetched = [path.relative_to(home.runs / "fetched") for path in (home.runs / "fetched").rglob("*.*")]
    assert fetched == [Path(f"{other}-predictions/predictions.csv")]
