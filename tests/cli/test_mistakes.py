"""Whatever a user gets wrong: one line on stderr, nothing on stdout, the right exit code, and nothing changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.tracking.mlflow_store import connect, experiment_id

Run = Callable[..., Any]
State = Callable[[Path], dict[str, tuple[int, int]]]

USAGE = [
    (["nope"], "bullbear: No such command 'nope'"),
    (["train"], "bullbear train: Missing argument 'MODEL'; see `bullbear train --help`"),
    (["train", "small", "--nope"], "bullbear train: No such option: --nope"),
    (["train", "small", "--jobs", "0"], "bullbear train: Invalid value for '--jobs'"),
    (["train", "small", "--jobs", "many"], "bullbear train: Invalid value for '--jobs'"),
    (["simulate", "--seed", "-1"], "bullbear simulate: Invalid value for '--seed'"),
    (["simulate", "--signal", "1.1"], "bullbear simulate: Invalid value for '--signal'"),
    (["simulate", "--signal", "nan"], "bullbear simulate: Invalid value for '--signal'"),
    (["simulate", "--years", "2"], "bullbear simulate: Invalid value for '--years'"),
    (["run", "--years", "5"], "bullbear run: Invalid value for '--years'"),
    (["forecast", "--as-of"], "bullbear: Option '--as-of' requires an argument"),
    (["evaluate", "latest", "champion"], "bullbear evaluate: Got unexpected extra argument"),
    (["compare"], "bullbear compare: Missing argument"),
    (["ui", "--port", "0"], "bullbear ui: Invalid value for '--port'"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), USAGE, ids=lambda value: " ".join(value) if list is type(value) else ""
)
def test_bad_usage(bullbear: Run, arguments: list[str], message: str) -> None:
    answer = bullbear(*arguments)
    assert answer.code == 2
    assert answer.mistake.startswith(message)
    assert "--help`" in answer.mistake


FILLED = [
    (["train", "nope"], "models/nope.toml: no such file; allowed: "),
    (["train", "../small"], "models/../small.toml"),
    (["train", "small", "--start", "someday"], "--start: got 'someday'; allowed: a day as YYYY-MM-DD"),
    (["train", "small", "--json", "--end", "2007-02-30"], "got '2007-02-30'"),
    (["train", "small", "--json", "--start", "2031-01-01"], "--start: got '2031-01-01'; allowed: days up to 2007-"),
    (
        ["train", "small", "--json", "--start", "2007-01-01", "--end", "2006-01-01"],
        "allowed: a day up to --end, 2006-01-01",
    ),
    (["train", "small", "--json", "--end", "2002-12-31"], "--end: got '2002-12-31'; allowed: days from 2003-01-01"),
    (
        ["train", "small", "--json", "--start", "1990-01-01", "--end", "1999-12-31"],
        "--end: got '1999-12-31'; allowed: ",
    ),
    (["train", "small", "--json", "--start", "2007-12-20"], "--start: got '2007-12-20'; allowed: days up to 2007-11-"),
    (["train", "small", "--json", "--start", "2007-09-15", "--end", "2007-09-16"], "with a session of IWM between"),
    (["odds", "--as-of", "2006-06-01", "--since", "2007-01-03"], "--since: got '2007-01-03'; allowed: days up to 2006"),
    (["odds", "--as-of", "2031-01-02"], "--as-of: got '2031-01-02'"),
    (["factors", "--levels", "--as-of", "2031-01-02"], "--as-of: got '2031-01-02'"),
    (["factors", "--levels", "--as-of", "1990-01-02"], "--as-of: got '1990-01-02'"),
    (["train", "Small"], "models/Small.toml: no such file; allowed: "),
    (["evaluate", "nope"], "run: got 'nope'; allowed: latest, champion, or one of"),
    (["evaluate", ""], "run: got ''"),
    (["compare", "latest", "nope"], "run: got 'nope'"),
    (["predictions", "nope"], "run: got 'nope'"),
    (["promote", "nope"], "run: got 'nope'"),
    (["backtest", "nope"], "run: got 'nope'"),
    (
        ["backtest", "latest", "--sweep", "no.toml"],
        "no.toml: got 'No such file or directory'; allowed: a readable TOML file",
    ),
    (["backtest", "latest", "--sweep", "no.toml", "--attribution"], "--attribution: given with --sweep; allowed: one"),
    (["backtest", "latest", "--equity", "."], "--equity: got '. (a folder)'; allowed: the name of a file"),
    (["backtest", "latest", "--equity", "no/curves.csv"], "--equity: got 'no/curves.csv'; allowed: a file in a folder"),
    (["odds", "--since", "now"], "--since: got 'now'; allowed: a day as YYYY-MM-DD"),
    (["forecast", "--as-of", "someday"], "--as-of: got 'someday'; allowed: a day as YYYY-MM-DD"),
    (["forecast", "--as-of", "12/31/2007"], "got '12/31/2007'; allowed: a day as YYYY-MM-DD"),
    (["forecast", "--as-of", "2001-06-01"], "--as-of: got '2001-06-01'"),
    (["forecast", "--as-of", "2020-06-01"], "--as-of: got '2020-06-01'"),
    (["run", "--json", "--data", "nowhere"], "--data: got 'nowhere'; allowed: `sim`"),
    (["ingest", "nowhere"], "snapshot: got 'nowhere'; allowed: a directory"),
    (["simulate", "--seed", "8", "--years", "3"], "allowed: an empty store"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), FILLED, ids=lambda value: " ".join(value) if list is type(value) else ""
)
def test_bad_input(
    bullbear: Run, state: State, trained_home: Home, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # `forecast` would keep scikit-learn out of the whole process; the other commands of this one need it.
    monkeypatch.setattr("bullbear.learn.learners.lightgbm.import_without_sklearn", lambda: None)
    before = state(trained_home.root)
    answer = bullbear(*arguments, "--home", trained_home.root)
    assert answer.code == 2
    assert answer.mistake.startswith("bullbear: ")
    assert message in answer.mistake
    assert state(trained_home.root) == before


EMPTY = [
    (["status"], "nothing stored"),
    (["train", "climatology"], "run `bullbear simulate` or `bullbear ingest DIR` first"),
    (["evaluate", "latest"], "run `bullbear train MODEL` first"),
    (["evaluate", "champion"], "bullbear promote latest"),
    (["compare", "latest", "abc"], "run `bullbear train MODEL` first"),
    (["predictions", "latest"], "run `bullbear train MODEL` first"),
    (["promote", "latest"], "run `bullbear train MODEL` first"),
    (["backtest", "latest"], "run `bullbear train MODEL` first"),
    (["forecast"], "nothing stored"),
    (["score"], "nothing stored"),
    (["report"], "bullbear promote latest"),
    (["ingest", "nowhere"], "snapshot: got 'nowhere'"),
    (["ui", "--no-open"], "no runs yet"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), EMPTY, ids=lambda value: " ".join(value) if list is type(value) else ""
)
def test_an_empty_home(
    bullbear: Run, tmp_path: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bullbear.learn.learners.lightgbm.import_without_sklearn", lambda: None)
    (tmp_path / "home").mkdir()
    answer = bullbear(*arguments, "--home", tmp_path / "home")
    assert answer.code == 2
    assert message in answer.mistake.replace(f" --home {tmp_path / 'home'}", "")
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.parametrize("command", [["status"], ["simulate"], ["forecast"], ["train", "climatology"], ["ui"]])
def test_a_home_that_does_not_exist(bullbear: Run, tmp_path: Path, command: list[str]) -> None:
    answer = bullbear(*command, "--home", tmp_path / "nowhere" / "home")
    assert answer.code == 2
    assert "nowhere/home'; allowed: a folder that exists; check the path" in answer.mistake
    assert list(tmp_path.iterdir()) == []


def test_a_file_as_home(bullbear: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for command in (["status"], ["simulate"], ["run"], ["ui"], ["train", "climatology"]):
        answer = bullbear(*command, "--home", tmp_path / "file")
        assert answer.code == 2
        assert "--home: got" in answer.mistake
    assert (tmp_path / "file").read_text() == "mine"


def test_an_ambiguous_run(bullbear: Run, home: Home) -> None:
    client = connect(home.runs)
    for _ in range(17):
        client.set_terminated(client.create_run(experiment_id(client)).info.run_id)
    ids = [run.run_id for run in Runs(home)._finished()]
    digit = next(each for each in "0123456789abcdef" if sum(run_id.startswith(each) for run_id in ids) > 1)
    answer = bullbear("evaluate", digit, "--home", home.root)
    assert answer.code == 2
    assert "runs start with it" in answer.mistake


def test_a_bad_key_in_a_model(bullbear: Run, state: State, home: Home) -> None:
    path = home.root / "models" / "small.toml"
    path.write_text(path.read_text().replace("bags = 2", "bag = 2"))
    before = state(home.root)
    answer = bullbear("train", "small", "--home", home.root)
    assert answer.code == 2
    assert answer.mistake.startswith("bullbear: models/small.toml:8 (learner.bag): got 'bag'; allowed: one of ")
    assert state(home.root) == before


def snapshot(folder: Path) -> Path:
    (folder / "prices").mkdir(parents=True)
    header = "date,open,high,low,close,adj_close,volume\n"
    (folder / "prices" / "IWM.csv").write_text(header + "2019-12-31,165,166,164,166,166,90\n")
    (folder / "prices" / "SPY.csv").write_text(
        header + "2019-12-30,321,322,320,321,321,9\n2019-12-31,321,x,320,322,322,9\n"
    )
    return folder


def test_a_refused_file_is_named_and_the_others_load(bullbear: Run, tmp_path: Path) -> None:
    directory, place = snapshot(tmp_path / "snapshot"), tmp_path / "home"
    answer = bullbear("ingest", directory, "--home", place, "--create")
    assert answer.code == 2
    (line,) = answer.err.splitlines()
    assert line.startswith("bullbear: refused prices/SPY.csv:3")
    assert "'x'" in line
    view = Home(place).store().as_of()
    assert view.has("bars", "IWM")
    assert not view.has("bars", "SPY")
    again = bullbear("ingest", directory, "--home", place, "--json")
    assert again.code == 2
    assert again.json["rows_added"] == 0
    assert len(again.json["refused"]) == 1


def test_real_data_do_not_go_into_a_simulated_store(
    bullbear: Run, state: State, trained_home: Home, tmp_path: Path
) -> None:
    before = state(trained_home.root)
    answer = bullbear("ingest", snapshot(tmp_path / "snapshot"), "--home", trained_home.root)
    assert answer.code == 2
    assert "a store without simulated rows" in answer.mistake
    assert state(trained_home.root) == before


def test_a_tampered_ledger(bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bullbear.learn.learners.lightgbm.import_without_sklearn", lambda: None)
    path = home.forecasts / "ledger.jsonl"
    path.write_text(path.read_text().replace('"p_up":0.', '"p_up":0.9', 1))
    before = path.read_bytes()
    for command in ("score", "forecast"):
        answer = bullbear(command, "--home", home.root)
        assert answer.code == 2
        assert answer.mistake.startswith("bullbear: ledger.jsonl:1: ")
    assert path.read_bytes() == before


def test_refused_by_the_gate(bullbear: Run, state: State, home: Home) -> None:
    def kept() -> dict[str, tuple[int, int]]:
        """All but the tracking store, in which the verdict is logged."""
        return {name: each for name, each in state(home.root).items() if not name.startswith("mlruns/")}

    short = bullbear("train", "base", "--start", "2006-06-01", "--home", home.root, "--json").json
    before = kept()
    answer = bullbear("promote", "latest", "--home", home.root, "--json")
    assert answer.code == 3
    (line,) = answer.err.splitlines()
    assert line.startswith("bullbear: refused by the evidence test: ")
    assert answer.json["verdict"].startswith("refused: the evidence test: ")
    assert bullbear("promote", "latest", "--home", home.root).mistake == line
    assert kept() == before
    champion = json.loads((home.champion / "bundle.json").read_text())["run_id"]
    assert champion != short["run_id"]


def test_in_a_process_of_its_own_there_is_no_traceback_either(process: Run, trained_home: Home) -> None:
    answer = process("train", "nope", "--home", trained_home.root)
    assert answer.code == 2
    assert answer.mistake.startswith("bullbear: models/nope.toml")
    usage = process("train", "--nope")
    assert usage.code == 2
    assert usage.mistake.startswith("bullbear train: No such option: --nope")
