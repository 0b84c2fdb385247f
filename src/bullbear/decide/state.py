"""What a decision may know: the state at a close, and the forecasts in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd

from bullbear.errors import InputError


class Slot(NamedTuple):
    """A place in the account: what one sleeve of one agent holds of one instrument."""

    ticker: str
    sleeve: str
    agent: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """The probability that a question's answer is yes, its interval (NaN where unknown) and the base rate."""

    p: float
    p_low: float
    p_high: float
    climatology: float


@dataclass(frozen=True, slots=True)
class State:
    """All that a decision may know, at the close `decided_at`; what its policy needs, and the account.

    `forecasts` by question, `factors` by name (NaN where unknown), `volatility` annualised (a fraction). `closes`,
    `atrs` and `month_closes` (oldest first) are total-return prices by ticker, without the unknown ones; `units` turns
    them into prices of the day, for display. `held` are the fractions of equity at this close, by slot; `stopped` the
    slots that a resting stop has sold since the last decision, with the price of the last such sale. `modelled` are the
    tickers, those held among them, whose price at this close is a model's, for want of a real one.
    """

    decided_at: pd.Timestamp
    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    volatility: float = math.nan
    closes: Mapping[str, float] = field(default_factory=dict)
    atrs: Mapping[str, float] = field(default_factory=dict)
    month_closes: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    units: Mapping[str, float] = field(default_factory=dict)
    held: Mapping[Slot, float] = field(default_factory=dict)
    stopped: Mapping[Slot, float] = field(default_factory=dict)
    modelled: tuple[str, ...] = ()

    def weight(self, ticker: str) -> float:
        """Fraction of equity held of a ticker, by all sleeves."""
        return sum((weight for slot, weight in self.held.items() if slot.ticker == ticker), 0.0)

    def check(self) -> None:
        """Refuse what no rule can use.

        Raises
        ------
        InputError
            A probability outside 0..1, a negative or infinite price, weight or volatility.
        """
        for name, each in self.forecasts.items():
            for key, value in (("p", each.p), ("climatology", each.climatology)):
                if not 0.0 <= value <= 1.0:  # false for NaN too
                    raise InputError(
                        f"state.{name}.{key}", value, "a probability, 0 to 1", "do not decide without a forecast"
                    )
            for key, value in (("p_low", each.p_low), ("p_high", each.p_high)):
                if value < 0.0 or value > 1.0:  # NaN passes: the interval may be unknown
                    raise InputError(f"state.{name}.{key}", value, "a probability, 0 to 1, or NaN", "check it")
        named = [("closes", *each) for each in self.closes.items()]
        named += [("atrs", *each) for each in self.atrs.items()]
        named += [("units", *each) for each in self.units.items()]
        named += [("held", slot.ticker, weight) for slot, weight in self.held.items()]
        for kind, ticker, value in named:
            if not 0.0 <= value < math.inf:
                raise InputError(f"state.{kind}[{ticker}]", value, "a finite number from 0", "leave an unknown one out")
