"""The price on a card: its move and its year, from bars written out by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bullbear.data.store import Store
from bullbear.forecasting.card.price import price_of
from bullbear.forecasting.card.sources import Sources
from bullbear.home import Home

DAYS = ("2019-12-26", "2019-12-27", "2019-12-30", "2019-12-31")


def filled(root: Path) -> Sources:
    """Four sessions; the last one goes ex a dividend of 1 and came after a high of 112."""
    store = Store(root / "data")
    known_at = [pd.Timestamp(f"{day}T21:00Z") for day in DAYS]
    bars = pd.DataFrame(
        {
            "series": "IWM",
            "event_date": pd.to_datetime(DAYS).as_unit("us"),
            "known_at": known_at,
            "open": [100.0, 110.0, 104.0, 103.0],
            "high": [101.0, 112.0, 105.0, 104.0],
            "low": [99.0, 108.0, 103.0, 98.0],
            "close": [100.0, 110.0, 104.0, 100.0],
            "adj_close": [99.0, 108.9, 102.96, 100.0],
            "volume": 1e6,
        }
    )
    store.append("bars", bars, stored_at=pd.Timestamp("2020-01-02T00:00Z"))
    entry = {"ticker": "IWM", "decided_at": "2019-12-31T21:00:00Z", "data": {}}
    return Sources(Home(root), entry, store)


def test_the_move_of_the_day_counts_the_dividend_and_the_year_its_highs_and_lows(tmp_path: Path) -> None:
    price = price_of(filled(tmp_path))
    assert {name: price[name] for name in ("close", "previous", "change", "high_52w", "low_52w")} == {
        "close": 100.0,
        "previous": 104.0,
        "change": -4.0,
        "high_52w": 112.0,
        "low_52w": 98.0,
    }
    assert price["day"] == pytest.approx(100.0 / 102.96 - 1.0)
    assert price["from_high"] == pytest.approx(100.0 / 112.0 - 1.0)


def test_a_card_sees_nothing_after_its_close(tmp_path: Path) -> None:
    sources = filled(tmp_path)
    earlier = Sources(sources.home, {**sources.entry, "decided_at": "2019-12-26T21:00:00Z"}, sources.store)
    price = price_of(earlier)
    assert (price["close"], price["high_52w"]) == (100.0, 101.0)
    assert (price["previous"], price["change"], price["day"]) == (None, None, None)
