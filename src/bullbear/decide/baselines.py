"""What every policy is shown against: what needs no forecast, the policy on the base rate, and it without a part.

Baselines are policies like any other: they decide at the same closes, trade at the same opens, pay the same costs and
earn the same cash.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bullbear.decide.instruments import Instrument, packaged_instruments
from bullbear.decide.market import Market
from bullbear.decide.policies.buy_and_hold import BuyAndHold
from bullbear.decide.policies.jump_model import JumpModelSwitch
from bullbear.decide.policies.sixty_forty import SixtyForty
from bullbear.decide.policies.ten_month_average import TenMonthAverage
from bullbear.decide.policies.volatility_target import VolatilityTarget
from bullbear.decide.policy import Forecast, Memory, Needs, Policy, Stance, State
from bullbear.errors import InputError

BASE_RATE, FORECAST, COSTS = "base_rate", "forecast", "costs"
BONDS = "IEF"


def baselines_of(
    ticker: str, instruments: Mapping[str, Instrument] | None = None, policy: Policy | None = None
) -> dict[str, Policy]:
    """The baselines on `ticker` by name, and `policy` on the base rate if it reads a forecast.

    Raises
    ------
    InputError
        The ticker is not among the `instruments` (the packaged ones without).
    """
    known = packaged_instruments() if instruments is None else instruments
    if ticker not in known:
        raise InputError("instrument", ticker, ", ".join(known), "add it to models/instruments.toml")
    held, bonds = known[ticker], known.get(BONDS, packaged_instruments()[BONDS])
    found: dict[str, Policy] = {
        each.kind: each
        for each in (
            BuyAndHold(instrument=held),
            TenMonthAverage(instrument=held),
            VolatilityTarget(instrument=held),
            SixtyForty(stocks=held, bonds=bonds),
            JumpModelSwitch(instrument=held),
        )
    }
    return found if policy is None or not reads_forecasts(policy) else {**found, BASE_RATE: OnBaseRate(policy=policy)}


def switched_off(policy: Policy) -> dict[str, Policy]:
    """The policy without one part at a time, by the part's name; costs, which are the account's, apart."""
    parts = dict(policy.without())
    if reads_forecasts(policy) and FORECAST not in parts:
        parts = {FORECAST: OnBaseRate(policy=policy), **parts}
    return parts


def reads_forecasts(policy: Policy) -> bool:
    """Whether any forecast can change its mind."""
    return bool(policy.needs.questions or policy.needs.optional)


class OnBaseRate(Policy):
    """A policy whose every forecast is the base rate as it was known that day, without an interval."""

    kind: str = BASE_RATE
    policy: Policy

    @property
    def needs(self) -> Needs:
        """Those of the policy."""
        return self.policy.needs

    def signals(self, market: Market) -> Mapping[str, Sequence[float]]:
        """Those of the policy."""
        return self.policy.signals(market)

    def decide(self, state: State, memory: Memory) -> tuple[Stance, Memory]:
        """What the policy does without knowledge of the day."""
        usual = {
            name: Forecast(each.climatology, math.nan, math.nan, each.climatology)
            for name, each in state.forecasts.items()
        }
        return self.policy.decide(replace(state, forecasts=usual), memory)

    def recall(self, document: Mapping[str, Any]) -> Memory:
        """The memory of the policy."""
        return self.policy.recall(document)
