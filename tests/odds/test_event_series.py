"""Event dates: against a table found on the bars by eye, and against a plain implementation, real and simulated."""

from __future__ import annotations

import csv
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions
from bullbear.data import Store
from bullbear.factors.engine.inputs import joint_bars
from bullbear.factors.engine.registry import registered
from bullbear.factors.levels.breaks import level_events
from bullbear.odds import EventSet
from bullbear.odds.event_series import EventSeries, read_event_series

sys.path.insert(0, str(Path(__file__).parent))
from plain_events import Table, plain_dates, read_csv

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "odds_iwm_dates.csv"
SETTLED = 800
"""Row by which the slowest indicator has forgotten its start, however it was begun."""


@pytest.fixture(scope="module")
def iwm(iwm_store: Store, events: EventSet) -> EventSeries:
    return read_event_series(iwm_store.as_of(), "IWM", events.event)


def dates(series: EventSeries, name: str) -> list[str]:
    column = [event.name for event in series.events].index(name)
    return [str(day.date()) for day in series.sessions[series.flags[:, column]]]


def test_every_date_found_by_eye_is_an_event(iwm: EventSeries) -> None:
    with GOLDEN.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 80
    missed = [(row["event"], row["date"]) for row in rows if row["date"] not in dates(iwm, row["event"])]
    assert not missed


def test_the_table_by_eye_is_complete_where_it_looked(iwm: EventSeries) -> None:
    """Between December 2018 and mid-March 2019 every event of these kinds was written down."""
    complete = (
        "macd_turns_positive", "macd_turns_negative", "rsi_leaves_oversold", "rsi_stays_oversold",
        "rsi_leaves_overbought", "rsi_stays_overbought", "momentum_turns_positive", "momentum_turns_negative",
        "price_above_sma_50", "price_below_sma_50", "aroon_uptrend", "aroon_downtrend", "volume_breakdown",
        "stochastic_enters_oversold", "stochastic_leaves_oversold", "golden_cross", "death_cross",
    )  # fmt: skip
    with GOLDEN.open() as file:
        rows = list(csv.DictReader(file))
    for name in complete:
        written = [r["date"] for r in rows if r["event"] == name and "2018-12-01" <= r["date"] <= "2019-03-15"]
        assert [day for day in dates(iwm, name) if "2018-12-01" <= day <= "2019-03-15"] == written, name


def test_every_date_on_real_bars_is_the_plain_ones(iwm: EventSeries, snapshot_dir: Path) -> None:
    table = read_csv(snapshot_dir / "prices" / "IWM.csv")
    compared = 0
    for name, expected in plain_dates(table, SETTLED).items():
        found = [day for day in dates(iwm, name) if day >= table.day[SETTLED]]
        assert found == expected, name
        compared += len(expected)
    assert compared > 4_000


def test_every_date_on_simulated_bars_is_the_plain_ones(simulated_store: Store, events: EventSet) -> None:
    view = simulated_store.as_of()
    bars = view.bars("IWM")
    scale = bars["adj_close"] / bars["close"]
    table = Table(
        [str(day.date()) for day in bars.index],
        (bars["high"] * scale).tolist(),
        (bars["low"] * scale).tolist(),
        bars["adj_close"].tolist(),
        bars["volume"].tolist(),
    )
    series = read_event_series(view, "IWM", events.event)
    for name, expected in plain_dates(table, SETTLED).items():
        assert [day for day in dates(series, name) if day >= table.day[SETTLED]] == expected, name


def test_levels_are_events_on_the_first_day_of_a_run(iwm: EventSeries, iwm_store: Store) -> None:
    (bars,), _ = joint_bars([iwm_store.as_of().bars("IWM")])
    names = {
        "support_break": "support_break", "support_retest": "support_retest", "support_reclaim": "reclaim",
        "resistance_break": "resistance_break", "resistance_retest": "resistance_turned_support",
        "failed_breakout": "failed_breakout",
    }  # fmt: skip
    for name, kind in names.items():
        happened = {int(row) for row in level_events(bars)[kind]}
        settled = registered()["level_signal"].rows_needed({"kind": kind})
        expected = [
            str(pd.Timestamp(bars.sessions[row]).date())
            for row in sorted(happened)
            if row >= settled and row - 1 not in happened
        ]
        assert len(expected) > 100
        assert dates(iwm, name) == expected, name


def test_short_interest_is_an_event_on_the_close_at_which_it_was_public(
    simulated_store: Store, events: EventSet
) -> None:
    view = simulated_store.as_of()
    series = read_event_series(view, "IWM", events.event)
    versions = view.versions("short_interest", "IWM")
    rows = list(
        zip(
            versions["known_at"],
            versions["event_date"],
            versions["shares_short"] / versions["avg_daily_volume"],
            versions["shares_short"] / versions["shares_outstanding"],
            strict=True,
        )
    )
    cover, level = [], []
    for session, close in zip(series.sessions, sessions.closes(series.sessions), strict=True):
        public = [row for row in rows if row[0] <= close]
        newest = max(public, key=lambda row: row[1]) if public else None
        fresh = newest is not None and (session - newest[1]).days <= 44
        cover.append(newest[2] if newest and fresh else math.nan)
        level.append(newest[3] if newest and fresh else math.nan)

    def score(i: int) -> float:
        window = level[i - 251 : i + 1]
        if i < 251 or any(map(math.isnan, window)):
            return math.nan
        return (level[i] - float(np.mean(window))) / float(np.std(window, ddof=1))

    scores = [score(i) for i in range(len(level))]
    day = [str(session.date()) for session in series.sessions]
    expected = {
        "days_to_cover_high": [day[i] for i in range(1, len(day)) if cover[i - 1] <= 5 < cover[i]],
        "short_interest_unusually_high": [day[i] for i in range(1, len(day)) if scores[i - 1] <= 1.5 < scores[i]],
        "short_interest_unusually_low": [day[i] for i in range(1, len(day)) if scores[i - 1] >= -1.5 > scores[i]],
    }
    assert expected["short_interest_unusually_high"]
    assert expected["short_interest_unusually_low"]
    for name, days in expected.items():
        assert dates(series, name) == days, name


def test_without_short_interest_its_events_never_happen(iwm: EventSeries) -> None:
    assert dates(iwm, "short_interest_unusually_high") == []


def test_events_and_closes_of_the_past_do_not_change(iwm_store: Store, iwm: EventSeries, events: EventSet) -> None:
    for day in ("2008-10-10", "2012-02-29", "2018-12-24"):
        view = iwm_store.as_of(sessions.closes(pd.DatetimeIndex([day]))[0])
        earlier = read_event_series(view, "IWM", events.event)
        assert str(earlier.sessions[-1].date()) == day
        np.testing.assert_array_equal(earlier.flags, iwm.flags[: len(earlier.flags)])
        np.testing.assert_array_equal(earlier.close, iwm.close[: len(earlier.close)])


@pytest.mark.parametrize("horizon", [1, 3, 21])
def test_an_event_without_an_opposite_ends_with_its_horizon(events: EventSet, horizon: int) -> None:
    (alone,) = events.named(["rsi_stays_oversold"])
    flags = np.zeros((40, 1), dtype=bool)
    flags[[5, 7]] = True
    series = EventSeries("IWM", pd.date_range("2019-01-02", periods=40), np.ones(40), (alone,), flags)
    age, active = series.activity(horizon)
    open_rows = {row for begin in (5, 7) for row in range(begin, begin + horizon)}
    assert set(np.flatnonzero(active[:, 0])) == open_rows
    assert age[-1, 0] == 32
