"""From stored rows to a tracked run, and its promotion through the gate."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.errors import DefinitionError, GateError, InputError, RunError
from bullbear.evaluate import compare
from bullbear.forecasting import gate
from bullbear.forecasting.bundle import read_bundle
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.workflows.backtesting import backtest_run
from bullbear.workflows.comparison import compare_runs, evaluate_run, oracle_share
from bullbear.workflows.promotion import promote_run
from bullbear.workflows.training import train_model


@pytest.fixture
def small(home: Home) -> Run:
    return by_model(home, "small")


def by_model(home: Home, name: str) -> Run:
    runs = Runs(home)
    return next(runs.find(run.info.run_id) for run in runs._finished() if run.data.tags["model"] == name)


def record_forecasts(champion: Path, table: pd.DataFrame) -> None:
    """Give the champion another record."""
    (champion / "predictions.csv").write_text(Predictions(table).to_csv())


def test_the_same_definition_data_and_seed_give_the_same_bytes_on_one_and_two_processes(home: Home, small: Run) -> None:
    again = train_model(home, "small", jobs=2)
    assert again.run_id != small.run_id
    run = Runs(home).find("latest")
    assert run.run_id == again.run_id
    assert run.read_text("predictions.csv").encode() == small.read_text("predictions.csv").encode()
    for name in ("definition_hash", "data_fingerprint"):
        assert run.tags[name] == small.tags[name]


def test_start_and_end_bound_what_is_reported(home: Home) -> None:
    trained = train_model(home, "base", start="2004-02-02", end="2005-12-30")
    days = trained.training.predictions.table["decided_at"]
    assert (str(days.iloc[0].date()), str(days.iloc[-1].date())) == ("2004-02-02", "2005-12-30")
    with pytest.raises(GateError, match=r"refused by the evidence test: \d+ effective forecasts, 36 are needed"):
        promote_run(home, Runs(home), Runs(home).find(trained.run_id))


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("2007-01-01", "2006-01-01", "--start: got '2007-01-01'; allowed: a day up to --end, 2006-01-01; exchange"),
        ("2031-01-01", None, "--start: got '2031-01-01'; allowed: days up to 2007-11-29: labels of IWM are known"),
        ("2007-12-10", None, "--start: got '2007-12-10'; allowed: days up to 2007-11-29"),
        (
            None,
            "2002-12-31",
            "--end: got '2002-12-31'; allowed: days from 2003-01-01, splitter.first of models/base.toml",
        ),
        ("1990-01-01", "1999-12-31", "--end: got '1999-12-31'; allowed: days from 2000-01-03, the first bar of IWM"),
        ("2007-09-15", "2007-09-16", "--start: got '2007-09-15'; allowed: a day up to --end with a session of IWM"),
        ("2000-06-01", "2000-07-01", "at least 252 resolved labels before a forecast in 2000-06-01 or later"),
    ],
)
def test_a_span_without_forecasts_is_refused_before_training_and_leaves_no_run(
    home: Home, start: str | None, end: str | None, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fitted(*arguments: object) -> None:
        pytest.fail("a fold was fitted")

    monkeypatch.setattr("bullbear.learn.walk_forward.fit_fold", fitted)
    before = len(Runs(home)._finished())
    with pytest.raises(InputError, match=re.escape(message)):
        train_model(home, "base", start=start, end=end)
    assert len(Runs(home)._finished()) == before


def test_what_lightgbm_refuses_is_a_mistake_in_the_learner_table(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object) -> None:
        raise lightgbm.basic.LightGBMError("Check failed: (x) > (0) at here.cpp, line 3 .\n")

    monkeypatch.setattr("lightgbm.train", refused)
    message = (
        r"models/small.toml:6 \(learner\): got .*'lightgbm'.*allowed: parameters that the learner takes \(Check failed"
    )
    with pytest.raises(DefinitionError, match=message):
        train_model(home, "small")


def test_what_interrupted_trainings_left_goes_when_the_model_is_logged(home: Home) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if stage == "folds" and done == 1:
            raise KeyboardInterrupt

    kept = home.unfinished("base")
    with pytest.raises(KeyboardInterrupt):
        train_model(home, "base", progress=stop)
    assert len(list(kept.glob("*/*.result"))) == 1
    killed = kept / ("0" * 40)  # on other data
    killed.mkdir()
    (killed / "1.result").touch()
    train_model(home, "base")
    assert [path.name for path in kept.iterdir()] == [".lock"]


def test_an_empty_store_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing stored"):
        train_model(Home(tmp_path / "home"), "climatology")
    assert not (tmp_path / "home").exists()


def test_a_run_read_back_scores_as_it_was_logged(small: Run) -> None:
    assert json.loads(json.dumps(evaluate_run(small).as_dict())) == small.evaluation


def test_a_backtest_of_a_run_repeats_the_logged_one(home: Home, small: Run) -> None:
    logged = json.loads(small.read_text("backtest.json"))
    policy = next(row for row in logged["accounts"] if row["account"] == "policy")
    equity = backtest_run(home, small).equity
    assert policy["total_return"] == pytest.approx(equity.iloc[-1] / equity.iloc[0] - 1, rel=1e-12)


def test_the_oracle_is_asked_only_on_a_simulated_market(home: Home, small: Run) -> None:
    share = oracle_share(home, small)
    assert share is not None
    assert share.oracle_bss > 0
    assert oracle_share(home, Run(small.run_id, small.model, {"data": "real"}, {}, small.artifacts)) is None


def test_another_ticker_has_no_share_of_the_oracle(home: Home, small: Run) -> None:
    path = small.artifacts / "bundle" / "bundle.json"
    meta = json.loads(path.read_text())
    meta["definition"]["target"]["ticker"] = "SPY"
    path.write_text(json.dumps(meta))
    assert oracle_share(home, by_model(home, "small")) is None


def test_runs_are_compared_on_the_newest_outcomes_of_each_day(home: Home, small: Run) -> None:
    base = by_model(home, "base")
    table = base.predictions.table
    resolved = table.index[table["y"].notna()]
    # As if `base` had been trained before a bar was corrected, a year earlier than `small`.
    early = table.copy()
    early.loc[resolved[100], "y"] = 1 - early.loc[resolved[100], "y"]
    early.loc[resolved[-250:], "y"] = np.nan
    record_forecasts(base.bundle.root, early)
    runs = Runs(home)
    (pair,) = compare_runs([runs.find(base.run_id), runs.find(small.run_id)])
    (wanted,) = compare({"base": Predictions(table), "small": small.predictions})
    assert (pair.n, pair.gain, pair.brier_first) == (wanted.n, wanted.gain, wanted.brier_first)


def test_runs_over_different_horizons_are_not_compared(home: Home, small: Run, bullbear: Callable[..., Any]) -> None:
    (home.root / "models" / "week.toml").write_text(
        (home.root / "models" / "base.toml").read_text().replace('"base"', '"week"') + "[target]\nhorizon = 5\n"
    )
    week = train_model(home, "week").run_id
    done = bullbear("compare", week, small.run_id, "--home", home.root)
    assert done.code == 2
    assert done.mistake.startswith(f"bullbear: RUN RUN ...: got 'week {week[:8]}: IWM up over 5 sessions, small ")


def test_a_run_is_promoted_through_the_gate_with_what_was_compared(home: Home) -> None:
    runs = Runs(home)
    home.champion.unlink()
    verdict = promote_run(home, runs, by_model(home, "base"))
    assert read_bundle(home.champion).definition.name == "base"
    assert verdict.notes[0].endswith(
        "its probabilities are the base rate and need no evidence; its policy is not tested by the gate"
    )
    before = home.champion.resolve()
    with pytest.raises(GateError, match=r"refused by the skill test: (Brier|log-loss) skill .* \(1 model tried\)"):
        promote_run(home, runs, by_model(home, "small"))
    assert home.champion.resolve() == before


def test_a_run_does_not_replace_a_champion_that_it_was_not_compared_with(
    home: Home, small: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, base = Runs(home), by_model(home, "base")
    home.champion.unlink()
    real = gate.check

    def checked_while_another_is_promoted(*arguments: Any, **named: Any) -> gate.Verdict:
        runs.promote(small)
        return real(*arguments, **named)

    monkeypatch.setattr(gate, "check", checked_while_another_is_promoted)
    with pytest.raises(RunError, match=r"champion: got 'replaced during the comparison'; .*run the command again"):
        promote_run(home, runs, base)
    assert read_bundle(home.champion).meta["run_id"] == small.run_id


def test_a_champion_that_earned_its_place_stands_against_the_base_rate(home: Home, small: Run) -> None:
    table = small.predictions.table
    record_forecasts(
        home.champion,
        table.assign(p=np.where(table["y"] == 1, 1.1, 0.9) * table["climatology"], p_low=np.nan, p_high=np.nan),
    )
    with pytest.raises(GateError, match=rf"champion test: Brier score 0\.\d+ worse than small {small.run_id[:8]}'s"):
        promote_run(home, Runs(home), by_model(home, "base"))


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
    for path in (place / "models").iterdir():
        path.write_text(path.read_text().replace('"frequency_slope"', '"inflation"'))


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
            r"the champion cannot be used and is not compared with: champion: got 'models/.*\.json, dam",
        ),
        (no_bundle, r"the champion cannot be used and is not compared with: champion: none yet"),
        (real_data, r"the champion small [0-9a-f]{8} is of real data and is not compared with"),
    ],
)
def test_a_champion_that_cannot_be_used_never_prevents_its_replacement(
    home: Home, damage: Callable[[Path], None], told: str
) -> None:
    damage(home.champion.resolve())
    verdict = promote_run(home, Runs(home), by_model(home, "base"))
    assert re.match(told, verdict.notes[0])
    assert read_bundle(home.champion).definition.name == "base"


def test_a_run_on_another_kind_of_data_than_the_store_holds_is_refused(home: Home) -> None:
    run = by_model(home, "base")
    real = Run(run.run_id, run.model, {**run.tags, "data": "real"}, run.params, run.artifacts)
    with pytest.raises(
        GateError,
        match=r"data test: the run was trained on real data, the store holds a SIMULATED market; train",
    ):
        promote_run(home, Runs(home), real)
