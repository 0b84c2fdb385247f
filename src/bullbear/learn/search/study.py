"""One search as an Optuna study: the only module that knows Optuna.

A trial is drawn and judged in memory and written to the storage once it has finished, so that a killed process leaves
no half trial behind. What is drawn next depends on the finished trials, the seed and their number alone: the search
continues after a kill as if there had been none. Several processes may work on one study. Those that find another at
work draw with a seed of their own; all choose among the trials that finished first, and so agree.

The first trial has the parameters of the model's file; the next seven are drawn at random, the others by a
tree-structured Parzen estimator. With pruning, a trial ends whose running score lies below the median that earlier
trials had after as many inner folds.

References
----------
Akiba et al. (2019), Optuna: a next-generation hyperparameter optimization framework, doi:10.1145/3292500.3330701.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from bullbear.definitions.search import SearchDefinition
from bullbear.errors import BullbearError, ExecutionError
from bullbear.files import FileLock
from bullbear.learn.search.space import Parameter, Space
from bullbear.learn.search.trial import Trial

_RANDOM = 8
"""Trials before the sampler learns from earlier ones."""
_UNJUDGED = 5
"""Trials before one may be pruned."""
_GONE = 600.0
"""Seconds after which a process on another machine that finished no trial no longer counts as at work."""
_WORKER = "worker "
_FIRST = b'{"op_code"'
"""What every line of a journal begins with."""


def run_study(
    place: str | None,
    name: str,
    space: Space,
    search: SearchDefinition,
    seed: str,
    scores: Callable[[Mapping[str, Any]], Iterator[float]],
) -> tuple[Trial, ...]:
    """The trials of a study, once `search.trials` of them have finished.

    Parameters
    ----------
    place
        A journal file or the URL of a database; None to keep nothing.
    name
        Of the study; one that the storage holds is continued.
    scores
        The running score of some values after each inner fold, higher is better. What it raises fails the trial, not
        the search.

    Raises
    ------
    ExecutionError
        The storage cannot be used.
    """
    with _storage_errors(place):
        study = _quiet_study(_opened(place), name)
        past = study.get_trials(deepcopy=False)
    if len(past) < search.trials:
        with _at_work(study, place) as salt:
            while len(past) < search.trials:
                finished = _one_trial(past, space, search, f"{seed} {len(past)}{salt}", scores)
                with _storage_errors(place):
                    study.add_trial(finished)
                    past = study.get_trials(deepcopy=False)
    return tuple(_plain(each) for each in past[: search.trials])


def require_usable(place: str) -> None:
    """Refuse a storage that cannot be written, before any work.

    Raises
    ------
    ExecutionError
        It cannot be opened or written.
    """
    with _storage_errors(place):
        _opened(place)


def _one_trial(
    past: list[FrozenTrial],
    space: Space,
    search: SearchDefinition,
    seed: str,
    scores: Callable[[Mapping[str, Any]], Iterator[float]],
) -> FrozenTrial:
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big")
    distributions = {each.path: _distribution(each) for each in space.parameters}
    local = _quiet_study(InMemoryStorage(), None, sampler=_sampler(past, space, number))
    local.add_trials(past)
    trial = local.ask(distributions)
    values = {each.path: trial.params[each.path] for each in space.parameters}
    began, started = time.perf_counter(), time.time()
    state, reported, message = TrialState.COMPLETE, {}, ""
    try:
        for step, score in enumerate(_known(past, values) or scores(values)):
            reported[step] = score
            trial.report(score, step)
            if search.pruning and trial.should_prune():
                state = TrialState.PRUNED
                break
    except Exception as bad:
        state, message = TrialState.FAIL, " ".join(str(bad).split())[:500] or type(bad).__name__
    value = None if state == TrialState.FAIL else reported[max(reported)]
    return optuna.trial.create_trial(
        state=state,
        value=value,
        params=dict(trial.params),
        distributions=distributions,
        intermediate_values=reported,
        user_attrs={
            "began": started,
            "seconds": time.perf_counter() - began,
            **({"message": message} if message else {}),
        },
    )


def _known(past: list[FrozenTrial], values: Mapping[str, Any]) -> list[float]:
    """The running scores of the same values in an earlier trial: small spaces are soon drawn twice."""
    for each in past:
        if each.state == TrialState.COMPLETE and each.params == values:
            return [each.intermediate_values[step] for step in sorted(each.intermediate_values)]
    return []


def _sampler(past: list[FrozenTrial], space: Space, seed: int) -> optuna.samplers.BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if not past:
            return optuna.samplers.PartialFixedSampler(_own(space), optuna.samplers.RandomSampler(seed))
        return optuna.samplers.TPESampler(n_startup_trials=_RANDOM, multivariate=True, constant_liar=False, seed=seed)


def _own(space: Space) -> dict[str, Any]:
    return {
        each.path: float(each.own) if isinstance(_distribution(each), FloatDistribution) else each.own
        for each in space.parameters
    }


def _distribution(parameter: Parameter) -> BaseDistribution:
    values = parameter.values
    if values.choices:
        return CategoricalDistribution(values.choices)
    low, high = map(float, values.ends)
    if parameter.is_whole:
        return IntDistribution(int(low), int(high), log=values.log)
    return FloatDistribution(low, high, log=values.log)


def _quiet_study(
    storage: BaseStorage, name: str | None, sampler: optuna.samplers.BaseSampler | None = None
) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize",
        sampler=sampler or optuna.samplers.RandomSampler(0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNJUDGED, n_warmup_steps=0),
        load_if_exists=True,
    )


def _plain(trial: FrozenTrial) -> Trial:
    names: dict[TrialState, Literal["complete", "pruned", "failed"]] = {
        TrialState.COMPLETE: "complete",
        TrialState.PRUNED: "pruned",
    }
    return Trial(
        number=trial.number,
        state=names.get(trial.state, "failed"),
        values=dict(trial.params),
        score=trial.value,
        seconds=float(trial.user_attrs.get("seconds", 0.0)),
        message=str(trial.user_attrs.get("message", "")),
        began=trial.user_attrs.get("began"),
    )


@contextmanager
def _at_work(study: optuna.Study, place: str | None) -> Iterator[str]:
    """Sign in as a worker of the study; what makes this process draw otherwise than others, empty if it is alone."""
    if place is None:
        yield ""
        return
    me = _WORKER + uuid4().hex
    with _storage_errors(place):
        study.set_user_attr(me, {"host": socket.gethostname(), "pid": os.getpid(), "since": time.time()})
        others = [entry for key, entry in study.user_attrs.items() if key.startswith(_WORKER) and key != me]
        is_alone = not any(_is_at_work(entry, study) for entry in others)
    try:
        yield "" if is_alone else f" {me}"
    finally:
        with suppress(Exception):  # a storage that fails now has said so before
            study.set_user_attr(me, {})


def _is_at_work(entry: Mapping[str, Any], study: optuna.Study) -> bool:
    if not entry:
        return False
    if entry["host"] == socket.gethostname():
        try:
            os.kill(int(entry["pid"]), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return int(entry["pid"]) != os.getpid()
    ended = [each.datetime_complete.timestamp() for each in study.get_trials(deepcopy=False) if each.datetime_complete]
    return time.time() - max(float(entry["since"]), *ended, 0.0) < _GONE


class _Lock:
    """Optuna's lock of a journal as one that the system releases when its holder dies."""

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path)

    def acquire(self) -> bool:
        self._lock.__enter__()
        return True

    def release(self) -> None:
        self._lock.__exit__()


def _opened(place: str | None) -> BaseStorage:
    return InMemoryStorage() if place is None else _kept_open(place, os.getpid())


@cache
def _kept_open(place: str, pid: int) -> BaseStorage:  # a fork must not share a connection
    if "://" not in place:
        return _journal(Path(place))
    options = {"connect_args": {"timeout": 60}} if place.startswith("sqlite") else {}
    for attempt in range(5):
        try:
            return RDBStorage(place, engine_kwargs=options)
        except (ImportError, ValueError):
            raise
        except Exception:  # two processes that create the tables at the same instant
            if attempt == 4:
                raise
            time.sleep(0.2 * (attempt + 1))
    raise AssertionError


def _journal(path: Path) -> BaseStorage:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    with FileLock(lock), open(path, "ab+") as file:
        file.seek(0)
        content = file.read()
        if content[: len(_FIRST)] != _FIRST[: len(content)]:  # another file must not lose its last line
            raise ExecutionError(
                f"--storage {path}: the file is no journal of trials; name another one, or a database by its URL, such "
                "as sqlite:///tuning.db"
            )
        if content and not content.endswith(b"\n"):  # a writer was killed, or the disk was full
            file.truncate(content.rfind(b"\n") + 1)
    held: Any = _Lock(lock)  # Optuna does not export the class to inherit from
    return JournalStorage(JournalFileBackend(str(path), lock_obj=held))


@contextmanager
def _storage_errors(place: str | None) -> Iterator[None]:
    try:
        yield
    except BullbearError:
        raise
    except Exception as bad:
        shown = re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", place or "memory")
        why = (bad.strerror if isinstance(bad, OSError) else None) or " ".join(str(bad).split())[:200]
        raise ExecutionError(
            f"--storage {shown}: {why or type(bad).__name__}; finished trials are kept: make the storage writable, or "
            "name a file or a URL such as sqlite:///tuning.db, and run the command again"
        ) from bad
