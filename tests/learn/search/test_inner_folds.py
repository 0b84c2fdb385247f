"""Inner folds lie within the training rows of their fold and never train on what had not resolved."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.dataset import Fold
from bullbear.learn.search.inner_folds import inner_folds

DAYS = pd.date_range("2001-01-01 21:00", periods=120, tz="UTC")
NO_PATH = np.zeros(0, dtype=np.int64)


def fold(train: np.ndarray) -> Fold:
    return Fold(train, np.array([119]), DAYS[110], NO_PATH)


def test_by_hand() -> None:
    # Ten days, labels over two: three stretches of 4, 3 and 3 days, of which the last two are forecast.
    found = inner_folds(fold(np.arange(10)), DAYS, DAYS + pd.Timedelta(days=2), 2, min_train=1, embargo=0)
    assert [(each.train.tolist(), each.test.tolist(), each.trained_through) for each in found] == [
        ([0, 1], [4, 5, 6], DAYS[3]),
        ([0, 1, 2, 3, 4], [7, 8, 9], DAYS[6]),
    ]
    later = inner_folds(fold(np.arange(10)), DAYS, DAYS + pd.Timedelta(days=2), 2, min_train=4, embargo=1)
    assert [(each.train.tolist(), each.test.tolist()) for each in later] == [([0, 1, 2, 3], [7, 8, 9])]


@settings(max_examples=50)
@given(
    rows=st.sets(st.integers(0, 100), min_size=1),
    horizon=st.integers(1, 25),
    n=st.integers(2, 6),
    embargo=st.integers(0, 10),
    n_assets=st.integers(1, 3),
)
def test_only_resolved_labels_of_the_past_are_trained_on(
    rows: set[int], horizon: int, n: int, embargo: int, n_assets: int
) -> None:
    decided = DAYS.repeat(n_assets)
    resolved = decided + pd.Timedelta(days=horizon)
    train = np.concatenate([np.arange(row * n_assets, (row + 1) * n_assets) for row in sorted(rows)])
    found = inner_folds(fold(train), decided, resolved, n, min_train=1, embargo=embargo)
    assert len(found) <= n
    for each in found:
        assert set(each.train) | set(each.test) <= set(train)
        assert resolved[each.train].max() <= each.trained_through < decided[each.test].min()
        between = (decided[train] > resolved[each.train].max()) & (decided[train] <= each.trained_through)
        assert len(np.unique(decided[train][between])) >= min(embargo, len(rows))
        assert len(each.test) % n_assets == 0  # a session is never cut in two
    tested = [row for each in found for row in each.test]
    assert tested == sorted(set(tested))
