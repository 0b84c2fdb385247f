"""What a logged run tells of the model that was tried: its identity, its scores, and whether it is the benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def identity(tags: Mapping[str, str], params: Mapping[str, str]) -> tuple[str | None, ...]:
    """What makes a training a try of its own."""
    return (tags.get("definition_hash"), params.get("option.start"), params.get("option.end"))


def is_benchmark(params: Mapping[str, str]) -> bool:
    """Whether a training is of the base rate itself."""
    return params.get("learner.kind") == "climatology" and not {"learner.window", "learner.half_life"} & params.keys()


def figure(run: Any, name: str) -> float | None:
    """A score of a run, under its present or its first name."""
    found: float | None = run.data.metrics.get(name, run.data.metrics.get(f"skill/{name}"))
    return found
