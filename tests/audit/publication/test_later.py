"""A store published a release later, or read in its latest revisions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.audit.publication.later import Later, Revised, next_release, releases

MONTHS = pd.date_range("2010-01-01", periods=24, freq="MS")


def monthly(values: np.ndarray) -> pd.DataFrame:
    known = (MONTHS + pd.Timedelta(days=45)).tz_localize("UTC")
    return pd.DataFrame({"event_date": MONTHS, "known_at": known, "value": values, "vintage": pd.NaT})


def in_vintages(truth: np.ndarray, first: np.ndarray, base: np.ndarray, held: int) -> pd.DataFrame:
    """A vintage a month that holds the last `held` months: the newest as first printed, the others final."""
    parts = []
    for row, month in enumerate(MONTHS):
        rows = np.arange(max(row + 1 - held, 0), row + 1)
        value = np.where(rows == row, first[rows], truth[rows]) * base[row]
        known = (month + pd.Timedelta(days=45)).tz_localize("UTC")
        vintage = known.tz_localize(None).normalize()
        parts.append(pd.DataFrame({"event_date": MONTHS[rows], "known_at": known, "value": value, "vintage": vintage}))
    return pd.concat(parts, ignore_index=True)


def test_a_monthly_series_is_known_a_month_later_and_its_values_stay() -> None:
    frame = monthly(np.arange(24.0))
    moved = Later().rows("observations", "X", frame)
    assert (moved["known_at"].to_numpy()[:-1] == frame["known_at"].to_numpy()[1:]).all()
    assert moved["known_at"].iloc[-1] > frame["known_at"].iloc[-1] + pd.Timedelta(days=28)
    assert moved["value"].equals(frame["value"])


def test_splits_and_dividends_stay() -> None:
    assert [Later().touches(kind, "IWM") for kind in ("bars", "raw_bars", "splits", "dividends")] == [
        *(True, True, False, False)
    ]


@settings(max_examples=25)
@given(st.lists(st.integers(1, 2_000), min_size=0, max_size=20))
def test_no_row_is_known_before_the_next_release(hours: list[int]) -> None:
    """Corrections at any hour included: order stays, and what comes between two releases comes with the next."""
    frame = monthly(np.arange(24.0))
    again = frame.iloc[[hour % 24 for hour in hours]].copy()
    again["known_at"] += pd.to_timedelta(hours, unit="h")
    rows = pd.concat([frame, again]).sort_values("known_at", kind="stable", ignore_index=True)
    moved = next_release(rows, rows["known_at"])
    assert (moved > pd.DatetimeIndex(rows["known_at"])).all()
    assert moved.is_monotonic_increasing
    assert np.isin(moved[moved <= releases(rows)[-1]], releases(rows)).all()


def test_the_latest_revision_is_read_from_the_first_publication_on() -> None:
    draw = np.random.default_rng(3)
    truth = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, 24)))
    frame = in_vintages(truth, truth * 1.02, np.ones(24), 24)
    found = Revised(frozenset({("observations", "X")})).rows("observations", "X", frame).sort_values("event_date")
    assert found["vintage"].isna().all()
    assert (found["known_at"].to_numpy() == monthly(truth)["known_at"].to_numpy()).all()
    np.testing.assert_allclose(found["value"].to_numpy()[:-1], truth[:-1])


def test_vintages_of_the_last_months_alone_are_linked_through_a_change_of_base_year() -> None:
    truth = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.01, 24)))
    frame = in_vintages(truth, truth * 1.02, np.where(np.arange(24) < 11, 1.0, 1.3), 8)
    found = Revised(frozenset({("observations", "X")})).rows("observations", "X", frame).sort_values("event_date")
    growth = found["value"].to_numpy()[1:] / found["value"].to_numpy()[:-1]
    np.testing.assert_allclose(growth[:-1], truth[1:-1] / truth[:-2])


def test_a_correction_stands_in_the_place_of_the_first_value() -> None:
    frame = monthly(np.arange(24.0))
    again = frame.iloc[[5]].assign(value=50.0, known_at=frame["known_at"].iloc[8])
    rows = pd.concat([frame, again]).sort_values("known_at", kind="stable", ignore_index=True)
    found = Revised(frozenset()).rows("observations", "X", rows).sort_values("event_date")
    assert found["value"].iloc[5] == 50.0
    assert (found["known_at"].to_numpy() == frame["known_at"].to_numpy()).all()
