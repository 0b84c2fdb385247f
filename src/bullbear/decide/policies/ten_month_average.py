"""Faber's trend rule: in the market while its month-end close stands above its average, else in cash.

References
----------
Faber, M. T. (2007), A quantitative approach to tactical asset allocation, Journal of Wealth Management 9(4), 69-79.
https://doi.org/10.3905/jwm.2007.674809 (SSRN 962461)
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bullbear.decide.instruments import Tradable
from bullbear.decide.policy import POLICIES, Memory, Needs, Policy, Sleeve, Stance, State, named_as_sold


@POLICIES.register
class TenMonthAverage(Policy):
    """All in `instrument` while its last month-end close is above the mean of the last `months` of them.

    Closes are total-return prices, as in Faber's tables. The signal changes at month ends only.
    """

    kind: Literal["ten_month_average"] = "ten_month_average"
    instrument: Tradable = Field(default="IWM", validate_default=True)
    months: int = Field(default=10, ge=2, le=60)

    @property
    def needs(self) -> Needs:
        """Closes at month ends."""
        return Needs(funds=(self.instrument.ticker,), month_ends=self.months, by_month=True)

    def decide(self, state: State, memory: Memory) -> tuple[Stance, Memory]:
        """All in or all out; between two signals nothing is traded."""
        ticker = self.instrument.ticker
        closes = state.month_closes.get(ticker, ())
        known = len(closes) == self.months
        above = known and closes[-1] > sum(closes) / self.months
        weight = (state.weight(ticker) or 1.0) if above else 0.0
        side = "above" if above else "not above"
        reason = f"{ticker} is {side} its {self.months}-month average" if known else f"{len(closes)} month ends known"
        sleeve = Sleeve("bull", "bull", self.instrument, weight, (reason,))
        return Stance(state.decided_at, (sleeve,), tuple(named_as_sold(state, (ticker,)))), memory
