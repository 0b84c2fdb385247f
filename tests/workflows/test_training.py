"""`train_model`: from stored rows to a tracked run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import pytest

from bullbear.errors import DefinitionError, GateError, InputError
from bullbear.execution import Cluster
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.workflows.promotion import promote_run
from bullbear.workflows.training import train_model


@pytest.fixture
def small(home: Home) -> Run:
    return Runs(home).find("small")


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
    days = trained.first.training.predictions.table["decided_at"]
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

    monkeypatch.setattr("bullbear.learn.walk_forward.fit_step", fitted)
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


def test_a_cluster_that_is_not_there_is_refused_even_where_nothing_would_be_sent(
    home: Home, bullbear: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("bullbear.learn.walk_forward.Cluster", lambda address: Cluster(address, timeout=0.5))
    done = bullbear("train", "base", "--again", "--home", home.root, "--cluster", "tcp://127.0.0.1:9")
    assert done.code == 2
    assert "--cluster tcp://127.0.0.1:9: no Dask scheduler with a worker answered" in done.err
