"""Plain prices are those that an account reads, to rounding: of a fund, before its first bar, of bills."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.audit.mutants.execution import Listed

from bullbear.audit.execution.prices import bill_rates, plain_prices, with_model
from bullbear.audit.subject import Subject
from bullbear.decide.instruments import packaged_instruments
from bullbear.decide.market import Market, read_market


@pytest.fixture(scope="module")
def market(trained: Subject) -> Market:
    models = {"TWM": packaged_instruments()["TWM"].model_fund, "SRTY": packaged_instruments()["SRTY"].model_fund}
    view = trained.changed(Listed(("SRTY",))).as_of()
    return read_market(view, "IWM", tickers=("TWM", "SRTY"), models={t: each for t, each in models.items() if each})


@pytest.mark.parametrize("ticker", ["IWM", "TWM", "SRTY"])
def test_they_are_those_of_the_market(trained: Subject, market: Market, ticker: str) -> None:
    view = trained.changed(Listed(("SRTY",))).as_of()
    sessions = market.sessions
    found = plain_prices(view, ticker, sessions)
    if ticker == "SRTY":
        fund = packaged_instruments()["SRTY"].model_fund
        assert fund is not None
        found = with_model(fund, found, plain_prices(view, "IWM", sessions), sessions, bill_rates(view, sessions))
        assert market.is_modelled("SRTY", 10)
        assert found.modelled_before == sessions[market.modelled["SRTY"].first_bar]
    bars = market.bars[ticker]
    for name in ("open", "high", "low", "close", "unit"):
        np.testing.assert_allclose(found.table[name], getattr(bars, name), rtol=1e-12)
    np.testing.assert_allclose(found.table["shown"], bars.raw_open, rtol=1e-12)
    usual = [market.usual_volume(ticker, row) for row in range(len(sessions))]
    np.testing.assert_allclose(found.usual_dollars, usual, rtol=1e-12)


def test_bills_earn_what_was_known(trained: Subject, market: Market) -> None:
    assert bill_rates(trained.view, market.sessions).tolist() == market.rates
    assert len(set(market.rates)) > 10


def test_a_session_without_a_bar_has_no_price(trained: Subject) -> None:
    found = plain_prices(trained.view, "IWM")
    assert np.isnan(found.price(pd.Timestamp("2005-07-04"), "open"))
