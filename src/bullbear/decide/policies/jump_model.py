"""All or nothing by the regime of a statistical jump model: in the market while it is calm, else in cash.

The strategy of Shu, Yu and Mulvey. Two regimes are told by downside deviation and Sortino ratios of the instrument's
own returns. At the end of each month the model is fitted anew to the sessions so far, for each candidate of the jump
penalty; the penalty is then the one whose strategy, as it would have traded, had the best Sharpe ratio in the past.

Three things differ from the paper. Its histories are long indices, ours the fund's own: a model waits for two years of
features instead of eight. The downside deviation is in logs, as in their published code. And the account trades at the
next open instead of a close one session later.

References
----------
Shu, Y., Yu, C. and Mulvey, J. M. (2024), Downside risk reduction using regime-switching signals: a statistical jump
model approach, Journal of Asset Management 25(5), 493-507. https://doi.org/10.1057/s41260-024-00376-x
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from bullbear.decide.instruments import Tradable
from bullbear.decide.market import Floats, Market
from bullbear.decide.policy import POLICIES, Memory, Needs, Policy, Sleeve, Stance, State, named_as_sold
from bullbear.factors.engine.registry import Bars
from bullbear.factors.volatility.downside import log_downside_deviation, sortino_ratio
from bullbear.statistics.jump_walk import walk_forward_states
from bullbear.statistics.overlap import Rows

_SIGNAL = "turbulent"


@POLICIES.register
class JumpModelSwitch(Policy):
    """All in `instrument` in the calm regime, cash in the turbulent one and until there is a model.

    `penalties` are the candidates for the price of a change of regime, in half squared standard deviations. A model
    sees the last `window` sessions, of which there must be `least`; a penalty is judged by the last `judged` sessions
    of its strategy, at `cost_bp` basis points a switch, and until there are `least_judged` it is the middle candidate.
    """

    kind: Literal["jump_model"] = "jump_model"
    instrument: Tradable = Field(default="IWM", validate_default=True)
    penalties: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        default=(3.0, 10.0, 30.0, 100.0), min_length=1, strict=False
    )
    window: int = Field(default=3000, ge=252)
    least: int = Field(default=504, ge=126)
    judged: int = Field(default=2016, ge=252)
    least_judged: int = Field(default=252, ge=21)
    cost_bp: float = Field(default=10.0, ge=0)

    @property
    def needs(self) -> Needs:
        """The instrument's price."""
        return Needs(funds=(self.instrument.ticker,))

    def signals(self, market: Market) -> Mapping[str, Sequence[float]]:
        """1 in the turbulent regime, 0 in the calm one."""
        bars = market.bars.get(self.instrument.ticker)
        if bars is None:
            return {}
        closes, ends = np.array(bars.close), np.array(market.month_ends[0], dtype=np.int64)
        known = np.flatnonzero(closes == closes)
        found = np.full(len(closes), np.nan)
        # A month whose last session has no price ends with the next one that has: no close before knows that it lacks.
        rows = np.unique(np.searchsorted(known, ends, side="left"))
        found[known] = _turbulent(
            closes[known].tobytes(),
            np.array(market.rates)[known].tobytes(),
            tuple(rows[rows < len(known)].tolist()),
            self._rule,
        )
        # A session without a price says nothing new.
        last = np.maximum.accumulate(np.where(closes == closes, np.arange(len(closes)), -1))
        found = np.where(last >= 0, found[last], np.nan)
        return {_SIGNAL: found.tolist()}

    @property
    def _rule(self) -> _Rule:
        penalties = tuple(sorted(self.penalties))
        return penalties, self.window, self.least, self.judged, self.least_judged, self.cost_bp / 1e4

    def decide(self, state: State, memory: Memory) -> tuple[Stance, Memory]:
        """All in or all out; between two switches nothing is traded."""
        ticker = self.instrument.ticker
        turbulent = state.factors.get(_SIGNAL, math.nan)
        weight = (state.weight(ticker) or 1.0) if turbulent == 0.0 else 0.0
        reason = "no jump model is known yet"
        if turbulent == turbulent:
            reason = f"the jump model sees {ticker} in its {'turbulent' if turbulent else 'calm'} regime"
        sleeve = Sleeve("bull", "bull", self.instrument, weight, (reason,))
        return Stance(state.decided_at, (sleeve,), tuple(named_as_sold(state, (ticker,)))), memory


_Rule = tuple[tuple[float, ...], int, int, int, int, float]
"""Penalties, window, least, judged, least_judged, cost as a fraction."""


@lru_cache(maxsize=8)  # several models are backtested over the same prices
def _turbulent(closes: bytes, rates: bytes, month_ends: tuple[int, ...], rule: _Rule) -> Floats:
    """1 or 0 at each session, NaN before the first model."""
    penalties, window, least, *_ = rule
    close = np.frombuffer(closes)
    found = np.full(len(close), np.nan)
    features = _features(close)
    whole = np.isfinite(features).all(axis=1)
    first = int(np.argmax(whole)) if whole.any() else len(close)
    refits = [row - first for row in month_ends if row - first + 1 >= least]
    if not refits:
        return found
    states = walk_forward_states(features[first:], refits, penalties, window=window)
    places = _chosen(states, refits, close[first:], np.frombuffer(rates)[first:], rule)
    rows = np.arange(refits[0], len(states))
    found[first + rows] = states[rows, places[rows]]
    found.flags.writeable = False
    return found


def _features(close: Floats) -> Floats:
    """Log downside deviation and two Sortino ratios, shape (n, 3); the first is high in turbulence."""
    bars = Bars(np.arange(len(close)).astype("datetime64[D]"), close, close, close, close, close)
    columns = [
        log_downside_deviation(bars, halflife=10.0, window=63),
        sortino_ratio(bars, halflife=20.0, window=126),
        sortino_ratio(bars, halflife=60.0, window=252),
    ]
    return np.column_stack(columns)


def _chosen(states: Rows, refits: Sequence[int], close: Floats, rates: Floats, rule: _Rule) -> Rows:
    """At each row the place of the penalty in force: the best strategy up to the last refit."""
    penalties, _, _, judged, least_judged, cost = rule
    returns = close[1:] / close[:-1] - 1.0 - rates[:-1] / 252.0
    held = (states == 0).astype(np.float64)
    switched = np.abs(np.diff(held, axis=0, prepend=0.0))
    # What is held into a session was decided at the close before.
    earned = held[:-1] * returns[:, None] - switched[:-1] * cost
    begins = refits[0]  # earned[begins] is the first session after the first model
    places = np.full(len(states), len(penalties) // 2, dtype=np.int64)
    for number, row in enumerate(refits):
        past = earned[max(begins, row - judged) : row]
        if len(past) < least_judged:
            continue
        spread = past.std(axis=0)
        # A strategy that was never invested has no ratio; of equals, the one that switches less.
        ratios = np.where(spread > 1e-12, past.mean(axis=0) / np.where(spread > 1e-12, spread, 1.0), -np.inf)
        stop = refits[number + 1] if number + 1 < len(refits) else len(states)
        places[row:stop] = len(penalties) - 1 - int(np.argmax(ratios[::-1]))
    return places
