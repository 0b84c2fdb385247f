"""The overlay as a call spread, day by day through the account: opened oversold, closed by profit, time or Bear.

ATR of IWM about 2; TWM, the only inverse fund, moves by the points that IWM loses. The implied volatility is 20.
"""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bullbear.decide import backtest
from bullbear.decide.advice import advise, forecasts_by_close
from bullbear.decide.backtest import Backtest
from bullbear.decide.book import Book
from bullbear.decide.compiled.sweep import replay
from bullbear.decide.options.call_spread import CallSpread, CallSpreadTerms
from bullbear.decide.policies.two_agents import FACTORS, TwoAgents
from bullbear.decide.policy import POLICIES, Forecast, State, load_policy
from bullbear.definitions import Source
from bullbear.errors import DefinitionError, InputError
from bullbear.sessions import between
from bullbear.wording import percent

RSI, VIX = FACTORS["rsi"], "agents_implied"
NAMES = ("agents_support", "agents_channel", *FACTORS.values(), VIX)
SHARES = """kind = "two_agents"

[bear]
instruments = ["TWM"]
depth_floor = 1.0
exposure = 0.6
max_weight = 0.3
band = 0.05

[bull]
decline_share = 0.5
smoothing_sessions = 1

[stops]
bear_atr = 5.0

[overlay]
share = 0.25
max_weight = 0.1
target_atr = 2.0
sessions = 8
band = 0.0
"""
SPREAD = f"""{SHARES}
[overlay.call_spread]
underlying = "IWM"
volatility = "agents_implied"
volatility_ratio = 1.0
skew = 0.0
"""


def read(text: str = SPREAD) -> TwoAgents:
    return POLICIES.read(tomllib.loads(text), Source(Path("policies/mine.toml"), text))


class Day(NamedTuple):
    """A day's close of IWM; 30 and 50 are where the RSI is oversold and recovered."""

    close: float
    rsi: float = 40.0
    support: float = 80.0
    vix: float = 20.0


class Case(NamedTuple):
    view: object
    factors: pd.DataFrame
    predictions: object


QUIET = 30
FALL = [Day(98.0, 45.0), Day(97.0, 42.0), Day(95.0, 32.0)]  # two closes below 99 break the support at 100
DAYS = [*FALL, Day(91.0, 28.0), Day(93.0, 33.0), Day(95.0, 38.0), Day(99.0, 46.0), Day(99.0, 46.0)]


@pytest.fixture
def case(view, bars, predictions) -> Callable[..., Case]:
    """Thirty quiet sessions around 102 from `start` on, then `days`; opens are the closes before."""

    def build(days: list[Day], start: str = "2018-01-02", rate: float | None = None) -> Case:
        *sessions, after = between(start, f"{int(start[:4]) + 1}-06-28")[: QUIET + len(days) + 1]
        quiet = [Day(102.0 + 0.5 * (1 - place % 2), 50.0, 100.0) for place in range(QUIET)]
        iwm, twm, last = [], [], 102.0
        for session, each in zip(sessions, [*quiet, *days], strict=True):
            name, low, high = str(session.date()), min(last, each.close) - 0.75, max(last, each.close) + 0.75
            iwm.append((name, last, high, low, each.close, each.close))
            fund_open, fund = 152.0 - last, 152.0 - each.close
            twm.append((name, fund_open, max(fund_open, fund) + 0.5, min(fund_open, fund) - 0.5, fund, fund))
            last = each.close
        index = pd.DatetimeIndex(sessions).rename("event_date")
        frame = pd.DataFrame({name: math.nan for name in NAMES}, index=index)
        frame["agents_support"] = [each.support / each.close - 1.0 for each in (*quiet, *days)]
        frame[RSI] = [each.rsi for each in (*quiet, *days)]
        frame[VIX] = [each.vix for each in (*quiet, *days)]
        served = type(view)({**view.prices, "IWM": bars(iwm), "TWM": bars(twm)}, view.values)
        asked = predictions({str(day.date()): 0.6 for day in sessions[QUIET - 1 :]}, str(after.date()))
        return Case(served, frame, asked)

    return build


def run(case: Case, policy: TwoAgents | None = None) -> Backtest:
    return backtest(case.predictions, case.view, policy or read(), factors=case.factors, baselines={})


def overlays(result: Backtest) -> list[tuple[str, float, str]]:
    """The overlay of each decision after the quiet sessions: instrument, weight, first reason."""
    found = []
    for stance in result.stances[1:]:
        (sleeve,) = [each for each in stance.sleeves if each.name == "overlay"]
        found.append((sleeve.instrument.ticker, sleeve.weight, sleeve.reasons[0]))
    return found


def traded(result: Backtest) -> list[tuple[str, str, bool]]:
    own = result.trades[result.trades["sleeve"] == "overlay"]
    return list(zip(own["executed_at"].dt.strftime("%m-%d"), own["why"], own["modelled"], strict=True))


def test_a_rally_takes_its_profit_day_by_day(case) -> None:
    # Quiet to 2018-02-13. Oversold at 91 on 02-20, bought on 02-21 at the open, marked on a rally, sold on 02-26.
    result = run(case(DAYS))
    found = overlays(result)
    name = "IWM 2018-04-20 100.0%/105.0% of 2018-02-20"
    made = CallSpreadTerms(underlying="IWM", volatility=VIX, volatility_ratio=1.0, skew=0.0).made(
        dataclasses.replace(result.states[4], factors={VIX: 20.0})
    )
    assert made.ticker == name
    assert [ticker for ticker, _, _ in found] == ["CASH"] * 3 + [name] * 4 + ["CASH"]
    assert [reason for _, _, reason in found[:3]] == ["no overlay"] * 3
    # A quarter of the hedge's exposure at its delta: the premium is that over the spread's exposure a unit.
    bear = result.stances[4].sleeves[-1]
    premium = 0.25 * 2.0 * bear.weight / made.multiple
    assert found[3][1] == pytest.approx(premium, rel=1e-12)
    assert found[3][2] == (
        f"call spread on an RSI of 28: a premium of {percent(premium, 2)} of equity "
        f"for an exposure of {percent(0.5 * bear.weight)}"
    )
    assert [reason.split(":")[0] for _, _, reason in found[4:6]] == ["call spread stays"] * 2
    assert found[6][1:] == (0.0, "overlay closed 2.8 ATRs above its entry")
    assert found[7][2] == "no overlay"
    assert traded(result) == [("02-21", "order", True), ("02-26", "order", True)]
    held = result.positions[name]
    assert held.loc["2018-02-23"] > held.loc["2018-02-22"] > held.loc["2018-02-21"] > 0.0
    assert result.attribution["overlay"] > 0.0
    # No stop rests for it, in the stance or in the account.
    assert all(each.ticker == "TWM" for stance in result.stances for each in stance.stops)
    assert {slot.ticker for book in result.books for slot in book.stops} == {"TWM"}
    assert any("modelled" in reason for sleeve in result.stances[4].sleeves for reason in sleeve.reasons)
    assert [name in state.modelled for state in result.states[4:9]] == [False, True, True, True, False]
    assert name in result.account.modelled


def test_no_rally_ends_with_time(case) -> None:
    result = run(case([*FALL, Day(91.0, 28.0), *[Day(90.5, 38.0)] * 10]))
    found = overlays(result)
    assert found[11][2] == "overlay closed after 8 sessions"
    assert [bool(weight) for _, weight, _ in found[3:12]] == [True] * 8 + [False]
    assert result.attribution["overlay"] < 0.0


def test_no_rally_before_expiry_loses_the_premium(case) -> None:
    # Opened on 2018-03-07, the third Friday is 03-16: seven sessions, one before time is up.
    text = SPREAD.replace("skew = 0.0", "skew = 0.0\ndays = 5")
    result = run(case([*FALL, Day(91.0, 28.0), *[Day(90.0, 38.0)] * 9], start="2018-01-18"), read(text))
    found = overlays(result)
    name = "IWM 2018-03-16 100.0%/105.0% of 2018-03-07"
    assert [ticker for ticker, _, _ in found] == ["CASH"] * 3 + [name] * 7 + ["CASH"] * 3
    assert found[10][2] == "the call spread is over: it has expired, or is worth nothing"
    assert found[11][2] == "no overlay"
    assert traded(result) == [("03-08", "order", True), ("03-16", "expiry", True)]
    own = result.trades[result.trades["sleeve"] == "overlay"]
    assert own["value"].iloc[1] == 0.0
    assert result.attribution["overlay"] == pytest.approx(-own["value"].iloc[0], rel=1e-12)


def test_without_a_volatility_none_opens_and_the_reason_says_so(case) -> None:
    days = [*FALL, Day(91.0, 28.0, vix=math.nan), Day(90.0, 27.0, vix=math.nan), Day(90.0, 27.0), Day(90.0, 35.0)]
    found = overlays(run(case(days)))
    assert found[3] == (
        "CASH",
        0.0,
        "no overlay on an RSI of 28: without an implied volatility no call spread can be priced",
    )
    assert found[4][2].startswith("no overlay on an RSI of 27: without")
    assert found[5][0] == "IWM 2018-04-20 100.0%/105.0% of 2018-02-22"  # it has had no turn yet


def test_one_that_no_open_can_price_is_not_bought_and_comes_again(case) -> None:
    made = case([*FALL, Day(91.0, 28.0), Day(90.0, 27.0), Day(90.0, 27.0), Day(90.0, 35.0)])
    gap = made.view.prices["IWM"].index[QUIET + 4]
    made.view.prices["IWM"].loc[gap, "open"] = math.nan
    result = run(made)
    found = overlays(result)
    assert found[4] == ("CASH", 0.0, "the call spread is not held: no open had a price for it, or it is worth nothing")
    assert found[5][0].endswith("of 2018-02-22")
    assert traded(result) == [("02-23", "order", True)]


def test_the_overlay_goes_with_the_bear(case) -> None:
    # The Bear's stop, 5 ATRs of about 2 under its highest close of 61, is met by a session's low.
    made = case([*FALL, Day(91.0, 28.0), Day(91.5, 34.0), Day(92.0, 36.0), Day(92.0, 36.0), Day(92.0, 36.0)])
    touched = made.view.prices["TWM"].index[QUIET + 5]
    made.view.prices["TWM"].loc[touched, "low"] = 40.0
    result = run(made)
    found = overlays(result)
    assert found[5][1:] == (0.0, "no hedge any more: the overlay is closed")
    assert traded(result) == [("02-21", "order", True), ("02-23", "order", True)]
    assert found[6] == ("CASH", 0.0, "no overlay")


def test_one_without_an_open_to_be_sold_at_stays_named_until_it_is(case) -> None:
    made = case([*DAYS, DAYS[-1]])
    gap = made.view.prices["IWM"].index[QUIET + 7]
    made.view.prices["IWM"].loc[gap, "open"] = math.nan
    result = run(made)
    found = overlays(result)
    (waiting,) = [each for each in result.stances[8].sleeves if each.name == "overlay"]
    assert (waiting.weight, waiting.reasons) == (
        0.0,
        ("no overlay", f"{found[3][0]}: sold at the next open that has a price for it"),
    )
    assert traded(result) == [("02-21", "order", True), ("02-27", "order", True)]


def test_an_evening_decides_as_the_backtest_does_to_the_last_bit(case) -> None:
    policy, made = read(), case(DAYS)
    result = run(made, policy)
    book = None
    for place, (at, forecasts) in enumerate(forecasts_by_close(made.predictions).items()):
        session = at.tz_convert("America/New_York").tz_localize(None).normalize()
        # As an evening computes them: from the session of the account on.
        rows = made.factors.loc[book.session if book else session : session]
        advice = advise(made.view.until(session), policy, at, forecasts, before=book, factors=rows)
        book = Book.from_json(json.loads(json.dumps(advice.book.to_json(), allow_nan=False)))
        assert advice.stance == result.stances[place]
        assert book.to_json() == result.books[place].to_json()
    assert any(isinstance(each, CallSpread) for each in result.books[5].instruments.values())


def test_another_definition_drops_what_it_does_not_know(case) -> None:
    made = case(DAYS)
    shares, spread = read(SHARES), read()
    held = run(made, spread).books[5]  # the close after the spread was bought
    assert spread.recall(held.memory).to_json() == held.memory
    assert spread.recall(held.memory).spread.ticker.startswith("IWM 2018-04-20")
    at, forecasts = list(forecasts_by_close(made.predictions).items())[6]
    session = at.tz_convert("America/New_York").tz_localize(None).normalize()
    changed = advise(made.view.until(session), shares, at, forecasts, before=held, factors=made.factors)
    assert changed.stance.sold == (spread.recall(held.memory).spread.ticker,)
    before = run(made, shares).books[5]
    changed = advise(made.view.until(session), spread, at, forecasts, before=before, factors=made.factors)
    assert {slot.sleeve: weight for slot, weight in changed.book.orders.items()}["overlay"] == 0.0
    older = {key: value for key, value in before.memory.items() if key != "spread"}
    assert shares.recall(older) == shares.recall(before.memory)


@given(
    st.lists(st.floats(-0.08, 0.08), min_size=12, max_size=12),
    st.lists(st.one_of(st.floats(10.0, 80.0), st.just(math.nan)), min_size=12, max_size=12),
    st.lists(st.sampled_from([25.0, 33.0, 40.0, 55.0]), min_size=12, max_size=12),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_loses_at_most_its_premium_and_weights_sum_to_one(case, moves, vix, rsi) -> None:
    prices = 91.0 * np.cumprod(1.0 + np.array(moves))
    days = [
        Day(float(price), each, 0.9 * price, implied) for price, each, implied in zip(prices, rsi, vix, strict=True)
    ]
    result = run(case([*FALL, Day(91.0, 28.0), *days]))
    assert result.positions.sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert (result.positions >= -1e-12).all(axis=None)
    change = np.diff(result.equity.to_numpy(), prepend=1.0)
    assert result.account.bookings.sum(axis=1).to_numpy() == pytest.approx(change, abs=1e-12)
    own = result.trades[result.trades["sleeve"] == "overlay"]
    bought = own.loc[own["value"] > 0.0, "value"]
    assert len(bought)  # the first close after the fall always opens one
    assert result.attribution["overlay"] >= -bought.sum() - 1e-12
    assert (own.loc[own["value"] > 0.0, "weight_after"] <= 0.1).all()
    assert (own["cost"] <= own["value"].abs() + 1e-15).all()
    for state, stance in zip(result.states, result.stances, strict=True):
        for sleeve in stance.sleeves:
            if sleeve.name == "overlay" and sleeve.weight and not state.weight(sleeve.instrument.ticker):
                bear = sum(
                    each.weight * abs(each.instrument.multiple) for each in stance.sleeves if each.name == "bear"
                )
                assert sleeve.weight * max(sleeve.instrument.multiple, 1.0) <= min(0.25 * bear, 0.1) + 1e-12


def test_neither_exposure_nor_premium_exceeds_the_share() -> None:
    policy = read(SPREAD.replace("skew = 0.0", "skew = 0.0\nlong_strike = 0.7\nshort_strike = 0.8"))
    state = State(
        decided_at=pd.Timestamp("2018-02-20T21:00Z"),
        forecasts={"up": Forecast(0.6, 0.5, 0.7, 0.6)},
        factors={VIX: 20.0},
        closes={"IWM": 91.0},
    )
    assert policy._spread(state).multiple < 1.0  # deep in the money the price is all premium and no delta
    x = policy.inputs(state, policy._spread(state))
    assert x.overlay_multiple == policy._spread(state).multiple


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('underlying = "IWM"', 'underlying = "QQQ"', r"mine.toml:\d+ \(overlay.*on the Bull's fund IWM, not on QQQ"),
        ("skew = 0.0", "long_strike = 1.1", r"mine.toml:\d+ \(overlay.call_spread.*a short strike above the long one"),
        ("skew = 0.0", "skew = -2.0", r"mine.toml:\d+ \(overlay.call_spread.skew"),
        ("skew = 0.0", "strike = 1.0", r"mine.toml:\d+ \(overlay.call_spread.strike"),
    ],
)
def test_an_impossible_spread_is_refused_with_file_and_line(old: str, new: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        read(SPREAD.replace(old, new))


def test_the_factor_of_its_volatility_is_needed_only_by_it() -> None:
    assert read().needs.factors == NAMES
    assert VIX not in read(SHARES).needs.factors
    assert VIX not in read(SPREAD.replace("sessions = 8", "sessions = 8\nenabled = false")).needs.factors
    with pytest.raises(DefinitionError, match="needs the factor agents_implied"):
        load_policy(tomllib.loads(SPREAD), factors=NAMES[:-1])


def test_the_commented_table_of_the_packaged_definition_reads(case) -> None:
    text = (Path(__file__).parents[3] / "models" / "policies" / "two_agents_bear.toml").read_text()
    lines = text.splitlines()
    start = lines.index("# [overlay.call_spread]")
    stop = next(place for place in range(start, len(lines)) if not lines[place].startswith("#"))
    lines[start:stop] = [line.removeprefix("# ") for line in lines[start:stop]]
    table = tomllib.loads("\n".join(lines))
    policy = load_policy({key: table[key] for key in table if key not in ("name", "intent", "features")}, factors=NAMES)
    assert isinstance(policy, TwoAgents)
    assert policy.overlay.call_spread == CallSpreadTerms(underlying="IWM", volatility=VIX)


def test_a_sweep_refuses_it_in_one_line(case) -> None:
    made, policy = case(DAYS), read()
    prepared = replay(made.predictions, made.view, [policy], factors=made.factors)
    with pytest.raises(InputError, match=r"^policy: .*the overlay is a call spread, which expires.*backtest") as bad:
        prepared.run(policy)
    assert "\n" not in str(bad.value)
