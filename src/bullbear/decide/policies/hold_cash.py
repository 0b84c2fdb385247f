"""Nothing but cash: the policy of a model whose question says nothing about positions."""

from __future__ import annotations

from typing import Literal

from bullbear.decide.policy import POLICIES, Memory, Needs, Policy, Stance, State, named_as_sold


@POLICIES.register
class HoldCash(Policy):
    """Holds no instrument, and sells what is there."""

    kind: Literal["hold_cash"] = "hold_cash"

    @property
    def needs(self) -> Needs:
        """Nothing."""
        return Needs()

    def decide(self, state: State, memory: Memory) -> tuple[Stance, Memory]:
        """No sleeve."""
        return Stance(state.decided_at, (), tuple(named_as_sold(state, ()))), memory
