"""Stores with one real and one simulated ticker, read once for all tests of the odds."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bullbear.data import Store
from bullbear.data.simulator import load, simulate
from bullbear.data.snapshot import ingest
from bullbear.odds import EventSet
from bullbear.odds import load as load_events
from bullbear.shipped import EVENTS

FEATURES = Path(__file__).resolve().parents[2] / "features"


@pytest.fixture(scope="session")
def events() -> EventSet:
    return load_events(FEATURES / "odds.toml", only=EVENTS)


@pytest.fixture(scope="session")
def iwm_store(snapshot_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The real bars of IWM alone."""
    place = tmp_path_factory.mktemp("snapshot")
    (place / "prices").mkdir()
    shutil.copy(snapshot_dir / "prices" / "IWM.csv", place / "prices")
    store = Store(tmp_path_factory.mktemp("iwm") / "data")
    ingest(place, store, pd.Timestamp("2026-01-02", tz="UTC"))
    return store


@pytest.fixture(scope="session")
def simulated_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Simulated bars and short interest of IWM alone."""
    home = tmp_path_factory.mktemp("simulated")
    store = Store(home / "data")
    market = simulate(seed=5, signal=0.5, years=7)
    own = {name: frame for name, frame in market.frames.items() if name.split("/")[0] in ("prices", "short_interest")}
    own = {name: frame for name, frame in own.items() if name.endswith("/IWM")}
    load(replace(market, frames=own), store, home, pd.Timestamp("2026-01-02", tz="UTC"))
    return store
