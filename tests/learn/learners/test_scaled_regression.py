"""Scaled returns: the parts called plainly, errors from the past alone, questions, bits and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import lightgbm
import numpy as np
import pytest
from pydantic import ValidationError

from bullbear.definitions.questions import QUESTION_KINDS, Question
from bullbear.errors import DefinitionError, HistoryError
from bullbear.learn import TrainingSet
from bullbear.learn.learner import signals_of
from bullbear.learn.learners.scaled_regression import ScaledRegression, ScaledReturn
from bullbear.learn.paths.scaled_history import ScaledHistory

VOLATILITY = ["week", "month"]
TREES = {"bags": 2, "num_iterations": 10, "min_data_in_leaf": 40, "learning_rate": 0.2, "feature_fraction": 1.0}


def learner(**more: object) -> ScaledRegression:
    return ScaledRegression.model_validate(
        {"kind": "scaled_regression", "volatility": VOLATILITY, "splits": 2, **TREES, **more}
    )


def question(kind: str, threshold: float, horizon: int = 21) -> Question:
    return QUESTION_KINDS.read(
        {"name": "mine", "kind": kind, "threshold": threshold, "horizon": horizon, "sentence": "A sentence."}
    )


@pytest.fixture(scope="module")
def seen(stormy: Callable[..., TrainingSet]) -> TrainingSet:
    """500 days with three volatilities, of which the third is also what the mean return follows."""
    found = stormy(500)
    assert found.paths is not None
    rng = np.random.default_rng(7)
    hint = rng.normal(size=500)
    X = np.column_stack([found.X[:, :2], hint])
    paths = found.paths + 0.004 * hint[:, None]
    weights = rng.uniform(0.5, 1.5, 500) / 21
    return replace(found, X=X, paths=paths, path_weights=weights, names=("week", "month", "hint"), signs=(0, 0, 1))


def rows_of(seen: TrainingSet, rows: np.ndarray) -> TrainingSet:
    names = ("X", "y", "weights", "decided_at", "resolved_at", "asset", "paths", "path_weights")
    return replace(seen, **{name: getattr(seen, name)[rows] for name in names})


def pieces(seen: TrainingSet, loss: str, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forecast standard deviation (n,) and mean of z (n,) at the rows of X, from `seen`."""
    history = ScaledHistory.fit(seen.X[:, :2], seen.path_weights, seen.paths, 3.0)
    z = seen.paths.sum(axis=1) / (np.exp(history.level(seen.X[:, :2])) * np.sqrt(21 / 252))
    boosters = []
    for bag in range(2):
        parameters = {
            "objective": loss,
            "alpha": 1.345,
            "learning_rate": 0.2,
            "num_leaves": 4,
            "min_data_in_leaf": 40,
            "bagging_fraction": 0.5,
            "bagging_freq": 1,
            "lambda_l2": 10.0 / 15.3386,
            "max_bin": 63,
            "monotone_constraints": [0, 0, 1],
            "seed": 1_000 + bag,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }
        data = lightgbm.Dataset(seen.X, z, weight=seen.path_weights)
        boosters.append(lightgbm.train(parameters, data, num_boost_round=10))
    return np.exp(history.level(X[:, :2])) * np.sqrt(21 / 252), np.mean([b.predict(X) for b in boosters], axis=0)


@pytest.mark.parametrize("loss", ["huber", "l2"])
def test_it_equals_its_parts_called_plainly(seen: TrainingSet, loss: str) -> None:
    errors: list[float] = []
    for train, test in seen.inner_splits(2):
        # Fitted to the past alone, on arrays that hold nothing else.
        scale, mean = pieces(rows_of(seen, train), loss, seen.X[test])
        errors.extend(seen.paths[test].sum(axis=1) / scale - mean)
    scale, mean = pieces(seen, loss, seen.X)
    fitted = learner(loss=loss).fit(replace(seen, question=question("return_above", 0.01)))
    bound = np.log(1.01) / scale - mean
    plain = [np.mean(np.array(errors) > each) for each in bound]
    np.testing.assert_allclose(fitted.probability(seen.X), plain, atol=0.006)
    assert np.ptp(plain) > 0.2


def test_a_good_hint_raises_the_odds_of_a_rise_and_volatility_those_of_a_move(seen: TrainingSet) -> None:
    up, fall, move = learner().fit_all(
        [
            replace(seen, question=question(kind, threshold), signs=(0, 0, sign))
            for kind, threshold, sign in (("return_above", 0.0, 1), ("return_below", -0.05, -1), ("move", 0.05, 0))
        ]
    )
    X = np.repeat(seen.X[:1], 2, axis=0)
    X[:, 2] = (-1.5, 1.5)
    assert np.diff(up.signals(X), axis=0).min() > 0.3
    assert np.diff(fall.signals(X), axis=0).max() < -0.3
    wild = np.repeat(seen.X[:1], 2, axis=0)
    wild[1, :2] += 0.7
    assert np.diff(move.signals(wild), axis=0).min() > 0.3
    # A fall of 5 % is also a move of 5 %; with the errors' distribution the same, the trees differ by their signs only.
    unsigned = learner().fit(replace(seen, question=question("return_below", -0.05), signs=(0, 0, 0)))
    assert (unsigned.probability(seen.X) <= move.probability(seen.X) + 1e-3).all()


def test_questions_of_the_same_rows_share_a_fit_and_are_fitted_as_each_alone(seen: TrainingSet) -> None:
    sets = [replace(seen, question=question("return_above", threshold)) for threshold in (0.0, 0.03)]
    sets += [replace(seen, question=question("return_below", -0.05), signs=(0, 0, -1)), rows_of(seen, np.arange(450))]
    found = [each.state() for each in learner().fit_all(sets)]
    assert found == [learner().fit(each).state() for each in sets]
    assert found[0]["mean"] == found[2]["mean"] != found[3]["mean"]


def test_rows_without_a_path_teach_nothing(seen: TrainingSet) -> None:
    paths, weights = seen.paths.copy(), seen.path_weights.copy()
    paths[-40:, 3], weights[-40:] = np.nan, 0.0
    X = seen.X.copy()
    X[-40:] = 9.0
    found = learner().fit(replace(seen, X=X, paths=paths, path_weights=weights))
    assert found.state() == learner().fit(rows_of(seen, np.arange(460))).state()


def test_it_comes_back_from_json_to_the_same_bits_and_rows_stand_alone(seen: TrainingSet) -> None:
    for asked in (question("return_above", 0.0), question("move", 0.05)):
        fitted = learner().fit(replace(seen, question=asked))
        back = learner().restore(json.loads(json.dumps(fitted.state(), allow_nan=False)))
        assert isinstance(back, ScaledReturn)
        np.testing.assert_array_equal(back.signals(seen.X), fitted.signals(seen.X))
        np.testing.assert_array_equal(back.contributions(seen.X), fitted.contributions(seen.X))
        alone = np.concatenate([signals_of("scaled_regression", back, row[None]) for row in seen.X[::29]])
        np.testing.assert_array_equal(alone, fitted.signals(seen.X)[::29])
        assert learner().fit(replace(seen, question=asked)).state() == fitted.state()


def test_signals_are_beyond_the_mean_probability_of_the_training_rows(seen: TrainingSet) -> None:
    fitted = learner().fit(seen)
    share = fitted.probability(seen.X).mean()
    assert fitted.answer.shares == {"IWM": pytest.approx(share, abs=1e-12)}
    above = fitted.probability(seen.X) > share + 0.01
    np.testing.assert_array_equal(fitted.signals(seen.X[above]).mean(axis=1) > 0, True)
    assert 0.2 < above.mean() < 0.8


def test_few_rows_take_the_errors_of_the_fit_itself(seen: TrainingSet) -> None:
    few = rows_of(seen, np.arange(80))
    fitted = learner(min_data_in_leaf=5).fit(few)
    history = ScaledHistory.fit(few.X[:, :2], few.path_weights, few.paths, 3.0)
    z = few.paths.sum(axis=1) / (np.exp(history.level(few.X[:, :2])) * np.sqrt(21 / 252))
    left = z - fitted.mean.signals(few.X).mean(axis=1)
    np.testing.assert_allclose(
        np.array(fitted.answer.residuals.quantiles)[[0, -1]], [left.min(), left.max()], atol=1e-6
    )


def test_what_it_refuses(seen: TrainingSet) -> None:
    mine = learner()
    assert mine.refuses_inputs(["week", "month"], ["IWM"]) is None
    assert (mine.refuses_inputs(["week"], ["IWM"]) or ("", ""))[0] == "volatility"
    assert (mine.refuses_inputs(["week", "month"], ["IWM", "SPY"]) or ("", ""))[0] == "kind"
    assert [mine.refuses_question(question(kind, 0.05)) for kind in ("return_above", "move")] == [None, None]
    for kind, threshold in (("dip", -0.05), ("rally", 0.05), ("volatility", 0.2)):
        asked = question(kind, threshold)
        with pytest.raises(DefinitionError, match=rf"mine, of the kind {kind}.*return_above, return_below or move"):
            mine.fit(replace(seen, question=asked))
    with pytest.raises(DefinitionError, match=r"learner\.volatility.*lack month"):
        mine.fit(replace(seen, names=("week", "other", "hint")))
    with pytest.raises(HistoryError, match=r"learner of paths.*no paths"):
        mine.fit(replace(seen, paths=None, path_weights=None))
    for wrong in ({"loss": "mae"}, {"huber": 0.0}, {"volatility": []}, {"penalty": -1.0}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            learner(**wrong)
