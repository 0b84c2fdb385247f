"""A small store of companies, and rows for it; the replay of a small exchange, one server for all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.data.companies.exchange import Handler, World, serving, settings_for, twelve

from bullbear import sessions
from bullbear.data import Store
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


@pytest.fixture
def world(_exchange: tuple[type[Handler], str]) -> World:
    _exchange[0].world = World(twelve())
    return _exchange[0].world


@pytest.fixture
def settings(_exchange: tuple[type[Handler], str]) -> Settings:
    return settings_for(_exchange[1])
