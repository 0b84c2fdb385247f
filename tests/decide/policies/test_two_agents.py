"""The two agents as a policy: definitions, the words of a decision, and an account with stops, gaps and splits."""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.decide import backtest
from bullbear.decide.advice import advise, forecasts_by_close
from bullbear.decide.agents.trend import BREAKDOWN
from bullbear.decide.policies.two_agents import FACTORS, AgentsMemory, TwoAgents
from bullbear.decide.policy import POLICIES, Forecast, Slot, State, load_policy, read_policy
from bullbear.definitions import Source
from bullbear.definitions.questions import read_questions
from bullbear.errors import DefinitionError
from bullbear.sessions import between, closes

NAMES = ("agents_support", "agents_channel", *FACTORS.values())
FOLDER = Path(__file__).parents[3] / "models" / "policies"
LINE = """kind = "two_agents"

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
bear_atr = 2.0
"""


def read(text: str) -> TwoAgents:
    return POLICIES.read({**tomllib.loads(text), "kind": "two_agents"}, Source(Path("policies/mine.toml"), text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[bear]\nexposure = 0.5\nshares = [0.4, 0.4, 1.0]", r"mine.toml:3 \(bear.shares.*rise from tier to tier"),
        ("[bear]\nshares = [0.4, 0.7, 0.9]", r"mine.toml:2 \(bear.shares.*last tier is the whole size"),
        ("[bear]\nrebounds = [0.6, 0.3]", r"mine.toml:2 \(bear.rebounds.*rise from tier to tier"),
        ("[bear]\nshares = [0.4, 1.0]", r"mine.toml:2 \(bear.shares\): got \[0.4, 1.0\]; allowed: a longer list"),
        ("[bear]\nrebounds = [0.3, 0.6, 0.9]", r"mine.toml:2 \(bear.rebounds.*a list of at most 2"),
        ("[bear]\ninstruments = ['RWM', 'QID']", r"mine.toml:1 \(bear\).*fund IWM, but QID is one of QQQ"),
        ("[bull]\ninstrument = 'SPY'\n[bear]\nband = 0.02", r"mine.toml:3 \(bear\).*fund SPY, but RWM is one of IWM"),
        ("[bear]\nmax_weight = 0.3\nband = 0.3", r"mine.toml:3 \(bear.band.*below max_weight 0.3: no change"),
        ("[overlay]\nmax_weight = 0.1\nband = 0.2", r"mine.toml:3 \(overlay.band.*below max_weight 0.1: no change"),
        ("[bear]\ninstruments = []", r"mine.toml:2 \(bear.instruments"),
        ("[bear]\ninstruments = ['RWM', 'RWM']", r"mine.toml:2 \(bear.instruments.*different funds"),
        ("[bear]\ninstruments = ['RWM', 'UWM']", r"mine.toml:2 \(bear.instruments.*negative multiple"),
        ("[bull]\ninstrument = 'TWM'", r"mine.toml:2 \(bull.instrument.*positive multiple"),
        ("[bear]\nexposure = 0.7\nmax_exposure = 0.6", r"mine.toml:3 \(bear.max_exposure.*from exposure 0.7 on"),
        ("[bear]\ninstruments = ['RWM']\nmax_weight = 0.2", r"mine.toml:3 \(bear.max_weight.*this one gives 0.2"),
        ("[bear]\nactivate = 0.9\ndeactivate = 1.0", r"mine.toml:3 \(bear.deactivate.*up to activate"),
        ("[bear]\nenabled = false\n[overlay]\nenabled = true", r"mine.toml:3 \(overlay.*share of the hedge"),
        ("[trend]\nbreach_atr = 0.5\nnear_atr = 0.2", r"mine.toml:3 \(trend.near_atr.*from breach_atr 0.5 on"),
        ("[trend]\nconfirm_atr = 0.5", r"mine.toml:2 \(trend.confirm_atr.*above breach_atr"),
        ("[reversal]\nrecovered = 32.0", r"mine.toml:2 \(reversal.recovered.*above oversold"),
        (
            "[reversal]\npause_sessions = 9\ncalm_sessions = 5",
            r"mine.toml:3 \(reversal.calm_sessions.*from pause_sessions",
        ),
        ("[bull]\nband = 1.0", r"mine.toml:2 \(bull.band"),
        ("[bull]\nmax_weight = 0.3\nband = 0.4", r"mine.toml:3 \(bull.band.*below max_weight"),
        ("[bull]\nmax_weight = 1.5", r"mine.toml:2 \(bull.max_weight"),
        ("[outlook]\nvolatility = { vol30 = 0.3, vol20 = 0.2 }", r"mine.toml:2 \(outlook.volatility.*lower one first"),
        ("[stops]\nnarrowest = 1.2", r"mine.toml:2 \(stops.narrowest"),
        ("[trend]\nbreech_atr = 1.0", r"mine.toml:2 \(trend.breech_atr.*breach_atr"),
    ],
)
def test_an_impossible_definition_is_refused_with_file_and_line(text: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        read(text.replace("'", '"'))


@pytest.mark.parametrize("name", ["two_agents", "two_agents_bear"])
def test_the_packaged_definitions(name: str) -> None:
    table = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    assert table["features"] == ["agents"]
    policy = load_policy({key: table[key] for key in table if key not in ("name", "intent", "features")}, factors=NAMES)
    assert isinstance(policy, TwoAgents)
    assert read_policy(json.loads(policy.model_dump_json())) == policy
    assert policy.bear.enabled == policy.overlay.enabled == (name == "two_agents_bear")
    assert policy.needs.factors == NAMES


def test_only_the_questions_that_are_read_are_asked_for() -> None:
    assert TwoAgents().needs.optional == ("dip8", "vol20", "vol30")
    assert read("[bear]\nenabled = false").needs.optional == ("vol20", "vol30")
    assert read('[bear]\nenabled = false\n[bull]\nrule = "constant"').needs.optional == ()
    assert read("forecast = false").needs.optional == ()


def test_a_definition_without_a_bear_has_no_overlay() -> None:
    policy = read("[bear]\nenabled = false")
    assert not policy.overlay.enabled
    assert policy.needs.funds == ("IWM",)


@pytest.mark.parametrize(
    ("outlook", "message"),
    [
        ("volatility = { vol20 = 0.30, vol30 = 0.40 }", r"\(outlook.volatility\): got .vol20, .*threshold 0.3"),
        ("volatility = { fall5 = 0.20, vol30 = 0.30 }", r"\(outlook.volatility\): got .fall5, .*kind volatility"),
        ("dip = 'rally5'", r"\(outlook.dip\): got .rally5, .*kind dip"),
    ],
)
def test_a_question_that_asks_something_else_than_the_policy_reads_is_refused(outlook: str, message: str) -> None:
    text = f"[outlook]\n{outlook}\n"
    table, source = {**tomllib.loads(text), "kind": "two_agents"}, Source(Path("policies/mine.toml"), text)
    questions = read_questions(FOLDER.parent / "questions.toml")
    with pytest.raises(DefinitionError, match=r"mine.toml:2 " + message):
        load_policy(table, source, below=(), factors=NAMES, known=questions)


def test_parts_are_switched_off_one_at_a_time() -> None:
    whole = TwoAgents()
    parts = whole.without()
    assert list(parts) == ["forecast", "sizing", "tiers", "stops", "overlay", "bear"]
    assert not parts["forecast"].forecast
    assert (parts["sizing"].bull.rule, parts["sizing"].bear.sizing) == ("constant", False)
    assert (parts["tiers"].bear.tiers, parts["stops"].stops.enabled) == (False, False)
    assert (parts["overlay"].overlay.enabled, parts["overlay"].bear.enabled) == (False, True)
    assert (parts["bear"].overlay.enabled, parts["bear"].bear.enabled) == (False, False)
    assert all(part.rules != whole.rules for part in parts.values())
    assert list(parts["bear"].without()) == ["forecast", "sizing"]


CALM = State(
    decided_at=pd.Timestamp("2019-12-02T21:00Z"),
    forecasts={"up": Forecast(0.6, 0.5, 0.7, 0.6)},
    factors=dict.fromkeys(NAMES, math.nan),
    volatility=0.20,
    closes={"IWM": 102.0, "TWM": 50.0},
    atrs={"IWM": 2.0, "TWM": 2.0},
    units={"IWM": 1.5, "TWM": 2.0},
)


def on(day: str, price: float, support: float, **changes) -> State:
    factors = {**CALM.factors, "agents_support": support / price - 1.0}
    prices = {"IWM": price, "TWM": 50.0 + (102.0 - price)}
    at = pd.Timestamp(f"{day}T21:00Z")
    return dataclasses.replace(CALM, decided_at=at, factors=factors, closes=prices, **changes)


def test_a_decision_in_words() -> None:
    policy, memory = read(LINE), TwoAgents().recall({})
    stance, memory = policy.decide(on("2019-12-02", 102.0, 100.0), memory)
    assert (stance.trend.name, stance.trend.since, stance.trend.changed) == ("testing support", date(2019, 12, 2), True)
    assert stance.trend.reason == "the close is 1.0 ATRs above the support 150.00"
    # One ATR is 2.00 of total return and 3.00 of the day: half of one below 150.00.
    assert [each.sentence for each in stance.triggers] == [
        "The Bear opens tier 1 of its hedge on the second close of IWM in a row below 148.50"
    ]
    stance, memory = policy.decide(on("2019-12-03", 98.5, 90.0), memory)
    assert (stance.trend.since, stance.trend.changed) == (date(2019, 12, 2), False)
    assert [each.sentence for each in stance.triggers] == [
        "The Bear opens tier 1 of its hedge on a close of IWM below 148.50"
    ]
    stance, memory = policy.decide(on("2019-12-04", 97.0, 90.0), memory)
    assert (stance.trend.name, stance.trend.since) == ("breakdown", date(2019, 12, 4))
    bull, overlay, bear = stance.sleeves
    # 0.6 * g * share / 2, g the Bull's target over the volatility: 0.15 / 0.20 by default.
    assert (bear.tier, bear.weight) == (1, pytest.approx(0.6 * 0.75 * 0.4 / 2.0))
    assert (bear.stop, bear.stops[0].level, bear.stops[0].resting) == (55.0 - 2.0 * 2.0, 2.0 * 51.0, True)
    assert bear.reasons[0] == (
        "tier 1 of 3 opens: 9.0 % of equity, which hedges 18.0 %; all tiers together would hedge 45.0 %, which is "
        "60 % x 1.00 for the depth of the break x 0.75 for volatility x 1.00 for the outlook"
    )
    assert (overlay.weight, overlay.reasons) == (0.0, ("no overlay",))
    assert bull.weight == pytest.approx(0.375)
    assert bull.reasons == (
        "a volatility of 20.0 % a year against a target of 15 % makes 75.0 % of equity; trend breakdown: cut to 37.5 %",
        "0.0 % is held: to be brought to 37.5 %",
    )
    assert stance.positions == {
        "IWM": pytest.approx(0.375),
        "TWM": pytest.approx(0.09),
        "CASH": pytest.approx(0.535),
    }
    # Low 97, broken level 100: tier 2 opens an ATR above the low, and the exit waits half an ATR above the level.
    assert [each.sentence for each in stance.triggers] == [
        "The Bear opens tier 2 of its hedge on a close of IWM above 148.50, unless one below 145.50 comes first",
        "The Bear sells on the second close of IWM in a row above 151.50",
        "The Bear is stopped out when TWM trades at or below 102.00",
    ]
    document = json.loads(json.dumps(stance.to_json(), allow_nan=False))
    assert document["trend"]["name"] == "breakdown"
    assert document["agents"]["bear"]["tier"] == 1


def test_a_memory_survives_json_another_level_of_prices_and_another_definition() -> None:
    policy, memory = read(LINE), TwoAgents().recall({})
    for day, price in (("2019-12-02", 102.0), ("2019-12-03", 98.5), ("2019-12-04", 97.0)):
        _, memory = policy.decide(on(day, price, 100.0 if price > 100.0 else 90.0), memory)
    again = policy.recall(json.loads(json.dumps(memory.to_json(), allow_nan=False)))
    assert repr(again) == repr(memory)
    moved = memory.rescaled({"IWM": 2.0, "TWM": 0.25})
    assert (moved.memory.trend.decline.broken, moved.memory.trend.level) == (200.0, 180.0)
    assert (moved.memory.bear.stop, moved.memory.bear.peak) == (51.0 / 4.0, 55.0 / 4.0)
    assert moved.memory.trend.note.x == 2.0 * memory.memory.trend.note.x
    assert moved.memory.trend.note.y == memory.memory.trend.note.y
    other = read(LINE.replace('["TWM"]', '["RWM", "TWM"]').replace("exposure = 0.6", "exposure = 0.3"))
    assert other.recall(memory.to_json()).memory.bear.fund == 2
    gone = read(LINE.replace('["TWM"]', '["RWM"]').replace("exposure = 0.6", "exposure = 0.3")).recall(memory.to_json())
    assert (gone.fund, gone.memory.bear.tier, gone.memory.trend.state) == ("", 0, BREAKDOWN)
    elsewhere = read(LINE.replace("[bull]", '[bull]\ninstrument = "SPY"').replace('["TWM"]', '["SDS"]'))
    assert elsewhere.recall(memory.to_json()) == AgentsMemory(TwoAgents().recall({}).memory, "", "SPY")
    with pytest.raises(ValueError, match="Memory with nothing"):
        policy.recall({**memory.to_json(), "memory": {}})


# ---- an account: thirty quiet sessions for volatility and ATR, then the days of a scenario ----

QUIET = 30


def account(view, bars, predictions, days: list[tuple[float, float, float, float, float, float]], split: float = 1.0):
    """A view and what backtests need; a day is (IWM open, IWM close, support, TWM open, TWM low, TWM close)."""
    *sessions, after = between("2018-01-02", "2018-12-31")[: QUIET + len(days) + 1]
    sessions = pd.DatetimeIndex(sessions)
    iwm, twm, factors = [], [], []
    for place, session in enumerate(sessions):
        quiet = 102.0 + 0.5 * (place % 2), 102.0 + 0.5 * (1 - place % 2), 100.0, 50.0, 49.5, 50.0
        opened, close, support, fund_open, fund_low, fund_close = quiet if place < QUIET else days[place - QUIET]
        name = str(session.date())
        iwm.append((name, opened, max(opened, close) + 0.75, min(opened, close) - 0.75, close, close))
        high = max(fund_open, fund_close) + 0.5
        twm.append((name, fund_open * split, high * split, fund_low * split, fund_close * split, fund_close))
        factors.append(support / close - 1.0)
    view.prices |= {"IWM": bars(iwm), "TWM": bars(twm)}
    frame = pd.DataFrame({name: math.nan for name in NAMES}, index=sessions.rename("event_date"))
    frame["agents_support"] = factors
    given = predictions({str(day.date()): 0.6 for day in sessions[QUIET - 1 :]}, str(after.date()))
    return view, frame, given


FALL = [
    (102.0, 98.0, 90.0, 51.0, 50.5, 54.0),
    (98.0, 97.0, 90.0, 54.0, 53.5, 55.0),  # two closes below 99: the break
    (97.0, 95.0, 90.0, 55.0, 54.5, 57.0),  # TWM bought at 55
]
GAP = [(99.0, 99.5, 90.0, 48.0, 47.0, 48.5), (99.5, 99.0, 90.0, 48.5, 48.0, 49.0)]
TOUCH = [(95.0, 96.0, 90.0, 56.5, 50.0, 56.0), (96.0, 95.5, 90.0, 56.0, 55.5, 56.5)]


def test_a_gap_through_the_stop_fills_at_the_open(view, bars, predictions) -> None:
    view, factors, given = account(view, bars, predictions, [*FALL, *GAP])
    result = backtest(given, view, read(LINE), factors=factors)
    hedge = result.trades[result.trades["ticker"] == "TWM"]
    assert hedge["why"].to_list() == ["order", "stop"]
    assert hedge["price"].to_list() == pytest.approx(
        [55.0, 48.0], rel=1e-7
    )  # the stop stood above 48, and the open was the best there was
    assert [stance.tier for stance in result.stances[-4:]] == [1, 1, 0, 0]
    reasons = [each.reasons[0] for each in result.stances[-2].sleeves if each.agent == "bear"]
    assert reasons[0].startswith("the stop at 5")


def test_a_stop_touched_within_the_session_fills_at_its_level(view, bars, predictions) -> None:
    view, factors, given = account(view, bars, predictions, [*FALL, *TOUCH])
    result = backtest(given, view, read(LINE), factors=factors)
    hedge = result.trades[result.trades["ticker"] == "TWM"]
    stop = next(each for each in result.stances[-3].stops if each.ticker == "TWM")
    assert hedge["why"].to_list() == ["order", "stop"]
    assert 50.0 < stop.level < 56.0
    assert hedge["price"].to_list()[1] == pytest.approx(stop.level)


@pytest.mark.parametrize("after", [GAP, TOUCH])
def test_a_split_of_the_fund_while_it_is_held_changes_nothing(view, bars, predictions, after) -> None:
    policy = read(LINE)
    view, factors, given = account(view, bars, predictions, [*FALL, *after])
    straight = backtest(given, view, policy, factors=factors)
    # From the fourth day on the store serves all prices after a reverse split of 1 for 4.
    early, late = dict(view.prices), account(view, bars, predictions, [*FALL, *after], split=4.0)[0]
    late.prices["TWM"]["adj_close"] *= 4.0
    late.prices["TWM"]["volume"] /= 4.0
    book = None
    for place, (at, forecasts) in enumerate(forecasts_by_close(given).items()):
        session = at.tz_convert("America/New_York").tz_localize(None).normalize()
        seen = type(view)(early, view.values) if place < 4 else late
        advice = advise(seen.until(session), policy, at, forecasts, before=book, factors=factors.loc[:session])
        book = advice.book
    assert book is not None
    assert book.equity == pytest.approx(straight.book.equity, rel=1e-12)
    assert advice.stance.positions == pytest.approx(straight.stances[-1].positions, rel=1e-9)


def test_an_evening_decides_as_the_backtest_does_to_the_last_bit(view, bars, predictions) -> None:
    policy = read(LINE)
    view, factors, given = account(view, bars, predictions, [*FALL, *TOUCH, *GAP])
    result = backtest(given, view, policy, factors=factors)
    book = None
    for place, (at, forecasts) in enumerate(forecasts_by_close(given).items()):
        session = at.tz_convert("America/New_York").tz_localize(None).normalize()
        advice = advise(view.until(session), policy, at, forecasts, before=book, factors=factors.loc[:session])
        book = type(advice.book).from_json(json.loads(json.dumps(advice.book.to_json())))
        assert advice.stance == result.stances[place]
        assert book.to_json() == result.books[place].to_json()


def test_profits_costs_and_equity_agree(view, bars, predictions) -> None:
    view, factors, given = account(view, bars, predictions, [*FALL, *TOUCH, *GAP])
    result = backtest(given, view, read(LINE), factors=factors)
    change = np.diff(result.equity.to_numpy(), prepend=1.0)
    assert result.account.bookings.sum(axis=1).to_numpy() == pytest.approx(change, abs=1e-12)
    assert result.positions.sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert (result.positions >= -1e-12).all(axis=None)


def test_a_session_without_a_bar_of_the_fund_keeps_what_is_held(view, bars, predictions) -> None:
    view, factors, given = account(view, bars, predictions, [*FALL, (95.0, 94.0, 90.0, 57.0, 56.5, 58.0)])
    last = view.prices["TWM"].index[-1]
    view.prices["TWM"] = view.prices["TWM"].drop(last)
    result = backtest(given, view, read(LINE), factors=factors)
    bear = next(each for each in result.stances[-1].sleeves if each.agent == "bear")
    held = result.states[-1].held[Slot("TWM", "bear", "bear")]
    assert (bear.weight, bear.tier) == (held, 1)
    assert bear.reasons[0] == f"the fund has no price on this day: {held:.1%} stays held".replace("%", " %")


def test_no_inverse_fund_at_all_leaves_cash(view, bars, predictions) -> None:
    view, factors, given = account(view, bars, predictions, FALL)
    del view.prices["TWM"]
    stance = backtest(given, view, read(LINE), factors=factors).stances[-1]
    bear = next(each for each in stance.sleeves if each.agent == "bear")
    assert (bear.weight, bear.priced) == (0.0, False)
    assert bear.reasons == ("no inverse fund has a price on this day: cash instead",)
    assert stance.trend.name == "breakdown"


def test_closes_are_those_of_the_calendar(view, bars, predictions) -> None:
    view, factors, given = account(view, bars, predictions, FALL)
    result = backtest(given, view, read(LINE), factors=factors)
    assert [each.decided_at for each in result.stances] == list(closes(factors.index[QUIET - 1 :]))


@pytest.mark.parametrize("name", ["two_agents", "two_agents_bear"])
def test_a_bear_that_is_switched_off_says_so(name: str) -> None:
    table = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    policy = load_policy({key: table[key] for key in table if key not in ("name", "intent", "features")}, factors=NAMES)
    off = {"bear": "it is switched off: [bear] of the policy has enabled = false"}
    assert policy.idle() == (off if name == "two_agents" else {})
