"""Laws that every learner obeys, whatever its kind."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.definitions import Source
from bullbear.errors import DefinitionError
from bullbear.learn import LEARNERS, Learner, TrainingSet
from bullbear.learn.learner import factor_matrix, varies

SMALL_TREES = {"kind": "lightgbm", "bags": 3, "num_iterations": 12, "min_data_in_leaf": 15, "learning_rate": 0.2}
OF_FACTORS = [
    {"kind": "logistic", "penalty": 1.0},
    SMALL_TREES,
    {"kind": "combination_forecast", "response": "answer"},
    {"kind": "event_odds"},
    {"kind": "combination_forecast", "combine": "trimmed_mean"},
    {"kind": "christoffersen_diebold"},
    {"kind": "analogue"},
]
LINEAR = OF_FACTORS[:4]
"""Whose signal is the sum of what factors add to it."""
TABLES = [
    {"kind": "climatology"},
    {"kind": "climatology", "window": 100},
    {"kind": "climatology", "half_life": 50.0},
    *OF_FACTORS,
]
KINDS = ["-".join(str(value) for value in list(table.values())[:2]) for table in TABLES]


@pytest.fixture(params=TABLES, ids=KINDS)
def learner(request: pytest.FixtureRequest) -> Learner:
    return LEARNERS.read(request.param)


def test_which_learners_use_factors() -> None:
    assert [LEARNERS.read(table).uses_factors for table in TABLES] == [False] * 3 + [True] * len(OF_FACTORS)
    assert [LEARNERS.read(table).is_silent for table in TABLES[:4]] == [True, False, False, False]


def test_the_state_gives_back_the_same_bits_through_json(
    learner: Learner, training: Callable[..., TrainingSet]
) -> None:
    seen = training()
    fitted = learner.fit(seen)
    state = fitted.state()
    restored = learner.restore(json.loads(json.dumps(state, allow_nan=False)))
    np.testing.assert_array_equal(restored.signals(seen.X), fitted.signals(seen.X))
    np.testing.assert_array_equal(restored.contributions(seen.X), fitted.contributions(seen.X))
    assert restored.state() == state


def test_a_fit_is_reproducible_to_the_last_bit(learner: Learner, training: Callable[..., TrainingSet]) -> None:
    first, second = learner.fit(training()), learner.fit(training())
    assert json.dumps(first.state()) == json.dumps(second.state())
    np.testing.assert_array_equal(first.signals(training().X), second.signals(training().X))


@pytest.mark.parametrize("k", [4, 37])
def test_one_row_and_many_give_the_same_bits(learner: Learner, training: Callable[..., TrainingSet], k: int) -> None:
    seen = training(200, k)
    fitted = learner.fit(seen)
    for function in (fitted.signals, fitted.contributions):
        many = function(seen.X)
        for rows in (slice(0, 1), slice(7, 8), slice(3, 10), slice(199, 200)):
            np.testing.assert_array_equal(function(seen.X[rows]), many[rows])
        np.testing.assert_array_equal(function(np.asfortranarray(seen.X)), many)
        np.testing.assert_array_equal(function(seen.X[::-1]), many[::-1])


def test_shapes(learner: Learner, training: Callable[..., TrainingSet]) -> None:
    seen = training(150, 5)
    fitted = learner.fit(seen)
    bags = getattr(learner, "bags", 1)
    assert fitted.signals(seen.X[:7]).shape == (7, bags)
    assert fitted.contributions(seen.X[:7]).shape == (7, 5)


@pytest.mark.parametrize("table", LINEAR)
def test_contributions_sum_to_the_signal_up_to_a_constant(
    table: dict[str, object], training: Callable[..., TrainingSet]
) -> None:
    seen = training()
    fitted = LEARNERS.read(table).fit(seen)
    rest = fitted.signals(seen.X).mean(axis=1) - fitted.contributions(seen.X).sum(axis=1)
    np.testing.assert_allclose(rest, rest[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_a_training_set_without_contrast_teaches_nothing(
    learner: Learner, training: Callable[..., TrainingSet], outcome: float
) -> None:
    seen = training()
    constant = dataclasses.replace(seen, y=np.full(len(seen.y), outcome), paths=np.zeros((len(seen.y), seen.horizon)))
    fitted = learner.restore(json.loads(json.dumps(learner.fit(constant).state())))
    assert not fitted.signals(seen.X).any()
    assert not fitted.contributions(seen.X).any()


def test_a_factor_that_was_never_there_says_nothing(learner: Learner, training: Callable[..., TrainingSet]) -> None:
    seen = training()
    X = seen.X.copy()
    X[:, 2] = np.nan
    fitted = learner.fit(dataclasses.replace(seen, X=X))
    assert np.isfinite(fitted.signals(X)).all()
    assert not fitted.contributions(seen.X)[:, 2].any()
    np.testing.assert_array_equal(fitted.signals(seen.X), fitted.signals(X))


def test_rows_and_tables_without_any_value_are_answered(learner: Learner, training: Callable[..., TrainingSet]) -> None:
    seen = training()
    empty = np.full_like(seen.X, np.nan)
    assert np.isfinite(learner.fit(seen).signals(empty[:1])).all()
    blind = learner.fit(dataclasses.replace(seen, X=empty))
    said = blind.signals(seen.X)
    np.testing.assert_allclose(said, 0.0 if learner.uses_factors else learner.fit(seen).signals(seen.X), atol=1e-6)


def test_inner_splits_are_purged(training: Callable[..., TrainingSet]) -> None:
    seen = training(100, horizon=21)
    splits = list(seen.inner_splits(4))
    assert [(test[0], test[-1]) for _, test in splits] == [(20, 39), (40, 59), (60, 79), (80, 99)]
    # Labels resolve 21 days later: of 20 decisions before the first test none has, of 40 the first 20 have.
    assert [train.tolist() for train, _ in splits] == [list(range(n)) for n in (0, 20, 40, 60)]
    twice = dataclasses.replace(
        seen, decided_at=seen.decided_at.repeat(2)[:100], resolved_at=seen.resolved_at.repeat(2)[:100]
    )
    for train, test in twice.inner_splits(3):
        assert set(train) & set(test) == set()
        assert (twice.resolved_at[train] <= twice.decided_at[test].min()).all()
        assert test[0] % 2 == 0  # both assets of a session are on one side


def test_a_useful_factor_is_found(training: Callable[..., TrainingSet]) -> None:
    seen = training(holes=0.0)
    for table in (OF_FACTORS[0], SMALL_TREES):
        signal = LEARNERS.read(table).fit(seen).signals(seen.X).mean(axis=1)
        assert signal[seen.y == 1].mean() > signal[seen.y == 0].mean() + 0.3


@pytest.mark.parametrize(
    ("table", "line", "message"),
    [
        (
            {"kind": "forest"},
            4,
            r"\(learner.kind\): got 'forest'; allowed: .*climatology or .*distribution or .*lightgbm",
        ),
        ({}, 4, r"\(learner.kind\): missing; allowed: .*climatology or .*distribution or .*lightgbm or .*logistic"),
        ({"kind": "logistic", "penalty": 0.0}, 5, r"\(learner.penalty\): got 0.0; allowed: a number above 0"),
        (
            {"kind": "logistic", "penalty": "1"},
            5,
            r"\(learner.penalty\): got '1'; allowed: a number",
        ),
        ({"kind": "logistic", "bags": 2}, 3, r"\(learner.bags\): got 'bags'; allowed: one of kind, penalty, clip"),
        (
            {"kind": "logistic", "uses_factors": True},
            3,
            r"\(learner.uses_factors\): got 'uses_factors'; allowed: one of",
        ),
        ({"kind": "lightgbm", "bags": 0}, 3, r"\(learner.bags\): got 0; allowed: a number from 1 on"),
        ({"kind": "lightgbm", "bagging_fraction": 1.5}, 3, r"bagging_fraction\): got 1.5; .*a number up to 1"),
        ({"kind": "climatology", "penalty": 1.0}, 5, r"\(learner.penalty\): got 'penalty'; allowed: one of kind"),
        ({"kind": "climatology", "window": 20}, 3, r"\(learner.window\): got 20; allowed: a number from 21 on"),
        (
            {"kind": "climatology", "window": 252, "half_life": 252.0},
            3,
            r"\(learner.half_life\): got 252.0; allowed: either window or half_life, not both",
        ),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(table: dict[str, object], line: int, message: str) -> None:
    source = Source(Path("models/tiny.toml"), "\n\n[learner]\nkind = 'as tested'\npenalty = 'as tested'\n")
    with pytest.raises(DefinitionError, match=rf"^models/tiny\.toml:{line} .*{message}"):
        LEARNERS.read(table, source, below=("learner",))


def test_a_factor_matrix_is_c_ordered_in_the_order_of_the_names() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, np.nan], "c": [5, 6]})
    found = factor_matrix(frame, ("c", "a"))
    np.testing.assert_array_equal(found, [[5.0, 1.0], [6.0, 2.0]])
    assert found.flags.c_contiguous
    assert found.dtype == np.float64
    assert factor_matrix(frame, ()).shape == (2, 0)


def test_a_factor_of_noughts_does_not_vary() -> None:
    X = np.array([[0.0, 0.0, 1e9, np.nan], [0.0, 1e-300, 1e9, 5.0], [0.0, 0.0, 1e9, 5.0]])
    assert varies(X).tolist() == [False, True, False, False]
