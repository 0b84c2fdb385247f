"""A training of several questions: one parent run, a nested run for each question, each found by its name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bullbear.audit.catalogue import BY_NAME, AuditCheck
from bullbear.audit.result import CheckResult
from bullbear.audit.subject import Subject
from bullbear.errors import InputError, RunError
from bullbear.forecasting import gate
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.tracking.mlflow_store import connect, experiment_ids
from bullbear.tracking.spool import SpooledError
from bullbear.tracking.stored_runs import stored_runs
from bullbear.workflows.auditing import subjects_of
from bullbear.workflows.reuse import trained_before
from bullbear.workflows.training import train_model

QUESTIONS = ("up", "dip5", "vol20")
PASSED = gate.Verdict(1, 50.0, (), ("a note",))


def define(home: Home) -> Home:
    text = (home.root / "models" / "small.toml").read_text().replace('name = "small"', 'name = "three"')
    (home.root / "models" / "three.toml").write_text(
        f"questions = {list(QUESTIONS)}\n" + text.replace("bags = 2", "bags = 1")
    )
    return home


@pytest.fixture(scope="module")
def three(trained_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    place = tmp_path_factory.mktemp("three") / "home"
    home = define(Home(Path(shutil.copytree(trained_home.root, place))))
    (place / "models" / "promotion.toml").write_text('[audit]\nrequired = "none"\n')
    train_model(home, "three")
    return home


def parent_of(home: Home) -> Any:
    client = connect(home.runs)
    (parent,) = client.search_runs(experiment_ids(client, home.runs), "tags.questions != ''")
    return parent


def test_the_parent_shows_all_questions_and_each_child_is_a_whole_run(three: Home) -> None:
    client, parent = connect(three.runs), parent_of(three)
    children = client.search_runs(
        experiment_ids(client, three.runs), f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    )
    assert {child.data.tags["question"] for child in children} == set(QUESTIONS)
    assert {run.info.status for run in (parent, *children)} == {"FINISHED"}
    assert parent.data.tags["questions"] == parent.data.params["questions"] == "up,dip5,vol20"
    found = Runs(three).find_each("three")
    assert [run.bundle.question for run in found] == list(QUESTIONS)
    for run in found:
        name = run.bundle.question
        assert parent.data.metrics[f"{name}/bss"] == pytest.approx(run.evaluation["bss"], abs=1e-12)
        assert run.bundle.definition.target.question.name == name
        assert run.tags["definition_hash"] != parent.data.tags["definition_hash"]
        assert {"model_id", "data_fingerprint"} <= set(run.tags)
    mean = sum(parent.data.metrics[f"{name}/bss"] for name in QUESTIONS) / 3
    assert parent.data.metrics["skill/mean_bss"] == pytest.approx(mean, abs=1e-12)
    whole = json.loads((Path(parent.info.artifact_uri.removeprefix("file://")) / "evaluation.json").read_text())
    assert list(whole) == list(QUESTIONS)


def test_a_joint_training_counts_each_question_as_a_try_of_its_own(three: Home, trained_home: Home) -> None:
    before = Runs(trained_home).tried(Runs(trained_home).find("small"))
    assert Runs(three).tried(Runs(three).find("small")) == before + 1
    assert Runs(three).tried(Runs(three).find("three", "dip5")) == 1


def test_a_run_of_several_questions_is_found_by_model_and_question(three: Home) -> None:
    runs = Runs(three)
    assert runs.find("three").bundle.question == "up"
    assert runs.find("latest", "vol20").bundle.question == "vol20"
    child = runs.find("three", "dip5")
    assert runs.find(child.run_id[:12]).run_id == child.run_id
    with pytest.raises(RunError, match=r"got '--question dip8'; allowed: up, dip5, vol20; name a question"):
        runs.find("three", "dip8")
    with pytest.raises(RunError, match=r"got '--question vol20'; allowed: dip5"):
        runs.find(child.run_id, "vol20")


def test_a_training_of_several_questions_is_reused_whole(three: Home) -> None:
    found = trained_before(three, three.model("three"), None, None)
    assert found is not None
    assert (found.run_id, list(found.questions)) == (parent_of(three).info.run_id, list(QUESTIONS))
    assert found.questions["dip5"].run_id == Runs(three).find("three", "dip5").run_id
    assert trained_before(three, three.model("three").only("dip5"), None, None) is None


def test_one_question_of_several_is_trained_alike(three: Home) -> None:
    joint = Runs(three).find(parent_of(three).info.run_id, "dip5")
    alone = train_model(three, "three", question="dip5")
    assert list(alone.questions) == ["dip5"]
    run = Runs(three).find(alone.run_id)
    assert run.tags["definition_hash"] == joint.tags["definition_hash"]
    columns = ["decided_at", "p", "climatology", "y"]
    assert run.predictions.table[columns].equals(joint.predictions.table[columns])
    assert Runs(three).find("three").run_id == run.run_id
    assert Runs(three).find("three", "vol20").run_id == Runs(three).find(parent_of(three).info.run_id, "vol20").run_id
    with pytest.raises(
        InputError, match=r"--question: got 'rally5'; allowed: up, dip5, vol20, the questions of models"
    ):
        train_model(three, "three", question="rally5")


def test_commands_answer_by_question(three: Home, bullbear: Callable[..., Any]) -> None:
    at, joint = ("--home", three.root), parent_of(three).info.run_id
    scored = json.loads(bullbear("evaluate", joint, "--json", *at).out)
    assert [(each["model"], each["question"]) for each in scored] == [("three", name) for name in QUESTIONS]
    one = json.loads(bullbear("evaluate", joint, "--question", "dip5", "--json", *at).out)
    assert one == [scored[1]]
    lines = bullbear("predictions", joint, "--question", "vol20", *at).out.splitlines()
    assert lines[0] == "decided_at,resolved_at,p,p_low,p_high,climatology,y"
    assert len(lines) - 1 == len(Runs(three).find(joint, "vol20").of_target.table)
    compared = json.loads(bullbear("compare", joint, "small", "--json", *at).out)
    assert [pair["question"] for pair in compared["pairs"]] == ["up"]
    assert "three dip5" in bullbear("evaluate", joint, *at).out
    refused = bullbear("compare", "small", Runs(three).find(joint, "dip5").run_id, *at)
    assert refused.code == 2
    assert "runs with a question in common" in refused.mistake


def test_a_joint_training_that_breaks_while_logging_is_kept_and_logged_as_a_whole(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    define(home)
    logged: list[str] = []
    real = mlflow.log_artifacts

    def full_after_two(folder: str, **options: Any) -> None:
        logged.append(folder)
        if len(logged) > 2:
            raise OSError("no space left on device")
        real(folder, **options)

    with monkeypatch.context() as broken:
        broken.setattr("mlflow.log_artifacts", full_after_two)
        with pytest.raises(SpooledError, match=r"training three finished but was not logged: no space left"):
            train_model(home, "three")
        assert Runs(home).find("latest").model == "small"  # two finished children without a finished parent are none
    runs = Runs(home)
    assert runs.find("latest").model == "three"
    assert [run.bundle.question for run in runs.find_each("three")] == list(QUESTIONS)
    client = connect(home.runs)
    parents = client.search_runs(experiment_ids(client, home.runs), "tags.questions != ''")
    assert sorted(run.info.status for run in parents) == ["FAILED", "FAILED", "FINISHED"]


def without(home: Home, question: str) -> str:
    """Delete one child of the joint training; the parent's id."""
    parent = parent_of(home).info.run_id
    connect(home.runs).delete_run(Runs(home).find(parent, question).run_id)
    return str(parent)


@pytest.fixture
def copied(three: Home, tmp_path: Path) -> Home:
    return Home(Path(shutil.copytree(three.root, tmp_path / "home", symlinks=True)))


def promoted(home: Home, question: str) -> Path:
    """The joint training's run of one question as champion; where it stands."""
    runs = Runs(home)
    runs.promote(runs.find(parent_of(home).info.run_id, question))
    return home.champion_of(question)


def damage(bundle: Path) -> None:
    (bundle / "bundle.json").write_text("{")


def test_the_deleted_run_of_a_question_is_named_and_the_others_are_found(
    copied: Home, bullbear: Callable[..., Any]
) -> None:
    notes: list[str] = []
    parent = without(copied, "dip5")
    with pytest.raises(RunError, match=rf"run {parent[:8]}: its run of dip5 was deleted; .*train the model again"):
        Runs(copied).find(parent, "dip5")
    assert [run.question for run in Runs(copied).find_each(parent, notes.append)] == ["up", "vol20"]
    assert len(notes) == 1
    assert "its run of dip5 was deleted" in notes[0]
    answer = bullbear("evaluate", parent, "--json", "--home", copied.root)
    assert [each["question"] for each in json.loads(answer.out)] == ["up", "vol20"]
    for question in ("up", "vol20"):
        without(copied, question)
    with pytest.raises(RunError, match="its run of up was deleted"):
        Runs(copied).find_each(parent)


def test_a_training_without_up_wants_a_question_named(copied: Home) -> None:
    parent = parent_of(copied).info.run_id
    connect(copied.runs).set_tag(parent, "questions", "dip5,vol20")
    with pytest.raises(RunError, match=rf"run {parent[:8]}: no --question; allowed: dip5, vol20; name a question"):
        Runs(copied).find(parent)
    assert Runs(copied).find(parent, "dip5").question == "dip5"


@pytest.mark.parametrize("file", ["bundle.json", "predictions.csv"])
def test_a_champion_that_cannot_be_read_is_left_out_unless_it_is_that_of_up(copied: Home, file: str) -> None:
    notes: list[str] = []
    runs = Runs(copied)
    for question in ("dip5", "vol20"):
        place = promoted(copied, question)
    assert [run.question for run in runs.find_each("champion", notes.append)] == ["up", "dip5", "vol20"]
    assert notes == []
    (place / file).write_text("{")
    assert [run.question for run in runs.find_each("champion", notes.append)] == ["up", "dip5"]
    assert len(notes) == 1
    assert notes[0].startswith("the champion of vol20 is left out: ")
    (copied.champion / file).write_text("{")
    with pytest.raises(RunError, match="damaged"):
        runs.find_each("champion")


def test_the_champion_of_a_question_that_nobody_answers(copied: Home, bullbear: Callable[..., Any]) -> None:
    with pytest.raises(RunError, match=r"champion of vol20: none yet; .*train a model that answers it"):
        Runs(copied).find("champion", "vol20")
    refused = bullbear("predictions", "champion", "--question", "zzz", "--home", copied.root)
    assert refused.code == 2
    assert refused.mistake.startswith("bullbear: --question: got 'zzz'; allowed: up, ")


def test_a_run_that_cannot_be_used_keeps_none_of_the_others_from_promotion(
    copied: Home, bullbear: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    joint = parent_of(copied).info.run_id
    damage(Runs(copied).find(joint, "dip5").artifacts / "bundle")
    monkeypatch.setattr(gate, "judge", lambda *found, **named: PASSED)
    answer = bullbear("promote", joint, "--json", "--home", copied.root)
    assert answer.code == 0
    assert [each["question"] for each in json.loads(answer.out)["promoted"]] == ["up", "vol20"]
    assert list(json.loads(answer.out)["refused"]) == ["dip5"]
    assert "note: vol20: a note\n" in answer.err
    assert "note: dip5: run " in answer.err
    assert "got 'a damaged bundle.json'" in answer.err
    assert "up has no champion" not in answer.err


def test_one_audit_serves_all_questions_of_a_training_and_is_logged_with_each(
    copied: Home, bullbear: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (copied.root / "models" / "promotion.toml").unlink()
    made: list[tuple[str, list[str]]] = []

    def passes(check: AuditCheck, subject: Subject, *arguments: object) -> CheckResult:
        made.append((check.name, list(subject.bundles)))
        return CheckResult.of(check.name, [], "clean", "leaky")

    monkeypatch.setattr(AuditCheck, "run", passes)
    monkeypatch.setattr(gate, "judge", lambda *found, **named: PASSED)
    monkeypatch.setattr("bullbear.cli.champions.DEFAULT_JOBS", 1)
    joint = parent_of(copied).info.run_id
    assert bullbear("promote", joint, "--home", copied.root).code == 0
    assert sorted(made) == sorted((name, list(QUESTIONS)) for name in BY_NAME)
    logged = [each for each in stored_runs(copied.runs) if joint in (each.run_id, each.parent)]
    assert len(logged) == 1 + len(QUESTIONS)
    assert {each.tags["audit"][:14] for each in logged} == {"passed (quick)"}
    # The champions of one training are one subject, with their runs.
    (champions,) = subjects_of(copied, Runs(copied), "champion")
    assert champions.run_ids[0] == joint
    assert champions.subject.run_ids == {each: Runs(copied).find(joint, each).run_id for each in QUESTIONS}


def test_a_promotion_says_that_up_still_lacks_a_champion(
    copied: Home, bullbear: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(copied.champion)
    monkeypatch.setattr(gate, "judge", lambda *found, **named: PASSED)
    answer = bullbear("promote", parent_of(copied).info.run_id, "--question", "vol20", "--home", copied.root)
    assert answer.code == 0
    assert "note: up has no champion yet" in answer.err
