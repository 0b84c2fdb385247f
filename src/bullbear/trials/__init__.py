"""The registry of trials: every training and every variant of a policy whose out-of-sample result anybody saw."""

from bullbear.trials.counting import Tries, tries_on
from bullbear.trials.registry import TrialRegistry, TrialsError
from bullbear.trials.trial import AUDIT, POLICY, SWEEP, TRAIN, TUNE, Identity, Trial, is_base_rate

__all__ = [
    "AUDIT",
    "POLICY",
    "SWEEP",
    "TRAIN",
    "TUNE",
    "Identity",
    "Trial",
    "TrialRegistry",
    "TrialsError",
    "Tries",
    "is_base_rate",
    "tries_on",
]
