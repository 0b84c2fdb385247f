"""What holds on any market, however little of it is known: caps, cash, reasons, repeatability."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.decide.agents import reasons
from bullbear.decide.agents.bear import Size, chosen, holding_cost, share, sized, trigger
from bullbear.decide.agents.bull import allocation, banded, glided, no_overlay, overlaid, smoothed
from bullbear.decide.agents.document import from_document, to_document
from bullbear.decide.agents.inputs import Fund, Funds, Inputs
from bullbear.decide.agents.kernel import Decision, Memory, decide, first_memory
from bullbear.decide.agents.outlook import Outlook, odds_ratio
from bullbear.decide.agents.rules import Rules
from bullbear.decide.agents.stops import distance, trailed
from bullbear.decide.agents.trend import DOWNTREND, STATES, Decline, first_trend

P = st.floats(0.0, 1.0)
Walk = list[tuple[Inputs, float]]


def perhaps(known: st.SearchStrategy[float]) -> st.SearchStrategy[float]:
    return st.one_of(known, known, known, st.just(math.nan))


def random_walk(seed: int) -> Walk:
    """Forty closes around a support, each number unknown with a chance of its own, and how the Bull's part then moves.

    Drawn from a seed: hypothesis would need seconds for the thousands of numbers of one walk.
    """
    rng = np.random.default_rng(seed)
    gaps = rng.choice([0.0, 0.05, 0.3], size=len(Inputs._fields))

    def known(place: int, value: float) -> float:
        return math.nan if rng.random() < gaps[place] else float(value)

    price, found = 100.0, []
    for _ in range(40):
        price = min(max(price + rng.normal(0.0, 3.0), 60.0), 140.0)
        funds = Funds(
            *(
                Fund(known(18, 150.0 - price / 2.0), known(1, 1.0), multiple, 0.01, 0.0, bool(rng.random() < 0.1))
                for multiple in (-1.0, -2.0, -3.0)
            )
        )
        x = Inputs(
            close=known(0, price),
            atr=known(1, rng.uniform(0.5, 4.0)),
            atr_ratio=known(2, rng.uniform(0.0, 5.0)),
            support=known(3, 5.0 * (price // 5.0)),
            channel=known(4, price + rng.normal(0.0, 5.0)),
            sma_gap=known(5, rng.normal(0.0, 0.05)),
            sma=known(6, (price - 100.0) / 100.0),
            rsi=known(7, min(max(price - 50.0 + rng.normal(0.0, 5.0), 0.0), 100.0)),
            volume=known(8, rng.uniform(0.0, 4.0)),
            short_volume=known(9, rng.normal()),
            short_interest=known(10, rng.normal(0.0, 0.1)),
            sector_weakness=known(11, rng.random()),
            p_up=float(rng.random()),
            p_up_base=float(rng.random()),
            score_up=float(rng.normal()),
            score_up_base=float(rng.normal()),
            p_dip=known(16, rng.random()),
            p_dip_base=known(17, rng.random()),
            volatility=float(rng.choice([0.0, rng.uniform(0.05, 1.0)])),
            volatility_forecast=known(19, rng.uniform(0.0, 1.0)),
            horizon=1 / 12,
            overlay_multiple=known(21, rng.uniform(0.2, 20.0)),
            base_held=0.0,
            overlay_held=0.0,
            overlay_stopped=bool(rng.random() < 0.2),
            bears=funds,
        )
        found.append((x, float(rng.uniform(0.9, 1.1))))
    return found


WALKS = st.integers(0, 2**32 - 1).map(random_walk)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "forecast": st.booleans(),
        "bull": st.fixed_dictionaries({"rule": st.sampled_from(["volatility_target", "mean_variance", "constant"])}),
        "bear": st.fixed_dictionaries({"tiers": st.booleans(), "sizing": st.booleans()}),
        "stops": st.fixed_dictionaries({"enabled": st.booleans()}),
        "overlay": st.fixed_dictionaries(
            {"enabled": st.booleans(), "share": st.floats(0.1, 1.0)},
            optional={"call_spread": st.just({"underlying": "IWM", "volatility": "vix"})},
        ),
    },
)


def walked(
    walk: Walk, rules: Rules, keep: Callable[[Memory], Memory] = lambda memory: memory
) -> list[tuple[Inputs, Decision]]:
    """The decisions of a walk on which each holds what the one before wanted, moved a little by the market."""
    memory, found = first_memory(), []
    base = overlay = 0.0
    bears = [0.0, 0.0, 0.0]
    for x, drift in walk:
        # Only a stop that stands can be met.
        can = not math.isnan(memory.bear.stop)
        funds = [
            each._replace(held=held, stopped=each.stopped and held > 0.0 and can)
            for each, held in zip(x.bears, bears, strict=True)
        ]
        stopped = x.overlay_stopped and overlay > 0.0 and not math.isnan(memory.overlay.stop)
        x = x._replace(base_held=base, overlay_held=overlay, overlay_stopped=stopped, bears=Funds(*funds))
        decision = decide(x, memory, rules)
        found.append((x, decision))
        memory, w = keep(decision.memory), decision.weights
        # The Bull's part moves by `drift`, the rest of the account as the sum of one demands.
        scale = 1.0 / (1.0 + w.base * (drift - 1.0))
        base, overlay = w.base * drift * scale, w.overlay * scale
        bears = [w.first * scale, w.second * scale, w.third * scale]
    return found


@given(WALKS, CHANGES)
@settings(max_examples=60, deadline=None)
def test_weights_are_numbers_within_their_caps_and_leave_cash(rules: Callable[..., Rules], walk, changes) -> None:
    numbers = rules(**changes)
    for x, decision in walked(walk, numbers):
        weights, bear = decision.weights, decision.memory.bear
        assert all(math.isfinite(each) and 0.0 <= each <= 1.0 for each in weights)
        assert sum(weights) <= 1.0 + 1e-12
        assert weights.base <= numbers.bull.max_weight + 1e-12 or weights.base == x.base_held
        hedge = weights[2:]
        assert sum(each > 0.0 for each in hedge) <= 1
        if bear.fund and x.bears[bear.fund - 1].close > 0.0:
            assert max(hedge) <= numbers.bear.max_weight
            assert bear.exposure == pytest.approx(max(hedge) * abs(x.bears[bear.fund - 1].multiple))
            # A position that has drifted above is brought down by the next trade that is worth it.
            assert bear.exposure <= numbers.bear.max_exposure + 3.0 * numbers.bear.band + 1e-12
        if numbers.overlay.spread and x.overlay_held > 0.0:
            assert weights.overlay in (0.0, x.overlay_held)  # sold whole, or held as it is
        else:
            exposure = max(x.overlay_multiple, 1.0) if numbers.overlay.spread and weights.overlay else 1.0
            assert weights.overlay * exposure <= numbers.overlay.share * bear.exposure + 1e-12
            assert weights.overlay * exposure <= numbers.overlay.max_weight + 1e-12


@given(WALKS, CHANGES)
@settings(max_examples=50, deadline=None)
def test_no_trade_without_a_reason(rules: Callable[..., Rules], walk, changes) -> None:
    for x, decision in walked(walk, rules(**changes)):
        trend, bear, overlay, _ = decision.memory
        for note in (trend.note, bear.note, overlay.note, decision.base):
            assert reasons.sentence(note)
            assert "nan" not in reasons.sentence(note)
        if decision.weights.base != x.base_held:
            assert decision.base.code in (reasons.BASE_TRADED, reasons.BASE_MADE_ROOM)
        if bear.tier and not bear.weight:
            assert bear.note.code == reasons.FUND_WITHOUT_PRICE


@given(WALKS, CHANGES)
@settings(max_examples=20, deadline=None)
def test_a_memory_that_was_put_down_decides_alike(rules: Callable[..., Rules], walk, changes) -> None:
    def kept(memory: Memory) -> Memory:
        return from_document(Memory, json.loads(json.dumps(to_document(memory), allow_nan=False)))

    numbers = rules(**changes)
    assert repr(walked(walk, numbers, kept)) == repr(walked(walk, numbers))


@given(WALKS, st.sampled_from([0.25, 0.5, 4.0]), CHANGES)
@settings(max_examples=20, deadline=None)
def test_the_unit_of_prices_changes_nothing(rules: Callable[..., Rules], walk, unit, changes) -> None:
    def scaled(x: Inputs) -> Inputs:
        funds = Funds(*(each._replace(close=each.close * unit, atr=each.atr * unit) for each in x.bears))
        prices = {name: getattr(x, name) * unit for name in ("close", "atr", "support", "channel")}
        return x._replace(**prices, bears=funds)

    numbers = rules(**changes)
    one, other = walked(walk, numbers), walked([(scaled(x), drift) for x, drift in walk], numbers)
    assert [repr(a.weights) for _, a in one] == [repr(b.weights) for _, b in other]
    assert [a.memory.trend.state for _, a in one] == [b.memory.trend.state for _, b in other]


def test_a_long_walk_meets_every_state_and_tier(rules: Callable[..., Rules], close: Callable[..., Inputs]) -> None:
    rng, price, memory, numbers = np.random.default_rng(7), 100.0, first_memory(), rules()
    states, tiers, overlays = set(), set(), 0
    for _ in range(6000):
        price = min(max(price + rng.normal(0.0, 2.0), 60.0), 140.0)
        seen = {
            "support": 5.0 * (price // 5.0),
            "rsi": min(max(price - 50.0, 5.0), 95.0),
            "volume": rng.uniform(0.5, 3.0),
        }
        decision = decide(close(price, fund=150.0 - price / 2.0, sma=(price - 100.0) / 100.0, **seen), memory, numbers)
        memory = decision.memory
        states.add(memory.trend.state)
        tiers.add(memory.bear.tier)
        overlays += decision.weights.overlay > 0.0
    assert states == set(range(len(STATES)))
    assert tiers == {0, 1, 2, 3}
    assert overlays > 20


def decline(low: float) -> Decline:
    return Decline(100.0, 100.0, 2.0, low, 1, 1.0, True, False)


@given(st.lists(st.floats(1.0, 99.0), min_size=2, max_size=6), P, st.floats(0.05, 2.0), st.floats(0.0, 4.0))
def test_the_hedge_grows_with_the_break(rules: Callable[..., Rules], lows, p, volatility, danger) -> None:
    bear = rules().bear
    found = [sized(decline(low), Outlook(danger, volatility, 0.0), bear).exposure for low in sorted(lows, reverse=True)]
    assert all(a <= b for a, b in pairwise(found))


@given(st.floats(1.0, 99.0), st.lists(st.floats(0.01, 3.0), min_size=2, max_size=6))
def test_the_hedge_grows_with_danger_and_shrinks_with_volatility(rules: Callable[..., Rules], low, values) -> None:
    bear, values = rules().bear, sorted(values)
    by_danger = [sized(decline(low), Outlook(each, 0.2, 0.0), bear).exposure for each in values]
    by_volatility = [sized(decline(low), Outlook(1.0, each, 0.0), bear).exposure for each in values]
    assert all(a <= b for a, b in pairwise(by_danger))
    assert all(a >= b for a, b in pairwise(by_volatility))


@given(P, st.lists(P, min_size=2, max_size=6))
def test_danger_grows_with_the_probability(base, values) -> None:
    found = [odds_ratio(p, base) for p in sorted(values)]
    assert all(a <= b for a, b in pairwise(found))
    assert odds_ratio(base, base) == 1.0


@pytest.mark.parametrize("rule", ["volatility_target", "mean_variance"])
@given(st.lists(st.floats(0.01, 3.0), min_size=2, max_size=6), st.floats(-3.0, 3.0))
def test_the_allocation_shrinks_with_volatility(rules: Callable[..., Rules], rule, values, score) -> None:
    bull = rules(bull={"rule": rule}).bull
    found = [allocation(Outlook(1.0, each, score), 1 / 12, bull) for each in sorted(values)]
    assert all(a >= b for a, b in pairwise(found))


@given(st.lists(st.floats(-3.0, 3.0), min_size=2, max_size=6), st.floats(0.01, 3.0))
def test_the_mean_variance_allocation_grows_with_the_probability(
    rules: Callable[..., Rules], values, volatility
) -> None:
    bull = rules(bull={"rule": "mean_variance"}).bull
    found = [allocation(Outlook(1.0, volatility, each), 1 / 12, bull) for each in sorted(values)]
    assert all(a <= b for a, b in pairwise(found))


def test_without_a_range_no_profit_is_measured(rules: Callable[..., Rules], close: Callable[..., Inputs]) -> None:
    """A fund whose price has stood still for so long that its ATR is zero."""
    own = rules(overlay={"enabled": True})
    before = no_overlay()._replace(entry=90.0, stop=85.0, peak=90.0, weight=0.1)
    trend = first_trend()._replace(state=DOWNTREND)
    x = close(100.0, atr=0.0, rsi=40.0, overlay_held=0.1)
    found = overlaid(x, before, trend, 0.5, 0.5, own.overlay, own.reversal, own.stops)
    assert found.note.code == reasons.OVERLAY_KEPT
    assert found.stop == 85.0


@given(st.floats(10.0, 100.0), st.lists(st.tuples(st.floats(1.0, 200.0), perhaps(st.floats(0.1, 20.0))), max_size=20))
def test_a_stop_never_falls(entry, path) -> None:
    stop, peak, stops = math.nan, entry, []
    for price, away in path:
        peak = max(peak, price)
        stop = trailed(stop, peak, away)
        stops.append(stop)
    known = [each for each in stops if not math.isnan(each)]
    assert all(a <= b for a, b in pairwise(known))
    assert stops[len(stops) - len(known) :] == known  # one that stands is never lost


@given(st.floats(0.1, 10.0), st.lists(perhaps(st.floats(0.0, 5.0)), min_size=1))
def test_a_stop_is_within_its_limits(rules: Callable[..., Rules], atr, ratios) -> None:
    stops = rules().stops
    for ratio in ratios:
        assert 0.75 * 4.0 * atr - 1e-9 <= distance(4.0, atr, ratio, stops) <= 1.5 * 4.0 * atr + 1e-9


def test_sizes_by_hand(rules: Callable[..., Rules]) -> None:
    bear = rules().bear
    # 1.5 ATRs: f = 0.5 + 0.5 * 0.5; volatility twice the target: g = 0.5; danger above its cap: h = 2.
    found = sized(decline(97.0), Outlook(3.0, 0.30, 0.0), bear)
    assert found == Size(pytest.approx(0.6 * 0.75 * 0.5 * 2.0), pytest.approx(0.6), 0.75, 0.5, 2.0)
    assert [share(tier, bear) for tier in range(4)] == [0.0, 0.4, 0.7, 1.0]
    # A fall from 100 to 91: thirds are 3 and 6; from 100 to 98 an ATR each counts.
    assert [trigger(tier, decline(91.0), 2.0, bear) for tier in (2, 3)] == pytest.approx([94.0, 97.0])
    assert [trigger(tier, decline(98.0), 2.0, bear) for tier in (2, 3)] == pytest.approx([100.0, 102.0])
    # Odds 1/3 against 1/9, and 1 against 2/3.
    assert odds_ratio(0.25, 0.10) == pytest.approx(3.0)
    assert odds_ratio(0.5, 0.4) == pytest.approx(1.5)
    assert odds_ratio(math.nan, 0.4) == 1.0


def test_allocations_by_hand(rules: Callable[..., Rules]) -> None:
    seen = Outlook(1.0, 0.30, 0.2533)
    assert allocation(seen, 1 / 12, rules().bull) == pytest.approx(0.5)
    assert allocation(seen, 1 / 12, rules(bull={"rule": "constant", "max_weight": 0.8}).bull) == 0.8
    # 0.2533 / (5 * 0.30 / sqrt(12))
    found = allocation(seen, 1 / 12, rules(bull={"rule": "mean_variance"}).bull)
    assert found == pytest.approx(0.58498, abs=1e-5)
    assert allocation(Outlook(1.0, 0.0, 0.2), 1 / 12, rules().bull) == 1.0
    assert [smoothed(0.5, before, 4) for before in (math.nan, 0.9, 0.5)] == pytest.approx([0.5, 0.8, 0.5])
    assert [glided(age, 4) for age in (0, 1, 3, 9)] == [0.25, 0.5, 1.0, 1.0]
    assert [banded(0.52, held, 0.05) for held in (0.0, 0.50, 0.40)] == [0.52, 0.50, 0.52]
    assert banded(0.0, 0.01, 0.05) == 0.0


def test_the_cheapest_fund_that_reaches_the_exposure(rules: Callable[..., Rules]) -> None:
    one, two, three = (Fund(50.0, 1.0, each, 0.0095, 0.0, False) for each in (-1.0, -2.0, -3.0))
    bear = rules().bear  # at most 0.3 of equity in it
    # At a volatility of 0.2 a unit of exposure costs 0.0095 + 0.04, (0.0095 + 0.12) / 2 and (0.0095 + 0.24) / 3 a year.
    assert [holding_cost(each, 0.2) for each in (one, two, three)] == pytest.approx(
        [0.0495, 0.06475, 0.083167], abs=1e-6
    )
    assert [chosen(Funds(one, two, three), each, 0.2, bear) for each in (0.2, 0.3, 0.5, 0.8, 1.0)] == [1, 1, 2, 3, 3]
    gone = one._replace(close=math.nan)
    assert chosen(Funds(gone, two, three), 0.2, 0.2, bear) == 2
    none = Fund(math.nan, math.nan, 0.0, 0.0, 0.0, False)
    assert chosen(Funds(gone, none, none), 0.2, 0.2, bear) == 0
    # In a calm market fees matter more than the reset: per unit of exposure the geared fund pays less of them.
    assert chosen(Funds(one, two, three), 0.2, 0.02, bear) == 3
