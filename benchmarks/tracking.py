"""What MLflow adds to a training: the seconds spent on logging against those of the training itself."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.market import home
from benchmarks.ratio import Ratio
from bullbear.home import Home
from bullbear.tracking import training_run
from bullbear.workflows.training import train_model

AIM = 0.05


def measure() -> list[Ratio]:
    place = home()
    return [_logging(place, name, question) for name, question in (("lightgbm", None), ("outlook", None))]


def _logging(place: Home, name: str, question: str | None) -> Ratio:
    """One training in a store of its own: of one question, and of eight."""
    spent = [0.0]
    real = training_run._log

    def timed(*arguments: Any, simulated: bool) -> object:
        began = time.perf_counter()
        try:
            return real(*arguments, simulated=simulated)
        finally:
            spent[0] += time.perf_counter() - began

    with tempfile.TemporaryDirectory() as folder, mock.patch.object(training_run, "_log", timed):
        fresh = _beside(place, Path(folder))
        train_model(fresh, "climatology")  # creates the store and warms the imports
        spent[0] = 0.0
        began = time.perf_counter()
        train_model(fresh, name, question=question, jobs=2)
        whole = time.perf_counter() - began
    return Ratio(f"MLflow in a training of {name} / the rest of it", spent[0], whole - spent[0], AIM)


def _beside(place: Home, root: Path) -> Home:
    """A home with the same market and no runs."""
    (root / "data").symlink_to(place.root / "data")
    return Home(root)
