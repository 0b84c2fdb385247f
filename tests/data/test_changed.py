"""A changed store serves changed rows to every reader, at every instant, and leaves the store itself alone."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.audit.changes import Noise, Removed, Restated, Thinned
from bullbear.data.changed import Change, ChangedStore
from bullbear.data.sealed import SealedStore
from bullbear.data.store import Store
from bullbear.errors import HoldOutError, InputError
from bullbear.sessions import between, closes

DAYS = between("2019-01-02", "2019-02-28")
CUT = closes(DAYS[20:21])[0]
DAY_BEFORE = closes(DAYS[19:20])[0]
SECOND = pd.Timedelta(seconds=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "data")
    price = 100.0 + np.arange(len(DAYS))
    bars = pd.DataFrame({"event_date": DAYS, "known_at": closes(DAYS), "open": price, "high": price + 1})
    bars = bars.assign(low=price - 1, close=price, adj_close=price, volume=1e6)
    made.append("bars", pd.concat([bars.assign(series="IWM"), bars.assign(series="SPY")]))
    return made


class Later:
    """Everything known a day later."""

    def touches(self, kind: str, series: str) -> bool:
        return series == "IWM"

    def rows(self, kind: str, series: str, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(known_at=frame["known_at"] + pd.Timedelta(days=1))


def test_noise_replaces_what_became_known_later_and_nothing_else(store: Store) -> None:
    noisy = ChangedStore(store, Noise(CUT))
    one, other = store.as_of(), noisy.as_of()
    assert noisy.as_of(CUT).bars("IWM").equals(store.as_of(CUT).bars("IWM"))
    assert other.bars("IWM").iloc[:21].equals(one.bars("IWM").iloc[:21])
    prices = ["low", "high", "close"]
    changed = other.bars("IWM")[prices].iloc[21:] / one.bars("IWM")[prices].iloc[21:]
    assert (changed["close"] != 1.0).all()
    bars = other.bars("IWM")
    assert (bars["low"] <= bars[["open", "close"]].min(axis=1)).all()
    assert (bars["high"] >= bars[["open", "close"]].max(axis=1)).all()
    assert not np.allclose(changed["high"], changed["low"])
    assert np.array_equal(other.arrays("bars", "IWM").numbers["close"], other.bars("IWM")["close"])
    # Two series do not move together, and the store itself is as it was.
    assert (other.bars("IWM")["close"] != other.bars("SPY")["close"]).any()
    assert store.as_of().bars("IWM")["close"].tolist() == (100.0 + np.arange(len(DAYS))).tolist()


def test_noise_in_one_row_of_one_series(store: Store) -> None:
    change = Noise(CUT, series=frozenset({("bars", "IWM")}), rows_changed=1)
    one, other = store.as_of(), ChangedStore(store, change).as_of()
    moved = one.bars("IWM")["close"] != other.bars("IWM")["close"]
    assert np.flatnonzero(moved).tolist() == [21]
    assert other.bars("SPY").equals(one.bars("SPY"))


def test_later_publication_is_seen_later(store: Store) -> None:
    later = ChangedStore(store, Later())
    assert len(later.as_of(CUT).bars("IWM")) == 20
    assert len(later.as_of(CUT).arrays("bars", "IWM")) == 20
    assert len(later.as_of(CUT).bars("SPY")) == 21
    twice = ChangedStore(later, Noise(CUT))
    assert len(twice.as_of(CUT).bars("IWM")) == 20


def test_it_travels_and_is_read_as_it_was_stored(store: Store) -> None:
    noisy = pickle.loads(pickle.dumps(ChangedStore(store, Noise(CUT))))
    assert noisy.as_of().bars("IWM").equals(ChangedStore(store, Noise(CUT)).as_of().bars("IWM"))
    stored = noisy.as_of(stored=store.last_stored_at)
    assert stored.bars("IWM").equals(noisy.as_of().bars("IWM"))


def test_it_takes_no_rows(store: Store) -> None:
    rows = store.as_of().versions("bars", "IWM").assign(series="QQQ")
    with pytest.raises(InputError, match=r"store: got 'a store with changed rows'"):
        ChangedStore(store, Noise(CUT)).append("bars", rows)


class Revised:
    """The values of the last row in the place of all others, known before any of them."""

    def touches(self, kind: str, series: str) -> bool:
        return series == "IWM"

    def rows(self, kind: str, series: str, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(
            close=frame["close"].iloc[-1], known_at=frame["known_at"].iloc[0] - frame.index[::-1] * SECOND
        )


@pytest.mark.parametrize(
    "change", [Noise(CUT - SECOND), Thinned(DAY_BEFORE), Removed(DAY_BEFORE), Restated("IWM"), Later(), Revised()]
)
def test_of_a_sealed_store_nothing_sealed_is_served(store: Store, tmp_path: Path, change: Change) -> None:
    # A second store that never had the sealed rows.
    ends = Store(tmp_path / "ends")
    known = store.as_of(CUT)
    ends.append("bars", pd.concat([known.versions("bars", each).assign(series=each) for each in ("IWM", "SPY")]))
    sealed = SealedStore(store.root, CUT)
    for made in (
        ChangedStore(sealed, change),
        ChangedStore(ChangedStore(sealed, change), Restated("SPY")),
        pickle.loads(pickle.dumps(ChangedStore(sealed, change))),
    ):
        assert made.through == CUT
        expected = ChangedStore(ends, change).as_of().bars("IWM")
        expected = expected[expected["known_at"] <= CUT]
        for view in (made.as_of(), made.as_of(CUT), made.as_of(stored=store.last_stored_at)):
            pd.testing.assert_frame_equal(view.bars("IWM"), expected)
            assert view.instant <= CUT
        with pytest.raises(HoldOutError, match="refused by the hold-out: what was known at"):
            made.as_of(CUT + SECOND)
