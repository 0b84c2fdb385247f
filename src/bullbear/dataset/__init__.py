"""Labelled data sets: targets with the instant they resolve, examples, purged splits."""

from bullbear.dataset.examples import Examples, build
from bullbear.dataset.labels import resolve
from bullbear.dataset.splits import Fold, walk_forward_folds

__all__ = ["Examples", "Fold", "build", "resolve", "walk_forward_folds"]
