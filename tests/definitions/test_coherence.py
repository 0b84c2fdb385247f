"""Coherence: the relations against paths that confirm or break them, and the projection against what defines it."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from bullbear.definitions.coherence import Relation, implications, inequalities, project
from bullbear.definitions.questions import QUESTION_KINDS, SESSIONS_A_YEAR, UP, Question, read_questions
from bullbear.errors import InputError
from bullbear.shipped import QUESTIONS

DEFINED = read_questions(Path(__file__).parents[2] / "models" / "questions.toml")
SHIPPED = tuple(each for name, each in DEFINED.items() if name in QUESTIONS)


def ask(name: str, kind: str, threshold: float, horizon: int = 21) -> Question:
    return QUESTION_KINDS.read(
        {"name": name, "kind": kind, "threshold": threshold, "horizon": horizon, "sentence": "A question of a test."}
    )


def test_relations_of_the_eight_that_are_shipped() -> None:
    assert set(implications(SHIPPED)) == {
        Relation("up", "excludes", "fall5"),
        Relation("fall5", "implies", "dip5"),
        Relation("fall5", "implies", "move5"),
        Relation("dip8", "implies", "dip5"),
        Relation("vol30", "implies", "vol20"),
    }


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # Strict and non-strict: R > 5 % implies some close at 5 % or more; a close at exactly 5 % does not end above.
        (("return_above", 0.05, 21), ("rally", 0.05, 21), ["implies"]),
        (("return_above", 0.05, 21), ("rally", 0.05, 63), ["implies"]),
        (("return_above", 0.05, 63), ("rally", 0.05, 21), []),
        (("rally", 0.05, 1), ("return_above", 0.05, 1), ["implied"]),
        (("return_above", 0.0, 21), ("return_below", 0.0, 21), ["excludes"]),
        (("return_above", -0.05, 21), ("return_below", -0.04, 21), ["covers"]),
        (("return_above", -0.05, 21), ("return_below", -0.05, 21), ["excludes"]),  # exactly -5 % is neither
        (("return_above", 0.05, 5), ("return_below", -0.05, 21), []),
        (("dip", -0.05, 5), ("dip", -0.05, 21), ["implies"]),
        (("dip", -0.05, 21), ("dip", -0.05, 21), ["implies", "implied"]),
        (("rally", 0.08, 21), ("rally", 0.05, 63), ["implies"]),
        (("dip", -0.05, 21), ("rally", 0.05, 21), []),
        (("dip", -0.05, 1), ("rally", 0.05, 1), ["excludes"]),
        (("dip", -0.05, 1), ("rally", 0.05, 2), []),
        (("move", 0.05, 21), ("return_below", -0.05, 21), ["implied"]),
        (("move", 0.08, 21), ("move", 0.05, 21), ["implies"]),
        (("return_above", -0.06, 21), ("move", 0.05, 21), ["covers"]),
        (("return_above", -0.06, 21), ("dip", -0.05, 21), ["covers"]),
        # A fall of 25 % in 21 sessions is more than any path with a volatility of 20 % can cover, of 22 % is not.
        (("return_below", -0.25, 21), ("volatility", 0.20, 21), ["implies"]),
        (("return_below", -0.22, 21), ("volatility", 0.20, 21), []),
        (("dip", -0.25, 21), ("volatility", 0.20, 21), ["implies"]),
        (("volatility", 0.20, 5), ("volatility", 0.09, 21), ["implies"]),  # 20 % * sqrt(5 / 21) = 9.8 %
        (("volatility", 0.20, 5), ("volatility", 0.10, 21), []),
        (("volatility", 0.20, 21), ("volatility", 0.10, 5), []),
        (("volatility", 0.80, 1), ("move", 0.04, 1), ["implies"]),  # exp(-0.8 / sqrt(252)) - 1 = -4.9 %
        (("volatility", 0.60, 1), ("move", 0.04, 1), ["implied"]),
        (("volatility", 0.64, 1), ("move", 0.04, 1), []),  # a fall of 4 % suffices, a rise of 4 % does not
    ],
)  # fmt: skip
def test_relations_by_hand(first: tuple[str, float, int], second: tuple[str, float, int], expected: list[str]) -> None:
    found = implications([ask("a", *first), ask("b", *second)])
    words = ["implied" if (each.kind, each.first) == ("implies", "b") else each.kind for each in found]
    assert sorted(words) == sorted(expected)


SIZES = (1 / 32, 1 / 16, 1 / 4)  # so that 1 + size - 1 is the size to the last bit
RETURNS = st.tuples(
    st.sampled_from(["return_above", "return_below"]), st.sampled_from([0.0, *SIZES, *(-each for each in SIZES)])
)
FALLS = st.tuples(st.just("dip"), st.sampled_from([-each for each in SIZES]))
GAINS = st.tuples(st.sampled_from(["rally", "move"]), st.sampled_from(SIZES))
# Not at the edge of what a move or another horizon needs, where rounding decides.
VOLATILITIES = st.tuples(st.just("volatility"), st.sampled_from([0.25, 0.45, 0.7, 1.1, 1.9]))
ASKED = st.tuples(st.one_of(RETURNS, FALLS, GAINS, VOLATILITIES), st.integers(1, 3))


@st.composite
def question_lists(draw: st.DrawFn, least: int = 2, most: int = 6) -> list[Question]:
    asked = draw(st.lists(ASKED, min_size=least, max_size=most))
    return [ask(f"q{place}", kind, threshold, horizon) for place, ((kind, threshold), horizon) in enumerate(asked)]


def rich_paths(questions: list[Question], sessions: int = 3) -> np.ndarray:
    """Paths that touch, pass and miss every threshold at every session, and the shortest ways there."""
    marks = {0.0}
    for question in questions:
        t = question.threshold
        if question.kind == "volatility":
            step = t / math.sqrt(SESSIONS_A_YEAR)
            for reach in (step * math.sqrt(n * m) for n in (1, 2, 3) for m in (1, 2, 3)):
                marks |= {math.expm1(sign * reach * near) for sign in (-1, 1) for near in (1 - 1e-6, 1 + 1e-6)}
        else:
            marks |= {sign * t + step for sign in (-1, 1) for step in (-(2.0**-20), 0.0, 2.0**-20)}
    marks |= {-0.875, 8.0}
    levels = np.array(sorted(marks))
    if len(levels) > 24:  # two volatilities: steps of one size matter, the corners of the grid do not
        grid = np.array(list(itertools.product(levels[:: len(levels) // 12], repeat=sessions)))
    else:
        grid = np.array(list(itertools.product(levels, repeat=sessions)))
    straight = []
    for level, last in itertools.product(levels, range(1, sessions + 1)):
        way = np.append(np.arange(1, last + 1), [last] * (sessions - last)) / last
        straight.append(np.expm1(np.log1p(level) * way))
    # One unit is the decision's close, so that a return is the level itself but for one rounding.
    return np.column_stack([np.ones(len(grid) + len(straight)), 1.0 + np.vstack([grid, *straight])])


def truths(questions: list[Question], paths: np.ndarray) -> np.ndarray:
    return np.column_stack(
        [question.answer(question.outcome(paths[:, : question.horizon + 1])) == 1.0 for question in questions]
    )


@given(question_lists(most=2))
@settings(max_examples=150, deadline=None)
def test_a_relation_is_found_if_and_only_if_every_path_obeys_it(questions: list[Question]) -> None:
    a, b = truths(questions, rich_paths(questions)).T
    expected = {
        kind
        for kind, holds in (
            ("q0 implies q1", ~a | b),
            ("q1 implies q0", ~b | a),
            ("q0 excludes q1", ~(a & b)),
            ("q0 covers q1", a | b),
        )
        if holds.all()
    }
    assert {f"{each.first} {each.kind} {each.second}" for each in implications(questions)} == expected


@given(question_lists(), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_shares_of_any_paths_are_coherent_and_come_back_untouched(questions: list[Question], seed: int) -> None:
    random = np.random.default_rng(seed)
    returns = random.standard_t(3, (200, 3)) * random.choice([0.005, 0.02, 0.1], (200, 1))
    paths = np.exp(np.column_stack([np.zeros(200), returns.cumsum(axis=1)]))
    shares = truths(questions, paths).reshape(8, 25, -1).mean(axis=1)
    assert project(questions, shares).tobytes() == shares.tobytes()


@given(question_lists(), st.data())
@settings(max_examples=60, deadline=None)
def test_projection_is_coherent_nearest_and_idempotent(questions: list[Question], data: st.DataObject) -> None:
    chances = st.lists(st.floats(0, 1), min_size=len(questions), max_size=len(questions))
    p = np.array(data.draw(st.lists(chances, min_size=1, max_size=4)))
    got = project(questions, p, fixed=())
    sides, limits = inequalities(questions)
    assert (got @ sides.T <= limits + 1e-9).all()
    np.testing.assert_allclose(project(questions, got, fixed=()), got, rtol=0, atol=1e-9)
    for row, alone in zip(got, p, strict=True):
        assert row.tobytes() == project(questions, alone[None], fixed=()).tobytes()
    # Coherent points: the answers on any mixture of paths. The step forms no acute angle with the way to any of them.
    corners = np.unique(truths(questions, rich_paths(questions)), axis=0).astype(float)
    for before, after in zip(p, got, strict=True):
        assert ((corners - after) @ (before - after)).max() <= 1e-7


def test_projection_against_a_general_solver() -> None:
    questions = [*SHIPPED, ask("dip10", "dip", -0.10, 63), ask("above5", "return_above", 0.05)]
    sides, limits = inequalities(questions)
    p = np.random.default_rng(3).uniform(size=(10, len(questions)))
    for before, after in zip(p, project(questions, p), strict=True):
        slow = minimize(
            lambda q, p=before: ((q - p) ** 2).sum(),
            np.full(len(p[0]), 0.5),
            constraints=[
                {"type": "ineq", "fun": lambda q: limits - sides @ q},
                {"type": "eq", "fun": lambda q, p=before: q[0] - p[0]},
            ],
            tol=1e-12,
        )
        np.testing.assert_allclose(after, slow.x, rtol=0, atol=1e-6)
        assert after[0] == before[0]


@pytest.mark.parametrize(
    ("p", "nearest"),
    [
        # `scipy.optimize.nnls` 1.17 by itself leaves these 0.30 and 0.21 apart from what the questions imply.
        ([0.8, 0.2, 0.0, 0.4, 0.2, 0.3, 0.3, 0.3], [0.8, 0.2, 0.2, 0.2, 0.2, 0.3, 0.3, 0.3]),
        ([0.8, 0.2, 0.4, 0.9, 0.4, 0.2, 0.7, 0.4], [0.8, 0.2, 0.65, 0.65, 0.4, 0.2, 0.7, 0.4]),
    ],
)
def test_ties_do_not_stop_the_projection_early(p: list[float], nearest: list[float]) -> None:
    np.testing.assert_allclose(project(SHIPPED, np.array([p])), [nearest], atol=1e-12)


def test_projection_of_tied_probabilities_of_many_questions_is_coherent_and_nearest() -> None:
    kinds = ["move", "return_below", "return_above", "dip", "return_below", "dip", "move", "move", "return_above",
             "volatility", "return_below", "rally", "volatility"]  # fmt: skip
    thresholds = [0.2, 0.05, 0.05, -0.02, 0.3, -0.2, 0.02, 0.02, 0.2, 0.08, 0.1, 0.05, 0.2]
    horizons = [1, 63, 5, 63, 5, 5, 1, 21, 1, 63, 1, 1, 5]
    asked = [ask(f"q{i}", *each) for i, each in enumerate(zip(kinds, thresholds, horizons, strict=True))]
    p = np.array([[0.4, 0.5, 1.0, 0.6, 0.3, 0.5, 0.5, 0.1, 0.6, 0.8, 0.4, 0.4, 0.6, 0.1]])
    got, (sides, limits) = project([UP, *asked], p)[0], inequalities([UP, *asked])
    assert (sides @ got - limits).max() <= 1e-9
    assert ((got - p) ** 2).sum() == pytest.approx(0.44, abs=1e-9)  # as by SLSQP


def test_a_fall_and_a_rise_share_a_move() -> None:
    parts = [ask("rise", "return_above", 0.05), ask("fall", "return_below", -0.05), ask("move", "move", 0.05)]
    got = project(parts, np.array([[0.3, 0.3, 0.3]]))
    np.testing.assert_allclose(got, [[0.2, 0.2, 0.4]], atol=1e-12)


@pytest.mark.parametrize("up", [0.0, 0.3, 1.0])
def test_up_stays_as_it_is(up: float) -> None:
    got = project(SHIPPED, np.array([[up, 0.9, 0.1, 0.2, 0.5, 0.5, 0.3, 0.4]]))
    assert got[0, 0] == up
    assert got[0, 1] <= 1.0 - up + 1e-12
    assert got[0, 1] <= got[0, 2] + 1e-12


def test_a_missing_probability_takes_no_part() -> None:
    dips = [ask(f"dip{size}", "dip", -size / 100) for size in (5, 8, 10)]
    got = project(dips, np.array([[0.1, np.nan, 0.3], [0.1, 0.2, 0.3], [np.nan] * 3]))
    np.testing.assert_allclose(got, [[0.2, np.nan, 0.2], [0.2, 0.2, 0.2], [np.nan] * 3], atol=1e-12)
    assert project(dips, np.empty((0, 3))).shape == (0, 3)


@given(st.floats(0, 1), st.floats(1e-15, 1e-3))
def test_small_steps_are_as_exact_as_large_ones(p: float, step: float) -> None:
    assume(p + step <= 1)
    dips = [ask(f"dip{size}", "dip", -size / 100) for size in (5, 8)]
    low, high = project(dips, np.array([[p, p + step]]))[0]
    assert high - low <= 1e-12
    assert low + high == pytest.approx(2 * p + step, abs=1e-12)


def test_what_is_refused() -> None:
    dips = [ask(f"dip{size}", "dip", -size / 100) for size in (5, 8)]
    with pytest.raises(InputError, match=r"p: got 'shape \(2,\)'; allowed: shape \(n, 2\)"):
        project(dips, np.array([0.1, 0.2]))
    with pytest.raises(InputError, match=r"p: got 1\.2; allowed: probabilities from 0 to 1"):
        project(dips, np.array([[1.2, 0.2]]))
    with pytest.raises(InputError, match=r"fixed probabilities that can hold together"):
        project(dips, np.array([[0.1, 0.2]]), fixed=("dip5", "dip8"))
    with pytest.raises(InputError, match=r"fixed probabilities that can hold together"):
        project([*dips, ask("dip6", "dip", -0.06)], np.array([[0.1, 0.2, 0.15]]), fixed=("dip5", "dip8"))
    with pytest.raises(InputError, match="questions: got 'up'; allowed: each name once"):
        implications([UP, UP])
