"""States of the market at a decision: by hand, and from no later price."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.home import Home
from bullbear.sessions import between, closes
from bullbear.workflows.market_states import market_states, states_of


@pytest.fixture(scope="module")
def close() -> pd.Series:
    sessions = between("2015-01-02", "2018-06-15")
    steps = np.random.default_rng(3).normal(0.0, 0.012, len(sessions))
    return pd.Series(100 * np.exp(np.cumsum(steps)), sessions)


def test_the_regime_is_that_of_the_last_month_end(close):
    regime = states_of(close)["regime"].to_numpy()
    ends = close.groupby([close.index.year, close.index.month]).tail(1)
    for row, session in enumerate(close.index):
        # 2018-06-15 ends the data, not a month.
        known = ends[(ends.index <= session) & (ends.index != pd.Timestamp("2018-06-15"))]
        if len(known) < 10:
            assert pd.isna(regime[row])
        else:
            assert regime[row] == ("above" if known.iloc[-1] > known.iloc[-10:].mean() else "below")
    assert {"above", "below"} <= set(regime[~pd.isna(regime)])


def test_the_volatility_is_that_of_the_last_month(close):
    volatility = states_of(close)["volatility"]
    returns = close.pct_change()
    assert volatility.iloc[-1] == pytest.approx(np.sqrt(252 * (returns.iloc[-21:] ** 2).mean()))
    assert volatility.iloc[:21].isna().all()
    assert volatility.index.equals(closes(pd.DatetimeIndex(close.index)))


def test_later_prices_change_no_state(close):
    whole = states_of(close)
    for cut in (230, 231, 500, 503, 504, 600):
        part = states_of(close.iloc[:cut])
        for name in ("regime", "volatility"):
            assert part[name].equals(whole[name].iloc[:cut])


def test_a_home_without_prices_has_no_states(trained_home: Home, tmp_path: Path):
    assert market_states(Home(tmp_path), "IWM") == {}
    assert market_states(trained_home, "NONE") == {}
    assert set(market_states(trained_home, "IWM")) == {"regime", "volatility"}
