"""A policy about another fund: which instrument takes whose place, and what no pair can give."""

from __future__ import annotations

from pathlib import Path

import pytest

from bullbear.decide.instruments import Fund, Instrument, instruments_in
from bullbear.decide.pairs import on_pair
from bullbear.decide.policies.band import BandPolicy
from bullbear.decide.policies.two_agents import TwoAgents
from bullbear.decide.policy import POLICIES, Policy, load_policy
from bullbear.errors import DefinitionError
from bullbear.home import Home


def fund(ticker: str, multiple: float) -> Fund:
    return Fund(ticker=ticker, multiple=multiple, half_spread_bp=2.0, inception="2001-01-02")


LONG, SHORT, DOUBLE = fund("QQQ", 1.0), fund("PSQ", -1.0), fund("QID", -2.0)


def held(policy: Policy) -> list[str]:
    return [each.ticker for each in instruments_in(policy)]


def test_the_inverse_fund_nearest_in_gearing_takes_the_place() -> None:
    band = BandPolicy(bull_weight=0.9)
    assert held(band) == ["IWM", "TWM"]
    moved = on_pair(band, LONG, [SHORT, DOUBLE])
    assert held(moved) == ["QQQ", "QID"]
    assert (
        moved.model_copy(update=dict(bull_instrument=band.bull_instrument, bear_instrument=band.bear_instrument))
        == band
    )


def test_funds_with_one_counterpart_become_one() -> None:
    agents = TwoAgents()
    assert held(agents) == ["IWM", "RWM", "TWM", "SRTY"]
    assert held(on_pair(agents, LONG, [SHORT, DOUBLE])) == ["QQQ", "PSQ", "QID"]
    assert held(on_pair(agents, LONG, [DOUBLE])) == ["QQQ", "QID"]


def test_cash_and_what_has_no_multiple_stay() -> None:
    policy = load_policy({"kind": "hold_cash"})
    assert on_pair(policy, LONG, [SHORT]) == policy


def test_a_pair_of_itself_changes_nothing(known: dict[str, Instrument]) -> None:
    agents = TwoAgents()
    assert on_pair(agents, known["IWM"], [known[t] for t in ("RWM", "TWM", "SRTY")]) == agents


def test_a_fund_without_the_gearing_that_the_exposure_needs_is_refused() -> None:
    agents = POLICIES.read({"kind": "two_agents", "bear": {"max_weight": 0.2}})
    with pytest.raises(DefinitionError, match="max_weight"):
        on_pair(agents, LONG, [fund("NVDS", -1.25)])


def test_a_bear_that_is_off_needs_no_gearing() -> None:
    agents = POLICIES.read({"kind": "two_agents", "bear": {"enabled": False}})
    assert held(on_pair(agents, LONG, [fund("NVDS", -1.25)])) == ["QQQ", "NVDS"]


@pytest.mark.parametrize("pair", ["QQQ", "SPY", "NVDA"])
@pytest.mark.parametrize("policy", ["band", "two_agents"])
def test_packaged_policies_fit_the_packaged_pairs(pair: str, policy: str, tmp_path: Path) -> None:
    placed = Home(tmp_path).on(pair)
    assert placed.pair is not None
    rule = placed.rule(policy, named_at="--policy", questions=["up"])
    assert set(held(rule.policy)) <= {placed.pair.pair.bull, *placed.pair.pair.bear}


@pytest.fixture
def known() -> dict[str, Instrument]:
    from bullbear.decide.instruments import packaged_instruments

    return dict(packaged_instruments())
