"""What a logged run tells of the model that was tried: its identity, its scores, and whether it is the benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bullbear.trials import Identity, is_base_rate

TRIALS = "trials"
"""The tag of a tuned training: how many trials its searches made."""


def identity(tags: Mapping[str, str], params: Mapping[str, str]) -> Identity:
    """What makes a training a try of its own."""
    return (tags.get("definition_hash"), params.get("option.start"), params.get("option.end"))


def is_benchmark(params: Mapping[str, str]) -> bool:
    """Whether a training is of the base rate itself."""
    learner = {name.removeprefix("learner."): value for name, value in params.items() if name.startswith("learner.")}
    return is_base_rate(learner)


def trials_of(tags: Mapping[str, str]) -> int | None:
    """How many trials the searches of a training made; None of one whose parameters were not searched for."""
    found = tags.get(TRIALS)
    return None if found is None else int(found)


def figure(run: Any, name: str) -> float | None:
    """A score of a run, under its present or its first name."""
    found: float | None = run.metrics.get(name, run.metrics.get(f"skill/{name}"))
    return found
