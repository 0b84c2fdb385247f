"""Filling a home's store: from a snapshot directory, with the simulated market, or from the live providers.

Kinds of rows are stored one after the other. A mark stands in the store meanwhile, so that one whose filling was killed
is not taken for a full one; filling again completes it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bullbear.data.simulator import load, simulate
from bullbear.data.snapshot import IngestReport, ingest
from bullbear.errors import InputError
from bullbear.home import Home
from bullbear.settings import settings_of

if TYPE_CHECKING:
    from bullbear.data.fetching import FetchReport


def fill_simulated(home: Home, seed: int, signal: float, years: int) -> IngestReport:
    """Load the simulated market; the same arguments twice change nothing.

    Raises
    ------
    InputError
        The store holds other data.
    """
    market = simulate(seed, signal, years)
    with _marked(home):
        return load(market, home.store(), home.root, pd.Timestamp.now("UTC"))


def fill_from(home: Home, directory: Path) -> IngestReport:
    """Load a snapshot directory.

    Raises
    ------
    InputError
        It is no directory, or the store holds the simulated market.
    """
    if not directory.is_dir():
        raise InputError("snapshot", str(directory), "a directory", "check the path")
    with _marked(home):
        return ingest(directory, home.store(), pd.Timestamp.now("UTC"))


def discard_simulated(home: Home) -> None:
    """Remove the simulated market; its seed brings it back. Real data are never removed.

    Raises
    ------
    InputError
        The store holds real data.
    """
    if not home.store().is_simulated:
        raise InputError("store", "real data", "the simulated market", "give another --home")
    # Renamed first: were the removal cut short, no half of a market would be left to be read.
    away = home.root / f".discarded-{os.getpid()}"
    away.mkdir(exist_ok=True)
    for folder in (home.data, home.root / "oracle"):
        if folder.exists():
            os.replace(folder, away / folder.name)
    shutil.rmtree(away, ignore_errors=True)


def fill_live(home: Home, only: tuple[str, ...] = (), say: Callable[[str], None] = lambda _: None) -> FetchReport:
    """Bring the store up to date from the live providers.

    Raises
    ------
    InputError
        The extra `live` is not installed, the store holds the simulated market, or `only` names nothing known.
    DefinitionError
        `bullbear.toml` cannot be used.
    """
    from bullbear.data.fetching import fetch_all

    store = home.store()
    with _marked(home) if store.is_empty else nullcontext():
        return fetch_all(store, settings_of(home.root), pd.Timestamp.now("UTC"), only=only, say=say)


def is_unfinished(home: Home) -> bool:
    """Whether a filling was killed and not completed since."""
    return _mark(home).exists()


@contextmanager
def _marked(home: Home) -> Iterator[None]:
    missing = [folder for folder in (home.data, home.root) if not folder.exists()]
    was_unfinished = is_unfinished(home)
    home.data.mkdir(parents=True, exist_ok=True)
    _mark(home).touch()
    try:
        yield
    except BaseException:
        # Refused: leave the home as it was found. Where rows were stored, the folder is not empty and stays.
        if not was_unfinished:
            _mark(home).unlink(missing_ok=True)
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise
    _mark(home).unlink(missing_ok=True)


def _mark(home: Home) -> Path:
    return home.data / ".filling"
