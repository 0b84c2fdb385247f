"""Questions are data: read by kind, refused with file and line, and measured on hand-made paths."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bullbear.definitions.questions import QUESTION_KINDS, UP, Question, read_questions
from bullbear.errors import DefinitionError
from bullbear.shipped import QUESTIONS

SHIPPED = Path(__file__).parents[2] / "models" / "questions.toml"


def ask(kind: str, threshold: float, horizon: int = 2) -> Question:
    return QUESTION_KINDS.read(
        {"name": "asked", "kind": kind, "threshold": threshold, "horizon": horizon, "sentence": "A question of a test."}
    )


def test_the_eight_that_are_shipped() -> None:
    found = {name: each for name, each in read_questions(SHIPPED).items() if name in QUESTIONS}
    assert {name: (q.kind, q.threshold, q.horizon, q.direction) for name, q in found.items()} == {
        "up": ("return_above", 0.0, 21, 1),
        "fall5": ("return_below", -0.05, 21, -1),
        "dip5": ("dip", -0.05, 21, -1),
        "dip8": ("dip", -0.08, 21, -1),
        "rally5": ("rally", 0.05, 21, 1),
        "move5": ("move", 0.05, 21, 0),
        "vol20": ("volatility", 0.20, 21, 0),
        "vol30": ("volatility", 0.30, 21, 0),
    }
    assert found["up"] == UP
    assert QUESTION_KINDS.names() == ("dip", "move", "rally", "return_above", "return_below", "volatility")


PATHS = np.array([[100.0, 95.0, 104.0], [100.0, 110.0, 94.0], [100.0, 106.0, 106.0], [100.0, np.nan, 90.0]])


@pytest.mark.parametrize(
    ("kind", "threshold", "outcomes", "answers"),
    [
        ("return_above", 0.05, [0.04, -0.06, 0.06, -0.10], [0, 0, 1, 0]),
        ("return_below", -0.05, [0.04, -0.06, 0.06, -0.10], [0, 1, 0, 1]),
        ("move", 0.05, [0.04, 0.06, 0.06, 0.10], [0, 1, 1, 1]),
        ("dip", -0.05, [-0.05, -0.06, 0.06, np.nan], [1, 1, 0, np.nan]),  # at the threshold counts
        ("rally", 0.10, [0.04, 0.10, 0.06, np.nan], [0, 1, 0, np.nan]),
        (
            "volatility",
            1.0,
            [
                math.sqrt(252 * (math.log(0.95) ** 2 + math.log(104 / 95) ** 2) / 2),  # 1.17
                math.sqrt(252 * (math.log(1.1) ** 2 + math.log(94 / 110) ** 2) / 2),  # 2.06
                math.sqrt(252 * math.log(1.06) ** 2 / 2),  # 0.65
                np.nan,
            ],
            [1, 1, 0, np.nan],
        ),
    ],
)
def test_outcomes_and_answers_of_hand_made_paths(kind: str, threshold: float, outcomes, answers) -> None:
    question = ask(kind, threshold)
    np.testing.assert_allclose(question.outcome(PATHS), outcomes, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(question.answer(question.outcome(PATHS)), answers)


def test_a_daily_move_of_one_per_cent_is_sixteen_per_cent_a_year() -> None:
    path = np.exp(np.array([[0.0, 0.01, 0.0, 0.01, 0.0]]))
    np.testing.assert_allclose(ask("volatility", 0.2, 4).outcome(path), [0.01 * math.sqrt(252)], rtol=1e-12)


PRICE_PATHS = st.lists(st.floats(1.0, 1000.0), min_size=2, max_size=30).map(lambda prices: np.array([prices]))
FRACTIONS = st.floats(0.001, 0.9)


def yes(kind: str, threshold: float, path: np.ndarray) -> bool:
    question = ask(kind, threshold)
    return bool(question.answer(question.outcome(path))[0])


@given(path=PRICE_PATHS, one=FRACTIONS, other=FRACTIONS)
def test_laws_between_questions(path: np.ndarray, one: float, other: float) -> None:
    small, large = sorted((one, other))
    for kind in ("return_above", "rally", "move", "volatility"):
        assert yes(kind, small, path) >= yes(kind, large, path)
    for kind in ("return_below", "dip"):
        assert yes(kind, -small, path) >= yes(kind, -large, path)
    assert yes("dip", -small, path) >= yes("return_below", -small, path)
    assert yes("rally", small, path) >= yes("return_above", small, path)
    assert yes("move", small, path) == (yes("return_above", small, path) or yes("return_below", -small, path))
    assert not (yes("return_below", -small, path) and yes("return_above", 0.0, path))


@given(path=PRICE_PATHS, factor=st.sampled_from([0.5, 2.0, 1024.0]))
def test_the_unit_of_the_price_changes_nothing(path: np.ndarray, factor: float) -> None:
    for kind, threshold in (("return_above", 0.1), ("dip", -0.1), ("rally", 0.1), ("move", 0.1)):
        question = ask(kind, threshold)
        np.testing.assert_array_equal(question.outcome(path), question.outcome(path * factor))


@given(path=PRICE_PATHS, threshold=FRACTIONS)
def test_order_within_the_horizon_matters_to_volatility_alone(path: np.ndarray, threshold: float) -> None:
    assume(path.shape[1] > 3)
    swapped = path.copy()
    swapped[:, [1, 2]] = path[:, [2, 1]]
    for kind in ("return_above", "rally", "move"):
        assert yes(kind, threshold, path) == yes(kind, threshold, swapped)
    assert yes("dip", -threshold, path) == yes("dip", -threshold, swapped)


GOOD = """\
[[question]]
name = "dip10"
kind = "dip"
threshold = -0.10
sentence = "A close 10 % below today's."

[[question]]
name = "up63"
kind = "return_above"
threshold = 0.0
horizon = 63
sentence = "Up over the quarter."
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "models" / "questions.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_a_user_adds_questions_by_editing_one_file(tmp_path: Path) -> None:
    found = read_questions(write(tmp_path, GOOD))
    assert [(name, q.kind, q.threshold, q.horizon) for name, q in found.items()] == [
        ("dip10", "dip", -0.10, 21),
        ("up63", "return_above", 0.0, 63),
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "-0.10",
            "0.0",
            r"questions\.toml:4 \(question\.0\.threshold\): got 0\.0; allowed: a fraction between -1 and 0: -0\.05",
        ),
        ("-0.10", "0.10", r"questions\.toml:4 \(question\.0\.threshold\): got 0\.1; allowed: .* between -1 and 0"),
        (
            '"dip"\nthreshold = -0.10',
            '"volatility"\nthreshold = -0.2',
            r":4 \(question\.0\.threshold\): got -0\.2; allowed: a fraction between 0 and 3: 0\.20 is 20 % a year",
        ),
        (
            '"dip"\nthreshold = -0.10',
            '"rally"\nthreshold = 0.0',
            r":4 \(question\.0\.threshold\): got 0\.0; .*between 0 and 1",
        ),
        ("-0.10", "-1.0", r":4 \(question\.0\.threshold\): got -1\.0; allowed: a fraction between -1 and 0"),
        ("horizon = 63", "horizon = 0", r":11 \(question\.1\.horizon\): got 0; .*a number from 1 on"),
        ("horizon = 63", "horizon = 300", r":11 \(question\.1\.horizon\): got 300; .*a number up to 252"),
        ("up63", "dip10", r":8 \(question\.1\.name\): got 'dip10'; allowed: a name that no other question has"),
        (
            'kind = "dip"',
            'kind = "dipp"',
            r":3 \(question\.0\.kind\): got 'dipp'; allowed: dip or move or rally or return_a",
        ),
        ('kind = "dip"\n', "", r":1 \(question\.0\.kind\): missing; allowed: dip or move"),
        ("threshold = -0.10\n", "", r":1 \(question\.0\.threshold\): missing; allowed: a value; add the key"),
        ("threshold = -0.10", "level = -0.10", r":4 \(question\.0\.level\): got 'level'|:1 \(question\.0\.threshold\)"),
        (
            "dip10",
            "up",
            r":1 \(question\.0\): got .*dip.*; allowed: kind = \"return_above\", threshold = 0\.0 for \"up\"",
        ),
        (
            '"Up over the quarter."',
            '""',
            r":12 \(question\.1\.sentence\): got ''; allowed: a text of at least 10 characters",
        ),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    with pytest.raises(DefinitionError, match=message):
        read_questions(write(tmp_path, GOOD.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("kind", "threshold", "allowed"),
    [
        ("return_above", 5, "between -1 and 1: 0.05 is 5 %"),
        ("return_below", -5, "between -1 and 1: 0.05 is 5 %"),
        ("dip", -5, "between -1 and 0: -0.05 is a fall of 5 %"),
        ("rally", 5, "between 0 and 1: 0.05 is 5 %"),
        ("move", 5, "between 0 and 1: 0.05 is 5 %"),
        ("volatility", 12, "between 0 and 3: 0.20 is 20 % a year"),
    ],
)
def test_a_threshold_in_per_cent_is_refused(kind: str, threshold: float, allowed: str) -> None:
    with pytest.raises(DefinitionError, match=f"got {threshold}; allowed: a fraction {allowed}"):
        ask(kind, threshold)
