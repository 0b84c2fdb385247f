"""Every expert on synthetic sessions: it knows the past only, and its models restore to the same bits."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset import Examples
from bullbear.dataset.labels import Paths
from bullbear.definitions import FeatureSet, ModelDefinition
from bullbear.home import Home
from bullbear.learn import FoldModel, train
from bullbear.statistics import independent_number

ROOT = Path(__file__).resolve().parents[2]
EXPERTS = [
    {"kind": "climatology", "window": 63},
    {"kind": "climatology", "half_life": 42.0},
    {"kind": "christoffersen_diebold"},
    {"kind": "predictive_regression"},
    {"kind": "combination_forecast", "combine": "dmspe"},
    {"kind": "combination_forecast", "response": "answer", "combine": "trimmed_mean"},
    {"kind": "event_odds"},
    {"kind": "analogue"},
    {"kind": "linear_average", "penalty": 5.0},
]
NAMES = ["-".join(str(value) for value in table.values()) for table in EXPERTS]
CUT = pd.Timestamp("2019-09-16", tz="UTC")


@pytest.fixture(scope="module")
def walked(examples: Examples) -> Examples:
    """The examples with paths that end where their label says."""
    rng = np.random.default_rng(7)
    noise = 0.01 * rng.normal(size=(len(examples), examples.horizon))
    end = np.abs(0.03 * rng.normal(size=len(examples))) * (2 * examples.y - 1)
    paths = noise + ((end - noise.sum(axis=1)) / examples.horizon)[:, None]
    return dataclasses.replace(examples, paths=Paths(paths, examples.resolved_at))


def of(table: dict[str, object], sets: list[FeatureSet], examples: Examples) -> tuple[list[FeatureSet], Examples]:
    """The first factor alone, for the expert that takes one."""
    if table["kind"] != "predictive_regression":
        return sets, examples
    one = [sets[0].model_copy(update={"factor": sets[0].factor[:1]})]
    return one, dataclasses.replace(examples, X=examples.X.iloc[:, :1])


@pytest.mark.parametrize("table", EXPERTS, ids=NAMES)
def test_nothing_that_comes_later_reaches_a_forecast(
    table: dict[str, object],
    model: Callable[..., ModelDefinition],
    feature_sets: list[FeatureSet],
    walked: Examples,
) -> None:
    sets, known = of(table, feature_sets, walked)
    later, unresolved = known.decided_at >= CUT, known.resolved_at > CUT
    X = known.X.copy()
    X.loc[later] = X.loc[later] * -3.0 + 1.0
    assert known.paths is not None
    returns = np.where(np.asarray(unresolved)[:, None], -2.0 * known.paths.returns, known.paths.returns)
    changed = dataclasses.replace(
        known,
        X=X,
        y=np.where(unresolved, 1 - known.y, known.y),
        paths=Paths(returns, known.paths.known_at),
    )
    before, after = (train(model(table), sets, each) for each in (known, changed))
    upto = before.predictions.table["decided_at"] < CUT
    columns = ["decided_at", "p", "p_low", "p_high"]
    pd.testing.assert_frame_equal(
        before.predictions.table.loc[upto, columns], after.predictions.table.loc[upto, columns], check_exact=True
    )
    pairs = list(zip(before.models, after.models, strict=True))
    same = [json.dumps(one.state()) == json.dumps(other.state()) for one, other in pairs]
    assert same == [one.trained_through < CUT for one, _ in pairs]
    assert {True, False} <= set(same)


@pytest.mark.parametrize("table", EXPERTS, ids=NAMES)
def test_a_restored_model_forecasts_each_day_alone_to_the_same_bits(
    table: dict[str, object],
    model: Callable[..., ModelDefinition],
    feature_sets: list[FeatureSet],
    walked: Examples,
) -> None:
    sets, known = of(table, feature_sets, walked)
    trained = train(model(table, refit="quarter", prior_sd=2.0), sets, known)
    models = [FoldModel.restore(json.loads(json.dumps(each.state(), allow_nan=False))) for each in trained.models]
    answers = trained.predictions.table
    place = known.decided_at.get_indexer(pd.DatetimeIndex(answers["decided_at"]))
    for number, row in list(enumerate(place))[::11]:
        in_force = max(i for i, each in enumerate(models) if each.trained_through < known.decided_at[row])
        one = slice(row, row + 1)
        behind = independent_number(known.n_resolved[one], known.horizon)
        found = models[in_force].forecast(known.X.iloc[[row]], known.climatology[one], behind).iloc[0]
        assert found.to_dict() == answers.loc[number, found.index.tolist()].to_dict()


@pytest.mark.parametrize(
    ("name", "questions"),
    [
        ("climatology_rolling", 8),
        ("climatology_forgetting", 8),
        ("christoffersen_diebold", 3),
        ("short_interest", 1),
        ("ten_month_average", 1),
        ("combination_forecast", 2),
        ("combination_answers", 8),
        ("event_odds", 8),
        ("analogue", 8),
        ("linear_average", 1),
    ],
)
def test_the_shipped_experts_load_and_are_listed(name: str, questions: int) -> None:
    definition = Home(ROOT).model(name).definition
    assert len(definition.questions) == questions
    assert definition.calibration == {"kind": "shrinkage", "prior_sd": 0.5}
    assert f"| `{name}` |" in (ROOT / "docs" / "experts.md").read_text()
