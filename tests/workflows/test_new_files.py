"""`bullbear new`: what it writes works at once, nothing is overwritten, and a name that is taken is refused."""

from __future__ import annotations

import errno
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bullbear.files import write_whole
from bullbear.home import Home, locate
from bullbear.user_code import load
from bullbear.workflows import new_files
from bullbear.workflows.new_files import New, write_new

Run = Callable[..., Any]

KINDS = [
    ("factor mine", ["factors/mine.py", "features/mine.toml"]),
    ("features mine", ["features/mine.toml"]),
    ("model mine", ["models/mine.toml"]),
    ("learner mine", ["learners/mine.py", "models/mine.toml"]),
    ("question mine", ["models/questions.toml", "models/mine.toml"]),
    ("event mine", ["features/odds.toml"]),
    ("policy mine", ["models/policies/mine.toml"]),
    ("policy mine --python", ["policies/mine.py", "models/policies/mine.toml"]),
    ("pair GLD", ["models/instruments.toml", "models/pairs.toml"]),
    ("instrument XYZ", ["models/instruments.toml"]),
    ("instrument XYZ --python", ["instruments/xyz.py", "models/instruments.toml"]),
]
MODELS = {New.MODEL, New.LEARNER, New.QUESTION}


@pytest.mark.parametrize(("asked", "files"), KINDS, ids=[asked for asked, _ in KINDS])
def test_what_is_written_works_at_once(bullbear: Run, home: Home, asked: str, files: list[str]) -> None:
    answer = bullbear("new", *asked.split(), "--home", home.root, "--json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.json["files"] == files
    kind, name = answer.json["kind"], answer.json["name"]
    if kind in MODELS:
        # Trained in one test below; here what reading it checks, which is all but the fit.
        assert locate(home.root).model(name).definition.name == name
    if kind == New.PAIR:
        model = locate(home.root, "GLD").model("base")
        assert model.definition.ticker == "GLD"
        return
    command = next((each for each in answer.json["commands"] if not each.startswith("bullbear train")), None)
    if command is None or command.startswith(("bullbear evaluate", "bullbear promote")):
        return
    done = bullbear(*shlex.split(command)[1:])
    assert done.code == 0, done.err
    assert name in done.out or "policy" in done.out


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        (New.QUESTION, "rally3", "A close 10 % or more below today's within the quarter.\" Edit models/questions.toml"),
        (New.EVENT, "golden_rsi", 'RSI(2) fell below 10." Edit features/odds.toml'),
        (New.PAIR, "ZZZ", "The store has no bars of ZZZ: the commands work once `bullbear fetch`"),
    ],
)
def test_it_says_what_is_asked_and_what_is_missing(tmp_path: Path, kind: New, name: str, said: str) -> None:
    assert said in write_new(Home(tmp_path), kind, name).hint


def test_a_learner_and_its_model_train(bullbear: Run, home: Home) -> None:
    assert bullbear("new", "learner", "mine", "--home", home.root).code == 0
    trained = bullbear("train", "mine", "--start", "2007-03-01", "--home", home.root, "--json")
    assert trained.code == 0, trained.err
    assert trained.json["model"] == "mine"


def test_it_says_what_to_type_next(bullbear: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = bullbear("new", "event", "dive")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[:4] == [
        "wrote features/odds.toml",
        "next:",
        "  bullbear odds --event dive",
        "  bullbear odds --event dive --chart",
    ]
    again = bullbear("new", "event", "jump", "--home", tmp_path)
    assert again.out.splitlines()[0] == "added to features/odds.toml"
    assert f"  bullbear odds --event jump --home {tmp_path}" in again.out.splitlines()
    events = tomllib.loads((tmp_path / "features" / "odds.toml").read_text())["event"]
    assert [each["name"] for each in events] == ["dive", "jump"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("nothing mine", "KIND: got 'nothing'; allowed: factor, features, model"),
        ("factor Mine", "NAME: got 'Mine'; allowed: small letters"),
        ("factor lambda", "NAME: got 'lambda'; allowed: a name without a meaning"),
        ("factor rsi", "NAME: got 'rsi'; allowed: a name that no other factor has"),
        ("factor rsi_14", "NAME: got 'rsi_14'; allowed: a name that no other factor has"),
        ("features technical", "NAME: got 'technical'; allowed: a name that no other feature set has"),
        ("model lightgbm", "NAME: got 'lightgbm'; allowed: a name that no other model has"),
        ("model questions", "NAME: got 'questions'; allowed: a name without a meaning"),
        ("learner logistic", "NAME: got 'logistic'; allowed: a name that no other learner has"),
        ("question dip8", "NAME: got 'dip8'; allowed: a name that no other question has"),
        ("event rsi_leaves_oversold", "allowed: a name that no other event has"),
        ("policy band", "NAME: got 'band'; allowed: a name that no other policy has"),
        ("policy hold_cash --python", "NAME: got 'hold_cash'; allowed: a name that no other kind of policy has"),
        ("pair SPY", "NAME: got 'SPY'; allowed: a name that no other pair has"),
        ("pair IWM", "NAME: got 'IWM'; allowed: a name that no other pair has"),
        ("pair gld", "NAME: got 'gld'; allowed: a ticker in capital letters"),
        ("instrument CASH", "NAME: got 'CASH'; allowed: a name that no other instrument has"),
        ("model mine --python", "--python: got 'model'; allowed: factor, learner, policy or instrument"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_written(
    bullbear: Run, tmp_path: Path, arguments: str, said: str
) -> None:
    answer = bullbear("new", *arguments.split(), "--home", tmp_path)
    assert answer.code == 2
    assert said in answer.mistake
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(bullbear: Run, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "mine.py").write_text("# mine\n")
    refused = bullbear("new", "policy", "mine", "--python", "--home", tmp_path)
    assert refused.code == 2
    assert "policies/mine.py exists" in refused.mistake
    (tmp_path / "models").mkdir()
    pairs = tmp_path / "models" / "instruments.toml"
    pairs.write_text("instrument = []\n")
    broken = bullbear("new", "instrument", "XYZ", "--home", tmp_path)
    assert broken.code == 2
    assert "models/instruments.toml" in broken.mistake
    assert pairs.read_text() == "instrument = []\n"
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["instruments.toml", "mine.py"]


@pytest.mark.parametrize("asked", ["instrument 3X", "instrument NONE", "learner true", "policy none"])
def test_any_name_makes_a_python_file_that_can_be_read(tmp_path: Path, asked: str) -> None:
    kind, name = asked.split()
    written = write_new(Home(tmp_path), New(kind), name, python=kind != "learner")
    for each in written.files:
        if each.endswith(".py"):
            load(tmp_path / each)


def test_all_files_are_written_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instruments = tmp_path / "models" / "instruments.toml"
    home = Home(tmp_path)
    write_new(home, New.INSTRUMENT, "XYZ")
    before = instruments.read_bytes()

    def full(path: Path, content: str | bytes) -> None:
        if path.name == "pairs.toml":
            raise OSError(errno.ENOSPC, "no space", str(path))
        write_whole(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(new_files, "write_whole", full)
        with pytest.raises(OSError, match="no space"):
            write_new(home, New.PAIR, "GLD")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [instruments]
    assert instruments.read_bytes() == before
    assert write_new(home, New.PAIR, "GLD").name == "GLD"


def test_a_linked_file_stays_a_link(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    write_new(home, New.INSTRUMENT, "XYZ")
    link = home.root / "models" / "instruments.toml"
    kept = link.rename(tmp_path / "kept.toml")
    link.symlink_to(kept)
    write_new(home, New.INSTRUMENT, "ABC")
    assert link.is_symlink()
    assert [each["ticker"] for each in tomllib.loads(kept.read_text())["instrument"]] == ["XYZ", "ABC"]
