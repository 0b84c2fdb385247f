"""Walk-forward training on synthetic sessions: no forecast knows what had not resolved, and every bit is repeated."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset import Examples, splitter_of
from bullbear.dataset.examples import uniqueness
from bullbear.definitions import FeatureSet, ModelDefinition, Source
from bullbear.errors import DefinitionError, HistoryError
from bullbear.execution import Kept
from bullbear.learn import LEARNERS, FoldModel, Training, TrainingSet, train
from bullbear.learn.calibrator import History
from bullbear.learn.calibrators.shrinkage import Shrinkage
from bullbear.learn.combining import predict
from bullbear.learn.learner import bag_mean
from bullbear.statistics import independent_number

TREES = {"kind": "lightgbm", "bags": 2, "num_iterations": 10, "min_data_in_leaf": 15, "learning_rate": 0.2}
LINE = {"kind": "logistic", "penalty": 5.0}
Make = Callable[..., ModelDefinition]


def same(first: Training, second: Training) -> None:
    pd.testing.assert_frame_equal(first.predictions.table, second.predictions.table, check_exact=True)
    states = [json.dumps([m.state() for m in t.models], sort_keys=True) for t in (first, second)]
    assert states[0] == states[1]


def day_of(predictions: pd.DataFrame, column: str = "decided_at") -> pd.Series:
    return predictions[column].dt.tz_convert("America/New_York").dt.strftime("%Y-%m-%d")


@pytest.fixture(scope="module")
def trained(model: Make, feature_sets: list[FeatureSet], examples: Examples) -> Training:
    return train(model(LINE), feature_sets, examples)


def test_what_a_training_reports(trained: Training, examples: Examples) -> None:
    table = trained.predictions.table
    assert trained.predictions.select(asset="IWM", question="up", horizon=5, member="combined", path=0).table.equals(
        table
    )
    # The burn-in of March to May is forecast but not reported; January's last five have not resolved.
    assert day_of(table).iloc[[0, -1]].tolist() == ["2019-06-03", "2020-01-24"]
    assert day_of(table, "resolved_at").iloc[[0, -1]].tolist() == ["2019-06-10", "2020-01-31"]
    assert table["decided_at"].is_monotonic_increasing
    assert table["y"].isna().sum() == 5
    assert ((table["p_low"] <= table["p"]) & (table["p"] <= table["p_high"])).all()
    place = examples.decided_at.get_indexer(pd.DatetimeIndex(table["decided_at"]))
    np.testing.assert_array_equal(table["y"], examples.y[place])
    np.testing.assert_array_equal(table["climatology"], examples.climatology[place])
    assert place.tolist() == list(range(place[0], len(examples)))
    assert trained.fit_seconds > 0


def test_the_models_of_every_fold_are_kept(trained: Training) -> None:
    fitted = [m.trained_through.tz_convert("America/New_York").strftime("%Y-%m-%d") for m in trained.models]
    assert fitted == [
        "2019-03-01",
        "2019-03-29",
        "2019-04-30",
        "2019-05-31",
        "2019-06-28",
        "2019-07-31",
        "2019-08-30",
        "2019-09-30",
        "2019-10-31",
        "2019-11-29",
        "2019-12-31",
    ]
    # Three months before 3 June is a Sunday. 251 sessions of 2018, 41 to 1 March, less five whose labels are open.
    assert trained.models[0].n_train == 251 + 41 - 5
    assert [m.factors for m in trained.models] == [("truth", "noise_a", "noise_b", "noise_c")] * 11
    assert trained.models[0].calibrator.slope == 0.0
    assert trained.models[-1].calibrator.slope > 0.1
    assert trained.models[-1].calibrator.evidence > 200 / 3.8


def test_a_signal_that_is_there_beats_the_climatology(trained: Training) -> None:
    known = trained.predictions.table.dropna()
    brier = ((known["p"] - known["y"]) ** 2).mean() / ((known["climatology"] - known["y"]) ** 2).mean()
    assert brier < 0.9


@pytest.mark.parametrize("learner", [LINE, TREES], ids=["logistic", "lightgbm"])
def test_it_equals_a_slow_walk_by_hand(
    learner: dict[str, object], model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    definition = model(learner, seed=4, refit="quarter", embargo=2)
    found = train(definition, feature_sets, examples)
    folds = splitter_of(definition).folds(examples)
    X = examples.X.to_numpy()
    past: list[tuple[int, float]] = []
    parts = []
    for fold, kept in zip(folds, found.models, strict=True):
        weights = uniqueness(len(fold.train), 5)
        weights *= independent_number(len(fold.train), 5) / weights.sum()
        seen = TrainingSet(
            X[fold.train],
            examples.y[fold.train],
            weights,
            examples.decided_at[fold.train],
            examples.resolved_at[fold.train],
            np.full(len(fold.train), "IWM"),
            tuple(examples.X.columns),
            (1, 0, 0, 0),
            4,
            5,
            definition.target.question,
        )
        fitted = LEARNERS.read(learner).fit(seen)
        rows = [row for row, _ in past if examples.resolved_at[row] <= fold.trained_through]
        said = np.array([signal for row, signal in past if row in set(rows)])
        known = examples.y[examples.resolved_at <= fold.trained_through]
        history = History(examples.y[rows], examples.climatology[rows], said, 5, known)
        calibrator = Shrinkage(prior_sd=0.3).fit(history)
        assert kept.calibrator == calibrator
        assert kept.members[0].learner_state == fitted.state()
        signals = fitted.signals(X[fold.test])
        past += list(zip(fold.test.tolist(), bag_mean(signals).tolist(), strict=True))
        behind = independent_number(examples.n_resolved[fold.test], 5)
        answer = predict(calibrator, bag_mean(signals), examples.climatology[fold.test], behind)
        parts.append(answer.set_index(examples.decided_at[fold.test]))
    slow = pd.concat(parts)
    slow = slow[slow.index >= pd.Timestamp("2019-06-03", tz="UTC")].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.predictions.table[slow.columns.tolist()], slow, check_exact=True)


@pytest.mark.parametrize("learner", [LINE, TREES], ids=["logistic", "lightgbm"])
def test_a_training_is_reproducible_to_the_last_bit_in_one_process_or_two(
    learner: dict[str, object], model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    definition = model(learner, seed=2, refit="quarter")
    told: list[tuple[int, int]] = []
    one = train(definition, feature_sets, examples, jobs=1)
    same(one, train(definition, feature_sets, examples, jobs=1))
    same(
        one, train(definition, feature_sets, examples, jobs=2, progress=lambda done, total: told.append((done, total)))
    )
    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


@pytest.mark.parametrize(
    ("learner", "jobs", "starts"),
    [(LINE, 0, False), (LINE, 1, False), (LINE, 2, True), ({"kind": "climatology"}, 2, False)],
)
def test_other_processes_are_started_only_where_they_are_asked_for_and_have_work(
    learner: dict[str, object],
    jobs: int,
    starts: bool,
    model: Make,
    feature_sets: list[FeatureSet],
    examples: Examples,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def started(count: int, *_: object) -> None:
        raise RuntimeError(f"{count} processes")

    monkeypatch.setattr("bullbear.execution.executors._pool", started)
    definition = model(learner, seed=2, refit="quarter")
    if starts:
        with pytest.raises(RuntimeError, match=f"{jobs} processes"):
            train(definition, feature_sets, examples, jobs=jobs)
    else:
        assert len(train(definition, feature_sets, examples, jobs=jobs).models) == 5


@pytest.mark.parametrize("learner", [LINE, TREES], ids=["logistic", "lightgbm"])
def test_an_interrupted_training_continues_to_the_same_bits(
    learner: dict[str, object], model: Make, feature_sets: list[FeatureSet], examples: Examples, tmp_path: Path
) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    definition = model(learner, refit="quarter")
    with pytest.raises(KeyboardInterrupt):
        train(definition, feature_sets, examples, progress=stop, kept=Kept(tmp_path))
    seen: list[int] = []
    again = train(
        definition, feature_sets, examples, progress=lambda done, total: seen.append(done), kept=Kept(tmp_path), jobs=2
    )
    assert seen == [2, 3, 4, 5]
    same(again, train(definition, feature_sets, examples))
    seen.clear()
    train(model(learner, seed=9, refit="quarter"), feature_sets, examples, progress=lambda d, t: seen.append(d),
          kept=Kept(tmp_path))  # fmt: skip
    assert seen == [1, 2, 3, 4, 5]  # nothing of another seed is used


# The ordinary suite keeps two worker processes here, and a cluster's bits in tests/execution/test_cluster.py.
@pytest.mark.slow
def test_a_cluster_gives_the_same_bits(model: Make, feature_sets: list[FeatureSet], examples: Examples) -> None:
    distributed = pytest.importorskip("distributed")
    definitions = [model(learner, refit="quarter") for learner in (LINE, TREES)]
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        found = [train(each, feature_sets, examples, cluster=cluster.scheduler_address) for each in definitions]
    for ours, definition in zip(found, definitions, strict=True):
        same(ours, train(definition, feature_sets, examples))


def test_another_seed_gives_other_bits(model: Make, feature_sets: list[FeatureSet], examples: Examples) -> None:
    one, two = (train(model(TREES, seed=s, refit="quarter"), feature_sets, examples) for s in (1, 2))
    assert not one.predictions.table["p"].equals(two.predictions.table["p"])


@pytest.mark.parametrize("learner", [LINE, TREES], ids=["logistic", "lightgbm"])
@pytest.mark.parametrize("fold", [0, 3, 6])
def test_labels_that_resolve_after_the_fit_do_not_reach_its_forecasts(
    learner: dict[str, object], fold: int, model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    definition = model(learner)
    before = train(definition, feature_sets, examples)
    instant = before.models[fold].trained_through
    # The climatology is another road, tested with the labels: it is held here, so that only this one is open.
    y = np.where(examples.resolved_at > instant, 1 - examples.y, examples.y)
    assert (y != examples.y).sum() > 50
    after = train(definition, feature_sets, dataclasses.replace(examples, y=y))
    for kept, other in zip(before.models[: fold + 1], after.models[: fold + 1], strict=True):
        assert json.dumps(kept.state()) == json.dumps(other.state())
    until = before.models[fold + 1].trained_through
    upto = before.predictions.table["decided_at"] <= until
    columns = ["decided_at", "p", "p_low", "p_high"]
    pd.testing.assert_frame_equal(
        before.predictions.table[upto][columns], after.predictions.table[upto][columns], check_exact=True
    )
    assert not before.predictions.table["p"].equals(after.predictions.table["p"])


def test_the_last_label_known_at_the_fit_does_reach_it(
    trained: Training, model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    fold = 6
    (last,) = np.flatnonzero(examples.resolved_at == trained.models[fold].trained_through)
    y = examples.y.copy()
    y[last] = 1 - y[last]
    after = train(model(LINE), feature_sets, dataclasses.replace(examples, y=y))
    changed = [kept.state() != other.state() for kept, other in zip(trained.models, after.models, strict=True)]
    assert changed == [False] * fold + [True] * (11 - fold)
    calibrators = [each.models[fold].calibrator for each in (trained, after)]
    assert calibrators[0] != calibrators[1]


def test_factors_of_later_sessions_do_not_reach_earlier_forecasts(
    trained: Training, model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    X = examples.X.copy()
    cut = pd.Timestamp("2019-09-16")
    X.loc[X.index >= cut] = X.loc[X.index >= cut] * -3.0 + 1.0
    after = train(model(LINE), feature_sets, dataclasses.replace(examples, X=X)).predictions.table
    early = trained.predictions.table["decided_at"] < cut.tz_localize("UTC")
    pd.testing.assert_frame_equal(after[early], trained.predictions.table[early], check_exact=True)
    assert not after["p"].equals(trained.predictions.table["p"])


@pytest.mark.parametrize("learner", [{"kind": "climatology"}, LINE, TREES], ids=["climatology", "logistic", "lightgbm"])
def test_a_restored_model_forecasts_each_day_alone_to_the_same_bits(
    learner: dict[str, object], model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    trained = train(model(learner, refit="quarter"), feature_sets, examples)
    models = [FoldModel.restore(json.loads(json.dumps(m.state(), allow_nan=False))) for m in trained.models]
    assert [json.dumps(m.state()) for m in models] == [json.dumps(m.state()) for m in trained.models]
    place = examples.decided_at.get_indexer(pd.DatetimeIndex(trained.predictions.table["decided_at"]))
    for number, row in list(enumerate(place))[::7]:
        decided_at = examples.decided_at[row]
        in_force = max(i for i, m in enumerate(models) if m.trained_through < decided_at)
        one = slice(row, row + 1)
        behind = independent_number(examples.n_resolved[one], 5)
        found = models[in_force].forecast(examples.X.iloc[[row]], examples.climatology[one], behind).iloc[0]
        assert found.to_dict() == trained.predictions.table.loc[number, found.index.tolist()].to_dict()


def test_a_climatology_model_forecasts_the_climatology(
    model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    trained = train(model({"kind": "climatology"}), feature_sets, examples, jobs=2)
    assert trained.predictions.table["p"].equals(trained.predictions.table["climatology"].rename("p"))
    assert trained.models[-1].factors == ()
    bare = dataclasses.replace(examples, X=examples.X.iloc[:, :0])
    pd.testing.assert_frame_equal(
        train(model({"kind": "climatology"}), [], bare).predictions.table, trained.predictions.table
    )


def test_a_prior_of_zero_switches_the_learner_off(
    model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    trained = train(model(LINE, prior_sd=0.0), feature_sets, examples)
    assert trained.predictions.table["p"].equals(trained.predictions.table["climatology"].rename("p"))


def test_start_and_end_replace_the_definition(
    trained: Training, model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    found = train(model(LINE), feature_sets, examples, start="2019-08-14", end="2019-10-15").predictions.table
    assert day_of(found).iloc[[0, -1]].tolist() == ["2019-08-14", "2019-10-15"]
    # Burn-in moves along with the start, so the first fold now begins in the middle of May.
    first = train(model(LINE), feature_sets, examples, start="2019-08-14").models[0].trained_through
    assert first == pd.Timestamp("2019-05-13 20:00", tz="UTC")


def test_labels_that_are_missing_are_not_trained_on(
    model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    y = examples.y.copy()
    y[40:60] = np.nan
    found = train(model(LINE, refit="quarter"), feature_sets, dataclasses.replace(examples, y=y))
    assert np.isfinite(found.predictions.table["p"]).all()
    # A label whose bar comes later counts neither then nor now: both must write the same model.
    whole = train(model(LINE, refit="quarter"), feature_sets, examples)
    assert [m.n_train for m in found.models] == [m.n_train - 20 for m in whole.models]


def test_a_learner_of_factors_without_factors_is_refused(model: Make, examples: Examples) -> None:
    bare = dataclasses.replace(examples, X=examples.X.iloc[:, :0])
    source = Source(Path("models/tiny.toml"), 'name = "tiny"\nfeatures = []\n')
    with pytest.raises(
        DefinitionError, match=r"^models/tiny\.toml:2 \(features\): got \[\]; allowed: factors for a log"
    ):
        train(model(LINE), [], bare, source=source)
    with pytest.raises(DefinitionError, match=r"^python/model:1 \(features\): got \[\]; allowed: factors for a light"):
        train(model(TREES), [], bare)


def test_a_calibration_that_does_not_fit_is_refused(
    model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    definition = model(LINE).model_copy(update={"calibration": {"prior": 1.0}})
    source = Source(Path("models/tiny.toml"), "[learner]\n[calibration]\nprior = 1.0\n")
    with pytest.raises(DefinitionError, match=r"^models/tiny\.toml:3 \(calibration\.prior\): got 'prior'"):
        train(definition, feature_sets, examples, source=source)


def test_too_little_history_is_refused(model: Make, feature_sets: list[FeatureSet], examples: Examples) -> None:
    with pytest.raises(HistoryError, match="walk-forward: got '519 sessions to 2020-01-24'; allowed: at least 600"):
        train(model(LINE, min_train=600), feature_sets, examples)
