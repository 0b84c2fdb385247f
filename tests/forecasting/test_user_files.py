"""A champion is bound to every file of its home that it runs: an edited or missing one is refused in one line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.conftest import Answer

from bullbear.home import Home, locate
from bullbear.tracking import Runs
from bullbear.workflows.new_files import New, write_new
from bullbear.workflows.training import train_model

FACTOR = '''from bullbear.factors import Array, Bars, factor


@factor(unit="ratio")
def day_range(bars: Bars) -> Array:
    """Range of the day over its close."""
    return (bars.high - bars.low) / bars.close
'''
FEATURES = """name = "own"
why = "A factor of my own."

[[factor]]
name = "day_range"
function = "day_range"
inputs = { bars = "$asset" }

[[factor]]
name = "rsi_14"
function = "rsi"
inputs = { bars = "$asset" }
params = { window = 14 }
"""
MODEL = """name = "own"
intent = "A factor, a learner and a policy of my own."
features = ["own"]

[learner]
kind = "vote"

[policy]
kind = "half"
"""
FILES = ("factors/own.py", "learners/vote.py", "policies/half.py")


@pytest.fixture
def own(home: Home) -> tuple[Home, str]:
    """A home whose champion runs a factor, a learner and a policy of the user, and the id of its run."""
    write_new(home, New.LEARNER, "vote")
    write_new(home, New.POLICY, "half", python=True)
    (home.root / "factors").mkdir()
    (home.root / FILES[0]).write_text(FACTOR)
    (home.root / "features" / "own.toml").write_text(FEATURES)
    (home.root / "models" / "own.toml").write_text(MODEL)
    place = locate(home.root)
    train_model(place, "own", jobs=1)
    runs = Runs(place)
    run = runs.find("latest")
    assert sorted(run.bundle.meta["user_code"]) == list(FILES)
    runs.promote(run)
    return place, run.run_id


def test_an_edited_or_missing_file_is_named(
    own: tuple[Home, str], bullbear: Callable[..., Answer], process: Callable[..., Answer]
) -> None:
    home, run = own
    (scored,) = bullbear("evaluate", "own", "--home", home.root, "--json").json
    assert sorted(scored["user_code"]) == list(FILES)
    (listed,) = bullbear("runs", "--model", "own", "--home", home.root, "--json").json
    assert [each.split()[0] for each in listed["user_code"].split(", ")] == list(FILES)
    assert all(len(each.split()[1]) == 8 for each in listed["user_code"].split(", "))

    def refused(name: str, state: str, *command: str, by: Callable[..., Answer] = bullbear) -> None:
        answer = by(*command, "--home", home.root)
        anew = "train and promote again: `bullbear train own && bullbear promote latest`"
        who = "champion" if command[0] == "forecast" else f"run {run[:8]}"
        assert (answer.code, answer.out) == (2, ""), answer.err
        said = answer.err.replace(f" --home {home.root}", "").splitlines()[-1]
        assert said.removeprefix("bullbear: ") == (
            f"{who}: got '{name}, {state}'; allowed: the file that the model was trained with; "
            f"restore it, or {anew if command[0] == 'forecast' else 'train the model again'}"
        )

    for name in FILES:
        path = home.root / name
        text = path.read_text()
        path.unlink()
        refused(name, "gone", "forecast")
        path.write_text(text)
    path.write_text(text + "# edited\n")
    refused(name, "changed since the training", "forecast", by=process)
    (home.root / "learners" / "vote.py").unlink()
    path.write_text(text)
    refused("learners/vote.py", "gone", "promote", run)
    assert bullbear("evaluate", run, "--home", home.root).code == 0  # its forecasts are made
