"""Black-Scholes calls against QuantLib, and what no arbitrage demands of them."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.statistics.black_scholes import call

# QuantLib 1.44, AnalyticEuropeanEngine, flat curves, Actual/365.
GOLDEN = Path(__file__).parents[1] / "golden" / "black_scholes_calls.csv"
CASES = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(GOLDEN.read_text().splitlines())]


@pytest.mark.parametrize("case", CASES)
def test_prices_and_deltas_are_those_of_quantlib(case):
    names = ("rate", "dividend_yield")
    found = call(
        case["spot"], case["strike"], case["days"] / 365, case["volatility"], **{name: case[name] for name in names}
    )
    assert found.price == pytest.approx(case["price"], abs=1e-10)
    assert found.delta == pytest.approx(case["delta"], abs=1e-10)


@pytest.mark.parametrize(("years", "volatility"), [(0.0, 0.2), (-0.1, 0.2), (0.5, 0.0)])
def test_without_time_or_volatility_it_is_what_it_pays(years, volatility):
    assert call(110.0, 100.0, years, volatility) == (10.0, 1.0)
    assert call(90.0, 100.0, years, volatility) == (0.0, 0.0)


POSITIVE = st.floats(20.0, 500.0)


@given(POSITIVE, POSITIVE, st.floats(0.002, 2.0), st.floats(0.05, 1.5), st.floats(0.0, 0.1), st.floats(0.0, 0.1))
def test_bounds_parity_and_delta(spot, strike, years, volatility, rate, dividend_yield):
    def at(price: float, against: float = strike):
        return call(price, against, years, volatility, rate=rate, dividend_yield=dividend_yield)

    now = at(spot)
    held, owed = spot * math.exp(-dividend_yield * years), strike * math.exp(-rate * years)
    assert max(held - owed, 0.0) - 1e-9 <= now.price <= held + 1e-9
    assert 0.0 <= now.delta <= 1.0
    # A put is a call on the other asset: parity without a second formula.
    put = call(strike, spot, years, volatility, rate=dividend_yield, dividend_yield=rate).price
    assert now.price - put == pytest.approx(held - owed, abs=1e-8)
    step = 1e-4 * spot
    assert (at(spot + step).price - at(spot - step).price) / (2 * step) == pytest.approx(now.delta, abs=1e-4)
    assert at(spot, strike * 1.01).price <= now.price + 1e-12
