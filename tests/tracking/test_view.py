"""The saved views of the UI: what they name exists, and they are written once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.tracking.mlflow_store import connect, experiment_for, experiment_ids
from bullbear.tracking.view import save_views, view_key, view_url


@pytest.fixture(scope="module")
def saved(trained_home: Home) -> dict[str, Any]:
    client = connect(trained_home.runs)
    tags = client.get_experiment(experiment_for(client, trained_home.runs, simulated=True)).tags
    return json.loads(tags[f"mlflow.sharedViewState.{view_key('up')}"])  # type: ignore[no-any-return]


def test_a_training_leaves_the_view_of_its_question_and_every_name_in_it_exists(
    trained_home: Home, saved: dict[str, Any]
) -> None:
    assert saved["name"] == "Skill: up"
    client = connect(trained_home.runs)
    logged = client.get_run(Runs(trained_home).find("latest").run_id).data
    state = json.loads(saved["state"])
    named = [*state["selectedColumns"], state["orderByKey"]]
    metrics = {name.split("`")[1] for name in named if name.startswith("metrics.")}
    tags = {name.split("`")[1] for name in named if name.startswith("tags.")}
    charted = {chart["metricKey"] for chart in state["compareRunCharts"]}
    assert {"bss", "bss_low", "bss_high", "log_loss_skill"} <= metrics <= set(logged.metrics)
    assert {"verdict", "data"} <= tags - {"trials", "audit"} <= set(logged.tags)  # only of tuned and of audited runs
    assert {"cumulative/bss", "yearly/bss"} <= charted <= set(logged.metrics)
    found = client.search_runs(
        experiment_ids(client, trained_home.runs), state["searchFilter"], order_by=[f"{state['orderByKey']} DESC"]
    )
    assert [run.data.tags["model"] for run in found] == sorted(
        ("small", "base"), key=lambda name: -Runs(trained_home).find(name).evaluation["bss"]
    )


def test_views_are_written_once_each(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connect(home.runs)
    written: list[str] = []
    monkeypatch.setattr(client, "set_experiment_tag", lambda _, key, value: written.append(key))
    save_views(client, experiment_for(client, home.runs, simulated=True), ["up", "dip8"], simulated=True)
    assert written == ["mlflow.sharedViewState.bullbear-dip8"]  # the training has written that of `up`


def test_the_address_opens_the_view_as_a_table_or_as_charts() -> None:
    table = "http://127.0.0.1:5000/#/experiments/1/runs?viewStateShareKey=bullbear-up"
    assert view_url("http://127.0.0.1:5000/", "1", "up") == table
    assert view_url("http://127.0.0.1:5000", "1", "up", charts=True) == table + "&compareRunsMode=CHART"


def test_all_trainings_are_listed_by_verdict_the_champion_first(home: Home) -> None:
    runs, client = Runs(home), connect(home.runs)
    runs.judge(runs.find("base"), "refused: x")
    runs.judge(runs.find("small"), "champion: y")
    experiment = experiment_for(client, home.runs, simulated=True)
    tags = client.get_experiment(experiment).tags
    state = json.loads(json.loads(tags[f"mlflow.sharedViewState.{view_key()}"])["state"])
    assert state["selectedColumns"][:2] == ["tags.`verdict`", "tags.`question`"]
    found = client.search_runs([experiment], state["searchFilter"], order_by=[f"{state['orderByKey']} ASC"])
    assert [run.data.tags["model"] for run in found] == ["small", "base"]
    assert state["orderByAsc"] is True
    assert "SIMULATED market" in tags["mlflow.note.content"]
