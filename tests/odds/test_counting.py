from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear.odds import EventSpec
from bullbear.odds.counting import count
from bullbear.odds.event_series import EventSeries, forward_drawdowns, forward_returns


def spec(name: str, direction: str) -> EventSpec:
    return EventSpec.model_validate(
        {
            "name": name, "indicator": name, "direction": direction, "function": "roc",
            "rule": "rises_through", "level": 0.0, "says": "something happened",
        }
    )  # fmt: skip


def series(close: list[float], **events: tuple[str, list[int]]) -> EventSeries:
    flags = np.zeros((len(close), len(events)), dtype=bool)
    for column, (_, rows) in enumerate(events.values()):
        flags[rows, column] = True
    specs = tuple(spec(name, direction) for name, (direction, _) in events.items())
    return EventSeries("TOY", pd.date_range("2020-01-01", periods=len(close)), np.array(close), specs, flags)


SAW = [100.0 + row // 2 + (row % 2) for row in range(22)]
"""100 101 101 102 102 103 ...: after an even row the price rises, after an odd one it stays."""
ZIGZAG = [100.0 + (row % 2) for row in range(22)]
"""Up after every even row, down after every odd one: over rows 0 to 20 at horizon 1, 11 of 21 rise."""


def test_ten_events_by_hand() -> None:
    # Ten cases at rows 0 to 12 and an eleventh at the last row; seven stand on even rows, so seven rose.
    toy = series(ZIGZAG[:21], up=("bullish", [0, 2, 3, 4, 6, 7, 8, 10, 11, 12, 20]))
    found = count(toy, 1, np.array([20]), np.array([0]))
    assert found.cases.item() == 10
    assert found.pending.item() == 1
    assert found.continued.item() == 7
    assert found.odds.item() == pytest.approx(0.7)
    assert found.base_rate.item() == pytest.approx(0.5)  # ten of twenty
    assert found.lift.item() == pytest.approx(1.4)
    assert found.effective.item() == pytest.approx(10.0)  # nothing overlaps at horizon 1
    # Wilson, z = 1.6449: (0.7 + 0.1353 -+ 1.6449 * sqrt(0.021 + 0.00676)) / 1.2706
    assert found.low.item() == pytest.approx(0.4417, abs=1e-4)
    assert found.high.item() == pytest.approx(0.8731, abs=1e-4)
    # The difference: 1/10 - 2/20 + 1/20 = 1/20, as uncertain as a share of 20; 2 * P(X >= 14 of 20) = 0.11532.
    assert found.p_value.item() == pytest.approx(0.115318, abs=1e-6)
    assert found.q_value.item() == found.p_value.item()
    # Wilson at 0.7 of 20 over the base rate: (0.7 + 0.06764 -+ 1.6449 * sqrt(0.0105 + 0.00169)) / 1.13528 / 0.5
    assert found.lift_low.item() == pytest.approx(1.0324, abs=1e-3)
    assert found.lift_high.item() == pytest.approx(1.6721, abs=1e-3)


def test_bearish_odds_count_falls() -> None:
    toy = series(ZIGZAG[:21], down=("bearish", [0, 2, 3, 4, 6, 7, 8, 10, 11, 12]))
    found = count(toy, 1, np.array([20]), np.array([0]))
    assert found.continued.item() == 3
    assert found.odds.item() == pytest.approx(0.3)
    assert found.base_rate.item() == pytest.approx(0.5)
    assert found.lift.item() == pytest.approx(0.6)


def test_an_unchanged_price_neither_rises_nor_falls() -> None:
    toy = series(SAW, up=("bullish", [1, 2, 3]), down=("bearish", [1, 2, 3]))
    found = count(toy, 1, np.array([21]), np.array([0]))
    assert found.odds[0].tolist() == pytest.approx([1 / 3, 0.0])
    assert found.base_rate[0].tolist() == pytest.approx([11 / 21, 0.0])
    assert found.p_value[0, 1] == 1.0
    assert np.isnan(found.lift[0, 1])


def test_a_case_counts_once_its_outcome_is_known_and_not_a_session_earlier() -> None:
    toy = series(ZIGZAG, up=("bullish", [3, 9]))
    found = count(toy, 5, np.array([7, 8, 13, 14]), np.zeros(4, dtype=np.int64))
    assert found.cases[:, 0].tolist() == [0, 1, 1, 2]
    assert found.pending[:, 0].tolist() == [1, 0, 1, 0]
    assert np.isnan(found.odds[0, 0])
    assert np.isnan(found.q_value[0, 0])


def test_cases_before_the_look_back_do_not_count() -> None:
    toy = series(ZIGZAG, up=("bullish", [2, 4, 11]))
    found = count(toy, 2, np.array([21, 21]), np.array([0, 5]))
    assert found.cases[:, 0].tolist() == [3, 1]


def test_a_missing_price_drops_the_case_on_either_end() -> None:
    close = list(ZIGZAG)
    close[6] = np.nan
    toy = series(close, up=("bullish", [4, 5, 6, 7]))
    found = count(toy, 1, np.array([21]), np.array([0]))
    assert found.cases.item() == 2  # 5 ends on the gap and 6 begins on it


def test_q_is_adjusted_over_the_events_of_the_row() -> None:
    toy = series(ZIGZAG, up=("bullish", [0, 2, 4, 6, 8, 10]), none=("bullish", []), down=("bearish", [0, 3, 5]))
    found = count(toy, 1, np.array([21]), np.array([0]))
    p = found.p_value[0]
    assert np.isnan(p[1])
    assert p[0] < p[2]
    assert found.q_value[0, 0] == pytest.approx(2 * p[0])  # two of the three events have cases
    assert found.q_value[0, 2] == pytest.approx(p[2])


def test_the_number_of_tests_behind_q_is_that_of_the_events_of_one_day() -> None:
    toy = series(ZIGZAG, up=("bullish", [0, 2, 4, 6, 8, 10]), down=("bearish", [0, 3, 5]))
    at = np.array([12, 16, 21])
    together = count(toy, 1, at, np.zeros(3, dtype=int))
    alone = [count(toy, 1, at[[row]], np.array([0])) for row in range(3)]
    np.testing.assert_array_equal(together.q_value, np.concatenate([each.q_value for each in alone]))
    assert len(set(together.p_value[:, 0])) == 3


def test_what_followed_and_how_deep_it_fell_on_the_way() -> None:
    close = np.array([100.0, 120.0, 90.0, 110.0, np.nan, 99.0])
    np.testing.assert_allclose(forward_returns(close, 2), [-0.10, 110 / 120 - 1, np.nan, -0.10, np.nan, np.nan])
    np.testing.assert_allclose(forward_drawdowns(close, 3), [-0.25, np.nan, 99 / 110 - 1, np.nan, np.nan, np.nan])
