"""The odds of one event as numbers and as a paragraph: sample, base rate, lift, and whether chance explains it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear.definitions import UP
from bullbear.documents import json_ready
from bullbear.odds.definitions import Direction
from bullbear.wording import count, interval, percent, short_date

FALSE_DISCOVERY_RATE = 0.10
"""The share of false findings that is accepted among those called significant."""


@dataclass(frozen=True)
class EventOdds:
    """The odds of one event as of one close; fractions throughout, NaN where no case has resolved.

    `active` is true while the latest occurrence's own outcome is open and no opposite event of the same indicator has
    followed it. `tested` is the number of events over which `q_value` is adjusted. `return_q10` and its like are
    quantiles of the total return that followed, `drawdown_*` of the deepest fall from a peak on the way. `continued`
    counts the rises after a bullish event and the falls after a bearish one where the question is `up`, else the cases
    in which the answer was yes; `odds` and `base_rate` are shares of the same.
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
    question: str = UP.name
    sentence: str = UP.sentence

    @property
    def statement(self) -> str:
        """These odds as a paragraph."""
        return statement(self)

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON: days in ISO form, unknown numbers as None, the statement last."""
        return {**json_ready(self, days=True), "statement": self.statement}


def statement(odds: EventOdds) -> str:
    """One paragraph: what happened, what followed in how many cases, the base rate, and whether chance explains it.

    Example
    -------
    >>> import textwrap
    >>> day, event = pd.Timestamp("2019-12-31"), pd.Timestamp("2019-12-27")
    >>> odds = EventOdds(
    ...     "e", "MACD", "bearish", "the MACD histogram turned negative", "IWM", day, event, 2, True,
    ...     9, 1, 3, 1 / 3, 0.12, 0.64, 0.4, 5 / 6, 0.3, 1.6, 7.5, 0.8, 0.9, 30, 0.39, 0.01, -0.05, -0.02, 0.03, 0.06,
    ...     -0.03, -0.08, -0.01, 21, pd.Timestamp("2014-12-31"), 0.9)
    >>> print(textwrap.fill(statement(odds), 100))
    IWM on 27 Dec 2019 (2 sessions ago): the MACD histogram turned negative. In 3 of 9 past cases since
    31 Dec 2014 IWM stood lower 21 sessions later: the odds of a fall are 33 % (90 % interval 12 % to 64
    %; outcomes overlap, so the cases count as 7.5 independent ones). IWM stood lower after 40 % of all
    sessions in that time, so the lift is 0.83 (0.30 to 1.60): the difference may be chance (q = 0.90
    over 30 events). Median return afterwards +1.0 % (middle 80 %: -5.0 % to +6.0 %), median worst
    drawdown on the way -3.0 %. The newest case has not resolved and is not counted.
    """
    opening = f"{odds.ticker} on {short_date(odds.occurred_on)} ({_age(odds)}): {odds.says}."
    pending = _pending(odds.pending)
    if odds.cases == 0:
        since = short_date(odds.since)
        return f"{opening} No case since {since} has resolved, so nothing can be said of what follows.{pending}"
    noun = "case" if odds.cases == 1 else "cases"
    where_from = f"{odds.cases} past {noun} since {short_date(odds.since)}"
    followed, usually = _words(odds)
    return (
        f"{opening} In {odds.continued} of {where_from} {followed} "
        f"{percent(odds.odds, 0)} ({percent(odds.level, 0)} interval {interval(odds.odds_low, odds.odds_high, 0)}; "
        f"outcomes overlap, so the cases count as {odds.effective_cases:.1f} independent ones). "
        f"{usually} after {percent(odds.base_rate, 0)} of all sessions in that time, so the lift is "
        f"{_number(odds.lift)} ({_number(odds.lift_low)} to {_number(odds.lift_high)}): {significance(odds)}. "
        f"Median return afterwards {percent(odds.return_median, signed=True)} "
        f"(middle 80 %: {interval(odds.return_q10, odds.return_q90, signed=True)}), "
        f"median worst drawdown on the way {percent(odds.drawdown_median)}.{pending}"
    )


def _words(odds: EventOdds) -> tuple[str, str]:
    """What followed, up to the odds, and what is usual, up to the base rate."""
    if odds.question != UP.name:
        followed = (
            f'the answer over {odds.horizon_sessions} sessions was yes to {odds.question}, "{odds.sentence}": P(yes) is'
        )
        return followed, "It was yes"
    where = "lower" if odds.direction == "bearish" else "higher"
    move = "fall" if odds.direction == "bearish" else "rise"
    followed = f"{odds.ticker} stood {where} {odds.horizon_sessions} sessions later: the odds of a {move} are"
    return followed, f"{odds.ticker} stood {where}"


def significance(odds: EventOdds) -> str:
    """Whether chance explains the difference from the base rate, given how many events were tested."""
    tested = f"q = {odds.q_value:.2f} over {odds.tested} event{'s' if odds.tested != 1 else ''}"
    if odds.q_value <= FALSE_DISCOVERY_RATE:
        return f"chance alone seldom makes such a difference ({tested})"
    if odds.p_value <= FALSE_DISCOVERY_RATE:
        return f"unusual for a single event, but not among so many ({tested})"
    return f"the difference may be chance ({tested})"


def _age(odds: EventOdds) -> str:
    return f"{count(odds.age_sessions, 'session')} ago" if odds.age_sessions else "at the latest close"


def _pending(cases: int) -> str:
    if cases == 0:
        return ""
    if cases == 1:
        return " The newest case has not resolved and is not counted."
    return f" The {cases} newest cases have not resolved and are not counted."


def _number(value: float) -> str:
    return "unknown" if np.isnan(value) else f"{value:.2f}"
