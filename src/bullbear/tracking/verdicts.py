"""What the gate said of a run: the tag that the run list shows, its document, and the challenger that follows from it.

The verdicts are tags of the runs, so that they are there wherever the store is. A champion that is replaced has passed,
unless it was forced; of several questions the parent run sums up those of its children.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from bullbear.definitions import UP
from bullbear.errors import Found, RunError
from bullbear.evaluate.scored_model import NOT_JUDGED
from bullbear.tracking.stored_runs import StoredRun
from bullbear.tracking.tags import (
    CHAMPION,
    FORCED_CHAMPION,
    KINDS,
    PASSED,
    QUESTION,
    QUESTIONS,
    REFUSED,
    VERDICT,
    kind_of,
    no_longer_champion,
)
from bullbear.tracking.tries import figure, is_benchmark

DOCUMENT = "verdict.json"
_LONGEST = 500


def record_verdict(
    client: MlflowClient, finished: Sequence[StoredRun], run_id: str, verdict: str, document: Mapping[str, Any] | None
) -> dict[str, str]:
    """Write the verdict on a run into the store.

    Parameters
    ----------
    finished
        The finished runs of the experiment.
    run_id
        One of them.
    verdict
        A sentence that begins with its kind, see `VERDICT`.
    document
        Kept as the artifact `verdict.json`, in place of an earlier one.

    Returns
    -------
    The verdicts on all runs of the same question and kind of data, by run id.

    Raises
    ------
    RunError
        The run was deleted.
    """
    judged = next((each for each in finished if each.run_id == run_id), None)
    if judged is None:
        deleted = Found("deleted, so that nothing can be recorded")
        raise RunError(f"run {run_id[:8]}", deleted, "a run of the tracking store", "train the model again")
    changed = {run_id: " ".join(verdict.split())[:_LONGEST]}
    rivals = alike(finished, judged)
    if kind_of(verdict) == CHAMPION:
        name = f"{judged.tags.get('model')} {run_id[:8]}"
        changed |= {
            each.run_id: no_longer_champion(
                f"replaced as champion by {name}", forced=each.tags[VERDICT].startswith(FORCED_CHAMPION)
            )
            for each in rivals
            if each.run_id != run_id and kind_of(each.tags.get(VERDICT, "")) == CHAMPION
        }
    verdicts = {each.run_id: each.tags.get(VERDICT, NOT_JUDGED) for each in finished} | changed
    for each, text in changed.items():
        client.set_tag(each, VERDICT, text)
    for parent in {each.parent for each in rivals if each.parent and each.run_id in changed}:
        client.set_tag(parent, VERDICT, _of_parent(finished, parent, verdicts))
    if document is not None:
        write_artifact(judged.artifact_uri, DOCUMENT, json.dumps(document, indent=1))
    return {each.run_id: verdicts[each.run_id] for each in rivals}


def write_artifact(place: str, name: str, text: str) -> None:
    """Keep a text as an artifact at a run's URI, in place of an earlier one.

    The client would do it at the place that the run had when this process first wrote to it.
    """
    with tempfile.TemporaryDirectory(prefix="bullbear-") as folder:
        file = Path(folder) / name
        file.write_text(text, encoding="utf-8")
        # MLflow does not annotate its repositories.
        get_artifact_repository(place).log_artifact(str(file))  # type: ignore[no-untyped-call]


def alike(finished: Sequence[StoredRun], run: StoredRun) -> list[StoredRun]:
    """The runs that answer the same question on the same kind of data, the run itself among them."""
    return [each for each in finished if _subject(each) == _subject(run)]


def challenger_of(rivals: Sequence[StoredRun], verdicts: Mapping[str, str]) -> StoredRun | None:
    """The run that comes nearest to the champion.

    Of those that were judged and are not champion it is the one whose Brier skill has the highest lower end of its
    interval; of equals the newest. The base rate challenges nobody.

    Parameters
    ----------
    rivals
        The finished runs of one question and kind of data, the newest first.
    verdicts
        Theirs, by run id.
    """
    found = [
        (low, each)
        for each in rivals
        if kind_of(verdicts[each.run_id]) in (PASSED, REFUSED)
        and not is_benchmark(each.params)
        and (low := figure(each, "bss_low")) is not None
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def champion_among(rivals: Sequence[StoredRun], verdicts: Mapping[str, str]) -> StoredRun | None:
    """The run that is champion by its verdict."""
    return next((each for each in rivals if kind_of(verdicts[each.run_id]) == CHAMPION), None)


def _subject(run: StoredRun) -> tuple[str | None, str | None]:
    tags = run.tags
    # A parent answers nothing itself; runs without the tag are of `up`.
    return (None if QUESTIONS in tags else tags.get(QUESTION, UP.name)), tags.get("data")


def _of_parent(finished: Sequence[StoredRun], parent: str, verdicts: Mapping[str, str]) -> str:
    children = [each for each in finished if each.parent == parent]
    by_kind = {kind: [each for each in children if kind_of(verdicts[each.run_id]) == kind] for kind in KINDS}
    return "; ".join(
        f"{kind}: {', '.join(sorted(each.tags.get(QUESTION, '?') for each in of_kind))}"
        for kind, of_kind in by_kind.items()
        if of_kind
    )
