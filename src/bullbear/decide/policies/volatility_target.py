"""A volatility-managed holding: less of it after a month of wild returns, more after a calm one.

Volatility persists and the mean return does not rise with it, so a holding scaled by past volatility carries more
return for its risk. Moreira and Muir scale by variance, with a constant that makes the whole sample as risky as the
market; a target for the volatility needs no such look ahead. An account without a margin holds one at most.

References
----------
Moreira, A. and Muir, T. (2017), Volatility-managed portfolios, Journal of Finance 72(4), 1611-1644.
https://doi.org/10.1111/jofi.12513
Harvey, C. R., Hoyle, E., Korgaonkar, R., Rattray, S., Sargaison, M. and Van Hemert, O. (2018), The impact of volatility
targeting, Journal of Portfolio Management 45(1), 14-33. https://doi.org/10.3905/jpm.2018.45.1.014
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from bullbear.decide.instruments import Tradable
from bullbear.decide.market import Market
from bullbear.decide.monthly import MonthlyMemory
from bullbear.decide.policy import POLICIES, Needs, Policy, Sleeve, Stance, State, named_as_sold
from bullbear.statistics.volatility import zero_mean_volatility
from bullbear.wording import percent

_SIGNAL = "trailing_volatility"


@POLICIES.register
class VolatilityTarget(Policy):
    """min(1, target / volatility) of `instrument`, set anew at the end of each month; cash until it is known.

    `target` is a fraction a year; the volatility is that of the last `window` sessions.
    """

    kind: Literal["volatility_target"] = "volatility_target"
    instrument: Tradable = Field(default="IWM", validate_default=True)
    target: float = Field(default=0.15, gt=0)
    window: int = Field(default=21, ge=2, le=504)

    @property
    def needs(self) -> Needs:
        """The instrument's price."""
        return Needs(funds=(self.instrument.ticker,), by_month=True)

    def signals(self, market: Market) -> Mapping[str, Sequence[float]]:
        """The trailing volatility, a fraction a year."""
        bars = market.bars.get(self.instrument.ticker)
        if bars is None:
            return {}
        return {_SIGNAL: zero_mean_volatility(np.array(bars.close), self.window).tolist()}

    def recall(self, document: Mapping[str, Any]) -> MonthlyMemory:
        """When the weight was last set."""
        return MonthlyMemory.from_json(document)

    def decide(self, state: State, memory: MonthlyMemory) -> tuple[Stance, MonthlyMemory]:
        """At the end of a month, the share that would have had the target volatility in the last sessions."""
        ticker = self.instrument.ticker
        volatility = state.factors.get(_SIGNAL, math.nan)
        if memory.is_due(state):
            weight = min(1.0, self.target / volatility) if volatility > 0.0 else 0.0  # NaN is not above 0
            memory = memory.set(state, {ticker: weight})
        else:
            weight = memory.kept(state, ticker)
        known = f"volatility {percent(volatility)} a year over {self.window} sessions, target {percent(self.target, 0)}"
        reason = known if volatility == volatility else f"no volatility over {self.window} sessions is known"
        sleeve = Sleeve("bull", "bull", self.instrument, weight, (reason,), priced=ticker in state.closes)
        return Stance(state.decided_at, (sleeve,), tuple(named_as_sold(state, (ticker,)))), memory
