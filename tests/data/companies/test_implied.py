"""Dividends and splits are read back from the prices that they changed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear import sessions
from bullbear.data.companies.implied import implied_dividends, later_splits

DAYS = sessions.between("2019-12-24", "2020-01-03")


def test_what_rounding_may_give_is_no_dividend() -> None:
    days = sessions.between("2019-12-02", "2019-12-31")
    draw = np.random.default_rng(3)
    close = np.round(20 + draw.normal(0, 1, len(days)), 2)
    paid = np.zeros(len(days))
    paid[10] = 0.4
    factor = np.array([np.prod(1 - paid[place + 1 :] / close[place:-1]) for place in range(len(days))])
    table = pd.DataFrame({"event_date": days, "close": close, "adj_close": np.round(close * factor, 2)})
    found = implied_dividends(table)
    assert found["event_date"].tolist() == [days[10]]
    assert found["amount"].iloc[0] == pytest.approx(0.4, abs=0.02)


def test_later_splits_multiply() -> None:
    splits = pd.DataFrame({"event_date": pd.DatetimeIndex(["2019-12-30", "2019-12-27"]), "ratio": [3.0, 2.0]})
    assert later_splits(splits, pd.Series(DAYS[:5])).tolist() == [6.0, 6.0, 3.0, 1.0, 1.0]


@given(
    st.lists(st.floats(5.0, 500.0), min_size=7, max_size=7),
    st.dictionaries(st.integers(1, 6), st.floats(0.001, 0.2), max_size=3),
)
def test_dividends_come_back_as_they_were_paid(prices: list[float], shares: dict[int, float]) -> None:
    close = np.array(prices)
    paid = np.array([shares.get(place, 0.0) * close[place - 1] if place else 0.0 for place in range(7)])
    kept = 1 - paid[1:] / close[:-1]
    factor = np.append(np.cumprod(kept[::-1])[::-1], 1.0)
    table = pd.DataFrame({"event_date": DAYS, "close": close, "adj_close": close * factor})
    found = implied_dividends(table).set_index("event_date")["amount"].reindex(DAYS).fillna(0.0)
    assert found.to_numpy() == pytest.approx(paid, rel=1e-3, abs=1e-6)
