"""Learners, calibration and walk-forward training: from examples to out-of-sample probabilities."""

from bullbear.learn.calibrator import CALIBRATORS
from bullbear.learn.distribution import DistributionForecast, DistributionModel
from bullbear.learn.fold_model import FoldModel, Member
from bullbear.learn.learner import LEARNERS, FittedLearner, Learner, TrainingSet
from bullbear.learn.learners.logistic import LinearModel
from bullbear.learn.members import members_of, pool_of
from bullbear.learn.pool import POOLS
from bullbear.learn.refit import continue_training
from bullbear.learn.walk_forward import Training, train, train_all

__all__ = [
    "CALIBRATORS",
    "LEARNERS",
    "POOLS",
    "DistributionForecast",
    "DistributionModel",
    "FittedLearner",
    "FoldModel",
    "Learner",
    "LinearModel",
    "Member",
    "Training",
    "TrainingSet",
    "continue_training",
    "members_of",
    "pool_of",
    "train",
    "train_all",
]
