"""A jump by the ratio of a split is judged by the market, by volume and by the days that follow, on each day anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.data.jumps import Jumps, judge

CALM = [1e6, 1.2e6, 0.9e6, 1.1e6, 0.8e6, 1e6, 1.3e6, 0.7e6]


def of(closes: list[float], volumes: list[float], market: dict[int, float] | None = None) -> Jumps:
    moved = np.full(len(closes), np.nan)
    for row, change in (market or {}).items():
        moved[row] = change
    close = np.array(closes)
    return judge(close, close, close, np.array(volumes), moved)


def shown(found: Jumps, first: int = 8) -> list[int | None]:
    """For each row from `first` on, the row that settles it, or None where it is set aside."""
    rows = zip(found.off[first:], found.settled[first:], strict=True)
    return [None if off else int(settled) for off, settled in rows]


@pytest.mark.parametrize(
    ("volumes", "after", "expected"),
    [
        ([9e6], [], [None]),  # a crash with news, on its evening
        ([9e6], [5e6], [9, 9]),  # and settled by the next close
        ([9e6], [5e6, 4e6], [9, 9, 10]),
        ([2.1e6], [1.8e6, 2.2e6, 2e6, 1.9e6, 2.1e6, 2e6], [None] * 7),  # volume doubles and stays so: a split
        ([1.1e6], [0.9e6, 1e6, 1.2e6, 1e6], [None] * 5),  # nothing to see in volume: not yet
        ([1.1e6], [0.9e6, 1e6, 1.2e6, 1e6, 1.1e6], [13] * 6),  # and settled by the fifth close after
        ([np.nan], [np.nan] * 5, [13] * 6),
    ],
)
def test_a_price_that_halves(volumes: list[float], after: list[float], expected: list[int | None]) -> None:
    closes = [40.0] * 8 + [20.0] * (1 + len(after))
    assert shown(of(closes, CALM + volumes + after)) == expected


def test_a_price_that_doubles_by_a_bid_and_one_that_doubles_by_a_reverse_split() -> None:
    closes = [7.0] * 8 + [14.0] * 7
    assert shown(of(closes, [*CALM, 2.5e6, *[1.5e6] * 6])) == [9, 9, 10, 11, 12, 13, 14]
    assert shown(of(closes, [*CALM, *[0.5e6] * 7])) == [None] * 7


def test_a_level_that_returns_was_an_error_even_with_volume() -> None:
    closes = [40.0] * 8 + [20.0, 40.5, 41.0]
    assert shown(of(closes, [*CALM, 9e6, 1e6, 1e6])) == [None, 9, 10]
    closes = [40.0] * 8 + [20.0, 20.5, 21.0, 41.0, 41.5]
    assert shown(of(closes, [*CALM, *[1e6] * 5])) == [None, None, None, 11, 12]


def test_a_crash_of_the_whole_market_is_real_at_once() -> None:
    assert shown(of([40.0] * 8 + [20.0], [*CALM, 1e6], {8: -0.21})) == [8]
    assert shown(of([40.0] * 8 + [20.0], [*CALM, 1e6], {8: -0.02})) == [None]


@settings(max_examples=200, deadline=None)
@given(
    steps=st.lists(st.sampled_from([1.0, 1.01, 0.99, 0.5, 2.0, 1 / 3, 0.98]), min_size=10, max_size=30),
    shares=st.lists(st.sampled_from([0.5, 1.0, 1.2, 2.0, 3.0, 9.0]), min_size=30, max_size=30),
)
def test_a_day_is_judged_as_the_whole_history_says(steps: list[float], shares: list[float]) -> None:
    closes = 100 * np.cumprod(steps)
    volumes = 1e6 * np.array(shares[: len(steps)])
    whole = of(closes.tolist(), volumes.tolist())
    for stop in range(2, len(steps) + 1):
        day = of(closes[:stop].tolist(), volumes[:stop].tolist())
        served = ~whole.off[:stop] & (whole.settled[:stop] < stop)
        assert (~day.off).tolist() == served.tolist()
