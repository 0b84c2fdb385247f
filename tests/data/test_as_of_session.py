"""The session that `--as-of DATE` means, on bars written out by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bullbear import sessions
from bullbear.data.as_of_session import closed_day, session_as_of
from bullbear.data.store import Store
from bullbear.errors import InputError, NoDataError

TRADED = ("2019-12-20", "2019-12-23", "2019-12-24", "2019-12-27", "2019-12-31")
"""Two sessions are missing: Thursday the 26th and Monday the 30th."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path / "data")
    days = pd.DatetimeIndex(TRADED).as_unit("us")
    bars = pd.DataFrame({"series": "IWM", "event_date": days, "known_at": sessions.closes(days)})
    found.append("bars", bars.assign(open=1.0, high=1.0, low=1.0, close=1.0, adj_close=1.0, volume=1.0))
    return found


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (None, "2019-12-31"),
        ("2019-12-24", "2019-12-24"),
        ("2019-12-25", "2019-12-24"),  # Christmas
        ("2019-12-22", "2019-12-20"),  # a Sunday
        ("2020-01-01", "2019-12-31"),  # the day after the last bar, but no session
    ],
)
def test_a_closed_day_is_answered_from_the_session_before(store: Store, asked: str | None, answered: str) -> None:
    assert str(session_as_of(store, "IWM", asked).date()) == answered


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("2019-12-26", "allowed: a session with a bar of IWM, which 2019-12-26 has not; choose another day"),
        ("2019-12-30", "allowed: a session with a bar of IWM, which 2019-12-30 has not"),
        ("2020-01-02", "the bars of IWM in the store; fetch or ingest newer data, or choose an earlier day"),
        ("2020-01-05", "allowed: 2019-12-20 to 2019-12-31, the bars of IWM in the store"),
        ("2030-01-01", "allowed: 2019-12-20 to 2019-12-31, the bars of IWM in the store"),
        ("9999-12-31", "allowed: 2019-12-20 to 2019-12-31, the bars of IWM in the store"),
        ("2019-12-19", "allowed: 2019-12-20 to 2019-12-31, the bars of IWM in the store; choose a later day"),
        ("1066-10-14", "choose a later day"),
    ],
)
def test_no_older_close_passes_for_a_session_without_a_bar(store: Store, asked: str, message: str) -> None:
    with pytest.raises(NoDataError, match=f"--as-of: got '{asked}'; .*{message}"):
        session_as_of(store, "IWM", asked)


def test_a_simulated_market_is_simulated_further(store: Store) -> None:
    (store.root / "SIMULATED.json").write_text("{}")
    with pytest.raises(NoDataError, match="; simulate more years, or choose an earlier day"):
        session_as_of(store, "IWM", "2020-01-02")


def test_what_is_no_day_or_has_no_bars_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="date: got 'soon'"):
        session_as_of(store, "IWM", "soon")
    with pytest.raises(NoDataError, match="--ticker: got 'ZZZ'"):
        session_as_of(store, "ZZZ", None)


def test_that_the_exchange_was_closed_is_said_with_both_days() -> None:
    assert closed_day("2019-12-24", sessions.day("2019-12-24")) is None
    assert closed_day("2020-01-01", sessions.day("2019-12-31")) == (
        "the exchange was closed on Wed 1 Jan 2020: the answer is that of the close before, Tue 31 Dec 2019"
    )
