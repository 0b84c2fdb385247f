"""A store of a few literal prices, each known at its own close."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bullbear.data.store import Store
from bullbear.sessions import closes

Prices = dict[str, float]


@pytest.fixture
def toy_store(tmp_path: Path) -> Callable[[Prices], Store]:
    """A maker of stores: `{day: adj_close}` of IWM. The price as traded is another, so that a mix-up shows."""

    def make(prices: Prices) -> Store:
        days = pd.DatetimeIndex(list(prices)).as_unit("us")
        store = Store(tmp_path / "data")
        rows = pd.DataFrame({"series": "IWM", "event_date": days, "known_at": closes(days)})
        adjusted = pd.Series(list(prices.values()))
        close = 200.0 - pd.Series(range(len(days)), dtype=float)
        rows["close"], rows["adj_close"] = close, adjusted
        store.append("bars", rows.assign(open=close, high=close, low=close, volume=1e6))
        return store

    return make
