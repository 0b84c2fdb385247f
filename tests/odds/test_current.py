from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions
from bullbear.data import Store
from bullbear.definitions.questions import QUESTION_KINDS, UP
from bullbear.errors import HistoryError, InputError, NoDataError
from bullbear.odds import EventOdds, EventSet, event_odds
from bullbear.odds.event_paths import event_paths
from bullbear.odds.event_series import forward_returns, read_event_series


@pytest.fixture(scope="module")
def answers(iwm_store: Store, events: EventSet) -> dict[str, EventOdds]:
    return {each.event: each for each in event_odds(iwm_store, "IWM", events.event)}


def copy_until(store: Store, last: str, place: Store) -> Store:
    """A store that never heard of anything after the close of `last`."""
    rows = store.as_of(sessions.closes(pd.DatetimeIndex([last]))[0]).versions("bars", "IWM")
    place.append("bars", rows.assign(series="IWM"))
    return place


def test_counts_are_those_of_a_plain_count(iwm_store: Store, events: EventSet, answers: dict[str, EventOdds]) -> None:
    series = read_event_series(iwm_store.as_of(), "IWM", events.event)
    ahead = forward_returns(series.close, 21)
    recent = series.sessions >= pd.Timestamp("2014-12-31")
    for column, event in enumerate(series.events):
        rows = np.flatnonzero(series.flags[:, column] & recent)
        if not len(rows):
            assert event.name not in answers
            continue
        known = [row for row in rows if row + 21 < len(series.close)]
        up = sum(ahead[row] > 0 for row in known)
        found = answers[event.name]
        assert (found.cases, found.pending) == (len(known), len(rows) - len(known)), event.name
        assert found.continued == (up if event.direction == "bullish" else len(known) - up)
        assert found.occurred_on == series.sessions[rows[-1]]
        assert found.age_sessions == len(series.close) - 1 - rows[-1]
    base = ahead[recent & ~np.isnan(ahead)]
    assert answers["macd_turns_positive"].base_rate == pytest.approx((base > 0).mean())
    assert answers["macd_turns_negative"].base_rate == pytest.approx((base < 0).mean())


def test_the_median_of_what_followed(iwm_store: Store, events: EventSet, answers: dict[str, EventOdds]) -> None:
    series = read_event_series(iwm_store.as_of(), "IWM", events.named(["golden_cross"]))
    rows = np.flatnonzero(series.flags[:, 0] & (series.sessions >= pd.Timestamp("2014-12-31")))
    returns = [series.close[row + 21] / series.close[row] - 1 for row in rows]
    assert answers["golden_cross"].return_median == pytest.approx(np.median(returns))
    deepest = [min(series.close[j] / series.close[row : j + 1].max() - 1 for j in range(row, row + 22)) for row in rows]
    assert answers["golden_cross"].drawdown_median == pytest.approx(np.median(deepest))


def test_the_statement_gives_sample_base_rate_and_chance(answers: dict[str, EventOdds]) -> None:
    text = answers["macd_turns_negative"].statement
    each = answers["macd_turns_negative"]
    assert text.startswith("IWM on 30 Dec 2019 (1 session ago): the MACD histogram turned negative. ")
    assert f"In {each.continued} of {each.cases} past cases since 31 Dec 2014 IWM stood lower 21 sessions later" in text
    assert f"IWM stood lower after {100 * each.base_rate:.0f} % of all sessions" in text
    assert "the difference may be chance" in text
    assert f"The {each.pending} newest cases have not resolved and are not counted." in text


def test_newest_first_and_only_open_ones_are_active(answers: dict[str, EventOdds]) -> None:
    ages = [each.age_sessions for each in answers.values()]
    assert ages == sorted(ages)
    assert answers["macd_turns_negative"].active
    assert not answers["macd_turns_positive"].active  # superseded by the turn to negative
    assert not answers["golden_cross"].active  # its 21 sessions are over
    assert all(each.age_sessions < 21 for each in answers.values() if each.active)


@pytest.mark.parametrize("day", ["2009-03-09", "2016-11-09"])
@pytest.mark.parametrize("horizon", [5, 63])
def test_nothing_after_the_day_changes_its_statements(
    iwm_store: Store, events: EventSet, tmp_path_factory: pytest.TempPathFactory, day: str, horizon: int
) -> None:
    ignorant = copy_until(iwm_store, day, Store(tmp_path_factory.mktemp("past") / "data"))
    then = event_odds(ignorant, "IWM", events.event, horizon=horizon)
    now = event_odds(iwm_store, "IWM", events.event, horizon=horizon, as_of=day)
    assert [each.as_dict() for each in then] == [each.as_dict() for each in now]


def test_a_weekend_is_answered_from_friday(iwm_store: Store, events: EventSet) -> None:
    (one,) = event_odds(iwm_store, "IWM", events.named(["macd_turns_negative"]), as_of="2019-12-15")
    assert str(one.as_of.date()) == "2019-12-13"


def test_since_moves_the_look_back(iwm_store: Store, events: EventSet) -> None:
    spec = events.named(["death_cross"])
    (all_of_it,) = event_odds(iwm_store, "IWM", spec, since="1999-01-01")
    (recent,) = event_odds(iwm_store, "IWM", spec)
    assert str(all_of_it.since.date()) == "2000-05-26"  # the first bar: nothing earlier is claimed
    assert all_of_it.cases > recent.cases


def test_what_cannot_be_answered_is_refused_in_one_line(iwm_store: Store, events: EventSet) -> None:
    spec = events.event
    with pytest.raises(NoDataError, match="--ticker: got 'ZZZ'; allowed: a ticker listed by `bullbear status`"):
        event_odds(iwm_store, "ZZZ", spec)
    with pytest.raises(
        NoDataError, match="--as-of: got '1999-12-31'; allowed: 2000-05-26 to 2019-12-31, the bars of IWM"
    ):
        event_odds(iwm_store, "IWM", spec, as_of="1999-12-31")
    with pytest.raises(NoDataError, match="--as-of: got '2021-01-04'"):
        event_odds(iwm_store, "IWM", spec, as_of="2021-01-04")
    with pytest.raises(HistoryError, match="history of IWM by 2000-07-31: got '45 sessions'"):
        event_odds(iwm_store, "IWM", spec, as_of="2000-07-31")
    with pytest.raises(InputError, match="--since: got '2019-12-02'; allowed: days up to 2019-10-01"):
        event_odds(iwm_store, "IWM", spec, since="2019-12-02")
    with pytest.raises(InputError, match="date: got 'soon'"):
        event_odds(iwm_store, "IWM", spec, as_of="soon")


def test_without_a_resolved_case_nothing_is_claimed(iwm_store: Store, events: EventSet) -> None:
    (only,) = event_odds(
        iwm_store, "IWM", events.named(["golden_cross"]), since="2019-10-30", horizon=10, as_of="2019-12-13"
    )
    assert only.cases == 1
    (only,) = event_odds(iwm_store, "IWM", events.named(["golden_cross"]), since="2019-08-01", as_of="2019-11-20")
    assert (only.cases, only.pending) == (0, 1)
    assert "No case since 1 Aug 2019 has resolved, so nothing can be said of what follows." in only.statement
    assert only.as_dict()["odds"] is None


def test_paths_hold_past_cases_and_today(iwm_store: Store, events: EventSet, answers: dict[str, EventOdds]) -> None:
    (spec,) = events.named(["macd_turns_negative"])
    found = event_paths(iwm_store, "IWM", spec)
    each = answers["macd_turns_negative"]
    assert found.past.shape == (each.cases, 22)
    assert (found.past[:, 0] == 0.0).all()
    assert (found.past[:, -1] < 0).sum() == each.continued
    assert len(found.latest) == each.age_sessions + 1
    with pytest.raises(HistoryError, match="event short_interest_unusually_low: no occurrence"):
        event_paths(iwm_store, "IWM", events.named(["short_interest_unusually_low"])[0])


@pytest.mark.parametrize("kind", ["dip", "move", "volatility"])
def test_another_question_is_counted_by_its_own_answer(simulated_store: Store, events: EventSet, kind: str) -> None:
    thresholds = {"dip": -0.05, "move": 0.05, "volatility": 0.2}
    question = QUESTION_KINDS.read(
        {
            "name": "asked",
            "kind": kind,
            "threshold": thresholds[kind],
            "sentence": "Something happens within the month.",
        }
    )
    chosen = events.named(["macd_turns_positive", "macd_turns_negative"])
    series = read_event_series(simulated_store.as_of(), "IWM", chosen)
    close, first = series.close, int(series.sessions.searchsorted(pd.Timestamp("2001-12-29")))

    def yes(row: int) -> bool:
        path = close[row : row + 22]
        if kind == "dip":
            return bool(min(path[1:]) <= 0.95 * path[0])
        if kind == "move":
            return bool(abs(path[-1] / path[0] - 1) > 0.05)
        return bool(np.sqrt(252 * np.mean(np.diff(np.log(path)) ** 2)) > 0.2)

    usual = np.mean([yes(row) for row in range(first, len(close) - 21)])
    for each in event_odds(simulated_store, "IWM", chosen, question=question, since="2001-12-29"):
        column = [event.name for event in chosen].index(each.event)
        rows = [row for row in np.flatnonzero(series.flags[first:, column]) + first if row + 21 < len(close)]
        assert (each.cases, each.continued) == (len(rows), sum(yes(row) for row in rows))
        assert each.base_rate == pytest.approx(usual)
        assert (
            f'was yes to asked, "Something happens within the month.": P(yes) is {100 * each.odds:.0f} %'
            in each.statement
        )
        assert f"It was yes after {100 * each.base_rate:.0f} % of all sessions" in each.statement
        assert each.as_dict()["question"] == "asked"


def test_up_by_any_name_is_judged_by_the_direction_of_the_event(simulated_store: Store, events: EventSet) -> None:
    plain = event_odds(simulated_store, "IWM", events.event)
    named = UP.model_copy(update={"name": "higher", "sentence": "The month ends higher.", "horizon": 5})
    assert [each.as_dict() for each in event_odds(simulated_store, "IWM", events.event, question=named)] == [
        each.as_dict() for each in plain
    ]
