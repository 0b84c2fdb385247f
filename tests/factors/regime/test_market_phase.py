"""The market phase by its stated rule."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.testing import assert_array_equal

from bullbear.factors.engine.registry import Bars
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.regime.market_phase import PHASES, market_phase, market_phase_age, phase_of


def test_every_phase_by_hand() -> None:
    #                  0  1  2  3    4  5  6    7    8
    bars = bars_from([4, 6, 8, 7, 6.4, 3, 2, 2.6, 4.0])
    # Averages of two: 5, 7, 7.5, 6.7, 4.7, 2.5, 2.3, 3.3 from row 1 on.
    phases = market_phase(bars, window=2, slope_window=1)
    names = [PHASES[int(phase)] for phase in phases[2:]]
    assert names == ["uptrend", "distribution", "downtrend", "downtrend", "downtrend", "accumulation", "uptrend"]
    assert np.isnan(phases[:2]).all()


def test_age_by_hand() -> None:
    bars = bars_from([4, 6, 8, 7, 6.4, 3, 2, 2.6, 4.0])
    age = market_phase_age(bars, window=2, slope_window=1, cap=3)
    assert_array_equal(age, [np.nan] * 4 + [1, 2, 3, 1, 1])


def test_against_pandas(tape: Callable[..., Bars]) -> None:
    bars = tape(600)
    average = pd.Series(bars.close).rolling(200).mean()
    rising, above = average > average.shift(21), pd.Series(bars.close) > average
    expected = np.where(rising, np.where(above, 3.0, 2.0), np.where(above, 1.0, 0.0))
    assert_array_equal(market_phase(bars)[220:], expected[220:])


def test_the_phase_of_a_short_history_is_unknown() -> None:
    index = pd.date_range("2019-01-01", periods=30, name="event_date")
    frame = pd.DataFrame({name: 5.0 for name in ("open", "high", "low", "close", "adj_close", "volume")}, index=index)
    frame["known_at"] = index.tz_localize("UTC")
    assert phase_of(frame) == "unknown"
