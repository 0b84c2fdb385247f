"""Evening by evening over the first real bars of funds that were modelled: the backtest to the last bit."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.decide.compiled.test_sweep import factors_of, forecasts_of

from bullbear.decide import backtest
from bullbear.decide.advice import advise, forecasts_by_close
from bullbear.decide.book import Book
from bullbear.decide.instruments import packaged_instruments
from bullbear.decide.policies.two_agents import TwoAgents
from bullbear.sessions import day

FIRST = {"RWM": 240, "TWM": 250, "SRTY": 255}


@pytest.mark.parametrize(
    ("seed", "inception"),
    [
        (3, "2018-12-10"),
        # Two months before the bars begin: for a month of them no fund has a price.
        pytest.param(1, "2018-10-01", marks=pytest.mark.slow),
    ],
)
def test_the_evenings_over_a_listing_are_the_backtest(market_view, seed, inception):
    view = market_view(seed)
    source, names = view.prices["IWM"], ["open", "high", "low", "close"]
    for ticker, gearing in (("RWM", -1.0), ("SRTY", -3.0)):
        frame = source.copy()
        frame[names] = 40.0 * (source[names] / source["close"].iloc[0]) ** gearing
        frame[["high", "low"]] = frame[["low", "high"]].to_numpy()
        frame["adj_close"] = frame["close"] * 0.9
        view.prices[ticker] = frame.iloc[FIRST[ticker] :]
    funds = [packaged_instruments()[t].model_copy(update={"inception": inception}) for t in FIRST]
    bear = {"exposure": 0.9, "max_exposure": 1.2, "max_weight": 0.6, "activate": 0.2, "deactivate": 0.1}
    policy = TwoAgents.model_validate({
        "bear": {**bear, "instruments": [each.model_dump(mode="json") for each in funds]},
        "trend": {"breach_sessions": 1, "breach_atr": 0.1, "confirm_atr": 0.5},
        "overlay": {"share": 0.5, "max_weight": 0.3}, "stops": {"bear_atr": 1.0},
    })  # fmt: skip
    days = source.index
    asked = days[200:262]
    asked = asked[np.random.default_rng(seed).random(len(asked)) < 0.9]
    factors, predictions = factors_of(days, seed), forecasts_of(asked, seed)
    tested = backtest(predictions, view, policy, factors=factors, baselines={})
    book, held = None, set[str]()
    for place, (at, forecasts) in enumerate(forecasts_by_close(predictions).items()):
        session = day(at)
        advice = advise(view.until(session), policy, at, forecasts, before=book, factors=factors.loc[:session])
        book = Book.from_json(json.loads(json.dumps(advice.book.to_json())))
        assert (advice.stance, book) == (tested.stances[place], tested.books[place]), session
        if session < days[min(FIRST.values())]:
            held |= set(book.weights)
    assert held & set(FIRST)  # at modelled prices
    assert set(tested.trades["ticker"][~tested.trades["modelled"]]) & set(FIRST)
