"""A search as `tune` makes it, its trials kept in a journal, against the bare scoring of the same parameters."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.market import home
from benchmarks.ratio import Ratio, interleaved
from bullbear.dataset import build
from bullbear.learn.fitting import prepared
from bullbear.learn.search.inner_folds import inner_folds
from bullbear.learn.search.searching import Searches, search_fold
from bullbear.learn.walk_forward import folds_of

TRIALS = 8


def measure() -> list[Ratio]:
    return [_of(name) for name in ("logistic", "lightgbm")]


def _of(name: str) -> Ratio:
    model = home().model(name, searched=True)
    search = model.definition.search.model_copy(update={"trials": TRIALS, "pruning": False})
    definition = model.definition.model_copy(update={"search": search})
    examples = build(home().store().as_of(), model.feature_sets, definition.target)
    folds = folds_of(definition, examples)
    fold = folds[len(folds) // 2]
    with tempfile.TemporaryDirectory(prefix="bullbear-bench-") as folder:
        kept = _searches(definition, model.feature_sets, examples, storage=str(Path(folder) / "0.journal"))
        trials = search_fold(kept, (0, fold)).trials
        inner = inner_folds(
            fold,
            kept.task.decided_at,
            kept.task.questions[0].resolved_at,
            search.inner_folds,
            min_train=kept.min_train,
            embargo=kept.embargo,
        )
        places = iter(range(1, 100))

        def ours() -> None:  # a journal of its own each time: nothing is found there
            search_fold(replace(kept, storage=str(Path(folder) / f"{next(places)}.journal")), (0, fold))

        def bare() -> None:
            for trial in trials:
                list(kept.scores(0, inner, trial.values))

        return interleaved(f"a search of {TRIALS} trials, {name} / its bare fits", ours, bare, rounds=3, aim=1.05)


def _searches(definition, feature_sets, examples, storage: str) -> Searches:
    task = prepared(definition, feature_sets, [examples])
    return Searches.of(definition, task, [examples], storage=storage)
