"""Bagged boosting: LightGBM called as documented, seeds, signs and the import without scikit-learn."""

from __future__ import annotations

import dataclasses
import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from pydantic import ValidationError

from bullbear.learn import TrainingSet
from bullbear.learn.learners.lightgbm import GradientBoosting, import_without_sklearn
from bullbear.statistics import rows_per_label

SMALL = GradientBoosting(kind="lightgbm", bags=2, num_iterations=15, min_data_in_leaf=15, learning_rate=0.2)


def test_it_equals_lightgbm_called_plainly(training: Callable[..., TrainingSet]) -> None:
    # At the usual horizon the settings mean what LightGBM means by them, for weights with a mean of about 1.
    seen = training(seed=3)
    weights = seen.weights * rows_per_label(21)
    found = SMALL.fit(seen).signals(seen.X)
    for bag in range(2):
        parameters = {
            "objective": "binary",
            "learning_rate": 0.2,
            "num_leaves": 4,
            "min_data_in_leaf": 15,
            "feature_fraction": 0.3,
            "bagging_fraction": 0.5,
            "bagging_freq": 1,
            "lambda_l2": 10.0,
            "max_bin": 63,
            "seed": 3_000 + bag,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }
        data = lightgbm.Dataset(seen.X, seen.y, weight=weights)
        booster = lightgbm.train(parameters, data, num_boost_round=15)
        share = np.sum(seen.y * seen.weights) / np.sum(seen.weights)
        expected = booster.predict(seen.X, raw_score=True) - np.log(share / (1 - share))
        np.testing.assert_allclose(found[:, bag], expected, rtol=0, atol=1e-6)
    assert np.ptp(found) > 0.3


def test_questions_share_their_bins_and_are_fitted_as_each_alone(training: Callable[..., TrainingSet]) -> None:
    up = training(n=400, seed=3, signs=(1, -1, 0, 0))
    rng = np.random.default_rng(8)
    down = dataclasses.replace(
        up, y=1.0 - up.y, signs=(-1, 1, 0, 0), weights=rng.permutation(up.weights) * rng.uniform(0.9, 1.1, 400)
    )
    wide = dataclasses.replace(up, y=(np.abs(np.nan_to_num(up.X[:, 2])) > 1).astype(float), signs=(0, 0, 0, 0))
    fewer = training(n=390, seed=3, signs=(1, -1, 0, 0))  # labels on other rows
    constant = dataclasses.replace(up, y=np.ones(400))
    sets = [up, down, fewer, wide, constant, up]
    assert sets[0].X is sets[1].X
    found = SMALL.fit_all(sets)
    assert [each.state() for each in found] == [SMALL.fit(each).state() for each in sets]
    assert found[0].state() == found[-1].state() != found[3].state()
    for each, direction in ((found[0], 1), (found[1], -1)):
        grid = np.zeros((50, 4))
        grid[:, 0] = np.linspace(-3, 3, 50)
        steps = direction * np.diff(each.signals(grid), axis=0)
        assert (steps >= 0).all()
        assert steps.max() > 0


@pytest.mark.parametrize(("horizon", "rows"), [(1, 13), (5, 49), (21, 200), (63, 598)])
def test_leaf_and_penalty_follow_the_horizon(training: Callable[..., TrainingSet], horizon: int, rows: int) -> None:
    # 200 rows over 21 sessions are worth 13 labels: 13 rows over one session, 13 * 3.78 over five.
    parameters = GradientBoosting(kind="lightgbm").parameters(training(horizon=horizon), 0)
    assert parameters["min_data_in_leaf"] == rows
    assert parameters["lambda_l2"] == pytest.approx(10 / 15.3386, abs=1e-4)
    assert GradientBoosting(kind="lightgbm", min_data_in_leaf=1).parameters(training(), 0)["min_data_in_leaf"] == 1


def test_values_that_differ_by_rounding_are_one_number(training: Callable[..., TrainingSet]) -> None:
    # Either column would tell the outcome: one is constant but for rounding, one is so on two of its three levels.
    seen = training(holes=0.0)
    X = seen.X.copy()
    X[:, 2] = np.where(seen.y > 0, 0.1 + 0.2, 0.3)
    X[:, 3] = np.where(np.arange(len(X)) % 3 == 0, 0.7, X[:, 2])
    fitted = STRONG.fit(dataclasses.replace(seen, X=X))
    other = X.copy()
    other[:, 2] = np.where(seen.y > 0, 0.3, 0.1 + 0.2)
    other[:, 3] = np.where(np.arange(len(X)) % 3 == 0, 0.7, other[:, 2])
    np.testing.assert_array_equal(fitted.signals(other), fitted.signals(X))
    np.testing.assert_array_equal(fitted.contributions(other), fitted.contributions(X))


def test_different_seeds_give_different_bits(training: Callable[..., TrainingSet]) -> None:
    signals = [SMALL.fit(training(seed=seed)).signals(training().X) for seed in (0, 1, 2)]
    assert not np.array_equal(signals[0], signals[1])
    assert not np.array_equal(signals[1], signals[2])


def test_bags_differ_and_a_bag_does_not_depend_on_how_many_there_are(training: Callable[..., TrainingSet]) -> None:
    seen = training()
    three = SMALL.model_copy(update={"bags": 3}).fit(seen).signals(seen.X)
    np.testing.assert_array_equal(three[:, :2], SMALL.fit(seen).signals(seen.X))
    assert not np.array_equal(three[:, 0], three[:, 1])


def test_without_bagging_every_row_is_used(bare: Callable[..., TrainingSet]) -> None:
    whole = SMALL.model_copy(update={"bagging_fraction": 1.0})
    seen = bare(np.zeros((1, 1)), np.zeros(1), np.ones(1), ("a",), (0,), 5, 21)
    assert whole.parameters(seen, 1)["bagging_freq"] == 0
    assert SMALL.parameters(seen, 1)["bagging_freq"] == 1
    assert SMALL.parameters(seen, 1)["seed"] == 5001
    assert SMALL.parameters(seen, 1)["monotone_constraints"] is None


def steps(model: GradientBoosting, seen: TrainingSet, factor: int) -> np.ndarray:
    """How each bag's signal moves as one factor rises over a grid, the others held at 40 training rows."""
    fitted = model.fit(seen)
    rows = seen.X[:40]
    ladder = []
    for level in np.linspace(-3.0, 3.0, 41):
        moved = rows.copy()
        moved[:, factor] = level
        ladder.append(fitted.signals(moved))
    return np.diff(np.stack(ladder), axis=0)


STRONG = SMALL.model_copy(update={"num_iterations": 60, "feature_fraction": 1.0, "lambda_l2": 0.0, "num_leaves": 8})


@pytest.mark.parametrize("signs", [(1, -1, 1, -1), (-1, 1, 0, 1)], ids=["with the data", "against the data"])
def test_trees_obey_the_signs(training: Callable[..., TrainingSet], signs: tuple[int, ...]) -> None:
    seen = training(signs=signs)
    for factor, sign in enumerate(signs):
        if sign:
            assert (sign * steps(STRONG, seen, factor) >= 0).all()


def test_without_signs_trees_follow_the_data(training: Callable[..., TrainingSet]) -> None:
    free = STRONG.model_copy(update={"monotone": False})
    against = training(signs=(-1, 1, 0, 0))
    assert (steps(free, against, 0) > 0).any()
    assert (steps(free, against, 2) > 0).any()
    assert (steps(free, against, 2) < 0).any()


def test_weights_matter(training: Callable[..., TrainingSet]) -> None:
    seen = training()
    other = dataclasses.replace(seen, weights=np.ones(len(seen.y)))
    assert not np.array_equal(SMALL.fit(seen).signals(seen.X), SMALL.fit(other).signals(seen.X))


def test_base_is_the_weighted_log_odds(bare: Callable[..., TrainingSet]) -> None:
    X = np.arange(6.0)[:, None]
    y = np.array([1.0, 1.0, 0.0, 1.0, 0.0, 0.0])
    seen = bare(X, y, np.array([2.0, 1.0, 0.5, 1.0, 0.5, 1.0]), ("a",), (0,), 0, 21)
    # Ups weigh 4, the others 2.
    fitted = SMALL.fit(seen)
    assert fitted.base == pytest.approx(np.log(2.0), abs=1e-12)
    # Six rows are too few for any leaf: a forest of stumps without a split has nothing to add.
    np.testing.assert_allclose(fitted.signals(X), 0.0, atol=1e-6)


SCRIPT = """
import json, sys
from bullbear.learn.learners.lightgbm import GradientBoosting, import_without_sklearn
import_without_sklearn()
assert "lightgbm" in sys.modules and "sklearn" not in sys.modules, "scikit-learn came along"
import_without_sklearn()
import numpy as np
given = json.load(open(sys.argv[1]))
fitted = GradientBoosting(kind="lightgbm").restore(given["state"])
X = np.array(given["X"], dtype=float)
found = {"signals": fitted.signals(X).tolist(), "contributions": fitted.contributions(X).tolist()}
assert not any(name.split(".")[0] == "sklearn" for name in sys.modules), "scikit-learn came later"
import sklearn.linear_model
print(json.dumps(found))
"""


def test_restored_boosters_answer_to_the_same_bits_without_sklearn(
    training: Callable[..., TrainingSet], tmp_path: Path
) -> None:
    seen = training(holes=0.0)
    fitted = SMALL.fit(seen)
    rows = seen.X[:5]
    given = tmp_path / "given.json"
    given.write_text(json.dumps({"state": fitted.state(), "X": rows.tolist()}))
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(given)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    np.testing.assert_array_equal(found["signals"], fitted.signals(rows))
    np.testing.assert_array_equal(found["contributions"], fitted.contributions(rows))


def test_the_kept_text_answers_to_the_same_bits_as_the_whole_one(training: Callable[..., TrainingSet]) -> None:
    seen = training(seed=4)
    whole = [booster.model_to_string() for booster in SMALL.boosters(seen, SMALL.dataset(seen))]
    assert all("leaf_weight=" in text and "parameters:" in text for text in whole)
    # A bundle of an earlier version holds whole texts.
    kept, earlier = SMALL.fit(seen), SMALL.restore({"boosters": whole, "base": 0.25})
    assert sum(map(len, kept.texts)) < 0.75 * sum(map(len, whole))
    restored = SMALL.restore({**kept.state(), "base": 0.25})
    for X in (seen.X, seen.X * 3.0, np.where(seen.X > 0.5, np.nan, seen.X)):
        assert restored.signals(X).tobytes() == earlier.signals(X).tobytes()
        assert restored.contributions(X).tobytes() == earlier.contributions(X).tobytes()
    assert np.ptp(restored.contributions(seen.X)) > 0.1


def test_import_without_sklearn_leaves_a_loaded_sklearn_alone() -> None:
    loaded = importlib.import_module("sklearn")
    import_without_sklearn()
    assert sys.modules["sklearn"] is loaded


def test_a_fit_and_its_answers_print_nothing(
    training: Callable[..., TrainingSet], capfd: pytest.CaptureFixture[str]
) -> None:
    seen = training(seed=3)
    fitted = SMALL.fit(seen)
    SMALL.restore(fitted.state()).signals(seen.X)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("key", "ends", "beyond"),
    [
        ("bags", (1, 64), (0, 65)),
        ("num_iterations", (1, 5000), (0, 5001)),
        ("learning_rate", (1.0,), (0.0, 1.01)),
        ("num_leaves", (2, 256), (1, 257)),
        ("min_data_in_leaf", (1,), (0,)),
        ("feature_fraction", (1.0,), (0.0, 1.01)),
        ("bagging_fraction", (1.0,), (0.0, 1.01)),
        ("lambda_l2", (0.0,), (-0.01,)),
        ("max_bin", (2, 1023), (1, 1024)),
    ],
)
def test_the_ends_of_each_range(key: str, ends: tuple[float, ...], beyond: tuple[float, ...]) -> None:
    for value in ends:
        assert GradientBoosting.model_validate({"kind": "lightgbm", key: value}).model_dump()[key] == value
    for value in beyond:
        with pytest.raises(ValidationError, match=key):
            GradientBoosting.model_validate({"kind": "lightgbm", key: value})
