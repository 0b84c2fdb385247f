"""Labelled data sets: targets with the instant they resolve, examples, purged splits."""

from bullbear.dataset.examples import Examples, build, build_all
from bullbear.dataset.labels import Labels, Paths, resolve
from bullbear.dataset.predictions import Predictions
from bullbear.dataset.splits import Fold, Splitter, splitter_of

__all__ = [
    "Examples",
    "Fold",
    "Labels",
    "Paths",
    "Predictions",
    "Splitter",
    "build",
    "build_all",
    "resolve",
    "splitter_of",
]
