"""A run becomes champion through the gate, or is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.forecasting.bundle_files import change_models

from bullbear.dataset.predictions import Predictions
from bullbear.errors import GateError, RunError
from bullbear.forecasting import gate
from bullbear.forecasting.bundle import read_bundle
from bullbear.forecasting.holdout import open_holdout
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.tracking.tried_runs import Try
from bullbear.workflows.promotion import promote_run


@pytest.fixture
def small(home: Home) -> Run:
    return Runs(home).find("small")


def record_forecasts(champion: Path, table: pd.DataFrame) -> None:
    """Give the champion another record."""
    (champion / "predictions.csv").write_text(Predictions(table).to_csv())


def test_a_run_is_promoted_through_the_gate_with_what_was_compared(home: Home) -> None:
    runs = Runs(home)
    home.champion.unlink()
    verdict = promote_run(home, runs, Runs(home).find("base"))
    assert read_bundle(home.champion).definition.name == "base"
    assert verdict.notes[0].endswith(
        "its probabilities are the base rate and need no evidence; its policy is not tested by the gate"
    )
    champion = Runs(home).find("base")
    assert champion.tags["verdict"].startswith("champion: base")
    assert json.loads((champion.artifacts / "verdict.json").read_text())["tried"] == verdict.tried
    before = home.champion.resolve()
    with pytest.raises(GateError, match=r"refused by the skill test: (Brier|log-loss) skill .* \(1 model tried\)"):
        promote_run(home, runs, Runs(home).find("small"))
    assert home.champion.resolve() == before
    refused = Runs(home).find("small")
    assert refused.tags["verdict"].startswith("refused: the skill test: ")
    assert "; refused: the skill test: " in (refused.artifacts / "comparison.html").read_text()


def test_a_run_does_not_replace_a_champion_that_it_was_not_compared_with(
    home: Home, small: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, base = Runs(home), Runs(home).find("base")
    home.champion.unlink()
    real = gate.judge

    def checked_while_another_is_promoted(*arguments: Any, **named: Any) -> gate.Verdict:
        runs.promote(small)
        return real(*arguments, **named)

    monkeypatch.setattr(gate, "judge", checked_while_another_is_promoted)
    with pytest.raises(RunError, match=r"champion: replaced meanwhile; .*run the command again"):
        promote_run(home, runs, base)
    assert read_bundle(home.champion).meta["run_id"] == small.run_id


def test_a_champion_that_earned_its_place_stands_against_the_base_rate(home: Home, small: Run) -> None:
    table = small.predictions.table
    record_forecasts(
        home.champion,
        table.assign(p=np.where(table["y"] == 1, 1.1, 0.9) * table["climatology"], p_low=np.nan, p_high=np.nan),
    )
    with pytest.raises(GateError, match=rf"champion test: Brier score 0\.\d+ worse than small {small.run_id[:8]}'s"):
        promote_run(home, Runs(home), Runs(home).find("base"))


def unknown_factor(place: Path) -> None:
    path = place / "bundle.json"
    path.write_text(path.read_text().replace('"function": "rsi"', '"function": "gone"'))


def unknown_learner(place: Path) -> None:
    path = place / "bundle.json"
    path.write_text(path.read_text().replace('"kind": "lightgbm"', '"kind": "gone"'))


def half_a_bundle(place: Path) -> None:
    path = place / "bundle.json"
    path.write_text(path.read_text()[:100])


def no_forecasts(place: Path) -> None:
    (place / "predictions.csv").unlink()


def another_calibration(place: Path) -> None:
    change_models(place, lambda state: state["calibrators"][0].pop("frequency_slope"))


def no_bundle(place: Path) -> None:
    (place / "bundle.json").unlink()


def real_data(place: Path) -> None:
    path = place / "bundle.json"
    path.write_text(path.read_text().replace('"simulated": true', '"simulated": false'))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (unknown_factor, r"the champion cannot be used and is not compared with: champion: got 'factor rsi_14 by gone"),
        (unknown_learner, r"the champion cannot be used and is not compared with: .*\(learner\.kind\): got 'gone'"),
        (
            half_a_bundle,
            r"the champion cannot be used and is not compared with: champion: got 'a damaged bundle\.json'",
        ),
        (no_forecasts, r"the champion cannot be used and is not compared with: .*predictions\.csv"),
        (
            another_calibration,
            r"the champion cannot be used and is not compared with: champion: got 'models/.*\.jsonl\.xz, dam",
        ),
        (no_bundle, r"the champion cannot be used and is not compared with: champion: none yet"),
        (real_data, r"the champion small [0-9a-f]{8} is of real data and is not compared with"),
    ],
)
def test_a_champion_that_cannot_be_used_never_prevents_its_replacement(
    home: Home, damage: Callable[[Path], None], told: str
) -> None:
    damage(home.champion.resolve())
    verdict = promote_run(home, Runs(home), Runs(home).find("base"))
    assert re.match(told, verdict.notes[0])
    assert read_bundle(home.champion).definition.name == "base"


def test_a_run_on_another_kind_of_data_than_the_store_holds_is_refused(home: Home) -> None:
    run = Runs(home).find("base")
    real = Run(run.run_id, run.model, {**run.tags, "data": "real"}, run.params, run.artifacts)
    with pytest.raises(
        GateError,
        match=r"data test: the run was trained on real data, the store holds a SIMULATED market; train",
    ):
        promote_run(home, Runs(home), real)


def test_a_verdict_is_logged_with_every_number_whatever_it_is(home: Home) -> None:
    runs = Runs(home)
    home.champion.unlink()
    with pytest.raises(GateError, match="refused by the skill test") as bad:
        promote_run(home, runs, runs.find("small"))
    refused = runs.find("small")
    assert refused.tags["verdict"].startswith("refused: the skill test: ")
    assert json.loads(refused.read_text("verdict.json")) == bad.value.verdict
    assert {check["test"] for check in bad.value.verdict["checks"]} >= {"evidence", "skill", "calibration", "tries"}
    verdict = promote_run(home, runs, runs.find("base"))
    champion = runs.find(runs.find("base").run_id)
    assert champion.tags["verdict"].startswith("champion: base ")
    assert json.loads(champion.read_text("verdict.json")) == verdict.as_dict()


def test_a_home_s_thresholds_decide(home: Home) -> None:
    (home.root / "models" / "promotion.toml").write_text("[evidence]\nleast = 10000\n")
    home.champion.unlink()
    with pytest.raises(GateError, match=r"refused by the evidence test: \d+ effective forecasts, 10000 are needed"):
        promote_run(home, Runs(home), Runs(home).find("small"))


@pytest.mark.parametrize("least", [2, 3])
def test_a_home_says_from_how_many_models_on_overfitting_is_tested(
    least: int, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home.root / "models" / "promotion.toml").write_text(f"[overfitting]\nleast_models = {least}\n")
    home.champion.unlink()
    run = Runs(home).find("small")
    table = run.of_target.table
    forecasts = table.set_index("decided_at")[["p", "y"]].assign(p=0.5).dropna()
    monkeypatch.setattr(Runs, "others_tried", lambda self, run: [Try("f" * 32, "other", forecasts)])
    with pytest.raises(GateError) as bad:
        promote_run(home, Runs(home), run)
    assert bad.value.verdict is not None
    (check,) = [each for each in bad.value.verdict["checks"] if each["test"] == "overfitting"]
    assert check["reason"].startswith("2 models to compare" if least > 2 else "the best of 2 models")


def test_the_verdict_says_whether_a_sealed_period_tested_the_run(home: Home, small: Run) -> None:
    (home.root / "models" / "holdout.toml").write_text('first = "2006-07-01"\nwhy = "The last word."\n')
    home.champion.unlink()

    def checked() -> dict[str, Any]:
        with pytest.raises(GateError) as refused:
            promote_run(home, Runs(home), small)
        assert refused.value.verdict is not None
        (found,) = [each for each in refused.value.verdict["checks"] if each["test"] == "hold-out"]
        return dict(found)

    before = checked()
    assert before["passed"] is None
    assert before["value"] is None
    assert before["reason"].startswith("trained before the days were sealed, and never opened: hold-out 2006-07-01 on")
    open_holdout(home, home.model("small"), "For a test.")
    after = checked()
    assert after["passed"] is (after["value"] >= 0.0)
    assert after["reason"].startswith("hold-out 2006-07-01 on, opened once: Brier skill inside ")


def test_while_a_period_is_sealed_no_test_of_the_gate_counts_what_resolved_inside(
    home: Home, small: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home.root / "models" / "holdout.toml").write_text('first = "2006-07-01"\nwhy = "The last word."\n')
    home.champion.unlink()
    promote_run(home, Runs(home), Runs(home).find("base"))
    through = pd.Timestamp("2006-07-01 04:00", tz="UTC")
    others = [Try("f" * 32, "other", small.of_target.table.set_index("decided_at")[["p", "y"]].dropna())]
    monkeypatch.setattr(Runs, "others_tried", lambda self, run: others)

    def verdict(good_inside: bool) -> dict[str, Any]:
        for place in (small.bundle.root, home.champion.resolve()):
            table = Predictions.from_csv((place / "predictions.csv").read_text()).table
            inside = table["resolved_at"] >= through
            p = table["climatology"].where(table["y"] == 1, 0.1) if good_inside else 1 - table["y"].fillna(0.5)
            record_forecasts(place, table.assign(p=table["p"].where(~inside, p), p_low=np.nan, p_high=np.nan))
        with pytest.raises(GateError) as refused:
            promote_run(home, Runs(home), Runs(home).find("small"))
        assert refused.value.verdict is not None
        return refused.value.verdict

    good, bad = verdict(True), verdict(False)
    assert good == bad
    assert any(each.startswith("judged on what was known before 2006-07-01: ") for each in good["notes"])
    (check,) = [each for each in good["checks"] if each["test"] == "hold-out"]
    assert check["passed"] is None
    open_holdout(home, home.model("small"), "For a test.")
    assert verdict(True)["checks"] != verdict(False)["checks"]
