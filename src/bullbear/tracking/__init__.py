"""Experiment tracking and model registry, on MLflow."""

from bullbear.tracking.run import Run
from bullbear.tracking.runs import Runs
from bullbear.tracking.training_run import log_training

__all__ = ["Run", "Runs", "log_training"]
