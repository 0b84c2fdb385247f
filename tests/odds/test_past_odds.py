from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear.data import Store
from bullbear.dataset import resolve
from bullbear.definitions import Target
from bullbear.definitions.questions import Dip
from bullbear.errors import HistoryError
from bullbear.odds import EventSet, event_odds
from bullbear.odds.event_series import EventSeries
from bullbear.odds.past_odds import MARGIN, PastOdds, forecasts, past_odds, past_odds_of, pooled


@pytest.fixture(scope="module")
def history(iwm_store: Store, events: EventSet) -> PastOdds:
    return past_odds(iwm_store.as_of(), "IWM", events.event, horizon=21)


def counted(history: PastOdds, day: str) -> pd.DataFrame:
    """The counts of one session, a row per event."""
    row = int(np.flatnonzero(history.sessions == pd.Timestamp(day))[0])
    names = [event.name for event in history.series.events]
    figures = {name: values[row] for name, values in vars(history.counts).items()}
    return pd.DataFrame({**figures, "age": history.age[row], "active": history.active[row]}, index=names)


@pytest.mark.parametrize("day", ["2001-03-01", "2008-10-10", "2013-07-03", "2019-12-31"])
def test_the_history_of_a_day_is_what_was_answered_that_day(
    history: PastOdds, iwm_store: Store, events: EventSet, day: str
) -> None:
    table = counted(history, day)
    for each in event_odds(iwm_store, "IWM", events.event, as_of=day):
        row = table.loc[each.event]
        assert (row["cases"], row["pending"], row["continued"]) == (each.cases, each.pending, each.continued)
        assert (row["age"], row["active"]) == (each.age_sessions, each.active), each.event
        for name, value in {
            "odds": each.odds, "low": each.odds_low, "high": each.odds_high, "base_rate": each.base_rate,
            "lift": each.lift, "q_value": each.q_value, "shrunk": each.shrunk_odds,
        }.items():  # fmt: skip
            np.testing.assert_allclose(row[name], value, rtol=1e-9, err_msg=f"{each.event} {name}")


def test_raw_odds_are_the_forecast_while_an_event_is_active(history: PastOdds) -> None:
    made = forecasts(history, "macd_turns_negative").table
    assert set(made["member"]) == {"macd_turns_negative"}
    frame = made.set_index(history.sessions)
    column = [event.name for event in history.series.events].index("macd_turns_negative")
    signal = pd.Series(history.signals[:, column], index=history.sessions)
    day = pd.Timestamp("2018-12-10")
    row = counted(history, "2018-12-10").loc["macd_turns_negative"]
    assert signal[day]
    assert frame.loc[day, "p"] == pytest.approx(1.0 - row["odds"])
    assert frame.loc[day, "p_low"] == pytest.approx(1.0 - row["high"])
    assert frame.loc[day, "p_high"] == pytest.approx(1.0 - row["low"])
    superseded = pd.Timestamp("2019-01-02")
    assert not signal[superseded]
    assert frame.loc[superseded, "p"] == frame.loc[superseded, "climatology"]


def test_outcomes_and_climatology_are_those_of_every_model(history: PastOdds, iwm_store: Store) -> None:
    frame = pooled(history).table
    labels = resolve(iwm_store.as_of(), Target(horizon=21)).loc[history.sessions]
    np.testing.assert_array_equal(frame["y"], labels["y"])
    assert frame["y"].isna().sum() == 21
    assert (frame["resolved_at"] == labels["resolved_at"].reset_index(drop=True)).all()
    past = labels[labels["resolved_at"] <= labels["decided_at"].iloc[3000]]
    first = resolve(iwm_store.as_of(), Target(horizon=21))["y"].iloc[: len(past) + 63]
    share = first[first.index <= past.index[-1]].mean()
    assert frame["climatology"].iloc[3000] == pytest.approx(share)


def test_every_forecast_is_a_probability_inside_its_interval(history: PastOdds) -> None:
    for frame in (
        pooled(history).table,
        forecasts(history, "golden_cross").table,
        forecasts(history, "rsi_stays_oversold", "shrunk").table,
    ):
        known = frame[frame["climatology"].notna()]
        assert ((known["p"] > 0) & (known["p"] < 1)).all()
        assert ((known["p_low"] <= known["p"]) & (known["p"] <= known["p_high"])).all()


def test_where_events_show_no_more_than_chance_the_pooled_forecast_is_climatology(history: PastOdds) -> None:
    frame = pooled(history).table
    nothing = (np.nan_to_num(history.counts.shrunk - history.counts.base_rate) == 0.0).all(axis=1)
    assert nothing.any()
    assert (frame["p"][nothing] == frame["climatology"][nothing]).all()


def test_no_forecast_of_the_past_changes_with_the_future(history: PastOdds, iwm_store: Store, events: EventSet) -> None:
    cut = 3000
    series = history.series
    earlier = EventSeries(series.ticker, series.sessions[:cut], series.close[:cut], series.events, series.flags[:cut])
    labels = history.labels.iloc[:cut].copy()
    labels.loc[labels["resolved_at"] > labels["decided_at"].iloc[-1], ["value", "y"]] = np.nan
    past = pooled(past_odds_of(earlier, labels, horizon=21)).table
    now = pooled(history).table.iloc[: len(past)]
    columns = ["decided_at", "p", "p_low", "p_high", "climatology"]
    pd.testing.assert_frame_equal(past[columns], now[columns])


def test_too_short_a_history_is_refused(events: EventSet) -> None:
    short = EventSeries(
        "X", pd.date_range("2020-01-01", periods=60), np.full(60, 1.0), (), np.zeros((60, 0), dtype=bool)
    )
    with pytest.raises(HistoryError, match=r"history of X: got '60 sessions'; allowed: more than 63, three horizons"):
        past_odds_of(short, pd.DataFrame(), horizon=21)


def test_odds_of_another_question_are_forecasts_of_its_yes(simulated_store: Store, events: EventSet) -> None:
    dip = Dip(name="dip5", kind="dip", threshold=-0.05, sentence="A close 5 % lower within the month.")
    chosen = events.named(["macd_turns_positive", "macd_turns_negative"])
    past = past_odds(simulated_store.as_of(), "IWM", chosen, horizon=21, question=dip)
    labels = resolve(simulated_store.as_of(), Target(question=dip)).loc[past.sessions]
    for column, event in enumerate(chosen):
        made = forecasts(past, event.name).table
        assert set(made["question"]) == {"dip5"}
        np.testing.assert_array_equal(made["y"], labels["y"])
        signal = past.signals[:, column]
        odds = past.counts.odds[signal, column]
        # The odds of a bearish event are those of a yes, not of its opposite.
        np.testing.assert_array_equal(made["p"][signal], np.clip(odds, MARGIN, 1 - MARGIN))
        base = past.counts.base_rate[signal, column]
        np.testing.assert_allclose(made["climatology"][signal].mean(), base.mean(), atol=0.1)
    assert past.upward.all()
