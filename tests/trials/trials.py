"""Trials to be recorded in tests."""

from __future__ import annotations

from typing import Any

from bullbear.trials import TRAIN, Trial


def training(definition: str = "a", **changes: Any) -> Trial:
    """A training of a model named after its definition."""
    return Trial(**{"what": TRAIN, "model": f"m_{definition}", "question": "up", "data": "real",
                    "definition_hash": definition, **changes})  # fmt: skip


def swept(definition: str = "a", **variants: float | None) -> Trial:
    """Policies tried on that model."""
    return training(definition, what="sweep", named="grid", variants=variants)
