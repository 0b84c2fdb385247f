"""From stored rows to a tracked run, and the gate that a run must pass."""

from __future__ import annotations

import json
import re
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest

from bullbear.bundle import predictions_csv
from bullbear.errors import DefinitionError, GateError, InputError
from bullbear.home import Home
from bullbear.pipeline import backtest_run, check_gate, evaluate_run, oracle_share, plain, train_model
from bullbear.tracking import Run, Runs


@pytest.fixture
def small(home: Home) -> Run:
    return Runs(home).find("champion")


def changed(run: Run, folder: Path, **columns: object) -> Run:
    """A run like `run` with other forecasts."""
    (folder / "bundle").mkdir(parents=True)
    (folder / "bundle" / "bundle.json").write_text((run.artifacts / "bundle" / "bundle.json").read_text())
    table = run.predictions
    (folder / "predictions.csv").write_text(predictions_csv(table.assign(**columns)))
    return Run("f" * 32, "other", run.tags, run.params, folder)


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
    days = trained.training.predictions["decided_at"]
    assert (str(days.iloc[0].date()), str(days.iloc[-1].date())) == ("2004-02-02", "2005-12-30")
    with pytest.raises(GateError, match=r"refused by the evidence test: \d+ effective forecasts, 36 are needed"):
        check_gate(Runs(home).find(trained.run_id), None)


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

    monkeypatch.setattr("bullbear.learn.walk_forward._fit_all", fitted)
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


def test_the_gate_passes_climatology_itself(small: Run, tmp_path: Path) -> None:
    base = small.predictions["climatology"]
    check_gate(changed(small, tmp_path / "base", p=base, p_low=base, p_high=base), None)


def test_the_gate_refuses_harm(small: Run, tmp_path: Path) -> None:
    worse = 0.9 * small.predictions["climatology"]  # there were more ups than before, not fewer
    with pytest.raises(GateError, match=r"no-harm test: Brier skill -0\.\d+ is below climatology's 0"):
        check_gate(changed(small, tmp_path / "worse", p=worse), None)


def test_the_gate_refuses_a_loss_against_the_champion_on_common_days(small: Run, tmp_path: Path) -> None:
    table = small.predictions
    good = np.where(table["y"] == 1, 1.05, 0.95) * table["climatology"]
    better = np.where(table["y"] == 1, 1.1, 0.9) * table["climatology"]
    good_run, better_run = changed(small, tmp_path / "good", p=good), changed(small, tmp_path / "better", p=better)
    object.__setattr__(better_run, "run_id", "e" * 32)
    check_gate(better_run, good_run)
    with pytest.raises(GateError, match=r"champion test: Brier score 0\.\d+ worse than other's on 1237 common days"):
        check_gate(good_run, better_run)


def test_plain_makes_json_of_what_pandas_and_numpy_hold() -> None:
    found = plain(
        {1: [np.float64(0.5), np.int64(3), np.bool_(True)], "t": pd.Timestamp("2019-12-31"), "n": float("nan")}
    )
    assert found == {"1": [0.5, 3, True], "t": "2019-12-31T00:00:00", "n": None}
    assert json.dumps(found, allow_nan=False)
    assert plain({"a": np.float64("nan"), "b": pd.NaT, "c": pd.NA, "d": float("inf")}) == dict.fromkeys("abcd")
