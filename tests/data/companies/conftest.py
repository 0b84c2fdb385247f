"""A small store of companies, and rows for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions
from bullbear.data import Store

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
