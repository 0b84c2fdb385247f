"""Experiment tracking and model registry, on MLflow."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bullbear.tracking.run import Run
    from bullbear.tracking.runs import Runs
    from bullbear.tracking.training_run import log_training

__all__ = ["Run", "Runs", "log_training"]

_MODULES = {"Run": "run", "Runs": "runs", "log_training": "training_run"}


def __getattr__(name: str) -> Any:
    # MLflow takes a second to import: a list of runs is read without it.
    if name in _MODULES:
        return getattr(import_module(f"bullbear.tracking.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
