"""Statements: the odds of one event in plain English, with their sample, base rate and the part that luck may have.

No odds stand alone: what the ticker did after any session of the same span is said in the same breath.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear.documents import json_ready
from bullbear.odds.definitions import Direction

RARE = 0.10
"""The share of false findings that is accepted among those called more than luck."""


@dataclass(frozen=True)
class EventOdds:
    """The odds of one event as of one close; fractions throughout, NaN where no case has resolved.

    `active` is true while the latest occurrence's own outcome is open and no opposite event of the same indicator has
    followed it. `tested` is the number of events over which `q_value` is adjusted. `return_q10` and its like are
    quantiles of the total return that followed, `drawdown_*` of the deepest fall from a peak on the way.
    """

    event: str
    indicator: str
    direction: Direction
    says: str
    ticker: str
    as_of: pd.Timestamp
    occurred_on: pd.Timestamp
    age_sessions: int
    active: bool
    cases: int
    pending: int
    continued: int
    odds: float
    odds_low: float
    odds_high: float
    base_rate: float
    lift: float
    lift_low: float
    lift_high: float
    effective_cases: float
    p_value: float
    q_value: float
    tested: int
    shrunk_odds: float
    return_median: float
    return_q10: float
    return_q25: float
    return_q75: float
    return_q90: float
    drawdown_median: float
    drawdown_q10: float
    drawdown_q90: float
    horizon_sessions: int
    since: pd.Timestamp
    level: float

    @property
    def statement(self) -> str:
        """What a reader is told."""
        return statement(self)

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON: days in ISO form, unknown numbers as None, the statement last."""
        return {**json_ready(self, days=True), "statement": self.statement}


def statement(told: EventOdds) -> str:
    """One paragraph: what happened, what followed in how many cases, the base rate, and whether it could be luck.

    Example
    -------
    >>> import textwrap
    >>> day, event = pd.Timestamp("2019-12-31"), pd.Timestamp("2019-12-27")
    >>> told = EventOdds(
    ...     "e", "MACD", "bearish", "the MACD histogram turned negative", "IWM", day, event, 2, True,
    ...     9, 1, 3, 1 / 3, 0.12, 0.64, 0.4, 5 / 6, 0.3, 1.6, 7.5, 0.8, 0.9, 30, 0.39, 0.01, -0.05, -0.02, 0.03, 0.06,
    ...     -0.03, -0.08, -0.01, 21, pd.Timestamp("2014-12-31"), 0.9)
    >>> print(textwrap.fill(statement(told), 100))
    IWM on 2019-12-27 (2 sessions ago): the MACD histogram turned negative. In 3 of 9 past cases since
    2014-12-31 IWM stood lower 21 sessions later: the odds of a fall are 33% (90% interval 12% to 64%;
    overlap leaves the worth of 7.5 independent cases). IWM stood lower after 40% of all sessions in
    that time, so the lift is 0.83 (0.30 to 1.60): the difference could well be luck (q = 0.90 over 30
    events). Median return afterwards +1.0% (middle 80%: -5.0% to +6.0%), median worst drawdown on the
    way -3.0%. The newest case has not resolved and is not counted.
    """
    where = "lower" if told.direction == "bearish" else "higher"
    move = "fall" if told.direction == "bearish" else "rise"
    opening = f"{told.ticker} on {_day(told.occurred_on)} ({_age(told)}): {told.says}."
    pending = _pending(told.pending)
    if told.cases == 0:
        return (
            f"{opening} No case since {_day(told.since)} has resolved, so nothing can be said of what follows.{pending}"
        )
    noun = "case" if told.cases == 1 else "cases"
    where_from = f"{told.cases} past {noun} since {_day(told.since)}"
    return (
        f"{opening} In {told.continued} of {where_from} {told.ticker} stood {where} {told.horizon_sessions} sessions "
        f"later: the odds of a {move} are {told.odds:.0%} ({told.level:.0%} interval {told.odds_low:.0%} to "
        f"{told.odds_high:.0%}; overlap leaves the worth of {told.effective_cases:.1f} independent cases). "
        f"{told.ticker} stood {where} after {told.base_rate:.0%} of all sessions in that time, so the lift is "
        f"{_number(told.lift)} ({_number(told.lift_low)} to {_number(told.lift_high)}): {luck(told)}. Median return "
        f"afterwards {told.return_median:+.1%} (middle 80%: {told.return_q10:+.1%} to {told.return_q90:+.1%}), median "
        f"worst drawdown on the way {told.drawdown_median:.1%}.{pending}"
    )


def luck(told: EventOdds) -> str:
    """Whether the difference from the base rate could be luck, given how many events were looked at."""
    tested = f"q = {told.q_value:.2f} over {told.tested} event{'s' if told.tested != 1 else ''}"
    if told.q_value <= RARE:
        return f"luck alone seldom makes such a difference ({tested})"
    if told.p_value <= RARE:
        return f"unusual if it stood alone, but among so many events it could be luck ({tested})"
    return f"the difference could well be luck ({tested})"


def _age(told: EventOdds) -> str:
    match told.age_sessions:
        case 0:
            return "at the latest close"
        case 1:
            return "1 session ago"
        case sessions:
            return f"{sessions} sessions ago"


def _pending(count: int) -> str:
    if count == 0:
        return ""
    if count == 1:
        return " The newest case has not resolved and is not counted."
    return f" The {count} newest cases have not resolved and are not counted."


def _number(value: float) -> str:
    return "unknown" if np.isnan(value) else f"{value:.2f}"


def _day(day: pd.Timestamp) -> str:
    return str(day.date())
