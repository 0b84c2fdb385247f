"""Nearest past states: by hand, and against a search in loops."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from math import log

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.errors import DefinitionError
from bullbear.learn import LEARNERS, TrainingSet
from bullbear.learn.learners.analogue import Analogue, FittedAnalogue

Bare = Callable[..., TrainingSet]


def learner(**table: object) -> Analogue:
    found = LEARNERS.read({"kind": "analogue", **table})
    assert isinstance(found, Analogue)
    return found


def odds(p: float) -> float:
    return log(p / (1 - p))


def test_neighbours_and_their_share_by_hand(bare: Bare) -> None:
    # Seven days of one factor, labels over two days. Nearest to 3.1 is day 3 (3.0); day 2 (2.9) shares a day with it
    # and is passed over, so is day 4; then day 5 (2.0), then day 1 (0.5); day 0 and day 6 overlap these.
    X = np.array([[-9.0], [0.5], [2.9], [3.0], [4.0], [2.0], [7.0]])
    y = np.array([0.0, 1, 0, 1, 0, 1, 0])
    fitted = learner(neighbours=4, prior=3.0, every=1).fit(bare(X, y, np.ones(7), ("a",), (0,), 0, 2))
    days = fitted.session[fitted.nearest(np.array([[3.1]]))[0][:3]]
    assert days.tolist() == [3, 5, 1]
    assert fitted.nearest(np.array([[3.1]]))[0][3] == -1
    base = 3 / 7
    expected = odds((3 + 3 * base) / (3 + 3)) - odds(base)
    assert fitted.signals(np.array([[3.1]]))[0, 0] == pytest.approx(expected, abs=1e-12)


def test_it_equals_a_search_in_loops(training: Callable[..., TrainingSet]) -> None:
    seen = training(200, 3, horizon=5)
    fitted = learner(neighbours=12, prior=8.0, every=3).fit(seen)
    mean, spread = np.nanmean(seen.X, axis=0), np.nanstd(seen.X, axis=0)

    def steps(row: np.ndarray) -> list[int]:
        return [round(32 * min(max(z, -3), 3)) if not np.isnan(z) else 0 for z in (row - mean) / spread]

    kept = [day for day in range(199, -1, -1) if (199 - day) % 3 == 0]
    base = seen.y.mean()
    for row in seen.X[::17]:
        by_distance = sorted(
            kept, key=lambda day: (sum((a - b) ** 2 for a, b in zip(steps(row), steps(seen.X[day]), strict=True)), -day)
        )
        chosen: list[int] = []
        for day in by_distance:
            if len(chosen) < 12 and all(abs(day - other) >= 5 for other in chosen):
                chosen.append(day)
        found = fitted.nearest(row[None, :])[0]
        assert fitted.session[found[found >= 0]].tolist() == chosen
        share = (seen.y[chosen].sum() + 8 * base) / (len(chosen) + 8)
        assert fitted.signals(row[None, :])[0, 0] == pytest.approx(odds(share) - odds(base), abs=1e-12)


@given(
    horizon=st.integers(1, 30),
    every=st.integers(1, 10),
    neighbours=st.integers(1, 30),
    row=st.floats(-5, 5),
    n=st.integers(5, 120),
)
def test_neighbours_lie_a_horizon_apart(
    bare: Bare, horizon: int, every: int, neighbours: int, row: float, n: int
) -> None:
    rng = np.random.default_rng(n)
    seen = bare(rng.normal(size=(n, 1)), rng.integers(0, 2, n).astype(float), np.ones(n), ("a",), (0,), 0, horizon)
    fitted = learner(every=every, neighbours=neighbours).fit(seen)
    found = fitted.nearest(np.array([[row]]))[0]
    days = np.sort(fitted.session[found[found >= 0]])
    assert len(days) >= 1
    assert (np.diff(days) >= horizon).all()
    assert ((n - 1 - days) % every == 0).all()
    # None is left out that would have been free.
    if len(days) < neighbours:
        left = [day for day in fitted.session if (np.abs(days - day) >= horizon).all()]
        assert left == []


def test_the_order_of_the_rows_does_not_matter(training: Callable[..., TrainingSet]) -> None:
    seen = training(150)
    asset = np.where(np.arange(150) % 2, "SPY", "IWM")
    decided = seen.decided_at[np.arange(150) // 2 * 2]
    seen = replace(seen, asset=asset, decided_at=decided)
    order = np.random.default_rng(0).permutation(150)
    shuffled = replace(seen, X=seen.X[order], y=seen.y[order], asset=asset[order], decided_at=decided[order])
    one, other = learner().fit(seen), learner().fit(shuffled)
    np.testing.assert_array_equal(one.states, other.states)
    np.testing.assert_array_equal(one.signals(seen.X), other.signals(seen.X))


def test_the_state_is_small_and_brings_back_the_same_bits_of_one_row(bare: Bare) -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(4800, 9))
    X[rng.random(X.shape) < 0.1] = np.nan
    seen = bare(X, rng.integers(0, 2, 4800).astype(float), np.ones(4800), tuple("abcdefghi"), (0,) * 9, 0, 21)
    fitted = learner().fit(seen)
    text = json.dumps(fitted.state(), allow_nan=False)
    assert len(text) < 20_000
    restored = learner().restore(json.loads(text))
    assert isinstance(restored, FittedAnalogue)
    many = fitted.signals(X[:600])
    assert len(np.unique(many)) > 5
    for row in (0, 255, 256, 599):
        np.testing.assert_array_equal(restored.signals(X[row : row + 1]), many[row : row + 1])


def test_later_rows_are_not_compared_with(training: Callable[..., TrainingSet]) -> None:
    # A learner sees the rows that it is given: those of a shorter past have neighbours in it alone.
    seen = training(200)
    short = replace(
        seen, X=seen.X[:120], y=seen.y[:120], weights=seen.weights[:120], asset=seen.asset[:120],
        decided_at=seen.decided_at[:120], resolved_at=seen.resolved_at[:120],
    )  # fmt: skip
    fitted = learner(every=1).fit(short)
    assert pd.Series(fitted.session).max() == 119
    assert fitted.signals(seen.X[120:]).shape == (80, 1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"neighbours": 0}, r"\(neighbours\): got 0; allowed: a number from 1 on"),
        ({"prior": -1.0}, r"\(prior\): got -1.0; allowed: a number above 0"),
        ({"every": 0}, r"\(every\): got 0; allowed: a number from 1 on"),
    ],
)
def test_what_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        learner(**table)
