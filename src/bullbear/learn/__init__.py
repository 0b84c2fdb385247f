"""Learners, calibration and walk-forward training: from examples to out-of-sample probabilities."""

from bullbear.learn.calibration import Shrinkage
from bullbear.learn.learners import Fitted, Learner, learner_of
from bullbear.learn.refit import continue_training
from bullbear.learn.walk_forward import FoldModel, Training, predict, train

__all__ = [
    "Fitted",
    "FoldModel",
    "Learner",
    "Shrinkage",
    "Training",
    "continue_training",
    "learner_of",
    "predict",
    "train",
]
