"""A trade of the policy, and how the charts and tables of the report write it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bullbear.forecasting.card.decision import ENDED
from bullbear.report.words import per_cent, price

_LINE = 60
"""Characters of a line of a hover text, which does not break lines itself."""


@dataclass(frozen=True)
class Trade:
    """A trade of the policy: weights before and after, the price of the day, and the reasons of its decision.

    `why` is "order", "stop" or "expiry".
    """

    decided_on: pd.Timestamp
    executed_on: pd.Timestamp
    ticker: str
    agent: str
    sleeve: str
    weight_before: float
    weight_after: float
    price: float
    why: str
    reasons: tuple[str, ...]

    @property
    def bought(self) -> bool:
        """Whether the weight rose."""
        return self.weight_after > self.weight_before

    @property
    def sentence(self) -> str:
        """What was done, without its full stop: "stopped out of TWM, 10 % to 0 % at 12.00"."""
        how = f"{ENDED[self.why]} of" if self.why in ENDED else "bought" if self.bought else "sold"
        moved = f"{per_cent(self.weight_before)} to {per_cent(self.weight_after)}"
        return f"{how} {self.ticker}, {moved} at {price(self.price)}"


def hover_text(opening: str, reasons: Sequence[str]) -> str:
    """What was done and why, as lines of a hover text."""
    return "<br>".join([opening, *(line for reason in reasons for line in textwrap.wrap(reason, _LINE))])
