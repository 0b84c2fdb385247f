"""Many variants of the two agents over the same forecasts: what they see is packed once, each account is one call.

A variant may differ from the others in everything that its definition says. The backtest of a variant is that of
`decide.backtest`, to 1e-9 in equity and weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.decide.advice import market_for, state_at
from bullbear.decide.agents.kernel import first_memory
from bullbear.decide.book import Book
from bullbear.decide.compiled.agents import SEEN, Seen, walk_agents
from bullbear.decide.compiled.session import new_book, new_log
from bullbear.decide.compiled.tables import Tables, tables, uncompiled
from bullbear.decide.compiled.walk import Walked, walked
from bullbear.decide.instruments import Instrument, instruments_in
from bullbear.decide.market import Floats, Market, View
from bullbear.decide.outcome import Outcome
from bullbear.decide.policies.two_agents import TwoAgents
from bullbear.decide.policy import Slot
from bullbear.decide.replay import Asked, check_predictions, schedule
from bullbear.errors import Found, InputError

T = TypeVar("T")
_PLACES = 5
"""The base, the overlay and three funds of the Bear."""


@dataclass(frozen=True, eq=False)
class Replay:
    """The closes at which out-of-sample forecasts were made, ready for any number of variants.

    What a variant sees depends on `[outlook]`, the questions that it reads and its instruments.
    Variants that share these share their arrays.
    """

    market: Market
    asked: Mapping[int, Asked]
    first: int
    last: int
    _packed: dict[str, tuple[tuple[Slot, ...], dict[str, Instrument], Tables, Seen]] = field(default_factory=dict)

    def pack(self, policy: TwoAgents) -> None:
        """Prepare the arrays that `policy` and its like read; `run` does so at need.

        Raises
        ------
        InputError
            A question that it needs is missing, a forecast is no probability, or the compiled account cannot hold one
            of its instruments or its overlay, a call spread.
        HistoryError
            A decision stands before a whole volatility window.
        """
        self._arrays(policy)

    def run(self, policy: TwoAgents) -> Walked:
        """The account of one variant."""
        slots, instruments, read, seen = self._arrays(policy)
        book, log = new_book(len(slots)), new_log(self.last - self.first + 1, len(slots))
        walk_agents(read, book, log, self.first, self.last, seen, policy.rules, first_memory())
        return walked(self.market, instruments, slots, self.first, read, log)

    def _arrays(self, policy: TwoAgents) -> tuple[tuple[Slot, ...], dict[str, Instrument], Tables, Seen]:
        key = "|".join(each.model_dump_json() for each in (policy.outlook, *instruments_in(policy)))
        key += f"|{policy.bear.enabled}|{policy.needs.optional}"
        if key not in self._packed:
            self._packed[key] = self._pack(policy)
        return self._packed[key]

    def _pack(self, policy: TwoAgents) -> tuple[tuple[Slot, ...], dict[str, Instrument], Tables, Seen]:
        if why := refused(policy):
            raise InputError("policy", Found(why), "funds at their own prices", "replay it with backtest")
        bull = policy.bull.instrument
        funds = tuple(policy.bear.instruments) if policy.bear.enabled else ()
        order = [Slot(bull.ticker, "bull", "bull"), Slot(bull.ticker, "overlay", "bull")]
        order += [Slot(fund.ticker, "bear", "bear") for fund in funds]
        slots = tuple(sorted(order))
        instruments = {each.ticker: each for each in (bull, *funds)}
        n = self.last - self.first + 1
        places = np.full(_PLACES, -1, dtype=np.int64)
        places[: len(order)] = [slots.index(slot) for slot in order]
        seen = Seen(np.zeros(n, dtype=np.bool_), np.full((n, len(SEEN)), np.nan), np.full((n, 3, 4), np.nan), places)
        for row, (decided_at, forecasts) in self.asked.items():
            state = state_at(self.market, row, Book(session=self.market.days[row]), policy, decided_at, forecasts)
            state.check()
            inputs, at = policy.inputs(state), row - self.first
            seen.decided[at] = True
            seen.numbers[at] = inputs[: len(SEEN)]
            seen.funds[at] = [fund[:4] for fund in inputs.bears]
        return slots, instruments, tables(self.market, instruments, slots), seen


def refused(policy: TwoAgents) -> str:
    """Why the compiled account cannot hold what `policy` may; empty if it can."""
    if policy.overlay.enabled and policy.overlay.call_spread is not None:
        return "the overlay is a call spread, which expires"
    funds = (policy.bull.instrument, *(policy.bear.instruments if policy.bear.enabled else ()))
    return next((f"{fund.ticker}: {why}" for fund in funds if (why := uncompiled(fund))), "")


def outcome_of(walked: Walked) -> Outcome:
    """What a sweep keeps of an account."""
    weights: dict[str, Floats] = {}
    for place, slot in enumerate(walked.slots):
        weights[slot.ticker] = weights.get(slot.ticker, 0.0) + walked.weights[:, place]
    sessions = walked.market.sessions[walked.first : walked.first + len(walked.equity)]
    equity = pd.Series(walked.equity, sessions)
    return Outcome.of(equity, walked.excess_returns, walked.turnover, weights, len(walked.fills))


def replay(
    predictions: Predictions,
    view: View,
    policies: Sequence[TwoAgents],
    *,
    ticker: str = "IWM",
    factors: pd.DataFrame | None = None,
) -> Replay:
    """What `decide.backtest` reads, for `policies` and every variant of them that needs nothing else.

    Raises
    ------
    InputError, NoDataError
        As `decide.backtest`; or there is no policy.
    """
    if not policies:
        raise InputError("policies", "none", "at least one", "name a variant")
    check_predictions(predictions)
    held = {each.ticker: each for policy in policies for each in instruments_in(policy)}
    market = market_for(view, policies[0], ticker, held=held.values(), factors=factors)
    asked, first, last = schedule(predictions, market)
    return Replay(market, asked, first, last)


def sweep(prepared: Replay, policies: Iterable[TwoAgents], measure: Callable[[Walked], T], *, jobs: int = 2) -> list[T]:
    """`measure` of the account of each variant, in their order, on `jobs` threads.

    An account takes a megabyte and is gone once it is measured. Compiled code runs without the interpreter's lock.
    """
    variants = list(policies)
    for policy in variants:  # in one thread: the arrays are shared
        prepared.pack(policy)
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return list(pool.map(lambda policy: measure(prepared.run(policy)), variants))
