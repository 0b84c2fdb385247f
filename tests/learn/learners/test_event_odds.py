"""What followed an event: by hand, and against a slow count."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.errors import DefinitionError
from bullbear.learn import LEARNERS, TrainingSet
from bullbear.learn.learners.event_odds import EventOdds

Bare = Callable[..., TrainingSet]


def odds(p: float) -> float:
    return log(p / (1 - p))


def test_shifts_and_their_mean_by_hand(bare: Bare) -> None:
    # Base rate 1/2. The first event stood on 4 rows, 3 of them yes; the second on 2, none yes; the third never.
    X = np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, np.nan, 0]], dtype=float)
    seen = bare(X, np.array([1.0, 1, 1, 0, 0, 0]), np.ones(6), ("a", "b", "c"), (0, 0, 0), 0, 1)
    fitted = EventOdds(kind="event_odds", prior=2.0).fit(seen)
    shifts = [odds((3 + 1) / (4 + 2)), odds((0 + 1) / (2 + 2)), np.nan]
    np.testing.assert_allclose(fitted.shifts, shifts, atol=1e-12)
    today = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, np.nan], [0.0, np.nan, 0.0], [0.0, 0.5, 1.0]])
    expected = [(shifts[0] + shifts[1]) / 2, shifts[1], 0.0, shifts[1]]
    np.testing.assert_allclose(fitted.signals(today)[:, 0], expected, atol=1e-12)
    np.testing.assert_allclose(fitted.contributions(today)[0], [shifts[0] / 2, shifts[1] / 2, 0.0], atol=1e-12)


@given(
    rows=st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=2, max_size=60),
    prior=st.floats(0.5, 50),
)
def test_it_equals_a_slow_count_and_stays_within_the_shares(
    bare: Bare, rows: list[tuple[float, float]], prior: float
) -> None:
    stood, y = (np.array(column) for column in zip(*rows, strict=True))
    weights = np.linspace(0.5, 1.5, len(y))
    seen = bare(stood[:, None], y, weights, ("a",), (0,), 0, 1)
    (shift,) = EventOdds(kind="event_odds", prior=prior).fit(seen).shifts
    base = sum(w for w, answer in zip(weights, y, strict=True) if answer) / sum(weights)
    cases = [(w, answer) for w, s, answer in zip(weights, stood, y, strict=True) if s]
    if not cases or base in (0.0, 1.0):
        assert np.isnan(shift)
        return
    n, yes = sum(w for w, _ in cases), sum(w for w, answer in cases if answer)
    assert shift == pytest.approx(odds((yes + prior * base) / (n + prior)) - odds(base), abs=1e-9)
    # Shrunk: no further from the base rate than the share itself.
    assert (shift > 1e-12) <= (yes / n > base - 1e-12)


def test_the_order_of_the_rows_does_not_matter(training: Callable[..., TrainingSet]) -> None:
    seen = training()
    X = (seen.X > 0.5).astype(float)
    order = np.random.default_rng(0).permutation(300)
    learner = EventOdds(kind="event_odds")
    one = learner.fit(replace(seen, X=X))
    other = learner.fit(replace(seen, X=X[order], y=seen.y[order], weights=seen.weights[order]))
    np.testing.assert_allclose(one.shifts, other.shifts, atol=1e-12)
    assert one.shifts[0] > 0.1 > -0.05 > one.shifts[1]


def test_the_state_brings_back_the_same_bits_of_one_row(training: Callable[..., TrainingSet]) -> None:
    seen = training(100, 24)
    X = np.where(np.isnan(seen.X), np.nan, seen.X > 0.8)
    fitted = EventOdds(kind="event_odds").fit(replace(seen, X=X))
    restored = EventOdds(kind="event_odds").restore(json.loads(json.dumps(fitted.state(), allow_nan=False)))
    for row in (0, 50, 99):
        np.testing.assert_array_equal(restored.signals(X[row : row + 1]), fitted.signals(X)[row : row + 1])


def test_a_prior_of_nothing_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"\(prior\): got 0.0; allowed: a number above 0"):
        LEARNERS.read({"kind": "event_odds", "prior": 0.0})
