"""Verdicts in the run list and in the registry, and which run is the challenger."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bullbear.errors import RunError
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.tracking.mlflow_store import connect
from bullbear.tracking.registry import mark_champion
from bullbear.tracking.scored import scored_models
from bullbear.tracking.stored_runs import StoredRun
from bullbear.tracking.verdicts import challenger_of, record_verdict


class Store:
    """A client that notes what is written."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        assert key == "verdict"
        self.tags[run_id] = value


def run_of(
    run_id: str, verdict: str | None = None, low: float | None = -0.01, *, kind: str = "logistic", **tags: str
) -> StoredRun:
    place = tags.pop("place", "nowhere")
    given = {"model": f"m{run_id}", "data": "real", "question": "up", "definition_hash": run_id, **tags}
    if verdict is not None:
        given["verdict"] = verdict
    metrics = {} if low is None else {"bss": low + 0.01, "bss_low": low, "bss_high": low + 0.02}
    return StoredRun(run_id, 0, 0, given, {"learner.kind": kind}, metrics, place)


def test_the_challenger_is_the_judged_run_with_the_highest_lower_end_of_its_skill() -> None:
    runs = [
        run_of("never", "not judged", 0.5),
        run_of("champion", "champion: x", 0.4),
        run_of("base", "refused: x", 0.3, kind="climatology"),
        run_of("paths", "refused: not walk-forward", None),
        run_of("newer", "refused: x", 0.2),
        run_of("older", "passed: x", 0.2),
        run_of("far", "refused: x", -0.2),
    ]
    verdicts = {each.run_id: each.tags["verdict"] for each in runs}
    assert challenger_of(runs, verdicts).run_id == "newer"
    assert challenger_of(runs[:4], verdicts) is None


def test_a_new_champion_turns_the_former_one_of_its_question_into_one_that_passed(tmp_path: Path) -> None:
    store = Store()
    runs = [
        run_of("new", place=str(tmp_path)),
        run_of("old", "champion: it was better"),
        run_of("simulated", "champion: x", data="SIMULATED"),
        run_of("other", "champion: x", question="dip8"),
    ]
    found = record_verdict(store, runs, "new", "champion: skill\n +2%", {"tried": 3})  # type: ignore[arg-type]
    assert store.tags == {"new": "champion: skill +2%", "old": "passed: replaced as champion by mnew new"}
    assert found == store.tags
    assert json.loads((tmp_path / "verdict.json").read_text()) == {"tried": 3}


def test_a_champion_that_was_forced_has_not_passed_when_it_is_replaced() -> None:
    runs = [run_of("new"), run_of("old", "champion: forced: to see (refused: the skill test)")]
    found = record_verdict(Store(), runs, "new", "champion: skill +2%", None)  # type: ignore[arg-type]
    assert found["old"] == "refused: promoted against the gate, replaced as champion by mnew new"


def test_a_parent_sums_up_its_questions() -> None:
    store = Store()
    child = {"mlflow.parentRunId": "parent"}
    runs = [
        run_of("parent", "not judged", questions="up,dip8,vol20"),
        run_of("a", "not judged", question="up", **child),
        run_of("b", "refused: no skill", question="dip8", **child),
        run_of("c", "not judged", question="vol20", **child),
    ]
    record_verdict(store, runs, "a", "champion: skill", None)  # type: ignore[arg-type]
    assert store.tags == {"a": "champion: skill", "parent": "champion: up; refused: dip8; not judged: vol20"}


def test_the_verdict_on_a_deleted_run_is_refused() -> None:
    with pytest.raises(RunError, match=r"run gone: deleted, so that nothing can be recorded; allowed: a run of the"):
        record_verdict(Store(), [run_of("a")], "gone", "refused: x", None)  # type: ignore[arg-type]


def test_scored_models_are_those_of_one_market_each_definition_once() -> None:
    runs = [
        run_of("1", "refused: x", 0.1, definition_hash="same"),
        run_of("2", None, 0.0, definition_hash="same"),
        run_of("3", None, 0.2, data="SIMULATED"),
        run_of("4", None, 0.3, question="dip8"),
        run_of("5", None, None),
    ]
    found = scored_models(runs, ["up"], simulated=False, about=None)
    assert [(each.run_id, each.verdict, each.is_this) for each in found["up"]] == [("1", "refused: x", False)]
    about = scored_models(runs, ["up"], simulated=False, about="2")
    assert [(each.run_id, each.verdict, each.is_this) for each in about["up"]] == [("2", "not judged", True)]
    assert (about["up"][0].low, about["up"][0].high) == (0.0, 0.02)


def test_the_registry_says_who_is_champion_and_challenger_and_why(home: Home) -> None:
    runs, client = Runs(home), connect(home.runs)
    base, small = runs.find("base"), runs.find("small")
    runs.judge(small, "champion: it passed", {"tried": 1})
    runs.promote(base)
    runs.judge(base, "champion: the base rate")
    model = client.get_registered_model("bullbear-simulated")
    by_alias = {alias: client.get_model_version_by_alias(model.name, alias) for alias in model.aliases}
    assert {alias: each.run_id for alias, each in by_alias.items()} == {
        "champion": base.run_id, "challenger": small.run_id,
    }  # fmt: skip
    assert by_alias["champion"].description == "champion: the base rate"
    assert by_alias["challenger"].description == f"passed: replaced as champion by base {base.run_id[:8]}"
    assert model.description.splitlines()[0] == "The total return over the month is positive."
    assert f"Champion: version 2, run {base.run_id[:8]}: champion: the base rate" in model.description
    assert f"Challenger: version 1, run {small.run_id[:8]}: passed: replaced" in model.description
    assert (small.artifacts / "verdict.json").is_file()


def test_what_cannot_be_recorded_is_a_note(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, said = Runs(home), []
    small = runs.find("small")
    runs.judge(replace(small, run_id="0" * 32), "refused: x", say=said.append)
    assert said == [
        "the verdict on small 00000000 was not recorded in MLflow: run 00000000: deleted, so that nothing can be "
        "recorded; allowed: a run of the tracking store; train the model again"
    ]

    def full(*arguments: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("bullbear.tracking.recording.record_verdict", full)
    runs.judge(small, "refused: x", say=said.append)
    assert said[1].endswith("was not recorded in MLflow: no space left on device")


def test_each_question_has_a_registered_model_and_an_alias_of_earlier_versions_moves_along(home: Home) -> None:
    runs, client = Runs(home), connect(home.runs)
    small, base = runs.find("small"), runs.find("base")
    client.set_registered_model_alias("bullbear-simulated", "champion-dip8", "1")
    dip = {"question": "dip8"}
    mark_champion(client, replace(base, tags={**base.tags, **dip}))
    assert client.get_model_version_by_alias("bullbear-simulated.dip8", "champion").run_id == base.run_id
    assert client.get_model_version_by_alias("bullbear-simulated", "champion-dip8").run_id == base.run_id
    assert client.get_model_version_by_alias("bullbear-simulated", "champion").run_id == small.run_id
    mark_champion(client, replace(base, tags={**base.tags, "question": "vol20"}))
    assert "champion-vol20" not in client.get_registered_model("bullbear-simulated").aliases
