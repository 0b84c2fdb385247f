"""Call spreads by hand: marks, costs, expiry, assignment; and through an account and a policy."""

from __future__ import annotations

import json
import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.decide.book import Book
from bullbear.decide.instruments import INSTRUMENT_KINDS
from bullbear.decide.market import Bars, Market
from bullbear.decide.options.call_spread import CallSpread, CallSpreadTerms, OptionTerms, third_friday
from bullbear.decide.policy import Slot, State
from bullbear.decide.step import step
from bullbear.errors import DefinitionError
from bullbear.sessions import between
from bullbear.statistics.black_scholes import call

NAN = math.nan
DAYS = between("2019-05-20", "2019-06-28")  # expiry of June: the 21st, row 23
EXPIRY = 23
TERMS = OptionTerms(underlying="IWM", volatility="vix", volatility_ratio=1.0, skew=0.0)
SPREAD = CallSpread(
    ticker="IWM C", terms=TERMS, opened="2019-05-20", expires="2019-06-21", long_strike=1.0, short_strike=1.05
)


def market(
    closes: list[float] | float,
    *,
    units: list[float] | None = None,
    opens: list[float] | None = None,
    lows: list[float] | None = None,
    vix: list[float] | float = 20.0,
    rate: float = 0.0,
) -> Market:
    """IWM at `closes` in prices of the day; total-return prices are those over `units`."""
    close = closes if isinstance(closes, list) else [closes] * len(DAYS)
    n = len(close)
    unit = units or [1.0] * n
    total = [price / u for price, u in zip(close, unit, strict=True)]
    first, low = opens or total, lows or total
    bars = Bars(first, total, low, total, [NAN] * n, first, unit, [1e9] * n)
    index = vix if isinstance(vix, list) else [vix] * n
    return Market("IWM", DAYS[:n], [0.2] * n, {"IWM": bars}, [rate] * n, {"vix": index})


def test_a_mark_is_the_difference_of_two_calls_in_per_cent_of_the_close_of_making():
    prices = market([150.0, 153.0], opens=[150.0, 151.5], lows=[150.0, 148.5], vix=[20.0, 30.0], rate=0.02)
    left = 31 / 365

    def legs(spot: float, volatility: float, years: float) -> float:
        each = [call(spot, strike, years, volatility, rate=0.02).price for strike in (1.0, 1.05)]
        return 100 * (each[0] - each[1])

    assert SPREAD.mark(prices, 1, "close") == pytest.approx(legs(1.02, 0.30, left), abs=1e-8)
    # An open knows the volatility of the close before.
    early = (31 + 6.5 / 24) / 365
    assert SPREAD.mark(prices, 1, "open") == pytest.approx(legs(1.01, 0.20, early), abs=1e-8)
    assert SPREAD.low(prices, 1) == pytest.approx(legs(0.99, 0.20, early), abs=1e-8)
    assert SPREAD.is_modelled(prices, 1)
    assert (SPREAD.priced_by, SPREAD.factors, SPREAD.expiry) == (("IWM",), ("vix",), date(2019, 6, 21))


def test_the_skew_cheapens_the_short_strike_by_its_standard_deviations():
    steep = SPREAD.model_copy(update={"terms": TERMS.model_copy(update={"skew": -0.15, "volatility_ratio": 1.25})})
    prices = market([150.0, 150.0])
    years, base = 31 / 365, 0.25
    away = math.log(1.05) / (base * math.sqrt(years))
    short = call(1.0, 1.05, years, base * (1 - 0.15 * away)).price
    expected = 100 * (call(1.0, 1.0, years, base).price - short)
    assert steep.mark(prices, 1, "close") == pytest.approx(expected, abs=1e-9)
    assert short < call(1.0, 1.05, years, base).price


def test_dividends_of_the_year_lower_the_forward():
    sessions = between("2018-05-01", "2019-05-21")
    units = [1.0 if day < pd.Timestamp("2018-12-03") else 0.99 for day in sessions]
    total = [100.0 / unit for unit in units]
    n = len(sessions)
    bars = Bars(total, total, total, total, [NAN] * n, total, units, [1e9] * n)
    prices = Market("IWM", sessions, [0.2] * n, {"IWM": bars}, [0.0] * n, {"vix": [20.0] * n})
    q = math.log(1 / 0.99)
    each = [call(1.0, strike, 31 / 365, 0.2, dividend_yield=q).price for strike in (1.0, 1.05)]
    assert SPREAD.mark(prices, n - 1, "close") == pytest.approx(100 * (each[0] - each[1]), abs=1e-8)


@pytest.mark.parametrize(("last", "paid"), [(140.0, 0.0), (150.0, 0.0), (153.0, 2.0), (157.5, 5.0), (190.0, 5.0)])
def test_at_its_expiry_it_pays_what_lies_between_the_strikes_whatever_the_volatility(last, paid):
    closes = [150.0] * EXPIRY + [last]
    prices = market(closes, vix=[20.0] * EXPIRY + [NAN])
    assert SPREAD.mark(prices, EXPIRY, "close") == pytest.approx(paid, abs=1e-8)


def test_without_a_price_a_volatility_or_its_first_day_it_has_no_mark():
    assert math.isnan(SPREAD.mark(market([150.0, 150.0], vix=NAN), 1, "close"))
    assert math.isnan(SPREAD.mark(market([150.0, NAN]), 1, "close"))
    late = SPREAD.model_copy(update={"opened": "2019-05-19"})  # a Sunday
    assert math.isnan(late.mark(market([150.0, 150.0]), 1, "close"))
    other = SPREAD.model_copy(update={"terms": TERMS.model_copy(update={"underlying": "QQQ"})})
    assert math.isnan(other.mark(market([150.0, 150.0]), 1, "close"))


@pytest.mark.parametrize("ratio", [2.0, 3.0, 0.1])
def test_a_split_changes_no_mark(ratio):
    closes = [150.0, 151.0, 149.0, 152.0]
    units = [1.0, 1.0, 0.997, 0.997]
    plain = market(closes, units=units)
    split = market([price / ratio for price in closes], units=[unit / ratio for unit in units])
    for row in range(1, 4):
        for at in ("open", "close"):
            assert SPREAD.mark(plain, row, at) == SPREAD.mark(split, row, at)


def test_a_cost_is_half_the_spread_of_both_legs_and_at_most_all():
    prices = market([150.0, 150.0, 75.0])
    worth = SPREAD.mark(prices, 1, "open")
    assert SPREAD.cost(0.1, prices, 1) == pytest.approx(2 * 0.02 / worth, rel=1e-12)  # 2 bp of 100 a leg
    assert SPREAD.cost(0.1, market([150.0, 75.0, 75.0]), 2) in (0.0, 1.0)  # all but worthless


DEEP = [150.0] * 12 + [175.0] * 12  # the short strike is 157.5
PAYS = [1.0] * 20 + [0.996] * 4  # 0.4 % on row 20


def test_the_short_call_is_exercised_before_a_dividend_that_beats_its_time_value():
    # The price falls by the dividend on the ex-date: 0.7 dollars are 0.4667 per cent of 150.
    closes = [*DEEP[:20], *[174.3] * 4]
    prices = market(closes, units=PAYS)
    assert SPREAD.mark(prices, 19, "close") == pytest.approx(5.0, abs=0.1)
    dividend = 100 * 0.004 * 175 / 150
    for row, at in ((20, "open"), (20, "close"), (21, "open"), (23, "close")):
        assert SPREAD.mark(prices, row, at) == pytest.approx(5.0 - dividend, abs=1e-6)
    # It stays closed, wherever the price goes.
    fallen = market([*closes[:22], 120.0, 120.0], units=PAYS)
    assert SPREAD.mark(fallen, 23, "close") == pytest.approx(5.0 - dividend, abs=1e-6)


def test_no_exercise_out_of_the_money_with_time_value_or_without_a_dividend():
    assert SPREAD.mark(market(DEEP), 23, "close") == pytest.approx(5.0, abs=1e-8)
    low = market([156.0] * 20 + [155.4] * 4, units=PAYS)  # 156 is below the short strike
    assert SPREAD._assigned(low, 22) is None
    rng = np.random.default_rng(1)
    wild = [150.0 * math.exp(x) for x in np.cumsum(rng.normal(0, 0.04, 19))]
    near = market(
        [*wild, 158.0, *[157.4] * 4], units=PAYS
    )  # in the money by 0.3 %, and worth far more than the dividend
    assert SPREAD._assigned(near, 22) is None
    rounded = [1.0 - 1e-7 * (row % 3) for row in range(24)]
    assert SPREAD._assigned(market(DEEP, units=rounded), 23) is None


@given(
    st.lists(st.floats(-0.08, 0.08), min_size=23, max_size=23),
    st.lists(st.floats(8.0, 90.0), min_size=24, max_size=24),
    st.lists(st.sampled_from([1.0, 1.0, 1.0, 0.997]), min_size=24, max_size=24),
)
def test_a_mark_lies_between_nothing_and_the_width_and_knows_no_later_row(moves, vix, dividends):
    closes = [150.0, *(150.0 * np.cumprod(1 + np.array(moves))).tolist()]
    units = np.cumprod(dividends).tolist()
    whole = market(closes, units=units, vix=vix)
    for row in (1, 9, 16, EXPIRY):
        known = market(closes[: row + 1], units=units[: row + 1], vix=vix[: row + 1])
        for at in ("open", "close"):
            mark = SPREAD.mark(whole, row, at)
            assert 0.0 <= mark <= 5.0 + 1e-9
            assert mark == SPREAD.mark(known, row, at)
        assert SPREAD.low(whole, row) <= SPREAD.mark(whole, row, "open") + 1e-9 or SPREAD._assigned(whole, row)


def test_through_an_account_it_is_bought_at_the_open_marked_and_paid_out():
    closes = [150.0] * EXPIRY + [154.5]
    prices = market(closes)
    slot = Slot("IWM C", "overlay", "bull")
    book = Book(DAYS[0]).ordered({slot: 0.05}, {"IWM C": SPREAD})
    bought = step(book, prices, 1)
    opened = SPREAD.mark(prices, 1, "open")
    (fill,) = bought.fills
    assert fill.price == opened
    paid = 0.05 / (1 + 0.05 * 0.04 / opened)
    assert fill.value == pytest.approx(paid, rel=1e-9)
    book = Book.from_json(json.loads(json.dumps(bought.book.to_json())))
    assert book == bought.book
    for row in range(2, EXPIRY + 1):
        made = step(book, prices, row)
        book = made.book
    assert book.values == {}
    assert made.fills[-1].at == "close"
    assert book.cash == pytest.approx(1 - paid - fill.cost + paid * 3.0 / opened, rel=1e-9)


def state(day: str = "2019-05-20", vix: float = 20.0, closes: dict[str, float] | None = None) -> State:
    at = pd.Timestamp(f"{day} 20:00", tz="UTC")
    return State(at, factors={"vix": vix}, closes={"IWM": 150.0} if closes is None else closes)


def test_a_policy_makes_one_from_what_it_sees():
    terms = CallSpreadTerms(underlying="IWM", volatility="vix", volatility_ratio=1.0, skew=0.0)
    made = terms.made(state())
    assert (made.opened, made.expires, made.terms) == ("2019-05-20", "2019-06-21", TERMS)
    assert made.ticker == "IWM 2019-06-21 100.0%/105.0% of 2019-05-20"
    legs = [call(1.0, strike, 32 / 365, 0.2) for strike in (1.0, 1.05)]
    assert made.multiple == pytest.approx((legs[0].delta - legs[1].delta) / (legs[0].price - legs[1].price), rel=1e-12)
    # What it was made at is what it is marked at on that close.
    worth = made.mark(market([150.0]), 0, "close")
    assert worth == pytest.approx(100 * (legs[0].price - legs[1].price), rel=1e-9)
    assert INSTRUMENT_KINDS.read(made.model_dump(mode="json")) == made
    assert terms.made(state(vix=NAN)) is None
    assert terms.made(state(closes={})) is None


@pytest.mark.parametrize(
    ("day", "days", "expiry"),
    [
        ("2019-05-20", 30, "2019-06-21"),
        ("2019-05-23", 30, "2019-07-19"),
        ("2014-03-10", 30, "2014-04-17"),  # Good Friday
        ("2007-12-31", 5, "2008-01-18"),
        ("2019-06-21", 0, "2019-06-21"),
    ],
)
def test_expiries_are_third_fridays_that_trade(day, days, expiry):
    assert str(third_friday(date.fromisoformat(day), days)) == expiry


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"short_strike": 1.0}, "a short strike above the long one, 1, not 1"),
        ({"expires": "2019-05-20"}, "an expiry after 2019-05-20, not 2019-05-20"),
        ({"long_strike": 0.0}, "long_strike"),
    ],
)
def test_one_without_sense_is_refused(changes, message):
    with pytest.raises(DefinitionError, match=message):
        INSTRUMENT_KINDS.read({**SPREAD.model_dump(mode="json"), **changes})
