"""A small store of companies, and rows for it; the replay of a small exchange, one server for all tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.data.companies.exchange import Handler, World, serving, settings_for, twelve

from bullbear import sessions
from bullbear.data import Store
from bullbear.data.companies.fetching import fetch_companies
from bullbear.settings import Settings

Bars = Callable[..., pd.DataFrame]


def made_bars(company: str, first: str, close: list[float], **columns: object) -> pd.DataFrame:
    """Bars of one company on the sessions from `first` on, known at their closes."""
    days = sessions.between(first, sessions.offset(first, len(close) - 1))
    prices = np.array(close)
    frame = pd.DataFrame(
        {"series": company, "event_date": days, "known_at": sessions.closes(days), "open": prices, "high": prices + 1}
    )
    return frame.assign(low=prices - 1, close=prices, volume=1e5, restated=0.0, **columns)


@pytest.fixture(scope="session")
def bars() -> Bars:
    return made_bars


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


@pytest.fixture(scope="session")
def _exchange() -> Iterator[tuple[type[Handler], str]]:
    with serving() as bound:
        yield bound


@pytest.fixture(scope="session")
def _brought(_exchange: tuple[type[Handler], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the bars of the twelve companies up to 2024-03-08."""
    place = tmp_path_factory.mktemp("exchange") / "data"
    kept, _exchange[0].world = _exchange[0].world, World(twelve())
    assert not fetch_companies(Store(place), settings_for(_exchange[1], facts=False), World(twelve()).now).failures
    _exchange[0].world = kept  # that of the test
    return place


@pytest.fixture
def brought(_brought: Path, tmp_path: Path) -> Store:
    """A copy of it."""
    shutil.copytree(_brought, tmp_path / "data")
    return Store(tmp_path / "data")


@pytest.fixture
def world(_exchange: tuple[type[Handler], str]) -> World:
    _exchange[0].world = World(twelve())
    return _exchange[0].world


@pytest.fixture
def settings(_exchange: tuple[type[Handler], str]) -> Settings:
    return settings_for(_exchange[1])
