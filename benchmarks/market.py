"""The market that benchmarks run on: the real snapshot where BULLBEAR_SNAPSHOT names it, else the simulated one."""

from __future__ import annotations

import os
import tempfile
from functools import lru_cache
from pathlib import Path

from bullbear.home import Home
from bullbear.workflows.filling import fill_from, fill_simulated


@lru_cache(maxsize=1)
def home() -> Home:
    """A filled home that lives as long as the process."""
    folder = tempfile.TemporaryDirectory(prefix="bullbear-bench-")
    place = Home(Path(folder.name))
    _kept.append(folder)
    snapshot = os.environ.get("BULLBEAR_SNAPSHOT")
    if snapshot:
        fill_from(place, Path(snapshot))
    else:
        fill_simulated(place, seed=7, signal=0.5, years=25)
    return place


_kept: list[tempfile.TemporaryDirectory[str]] = []
