"""Finding trainings, promoting them, and reading them from a store elsewhere."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bullbear.dataset.predictions import KEY, Predictions
from bullbear.errors import RunError
from bullbear.forecasting.bundle import read_bundle
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.tracking.mlflow_store import connect, experiment_id
from bullbear.workflows.training import train_model


def by_model(home: Home) -> dict[str, Run]:
    runs = Runs(home)
    return {run.tags["model"]: runs.find(run.run_id) for run in runs._finished()}


def test_a_run_is_found_by_id_prefix_latest_and_champion(trained_home: Home) -> None:
    found = by_model(trained_home)
    runs = Runs(trained_home)
    for run in found.values():
        assert runs.find(run.run_id).run_id == run.run_id
        others = [other.run_id for other in found.values() if other.run_id != run.run_id]
        prefix = next(run.run_id[:n] for n in range(1, 33) if not any(o.startswith(run.run_id[:n]) for o in others))
        assert runs.find(prefix).run_id == run.run_id
    assert runs.find("latest").run_id == found["small"].run_id
    assert runs.find("champion").run_id == found["small"].run_id


def test_an_unknown_or_empty_name_lists_the_runs(trained_home: Home) -> None:
    for name in ("nope", "", "LATEST"):
        with pytest.raises(RunError, match=rf"run: got '{name}'; allowed: .*\(small\), [0-9a-f]{{8}} \(base\)"):
            Runs(trained_home).find(name)


def test_an_ambiguous_prefix_is_refused(home: Home) -> None:
    client = connect(home.runs)
    for number in range(17):  # of seventeen hexadecimal ids two begin alike
        run = client.create_run(experiment_id(client), tags={"model": f"m{number}"})
        client.set_terminated(run.info.run_id)
    ids = [run.run_id for run in Runs(home)._finished()]
    first = next(digit for digit in "0123456789abcdef" if sum(each.startswith(digit) for each in ids) > 1)
    with pytest.raises(RunError, match=rf"got '{first}'; allowed: a unique prefix \(\d+ runs start with it\)"):
        Runs(home).find(first)


@pytest.mark.parametrize("status", ["RUNNING", "FAILED", "KILLED"])
def test_a_run_that_did_not_finish_is_as_if_it_had_never_been(home: Home, status: str) -> None:
    client = connect(home.runs)
    run = client.create_run(experiment_id(client), tags={"model": "small"})
    if status != "RUNNING":
        client.set_terminated(run.info.run_id, status)
    assert Runs(home).find("latest").run_id != run.info.run_id
    with pytest.raises(RunError, match=r"got '" + run.info.run_id):
        Runs(home).find(run.info.run_id)


def test_reading_where_nothing_was_trained_leaves_no_store_behind(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no tracked run in this home.*bullbear train"):
        Runs(Home(tmp_path)).find("latest")
    assert list(tmp_path.iterdir()) == []


def test_no_champion_yet(home: Home) -> None:
    home.champion.unlink()
    with pytest.raises(RunError, match=r"champion: none yet"):
        Runs(home).find("champion")


def test_artifacts_that_are_gone_are_named(home: Home) -> None:
    run = Runs(home).find("latest")
    shutil.rmtree(run.artifacts)
    with pytest.raises(RunError, match=rf"run {run.run_id[:8]}: its bundle is gone"):
        _ = run.predictions
    with pytest.raises(RunError, match=rf"run {run.run_id[:8]}: no evaluation.json"):
        _ = run.evaluation


def test_a_bundle_without_its_forecasts_is_named(home: Home) -> None:
    run = Runs(home).find("latest")
    (run.artifacts / "bundle" / "predictions.csv").unlink()
    with pytest.raises(RunError, match=rf"run {run.run_id[:8]}: got 'predictions.csv, damaged or of another version'"):
        _ = run.predictions


def test_promoting_exchanges_the_bundle_and_the_mark_in_the_registry(home: Home) -> None:
    base = by_model(home)["base"]
    runs = Runs(home)
    runs.promote(base)
    assert read_bundle(home.champion).meta["run_id"] == base.run_id
    assert runs.find("champion").model == "base"
    client = connect(home.runs)
    marked = client.get_model_version_by_alias("bullbear-simulated", "champion")
    assert (marked.run_id, int(marked.version)) == (base.run_id, 2)
    assert not list(home.forecasts.glob(".promote-*"))


def test_promoting_a_run_again_marks_the_version_that_it_has(home: Home) -> None:
    found, runs, client = by_model(home), Runs(home), connect(home.runs)

    def marked() -> tuple[str, int]:
        version = client.get_model_version_by_alias("bullbear-simulated", "champion")
        return version.run_id, int(version.version)

    for name, version in (("small", 1), ("base", 2), ("base", 2), ("small", 1), ("champion", 1)):
        run = runs.find(name) if name == "champion" else found[name]
        runs.promote(run)
        assert marked() == (run.run_id, version)
    assert len(client.search_model_versions("name = 'bullbear-simulated'")) == 2


def test_simulated_and_real_runs_are_registered_apart(home: Home) -> None:
    runs, client = Runs(home), connect(home.runs)
    base = by_model(home)["base"]
    assert [each.name for each in client.search_registered_models()] == ["bullbear-simulated"]
    runs.promote(replace(base, tags={**base.tags, "data": "real"}))
    assert client.get_model_version_by_alias("bullbear", "champion").run_id == base.run_id
    assert client.get_model_version_by_alias("bullbear-simulated", "champion").run_id == by_model(home)["small"].run_id


def test_the_champion_is_read_from_its_bundle_when_its_run_is_deleted_or_the_store_gone(home: Home) -> None:
    small = by_model(home)["small"]
    forecasts = small.predictions.table
    connect(home.runs).delete_run(small.run_id)
    for gone in (False, True):
        if gone:
            shutil.rmtree(home.runs)
        champion = Runs(home).find("champion")
        assert (champion.run_id, champion.model, champion.simulated) == (small.run_id, "small", True)
        pd.testing.assert_frame_equal(champion.predictions.table, forecasts)
    assert not home.runs.exists()


def test_models_tried_are_counted_once_by_definition_span_and_kind_of_data(home: Home) -> None:
    runs, client = Runs(home), connect(home.runs)
    small = by_model(home)["small"]
    assert runs.tried(small) == 1  # `base` is climatology

    def log(digest: str, *, status: str = "FINISHED", data: str = "SIMULATED", **params: str) -> str:
        run = client.create_run(experiment_id(client), tags={"model": "x", "definition_hash": digest, "data": data})
        for name, value in {"target": small.params["target"], "learner.kind": "logistic", **params}.items():
            client.log_param(run.info.run_id, name, value)
        client.set_terminated(run.info.run_id, status)
        return str(run.info.run_id)

    log(small.tags["definition_hash"])  # the same again
    assert runs.tried(small) == 1
    log("two")
    log("two")
    assert runs.tried(small) == 2
    log("three", status="FAILED")
    log("four", data="real")
    log("six", **{"learner.kind": "climatology"})
    assert runs.tried(small) == 2
    log("two", **{"option.start": "2004-01-02"})  # the choice of a first day is a try of its own
    log("two", **{"option.end": "2011-12-30"})  # and so is that of a last day
    assert runs.tried(small) == 4
    log("five", target="IWM 5 sessions")  # and of a horizon
    assert runs.tried(small) == 5
    client.delete_run(log("seven"))  # what has been looked at cannot be unseen
    assert runs.tried(small) == 6
    log("eight", **{"learner.kind": "climatology", "learner.window": "1260"})  # no longer the benchmark
    assert runs.tried(small) == 7
    assert runs.tried(by_model(home)["base"]) == 7  # the benchmark is no try when it is asked for either
    assert runs.tried(replace(by_model(home)["base"], tags={**small.tags, "data": "real"})) == 1


def test_a_champion_that_was_trained_on_a_span_of_its_own_is_one_try(home: Home) -> None:
    runs = Runs(home)
    short = runs.find(train_model(home, "small", start="2004-01-02", end="2007-06-29").run_id)
    runs.promote(short)
    champion = runs.find("champion")
    assert champion.run_id == short.run_id
    assert (runs.tried(short), runs.tried(champion)) == (2, 2)
    assert [each.run_id for each in runs.others_tried(champion)] == [by_model(home)["small"].run_id]


def test_a_store_named_by_the_environment_is_used_and_keeps_its_artifacts_in_the_home(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere" / "own.db"
    elsewhere.parent.mkdir()
    current = tmp_path / "current"
    current.mkdir()
    monkeypatch.chdir(current)
    before = by_model(home)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{elsewhere}")
    trained = train_model(home, "base")
    found = by_model(home)
    assert {name: run.run_id for name, run in found.items()} == {"base": trained.run_id}
    assert found["base"].artifacts.is_relative_to(home.root)
    assert len(found["base"].predictions) == 1258
    assert list(current.iterdir()) == []
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert {name: run.run_id for name, run in by_model(home).items()} == {n: r.run_id for n, r in before.items()}


def test_artifacts_of_a_remote_store_are_fetched_once_and_whole(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(home)
    run_id = runs.find("latest").run_id

    def cut_short(*, run_id: str, artifact_path: str | None, dst_path: str) -> None:
        (Path(dst_path) / "predictions.csv").write_text("half")
        raise ConnectionError("reset by peer")

    monkeypatch.setattr("mlflow.artifacts.download_artifacts", cut_short)
    with pytest.raises(ConnectionError, match=r"reset"):
        runs._fetched(run_id)
    monkeypatch.undo()
    place = runs._fetched(run_id)
    assert (place / "bundle" / "bundle.json").is_file()
    monkeypatch.setattr("mlflow.artifacts.download_artifacts", cut_short)
    assert runs._fetched(run_id) == place
    assert [path.name for path in place.parent.iterdir()] == [run_id]


def test_a_model_s_name_means_its_latest_run(home: Home) -> None:
    first = Runs(home).find("base").run_id
    assert first == by_model(home)["base"].run_id
    again = train_model(home, "base").run_id
    assert Runs(home).find("base").run_id == again != first


def test_a_question_that_a_run_does_not_answer_is_refused(home: Home) -> None:
    run = Runs(home).find("latest")
    assert len(run.predictions_of("up")) == len(run.predictions_of()) == 1258
    line = rf"run {run.run_id[:8]}: got '--question dip_8'; allowed: up; name a question that it answers$"
    with pytest.raises(RunError, match=line):
        run.predictions_of("dip_8")


def test_without_a_question_up_is_meant_or_the_only_one(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Runs(home).find("latest")
    up = run.of_target.table
    dip, rally = up.assign(question="dip8"), up.assign(question="rally5")

    def answering(*tables: pd.DataFrame) -> Run:
        joined = pd.concat(tables, ignore_index=True)
        monkeypatch.setattr(Run, "of_target", Predictions(joined.sort_values(list(KEY), ignore_index=True)))
        return run

    assert set(answering(dip).predictions_of().table["question"]) == {"dip8"}
    assert set(answering(dip, up).predictions_of().table["question"]) == {"up"}
    assert set(answering(dip, up).predictions_of("dip8").table["question"]) == {"dip8"}
    with pytest.raises(
        RunError, match=rf"run {run.run_id[:8]}: no --question; allowed: dip8 or rally5; name a question"
    ):
        answering(dip, rally).predictions_of()
