from __future__ import annotations

import dataclasses
from collections.abc import Callable
from math import log

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.learn import LEARNERS, TrainingSet
from bullbear.learn.learner import signals_of
from bullbear.learn.learners.climatology import Climatology, ClimatologyModel, RecentClimatology
from bullbear.statistics import independent_number

Bare = Callable[..., TrainingSet]


def test_it_says_nothing_whatever_it_has_seen(training: Callable[..., TrainingSet]) -> None:
    fitted = Climatology(kind="climatology").fit(training(50, 3))
    X = np.array([[1e9, np.nan, -3.0], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(fitted.signals(X), [[0.0], [0.0]])
    np.testing.assert_array_equal(fitted.contributions(X), np.zeros((2, 3)))
    assert fitted.state() == {"n_factors": 3}


@pytest.mark.parametrize("n_factors", [0, 2])
def test_it_is_restored(n_factors: int) -> None:
    assert Climatology(kind="climatology").restore({"n_factors": n_factors}) == ClimatologyModel(n_factors)
    assert ClimatologyModel(n_factors).contributions(np.empty((4, n_factors))).shape == (4, n_factors)


def labelled(bare: Bare, y: list[float] | np.ndarray, horizon: int = 1) -> TrainingSet:
    return bare(np.empty((len(y), 0)), np.asarray(y, dtype=float), np.ones(len(y)), (), (), 0, horizon)


def test_the_last_labels_alone_by_hand(bare: Bare) -> None:
    # 40 of 60 in all, 7 of the last 21; each label is independent and one more stands at 2/3.
    y = [1.0] * 33 + [0.0] * 6 + [1.0] * 7 + [0.0] * 14
    fitted = Climatology(kind="climatology", window=21).fit(labelled(bare, y))
    p, base = (7 + 2 / 3) / 22, 2 / 3
    assert fitted.signals(np.empty((2, 0))).tolist() == [[pytest.approx(log(p / (1 - p)) - log(2), abs=1e-9)]] * 2
    assert base / (1 - base) == pytest.approx(2)
    assert fitted.contributions(np.empty((2, 0))).shape == (2, 0)


def test_older_labels_are_forgotten_by_hand(bare: Bare) -> None:
    # Ages 2, 1 and 0 of a half-life of 21: with r = 2 ** (-1 / 21) the share is (r^2 + 1) / (r^2 + r + 1).
    fitted = Climatology(kind="climatology", half_life=21.0).fit(labelled(bare, [1.0, 0.0, 1.0]))
    r = 0.5 ** (1 / 21)
    total = r**2 + r + 1
    n = total**2 / (r**4 + r**2 + 1)
    p = (n * (r**2 + 1) / total + 2 / 3) / (n + 1)
    assert fitted.signals(np.empty((1, 0)))[0, 0] == pytest.approx(log(p / (1 - p)) - log(2), abs=1e-9)


@given(y=st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=300), window=st.integers(21, 400))
def test_it_equals_a_slow_count(bare: Bare, y: list[float], window: int) -> None:
    seen = labelled(bare, y, horizon=5)
    signal = Climatology(kind="climatology", window=window).fit(seen).signals(np.empty((1, 0)))[0, 0]
    recent = pd.Series(y).tail(window)
    n = float(independent_number(len(recent), 5))
    base = min(max(float(np.mean(y)), 0.001), 0.999)
    p, q = ((n * share + base) / (n + 1) for share in (recent.mean(), float(np.mean(y))))
    assert signal == pytest.approx(log(p / (1 - p)) - log(q / (1 - q)), abs=1e-8)
    if window >= len(y):
        assert signal == 0.0


@pytest.mark.parametrize("table", [{"window": 50}, {"half_life": 63.0}])
def test_the_order_of_the_rows_does_not_matter(training: Callable[..., TrainingSet], table: dict[str, float]) -> None:
    seen = training()
    order = np.random.default_rng(0).permutation(len(seen.y))
    shuffled = dataclasses.replace(
        seen, X=seen.X[order], y=seen.y[order], weights=seen.weights[order],
        decided_at=seen.decided_at[order], resolved_at=seen.resolved_at[order],
    )  # fmt: skip
    learner = LEARNERS.read({"kind": "climatology", **table})
    assert learner.fit(shuffled).state() == learner.fit(seen).state()


def test_each_asset_has_its_own(training: Callable[..., TrainingSet]) -> None:
    seen = training(200)
    asset = np.where(np.arange(200) % 2, "SPY", "IWM")
    learner = Climatology(kind="climatology", window=30)
    both = learner.fit(dataclasses.replace(seen, asset=asset))
    assert isinstance(both, RecentClimatology)
    found = signals_of("climatology", both, seen.X, np.where(np.arange(200) % 3, asset, "QQQ"))[:, 0]
    for name in ("IWM", "SPY"):
        own = asset == name
        alone = learner.fit(
            dataclasses.replace(
                seen,
                X=seen.X[own],
                y=seen.y[own],
                weights=seen.weights[own],
                asset=asset[own],
                decided_at=seen.decided_at[own],
                resolved_at=seen.resolved_at[own],
            )
        )
        rows = own & (np.arange(200) % 3 > 0)
        np.testing.assert_array_equal(found[rows], alone.signals(seen.X[rows])[:, 0])
    assert not found[::3].any()


def test_a_memory_that_is_not_set_is_not_part_of_the_definition() -> None:
    assert Climatology(kind="climatology").model_dump(mode="json") == {"kind": "climatology"}
    assert Climatology(kind="climatology", window=252).model_dump(mode="json") == {"kind": "climatology", "window": 252}
