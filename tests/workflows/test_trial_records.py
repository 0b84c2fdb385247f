"""What was seen stays counted: runs deleted, purged or lost, trainings that no store took, policies tried."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.decide.grid import digest
from bullbear.errors import TrialsError
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.tracking.known_trials import KnownTrials
from bullbear.tracking.mlflow_store import connect, experiment_id
from bullbear.tracking.spool import SpooledError
from bullbear.trials import POLICY, SWEEP, Trial, TrialRegistry, tries_on
from bullbear.workflows import training
from bullbear.workflows.backtesting import own_digest, tried_besides
from bullbear.workflows.promotion import promote_run
from bullbear.workflows.run_details import beside_all_tried
from bullbear.workflows.training import train_model
from bullbear.workflows.trial_records import record_variants


def recorded(home: Home) -> list[Trial]:
    return TrialRegistry(home.trials).trials()


def logged(home: Home, small: Run, definition_hash: str, sharpe: float = 0.3, **params: str) -> str:
    """A run of another model with forecasts of its own, in the store alone."""
    client, table = connect(home.runs), pd.read_csv(small.artifacts / "predictions.csv")
    tags = {"model": definition_hash, "question": "up", "data": "SIMULATED", "definition_hash": definition_hash}
    run_id = str(client.create_run(experiment_id(client), tags=tags).info.run_id)
    for name, value in ({"learner.kind": "logistic", "target": "IWM 21 sessions"} | params).items():
        client.log_param(run_id, name, value)
    client.log_metric(run_id, "trading/policy_sharpe", sharpe)
    moved = np.random.default_rng(len(definition_hash)).uniform(-0.02, 0.02, len(table))
    text = table.assign(p=(table["p"] + moved).clip(0.01, 0.99)).to_csv(index=False)
    client.log_text(run_id, text, "predictions.csv")
    client.set_terminated(run_id)
    return run_id


def test_what_was_tried_outlives_its_run_and_the_store(home: Home) -> None:
    runs = Runs(home)
    small = runs.find("small")
    other = logged(home, small, "other")
    counted, beside = runs.tried(small), beside_all_tried(runs, small, least_models=2)
    assert counted == 2
    assert beside is not None
    assert beside.overfitting is not None
    assert beside.models == (f"small {small.run_id[:8]}", f"other {other[:8]}")

    connect(home.runs).delete_run(other)
    shutil.rmtree(next(home.runs.glob(f"artifacts/**/{other}")))  # as `mlflow gc` does
    assert runs.tried(small) == counted

    shutil.rmtree(home.runs)
    champion = runs.find("champion")
    assert (runs.tried(champion), beside_all_tried(runs, champion, least_models=2)) == (counted, beside)
    assert tried_besides(runs, champion, {str(own_digest(champion))}) == ([0.3], 1)
    assert promote_run(home, runs, champion).tried == counted


def test_a_home_from_before_the_registry_is_taken_over_as_it_would_have_been_recorded(home: Home) -> None:
    before = recorded(home)
    assert [(trial.model, trial.counts, trial.taken_over) for trial in before] == [
        ("base", False, False), ("small", True, False),
    ]  # fmt: skip
    kept = TrialRegistry(home.trials).forecasts_of(before[1])
    shutil.rmtree(home.trials)
    assert Runs(home).tried(Runs(home).find("small")) == 1
    after = recorded(home)
    same = (
        "what", "model", "question", "data", "definition_hash", "start", "end", "ticker", "horizon", "run_id", "counts",
    )  # fmt: skip
    for mine, theirs in zip(before, after, strict=True):
        assert [getattr(mine, name) for name in same] == [getattr(theirs, name) for name in same]
        assert (mine.brier_skill, mine.sharpe) == (pytest.approx(theirs.brier_skill), pytest.approx(theirs.sharpe))
        assert theirs.taken_over
    taken = TrialRegistry(home.trials).forecasts_of(after[1])
    assert kept is not None
    assert taken is not None
    pd.testing.assert_frame_equal(kept, taken, check_exact=True)
    KnownTrials(home)
    assert recorded(home) == after


def test_a_training_that_is_used_again_or_interrupted_is_no_trial(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = recorded(home)
    assert train_model(home, "small", reuse=True).reused

    def interrupted(*arguments: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "build_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_model(home, "small", start="2004-01-02")
    assert recorded(home) == before


@pytest.mark.slow
def test_a_training_that_no_store_took_counts_once_before_and_after_it_is_logged(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = Runs(home)
    small = runs.find("small")
    with monkeypatch.context() as broken:
        broken.setattr("bullbear.tracking.training_run.experiment_for", lambda *a, **b: 1 / 0)
        with pytest.raises(SpooledError):
            train_model(home, "small", start="2004-01-02")
    (seen,) = [trial for trial in recorded(home) if trial.start == "2004-01-02"]
    assert (seen.run_id, seen.counts, seen.forecasts is None) == (None, True, False)
    for _ in range(2):  # the first reader logs it
        assert runs.tried(small) == 2
        (other,) = runs.others_tried(small)
        assert other.forecasts is not None
    assert [trial.run_id is None for trial in recorded(home) if trial.start == "2004-01-02"] == [True, False]


def test_a_damaged_line_stops_whatever_counts(home: Home) -> None:
    runs, registry = Runs(home), TrialRegistry(home.trials)
    text = registry.path.read_text()
    registry.path.write_text(text.replace('"counts":true', '"counts":false'))
    small = runs.find("small")
    for count in (
        lambda: promote_run(home, runs, small),
        lambda: runs.others_tried(small),
        lambda: train_model(home, "small", start="2004-01-02"),
    ):
        with pytest.raises(TrialsError, match=r"trials/trials\.jsonl:2: .*restore it and its \.head from a copy"):
            count()


def test_a_damaged_registry_is_a_note_where_only_a_count_is_missing(bullbear: Any, home: Home) -> None:
    registry = TrialRegistry(home.trials)
    registry.path.write_text(registry.path.read_text().replace('"counts":true', '"counts":false'))
    unknown = "note: how many models were tried is unknown"
    answer = bullbear("evaluate", "small", "--home", home.root)
    assert (answer.code, "Calibration test p " in answer.out, answer.err.count(unknown)) == (0, True, 1)
    assert "trials/trials.jsonl:2: " in answer.err
    (scores,) = bullbear("evaluate", "small", "--home", home.root, "--json").json
    assert (scores["tried"], scores["power"], scores["all_models"]) == (None, None, None)
    answer = bullbear("backtest", "small", "--home", home.root)
    assert (answer.code, answer.err.count(unknown)) == (0, 1)
    assert ", how many models were tried is unknown; " in answer.out
    evidence = bullbear("backtest", "small", "--home", home.root, "--json").json["sharpe_evidence"]
    assert (evidence["trials"], evidence["deflated"]) == (None, None)
    assert evidence["probabilistic"] > 0


def test_only_a_forced_promotion_goes_on_without_a_count_and_records_that_it_is_unknown(home: Home) -> None:
    registry, runs = TrialRegistry(home.trials), Runs(home)
    registry.path.write_text(registry.path.read_text().replace('"counts":true', '"counts":false'))
    run = runs.find("base")
    with pytest.raises(TrialsError):
        promote_run(home, runs, run)
    verdict = promote_run(home, runs, run, force="the copy is lost")
    assert (verdict.tried, verdict.passed) == (None, False)
    assert "the tries test: how many models were tried is unknown: " in verdict.sentence
    assert Runs(home).find("champion").run_id == run.run_id
    forced = Runs(home).find("champion").bundle.meta["forced"]
    assert forced["reason"] == "the copy is lost"
    assert "how many models were tried is unknown" in forced["refused"]


def test_a_home_that_cannot_be_written_to_counts_its_store_all_the_same(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = Runs(home).find("small")
    logged(home, small, "other")

    def refused(*arguments: Any) -> None:
        raise PermissionError(13, "Permission denied", "trials")

    monkeypatch.setattr(TrialRegistry, "take_over", refused)
    assert Runs(home).tried(small) == 2
    assert "Permission denied: 1 trial of the tracking store cannot be kept in the registry" in capsys.readouterr().err


def test_the_variants_of_older_sweeps_are_taken_over(home: Home) -> None:
    runs = Runs(home)
    small = runs.find("small")
    runs.attach(small, "swept.json", '{"aa": 0.5, "bb": -0.25}')
    for _ in range(2):
        assert sorted(runs.tries(small).variants.values()) == [-0.25, 0.5]
    shutil.rmtree(home.runs)
    assert len(tries_on(recorded(home), "up", "SIMULATED").variants) == 2


def test_policies_tried_on_a_run_stand_beside_each_other_and_its_own(home: Home) -> None:
    runs = Runs(home)
    small = runs.find("small")
    own, sharpe = str(own_digest(small)), recorded(home)[1].sharpe
    notes: list[str] = []
    record_variants(home, runs, small, SWEEP, "grid", {own: 9.0, "aa": 0.5, "bb": float("nan")}, notes.append)
    record_variants(home, runs, small, POLICY, "band", {"aa": 0.5}, notes.append)
    record_variants(home, runs, small, POLICY, "its_own", {own: 9.0}, notes.append)
    assert notes == []
    assert tried_besides(runs, small, {own}) == ([0.5], 2)  # of one the ratio is unknown
    assert tried_besides(runs, small, {"aa"}) == ([sharpe], 2)  # the model's own policy is tried, too
    assert tried_besides(runs, small, {own, "aa", "bb"}) == ([], 0)
    assert tried_besides(runs, runs.find("base"), {"other"}) == ([sharpe, 0.5], 3)  # the base rate is no try


def test_another_policy_in_a_backtest_is_recorded(bullbear: Any, home: Home, tmp_path: Path) -> None:
    (home.root / "models/policies").mkdir(parents=True)
    (home.root / "models/policies/calm.toml").write_text(
        'name = "calm"\nintent = "Less of it."\nkind = "band"\nbull_weight = 0.9\n'
    )
    answer = bullbear("backtest", "small", "--policy", "calm", "--home", home.root, "--json")
    assert answer.code == 0, answer.err
    seen = recorded(home)[-1]
    calm = home.rule("calm", named_at="--policy", questions=["up"]).policy
    ratio = answer.json["sharpe_evidence"]["sharpe"]
    assert (seen.what, seen.named, dict(seen.variants)) == (POLICY, "calm", {digest(calm): pytest.approx(ratio)})
    assert answer.json["sharpe_evidence"]["trials"] == 2  # and the model's own
