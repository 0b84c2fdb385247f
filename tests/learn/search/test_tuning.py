"""The search nested in a walk-forward: past only, reproducible, continued, refitted to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset import Examples
from bullbear.definitions import FeatureSet, ModelDefinition
from bullbear.errors import DefinitionError, ExecutionError
from bullbear.learn import Training, continue_training, train
from bullbear.learn.search import searching, study
from bullbear.learn.search.inner_folds import inner_folds
from bullbear.learn.search.tuning import tune_all
from bullbear.learn.weights import label_weights

LINE = {"kind": "logistic", "penalty": 10.0}
SPACE = {"learner.penalty": {"low": 0.1, "high": 1000.0, "log": True}}
SEARCH = {"trials": 3, "every": "quarter", "inner_folds": 2, "space": SPACE}
END = "2019-07-31"
Make = Callable[..., ModelDefinition]


@pytest.fixture(scope="module")
def definition(model: Make) -> ModelDefinition:
    return model(LINE, seed=4, more={"search": SEARCH})


def tuned(definition: ModelDefinition, feature_sets: list[FeatureSet], examples: Examples, **options: Any) -> Training:
    (found,) = tune_all(definition, feature_sets, [examples], **options)
    return found


@pytest.fixture(scope="module")
def whole(definition: ModelDefinition, feature_sets: list[FeatureSet], examples: Examples) -> Training:
    return tuned(definition, feature_sets, examples)


def states(training: Training) -> list[dict[str, Any]]:
    return [each.state() for each in training.models]


def trials(training: Training) -> list[Any]:
    """All of the searches but the times."""
    return [
        (each.fitted_through, each.values, [replace(trial, seconds=0.0, began=None) for trial in each.trials])
        for each in training.searches
    ]


def test_each_period_has_a_search_whose_parameters_hold_until_the_next(whole: Training) -> None:
    # Folds are monthly from March on; a search is due at the first of them and at the first of every quarter.
    assert [str(each.fitted_through.date()) for each in whole.searches] == [
        "2019-03-01", "2019-03-29", "2019-06-28", "2019-09-30", "2019-12-31",
    ]  # fmt: skip
    for each in whole.searches:
        assert [trial.number for trial in each.trials] == [0, 1, 2]
        assert each.trials[0].values == {"learner.penalty": 10.0}  # the file's own
        assert each.values == max(each.trials, key=lambda trial: trial.score).values
    by_search = [each.values["learner.penalty"] for each in whole.searches]
    assert [each.members[0].learner["penalty"] for each in whole.models] == [
        by_search[place] for place in (0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4)
    ]
    assert len(set(by_search)) > 2


def test_the_forecasts_are_those_of_a_training_with_the_parameters_of_each_fold(
    whole: Training, model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    for place in (2, 6):
        fitted = whole.models[place]
        plain = train(model(dict(fitted.members[0].learner), seed=4), feature_sets, examples).models[place]
        assert plain.trained_through == fitted.trained_through
        assert plain.members[0].learner_state == fitted.members[0].learner_state


def test_a_score_is_the_skill_of_the_signal_on_the_inner_folds(
    whole: Training, definition: ModelDefinition, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    from sklearn.linear_model import LogisticRegression

    search = whole.searches[2]
    rows = np.flatnonzero(np.asarray(examples.resolved_at <= search.fitted_through))
    lost = base = 0.0
    for block in np.array_split(rows, 3)[1:]:
        close = examples.decided_at[block[0] - 1]
        past = rows[np.asarray(examples.resolved_at[rows] <= close)]
        X = examples.X.to_numpy()
        mean, spread = np.nanmean(X[past], axis=0), np.nanstd(X[past], axis=0)
        Z = np.nan_to_num(np.clip((X - mean) / spread, -3, 3))
        weights = label_weights(examples.decided_at[past], examples.asset[past], examples.decided_at, 5)
        line = LogisticRegression(C=1 / search.trials[1].values["learner.penalty"], tol=1e-8, max_iter=2000)
        line.fit(Z[past], examples.y[past], sample_weight=weights)
        c, y = examples.climatology[block], examples.y[block]
        p = 1 / (1 + np.exp(-(np.log(c / (1 - c)) + Z[block] @ line.coef_[0])))
        lost -= np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))
        base -= np.sum(y * np.log(c) + (1 - y) * np.log(1 - c))
    assert search.trials[1].score == pytest.approx(1 - lost / base, abs=1e-6)


@pytest.mark.parametrize("close", ["2019-03-29", "2019-06-28"])
def test_what_is_known_after_a_fit_changes_no_choice_and_no_model_up_to_it(
    close: str, whole: Training, definition: ModelDefinition, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    instant = pd.Timestamp(close, tz="UTC") + pd.Timedelta(days=1)
    late = np.asarray(examples.resolved_at > instant)
    X = examples.X.copy()
    X[np.asarray(examples.decided_at > instant)] = -7.0
    y = np.where(late & ~np.isnan(examples.y), 1.0 - examples.y, examples.y)
    other = tuned(definition, feature_sets, replace(examples, X=X, y=y))
    n = sum(each.trained_through <= instant for each in whole.models)
    assert states(other)[:n] == states(whole)[:n]
    assert trials(other)[-1] != trials(whole)[-1]
    known = [each for each in trials(whole) if each[0] <= instant]
    assert trials(other)[: len(known)] == known


def test_a_search_that_sees_later_rows_is_caught(
    whole: Training,
    definition: ModelDefinition,
    feature_sets: list[FeatureSet],
    examples: Examples,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def leaking(fold: Any, *arguments: Any, **options: Any) -> Any:
        return inner_folds(replace(fold, train=np.arange(fold.test[-1])), *arguments, **options)

    monkeypatch.setattr(searching, "inner_folds", leaking)
    with pytest.raises(AssertionError):
        test_what_is_known_after_a_fit_changes_no_choice_and_no_model_up_to_it(
            "2019-06-28", tuned(definition, feature_sets, examples), definition, feature_sets, examples
        )


def test_workers_and_a_storage_change_nothing(
    whole: Training,
    definition: ModelDefinition,
    feature_sets: list[FeatureSet],
    examples: Examples,
    tmp_path: Path,
) -> None:
    for storage, jobs in ((str(tmp_path / "two" / "a.journal"), 2), (f"sqlite:///{tmp_path}/a.db", 1)):
        again = tuned(definition, feature_sets, examples, storage=storage, jobs=jobs, end=END)
        assert trials(again) == trials(whole)[:3]
        assert states(again) == states(whole)[:5]


@pytest.mark.slow
def test_a_cluster_changes_nothing(
    whole: Training, definition: ModelDefinition, feature_sets: list[FeatureSet], examples: Examples, tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        place = {"cluster": cluster.scheduler_address, "storage": f"sqlite:///{tmp_path}/a.db"}
        again = tuned(definition, feature_sets, examples, end=END, **place)
    assert trials(again) == trials(whole)[:3]
    assert states(again) == states(whole)[:5]


@pytest.mark.parametrize("kind", ["journal", "database"])
def test_an_interrupted_search_continues_to_the_same_result(
    kind: str,
    whole: Training,
    definition: ModelDefinition,
    feature_sets: list[FeatureSet],
    examples: Examples,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storage = str(tmp_path / "a.journal") if kind == "journal" else f"sqlite:///{tmp_path}/a.db"
    scored, real = [], searching.running_scores

    def interrupted(*arguments: Any) -> Any:
        scored.append(1)
        if len(scored) == 6:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(searching, "running_scores", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tuned(definition, feature_sets, examples, storage=storage, end=END)
    if kind == "journal":
        with open(storage, "a") as file:
            file.write('{"op_code": 4, "wor')  # cut short by a kill
        study._kept_open.cache_clear()  # as another process opens it
    again = tuned(definition, feature_sets, examples, storage=storage, end=END)
    assert len(scored) == 6 + 4  # five of nine trials were kept
    assert trials(again) == trials(whole)[:3]


def test_new_data_leave_earlier_studies_as_they_are_and_other_definitions_begin_anew(
    definition: ModelDefinition,
    feature_sets: list[FeatureSet],
    examples: Examples,
    model: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scored, real = [], searching.running_scores
    monkeypatch.setattr(searching, "running_scores", lambda *given: scored.append(1) or real(*given))
    storage = str(tmp_path / "a.journal")

    def fitted(definition: ModelDefinition, examples: Examples) -> int:
        scored.clear()
        tuned(definition, feature_sets, examples, storage=storage, end="2019-04-30")
        return len(scored)

    assert fitted(definition, examples) == 6
    assert fitted(definition, replace(examples, y=np.where(np.arange(len(examples)) > 400, np.nan, examples.y))) == 0
    assert fitted(model(LINE, seed=4, more={"search": {**SEARCH, "trials": 4}}), examples) == 2  # one more each
    assert fitted(model(LINE, seed=5, more={"search": SEARCH}), examples) == 6
    assert fitted(model({**LINE, "clip": 2.0}, seed=4, more={"search": SEARCH}), examples) == 6
    y = examples.y.copy()
    y[100] = 1 - y[100]
    assert fitted(definition, replace(examples, y=y)) == 6


@pytest.mark.parametrize("end", ["2019-05-15", "2019-06-28", "2019-07-01", "2019-09-30"])
def test_a_continued_training_equals_a_longer_one(
    end: str, whole: Training, definition: ModelDefinition, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    early = tuned(definition, feature_sets, examples, end=end)
    added = continue_training(
        definition,
        feature_sets,
        examples,
        signals=early.signals,
        fitted_through=early.models[-1].trained_through,
        model_for=lambda session: [m for m in early.models if m.trained_through < session.tz_localize("UTC")][-1],
    )
    assert [*states(early), *(each.state() for each in added.models)] == states(whole)
    newest = whole.models[-1].trained_through
    signals = pd.concat([early.signals, added.signals])
    pd.testing.assert_frame_equal(signals, whole.signals[whole.signals.index <= newest], check_exact=True)


def test_failed_trials_are_recorded_and_the_search_goes_on(
    definition: ModelDefinition, feature_sets: list[FeatureSet], examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = searching.running_scores

    def failing(task: Any, *arguments: Any) -> Any:
        if not 0 < task.members[0].learner.penalty <= highest:
            raise ValueError("the line\nfell over")
        yield from real(task, *arguments)

    monkeypatch.setattr(searching, "running_scores", failing)
    highest = 10.0
    (search, *_) = tuned(definition, feature_sets, examples, end="2019-03-29").searches
    assert [each.state for each in search.trials].count("failed") == search.count("failed") > 0
    assert {each.message for each in search.trials if each.state == "failed"} == {"the line fell over"}
    assert search.values["learner.penalty"] <= 10.0
    highest = 0.0
    message = r"model:1 \(search\): got '3 trials, all of which failed at the fit of 2019-03-01'; allowed: .*fell over"
    with pytest.raises(DefinitionError, match=message):
        tuned(definition, feature_sets, examples, end="2019-03-29")


def test_hopeless_trials_are_pruned(feature_sets: list[FeatureSet], examples: Examples, model: Make) -> None:
    search = {**SEARCH, "every": "year", "trials": 12, "inner_folds": 3}
    definition = model(LINE, seed=4, more={"search": search})
    (found, *_) = tuned(definition, feature_sets, examples, end="2019-03-29").searches
    assert found.count("pruned") > 0
    assert not any(each.state == "pruned" for each in found.trials[:5])
    unpruned = model(LINE, seed=4, more={"search": {**search, "pruning": False}})
    (found, *_) = tuned(unpruned, feature_sets, examples, end="2019-03-29").searches
    assert found.count("complete") == 12


def test_without_enough_past_the_parameters_are_those_of_the_file(
    feature_sets: list[FeatureSet], examples: Examples, model: Make
) -> None:
    definition = model(LINE, seed=4, more={"search": SEARCH}, min_train=250)
    (search, *_) = tuned(definition, feature_sets, examples, end="2019-03-29").searches
    assert (search.n_folds, search.trials, search.values) == (0, (), {"learner.penalty": 10.0})


def test_a_storage_that_cannot_be_used_is_one_line(
    definition: ModelDefinition, feature_sets: list[FeatureSet], examples: Examples, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for storage, message in (
        (str(tmp_path / "file" / "a.journal"), "File exists; finished trials are kept: make"),
        ("nonsense://me:secret@host/db", r"nonsense://me:\*\*\*@host/db: Can't load plugin"),
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
    ):
        with pytest.raises(ExecutionError, match=message):
            tuned(definition, feature_sets, examples, storage=storage, end="2019-03-29")


def test_a_full_disk_loses_no_finished_trial(
    whole: Training,
    definition: ModelDefinition,
    feature_sets: list[FeatureSet],
    examples: Examples,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storage, real, written = str(tmp_path / "a.journal"), study.JournalFileBackend.append_logs, []

    def full(self: Any, logs: Any) -> None:
        written.append(logs)
        if len(written) > 6:
            raise OSError(28, "No space left on device")
        real(self, logs)

    monkeypatch.setattr(study.JournalFileBackend, "append_logs", full)
    with pytest.raises(ExecutionError, match=r"a\.journal: No space left on device; finished trials are kept"):
        tuned(definition, feature_sets, examples, storage=storage, end=END)
    monkeypatch.setattr(study.JournalFileBackend, "append_logs", real)
    assert trials(tuned(definition, feature_sets, examples, storage=storage, end=END)) == trials(whole)[:3]


@pytest.mark.parametrize(("begins", "n_folds"), [(60, 2), (230, 1), (310, 0)])
def test_stretches_before_the_target_existed_score_nothing(
    begins: int, n_folds: int, model: Make, feature_sets: list[FeatureSet], examples: Examples
) -> None:
    definition = model(LINE, seed=4, more={"search": SEARCH}, min_train=60)
    row = np.arange(len(examples))
    related = replace(
        examples,
        asset=np.where(row < begins, "AAA", "IWM"),
        climatology=np.where((row >= begins) & (row < begins + 6), np.nan, examples.climatology),
    )
    (search, *_) = tuned(definition, feature_sets, related, end="2019-03-29").searches
    assert search.n_folds == n_folds
    assert [trial.state for trial in search.trials] == ["complete"] * (3 if n_folds else 0)
    assert all(np.isfinite(trial.score) for trial in search.trials)
    assert n_folds or search.values == {"learner.penalty": 10.0}
