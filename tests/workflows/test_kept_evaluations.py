"""An evaluation that was computed before is the one that would be computed, to the last bit."""

from __future__ import annotations

import math
import shutil
from dataclasses import fields, replace
from pathlib import Path

import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.evaluate import Evaluation, evaluate
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.workflows import kept_evaluations
from bullbear.workflows.kept_evaluations import evaluation_of


@pytest.fixture
def made(trained_home: Home) -> Predictions:
    return Runs(trained_home).find("latest").predictions


def refuse(predictions: Predictions) -> Evaluation:
    raise AssertionError("computed again")


def same(found: Evaluation, expected: Evaluation) -> bool:
    for field in fields(Evaluation):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        if repr(one) != repr(other) and not (isinstance(one, float) and float(one) == float(other)):
            return False
    return True


def test_it_is_computed_once(made: Predictions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = evaluate(made)
    assert evaluation_of(made, None) == expected
    first = evaluation_of(made, tmp_path / "kept")
    monkeypatch.setattr(kept_evaluations, "evaluate", refuse)
    again = evaluation_of(made, tmp_path / "kept")
    assert first == expected
    assert again.as_dict() == expected.as_dict()
    assert (again.first, again.last, again.first.unit) == (expected.first, expected.last, expected.first.unit)
    assert same(again, expected)


def test_what_is_not_determined_stays_so(made: Predictions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flat = Predictions(made.table.assign(p=0.5, p_low=0.5, p_high=0.5))
    assert math.isnan(evaluation_of(flat, tmp_path).calibration_slope)
    monkeypatch.setattr(kept_evaluations, "evaluate", refuse)
    assert math.isnan(evaluation_of(flat, tmp_path).calibration_slope)


@pytest.mark.parametrize("column", ["p", "y", "climatology", "decided_at", "member", "horizon"])
def test_other_forecasts_are_evaluated_anew(made: Predictions, column: str) -> None:
    table = made.table.copy()
    row = table.index[5]
    if column == "decided_at":
        table.loc[row, column] += (table["resolved_at"] - table["decided_at"]).iloc[5] / 1000
    elif column == "y":
        table.loc[row, column] = 1.0 - table.loc[row, column]
    elif column == "member":
        table[column] = "other"
    elif column == "horizon":
        table[column] += 1
    else:
        table.loc[row, column] += 1e-15
    assert kept_evaluations._digest(Predictions(table)) != kept_evaluations._digest(made)


def test_other_code_evaluates_anew(made: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept_evaluations._digest(made)
    monkeypatch.setattr(kept_evaluations, "_way", lambda: "another")
    assert kept_evaluations._digest(made) != before


@pytest.mark.parametrize("damage", ["", "{", "{}", "[1]"])
def test_a_damaged_file_is_computed_and_written_again(made: Predictions, tmp_path: Path, damage: str) -> None:
    expected = evaluation_of(made, tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_text()
    file.write_text(damage)
    assert evaluation_of(made, tmp_path) == expected
    assert file.read_text() == whole


def test_a_home_that_takes_nothing_is_evaluated_all_the_same(made: Predictions, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("in the way")
    assert evaluation_of(made, tmp_path / "kept").n == evaluate(made).n


def test_a_training_keeps_its_evaluation(trained_home: Home, made: Predictions, tmp_path: Path) -> None:
    (file,) = (trained_home.evaluations / f"{kept_evaluations._digest(made)}.json",)
    shutil.copy(file, tmp_path)
    found = kept_evaluations._read(tmp_path / file.name)
    assert found is not None
    assert replace(found, seed=0) == replace(evaluate(made), seed=0)
