"""What a promotion leaves in the tracking store: the verdict on a run, the marks in the registry, pages beside it.

This is the part of `tracking.runs` that writes, and so needs MLflow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, RunTag

from bullbear.home import Home
from bullbear.tracking.ledger_anchor import record_ledger_head
from bullbear.tracking.mlflow_store import connect, require_ready
from bullbear.tracking.registry import (
    describe,
    mark_challenger,
    mark_champion,
    place_champion,
    registered_name,
    unmark_champion,
)
from bullbear.tracking.run import Run
from bullbear.tracking.stored_runs import StoredRun, opened, stored_runs
from bullbear.tracking.tags import USED_AGAIN
from bullbear.tracking.usable import cause, limited_patience, store_errors
from bullbear.tracking.verdicts import challenger_of, champion_among, record_verdict, write_artifact


def promote(
    home: Home,
    run: Run,
    *,
    instead_of: Path | None,
    skill: Mapping[str, float | None] | None,
    forced: Mapping[str, str] | None,
) -> None:
    """See `Runs.promote`."""
    require_ready(home.runs)  # reading has not needed a store that can be written
    place_champion(home, run, instead_of=instead_of, skill=skill, forced=forced)
    mark(home, run)


def mark(home: Home, run: Run) -> None:
    """See `Runs.mark`."""
    client = connect(home.runs)
    if run.bundle_at is not None:  # the champion, promoted again; it is marked again if its run is still there
        if (tracked := _of_id(home, run.run_id)) is not None:
            mark_champion(client, _to_mark(tracked))
        return
    mark_champion(client, run)
    record_ledger_head(home)


def judge(
    home: Home, run: Run, verdict: str, document: Mapping[str, Any] | None, *, say: Callable[[str], None]
) -> None:
    """See `Runs.judge`."""
    try:
        with limited_patience():
            client = connect(home.runs)
            finished = stored_runs(home.runs)
            verdicts = record_verdict(client, finished, run.run_id, verdict, document)
            rivals = [each for each in finished if each.run_id in verdicts]
            challenger = challenger_of(rivals, verdicts)
            name = registered_name(run)
            if challenger is not None or champion_among(rivals, verdicts) is not None:
                mark_challenger(client, name, None if challenger is None else _to_mark(challenger))
                describe(client, name, run.bundle.definition.target.question.sentence, verdicts)
    except store_errors() as bad:
        say(f"the verdict on {run.model} {run.run_id[:8]} was not recorded in MLflow: {cause(bad)}")


def follow(
    home: Home, question: str, run_id: str | None, verdict: str, *, ticker: str, say: Callable[[str], None]
) -> None:
    """See `Runs.follow`."""
    simulated = home.store().is_simulated
    try:
        with limited_patience():
            client = connect(home.runs)
            tracked = _of_id(home, run_id)
            if tracked is None:
                unmark_champion(client, question, ticker, simulated=simulated)
            else:
                mark_champion(client, _to_mark(tracked))
    except store_errors() as bad:
        say(f"the alias `champion` of {question} in MLflow did not follow: {cause(bad)}")
        return
    if tracked is not None:
        judge(home, _to_mark(tracked), verdict, None, say=say)


def note_verdict(home: Home, run_id: str, verdict: str, *, say: Callable[[str], None]) -> None:
    """See `Runs.note_verdict`."""
    try:
        tracked = _of_id(home, run_id)
    except store_errors() as bad:
        say(f"the verdict on {run_id[:8]} was not recorded in MLflow: {cause(bad)}")
        return
    if tracked is not None:
        judge(home, _to_mark(tracked), verdict, None, say=say)


def tag(home: Home, run: Run, tags: Mapping[str, str], *, say: Callable[[str], None]) -> None:
    """See `Runs.tag`."""
    try:
        with limited_patience():
            client = connect(home.runs)
            for key, value in tags.items():
                client.set_tag(run.run_id, key, value)
    except store_errors() as bad:
        say(f"the tags of {run.model} {run.run_id[:8]} were not recorded in MLflow: {cause(bad)}")


def use_again(home: Home, run_id: str, *, say: Callable[[str], None]) -> None:
    """See `Runs.use_again`."""
    try:
        with limited_patience():
            connect(home.runs).set_tag(run_id, USED_AGAIN, str(time.time_ns() // 1_000_000))
    except store_errors() as bad:
        say(f"run {run_id[:8]} was not marked as the latest in MLflow: {cause(bad)}")


def attach(home: Home, run: Run, name: str, text: str, *, say: Callable[[str], None]) -> None:
    """See `Runs.attach`."""
    try:
        with limited_patience():
            client: MlflowClient = connect(home.runs)
            write_artifact(str(client.get_run(run.run_id).info.artifact_uri), name, text)
    except store_errors() as bad:
        say(f"{name} of {run.model} {run.run_id[:8]} was not kept in MLflow: {cause(bad)}")


def record_audit(
    home: Home,
    run_ids: Sequence[str],
    texts: Mapping[str, str],
    tags: Mapping[str, str],
    metrics: Mapping[str, float],
    *,
    say: Callable[[str], None],
) -> bool:
    """See `Runs.record_audit`."""
    now = time.time_ns() // 1_000_000
    points = [Metric(name, value, now, 0) for name, value in metrics.items()]
    marks = [RunTag(name, value) for name, value in tags.items()]
    try:
        with limited_patience():
            client = connect(home.runs)
            for run_id in run_ids:
                place = str(client.get_run(run_id).info.artifact_uri)
                for name, text in texts.items():
                    write_artifact(place, name, text)
                client.log_batch(run_id, metrics=points, tags=marks)
    except store_errors() as bad:
        say(f"the audit of run {run_ids[0][:8]} was not recorded in MLflow: {cause(bad)}")
        return False
    return True


def _of_id(home: Home, run_id: str | None) -> StoredRun | None:
    return next((each for each in stored_runs(home.runs) if each.run_id == run_id), None)


def _to_mark(run: StoredRun) -> Run:
    """A run for the registry, which reads nothing of its artifacts."""
    return opened(run, run.place or Path())
