"""A written market, ingested as real data are, is the market that was drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.data import Store
from bullbear.data.companies.ingest import ingest_companies
from bullbear.data.companies.simulated.generator import Block
from bullbear.data.companies.simulated.writing import write_companies
from bullbear.data.simulator import Simulation

NOW = pd.Timestamp("2026-01-02 12:00", tz="UTC")


@pytest.fixture(scope="module")
def store(simulation: Simulation, tmp_path_factory: pytest.TempPathFactory) -> Store:
    assert simulation.companies is not None
    directory, home = (tmp_path_factory.mktemp(name) for name in ("files", "home"))
    write_companies(simulation.companies, directory)
    found = Store(home / "data")
    report = ingest_companies(Path(directory), found, NOW)
    assert report.refusals == ()
    assert report.quarantined == 0
    return found


def test_prices_are_those_that_were_traded(store: Store, block: Block) -> None:
    panel = store.as_of().companies.panel()
    latest = block.frames["bars"].drop_duplicates(["series", "event_date"], keep="last")
    assert not panel.restated.any()
    for field in ("open", "high", "low", "close", "volume"):
        table = latest.pivot_table(index="event_date", columns="series", values=field, sort=True)
        np.testing.assert_allclose(
            getattr(panel, field), table.reindex(panel.sessions)[list(panel.companies)], rtol=1e-8
        )
    assert (panel.split != 1.0).sum() == len(block.frames["splits"]) > 0
    dividends = block.frames["dividends"]["amount"].sum()
    assert panel.dividend.sum() == pytest.approx(dividends)


def test_facts_and_listings_come_through(store: Store, block: Block) -> None:
    view = store.as_of().companies
    keys = ["company", "concept", "event_date", "known_at", "start_date"]
    drawn = block.frames["facts"].rename(columns={"series": "company"}).sort_values(keys, ignore_index=True)
    found = view.facts().sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(found[[*keys, "value"]], drawn[[*keys, "value"]], check_dtype=False)
    listings = view.listings()
    assert len(listings) == len(block.frames["listings"])
    assert set(listings["company"]) == set(block.frames["listings"]["series"])


def test_the_index_has_the_same_members(store: Store, simulation: Simulation, block: Block) -> None:
    assert simulation.companies is not None
    drawn = simulation.companies.holdings([block.candidates])
    held = store.as_of().holdings("IWM").reset_index()
    assert len(held) == len(drawn)
    assert set(held["ticker"]) == set(drawn["ticker"])
