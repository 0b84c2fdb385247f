"""Filling a home's store: from a snapshot directory, or with the simulated market."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bullbear.data.simulator import load, simulate
from bullbear.data.snapshot import IngestReport, ingest
from bullbear.errors import InputError
from bullbear.home import Home


def fill_simulated(home: Home, seed: int, signal: float, years: int) -> IngestReport:
    """Load the simulated market; the same arguments twice change nothing.

    Raises
    ------
    InputError
        The store holds other data.
    """
    return load(simulate(seed, signal, years), home.store(), home.root, pd.Timestamp.now("UTC"))


def fill_from(home: Home, directory: Path) -> IngestReport:
    """Load a snapshot directory.

    Raises
    ------
    InputError
        It is no directory, or the store holds the simulated market.
    """
    if not directory.is_dir():
        raise InputError("snapshot", str(directory), "a directory", "check the path")
    return ingest(directory, home.store(), pd.Timestamp.now("UTC"))
