"""The shipped outlook: its definition, its forecasts as the past knew them, and its skill on the real snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.data.simulator import load, simulate
from bullbear.data.snapshot import ingest
from bullbear.dataset.examples import build_all
from bullbear.home import Home
from bullbear.learn import Training, continue_training
from bullbear.learn.distribution import DistributionModel
from bullbear.learn.walk_forward import train_all

ROOT = Path(__file__).resolve().parents[2]
CUT = "2002-10-01"
LATER = pd.Timestamp("2030-01-01", tz="UTC")


@dataclass(frozen=True)
class Trained:
    """A training of every question on what was known at an instant."""

    trainings: list[Training]
    X: pd.DataFrame


def outlook(home: Home, instant: pd.Timestamp | None = None, *, start: str | None = None, **where: Any) -> Trained:
    model = Home(ROOT).model("outlook")
    definition = model.definition
    if start:
        table = {"first": start, "refit": "quarter", "burn_in_months": 0}
        definition = definition.model_copy(update={"splitter": table})
    examples = build_all(home.filled_store().as_of(instant), model.feature_sets, definition.targets)
    return Trained(train_all(definition, model.feature_sets, examples, **where), examples[0].X)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("market"))
    load(simulate(seed=4, years=3), home.store(), home.root, LATER)
    return home


@pytest.fixture(scope="module")
def whole(market: Home) -> Trained:
    return outlook(market, start="2002-04-01")


def test_it_asks_every_shipped_question() -> None:
    home = Home(ROOT)
    definition = home.model("outlook").definition
    assert [each.name for each in definition.questions] == list(home.questions())
    scales = [(each.learner["kind"], each.learner["scale"]) for each in definition.members]
    assert scales == [("distribution", "har"), ("distribution", "garch"), ("distribution", "implied")]


def test_forecasts_are_those_that_the_past_would_have_made(market: Home, whole: Trained) -> None:
    early = outlook(market, pd.Timestamp(CUT, tz="UTC"), start="2002-04-01")
    for then, now in zip(early.trainings, whole.trainings, strict=True):
        columns = ["decided_at", "p", "p_low", "p_high", "climatology"]
        known, later = then.predictions.table[columns], now.predictions.table[columns]
        assert known["decided_at"].iloc[-1] > pd.Timestamp("2002-08-01", tz="UTC")
        pd.testing.assert_frame_equal(known, later.iloc[: len(known)], check_exact=True)


@pytest.mark.slow
def test_two_and_four_processes_and_a_cluster_give_the_same_bits(market: Home, whole: Trained) -> None:
    distributed = pytest.importorskip("distributed")
    found = [outlook(market, start="2002-04-01", jobs=jobs) for jobs in (2, 4)]
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        found.append(outlook(market, start="2002-04-01", cluster=cluster.scheduler_address))
    for each in found:
        for ours, theirs in zip(each.trainings, whole.trainings, strict=True):
            pd.testing.assert_frame_equal(ours.predictions.table, theirs.predictions.table, check_exact=True)
            assert [kept.state() for kept in ours.models] == [kept.state() for kept in theirs.models]


def test_forecasts_differ_from_usual_but_for_the_direction(whole: Trained) -> None:
    up, dip8 = whole.trainings[0].predictions.table, whole.trainings[3].predictions.table
    assert np.abs(up["p"] - up["climatology"]).max() < 0.05
    assert np.abs(dip8["p"] - dip8["climatology"]).max() > 0.05


def test_a_fold_gives_a_distribution(whole: Trained) -> None:
    X = whole.X.iloc[-3:]
    for training in whole.trainings[:2]:
        fold = training.models[-1]
        assert isinstance(fold.members[0].fitted, DistributionModel)
        forecast = fold.distribution(X)
        assert forecast is not None
        assert forecast.quantiles.shape == (3, 99)
        assert forecast.fan.shape == (3, 5, 21)
        assert (forecast.volatility > 0.05).all()
    both = [training.models[-1].distribution(X) for training in whole.trainings[:2]]
    np.testing.assert_array_equal(both[0].quantiles, both[1].quantiles)


def test_a_missing_close_sets_no_question_apart(tmp_path: Path) -> None:
    market = simulate(seed=4, years=3)
    bars = market.frames["prices/IWM"]
    market.frames["prices/IWM"] = bars.drop(bars.index[300])
    home = Home(tmp_path)
    load(market, home.store(), home.root, LATER)
    model = Home(ROOT).model("outlook")
    table = {"first": "2001-10-01", "refit": "quarter", "burn_in_months": 0}
    har = model.definition.members[:1]
    changed = {"splitter": table, "questions": model.definition.questions[:3], "member": har, "pool": {}}
    definition = model.definition.model_copy(update=changed)
    examples = build_all(home.filled_store().as_of(), model.feature_sets, definition.targets)
    assert np.isnan(examples[2].y).sum() > np.isnan(examples[0].y).sum()
    joint = train_all(definition, model.feature_sets, examples)
    for number, question in enumerate(definition.questions):
        only = definition.only(question.name)
        (alone,) = train_all(only, model.feature_sets, [examples[number]])
        models = [each.state() for each in joint[number].models]
        assert models == [each.state() for each in alone.models]
        half = len(models) // 2
        early = joint[number].models[half - 1].trained_through
        signals = joint[number].signals
        added = continue_training(
            only,
            model.feature_sets,
            examples[number],
            signals=signals[signals.index <= joint[number].models[half].trained_through],
            fitted_through=early,
            model_for=lambda _, last=alone.models[half - 1]: last,
        )
        assert [each.state() for each in added.models] == models[half:]


@pytest.mark.slow
def test_skill_on_the_real_snapshot(tmp_path: Path, snapshot_dir: Path) -> None:
    home = Home(tmp_path)
    ingest(snapshot_dir, home.store(), LATER)
    skill = {}
    for training in outlook(home).trainings:
        table = training.predictions.table.dropna(subset=["y"])
        table = table[table["decided_at"] < pd.Timestamp("2020-01-01", tz="UTC")]
        missed = ((table["p"] - table["y"]) ** 2).sum()
        skill[table["question"].iloc[0]] = 1 - missed / ((table["climatology"] - table["y"]) ** 2).sum()
    assert len(skill) == 8
    assert np.mean(list(skill.values())) >= 0.18
    assert skill["up"] >= -0.002
    assert min(skill[name] for name in skill if name != "up") > 0.03
