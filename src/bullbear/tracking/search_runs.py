"""What a run shows of the searches that chose its parameters: figures, a table of all trials, and a child run for each.

A child run has the tag `search`, the day of its fit, and no question: readers of trainings pass it over, and it is no
try of its own. The searches saw only the past of what the training forecast, so the training is one try of the whole
procedure; another space, another number of trials or another period is a definition of its own, and another try.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from bullbear.definitions import ModelDefinition
from bullbear.learn.search.trial import Search, n_trials
from bullbear.tracking.tags import SEARCH
from bullbear.tracking.tries import TRIALS

TABLE = "trials.csv"
_STATES = ("complete", "pruned", "failed")


def search_tags(searches: Sequence[Search]) -> dict[str, str]:
    """Tags of the training; none without a search."""
    return {"mlflow.source.name": "bullbear tune", TRIALS: str(n_trials(searches))} if searches else {}


def search_params(definition: ModelDefinition) -> dict[str, Any]:
    """Parameters of the training; none without a search."""
    if definition.search is None:
        return {}
    plain = definition.search.model_dump(mode="json", exclude={"space"})
    space = {
        path: list(values.choices) or f"{values.low} to {values.high}{' log' if values.log else ''}"
        for path, values in definition.search.space.items()
    }
    return {
        **{f"search.{name}": value for name, value in plain.items()},
        **{f"search.space.{path}": values for path, values in space.items()},
    }


def search_metrics(searches: Sequence[Search]) -> dict[str, float]:
    """Metrics of the training; none without a search."""
    if not searches:
        return {}
    return {
        "search/searches": float(len(searches)),
        "search/trials": float(n_trials(searches)),
        **{f"search/{state}": float(sum(each.count(state) for each in searches)) for state in _STATES},
        "search/seconds": sum(trial.seconds for each in searches for trial in each.trials),
    }


def search_runs(searches: Sequence[Search]) -> list[dict[str, Any]]:
    """The child runs: chosen parameters, the score of each trial by its number, and the best so far."""
    return [_child(each) for each in searches]


def trials_csv(searches: Sequence[Search]) -> str:
    """A line for every trial."""
    paths = sorted({path for each in searches for path in each.values})
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["question", "fitted_through", "trial", "state", "score", *paths, "chosen", "seconds", "message"])
    for each in searches:
        for trial in each.trials:
            score = "" if trial.score is None else repr(trial.score)
            values = [trial.values.get(path, "") for path in paths]
            chosen = int(trial is each.chosen)
            row = [each.question, each.fitted_through.date(), trial.number, trial.state, score, *values, chosen]
            rows.writerow([*row, f"{trial.seconds:.3f}", trial.message])
    return text.getvalue()


def _child(search: Search) -> dict[str, Any]:
    day = str(search.fitted_through.date())
    best: float | None = None
    points: list[tuple[str, float, int]] = []
    for trial in search.trials:
        if trial.score is not None:
            points.append(("trial/score", trial.score, trial.number))
            best = trial.score if best is None or (trial.state == "complete" and trial.score > best) else best
            points.append(("trial/best", best, trial.number))
    figures = {
        "inner_skill": search.score,
        "inner_skill_of_file": search.trials[0].score if search.trials else None,
        "inner_folds": float(search.n_folds),
        **{f"trials_{state}": float(search.count(state)) for state in _STATES},
    }
    messages = sorted({trial.message for trial in search.trials if trial.message})
    began, ended = search.span or (None, None)
    return {
        "name": f"search {day}",
        "started": None if began is None else round(began * 1000),
        "ended": None if ended is None else round(ended * 1000),
        "tags": {SEARCH: day, **({"failures": "; ".join(messages)[:4000]} if messages else {})},
        "params": {path: str(value) for path, value in search.values.items()},
        "metrics": [*((name, value, 0) for name, value in figures.items() if value is not None), *points],
    }
