"""The two agents compiled together with the account: a whole backtest is one call.

The rule is that of `decide.agents`, the very functions that decide an evening, and what they see of a close is packed
by `TwoAgents.inputs`, once for all variants. Only the account's part of the inputs is made here: what is held, and what
was stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bullbear.decide import step
from bullbear.decide.agents import bear, bull, inputs, kernel, outlook, reasons, rules, stops, trend
from bullbear.decide.agents.inputs import Fund, Funds, Inputs
from bullbear.decide.agents.kernel import Memory, decide
from bullbear.decide.agents.rules import Rules
from bullbear.decide.compiled import session as account
from bullbear.decide.compiled.machine_code import compiled, register
from bullbear.decide.compiled.session import STOPPED, VALUE, Log, at_close, equity_of, order, session
from bullbear.decide.compiled.tables import Ints, Tables
from bullbear.decide.market import Floats

SEEN = Inputs._fields[:22]
"""The inputs that no account changes; `Seen.numbers` has a column for each."""
_ACCOUNTS = ("base_held", "overlay_held", "overlay_stopped", "bears")
assert (*SEEN, *_ACCOUNTS) == Inputs._fields, Inputs._fields


class Seen(NamedTuple):
    """What the agents see at each close of a backtest but for their account.

    `decided` (n_sessions,): whether there is a decision. `numbers` (n_sessions, 22): the inputs `SEEN`. `funds`
    (n_sessions, 3, 4): close, ATR, multiple and expense of the Bear's funds. `places` (5,): the slots of the base, the
    overlay and the three funds, -1 where there is none.
    """

    decided: NDArray[np.bool_]
    numbers: Floats
    funds: Floats
    places: Ints


def _held(book: Floats, place: int, equity: float) -> float:
    return float(book[VALUE, place] / equity) if place >= 0 else 0.0


def _stopped(book: Floats, place: int) -> bool:
    return bool(place >= 0 and book[STOPPED, place] == book[STOPPED, place])


def _fund(seen: Seen, book: Floats, at: int, place: int, equity: float) -> Fund:
    slot, each = seen.places[2 + place], seen.funds[at, place]
    return Fund(each[0], each[1], each[2], each[3], _held(book, slot, equity), _stopped(book, slot))


def _inputs(seen: Seen, book: Floats, at: int, equity: float) -> Inputs:
    x, places = seen.numbers[at], seen.places
    return Inputs(
        x[0],
        x[1],
        x[2],
        x[3],
        x[4],
        x[5],
        x[6],
        x[7],
        x[8],
        x[9],
        x[10],
        x[11],
        x[12],
        x[13],
        x[14],
        x[15],
        x[16],
        x[17],
        x[18],
        x[19],
        x[20],
        x[21],
        _held(book, places[0], equity),
        _held(book, places[1], equity),
        _stopped(book, places[1]),
        Funds(_fund(seen, book, at, 0, equity), _fund(seen, book, at, 1, equity), _fund(seen, book, at, 2, equity)),
    )


def _order(seen: Seen, book: Floats, row: int, place: int, target: float, stop: float, equity: float) -> None:
    slot = seen.places[place]
    if slot >= 0:
        order(book, row, slot, book[VALUE, slot] / equity, target, stop if target > 0.0 else np.nan)


def _walk(version: str) -> Callable[..., None]:
    def walk(
        tables: Tables, book: Floats, log: Log, first: int, last: int, seen: Seen, rules: Rules, memory: Memory
    ) -> None:
        version  # noqa: B018 - see machine_code
        n_slots = len(tables.ticker_of)
        at_close(book, log, 0, n_slots)
        for row in range(first, last + 1):
            at = row - first
            if at:
                session(tables, book, log, row, at)
            if seen.decided[at]:
                equity = equity_of(book, n_slots)
                decision = decide(_inputs(seen, book, at, equity), memory, rules)
                memory = decision.memory
                wanted, bear_stop = decision.weights, memory.bear.stop
                _order(seen, book, row, 0, wanted.base, np.nan, equity)
                _order(seen, book, row, 1, wanted.overlay, memory.overlay.stop, equity)
                _order(seen, book, row, 2, wanted.first, bear_stop, equity)
                _order(seen, book, row, 3, wanted.second, bear_stop, equity)
                _order(seen, book, row, 4, wanted.third, bear_stop, equity)

    return walk


_SOURCES = (step, account, inputs, rules, reasons, outlook, stops, trend, bull, bear, kernel, sys.modules[__name__])
walk_agents = compiled(_walk, register(_SOURCES))
"""(tables, book, log, first, last, seen, rules, memory): from the close of row `first` to that of `last`."""
