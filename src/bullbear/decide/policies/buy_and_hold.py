"""All in one instrument, for ever."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bullbear.decide.instruments import Tradable
from bullbear.decide.policy import POLICIES, Memory, Needs, Policy, Sleeve, Stance, State, named_as_sold


@POLICIES.register
class BuyAndHold(Policy):
    """Buys `instrument` with everything and keeps it; its weight is never rebalanced."""

    kind: Literal["buy_and_hold"] = "buy_and_hold"
    instrument: Tradable = Field(default="IWM", validate_default=True)

    @property
    def needs(self) -> Needs:
        """Nothing but the instrument's price."""
        return Needs(funds=(self.instrument.ticker,), by_month=True)

    def decide(self, state: State, memory: Memory) -> tuple[Stance, Memory]:
        """All of it, or what is held already."""
        weight = state.weight(self.instrument.ticker) or 1.0
        sleeve = Sleeve("bull", "bull", self.instrument, weight, ("bought and held, whatever the forecast",))
        return Stance(state.decided_at, (sleeve,), tuple(named_as_sold(state, (self.instrument.ticker,)))), memory
