"""Learners, calibration and walk-forward training: from examples to out-of-sample probabilities."""

from bullbear.learn.calibrator import CALIBRATORS
from bullbear.learn.learner import LEARNERS, FittedLearner, Learner, TrainingSet
from bullbear.learn.learners.logistic import LinearModel
from bullbear.learn.refit import continue_training
from bullbear.learn.walk_forward import FoldModel, Training, predict, train

__all__ = [
    "CALIBRATORS",
    "LEARNERS",
    "FittedLearner",
    "FoldModel",
    "Learner",
    "LinearModel",
    "Training",
    "TrainingSet",
    "continue_training",
    "predict",
    "train",
]
