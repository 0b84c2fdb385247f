"""The balanced portfolio: a fixed share in stocks, the rest in bonds, brought back to it each month.

Until the bond fund has a price, its share stays in cash at the bill rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from bullbear.decide.instruments import Tradable
from bullbear.decide.monthly import MonthlyMemory
from bullbear.decide.policy import POLICIES, Needs, Policy, Sleeve, Stance, State, named_as_sold
from bullbear.wording import percent


@POLICIES.register
class SixtyForty(Policy):
    """`stock_weight` in `stocks` and the rest in `bonds`, rebalanced at the end of each month."""

    kind: Literal["sixty_forty"] = "sixty_forty"
    stocks: Tradable = Field(default="IWM", validate_default=True)
    bonds: Tradable = Field(default="IEF", validate_default=True)
    stock_weight: float = Field(default=0.6, ge=0, le=1)

    @model_validator(mode="after")
    def _two_funds(self) -> Self:
        if self.stocks.ticker == self.bonds.ticker:
            raise ValueError(f"stocks and bonds are both {self.stocks.ticker}: name two funds")
        return self

    @property
    def needs(self) -> Needs:
        """The prices of both."""
        return Needs(funds=(self.stocks.ticker, self.bonds.ticker), by_month=True)

    def recall(self, document: Mapping[str, Any]) -> MonthlyMemory:
        """When weights were last set."""
        return MonthlyMemory.from_json(document)

    def decide(self, state: State, memory: MonthlyMemory) -> tuple[Stance, MonthlyMemory]:
        """The fixed weights at the end of a month, what is held of them in between."""
        wanted = {self.stocks.ticker: self.stock_weight, self.bonds.ticker: 1.0 - self.stock_weight}
        due = memory.is_due(state)
        memory = memory.set(state, wanted) if due else memory
        # What could not be bought yet gets what the drift of the other leaves of its share.
        room = max(0.0, 1.0 - sum(state.weight(ticker) for ticker in wanted))
        sleeves = []
        for name, fund in (("stocks", self.stocks), ("bonds", self.bonds)):
            ticker = fund.ticker
            priced = ticker in state.closes or state.weight(ticker) > 0.0
            kept = state.weight(ticker) or min(memory.kept(state, ticker), room)
            weight = (wanted[ticker] if due else kept) if priced else 0.0
            reason = (
                f"{percent(wanted[ticker], 0)} of the portfolio"
                if priced
                else f"{ticker} has no price on this day: cash"
            )
            sleeves.append(Sleeve(name, "bull", fund, weight, (reason,), priced=priced))
        sold = named_as_sold(state, tuple(wanted))
        return Stance(state.decided_at, tuple(sleeves), tuple(sold)), memory
