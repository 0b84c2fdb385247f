"""The weights of a training set come from the labels that are there, not from the number of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset import Examples
from bullbear.definitions import FeatureSet, ModelDefinition
from bullbear.learn import LEARNERS, Learner, TrainingSet, train
from bullbear.learn.learners.climatology import ClimatologyModel
from bullbear.learn.weights import label_weights
from bullbear.statistics import independent_number

SEEN: list[TrainingSet] = []


class Weighed(Learner):
    """Keeps what it is given."""

    uses_factors: ClassVar[bool] = False
    kind: Literal["weighed"]

    def fit(self, training: TrainingSet) -> ClimatologyModel:
        SEEN.append(training)
        return ClimatologyModel(0)


@pytest.fixture(autouse=True)
def weighed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    LEARNERS.names()
    monkeypatch.setitem(LEARNERS._entries, "weighed", Weighed)
    SEEN.clear()
    yield
    SEEN.clear()


def test_a_label_beside_a_hole_counts_more_in_a_fold(
    examples: Examples, feature_sets: list[FeatureSet], model: Callable[..., ModelDefinition]
) -> None:
    y = examples.y.copy()
    y[100:120] = np.nan
    train(model({"kind": "weighed"}), feature_sets, replace(examples, y=y, y_final=y))
    seen = SEEN[0]
    # Five sessions a label; four of them were shared with each of the labels that are gone.
    last = int(np.flatnonzero(seen.decided_at == examples.decided_at[99])[0])
    assert seen.decided_at[last + 1] == examples.decided_at[120]
    inside, beside = seen.weights[50], seen.weights[[last, last + 1]]
    shares = (1 / 5 + 1 / 4 + 1 / 3 + 1 / 2 + 1) / 5
    np.testing.assert_allclose(beside / inside, shares / (1 / 5), rtol=1e-12)
    assert seen.weights.sum() == pytest.approx(independent_number(len(seen.y), 5), rel=1e-12)


def test_every_asset_has_its_own_holes() -> None:
    calendar = pd.date_range("2020-01-01 21:00", periods=6, tz="UTC")
    # A has sessions 0 to 3, B the sessions 0 and 3 alone: labels over two sessions.
    decided_at = calendar[[0, 0, 1, 2, 3, 3]]
    asset = np.array(["A", "B", "A", "A", "A", "B"])
    weights = label_weights(decided_at, asset, calendar.repeat(2), 2)
    # Sessions 0 and 3 have two labels each, which share what one would count.
    expected = np.array([0.75, 1.0, 0.5, 0.5, 0.75, 1.0]) / [2, 2, 1, 1, 2, 2]
    np.testing.assert_allclose(weights, expected * independent_number(4, 2) / expected.sum(), rtol=1e-12)


def test_a_session_counts_once_however_many_assets_it_has() -> None:
    calendar = pd.date_range("2020-01-01 21:00", periods=40, tz="UTC")
    # A alone for 20 sessions, then three assets: the later sessions are worth no more than the earlier ones.
    session = np.concatenate([np.arange(20), np.repeat(np.arange(20, 40), 3)])
    asset = np.array(["A"] * 20 + ["A", "B", "C"] * 20)
    weights = label_weights(calendar[session], asset, calendar, 1)
    np.testing.assert_allclose(np.bincount(session, weights), np.full(40, weights[0]), rtol=1e-12)
    assert weights.sum() == pytest.approx(independent_number(40, 1))
