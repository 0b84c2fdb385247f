"""Keeping the champion as young as its evaluation assumed: refits that are due are made before a forecast.

A model that was evaluated with a refit every month must be refitted every month when it is used. The refit is that of
the walk-forward, to the last bit, and is kept in the champion's bundle; the run in the tracking store stays as it was.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from bullbear.data.view import View
from bullbear.dataset import build, splitter_of
from bullbear.errors import RunError
from bullbear.extras import require_modules
from bullbear.files import replace_folder
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.forecasting.bundle_writing import write_continued
from bullbear.forecasting.holdout import FILE, Lock
from bullbear.home import Home
from bullbear.learn import continue_training
from bullbear.learn.members import calibrations_of, members_of
from bullbear.learn.search.space import alternatives
from bullbear.sessions import between, day, days

Progress = Callable[[int, int], None]


def refit_overdue(bundle: Bundle, labels: pd.DataFrame) -> int:
    """Sessions since the walk-forward would have fitted a newer model than the bundle holds; 0 if none is due.

    Parameters
    ----------
    labels
        From `dataset.resolve` on what was known at the close of the last session of `labels`.
    """
    newest = day(bundle.trained_through()[-1])
    if labels.index[-1] <= newest:
        return 0
    fitted = _fits(bundle, labels)
    due = fitted[fitted > newest]
    return len(between(due[0], labels.index[-1])) - 1 if len(due) else 0


def due_refits(bundle: Bundle, labels: pd.DataFrame, lock: Lock) -> int:
    """`refit_overdue`, counting only the refits that the lock on a hold-out lets the model make."""
    open_ones = lock.labels(labels)
    return refit_overdue(bundle, open_ones) if len(open_ones) else 0


class HeldBack:
    """The refits that would read sealed days, said in one line for all questions of a model."""

    def __init__(self) -> None:
        self._questions: dict[tuple[str, str, str], list[str]] = {}

    def add(self, bundle: Bundle, labels: pd.DataFrame, lock: Lock) -> None:
        """Note the refit of a bundle, if one is due that the lock forbids."""
        if lock.period is not None and lock.is_shut and refit_overdue(bundle, labels):
            key = (bundle.trained_through()[-1], lock.period.span, lock.remedy)
            self._questions.setdefault(key, []).append(bundle.question)

    def notes(self) -> list[str]:
        """What goes on with the model it has, and why."""
        return [
            f"{', '.join(names)} {'keeps' if len(names) == 1 else 'keep'} the model fitted through {through}: a refit "
            f"would read {span}, sealed by {FILE}; {remedy}"
            for (through, span, remedy), names in self._questions.items()
        ]


def _fits(bundle: Bundle, labels: pd.DataFrame) -> pd.DatetimeIndex:
    """The days of the walk-forward's fits, kept by content: a forecast asks for the same ones of every champion."""
    instants = labels[["decided_at", "resolved_at", "decidable"]]
    content = pd.util.hash_pandas_object(instants).to_numpy().tobytes()
    start = bundle.meta.get("start")
    key = (json.dumps(bundle.definition.splitter, sort_keys=True, default=str), start, content)
    if key not in _FITS:
        folds = splitter_of(bundle.definition).folds(instants, start=start)
        _FITS[key] = days(pd.DatetimeIndex([fold.trained_through for fold in folds]))
        while len(_FITS) > _MOST_FITS:
            _FITS.popitem(last=False)
    return _FITS[key]


_FITS: OrderedDict[tuple[Any, ...], pd.DatetimeIndex] = OrderedDict()
_MOST_FITS = 32


def continued(bundle: Bundle, view: View, root: Path, progress: Progress | None = None) -> Bundle:
    """The bundle with every refit that is due at the view's instant, written into the empty folder `root`.

    Raises
    ------
    RunError
        This version of the library computes one of the model's factors otherwise, or not at all.
    MissingExtraError
        A library that its learners or calibrators fit with is not installed.
    """
    bundle.factors()  # refuses what this version does not know
    definition = bundle.definition
    members = members_of(definition)
    learners = [*(member.learner for member in members), *alternatives(definition, members)]
    modules = [module for learner in learners for module in learner.imports()]
    modules += [module for each in calibrations_of(definition) for module in each.imports()]
    if definition.search is not None:
        modules.append("optuna")
    require_modules(f"a refit of {definition.name}", modules)
    names = bundle.trained_through()
    examples = build(view, bundle.feature_sets, definition.target)
    continuation = continue_training(
        definition,
        bundle.feature_sets,
        examples,
        signals=bundle.signals,
        fitted_through=bundle.model_named(names[-1]).trained_through,
        model_for=bundle.model_for,
        start=bundle.meta.get("start"),
        progress=progress,
    )
    write_continued(root, bundle, continuation)
    return read_bundle(root, label=bundle.label)


def refit_champion(home: Home, bundle: Bundle, view: View, progress: Progress | None = None) -> Bundle:
    """Make the refits that are due and keep them in the bundle of the question's champion; see `continued`.

    Raises
    ------
    RunError
        Another champion was promoted meanwhile, or a factor is unknown to this version.
    MissingExtraError
        A library that its learners fit with is not installed.
    """
    with home.staging() as folder:
        staged = folder / "bundle"
        refitted = continued(bundle, view, staged, progress)
        place = home.champion_of(bundle.question)
        with home.champion_lock():
            present = read_bundle(place, label=bundle.label)
            if present.meta["run_id"] != bundle.meta["run_id"]:
                raise RunError(
                    bundle.label, "replaced during the refit", "one champion at a time", "run the command again"
                )
            if present.trained_through()[-1] < refitted.trained_through()[-1]:  # else another forecast was quicker
                replace_folder(staged, place)
            return read_bundle(place, label=bundle.label)
