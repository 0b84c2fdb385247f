"""A champion can always be taken down or replaced, whatever has become of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from bullbear.errors import GateError, RunError
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.forecasting.champion_history import PROMOTED, changes_of, forced, install, kept_at, run_at
from bullbear.forecasting.forecast import issue
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.tracking.mlflow_store import connect
from bullbear.workflows.promotion import promote_run
from bullbear.workflows.succession import BASE_RATE, demote, rollback

BASE = """
name = "climatology"
intent = "The base rate alone."
[learner]
kind = "climatology"
[splitter]
first = "2003-01-01"
burn_in_months = 12
refit = "quarter"
"""


@pytest.fixture
def with_base_rate(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The home whose tracked model `base` is what answers after a demotion."""
    monkeypatch.setattr("bullbear.workflows.succession.BASE_RATE", "base")
    assert BASE_RATE == "climatology"
    return home


def test_the_base_rate_answers_until_the_champion_is_put_back(with_base_rate: Home) -> None:
    home = with_base_rate
    base, small = (Runs(home).find(name) for name in ("base", "small"))
    done = demote(home, "up", "a test")
    assert (done.went, done.came, done.notes) == (f"small {small.run_id[:8]}", f"base {base.run_id[:8]}", ())
    entry = issue(home, "2007-06-18")
    assert (entry["model"]["run_id"], entry["p_up"]) == (base.run_id, entry["climatology"])
    client = connect(home.runs)
    assert client.get_model_version_by_alias("bullbear-simulated", "champion").run_id == base.run_id
    assert Runs(home).find("small").tags["verdict"] == "passed: demoted: a test"
    with pytest.raises(RunError, match=r"base [0-9a-f]{8}, the base rate.*nothing needs to be done"):
        demote(home, "up")
    back = rollback(home, "up")
    assert (back.went, back.came) == (done.came, done.went)
    assert run_at(home.champion) == small.run_id
    assert client.get_model_version_by_alias("bullbear-simulated", "champion").run_id == small.run_id
    assert Runs(home).find("small").tags["verdict"] == "champion: put back"
    assert [each.action for each in changes_of(home)] == ["promoted", "demoted", "rolled back"]
    with pytest.raises(RunError, match="former champion: none before it"):
        rollback(home, "up")


def test_without_a_tracking_store_the_base_rate_is_trained_on_the_spot(home: Home) -> None:
    (home.root / "models" / "climatology.toml").write_text(BASE)
    shutil.rmtree(home.runs)
    small = run_at(home.champion)
    done = demote(home, "up")
    assert done.came is not None
    assert done.came.startswith("climatology untracke")
    bundle = read_bundle(home.champion)
    bundle.require_usable()
    said = bundle.predictions.table
    assert (said["p"] == said["climatology"]).all()
    assert rollback(home, "up").change.run_id == small


def test_a_champion_that_cannot_be_read_goes(with_base_rate: Home) -> None:
    home = with_base_rate
    (home.champion / "bundle.json").write_text("{")
    assert demote(home, "up").went == "a champion that cannot be read"
    assert read_bundle(home.champion).definition.name == "base"


def test_a_champion_whose_factor_file_is_gone_is_passed_over(with_base_rate: Home) -> None:
    home = with_base_rate
    demote(home, "up")
    small = changes_of(home)[-1].before
    kept = home.forecasts / "former" / "up" / str(small) / "bundle.json"
    kept.write_text(kept.read_text().replace('"function": "rsi"', '"function": "gone"'))
    with pytest.raises(
        RunError, match=r"none that can be used: former champion [0-9a-f]{8}: got 'factor rsi_14 by gone"
    ):
        rollback(home, "up")
    assert read_bundle(home.champion).definition.name == "base"


def test_another_question_falls_back_to_its_base_rate(home: Home) -> None:
    place = home.champion_of("dip8")
    shutil.copytree(home.champion.resolve(), place)
    meta = json.loads((place / "bundle.json").read_text())
    (place / "bundle.json").write_text(json.dumps({**meta, "question": "dip8"}))
    demote(home, "dip8")
    assert not place.exists()
    assert rollback(home, "dip8").change.run_id == meta["run_id"]
    assert place.exists()
    with pytest.raises(RunError, match="champion of vol20: none yet"):
        demote(home, "vol20")


@pytest.mark.parametrize("command", [demote, rollback])
def test_a_champion_promoted_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[[Home, str], object]
) -> None:
    home = Home(tmp_path)

    def promote(run_id: str) -> None:
        staged = home.forecasts / "new"
        staged.mkdir(parents=True)
        (staged / "bundle.json").write_text(json.dumps({"run_id": run_id}))
        install(home, "dip8", staged, action=PROMOTED, model="trees", run_id=run_id)

    promote("a")
    promote("b")

    def meanwhile(place: Path, label: str) -> Bundle:
        promote("c")
        raise RunError(label, "damaged", "", "")

    monkeypatch.setattr("bullbear.workflows.succession.read_bundle", meanwhile)
    definition = SimpleNamespace(name="trees")
    before = SimpleNamespace(root=kept_at(home, "dip8", "a"), meta={"run_id": "a"}, definition=definition)
    monkeypatch.setattr("bullbear.workflows.succession.usable_former", lambda home, question: (before, []))
    with pytest.raises(RunError, match=r"replaced meanwhile.*run the command again"):
        command(home, "dip8")
    assert run_at(home.champion_of("dip8")) == "c"
    assert [each.run_id for each in changes_of(home)] == ["a", "b", "c"]


def test_a_forced_promotion_stays_on_record(with_base_rate: Home) -> None:
    home = with_base_rate
    small = Runs(home).find("small")
    shutil.rmtree(home.forecasts / "champions")
    with pytest.raises(GateError, match="skill test"):
        promote_run(home, Runs(home), small)
    verdict = promote_run(home, Runs(home), small, force="to see what happens")
    assert not verdict.passed
    found = forced(read_bundle(home.champion).meta)
    assert found is not None
    assert (found["reason"], found["refused"]) == ("to see what happens", verdict.sentence)
    tags = Runs(home).find("small").tags
    assert tags["forced"] == "to see what happens"
    assert tags["verdict"].startswith("champion: forced: to see what happens (refused: the ")
    change = changes_of(home)[-1]
    assert (change.action, change.reason, change.run_id) == ("forced", "to see what happens", small.run_id)
    refitted = home.champion / "refitted"  # what the tracked run's bundle has not
    refitted.touch()
    again = promote_run(home, Runs(home), Runs(home).find("small"))
    assert f"small {small.run_id[:8]} is the champion already" in again.notes
    assert (forced(read_bundle(home.champion).meta), refitted.exists(), changes_of(home)[-1]) == (found, True, change)
    assert Runs(home).find("small").tags["verdict"] == tags["verdict"]
    demote(home, "up", "seen")
    assert Runs(home).find("small").tags["verdict"] == "refused: promoted against the gate, demoted: seen"
    rollback(home, "up")
    assert Runs(home).find("small").tags["verdict"] == "champion: forced: put back"


def test_what_passes_is_not_forced(home: Home) -> None:
    shutil.rmtree(home.forecasts / "champions")
    verdict = promote_run(home, Runs(home), Runs(home).find("base"), force="no need")
    assert verdict.notes[-1] == "it passes the gate: nothing had to be forced"
    assert forced(read_bundle(home.champion).meta) is None
    assert [each.action for each in changes_of(home)] == ["promoted", "promoted"]


def test_no_reason_makes_a_run_of_other_data_champion(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Path(home.champion).resolve()
    monkeypatch.setattr("bullbear.data.store.Store.is_simulated", property(lambda store: False))
    with pytest.raises(GateError, match="data test"):
        promote_run(home, Runs(home), Runs(home).find("small"), force="please")
    assert home.champion.resolve() == before
