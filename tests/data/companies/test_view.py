"""What a view of companies serves: panels, facts, listings, identities; also of sealed and of changed stores."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.data.companies.conftest import Bars, made_bars

from bullbear.audit.changes import Noise, Removed, Thinned
from bullbear.data import Store
from bullbear.data.changed import ChangedStore
from bullbear.data.sealed import SealedStore
from bullbear.errors import HoldOutError, InputError, NoDataError
from bullbear.sessions import closes

CUT = closes(pd.DatetimeIndex(["2018-12-31"]))[0]


def utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def rows(company: str, day: str, known: str, **values: object) -> pd.DataFrame:
    frame = pd.DataFrame({"company": [company], "event_date": [pd.Timestamp(day)], "known_at": [utc(known)]})
    return frame.assign(**values)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Three companies from 2018-12-27 to 2019-01-04: one dies early, one is restated, one splits on 2019-01-02."""
    made = Store(Path(tmp_path_factory.mktemp("market")) / "data")
    bars = [
        made_bars("ACME", "2018-12-27", [20.0, 21.0, 22.0, 11.0, 11.5, 12.0]),
        made_bars("DEAD", "2018-12-27", [5.0, 4.0]),
        made_bars("OLDE", "2018-12-27", [7.0, 7.0, 7.0, 7.0, 7.0, 7.0]).assign(restated=1.0),
    ]
    splits = [rows(name, "2019-01-02", "2019-01-02T14:30", ratio=2.0) for name in ("ACME", "OLDE")]
    dividends = [
        rows("ACME", "2018-12-30", "2018-12-28T14:30", amount=0.25),  # a Sunday: falls on Monday
        rows("ACME", "2018-12-31", "2018-12-31T14:30", amount=0.5),
        rows("ACME", "2019-01-03", "2019-01-03T14:30", amount=0.1),
        rows("ACME", "2019-01-03", "2019-01-05T14:30", amount=0.0),  # it was none
    ]
    made.companies.append_all({"splits": pd.concat(splits), "dividends": pd.concat(dividends), "bars": pd.concat(bars)})
    return made


def test_a_panel_has_every_session_and_the_companies_that_traded(market: Store) -> None:
    panel = market.as_of().companies.panel()
    assert panel.companies == ("ACME", "DEAD", "OLDE")
    assert [str(day.date()) for day in panel.sessions[[0, -1]]] == ["2018-12-27", "2019-01-04"]
    assert panel.shape == (6, 3)
    assert panel.split[:, 0].tolist() == [1, 1, 1, 2, 1, 1]
    assert panel.dividend[:, 0].tolist() == [0, 0, 0.75, 0, 0, 0]
    assert np.isnan(panel.close[2:, 1]).all()
    late = market.as_of().companies.panel(first="2018-12-29", last="2019-01-02")
    assert late.companies == ("ACME", "OLDE")
    assert [str(day.date()) for day in late.sessions] == ["2018-12-31", "2019-01-02"]
    assert late.dividend[0, 0] == 0.75
    asked = market.as_of().companies.panel(["OLDE", "NONE"], first="2019-01-03")
    assert asked.companies == ("NONE", "OLDE")
    assert np.isnan(asked.close[:, 0]).all()
    assert asked.close[:, 1].tolist() == [7.0, 7.0]


def test_a_split_does_not_count_where_prices_were_divided_by_it_already(market: Store) -> None:
    panel = market.as_of().companies.panel()
    assert panel.restated.tolist() == [False, False, True]
    assert (panel.split[:, 2] == 1).all()


def test_a_panel_ends_where_the_view_does(market: Store) -> None:
    view = market.as_of(CUT).companies
    assert view.last_session == pd.Timestamp("2018-12-31")
    assert view.panel().sessions[-1] == view.last_session
    assert view.panel(last="2019-06-28").sessions[-1] == view.last_session
    assert market.as_of(CUT - pd.Timedelta(1, "us")).companies.last_session == pd.Timestamp("2018-12-28")
    assert (view.panel().split == 1).all()
    assert market.as_of(utc("2019-01-04T21:00")).companies.panel().dividend[4, 0] == 0.1
    late = market.as_of().companies.late()
    assert late["known_at"].dt.tz_localize("UTC").unique().tolist() == [utc("2019-01-05T14:30")]
    assert view.late().empty


def test_where_nothing_was_known_a_panel_is_refused(market: Store, store: Store) -> None:
    with pytest.raises(NoDataError, match="bars of companies: got 'nothing known at 2018-12-27 20:59"):
        market.as_of(utc("2018-12-27T20:59")).companies.panel()
    assert market.as_of(utc("2018-12-27T20:59")).companies.names == ()
    assert store.as_of().companies.is_empty
    assert not market.as_of().companies.is_empty
    with pytest.raises(InputError, match="panel: got '2019-01-04 to 2019-01-02'"):
        market.as_of().companies.panel(first="2019-01-04", last="2019-01-02")
    assert market.as_of().companies.panel(first="2018-12-29", last="2018-12-30").shape == (0, 0)


def test_facts_come_in_every_version_known(store: Store) -> None:
    def fact(known: str, value: float, **more: object) -> pd.DataFrame:
        given = {"concept": "revenue", "unit": "USD", "form": "10-Q", "start_date": pd.Timestamp("2018-07-01")}
        return rows("ACME", "2018-09-30", known, value=value, **{**given, **more})

    half = fact("2018-11-01T22:00", 190.0, start_date=pd.Timestamp("2018-04-01"))
    cash = fact("2018-11-01T22:00", 50.0, concept="cash", start_date=pd.NaT)
    first, again = fact("2018-11-01T22:00", 100.0), fact("2019-11-01T22:00", 95.0, form="10-Q/A")
    old = fact("2018-02-01T22:00", 80.0, event_date=pd.Timestamp("2017-12-31"), start_date=pd.Timestamp("2017-10-01"))
    store.companies.append_all({"facts": pd.concat([again, half, first, cash.astype(first.dtypes), old])})
    view = store.as_of().companies
    quarter = view.facts("revenue", ["ACME"])[lambda table: table["start_date"] == pd.Timestamp("2018-07-01")]
    assert quarter["value"].tolist() == [100.0, 95.0]
    assert quarter["form"].tolist() == ["10-Q", "10-Q/A"]
    assert list(quarter.columns[:5]) == ["company", "concept", "event_date", "start_date", "known_at"]
    assert store.as_of(utc("2019-06-01")).companies.facts(["revenue"])["value"].tolist() == [80.0, 190.0, 100.0]
    assert view.facts(["cash"])["start_date"].isna().all()
    assert view.facts(["revenue"], since="2018-01-01")["value"].tolist() == [190.0, 100.0, 95.0]
    assert view.facts(companies=["BOLT"]).empty


def test_a_ticker_means_the_company_that_had_it_on_the_day(store: Store, bars: Bars) -> None:
    def listing(company: str, day: str, ticker: str, status: str = "listed") -> pd.DataFrame:
        return rows(company, day, f"{day}T13:30", ticker=ticker, name=company.title(), status=status)

    store.companies.append_all(
        {
            "listings": pd.concat(
                [
                    listing("FB", "2012-05-18", "FB"),
                    listing("FB", "2022-06-09", "META"),
                    listing("FB.2", "2023-03-01", "FB"),
                    listing("GONE", "2010-01-04", "GONE"),
                    listing("GONE", "2015-01-02", "GONE", "delisted"),
                ]
            ),
            "bars": bars("BARE", "2019-12-30", [1.0]),
        }
    )
    view = store.as_of().companies
    assert view.company_of("FB", "2020-01-02") == "FB"
    assert view.company_of("META", "2020-01-02") is None
    assert view.company_of("META", "2022-06-09") == "FB"
    assert view.company_of("FB", "2022-12-30") is None
    assert view.company_of("FB", "2023-03-01") == "FB.2"
    assert view.company_of("GONE", "2014-12-31") == "GONE"
    assert view.company_of("GONE", "2015-01-02") is None
    assert view.company_of("BARE", "2019-12-30") == "BARE"  # no listing says otherwise
    # Before the rename was known, the company still had its old ticker.
    assert store.as_of(utc("2022-06-01")).companies.company_of("FB", "2022-06-10") == "FB"
    assert view.listings()["ticker"].tolist() == ["FB", "META", "FB", "GONE", "GONE"]


def test_short_interest_in_its_latest_version(store: Store) -> None:
    one = rows("ACME", "2019-01-15", "2019-01-25T23:00", shares_short=10.0)
    other = one.assign(known_at=utc("2019-02-11T23:00"), shares_short=12.0)
    store.companies.append_all({"short_interest": pd.concat([one, other])})
    assert store.as_of(utc("2019-02-01")).companies.short_interest()["shares_short"].tolist() == [10.0]
    assert store.as_of().companies.short_interest(["ACME"])["shares_short"].tolist() == [12.0]


def test_behind_a_seal_nothing_is_served(market: Store) -> None:
    sealed = SealedStore(market.root, CUT)
    for store in (sealed, pickle.loads(pickle.dumps(sealed)), ChangedStore(sealed, Noise(utc("2018-12-28")))):
        # The market's own rows all lie before the seal: there are none.
        assert store.as_of().companies.last_session == pd.Timestamp("2018-12-31")
        assert store.as_of().companies.instant <= CUT
        with pytest.raises(HoldOutError, match="the last instant that may be read"):
            store.as_of(CUT + pd.Timedelta(1, "us"))


def test_a_view_of_all_that_is_stored_can_be_cut(market: Store) -> None:
    assert market.as_of().until(CUT).companies.last_session == pd.Timestamp("2018-12-31")


def test_noise_replaces_the_bars_known_later_and_nothing_else(market: Store) -> None:
    noisy = ChangedStore(market, Noise(CUT))
    one, other = market.as_of().companies.panel(), noisy.as_of().companies.panel()
    assert np.array_equal(one.close[:3], other.close[:3], equal_nan=True)
    assert (one.close[3:, [0, 2]] != other.close[3:, [0, 2]]).all()
    assert other.restated.tolist() == one.restated.tolist()
    assert (other.low[3:, 0] <= other.high[3:, 0]).all()
    assert noisy.as_of(CUT).companies.panel().close[2, 0] == 22.0
    only = ChangedStore(market, Noise(CUT, frozenset({("company_bars", "ACME")}))).as_of().companies.panel()
    assert (only.close[3:, 0] != one.close[3:, 0]).all()
    assert np.array_equal(only.close[:, 2], one.close[:, 2])
    assert np.array_equal(only.split, one.split)


def test_removed_rows_are_gone(market: Store) -> None:
    removed = ChangedStore(market, Removed(CUT))
    assert removed.as_of().companies.last_session == pd.Timestamp("2018-12-31")
    assert removed.as_of().companies.names == ("ACME", "DEAD", "OLDE")
    thinned = ChangedStore(market, Thinned(CUT)).as_of().companies.panel()
    whole = market.as_of().companies.panel()
    assert np.array_equal(thinned.close[:3], whole.close[:3], equal_nan=True)
    assert np.isnan(thinned.close).sum() > np.isnan(whole.close).sum()
