"""A store cut off at an instant: nothing that became known later can be read through it."""

from __future__ import annotations

import pickle

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.data.sealed import SealedStore
from bullbear.data.store import Store
from bullbear.errors import HoldOutError

BEGIN = pd.Timestamp("2020-01-01 21:00", tz="UTC")
N = 12


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    found = Store(tmp_path_factory.mktemp("store"))
    days = pd.date_range("2020-01-01", periods=N)
    known = pd.date_range(BEGIN, periods=N)
    found.append("observations", pd.DataFrame({"series": "X", "event_date": days, "known_at": known, "value": 1.0}))
    return found


@settings(max_examples=30)
@given(cut=st.integers(0, 24 * N), asked=st.none() | st.integers(0, 24 * N))
def test_it_serves_what_the_whole_store_serves_at_the_earlier_instant(store: Store, cut: int, asked: int | None):
    through = BEGIN + pd.Timedelta(hours=cut)
    instant = None if asked is None else BEGIN + pd.Timedelta(hours=asked)
    sealed = SealedStore(store.root, through)
    if instant is not None and instant > through:
        with pytest.raises(HoldOutError, match="refused by the hold-out: what was known at"):
            sealed.as_of(instant)
        return
    view, whole = sealed.as_of(instant), store.as_of(instant)
    assert view.instant == min(whole.instant, through)
    pd.testing.assert_frame_equal(view.observations("X"), store.as_of(view.instant).observations("X"))


def test_a_worker_process_opens_it_as_sealed(store: Store):
    through = BEGIN + pd.Timedelta(days=3)
    again = pickle.loads(pickle.dumps(SealedStore(store.root, through)))
    assert len(again.as_of().observations("X")) == 4
    assert again.as_of(stored=store.last_stored_at).instant == through
