"""`[search]` is checked when the file is loaded, with file and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bullbear.definitions.search import Values
from bullbear.errors import DefinitionError
from bullbear.home import Home
from bullbear.learn.search.space import space_of

HEAD = """name = "mine"
intent = "A model for a test."
features = ["tiny"]
"""
LEARNER = """[learner]
kind = "lightgbm"
num_leaves = 4
"""
MEMBERS = """[[member]]
name = "line"
[member.learner]
kind = "logistic"
[[member]]
name = "trees"
[member.learner]
kind = "lightgbm"
"""
TINY = """name = "tiny"
why = "A factor for a test."
[[factor]]
name = "vix"
function = "last_known"
inputs = { level = "VIXCLS" }
"""


def write(root: Path, search: str, learner: str = LEARNER) -> Home:
    for name, text in (("models/mine", HEAD + learner + search), ("features/tiny", TINY)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.toml").write_text(text)
    return Home(root)


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ("[search]\n", "models/mine.toml:7 (search.space): missing"),
        ("[search]\ntrials = 0\n", "models/mine.toml:8 (search.trials): got 0; allowed: a number from 1 on"),
        ('[search]\nevery = "week"\n', "models/mine.toml:8 (search.every): got 'week'; allowed: 'month', 'quarter' or"),
        ("[search]\nspace = {}\n", "models/mine.toml:8 (search.space)"),
        (
            '[search.space]\n"learner.leaves" = { low = 2, high = 8 }\n',
            "models/mine.toml:8 (search.space.learner.leaves): got 'learner.leaves'; allowed: learner.bags, "
            "learner.num_iterations, learner.learning_rate, learner.num_leaves",
        ),
        (
            '[search.space]\n"learner.num_leaves" = { low = 8, high = 2 }\n',
            "models/mine.toml:8 (search.space.learner.num_leaves): got {'low': 8, 'high': 2}; allowed: low below",
        ),
        (
            '[search.space]\n"learner.lambda_l2" = { low = 0, high = 20, log = true }\n',
            "models/mine.toml:8 (search.space.learner.lambda_l2)",
        ),
        (
            '[search.space]\n"learner.bags" = { choices = [4, 4] }\n',
            "models/mine.toml:8 (search.space.learner.bags): got {'choices': [4, 4]}; allowed: two choices",
        ),
        (
            '[search.space]\n"learner.bags" = { low = 1, high = 8, step = 2 }\n',
            "models/mine.toml:8 (search.space.learner.bags.step): got 'step'; allowed: one of low, high, log, choices",
        ),
        (
            '[search.space]\n"learner.bags" = { low = 1, high = 8 }\n"learner.num_leaves" = { low = 1, high = 8 }\n',
            "models/mine.toml:9 (search.space.learner.num_leaves): got 1; allowed: a number from 2 on",
        ),
        (
            '[search.space]\n"learner.num_leaves" = { low = 2.5, high = 8 }\n',
            "models/mine.toml:8 (search.space.learner.num_leaves): got 2.5; allowed: a whole number",
        ),
        (
            '[search.space]\n"learner.bagging_fraction" = { low = 0.001, high = 0.9 }\n',
            "models/mine.toml:8 (search.space.learner.bagging_fraction): got 0.001; allowed: at least one of",
        ),
        (
            '[search.space]\n"learner.num_leaves" = { low = 8, high = 16 }\n',
            "models/mine.toml:8 (search.space.learner.num_leaves): got '8 to 16'; allowed: a space that holds the "
            "model's own value, 4; widen the space",
        ),
        (
            '[search.space]\n"learner.monotone" = { low = 0, high = 1 }\n',
            "models/mine.toml:8 (search.space.learner.monotone)",
        ),
        (
            '[search.space]\n"learner.kind" = { choices = ["lightgbm", "logistic"] }\n',
            "models/mine.toml:8 (search.space.learner.kind): got 'learner.kind'; allowed: learner.bags",
        ),
        (
            '[search.space]\n"calibration.prior_sd" = { low = 0.1, high = 1.0 }\n',
            "models/mine.toml:8 (search.space.calibration.prior_sd): got 'calibration.prior_sd'; allowed: learner.bags",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(search: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=re.escape(message)):
        write(tmp_path, search).model("mine")


def test_a_learner_without_parameters_has_no_space(tmp_path: Path) -> None:
    home = write(
        tmp_path, '[search.space]\n"learner.bags" = { low = 1, high = 8 }\n', '[learner]\nkind = "climatology"\n'
    )
    with pytest.raises(DefinitionError, match=r"mine.toml:7 \(search.space.learner.bags\)"):
        home.model("mine")


def test_parameters_of_members_are_named_by_member(tmp_path: Path) -> None:
    text = """[search.space]
"member.trees.learner.num_leaves" = { low = 2, high = 8 }
"member.line.learner.penalty" = { choices = [10.0, 100.0] }
"""
    model = write(tmp_path, text, MEMBERS).model("mine", searched=True)
    space = space_of(model.definition, model.parts.members, 252)
    assert space.own == {"member.line.learner.penalty": 100.0, "member.trees.learner.num_leaves": 4}
    assert [(each.member, each.is_whole) for each in space.parameters] == [("line", False), ("trees", True)]
    assert space.parameters[1].values == Values(low=2, high=8)
    of_file = {each.name: each.table for each in model.parts.members}
    values = {"member.line.learner.penalty": 10.0, "member.trees.learner.num_leaves": 8}
    assert space.tables(of_file, values) == {
        "line": {"kind": "logistic", "penalty": 10.0},
        "trees": {"kind": "lightgbm", "num_leaves": 8},
    }


def test_a_search_changes_nothing_of_the_model_that_is_trained_without_it(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain", "").model("mine")
    space = '[search.space]\n"learner.num_leaves" = { low = 2, high = 8 }\n'
    home = write(tmp_path / "searched", f"[search]\ntrials = 5\n{space}")
    assert home.model("mine").definition == plain.definition
    assert home.model("mine").definition_hash == plain.definition_hash
    searched = home.model("mine", searched=True)
    other = write(tmp_path / "other", f"[search]\ntrials = 6\n{space}").model("mine", searched=True)
    assert len({plain.definition_hash, searched.definition_hash, other.definition_hash}) == 3
    again = type(searched.definition).model_validate(searched.definition.model_dump(mode="json"))
    assert again == searched.definition


def test_a_parameter_that_may_be_left_out_is_whole_all_the_same(tmp_path: Path) -> None:
    learner = '[learner]\nkind = "climatology"\nwindow = 1260\n'
    home = write(tmp_path, '[search.space]\n"learner.window" = { low = 252, high = 2520 }\n', learner)
    model = home.model("mine", searched=True)
    (window,) = space_of(model.definition, model.parts.members, 252).parameters
    assert (window.own, window.is_whole) == (1260, True)
