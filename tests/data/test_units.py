"""Prices are those of the screen at the view's instant, whatever came first: snapshots, live bars or splits."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear import sessions
from bullbear.data import Store
from bullbear.data.snapshot import ingest_frames

DAYS = sessions.between("2021-01-04", "2021-04-30")
OVERLAP = 6


class Market:
    """One fund: closes as traded, and its splits by row (new shares for an old one)."""

    def __init__(self, splits: dict[int, float]) -> None:
        self.splits = splits
        step = 1 + 0.01 * np.sin(np.arange(len(DAYS)) * 1.7)
        shares = np.cumprod([splits.get(row, 1.0) for row in range(len(DAYS))])
        self.worth = 60 * np.cumprod(step)
        self.close = self.worth / shares
        self.volume = 1e6 * shares

    def shown(self, end: int, on: int) -> tuple[np.ndarray, np.ndarray]:
        """Closes and volumes up to row `end` as a screen shows them after the splits up to row `on`."""
        after = [np.prod([ratio for at, ratio in self.splits.items() if row < at <= on]) for row in range(end + 1)]
        return self.close[: end + 1] / after, self.volume[: end + 1] * after

    def snapshot(self, end: int, on: int) -> pd.DataFrame:
        close, volume = self.shown(end, on)
        return bars(DAYS[: end + 1], close, volume).assign(adj_close=self.worth[: end + 1] * 0.9)

    def live(self, first: int, end: int) -> pd.DataFrame:
        rows = slice(first, end + 1)
        ratios = [self.splits.get(row, 1.0) for row in range(first, end + 1)]
        return bars(DAYS[rows], self.close[rows], self.volume[rows]).assign(dividend=0.0, split=ratios)


def bars(days: pd.DatetimeIndex, close: np.ndarray, volume: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame({"date": days, "open": close, "high": close * 1.01, "low": close * 0.99, "close": close})
    return frame.assign(volume=volume)


def evening(row: int) -> pd.Timestamp:
    return sessions.closes(DAYS[[row]])[0] + pd.Timedelta(hours=2)


def assert_shown(store: Store, at: pd.Timestamp, market: Market, end: int, on: int) -> None:
    found = store.as_of(at).bars("TZA")
    close, volume = market.shown(end, on)
    assert list(found.index) == list(DAYS[: end + 1])
    np.testing.assert_allclose(found["close"], close, rtol=1e-9)
    np.testing.assert_allclose(found["high"], close * 1.01, rtol=1e-9)
    np.testing.assert_allclose(found["volume"], volume, rtol=1e-9)
    np.testing.assert_allclose(
        found["adj_close"] / found["adj_close"].iloc[0],
        market.worth[: end + 1] / 60 / (market.worth[0] / 60),
        rtol=1e-9,
    )


@pytest.mark.parametrize("ratio", [2.0, 3.0, 1.5, 1 / 4, 1 / 20])
def test_live_bars_after_a_snapshot_that_was_taken_after_a_split(tmp_path: Path, ratio: float) -> None:
    # The snapshot ends on row 20 and was downloaded on row 30, after the split of row 25.
    market = Market({25: ratio})
    store = Store(tmp_path / "data")
    ingest_frames({("prices", "TZA"): market.snapshot(20, 30)}, store, evening(30))
    before = store.as_of(evening(20)).bars("TZA")
    ingest_frames({("raw_bars", "TZA"): market.live(15, 40)}, store, evening(40))
    assert_shown(store, evening(40), market, 40, 40)
    assert_shown(store, evening(25), market, 25, 25)
    assert_shown(store, evening(23), market, 23, 23)  # the split is still to come
    pd.testing.assert_frame_equal(store.as_of(evening(20)).bars("TZA"), before)


@pytest.mark.parametrize("ratio", [2.0, 3.0, 1 / 5])
def test_a_snapshot_after_a_snapshot(tmp_path: Path, ratio: float) -> None:
    market = Market({21: ratio})
    store = Store(tmp_path / "data")
    ingest_frames({("prices", "TZA"): market.snapshot(20, 20)}, store, evening(20))
    before = store.as_of(evening(20)).bars("TZA")
    ingest_frames({("prices", "TZA"): market.snapshot(40, 40)}, store, evening(40))
    assert_shown(store, evening(40), market, 40, 40)
    assert_shown(store, evening(30), market, 30, 30)
    pd.testing.assert_frame_equal(store.as_of(evening(20)).bars("TZA"), before)
    again = ingest_frames({("prices", "TZA"): market.snapshot(40, 40)}, store, evening(41))
    assert again.rows_added == 0


def test_a_snapshot_of_the_same_days_after_a_split_shows_its_prices_from_then_on(tmp_path: Path) -> None:
    market = Market({22: 2.0})
    store = Store(tmp_path / "data")
    ingest_frames({("prices", "TZA"): market.snapshot(20, 20)}, store, evening(20))
    ingest_frames({("prices", "TZA"): market.snapshot(20, 25)}, store, evening(25))
    assert_shown(store, evening(25), market, 20, 25)
    assert_shown(store, evening(24), market, 20, 20)
    # The provider then lists the split itself: it is not applied twice.
    ingest_frames({("raw_bars", "TZA"): market.live(15, 30)}, store, evening(30))
    assert_shown(store, evening(30), market, 30, 30)


def test_factors_read_the_same_bits_before_and_after(tmp_path: Path) -> None:
    market = Market({21: 3.0, 35: 1 / 7})
    store = Store(tmp_path / "data")
    ingest_frames({("prices", "TZA"): market.snapshot(20, 20)}, store, evening(20))
    kept = []
    for end in (30, 40):
        numbers = store.as_of(evening(20)).arrays("bars", "TZA").numbers
        kept.append({name: numbers[name].tolist() for name in ("open", "high", "low", "close", "adj_close")})
        ingest_frames({("prices", "TZA"): market.snapshot(end, end)}, store, evening(end))
    ingest_frames({("raw_bars", "TZA"): market.live(34, 50)}, store, evening(50))
    whole = store.as_of().arrays("bars", "TZA")
    for name, values in kept[0].items():
        assert kept[1][name] == values
        assert whole.numbers[name][:21].tolist() == values


STEP = st.tuples(st.sampled_from(["snapshot", "live"]), st.integers(0, 9), st.integers(0, 4))


@settings(max_examples=settings.default.max_examples // 10, deadline=None)
@given(
    splits=st.dictionaries(st.integers(12, 60), st.sampled_from([2.0, 3.0, 1.5, 0.25, 0.1]), max_size=3),
    steps=st.lists(STEP, min_size=1, max_size=4),
)
def test_any_sequence_of_snapshots_live_bars_and_splits(
    splits: dict[int, float], steps: list[tuple[str, int, int]]
) -> None:
    market, end, on = Market(splits), 10, 10
    store = Store(Path(tempfile.mkdtemp()) / "data")
    ingest_frames({("prices", "TZA"): market.snapshot(end, on)}, store, evening(on))
    past: list[tuple[pd.Timestamp, pd.DataFrame]] = []
    for kind, further, later in steps:
        past.append((evening(on), store.as_of(evening(on)).bars("TZA")))
        if kind == "live":
            first = max(end - OVERLAP, 0)
            end = on = max(on, end + further) + 1
            ingest_frames({("raw_bars", "TZA"): market.live(first, end)}, store, evening(on))
        else:
            # A provider's file of the evening of row `on`, which may lag behind by some sessions.
            reach = end + further
            on = max(on + 1, reach + later)
            end = reach
            ingest_frames({("prices", "TZA"): market.snapshot(end, on)}, store, evening(on))
        assert_shown(store, evening(on), market, end, on)
    for at, bars_then in past:
        found = store.as_of(at).bars("TZA")
        # What came later may belong to days before `at`; what was there keeps its returns to the last bit.
        assert found["adj_close"].loc[bars_then.index].tolist() == bars_then["adj_close"].tolist()
