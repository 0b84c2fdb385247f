"""`bullbear instruments`: what can be held and at which cost, where its prices are modelled, and how well."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bullbear.data.view import View
from bullbear.decide.daily_reset import Prices, ResetFund, daily_reset
from bullbear.decide.instruments import Instrument
from bullbear.decide.market import read_market
from bullbear.decide.tracking import Fit, Overlap, Tracking, fits, tracking
from bullbear.errors import InputError
from bullbear.home import Home


@dataclass(frozen=True)
class Entry:
    """An instrument; for one with a model, how its real prices compare with it, by year (the last record is of all).

    `first_bar` is the day of its first own price, None where the store has none.
    """

    instrument: Instrument
    first_bar: str | None
    tracking: tuple[Tracking, ...] = ()
    fits: tuple[Fit, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            **self.instrument.model_dump(mode="json"),
            "first_bar": self.first_bar,
            "tracking": [asdict(each) for each in self.tracking],
            "fits": [each._asdict() for each in self.fits],
        }


def entries(home: Home, ticker: str | None = None) -> list[Entry]:
    """The instruments that the home's policies may hold, or one of them.

    Raises
    ------
    InputError
        `ticker` is none of them.
    """
    known = home.instruments()
    if ticker is not None and ticker not in known:
        raise InputError("instrument", ticker, ", ".join(known), "add it to models/instruments.toml")
    store = home.store()
    view = None if store.is_empty else store.as_of()
    return [_entry(each, view) for name, each in known.items() if ticker in (None, name)]


def _entry(instrument: Instrument, view: View | None) -> Entry:
    ticker, fund = instrument.ticker, instrument.model_fund
    if view is None or not view.has("bars", ticker):
        return Entry(instrument, None)
    first = str(view.bars(ticker).index[0].date())
    if fund is None or not view.has("bars", fund.tracks):
        return Entry(instrument, first)
    overlap = overlapping(view, ticker, fund)
    if len(overlap.sessions) < 3:
        return Entry(instrument, first)
    return Entry(instrument, first, tracking(fund, overlap), fits(fund, overlap))


def overlapping(view: View, ticker: str, fund: ResetFund) -> Overlap:
    """The real closes of a fund beside those of its model and its index, where all are known."""
    market = read_market(view, fund.tracks, tickers=(ticker,), volatility_window=0, atr_window=0)
    index, real = market.bars[fund.tracks], np.array(market.bars[ticker].close)
    closes = np.array(index.close)
    model = daily_reset(fund, Prices(closes, closes, closes, closes), market.sessions, market.rates).close
    both = np.isfinite(real) & (real > 0.0) & (model > 0.0)
    rates = np.array(market.rates)
    return Overlap(market.sessions[both], real[both], model[both], closes[both], rates[both])
