"""What the tracking store knows of trials, taken over into the registry: runs from before it, or of other homes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from bullbear.definitions import UP
from bullbear.forecasting.chained_file import warn
from bullbear.home import Home
from bullbear.tracking.stored_runs import StoredRun, has_store, stored_runs
from bullbear.tracking.tags import QUESTION, QUESTIONS
from bullbear.tracking.tries import figure, identity, is_benchmark, trials_of
from bullbear.tracking.usable import cause, store_errors
from bullbear.trials import SWEEP, TRAIN, TUNE, Trial, TrialRegistry
from bullbear.trials.trial import instant

PREDICTIONS = "predictions.csv"
SWEPT = "swept.json"
"""The artifact in which the variants that a sweep tried on a run were counted before there was a registry."""
SHARPE = "trading/policy_sharpe"
_FIRST_SHARPE = "backtest/policy_sharpe"
"""As it was called at first."""
_TARGET = re.compile(r"(\S+) (\d+) sessions")


class KnownTrials:
    """The trials of a home: those of the registry, and those that only the store knows, which are taken over.

    Attributes
    ----------
    trials
        All of them. Where the home cannot be written to, those of the store count all the same.
    stored
        The runs that the store holds, deleted ones included.

    Raises
    ------
    TrialsError
        The registry is damaged.
    RunError
        There is no registry yet and the store cannot be read. No store is no error: champions and trials outlive it.
    """

    def __init__(self, home: Home) -> None:
        self.registry = TrialRegistry(home.trials)
        self.trials = self.registry.trials()
        self.stored = self._of_store(home)
        missing = _missing(self.stored, self.trials)
        if not missing:
            return
        try:
            self.registry.take_over([(trial, forecasts_at(run.place)) for trial, run in missing])
            self.trials = self.registry.trials()
        except OSError as bad:
            many = "1 trial" if len(missing) == 1 else f"{len(missing)} trials"
            warn(f"{bad.strerror or bad}: {many} of the tracking store cannot be kept in the registry")
            self.trials += [trial for trial, _ in missing]

    def _of_store(self, home: Home) -> list[StoredRun]:
        try:
            return stored_runs(home.runs, deleted=True) if has_store(home.runs) else []
        except store_errors() as bad:
            if not self.trials:
                raise
            warn(f"tries are counted from {self.registry.path} alone: {cause(bad)}")
            return []


def _missing(stored: Iterable[StoredRun], trials: Iterable[Trial]) -> list[tuple[Trial, StoredRun]]:
    """Trials of the store that are not recorded, the oldest first."""
    known = list(trials)
    runs = {trial.run_id for trial in known if trial.is_training}
    variants = {(trial.identity, digest) for trial in known for digest in trial.variants}
    found = []
    for run in reversed(list(stored)):
        if QUESTIONS in run.tags:  # a parent is no try itself, its children are
            continue
        if run.run_id not in runs:
            found.append((training_of(run), run))
        swept = _swept(run)
        if swept is not None and any((swept.identity, digest) not in variants for digest in swept.variants):
            found.append((swept, run))
    return found


def training_of(run: StoredRun) -> Trial:
    """A finished run as a trial."""
    target = _TARGET.fullmatch(run.params.get("target", ""))
    search_trials = trials_of(run.tags)
    definition_hash, start, end = identity(run.tags, run.params)
    return Trial(
        what=TRAIN if search_trials is None else TUNE,
        at=instant(pd.Timestamp(run.ended, unit="ms", tz="UTC")),
        model=run.tags.get("model", "?"),
        question=run.tags.get(QUESTION, UP.name),  # runs from before the tag are of `up`
        data=run.tags.get("data"),
        definition_hash=definition_hash,
        start=start,
        end=end,
        ticker=target and target[1],
        horizon=target and int(target[2]),
        run_id=run.run_id,
        counts=not is_benchmark(run.params),
        search_trials=search_trials,
        brier_skill=finite(figure(run, "bss")),
        sharpe=finite(run.metrics.get(SHARPE, run.metrics.get(_FIRST_SHARPE))),
    )


def _swept(run: StoredRun) -> Trial | None:
    """The variants that were counted with a run; of a run on another machine, nothing."""
    try:
        text = None if run.place is None else (run.place / SWEPT).read_text(encoding="utf-8")
        variants = {} if text is None else {str(name): finite(ratio) for name, ratio in json.loads(text).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return None
    if not variants:
        return None
    of = training_of(run)
    return replace(of, what=SWEEP, counts=True, search_trials=None, brier_skill=None, sharpe=None, variants=variants)


def forecasts_at(artifacts: Path | None) -> pd.DataFrame | None:
    """The resolved forecasts among the artifacts of a run; see `read_forecasts`."""
    return None if artifacts is None else read_forecasts(artifacts / PREDICTIONS)


def read_forecasts(path: Path) -> pd.DataFrame | None:
    """The resolved forecasts of one target, `p` and `y` by `decided_at`.

    None where they are gone or damaged, and for a run of several paths, whose models have seen later data.
    """
    try:
        table = pd.read_csv(path)
        if "path" in table.columns:
            return None
        resolved = table[table["y"].notna()]
        decided = pd.to_datetime(resolved["decided_at"], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
        return pd.DataFrame(
            {"p": resolved["p"].to_numpy(dtype=float), "y": resolved["y"].to_numpy(dtype=float)},
            index=pd.DatetimeIndex(decided),
        )
    except Exception:  # whatever pandas raises for what is no such table
        return None


def finite(value: float | None) -> float | None:
    """A figure, or None where it is undetermined."""
    return None if value is None or not math.isfinite(value) else float(value)
