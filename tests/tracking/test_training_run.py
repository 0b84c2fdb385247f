"""What a training leaves in MLflow, read back through MLflow's own client and straight from its database."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bullbear.home import Home
from bullbear.pipeline import train_model
from bullbear.tracking import Runs
from bullbear.tracking.mlflow_store import connect, experiment_id

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
    assert {"backtest/policy_sharpe", "backtest/buy_and_hold_cagr", "time/seconds"} <= set(metrics)
    history = connect(trained_home.runs).get_metric_history(logged.info.run_id, "yearly/bss")
    steps = {each.step: each.value for each in history}
    assert sorted(steps) == [2003, 2004, 2005, 2006, 2007]
    by_year = {each["year"]: each["bss"] for each in evaluation["by_year"]}
    assert steps == pytest.approx(by_year, rel=1e-12)


def test_artifacts_are_all_there(trained_home: Home) -> None:
    run = Runs(trained_home).find("latest")
    files = {str(path.relative_to(run.artifacts)) for path in run.artifacts.rglob("*") if path.is_file()}
    assert {
        "predictions.csv", "evaluation.json", "backtest.json", "definitions/small.toml",
        "definitions/features/tiny.toml",
        "plots/calibration.png", "plots/equity.png", "plots/skill.png", "plots/probability.png",
        "bundle/bundle.json", "bundle/predictions.csv", "bundle/models/2001-12-31.json",
    } <= files  # fmt: skip
    assert run.read_text("definitions/small.toml") == (trained_home.root / "models" / "small.toml").read_text()
    assert (run.artifacts / "plots" / "skill.png").read_bytes().startswith(b"\x89PNG")


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


def test_the_database_alone_tells_the_same(trained_home: Home, logged: Any) -> None:
    with sqlite3.connect(f"file:{trained_home.runs / 'mlflow.db'}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT name, status FROM runs ORDER BY start_time").fetchall()
        assert rows == [("base", "FINISHED"), ("small", "FINISHED")]
        steps = "SELECT count(*) FROM metrics WHERE run_uuid = ? AND key LIKE 'yearly/%'"
        assert database.execute(steps, (logged.info.run_id,)).fetchone() == (10,)


def test_a_training_that_breaks_while_logging_is_marked_as_failed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Runs(home).find("latest").run_id

    def full(*arguments: object, **options: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("mlflow.log_artifacts", full)
    with pytest.raises(OSError, match=r"no space left"):
        train_model(home, "base")
    assert Runs(home).find("latest").run_id == before
    client = connect(home.runs)
    states = [run.info.status for run in client.search_runs([experiment_id(client)], order_by=["start_time"])]
    assert states == ["FINISHED", "FINISHED", "FAILED"]


def test_a_training_works_where_git_is_not_installed(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    train_model(home, "base", start="2006-01-03")
    assert "mlflow.source.git.commit" not in Runs(home).find("latest").tags
