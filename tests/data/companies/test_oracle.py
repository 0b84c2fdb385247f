"""A simulated index in the store, and its truth beside it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.data import Store
from bullbear.data.companies.oracle import CompanyTruth, read_company_truth
from bullbear.data.simulator import load, simulate
from bullbear.errors import InputError, NoDataError

NOW = pd.Timestamp("2026-01-02 12:00", tz="UTC")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("companies")
    load(simulate(7, 1.0, 3, 30), Store(place / "data"), place, NOW)
    return place


@pytest.fixture(scope="module")
def store(home: Path) -> Store:
    return Store(home / "data")


def test_the_store_serves_what_was_drawn(store: Store) -> None:
    companies = simulate(7, 1.0, 3, 30).companies
    assert companies is not None
    block = next(companies.blocks())
    view = store.as_of().companies
    assert set(view.names) == set(block.truth.expected.columns)
    latest = block.frames["bars"].drop_duplicates(["series", "event_date"], keep="last")
    panel = view.panel()
    assert panel.traded.sum() == len(latest)
    close = latest.pivot_table(index="event_date", columns="series", values="close").reindex(panel.sessions)
    np.testing.assert_array_equal(panel.close, close[list(panel.companies)].to_numpy())
    assert (panel.split != 1.0).sum() == len(block.frames["splits"])
    assert len(view.facts()) == len(block.frames["facts"])
    assert len(view.listings()) == len(block.frames["listings"])
    assert len(store.as_of().holdings("IWM")) > 0


def test_a_ticker_leads_to_the_company_that_had_it_on_that_day(store: Store) -> None:
    view = store.as_of().companies
    listings = view.listings()
    for row in listings[listings["status"] == "listed"].itertuples():
        assert view.company_of(row.ticker, row.event_date) == row.company
    gone = listings[listings["status"] == "delisted"]
    assert len(gone) > 0
    assert all(view.company_of(row.ticker, row.event_date) != row.company for row in gone.itertuples())


@pytest.mark.slow
def test_the_mark_says_how_many_companies_and_loading_again_adds_nothing(home: Path, store: Store) -> None:
    made_from = json.loads((store.root / "SIMULATED.json").read_text())
    assert made_from == {"seed": 7, "signal": 1.0, "years": 3, "companies": 30}
    assert load(simulate(7, 1.0, 3, 30), store, home, NOW).rows_added == 0
    with pytest.raises(InputError, match="the simulated market of"):
        load(simulate(7, 1.0, 3), store, home, NOW)


def test_the_truth_lies_outside_the_store(home: Path, store: Store) -> None:
    truth = read_company_truth(home)
    assert not [path for path in store.root.rglob("*") if "truth" in path.name or "expected" in path.name]
    name = truth.expected.columns[3]
    one = read_company_truth(home, [name])
    pd.testing.assert_frame_equal(one.expected, truth.expected[[name]])
    assert set(one.misprints["company"]) <= {name}
    with pytest.raises(NoDataError, match="truth of company: got 'NONE'"):
        read_company_truth(home, ["NONE"])


def test_a_home_without_companies_has_no_truth_of_them(tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="run `bullbear simulate --companies 500`"):
        read_company_truth(tmp_path)


def test_information_ranks_members_alone() -> None:
    days = pd.DatetimeIndex(["2000-01-03", "2000-01-04"])
    names = [f"C{place:02d}" for place in range(14)]
    expected = pd.DataFrame([list(range(14))] * 2, index=days, columns=names, dtype=float)
    realised = expected.copy()
    realised.iloc[0, :2] = [100.0, 200.0]  # two outliers at the wrong end
    truth = CompanyTruth(expected, realised, pd.DataFrame())
    members = np.ones((2, 14), dtype=bool)
    members[0, :2] = False
    members[1, 9:] = False
    found = truth.information(members=members)
    assert found["names"].tolist() == [12, 9]
    assert found["ic"].iloc[0] == pytest.approx(1.0)
    assert np.isnan(found["ic"].iloc[1])
    assert truth.information()["ic"].iloc[0] < 0.7


def test_information_judges_other_scores_on_their_sessions() -> None:
    days = pd.DatetimeIndex(["2000-01-03", "2000-01-04"])
    names = [f"C{place:02d}" for place in range(12)]
    ranks = pd.DataFrame([list(range(12))] * 2, index=days, columns=names, dtype=float)
    truth = CompanyTruth(ranks, ranks, pd.DataFrame())
    found = truth.information(-ranks.iloc[[1]])
    assert found["decided"].tolist() == [days[1]]
    assert found["ic"].tolist() == [pytest.approx(-1.0)]
    assert np.isnan(truth.information(ranks * 0.0)["ic"]).all()
