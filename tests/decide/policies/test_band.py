from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bullbear.decide.policies.band import BandMemory, BandPolicy, Level, Tier
from bullbear.decide.policy import Forecast, Sleeve, Slot, Stance, State, load_policy
from bullbear.definitions import Source
from bullbear.errors import DefinitionError, InputError

CALM = State(
    decided_at=pd.Timestamp("2019-12-30T21:00Z"),
    forecasts={"up": Forecast(0.62, 0.5, 0.7, 0.6)},
    volatility=0.10,
    closes={"IWM": 160.0, "TWM": 13.0},
    atrs={"IWM": 2.0, "TWM": 0.3},
)
AGENTS = {"IWM": "bull", "UWM": "bull", "TWM": "bear", "SRTY": "bear", "TZA": "bear"}
POLICY = BandPolicy()


def state(*, weights=None, levels=None, **changes) -> tuple[State, BandMemory]:
    """What the policy sees and remembers; `p_up` and the like change the forecast."""
    forecast = {name.removesuffix("_up"): changes.pop(name) for name in FORECAST if name in changes}
    held = {Slot(t, AGENTS[t], AGENTS[t]): weight for t, weight in (weights or {}).items()}
    forecasts = {"up": dataclasses.replace(CALM.forecasts["up"], **forecast)}
    return dataclasses.replace(CALM, forecasts=forecasts, held=held, **changes), BandMemory(levels or {})


FORECAST = ("p_up", "p_low", "p_high", "climatology")


@dataclasses.dataclass(frozen=True)
class Decided:
    stance: Stance
    memory: BandMemory

    def __getattr__(self, name):
        return getattr(self.stance, name)

    @property
    def bull(self) -> Sleeve:
        return self.stance.sleeves[0]

    @property
    def bear(self) -> Sleeve:
        return self.stance.sleeves[1]

    @property
    def levels(self):
        return self.memory.levels


def decide(policy: BandPolicy, case: tuple[State, BandMemory]) -> Decided:
    return Decided(*policy.decide(*case))


@pytest.mark.parametrize(
    ("scenario", "changes", "iwm", "twm", "tier"),
    [
        ("sideways, forecast at the base rate: neutral", {"p_up": 0.55}, 0.6, 0.0, 0),
        ("exactly on bull_above is Bull", {"p_up": 0.60}, 1.0, 0.0, 0),
        ("a hair under bull_above is neutral", {"p_up": math.nextafter(0.60, 0)}, 0.6, 0.0, 0),
        ("exactly on bear_below is Bear, half", {"p_up": 0.45}, 0.0, 0.15, 1),
        ("a hair above bear_below is neutral", {"p_up": math.nextafter(0.45, 1)}, 0.6, 0.0, 0),
        ("exactly one step deeper: the whole Bear", {"p_up": 0.45 - 0.05}, 0.0, 0.30, 2),
        ("crash: low p, volatility 0.80 cuts TWM to 0.20 / 1.60", {"p_up": 0.30, "volatility": 0.8}, 0.0, 0.125, 2),
        ("rebound: high p while volatility is still 0.50", {"p_up": 0.70, "volatility": 0.5}, 0.4, 0.0, 0),
        ("the cap binds exactly at 0.20", {"volatility": 0.20}, 1.0, 0.0, 0),
        ("the cap leaves a small neutral weight alone", {"p_up": 0.5, "volatility": 0.33}, 0.6, 0.0, 0),
        ("no volatility at all: no cap", {"volatility": 0.0}, 1.0, 0.0, 0),
        ("p at its ends", {"p_up": 1.0}, 1.0, 0.0, 0),
        ("p at its other end", {"p_up": 0.0}, 0.0, 0.30, 2),
        ("TWM not yet listed: the Bear is cash", {"p_up": 0.30, "closes": {"IWM": 70.0}}, 0.0, 0.0, 2),
        ("a change of 0.04 is not traded", {"p_up": 0.55, "weights": {"IWM": 0.64}}, 0.64, 0.0, 0),
        ("a change of 0.06 is", {"p_up": 0.55, "weights": {"IWM": 0.66}}, 0.6, 0.0, 0),
        ("a small rest is sold all the same", {"p_up": 0.30, "weights": {"IWM": 0.01}}, 0.0, 0.30, 2),
        (
            "stopped: a close below the level",
            {"weights": {"IWM": 1.0}, "levels": {"IWM": Level("exit", 160.01)}},
            0.0,
            0.0,
            0,
        ),
        (
            "a close on the level is not below it",
            {"weights": {"IWM": 1.0}, "levels": {"IWM": Level("exit", 160.0)}},
            1.0,
            0.0,
            0,
        ),
        ("still out: below the re-entry level", {"levels": {"IWM": Level("reentry", 161.0)}}, 0.0, 0.0, 0),
        ("back in: a close on the re-entry level", {"levels": {"IWM": Level("reentry", 160.0)}}, 1.0, 0.0, 0),
        (
            "a held fund without a price today stays held",
            {"p_up": 0.30, "closes": {"IWM": 160.0}, "weights": {"TWM": 0.2}},
            0.0,
            0.2,
            2,
        ),
        (
            "the new leg gives way to one that cannot be sold",
            {"p_up": 0.70, "closes": {"IWM": 160.0}, "weights": {"TWM": 0.25}},
            0.75,
            0.25,
            0,
        ),
    ],
)
def test_scenarios(scenario, changes, iwm, twm, tier):
    stance = decide(POLICY, state(**changes))
    assert stance.positions == pytest.approx({"IWM": iwm, "TWM": twm, "CASH": 1 - iwm - twm}, abs=1e-12), scenario
    assert (stance.bull.weight, stance.bear.weight) == (stance.positions["IWM"], stance.positions["TWM"])
    assert stance.tier == Tier(tier)


def test_the_stop_stands_three_atrs_below_and_only_rises_while_held():
    entry = decide(POLICY, state())
    assert [(s.ticker, s.level, s.atr, s.multiple, s.side) for s in entry.stops] == [("IWM", 154.0, 2.0, 3.0, "exit")]
    held = {"weights": {"IWM": 1.0}, "levels": {"IWM": Level("exit", 154.0)}}
    assert decide(POLICY, state(**held)).stops[0].level == 154.0
    risen = state(closes={"IWM": 170.0, "TWM": 12.0}, **held)
    assert decide(POLICY, risen).stops[0].level == 164.0
    fallen = state(closes={"IWM": 155.0, "TWM": 14.0}, **held)
    assert decide(POLICY, fallen).stops[0].level == 154.0


def test_a_stopped_leg_publishes_a_re_entry_level_three_atrs_above_the_lowest_close_since():
    held = {"weights": {"IWM": 1.0}, "levels": {"IWM": Level("exit", 154.0)}}
    out = decide(POLICY, state(closes={"IWM": 153.0, "TWM": 14.0}, **held))
    assert (out.positions["IWM"], out.stops, out.levels) == (0.0, (), {"IWM": Level("reentry", 159.0, 154.0)})
    assert [(s.ticker, s.level, s.atr, s.multiple, s.side) for s in out.reentries] == [
        ("IWM", 159.0, 2.0, 3.0, "reentry")
    ]
    reason = "IWM closed at 153.00, below the stop 154.00: out until a close at 159.00 or above"
    assert reason in out.bull.reasons
    # The old exit level is regained at 155, which is no reason to come back.
    regained = decide(POLICY, state(closes={"IWM": 155.0, "TWM": 14.0}, levels=out.levels))
    assert (regained.positions["IWM"], regained.reentries[0].level) == (0.0, 159.0)
    assert "IWM closed at 155.00: out until a close at 159.00 or above" in regained.bull.reasons
    lower = decide(POLICY, state(closes={"IWM": 140.0, "TWM": 15.0}, levels=regained.levels))
    assert lower.reentries[0].level == 146.0
    wilder = decide(POLICY, state(closes={"IWM": 141.0}, atrs={"IWM": 4.0}, levels=lower.levels))
    assert wilder.reentries[0].level == 146.0  # it never rises, not with the ATR either
    back = decide(POLICY, state(closes={"IWM": 146.0, "TWM": 15.0}, levels=wilder.levels))
    assert (back.positions["IWM"], back.levels, back.reentries) == (1.0, {"IWM": Level("exit", 140.0)}, ())


@pytest.mark.parametrize(
    ("close", "level"),
    [
        (153.9, 159.9),  # just below the stop: 3 ATRs above the low
        (148.5, 154.5),
        (148.0, 154.0),  # the level that sold it
        (140.5, 154.0),
        (140.0, 154.0),
        (139.0, 153.0),  # 7 ATRs above the low
        (120.0, 134.0),
    ],
)
def test_the_re_entry_level_depends_on_how_far_the_price_has_fallen_since(close, level):
    policy = BandPolicy(stop_atr_multiple=7.0)
    at = {"closes": {"IWM": close, "TWM": 14.0}}
    sold = decide(policy, state(weights={"IWM": 1.0}, levels={"IWM": Level("exit", 154.0)}, **at))
    found = sold.levels["IWM"]
    assert (found.side, found.level, found.sold_below) == ("reentry", pytest.approx(level), 154.0)
    # Reached in two steps it is the same, and a bounce on the way changes nothing.
    first = decide(
        policy, state(weights={"IWM": 1.0}, levels={"IWM": Level("exit", 154.0)}, closes={"IWM": 153.95, "TWM": 14.0})
    )
    second = decide(policy, state(levels=first.levels, **at))
    bounced = decide(policy, state(levels=second.levels, closes={"IWM": close + 1.0, "TWM": 14.0}))
    assert bounced.levels == second.levels == sold.levels


def test_the_re_entry_distance_is_a_key_of_its_own():
    policy = BandPolicy(stop_atr_multiple=7.0, reentry_atr_multiple=2.0)
    out = decide(policy, state(weights={"IWM": 1.0}, levels={"IWM": Level("exit", 161.0)}))
    assert [(s.level, s.multiple) for s in out.reentries] == [(164.0, 2.0)]


@pytest.mark.parametrize("held", [0.0, 1.0])
def test_a_level_outlives_a_day_without_a_price(held):
    for level in (Level("reentry", 161.0), Level("exit", 150.0)):
        stance = decide(POLICY, state(closes={"TWM": 13.0}, weights={"IWM": held}, levels={"IWM": level}))
        assert stance.levels == {"IWM": level}
    assert decide(POLICY, state(closes={}, weights={"IWM": held}, levels={"IWM": level}, atrs={})).levels == {}


def test_levels_are_shown_in_the_prices_of_the_day():
    stance = decide(POLICY, state(units={"IWM": 0.5}))
    assert stance.levels == {"IWM": Level("exit", 154.0)}
    assert [(s.level, s.atr) for s in stance.stops] == [(77.0, 1.0)]
    out = decide(POLICY, state(units={"IWM": 0.5}, weights={"IWM": 1.0}, levels={"IWM": Level("exit", 161.0)}))
    reason = "IWM closed at 80.00, below the stop 80.50: out until a close at 83.00 or above"
    assert reason in out.bull.reasons
    assert out.reentries[0].level == 83.0


def test_a_fund_of_another_policy_is_sold():
    stance = decide(POLICY, state(weights={"UWM": 0.4, "SRTY": 0.1, "TZA": 0.0}, p_up=0.55))
    assert stance.positions == pytest.approx({"IWM": 0.6, "TWM": 0.0, "SRTY": 0.0, "UWM": 0.0, "CASH": 0.4})
    assert "UWM is no fund of this policy: 40.0 % is sold" in stance.bull.reasons
    assert "SRTY is no fund of this policy: 10.0 % is sold" in stance.bear.reasons


def test_weights_that_sum_to_more_than_one_are_brought_back_and_not_refused():
    both = {"closes": {}, "weights": {"IWM": 0.9, "TWM": 0.4}}
    assert decide(POLICY, state(p_up=0.7, **both)).positions == pytest.approx({"IWM": 0.6, "TWM": 0.4, "CASH": 0.0})
    assert decide(POLICY, state(p_up=0.3, **both)).positions == pytest.approx({"IWM": 0.9, "TWM": 0.1, "CASH": 0.0})
    alone = decide(POLICY, state(p_up=0.3, closes={}, weights={"IWM": 1.2}))
    assert alone.positions == {"IWM": 1.0, "TWM": 0.0, "CASH": 0.0}
    alone = decide(POLICY, state(p_up=0.7, closes={}, weights={"TWM": 1.2}))
    assert alone.positions == {"IWM": 0.0, "TWM": 1.0, "CASH": 0.0}


def test_weights_that_miss_one_by_rounding_leave_no_negative_cash():
    over = {"closes": {}, "weights": {"IWM": 0.75, "TWM": 0.25 + 5e-10}}
    assert decide(POLICY, state(p_up=0.7, **over)).positions == {"IWM": 0.75, "TWM": 0.25 + 5e-10, "CASH": 0.0}


@pytest.mark.parametrize(
    ("held", "weight"),
    [(0.5, 0.5625), (0.500001, 0.500001), (0.625, 0.5625), (0.624999, 0.624999), (0.5625, 0.5625)],
)
def test_a_change_of_just_the_threshold_is_traded_and_a_smaller_one_is_not(held, weight):
    policy = BandPolicy(neutral_weight=0.5625, rebalance_threshold=0.0625)  # exact in binary
    stance = decide(policy, state(p_up=0.5, weights={"IWM": held}))
    assert stance.positions["IWM"] == weight
    assert any("no trade for less than 6 points" in reason for reason in stance.bull.reasons) == (weight != 0.5625)


def test_only_an_exit_level_under_a_held_position_ratchets():
    """An order that has not been filled yet holds nothing: the distance counts from the latest close."""
    waiting = decide(POLICY, state(levels={"IWM": Level("exit", 158.0)}))
    assert waiting.levels == {"IWM": Level("exit", 154.0)}
    unsold = decide(POLICY, state(weights={"IWM": 1.0}, levels={"IWM": Level("reentry", 159.0, 159.0)}))
    assert unsold.levels == {"IWM": Level("exit", 154.0)}


def test_a_weight_too_small_to_trade_has_no_stop():
    stance = decide(POLICY, state(volatility=5.0))  # 0.20 / 5 = 0.04, under the threshold of 0.05
    assert (stance.positions["IWM"], stance.stops, stance.levels) == (0.0, (), {})


def test_a_leg_that_the_band_does_not_want_has_no_stop():
    stance = decide(POLICY, state(p_up=0.3, levels={"IWM": Level("reentry", 200.0)}))
    assert list(stance.levels) == ["TWM"]
    assert [stop.ticker for stop in (*stance.stops, *stance.reentries)] == ["TWM"]


def test_a_multiple_of_zero_turns_stops_off_and_a_young_fund_has_none():
    assert decide(BandPolicy(stop_atr_multiple=0), state(levels={"IWM": Level("exit", 999.0)})).levels == {}
    young = decide(POLICY, state(p_up=0.3, atrs={"IWM": 2.0}))
    assert young.positions["TWM"] == 0.30
    assert young.stops == ()
    assert "TWM is too young for an ATR of 14 sessions: no stop" in young.bear.reasons


def test_what_was_not_possible_is_said():
    missing = decide(POLICY, state(p_up=0.3, closes={"IWM": 70.0}))
    assert missing.to_json()["agents"]["bear"]["instrument"] == "CASH"
    assert missing.bear.reasons[-1] == "TWM has no price on this day (listed 2007-01-23): cash instead"
    held = decide(POLICY, state(p_up=0.3, closes={"IWM": 70.0}, weights={"TWM": 0.2}))
    assert held.to_json()["agents"]["bear"]["instrument"] == "TWM"
    capped = decide(POLICY, state(volatility=0.5))
    assert capped.bull.reasons[0] == ("volatility 50.0 % a year, at most 20 % allowed: 100 % wanted, cut to 40.0 %")


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.5, 0.7, "the interval 50.0 % to 70.0 % contains the base rate 60.0 %: no evidence against it"),
        (0.6, 0.7, "the interval 60.0 % to 70.0 % contains the base rate 60.0 %: no evidence against it"),
        (0.5, 0.6, "the interval 50.0 % to 60.0 % contains the base rate 60.0 %: no evidence against it"),
        (0.61, 0.7, "the interval 61.0 % to 70.0 % does not contain the base rate 60.0 %"),
        (0.5, 0.59, "the interval 50.0 % to 59.0 % does not contain the base rate 60.0 %"),
        (math.nan, math.nan, "the base rate is 60.0 %; the forecast has no interval"),
    ],
)
def test_an_agent_that_acts_says_whether_the_forecast_differs_from_the_base_rate(low, high, said):
    stance = decide(POLICY, state(p_low=low, p_high=high))
    assert said in stance.bull.reasons
    assert said not in stance.bear.reasons
    assert said in decide(POLICY, state(p_up=0.42, p_low=low, p_high=high)).bear.reasons


@pytest.mark.parametrize("level", [("up", 1.0), ("exit", math.nan), ("reentry", 1.0, math.inf), ("exit", -1.0)])
def test_a_level_without_sense_is_refused(level):
    with pytest.raises(ValueError, match=r"is neither exit nor reentry|is no finite number from 0"):
        Level(*level)


def test_the_memory_survives_json_to_the_last_bit():
    memory = BandMemory({"IWM": Level("exit", 150.1), "TWM": Level("reentry", 0.4, 0.1 + 0.2)}, Tier.HALF)
    again = POLICY.recall(json.loads(json.dumps(memory.to_json())))
    assert again == memory
    assert again.tier is Tier.HALF
    assert POLICY.recall({}) == BandMemory()
    assert memory.rescaled({"IWM": 2.0}).levels == {
        "IWM": Level("exit", 300.2),
        "TWM": Level("reentry", 0.4, 0.1 + 0.2),
    }


def test_json_has_the_documented_shape():
    document = decide(POLICY, state(p_up=0.42)).to_json()
    assert list(document) == ["agents", "positions", "stops", "reentries", "triggers", "trend"]
    assert list(document["agents"]["bull"]) == ["weight", "instrument", "reasons", "sleeves"]
    assert list(document["agents"]["bear"]) == ["weight", "instrument", "tier", "reasons", "sleeves"]
    assert document["agents"]["bear"]["tier"] == 1
    assert document["positions"] == {"IWM": 0.0, "TWM": 0.15, "CASH": 0.85}
    (sleeve,) = document["agents"]["bear"]["sleeves"]
    assert sleeve["reasons"] == document["agents"]["bear"]["reasons"]
    assert {name: sleeve[name] for name in ("name", "ticker", "weight", "tier")} == {
        "name": "bear",
        "ticker": "TWM",
        "weight": 0.15,
        "tier": 1,
    }
    assert list(document["stops"][0]) == [
        "ticker", "level", "atr", "multiple", "side", "resting", "sleeve", "agent",
    ]  # fmt: skip
    assert (document["stops"][0]["sleeve"], document["stops"][0]["resting"]) == ("bear", False)
    assert document["reentries"] == []


def test_what_comes_next_is_said_in_prices_of_the_day_and_an_idle_bear_says_no_more_than_that():
    held = decide(POLICY, state(p_up=0.7))
    level = held.stance.stops[0].level
    assert [trigger.sentence for trigger in held.stance.triggers] == [
        f"The Bull sells on a close of IWM below {level:.2f}"
    ]
    assert held.bear.reasons == ("P(up) 70.0 % is above 45.0 %: no hedge",)
    out = decide(POLICY, state(levels={"IWM": Level("reentry", 161.0)}))
    assert [trigger.sentence for trigger in out.stance.triggers] == [
        "The Bull buys back on a close of IWM above 161.00"
    ]
    bear = decide(POLICY, state(p_up=0.42))
    assert bear.bull.reasons[0] == "P(up) 42.0 % is in the bear band, 45.0 % or less: no position"
    assert bear.bear.reasons[0] == "P(up) 42.0 % is at or below 45.0 %: tier 1 of 2, 15 % wanted"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"p_up": math.nan}, r"state\.up\.p: got nan; allowed: a probability"),
        ({"p_up": 1.01}, r"state\.up\.p: got 1\.01"),
        ({"climatology": math.nan}, r"state\.up\.climatology: got nan"),
        ({"p_low": -0.1}, r"state\.up\.p_low: got -0\.1"),
        ({"volatility": math.nan}, r"state\.volatility: got nan"),
        ({"volatility": math.inf}, r"state\.volatility: got inf"),
        ({"closes": {"IWM": math.nan}}, r"state\.closes\[IWM\]: got nan"),
        ({"units": {"IWM": math.inf}}, r"state\.units\[IWM\]: got inf"),
        ({"weights": {"IWM": -0.1}}, r"state\.held\[IWM\]: got -0\.1"),
        ({"weights": {"IWM": math.nan}}, r"state\.held\[IWM\]: got nan"),
    ],
)
def test_a_state_without_sense_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        decide(POLICY, state(**changes))


@given(
    p=st.floats(0, 1),
    volatility=st.floats(0, 3),
    close=st.floats(1, 1e6),
    level=st.floats(0, 1e6),
    bull=st.floats(0, 1),
    share=st.floats(0, 1),
)
def test_weights_are_never_negative_never_levered_and_obey_the_cap(p, volatility, close, level, bull, share):
    at = state(
        p_up=p,
        volatility=volatility,
        closes={"IWM": close, "TWM": 13.0},
        weights={"IWM": bull, "TWM": (1 - bull) * share},
        levels={"IWM": Level("exit" if p > 0.5 else "reentry", level)},
    )
    stance = decide(POLICY, at)
    assert all(0 <= weight <= 1 for weight in stance.positions.values())
    assert sum(stance.positions.values()) == pytest.approx(1, abs=1e-9)
    assert not (stance.positions["IWM"] > 0 and stance.positions["TWM"] > 0)
    for ticker, multiple in (("IWM", 1), ("TWM", 2)):
        weight = stance.positions[ticker]
        slack = POLICY.rebalance_threshold * multiple * volatility
        assert weight * multiple * volatility <= POLICY.volatility_cap + slack + 1e-12
    assert decide(POLICY, at) == stance


SOURCE = Source(Path("models/x.toml"), 'name = "x"\n[policy]\nbull_above = 0.4\nwrong = 1\n')


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"wrong": 1},
            r"models/x\.toml:4 \(policy\.wrong\): got 'wrong'; allowed: one of kind, bull_above, bear_below",
        ),
        ({"bull_above": 1.4}, r"models/x\.toml:3 \(policy\.bull_above\): got 1\.4"),
        ({"bull_above": math.nan}, r"models/x\.toml:3 \(policy\.bull_above\): got nan"),
        ({"bull_above": 0.4}, r"models/x\.toml:2 .*bear_below 0\.45 must be under bull_above 0\.4"),
        ({"neutral_weight": 0.9, "bull_weight": 0.5}, r"neutral_weight 0\.9 must not exceed bull_weight 0\.5"),
        (
            {"bear_instrument": "IWM"},
            r"policy\.bear_instrument\): got 'IWM'; allowed: an instrument with a negative multiple: RWM, TWM, TZA, "
            r"SRTY, .*NVDS \(that of IWM is 1, models/instruments\.toml:\d+\); correct the file",
        ),
        ({"bull_instrument": "XYZ"}, r"policy\.bull_instrument\): got 'XYZ'; allowed: .*one of IWM, UWM, TNA, URTY"),
        ({"bear_weight": 1.5}, r"policy\.bear_weight"),
        *(
            ({key: value}, rf"policy\.{key}")
            for key, values in {
                "bull_above": (0.0, 1.0),
                "bear_below": (0.0, 1.0),
                "bear_step": (-0.01, 1.0),
                "bull_weight": (-0.01, 1.01),
                "neutral_weight": (-0.01, 1.01),
                "bear_weight": (-0.01, 1.01),
                "volatility_cap": (0.0,),
                "volatility_window": (1, 505),
                "stop_atr_multiple": (-0.01,),
                "reentry_atr_multiple": (0.0,),
                "atr_window": (1, 253),
                "rebalance_threshold": (-0.01, 1.0),
            }.items()
            for value in values
        ),
    ],
)
def test_a_wrong_policy_table_names_file_line_and_key(table, message):
    with pytest.raises(DefinitionError, match=message):
        load_policy(table, SOURCE)


def test_the_ends_of_each_range_are_allowed():
    table = {
        "bear_step": 0.0,
        "bull_weight": 1.0,
        "neutral_weight": 0.0,
        "bear_weight": 1.0,
        "volatility_window": 2,
        "stop_atr_multiple": 0.0,
        "atr_window": 2,
        "rebalance_threshold": 0.0,
    }
    for changes in (
        table,
        table | {"volatility_window": 504, "atr_window": 252, "bull_weight": 0.0, "bear_weight": 0.0},
    ):
        assert load_policy(changes, SOURCE).model_dump() == BandPolicy().model_dump() | changes


def test_a_policy_loads_with_defaults_and_is_frozen():
    policy = load_policy({"bull_above": 0.58}, SOURCE)
    assert (policy.bull_above, policy.bear_below) == (0.58, 0.45)
    with pytest.raises(ValidationError, match="frozen"):
        policy.bull_above = 0.7
