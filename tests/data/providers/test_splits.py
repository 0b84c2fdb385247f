"""A split that a provider lists before it divides its prices, or after: what is fetched, and how the store heals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from pydantic import SecretStr

from bullbear.data.fetching import fetch_all
from bullbear.data.store import Store
from bullbear.settings import Keys, Settings

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

FIELDS = ["open", "high", "low", "close", "adj_close", "volume"]
SPLIT = pd.Timestamp("2024-02-26")


@pytest.fixture
def iwm(settings: Settings) -> Settings:
    update = {"prices": ("IWM",), "overlap_sessions": 5}
    update |= dict.fromkeys(("indices", "macro", "short_interest", "short_volume", "holdings"), ())
    return settings.model_copy(update={"fetch": settings.fetch.model_copy(update=update)})


def fetched(world: Any, iwm: Settings, store: Store, day: str) -> Any:
    world.today, world.now = day, f"{day}T23:30"
    return fetch_all(store, iwm, world.instant)


def assert_right(world: Any, iwm: Settings, store: Store, tmp_path: Path) -> None:
    """The bars are those of a store that never saw a fault."""
    world.behave()
    calm = Store(tmp_path / "calm")
    fetch_all(calm, iwm, world.instant)
    found, right = store.as_of().bars("IWM"), calm.as_of().bars("IWM")
    assert list(found.index) == list(right.index)
    np.testing.assert_allclose(found[FIELDS[:4]], right[FIELDS[:4]], rtol=1e-9)
    np.testing.assert_allclose(found["volume"], right["volume"], rtol=1e-9)
    levels = [bars["adj_close"] / bars["adj_close"].iloc[0] for bars in (found, right)]
    np.testing.assert_allclose(*levels, rtol=1e-9)


def test_yahoo_lists_a_split_before_it_divides_a_first_history(world: Any, iwm: Settings, tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    world.misbehave("yahoo", "prices not divided")
    report = fetched(world, iwm, store, "2024-03-06")
    assert report.quarantined == 37
    bars = store.as_of().bars("IWM")
    assert bars.index[0] == SPLIT
    world.behave()
    # Five sessions of overlap do not reach back to what was set aside; it is asked for all the same.
    fetched(world, iwm, store, "2024-03-07")
    assert len(store.as_of().bars("IWM")) == 46
    assert_right(world, iwm, store, tmp_path)


def test_yahoo_lists_a_split_before_it_divides_what_is_stored(world: Any, iwm: Settings, tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    fetched(world, iwm, store, "2024-02-23")
    before = store.as_of(world.instant).bars("IWM")
    instant = world.instant
    world.misbehave("yahoo", "prices not divided")
    assert not fetched(world, iwm, store, "2024-02-26").failures
    assert store.as_of().bars("IWM")["close"].iloc[-2] == pytest.approx(before["close"].iloc[-1] / 2)
    assert_right(world, iwm, store, tmp_path)
    world.behave()
    fetched(world, iwm, store, "2024-02-28")
    pd.testing.assert_frame_equal(store.as_of(instant).bars("IWM"), before)


def test_yahoo_divides_its_prices_before_it_lists_the_split(world: Any, iwm: Settings, tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    fetched(world, iwm, store, "2024-02-23")
    world.misbehave("yahoo", "split not listed")
    report = fetched(world, iwm, store, "2024-02-26")
    assert "0.5 times the stored ones on 5 sessions" in str(report.failures[0])
    assert len(store.as_of().bars("IWM")) == 36 + 1
    world.behave()
    fetched(world, iwm, store, "2024-02-27")
    assert_right(world, iwm, store, tmp_path)


def test_a_first_history_that_was_divided_before_the_split_was_listed(
    world: Any, iwm: Settings, tmp_path: Path
) -> None:
    store = Store(tmp_path / "data")
    world.misbehave("yahoo", "split not listed")
    fetched(world, iwm, store, "2024-02-27")
    instant, shown = world.instant, store.as_of().bars("IWM")
    assert shown["close"].iloc[0] == pytest.approx(95.0)
    world.behave()
    fetched(world, iwm, store, "2024-02-28")
    assert_right(world, iwm, store, tmp_path)
    pd.testing.assert_frame_equal(store.as_of(instant).bars("IWM"), shown)


def test_tiingo_lists_a_split_late(world: Any, iwm: Settings, tmp_path: Path) -> None:
    iwm = iwm.model_copy(update={"keys": Keys(tiingo=SecretStr("secret-tiingo"))})
    store = Store(tmp_path / "data")
    # Yahoo is down all the while.
    for day in ("2024-02-23", "2024-02-26", "2024-02-27"):
        world.misbehave("yahoo", "500")
        fetched(world, iwm, store, day)
    assert len(store.as_of().bars("IWM")) == 39
    assert_right(world, iwm, store, tmp_path)
