"""The account of the evenings against the backtest: the same steps, so the same numbers to the last bit."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.data.adjusting import adjusted_versions
from bullbear.dataset.predictions import Predictions
from bullbear.decide.advice import Trade, advise, advise_each, forecasts_by_close
from bullbear.decide.backtest import backtest
from bullbear.decide.book import Book
from bullbear.decide.instruments import packaged_instruments
from bullbear.decide.market import read_market
from bullbear.decide.policies.band import BandMemory, BandPolicy, Level, Tier
from bullbear.decide.policy import Forecast, Slot
from bullbear.errors import InputError, NoDataError
from bullbear.sessions import between, closes, day

FUNDS = packaged_instruments()
DEAR = {t: FUNDS[t].model_copy(update={"slippage_bp": 2.0}) for t in ("IWM", "TWM")}
POLICY = BandPolicy(
    volatility_window=5,
    atr_window=3,
    stop_atr_multiple=2.0,
    reentry_atr_multiple=1.5,
    bull_instrument=DEAR["IWM"],
    bear_instrument=DEAR["TWM"],
)
EVENING = pd.Timedelta(hours=2)
PRICES = ["open", "high", "low", "close"]


class Tape:
    """Raw bars, splits and dividends as the store keeps them, served as its views serve them."""

    def __init__(self, raw, splits, dividends, bills, instant=None) -> None:
        self.raw, self.splits, self.dividends, self.bills, self.instant = raw, splits, dividends, bills, instant

    def as_of(self, instant: pd.Timestamp) -> Tape:
        return Tape(self.raw, self.splits, self.dividends, self.bills, instant)

    def has(self, kind: str, series: str) -> bool:
        return series in self.raw if kind == "bars" else kind == "observations"

    def versions(self, kind: str, series: str) -> pd.DataFrame:
        if kind == "observations":
            return self._known(self.bills)
        raw = self._known(self.raw[series])
        none = raw.iloc[:0].assign(adj_close=[]).drop(columns="scale").astype({"adj_close": float})
        return adjusted_versions(none, raw, self._known(self.splits[series]), self._known(self.dividends[series]))

    def _known(self, rows: pd.DataFrame) -> pd.DataFrame:
        rows = rows if self.instant is None else rows[rows["known_at"] <= self.instant]
        return rows.sort_values(["known_at", "event_date"], ignore_index=True)


def tape(seed: int) -> Tape:
    """IWM and TWM as traded: splits, dividends, late, missing and corrected bars, bars without an open."""
    rng = np.random.default_rng(seed)
    days = between("2018-03-01", "2018-12-31")
    gap, move = rng.normal(0, 0.006, len(days)), rng.normal(0, 0.012, len(days))
    raw, splits, dividends = {}, {}, {}
    for ticker, beta, start, ratio in (("IWM", 1.0, 0, 3.0), ("TWM", -2.0, 40, 0.2)):
        at = int(rng.integers(70, 140))
        scale = np.where(np.arange(len(days)) < at, 1.0, 1 / ratio)
        close = 100 * np.cumprod((1 + beta * gap) * (1 + beta * move)) * scale
        wide = np.abs(rng.normal(0, 0.004, len(days)))
        open_ = close / (1 + beta * move)
        frame = pd.DataFrame(
            {
                "event_date": days,
                "known_at": closes(days),
                "open": np.where(rng.random(len(days)) < 0.04, np.nan, open_),
                "high": np.maximum(open_, close) * (1 + wide),
                "low": np.minimum(open_, close) * (1 - wide),
                "close": close,
                "volume": 1e6,
                "scale": 1.0,
            }
        )
        chance = rng.random(len(days))
        corrected = frame[(chance > 0.1) & (chance < 0.12)]
        corrected = corrected.assign(known_at=corrected["known_at"] + pd.Timedelta(days=3), close=corrected["low"])
        frame.loc[chance < 0.04, "known_at"] += EVENING
        frame = frame[(chance < 0.05) | (chance > 0.09)].iloc[start:]
        raw[ticker] = pd.concat([frame, corrected.iloc[start:]], ignore_index=True)
        splits[ticker] = pd.DataFrame({"event_date": [days[at]], "known_at": [closes(days)[at - 1]], "ratio": [ratio]})
        paid = np.sort(rng.choice(np.arange(40, len(days)), 5, replace=False))
        late = np.where(rng.random(5) < 0.3, pd.Timedelta(days=4), -pd.Timedelta(days=1))
        dividends[ticker] = pd.DataFrame(
            {
                "event_date": days[paid],
                "known_at": closes(days)[paid] + pd.TimedeltaIndex(late),
                "amount": close[paid] / 60,
            }
        )
    bills = pd.DataFrame(
        {
            "event_date": days,
            "known_at": closes(days) + EVENING,
            "value": np.round(2 + np.cumsum(rng.normal(0, 0.02, len(days))), 2),
            "vintage": pd.NaT,
        }
    )
    return Tape(raw, splits, dividends, bills)


def forecasts_of(view: Tape, seed: int) -> Predictions:
    """Forecasts that wander through all bands, on two days of three."""
    rng = np.random.default_rng(seed)
    days = between("2018-06-01", "2018-09-28")
    p = 0.32 + np.cumsum(rng.normal(0, 0.03, len(days))) % 0.4
    chosen = rng.random(len(days)) < 0.67
    due = closes(between("2018-06-01", "2018-12-31"))[21:][: len(days)]
    made = Predictions.of(decided_at=closes(days), resolved_at=due, asset="IWM", p=p, p_low=p, climatology=0.6)
    return made.where(chosen)


def through_json(book: Book) -> Book:
    return Book.from_json(json.loads(json.dumps(book.to_json())))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=2, deadline=None)
def test_evening_after_evening_gives_the_backtest_to_the_last_bit(seed):
    view = tape(seed)
    forecasts = forecasts_of(view, seed)
    whole = backtest(forecasts, view, POLICY, baselines={})
    decided = {state.decided_at: number for number, state in enumerate(whole.states)}
    equity, book, advices = whole.equity, None, 0
    for at, forecast in forecasts_by_close(forecasts).items():
        tonight = view.as_of(at)
        if at not in decided:
            with pytest.raises(NoDataError, match="bars of IWM"):
                advise(tonight, POLICY, at, forecast, before=book)
            continue
        advice = advise(tonight, POLICY, at, forecast, before=book)
        number = decided[at]
        assert advice.book == whole.books[number]
        assert advice.book.equity == equity.loc[day(at)]
        assert advice.stance.positions == whole.stances[number].positions
        book = through_json(advice.book)
        assert book == advice.book
        advices += 1
    assert advices == len(decided)


def test_several_closes_at_once_are_the_closes_one_by_one():
    view = tape(3)
    forecasts = forecasts_of(view, 3)
    whole = backtest(forecasts, view, POLICY, baselines={})
    by_close = forecasts_by_close(forecasts)
    at = list(by_close)[20]
    early = advise_each(view, POLICY, {each: by_close[each] for each in list(by_close)[:21]})
    assert [each.book for each in early] == list(whole.books[: len(early)])
    late = advise_each(view, POLICY, dict(list(by_close.items())[21:]), before=through_json(early[-1].book))
    assert [each.book for each in late] == list(whole.books[len(early) :])
    assert early[-1].book.session <= day(at)
    assert advise_each(view, POLICY, {}) == ()


def test_the_evenings_compared_are_not_all_alike():
    tested = []
    for seed in (1, 2, 3):
        view = tape(seed)
        tested.append(backtest(forecasts_of(view, seed), view, POLICY, baselines={}))
        assert len(tested[-1].states) > 40
    sides = {level["side"] for each in tested for book in each.books for level in book.memory["levels"].values()}
    assert sides == {"exit", "reentry"}
    assert {fill for each in tested for fill in each.trades["ticker"]} == {"IWM", "TWM"}
    unpriced = [state for each in tested for state in each.states if "TWM" not in state.closes]
    assert any(state.weight("TWM") > 0.0 for state in unpriced)
    waiting = [book for each in tested for book in each.books if set(book.orders)]
    assert len(waiting) > 20


def test_the_first_advice_starts_in_cash_and_names_its_trades(market_view):
    view = market_view(70)
    at = closes(pd.DatetimeIndex(["2019-03-01"]))[0]
    advice = advise(view, BandPolicy(volatility_cap=9.0), at, {"up": Forecast(0.7, 0.6, 0.8, 0.6)})
    assert (advice.book.cash, advice.book.equity, advice.book.values) == (1.0, 1.0, {})
    assert advice.trades == (Trade("IWM", 0.0, 1.0),)
    assert Trade("IWM", 0.75, 0.5).to_json() == {
        "ticker": "IWM", "weight_before": 0.75, "weight_after": 0.5, "change": -0.25,
    }  # fmt: skip
    assert advice.book.orders == {BULL: 1.0}
    assert advice.book.slots == (BULL, BEAR)
    assert advice.book.instruments == {"IWM": FUNDS["IWM"]}
    assert levels(advice.book).tier is Tier.NONE


def levels(book: Book) -> BandMemory:
    return book.recalled(BandPolicy())


def evenings(view, policy, days: dict[str, float], before=None):
    for session, p in days.items():
        at = closes(pd.DatetimeIndex([session]))[0]
        seen = view.until(pd.Timestamp(session))
        advice = advise(seen, policy, at, {"up": Forecast(p, p, p, 0.6)}, before=before)
        before = through_json(advice.book)
    return advice


BULL, BEAR = Slot("IWM", "bull", "bull"), Slot("TWM", "bear", "bear")
OLD = BandPolicy(volatility_cap=9.0, rebalance_threshold=0.02)


def test_another_policy_takes_the_positions_over_and_sells_what_it_has_no_place_for(market_view):
    view = market_view(71)
    view.prices["UWM"] = view.prices["IWM"].copy()
    view.prices["RWM"] = view.prices["TWM"].copy()
    held = evenings(view, OLD, {"2019-03-01": 0.3, "2019-03-04": 0.3})
    assert held.book.values[BEAR] == pytest.approx(0.3, rel=0.1)
    new = OLD.model_copy(update={"bull_instrument": FUNDS["UWM"], "bear_instrument": FUNDS["RWM"], "bull_weight": 0.8})
    switched = evenings(view, new, {"2019-03-05": 0.7}, before=held.book)
    weight = switched.book.weights["TWM"]
    assert switched.trades == (Trade("TWM", weight, 0.0), Trade("UWM", 0.0, 0.8))
    assert switched.stance.positions["TWM"] == 0.0
    assert switched.book.equity == pytest.approx(switched.book.cash + switched.book.values[BEAR])
    later = evenings(view, new, {"2019-03-06": 0.7}, before=switched.book)
    assert {slot.ticker for slot in later.book.values} == {"UWM"}
    assert set(later.book.marks) == {"UWM"}
    assert later.book.weights["UWM"] == pytest.approx(0.8, abs=0.02)


def test_another_policy_on_the_same_funds_keeps_their_levels(market_view):
    view = market_view(72)
    held = evenings(view, OLD, {"2019-03-01": 0.7, "2019-03-04": 0.7})
    far = OLD.model_copy(update={"stop_atr_multiple": 50.0})
    switched = evenings(view, far, {"2019-03-05": 0.7}, before=held.book)
    assert levels(switched.book) == levels(held.book)
    assert switched.trades == ()


@pytest.mark.parametrize("factor", [4.0, 0.25])
def test_a_book_follows_prices_that_a_new_store_keeps_at_another_level(market_view, factor):
    view, again = market_view(73), market_view(73)
    for frame in again.prices.values():
        frame["adj_close"] *= factor
    held = evenings(view, OLD, {"2019-03-01": 0.7, "2019-03-04": 0.7})
    # A stop just below the close of the next decision, so that it must be carried over and not set anew.
    level = Level("exit", 0.999 * view.prices["IWM"].loc["2019-03-11", "adj_close"])
    book = replace(held.book, memory=BandMemory({"IWM": level}).to_json())
    same, moved = (evenings(each, OLD, {"2019-03-11": 0.7}, before=book) for each in (view, again))
    assert levels(same.book).levels == {"IWM": level}
    assert moved.book.values == same.book.values
    assert moved.stance.stops == same.stance.stops
    assert levels(moved.book).levels["IWM"] == Level("exit", factor * level.level)


def test_a_mark_whose_bar_the_new_store_lacks_stays_as_it_was(market_view):
    view = market_view(73)
    held = evenings(view, OLD, {"2019-03-01": 0.7, "2019-03-04": 0.7, "2019-03-05": 0.7}).book
    market = read_market(view.until(pd.Timestamp("2019-03-01")), "IWM")
    assert held.in_prices_of(market, OLD) == held
    assert held.marks["IWM"].session == pd.Timestamp("2019-03-05")


def test_the_levels_of_the_very_first_advice_follow_the_prices_of_a_new_store_too(market_view):
    view, again = market_view(73), market_view(73)
    for frame in again.prices.values():
        frame["adj_close"] *= 0.25
    first = evenings(view, OLD, {"2019-03-01": 0.7})
    assert first.book.values == {}
    assert set(first.book.marks) == set(levels(first.book).levels) == {"IWM"}
    same, moved = (evenings(each, OLD, {"2019-03-04": 0.7}, before=first.book) for each in (view, again))
    # A level left in the old prices would stand at four times the close and sell what was just bought.
    assert (moved.stance.stops, moved.stance.positions) == (same.stance.stops, same.stance.positions)
    assert moved.stance.positions["IWM"] > 0


def test_a_book_kept_on_a_day_that_is_no_session_any_more_is_taken_up(market_view):
    view = market_view(75)
    held = evenings(view, OLD, {"2019-03-01": 0.7, "2019-03-04": 0.7})
    closure = replace(held.book, session=pd.Timestamp("2019-03-09").as_unit("us"))
    moved = evenings(view, OLD, {"2019-03-11": 0.7}, before=closure)
    assert set(moved.book.values) == {BULL}


def test_a_forecast_before_the_book_is_refused(market_view):
    view = market_view(74)
    held = evenings(view, OLD, {"2019-03-05": 0.7})
    with pytest.raises(InputError, match=r"decided_at: got '2019-03-04'; allowed: a session from 2019-03-05 on"):
        evenings(view, OLD, {"2019-03-04": 0.7}, before=held.book)


def test_advice_at_the_same_close_replaces_the_earlier_one(market_view):
    view = market_view(74)
    held = evenings(view, OLD, {"2019-03-04": 0.7})
    assert held.trades
    again = evenings(view, OLD, {"2019-03-04": 0.1}, before=held.book)
    fresh = evenings(view, OLD, {"2019-03-04": 0.1})
    assert (again.book.cash, again.book.orders) == (fresh.book.cash, fresh.book.orders)
    assert {trade.ticker for trade in again.trades} == {"TWM"}
