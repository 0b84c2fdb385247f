"""The lock on a hold-out: whom it lets in, and up to which instant the others may read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from bullbear.definitions.holdout import HoldOut
from bullbear.errors import HoldOutError
from bullbear.forecasting.holdout import last_instant, lock_of, looks_note, open_holdout, openings
from bullbear.home import Home
from bullbear.model import Model
from bullbear.sessions import closes

SEAL = 'first = "2018-01-01"\nwhy = "The last word on every model."\n'
LINE = """
name = "line"
intent = "A line on two factors, its penalty searched for."
features = ["tiny"]
questions = ["up", "dip5"]
[learner]
kind = "logistic"
[search]
trials = 3
[search.space]
"learner.penalty" = { low = 1.0, high = 1000.0, log = true }
"""


@pytest.fixture
def home(tmp_path: Path, small_definitions: object) -> Home:
    """A sealed home with a model of two questions and no data."""
    small_definitions(tmp_path)  # type: ignore[operator]
    (tmp_path / "models" / "holdout.toml").write_text(SEAL)
    (tmp_path / "models" / "line.toml").write_text(LINE)
    return Home(tmp_path)


def is_shut(home: Home, definition_hash: str) -> bool:
    return lock_of(home, "line", definition_hash).is_shut


@pytest.mark.parametrize(("first", "hour"), [("2018-01-01", "2018-01-01 05:00"), ("2018-07-04", "2018-07-04 04:00")])
def test_the_last_instant_is_the_evening_before_in_new_york(first: str, hour: str):
    found = last_instant(HoldOut(first=first, why="A period for a test."))
    assert found == pd.Timestamp(hour, tz="UTC") - pd.Timedelta(1, "us")
    assert closes(pd.DatetimeIndex(["2017-12-29"]))[0] < found


def test_an_opening_lets_in_the_model_and_each_of_its_questions(home: Home):
    model = home.model("line")
    hashes = [
        model.definition_hash,
        *(model.only(name, together=both).definition_hash for name in ("up", "dip5") for both in (False, True)),
    ]
    assert all(is_shut(home, each) for each in hashes)
    open_holdout(home, model, "For a test.")
    assert not any(is_shut(home, each) for each in hashes)
    assert lock_of(home, "base", model.definition_hash).is_shut


def test_a_model_may_open_more_of_a_period_that_grew(home: Home) -> None:
    path, model = home.root / "models" / "holdout.toml", home.model("line")
    path.write_text(SEAL + 'last = "2018-06-29"\n')
    open_holdout(home, model, "For a test.")
    path.write_text(SEAL)
    lock = lock_of(home, "line", model.definition_hash)
    assert (lock.is_shut, lock.others) == (True, [])
    assert lock.remedy == "`bullbear holdout open line --reason TEXT` opens it, once and on record"
    assert open_holdout(home, model, "For all of it.")[1]
    assert not is_shut(home, model.definition_hash)


def test_a_search_is_another_model_than_the_file_s_own_parameters(home: Home):
    fixed, searched = home.model("line"), home.model("line", searched=True)
    open_holdout(home, searched, "For a test.", tuned=True)
    assert (is_shut(home, fixed.definition_hash), is_shut(home, searched.definition_hash)) == (True, False)
    with pytest.raises(HoldOutError, match=r"2018-01-01 on is sealed .* opened for line on .* another definition"):
        open_holdout(home, fixed, "For a test.")
    assert [each.tuned for each in openings(home)] == [True]


def test_a_pair_has_openings_of_its_own(home: Home):
    other = home.on("QQQ")
    open_holdout(home, home.model("line"), "For a test.")
    assert lock_of(other, "line", other.model("line").definition_hash).is_shut
    open_holdout(other, other.model("line"), "For a test.")
    assert not lock_of(other, "line", other.model("line").definition_hash).is_shut
    assert sorted(home.root.rglob("holdout.jsonl")) == [
        home.root / "pairs" / "QQQ" / "trials" / "holdout.jsonl",
        home.root / "trials" / "holdout.jsonl",
    ]


def test_of_several_processes_that_open_different_definitions_one_wins(home: Home) -> None:
    models = [home.model("line"), home.model("line", searched=True)] * 4

    def opened(model: Model) -> bool | None:
        try:
            return open_holdout(home, model, "It was quicker.")[1]
        except HoldOutError:
            return None

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(opened, models))
    (one,) = openings(home)
    for model, is_new in zip(models, found, strict=True):
        assert (is_new is not None) == (model.definition_hash == one.definitions["model"])
    assert found.count(True) == 1


def test_a_table_of_skills_says_which_count_opened_days(home: Home):
    assert looks_note(home, ["line", "base"]) is None
    open_holdout(home, home.model("line"), "For a test.")
    assert looks_note(home, ["base"]) is None
    said = "hold-out 2018-01-01 on: counted in the skill of line, which opened it; opened once"
    assert looks_note(home, ["base", "line", "line"]) == said
