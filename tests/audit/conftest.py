"""What the tests of the audit look at: bars on the sessions that a module names in `DAYS`, and a trained model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.audit.subject import Subject
from bullbear.data.store import Store
from bullbear.factors import registered
from bullbear.home import Home
from bullbear.sessions import closes
from bullbear.tracking import Runs
from bullbear.user_code import use_home
from bullbear.workflows.auditing import subject_of


@pytest.fixture(autouse=True)
def _no_home(tmp_path: Path) -> Iterator[None]:
    yield
    use_home(tmp_path / "nowhere")
    registered()


@pytest.fixture
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Store:
    """A random walk of IWM's closes."""
    place, days = Store(tmp_path / "data"), pd.DatetimeIndex(request.module.DAYS)
    price = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, len(days))))
    bars = {"series": "IWM", "event_date": days, "known_at": closes(days), "open": price, "high": 1.01 * price}
    place.append("bars", pd.DataFrame({**bars, "low": price, "close": price, "adj_close": price, "volume": 1e6}))
    return place


@pytest.fixture(scope="session")
def trained(trained_home: Home) -> Subject:
    """The small trained model on the simulated market; nothing of it looks ahead. Read it only."""
    return subject_of(trained_home, Runs(trained_home), "small")
