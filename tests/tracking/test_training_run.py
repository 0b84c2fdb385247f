"""What a training leaves in MLflow, read back through MLflow's own client and straight from its database."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pytest

from bullbear.forecasting.belief import read_belief
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.tracking.mlflow_store import connect, experiment_ids
from bullbear.tracking.spool import SpooledError
from bullbear.workflows.training import train_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def logged(trained_home: Home) -> Any:
    return connect(trained_home.runs).get_run(Runs(trained_home).find("latest").run_id)


def test_the_run_is_finished_and_says_what_it_is(trained_home: Home, logged: Any) -> None:
    assert logged.info.status == "FINISHED"
    assert logged.info.run_name == "small"
    tags = logged.data.tags
    model = trained_home.model("small")
    assert tags["definition_hash"] == model.definition_hash
    assert tags["mlflow.note.content"] == "Small trees on two factors."
    assert tags["data"] == "SIMULATED"
    assert len(tags["data_fingerprint"]) == 64
    if (ROOT / ".git").exists() and shutil.which("git"):
        head = subprocess.run(["git", "-C", str(ROOT), "cat-file", "-t", tags["mlflow.source.git.commit"]],
                              capture_output=True, text=True, check=True)  # fmt: skip
        assert head.stdout.strip() == "commit"
        assert tags["git_clean"] in ("true", "false")


def test_params_hold_the_whole_definition(logged: Any) -> None:
    params = logged.data.params
    assert params["seed"] == "3"
    assert params["target"] == "IWM 21 sessions"
    assert params["features"] == "tiny"
    assert params["n_factors"] == "2"
    assert params["splitter.refit"] == "quarter"
    assert params["learner.num_leaves"] == "3"
    assert params["calibration.prior_sd"] == "0.5"
    assert "policy.bull_above" in params
    assert not [key for key in params if key.startswith("option.")]


def test_metrics_repeat_the_evaluation_and_follow_the_years(trained_home: Home, logged: Any) -> None:
    evaluation = Runs(trained_home).find("latest").evaluation
    metrics = logged.data.metrics
    assert metrics["skill/bss"] == pytest.approx(evaluation["bss"], rel=1e-12)
    assert metrics["score/brier"] == pytest.approx(evaluation["brier"], rel=1e-12)
    assert metrics["size/n"] == 1237
    assert {"trading/policy_sharpe", "trading/base_rate_cagr", "reliability/slope", "time/seconds"} <= set(metrics)
    # Sections of charts stand in the order of their names: skill by month comes first, and what is equal for all runs
    # on the same data is a parameter.
    assert min(name for name in metrics if "/" in name).startswith("cumulative/")
    assert not [name for name in metrics if "buy_and_hold" in name]
    assert logged.data.params["baseline.buy_and_hold"].startswith("cagr ")
    history = connect(trained_home.runs).get_metric_history(logged.info.run_id, "yearly/bss")
    steps = {each.step: each.value for each in history}
    assert sorted(steps) == [2003, 2004, 2005, 2006, 2007]
    by_year = {each["year"]: each["bss"] for each in evaluation["by_year"]}
    assert steps == pytest.approx(by_year, rel=1e-12)


def test_how_far_the_signal_is_believed_is_a_curve(trained_home: Home, logged: Any) -> None:
    run = Runs(trained_home).find("latest")
    history = connect(trained_home.runs).get_metric_history(logged.info.run_id, "signal/a")
    believed = run.bundle.believed()
    assert len(history) == len(believed) == len(run.bundle.trained_through())
    assert [each.value for each in sorted(history, key=lambda point: point.step)] == list(believed.values())
    assert logged.data.metrics["signal/raw_bss"] == pytest.approx(read_belief(run.bundle).raw["signal"]["bss"])
    assert 0.0 <= logged.data.metrics["signal/same_as_base_rate"] <= 1.0


def test_the_run_lasts_as_long_as_the_training(logged: Any) -> None:
    seconds = (logged.info.end_time - logged.info.start_time) / 1000
    assert seconds == pytest.approx(logged.data.metrics["time/seconds"], abs=0.002)
    assert seconds > logged.data.metrics["time/fit_seconds"] > 0


def test_the_run_list_has_score_interval_and_verdict(trained_home: Home, logged: Any) -> None:
    evaluation = Runs(trained_home).find("latest").evaluation
    for name in ("bss", "bss_low", "bss_high", "log_loss_skill"):
        assert logged.data.metrics[name] == pytest.approx(evaluation[name], rel=1e-12)
    assert (
        connect(trained_home.runs).get_run(Runs(trained_home).find("base").run_id).data.tags["verdict"] == "not judged"
    )


def test_cumulative_skill_is_logged_by_month_and_ends_at_the_skill(trained_home: Home, logged: Any) -> None:
    history = connect(trained_home.runs).get_metric_history(logged.info.run_id, "cumulative/bss")
    points = sorted((each.step, each.timestamp, each.value) for each in history)
    assert [step for step, _, _ in points] == list(range((2003 - 1970) * 12 + 11, (2007 - 1970) * 12 + 11))
    assert pd.Timestamp(points[0][1], unit="ms") == pd.Timestamp("2003-12-31")
    assert pd.Timestamp(points[-1][1], unit="ms") == pd.Timestamp("2007-11-30")  # December has not resolved
    assert points[-1][2] == pytest.approx(logged.data.metrics["bss"], rel=1e-12)


def test_artifacts_are_all_there(trained_home: Home) -> None:
    run = Runs(trained_home).find("latest")
    files = {str(path.relative_to(run.artifacts)) for path in run.artifacts.rglob("*") if path.is_file()}
    assert {
        "predictions.csv", "evaluation.json", "backtest.json", "definitions/small.toml",
        "definitions/features/tiny.toml",
        "plots/calibration.png", "plots/equity.png", "plots/skill.png", "plots/probability.png",
        "comparison.html", "tables/reliability.json", "tables/skill_by_year.json",
        "bundle/bundle.json", "bundle/predictions.csv", "bundle/models/2001.jsonl.xz",
    } <= files  # fmt: skip
    assert run.read_text("definitions/small.toml") == (trained_home.root / "models" / "small.toml").read_text()
    assert (run.artifacts / "plots" / "skill.png").read_bytes().startswith(b"\x89PNG")


def test_tables_are_logged_as_mlflow_reads_them(trained_home: Home, logged: Any) -> None:
    run = Runs(trained_home).find("latest")
    assert {each["path"] for each in json.loads(logged.data.tags["mlflow.loggedArtifacts"])} == {
        "tables/reliability.json", "tables/skill_by_year.json",
    }  # fmt: skip
    table = json.loads(run.read_text("tables/skill_by_year.json"))
    found = pd.DataFrame(table["data"], columns=table["columns"]).astype({"year": int})
    assert dict(zip(found["year"], found["bss"], strict=True)) == pytest.approx(
        {each["year"]: each["bss"] for each in run.evaluation["by_year"]}, rel=1e-9
    )


def test_the_comparison_shows_the_training_beside_those_before_it(trained_home: Home) -> None:
    run = Runs(trained_home).find("latest")
    page = run.read_text("comparison.html")
    assert f"<p>small: Brier skill {run.evaluation['bss']:+.2%} (" in page
    assert f"base {Runs(trained_home).find('base').run_id[:8]}" in page


def test_the_data_set_and_the_model_hang_on_the_run(trained_home: Home, logged: Any) -> None:
    (given,) = logged.inputs.dataset_inputs
    assert given.dataset.name == "examples"
    assert given.dataset.digest == logged.data.tags["data_fingerprint"][:36]
    client = connect(trained_home.runs)
    (model,) = client.search_logged_models(
        [logged.info.experiment_id], filter_string=f"source_run_id = '{logged.info.run_id}'"
    )
    assert str(model.status) == "READY"
    assert Runs(trained_home).find("latest").tags["model_id"] == model.model_id
    shown = {each.key: each.value for each in client.get_logged_model(model.model_id).metrics}
    assert shown == {name: logged.data.metrics[name] for name in ("bss", "bss_low", "bss_high", "log_loss_skill")}


def test_a_logged_model_carries_the_code_in_one_file(trained_home: Home, logged: Any) -> None:
    client = connect(trained_home.runs)
    (model,) = client.search_logged_models(
        [logged.info.experiment_id], filter_string=f"source_run_id = '{logged.info.run_id}'"
    )
    folder = Path(urlsplit(model.artifact_location).path.replace("%20", " "))
    assert [path.name for path in (folder / "code").rglob("*")] == ["bullbear.zip"]


def test_the_database_alone_tells_the_same(trained_home: Home, logged: Any) -> None:
    with sqlite3.connect(f"file:{trained_home.runs / 'mlflow.db'}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT name, status FROM runs ORDER BY start_time").fetchall()
        assert rows == [("base", "FINISHED"), ("small", "FINISHED")]
        steps = "SELECT count(*) FROM metrics WHERE run_uuid = ? AND key LIKE 'yearly/%'"
        assert database.execute(steps, (logged.info.run_id,)).fetchone() == (10,)


def test_a_training_that_breaks_while_logging_is_kept_and_logged_by_the_next_command(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Runs(home).find("latest")

    def full(*arguments: object, **options: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("mlflow.log_artifacts", full)
        kept = rf"training base finished but was not logged: no space left.*kept in {home.runs}/spool/base-"
        with pytest.raises(SpooledError, match=kept) as refused:
            train_model(home, "base")
        assert refused.value.exit_code == 1
        # Still full: it waits on, and what was logged before can be read.
        assert Runs(home).find("latest").run_id == before.run_id
        assert "is still not logged: no space left on device" in capsys.readouterr().err
    (waiting,) = (home.runs / "spool").glob("base-*")
    staged = json.loads((waiting / "run.json").read_text())
    predictions = (waiting / "artifacts" / "predictions.csv").read_text()

    found = Runs(home).find("latest")
    assert f"logged the training that was kept in {waiting}" in capsys.readouterr().err
    assert (found.model, found.read_text("predictions.csv")) == ("base", predictions)
    assert found.bundle.definition.name == "base"
    assert found.tags["model_id"]
    assert not waiting.exists()
    assert Runs(home).find("latest").run_id == found.run_id
    client = connect(home.runs)
    states = [run.info.status for run in client.search_runs(experiment_ids(client, home.runs), order_by=["start_time"])]
    assert sorted(states) == ["FAILED", "FAILED", "FINISHED", "FINISHED", "FINISHED"]
    logged = client.get_run(found.run_id)
    assert logged.inputs.dataset_inputs[0].dataset.digest == logged.data.tags["data_fingerprint"][:36]
    assert logged.data.metrics["skill/bss"] == pytest.approx(found.evaluation["bss"], abs=1e-12)
    assert (logged.info.start_time, logged.info.end_time) == (staged["started"], staged["ended"])


def test_a_spooled_training_is_logged_once_though_its_folder_stayed(home: Home, tmp_path: Path) -> None:
    with pytest.raises(SpooledError, match="gone"):
        _train_where_logging_fails(home)
    folder = next((home.runs / "spool").glob("base-*"))
    staged = json.loads((folder / "run.json").read_text())
    del staged["ended"]  # as an earlier version kept it, with metrics that have no time
    staged["metrics"] = [point[:3] for point in staged["metrics"]]
    (folder / "run.json").write_text(json.dumps(staged))
    shutil.copytree(folder, tmp_path / folder.name)
    first = Runs(home).find("latest").run_id
    shutil.copytree(tmp_path / folder.name, folder)  # as if the process had been killed before it was removed
    assert Runs(home).find("latest").run_id == first
    assert not folder.exists()


def test_a_damaged_folder_in_the_spool_stops_no_command(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = home.runs / "spool" / "base-0"
    damaged.mkdir(parents=True)
    (damaged / "run.json").write_text("{")
    assert Runs(home).find("latest").model == "small"
    assert f"{damaged} is still not logged: Expecting property name" in capsys.readouterr().err


def test_an_interrupt_while_logging_keeps_the_training(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt("stop")

    with monkeypatch.context() as broken:
        broken.setattr("mlflow.log_artifacts", interrupted)
        with pytest.raises(KeyboardInterrupt, match="stop"):
            train_model(home, "base")
    assert Runs(home).find("latest").model == "base"


def test_without_room_in_the_home_the_training_stays_in_the_temporary_folder(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home.runs / "spool").write_text("a file where the folder would be")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SpooledError, match=rf"kept in {tmp_path}/bullbear-spool/base-\w+; move that folder into"):
        _train_where_logging_fails(home)


def _train_where_logging_fails(home: Home) -> None:
    def gone(*arguments: object, **options: object) -> None:
        raise OSError("gone")

    with pytest.MonkeyPatch.context() as broken:
        broken.setattr("mlflow.log_artifacts", gone)
        train_model(home, "base")


def test_a_training_works_where_git_is_not_installed(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    train_model(home, "base", start="2006-01-03")
    assert "mlflow.source.git.commit" not in Runs(home).find("latest").tags
