"""The scores of all models tried on a question, one line a model, read from the metrics and tags of the runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bullbear.definitions import UP
from bullbear.evaluate.scored_model import NOT_JUDGED, ScoredModel
from bullbear.tracking.stored_runs import StoredRun
from bullbear.tracking.tags import QUESTION, QUESTIONS, VERDICT
from bullbear.tracking.tries import figure, identity, trials_of


def scored_models(
    finished: Sequence[StoredRun], questions: Collection[str], *, simulated: bool, about: str | None
) -> dict[str, list[ScoredModel]]:
    """By question, of equal trainings the newest; see `Runs.scored`.

    Parameters
    ----------
    finished
        The finished runs of the experiment, the newest first.
    """
    found: dict[str, list[ScoredModel]] = {}
    seen: set[tuple[str | None, ...]] = set()
    for each in sorted(finished, key=lambda run: run.run_id != about):
        tags = each.tags
        question, bss = tags.get(QUESTION, UP.name), figure(each, "bss")
        if QUESTIONS in tags or question not in questions or bss is None:
            continue
        key = (question, *identity(tags, each.params))
        if (tags.get("data") == "SIMULATED") != simulated or key in seen:
            continue
        seen.add(key)
        found.setdefault(question, []).append(
            ScoredModel(
                name=tags.get("model", "?"),
                run_id=each.run_id,
                bss=bss,
                low=figure(each, "bss_low"),
                high=figure(each, "bss_high"),
                log_loss_skill=figure(each, "log_loss_skill"),
                verdict=tags.get(VERDICT, NOT_JUDGED),
                trials=trials_of(tags),
                is_this=each.run_id == about,
            )
        )
    return found
