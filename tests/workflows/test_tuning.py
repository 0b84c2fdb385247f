"""`tune_model`: a training with searches inside its past, logged, promotable and refitted."""

from __future__ import annotations

import csv
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bullbear.errors import DefinitionError, InputError
from bullbear.forecasting.refitting import continued
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.tracking.mlflow_store import connect, experiment_ids
from bullbear.workflows.training import train_model
from bullbear.workflows.tuning import tune_model

LINE = """
name = "line"
intent = "A logistic regression on two factors, its penalty searched for."
features = ["tiny"]
seed = 3
[learner]
kind = "logistic"
penalty = 100.0
[splitter]
first = "2006-01-02"
burn_in_months = 6
refit = "quarter"
[search]
trials = 3
inner_folds = 2
[search.space]
"learner.penalty" = { low = 1.0, high = 1000.0, log = true }
"""


@pytest.fixture(scope="module")
def tuned_home(trained_home: Home, once: Callable[[str, Callable[[Path], None]], Path]) -> Home:
    """With a run of `line`, tuned."""

    def build(place: Path) -> None:
        shutil.copytree(trained_home.root, place, symlinks=True, dirs_exist_ok=True)
        (place / "models" / "line.toml").write_text(LINE)
        tune_model(Home(place), "line")

    return Home(once("tuned home", build))


@pytest.fixture
def place(tuned_home: Home, tmp_path: Path) -> Home:
    return Home(Path(shutil.copytree(tuned_home.root, tmp_path / "home", symlinks=True)))


@pytest.fixture(scope="module")
def run(tuned_home: Home) -> Run:
    return Runs(tuned_home).find("line")


def test_the_run_shows_its_searches(tuned_home: Home, run: Run) -> None:
    assert (run.tags["trials"], run.tags["mlflow.source.name"]) == ("9", "bullbear tune")
    assert run.params["search.space.learner.penalty"] == "1.0 to 1000.0 log"
    rows = list(csv.DictReader(io.StringIO(run.read_text("trials.csv"))))
    assert [(row["fitted_through"], row["trial"]) for row in rows] == [
        (day, str(trial)) for day in ("2005-07-01", "2005-12-30", "2006-12-29") for trial in range(3)
    ]
    assert {row["learner.penalty"] for row in rows if row["trial"] == "0"} == {"100.0"}
    chosen = {row["fitted_through"]: float(row["learner.penalty"]) for row in rows if row["chosen"] == "1"}
    by_fit = [run.bundle.model_named(day).members[0].learner["penalty"] for day in run.bundle.trained_through()]
    assert by_fit == [chosen["2005-07-01"]] * 2 + [chosen["2005-12-30"]] * 4 + [chosen["2006-12-29"]] * 4
    client = connect(tuned_home.runs)
    children = [
        each
        for each in client.search_runs(
            experiment_ids(client, tuned_home.runs), f"tags.`mlflow.parentRunId` = '{run.run_id}'"
        )
        if "search" in each.data.tags
    ]
    assert {each.data.tags["search"]: float(each.data.params["learner.penalty"]) for each in children} == chosen
    assert all({"inner_skill", "inner_skill_of_file", "trial/score"} <= each.data.metrics.keys() for each in children)


def test_a_search_lasts_in_mlflow_as_long_as_its_trials(tuned_home: Home, run: Run) -> None:
    client = connect(tuned_home.runs)
    parent = client.get_run(run.run_id).info
    rows = list(csv.DictReader(io.StringIO(run.read_text("trials.csv"))))
    children = client.search_runs(
        experiment_ids(client, tuned_home.runs), f"tags.`mlflow.parentRunId` = '{run.run_id}' and tags.search != ''"
    )
    assert len(children) == 3
    for each in children:
        own = [float(row["seconds"]) for row in rows if row["fitted_through"] == each.data.tags["search"]]
        lasted = (each.info.end_time - each.info.start_time) / 1000
        assert lasted >= sum(own) - 0.005  # one after the other
        assert parent.start_time <= each.info.start_time <= each.info.end_time <= parent.end_time


def test_a_tuned_run_is_told_from_a_plain_one_of_the_same_model(
    place: Home, run: Run, bullbear: Callable[..., Any]
) -> None:
    plain = train_model(place, "line")
    table = bullbear("compare", run.run_id, plain.run_id, "--home", place.root).out
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in table.splitlines() if "│ line" in line]
    assert {row[1]: row[2] for row in cells} == {run.run_id[:8]: "9", plain.run_id[:8]: ""}
    found = bullbear("compare", run.run_id, plain.run_id, "--home", place.root, "--json").json["models"]
    assert [each["trials"] for each in found] == [9, None]
    assert f"line {run.run_id[:8]}, tuned in 9 trials" in Runs(place).find(plain.run_id).read_text("comparison.html")
    Runs(place).promote(Runs(place).find(run.run_id))
    assert Runs(place).find("champion").trials == 9


def test_searches_are_no_trainings_and_the_tuned_model_is_one_try(tuned_home: Home, run: Run) -> None:
    runs = Runs(tuned_home)
    assert runs.find("latest").run_id == run.run_id
    assert runs.tried(run) == 2  # `small` and this
    assert {each.tags["model"] for each in runs._finished()} == {"base", "small", "line"}


def test_train_takes_the_parameters_of_the_file(place: Home, run: Run) -> None:
    trained = train_model(place, "line")
    assert trained.model.definition_hash != run.tags["definition_hash"]
    assert {each.members[0].learner["penalty"] for each in trained.first.training.models} == {100.0}
    assert not trained.first.training.searches
    found = Runs(place).find(trained.run_id)
    assert found.bundle.definition.search is None
    assert "trials" not in found.tags
    assert Runs(place).tried(found) == 3


def test_refits_of_the_champion_are_those_of_the_walk_forward(place: Home, run: Run, tmp_path: Path) -> None:
    early = tune_model(place, "line", end="2006-10-31")  # a search is due between
    found = Runs(place).find(early.run_id)
    days = run.bundle.trained_through()
    evening = pd.Timestamp("2007-01-03 22:00", tz="UTC")
    for known, last in ((evening, "2006-12-29"), (None, days[-1])):
        view = place.store().as_of(known) if known else place.store().as_of()
        longer = continued(found.bundle, view, tmp_path / last)
        assert longer.trained_through() == [day for day in days if day <= last]
        for day in longer.trained_through():
            assert longer.model_named(day).state() == run.bundle.model_named(day).state()


@pytest.mark.slow
def test_a_killed_search_continues_to_the_same_forecasts(place: Home, run: Run) -> None:
    place.journal("line").unlink()
    command = [
        str(Path(sys.executable).with_name("bullbear")),
        "tune",
        "line",
        "--again",
        "--jobs",
        "1",
        "--home",
        place.root,
    ]
    process = subprocess.Popen(
        [*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    journal = place.journal("line")
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline and process.poll() is None:
        if journal.exists() and journal.read_text().count('"learner.penalty"') >= 4:
            break
        time.sleep(0.005)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = journal.read_text().count('"op_code":4')
    assert kept > 0
    again = tune_model(place, "line")
    found = Runs(place).find(again.run_id)
    assert found.read_text("predictions.csv") == run.read_text("predictions.csv")
    assert trials_of(found) == trials_of(run)


def trials_of(run: Run) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(run.read_text("trials.csv"))))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_the_command_tells_what_was_chosen(place: Home, bullbear: Callable[..., Any]) -> None:
    answer = bullbear(
        "tune", "line", "--home", place.root, "--end", "2006-06-30", "--trials", "2", "--jobs", 1, "--json"
    )
    assert answer.code == 0, answer.err
    found = answer.json
    assert found["trials"] == 4
    assert [each["fitted_through"][:10] for each in found["searches"]] == ["2005-07-01", "2005-12-30"]
    assert {"run_id", "model", "definition_hash", "data_fingerprint", "n", "seconds"} <= found.keys()
    assert found["searches"][0]["values"].keys() == {"learner.penalty"}
    same = ("tune", "line", "--home", place.root, "--end", "2006-06-30", "--trials", "2", "--jobs", 1)
    reused = bullbear(*same, "--json").json
    assert (reused["reused"], reused["run_id"], reused["trials"], reused["searches"]) == (True, found["run_id"], 4, [])
    shown = bullbear(*same, "--again")
    assert "Searches: log-loss skill of the signal on inner folds of the past" in shown.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("small",), "bullbear: models/small.toml (search): no [search] table; allowed: a table with the space"),
        (("line", "--storage", "/proc/nowhere/a.journal"), "bullbear: --storage /proc/nowhere/a.journal: "),
        (("line", "--trials", "0"), "bullbear tune: Invalid value for '--trials'"),
    ],
)
def test_what_cannot_be_tuned_is_one_line(
    arguments: tuple[str, ...], message: str, tuned_home: Home, bullbear: Callable[..., Any]
) -> None:
    answer = bullbear("tune", *arguments, "--home", tuned_home.root)
    assert answer.code == 2
    assert answer.mistake.startswith(message)


def test_an_empty_home_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing stored"):
        tune_model(Home(tmp_path / "home"), "logistic")
    assert not (tmp_path / "home").exists()


def test_a_splitter_that_trains_on_the_future_is_refused(place: Home) -> None:
    text = LINE.replace('first = "2006-01-02"\nburn_in_months = 6\nrefit = "quarter"', 'kind = "combinatorial"')
    (place.root / "models" / "line.toml").write_text(text)
    with pytest.raises(DefinitionError, match=r"models/line.toml:10 \(splitter.kind\): got 'combinatorial'"):
        tune_model(place, "line")
