"""Jump boosting: its parts called plainly, the choice of the penalty on the past, one regime, bits and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from bullbear.dataset import Examples
from bullbear.definitions import FeatureSet, ModelDefinition
from bullbear.errors import DefinitionError
from bullbear.learn import TrainingSet, train
from bullbear.learn.learner import signals_of
from bullbear.learn.learners.jump_boosting import JumpBoosting
from bullbear.learn.learners.lightgbm import GradientBoosting
from bullbear.statistics.jump_model import fit_jump_model

TREES = {"bags": 2, "num_iterations": 12, "min_data_in_leaf": 15, "learning_rate": 0.2, "feature_fraction": 1.0}
NAMES = ("noise", "risk", "reward", "hint")


def learner(*penalties: float, **more: object) -> JumpBoosting:
    table = {"kind": "jump_boosting", "regime": ["risk", "reward"], "starts": 3, "splits": 2, **TREES, **more}
    return JumpBoosting.model_validate({**table, "penalties": list(penalties or (5.0,))})


@pytest.fixture(scope="module")
def market(bare: Callable[..., TrainingSet]) -> TrainingSet:
    """600 days in two regimes: yes on 4 days in 5 of the one, on 1 in 4 of the other; a few factors are missing."""
    rng = np.random.default_rng(2)
    wild = np.repeat([0, 1, 0, 1, 0, 1, 0], [120, 50, 150, 60, 100, 40, 80]).astype(float)
    n = len(wild)
    X = rng.normal(size=(n, 4))
    X[:, 1] += 2.0 * wild
    X[:, 2] -= 1.5 * wild
    X[:, 3] += np.roll(wild, -1)
    X[:30, 1] = np.nan
    X[rng.random(n) < 0.1, 3] = np.nan
    y = (rng.random(n) < np.where(wild > 0, 0.25, 0.8)).astype(float)
    weights = rng.uniform(0.5, 1.5, n) / 5
    return bare(X, y, weights, NAMES, (1, 0, 0, 0), 4, 5)


def plainly(seen: TrainingSet, penalty: float, X: np.ndarray) -> np.ndarray:
    """The log-odds of yes beyond those of the training set, a column per bag, step by step."""
    known = [row for row in range(len(seen.y)) if not np.isnan(seen.X[row, [1, 2]]).any()]
    told = seen.X[known][:, [1, 2]]
    told = np.clip((told - told.mean(axis=0)) / told.std(axis=0), -3, 3)
    states = fit_jump_model(told, penalty, starts=3, seed=seen.seed).states
    past, following = known[:-1], states[1:]
    trees = GradientBoosting.model_validate({"kind": "lightgbm", **TREES, "monotone": False})
    fields = {name: getattr(seen, name)[past] for name in ("X", "weights", "decided_at", "resolved_at", "asset")}
    fitted = trees.fit(replace(seen, y=following.astype(float), **fields))
    odds = np.exp(fitted.signals(X) + fitted.base)
    base = sum(seen.weights * seen.y) / sum(seen.weights)
    shares = []
    for regime in (0, 1):
        rows = [row for row, state in zip(past, following, strict=True) if state == regime]
        shares.append((sum(seen.weights[rows] * seen.y[rows]) + base) / (sum(seen.weights[rows]) + 1))
    p = (shares[0] + odds * shares[1]) / (1 + odds)
    return np.log(p / (1 - p)) - np.log(base / (1 - base))


def test_it_equals_its_parts_called_plainly(market: TrainingSet) -> None:
    found = learner(5.0).fit(market)
    np.testing.assert_allclose(found.signals(market.X), plainly(market, 5.0, market.X), rtol=0, atol=1e-9)
    assert found.shares[0] > 0.7
    assert found.shares[1] < 0.35
    calm, wild = np.array([[0.0, -0.5, 0.5, 0.0]]), np.array([[0.0, 2.5, -2.0, 1.0]])
    assert found.signals(calm).min() > 0.2 > -0.5 > found.signals(wild).max()


def test_the_penalty_is_the_one_that_forecast_best_inside_the_training_set(market: TrainingSet) -> None:
    # Each split is fitted as a training set of its own, which cannot know what came later.
    candidates, losses = (0.0, 5.0, 2000.0), []
    for penalty in candidates:
        loss = 0.0
        for train_rows, test in market.inner_splits(2):
            past = replace(
                market,
                **{
                    name: getattr(market, name)[train_rows]
                    for name in ("X", "y", "weights", "decided_at", "resolved_at", "asset")
                },
            )
            p = learner(penalty).fit(past).probability(market.X[test])
            loss -= float(np.sum(market.weights[test] * np.log(np.where(market.y[test] > 0, p, 1 - p))))
        losses.append(loss)
    assert len(set(losses)) == 3
    found = learner(*candidates).fit(market)
    assert found.penalty == candidates[int(np.argmin(losses))]
    assert found.state() == learner(found.penalty).fit(market).state()


def test_questions_share_their_regimes_and_are_fitted_as_each_alone(market: TrainingSet) -> None:
    down = replace(market, y=1.0 - market.y)
    rare = replace(market, y=(np.arange(len(market.y)) % 40 == 0).astype(float))
    fewer = replace(market, X=market.X.copy())
    sets, many = [market, down, rare, fewer], learner(5.0, 2000.0)
    assert [each.state() for each in many.fit_all(sets)] == [many.fit(each).state() for each in sets]


def test_of_equal_penalties_the_highest_is_chosen_and_without_a_split_too(market: TrainingSet) -> None:
    # Prices beyond all measure leave one regime each, whose forecasts are equal.
    assert learner(5e5, 1e6).fit(market).penalty == 1e6
    rows = slice(0, 150)
    names = ("X", "y", "weights", "decided_at", "resolved_at", "asset")
    short = replace(market, **{name: getattr(market, name)[rows] for name in names})
    assert learner(0.0, 5.0).fit(short).penalty == 5.0


def test_one_regime_or_one_answer_says_nothing(market: TrainingSet) -> None:
    alone = learner(1e6).fit(market)
    assert alone.regime is None
    assert not alone.signals(market.X).any()
    assert not alone.contributions(market.X).any()
    unknown = replace(market, X=np.full_like(market.X, np.nan))
    assert not learner(5.0).fit(unknown).signals(market.X).any()
    always = learner(5.0).fit(replace(market, y=np.ones(len(market.y))))
    assert not always.signals(market.X).any()
    assert always.probability(market.X[:1])[0] == pytest.approx(0.999)


def test_it_comes_back_from_json_to_the_same_bits_and_rows_stand_alone(market: TrainingSet) -> None:
    mine = learner(5.0, 20.0)
    fitted = mine.fit(market)
    for each in (fitted, learner(1e6).fit(market)):
        back = mine.restore(json.loads(json.dumps(each.state())))
        np.testing.assert_array_equal(back.signals(market.X), each.signals(market.X))
        np.testing.assert_array_equal(back.contributions(market.X), each.contributions(market.X))
        alone = np.concatenate([signals_of("jump_boosting", back, row[None]) for row in market.X[::37]])
        np.testing.assert_array_equal(alone, each.signals(market.X)[::37])
    assert mine.fit(market).state() == fitted.state()
    assert mine.fit(replace(market, seed=5)).state() != fitted.state()


def test_contributions_add_up_to_the_regime_times_the_slope(market: TrainingSet) -> None:
    fitted = learner(5.0, bags=1).fit(market)
    assert fitted.regime is not None
    score, step = fitted.regime.signals(market.X)[:, 0] + fitted.regime.base, 1e-6

    def signal(odds: np.ndarray) -> np.ndarray:
        q = 1 / (1 + np.exp(-odds))
        p = (1 - q) * fitted.shares[0] + q * fitted.shares[1]
        return np.log(p / (1 - p))

    slope = (signal(score + step) - signal(score - step)) / (2 * step)
    expected = score - fitted.contributions(market.X).sum(axis=1) / slope  # SHAP's expected score, the same in all rows
    np.testing.assert_allclose(expected, expected[0], atol=1e-5)
    assert np.ptp(score) > 1.0


def test_later_days_change_no_forecast(
    model: Callable[..., ModelDefinition], feature_sets: list[FeatureSet], examples: Examples
) -> None:
    table = {"kind": "jump_boosting", "regime": ["truth", "noise_a"], "penalties": [1.0, 5.0], "splits": 2, **TREES}
    definition = model(table, refit="quarter")
    before = train(definition, feature_sets, examples)
    day = examples.session[-90]
    later, resolved = examples.session > day, examples.resolved_at > examples.decided_at[-90]
    X = examples.X.copy()
    X.loc[later] *= -3.0
    y = np.where(resolved, 1.0 - examples.y, examples.y)
    after = train(definition, feature_sets, replace(examples, X=X, y=y, y_final=y))
    tables = [each.predictions.table.set_index("decided_at")["p"] for each in (before, after)]
    told = tables[0].index <= examples.decided_at[-90]
    np.testing.assert_array_equal(tables[0][told], tables[1][told])
    assert told.sum() > 50
    assert not np.array_equal(tables[0][~told], tables[1][~told])


def test_what_it_refuses(market: TrainingSet) -> None:
    mine = learner(5.0)
    assert mine.refuses_inputs(["risk", "reward"], ["IWM"]) is None
    key, allowed = mine.refuses_inputs(["risk"], ["IWM"]) or ("", "")
    assert (key, "lack reward" in allowed) == ("regime", True)
    key, allowed = mine.refuses_inputs(["risk", "reward"], ["IWM", "SPY"]) or ("", "")
    assert (key, "several assets, IWM, SPY" in allowed) == ("kind", True)
    with pytest.raises(DefinitionError, match=r"learner\.regime.*lack reward"):
        mine.fit(replace(market, names=("noise", "risk", "other", "hint")))
    for wrong in ({"penalties": []}, {"penalties": [-1.0]}, {"regime": []}, {"monotone": True}, {"splits": 0}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            JumpBoosting.model_validate({"kind": "jump_boosting", **wrong})
