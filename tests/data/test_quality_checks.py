"""Doubtful rows are told from crashes, splits and rounding."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear.data import quality_checks


def bars(closes: list[float], opens: list[float] | None = None, adjusted: list[float] | None = None) -> pd.DataFrame:
    close = np.array(closes)
    opened = close if opens is None else np.array(opens)
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.fmax(opened, close),
            "low": np.fmin(opened, close),
            "close": close,
            "adj_close": close if adjusted is None else adjusted,
            "volume": 1000.0,
        }
    )


def reasons(frame: pd.DataFrame, ticker: str = "IWM", sessions: list[bool] | None = None) -> list[str]:
    known = np.ones(len(frame), dtype=bool) if sessions is None else np.array(sessions)
    return quality_checks.check_bars(ticker, frame, known)[0].tolist()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("open", 101.1, quality_checks.OUTSIDE),
        ("close", 98.9, quality_checks.OUTSIDE),
        ("open", 101.0 * (1 + 2e-7), ""),
        ("low", 0.0, quality_checks.NOT_POSITIVE),
        ("adj_close", -1.0, quality_checks.NOT_POSITIVE),
        ("volume", -5.0, quality_checks.NEGATIVE),
        ("volume", np.nan, ""),
        ("open", np.nan, ""),
    ],
)
def test_a_bar_alone(name: str, value: float, reason: str) -> None:
    frame = pd.DataFrame(
        [{"open": 100.0, "high": 101.0, "low": 99.0, "close": 100.5, "adj_close": 90.0, "volume": 5.0}]
    )
    assert reasons(frame.assign(**{name: value})) == [reason]


def test_a_day_without_session_comes_first_among_the_reasons() -> None:
    assert reasons(bars([100, 0.0]), sessions=[True, False]) == ["", quality_checks.NO_SESSION]


def test_a_split_that_was_not_recorded_sets_aside_all_that_follows() -> None:
    frame = bars([100, 101, 50.2, 50.9, 51.0], opens=[100, 101, 50.6, 50.3, 50.9])
    assert reasons(frame) == ["", "", quality_checks.SPLIT_LIKE, quality_checks.SPLIT_LIKE, quality_checks.SPLIT_LIKE]


def test_a_reverse_split_is_the_same() -> None:
    assert reasons(bars([10, 10.1, 40.5, 41])) == ["", "", quality_checks.SPLIT_LIKE, quality_checks.SPLIT_LIKE]


def test_a_bad_tick_that_returns_sets_aside_itself_only() -> None:
    assert reasons(bars([100, 101, 1010, 102, 103])) == ["", "", quality_checks.SPLIT_LIKE, "", ""]


def test_a_split_that_adj_close_knows_is_a_split() -> None:
    assert reasons(bars([100, 101, 50.6, 51], adjusted=[50, 50.5, 50.6, 51])) == [""] * 4


@pytest.mark.parametrize(
    ("closes", "opens"),
    [
        ([282.70, 224.84, 236.83], [282.7, 282.7, 225.06]),  # S&P 500 on 1987-10-19
        ([100, 64.9, 70], [100, 95, 66]),  # a threefold fund on 2008-12-01
        ([100, 50, 45], [100, 90, 48]),  # halved, but in the course of the session
        ([100, 42, 40], [100, 43, 41]),  # a gap, but of no split
    ],
)
def test_crashes_are_real(closes: list[float], opens: list[float]) -> None:
    assert reasons(bars(closes, opens)) == [""] * 3


def test_indices_do_not_split() -> None:
    assert reasons(bars([20, 40, 41]), ticker="^VIX") == [""] * 3


def test_two_jumps_in_a_row_are_followed() -> None:
    expected = ["", quality_checks.SPLIT_LIKE, "", quality_checks.SPLIT_LIKE, quality_checks.SPLIT_LIKE]
    assert reasons(bars([100, 200, 100, 50, 50])) == expected


def test_short_volume_cannot_exceed_the_total() -> None:
    frame = pd.DataFrame({"short_volume": [5.0, 11.0, -1.0, np.nan, 1.0], "total_volume": [10.0] * 5})
    known = np.array([True, True, True, True, False])
    assert quality_checks.check_short_volume(frame, known).tolist() == [
        "",
        quality_checks.EXCEEDS,
        quality_checks.NEGATIVE,
        "",
        quality_checks.NO_SESSION,
    ]


@pytest.mark.parametrize(
    ("series", "value", "reason"),
    [
        ("AAII_BULLISH", 0.0, ""),
        ("AAII_BEARISH", 100.1, quality_checks.NO_SHARE),
        ("AAII_NEUTRAL", -0.1, quality_checks.NO_SHARE),
        ("NAAIM", -3.56, ""),
        ("NAAIM", 200.5, quality_checks.NO_EXPOSURE),
        ("NAAIM", -201.0, quality_checks.NO_EXPOSURE),
        ("CBOE_PC_TOTAL", 0.0, quality_checks.LEVEL_NOT_POSITIVE),
        ("CBOE_PC_INDEX", 3.5, ""),
        ("CBOE_VIX1Y", -1.0, quality_checks.LEVEL_NOT_POSITIVE),
        ("VX_M2", 0.0, quality_checks.LEVEL_NOT_POSITIVE),
        ("DCOILWTICO", -36.98, ""),  # oil was sold at a negative price
    ],
)
def test_a_macro_value_that_cannot_be(series: str, value: float, reason: str) -> None:
    assert quality_checks.check_observations(series, np.array([value, 50.0])).tolist() == [reason, ""]
