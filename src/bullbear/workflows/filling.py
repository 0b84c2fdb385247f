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
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from bullbear.data.simulator import load, simulate
from bullbear.data.snapshot import IngestReport, ingest
from bullbear.errors import InputError
from bullbear.home import Home
from bullbear.settings import Settings, settings_of

if TYPE_CHECKING:
    from bullbear.data.fetching import FetchReport

T = TypeVar("T")


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


def in_place_of_simulated(home: Home, fill: Callable[[Home], T]) -> T:
    """Exchange the simulated market for what `fill` stores; kept until something has arrived, since its seed can
    bring it back, but a dead network cannot. Real data are never removed.

    Parameters
    ----------
    fill
        Fills the home it is given: one beside the present one, on the same disk.

    Raises
    ------
    InputError
        The store holds real data; and whatever `fill` raises, with nothing changed.
    """
    if not home.store().is_simulated:
        raise InputError("store", "real data", "the simulated market", "give another --home")
    incoming, away = (home.root / f".{name}-{os.getpid()}" for name in ("incoming", "discarded"))
    try:
        result = fill(Home(incoming))
        if not Home(incoming).store().is_empty:
            away.mkdir(exist_ok=True)
            for name in (home.data.name, "oracle"):
                # Renamed, not copied: were the exchange cut short, no half of a market would be left to be read.
                if (home.root / name).exists():
                    os.replace(home.root / name, away / name)
                if (incoming / name).exists():
                    os.replace(incoming / name, home.root / name)
        return result
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
        shutil.rmtree(away, ignore_errors=True)


def fill_live(
    home: Home,
    only: tuple[str, ...] = (),
    say: Callable[[str], None] = lambda _: None,
    settings: Settings | None = None,
) -> FetchReport:
    """Bring the store up to date from the live providers, by the home's own settings if none are given.

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
        return fetch_all(store, settings or settings_of(home.root), pd.Timestamp.now("UTC"), only=only, say=say)


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
