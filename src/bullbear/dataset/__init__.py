"""Labelled data sets: targets with the instant they resolve, examples, purged splits."""

from bullbear.dataset.examples import Examples, build
from bullbear.dataset.labels import resolve
from bullbear.dataset.predictions import Predictions
from bullbear.dataset.splits import Fold, Splitter, splitter_of

__all__ = ["Examples", "Fold", "Predictions", "Splitter", "build", "resolve", "splitter_of"]
