"""A compiled walk over given targets, and the tables of `decide.account` made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bullbear.decide.account import Account, Row, account_of
from bullbear.decide.compiled import session
from bullbear.decide.compiled.session import new_book, new_log, walk_targets
from bullbear.decide.compiled.tables import Tables, tables
from bullbear.decide.instruments import Instrument
from bullbear.decide.market import Floats, Market
from bullbear.decide.policy import Slot
from bullbear.decide.step import WHEN, Fill
from bullbear.errors import InputError

AT: tuple[Literal["open", "stop", "close"], ...] = ("open", "stop", "close")


@dataclass(frozen=True, eq=False)
class Walked:
    """An account from the close of row `first` of `market` on; arrays by session, (n_sessions,) or (…, n_slots).

    `equity` starts at 1; `weights` of the slots and `cash` are fractions of it at each close. `costs` (negative),
    `interest`, `overnight` and `intraday` are the bookings of `Account`, `turnover` and `cash_return` its columns.
    """

    market: Market
    first: int
    slots: tuple[Slot, ...]
    instruments: Mapping[str, Instrument]
    equity: Floats
    weights: Floats
    cash: Floats
    cash_return: Floats
    turnover: Floats
    interest: Floats
    costs: Floats
    overnight: Floats
    intraday: Floats
    fills: Floats

    @property
    def excess_returns(self) -> Floats:
        """Daily returns less what cash earned; one fewer than the closes."""
        return np.asarray(self.equity[1:] / self.equity[:-1] - 1.0 - self.cash_return[1:], dtype=np.float64)

    @property
    def exposure(self) -> Floats:
        """Sum of weight times index multiple at each close."""
        multiples = [self.instruments[slot.ticker].multiple for slot in self.slots]
        return np.asarray(self.weights @ np.array(multiples), dtype=np.float64)

    def account(self) -> Account:
        """The same as the tables that every figure of a backtest is made of."""
        fills: dict[int, list[Fill]] = {}
        for line in self.fills:
            fills.setdefault(int(line[0]) - self.first, []).append(self._fill(line))
        tickers = {slot.ticker: self.instruments[slot.ticker] for slot in self.slots}
        exposure, weights, rows = self.exposure, self.weights.tolist(), []
        for at in range(len(self.equity)):
            profit: dict[str, float] = {"interest": float(self.interest[at]), "costs": float(self.costs[at])}
            for place, slot in enumerate(self.slots):
                for when, booked in zip(WHEN, (self.overnight, self.intraday), strict=True):
                    name = f"{slot.sleeve}_{when}"
                    profit[name] = profit.get(name, 0.0) + float(booked[at, place])
            rows.append(
                Row(
                    float(self.equity[at]),
                    float(self.cash[at]),
                    {slot: weight for slot, weight in zip(self.slots, weights[at], strict=True) if weight},
                    float(exposure[at]),
                    float(self.cash_return[at]),
                    profit,
                    tuple(fills.get(at, ())),
                    [t for t, each in tickers.items() if each.is_modelled(self.market, self.first + at)],
                )
            )
        index = self.market.sessions[self.first : self.first + len(rows)].rename("event_date")
        return account_of(index, rows, self.slots)

    def _fill(self, line: Floats) -> Fill:
        row, decided, place, why = (int(number) for number in line[:4])
        slot, days = self.slots[place], self.market.days
        before, after, price, value, cost = (float(number) for number in line[4:])
        bars = self.market.bars.get(slot.ticker)
        if bars is not None and why == 0:
            price = bars.raw_open[row]
        elif bars is not None and why == 1:
            price *= bars.unit[row]
        return Fill(slot, days[decided], days[row], AT[why], before, after, price, value, cost)


def walk(
    market: Market,
    instruments: Mapping[str, Instrument],
    slots: Sequence[Slot],
    targets: Floats,
    stops: Floats | None = None,
    *,
    first: int = 0,
    arrays: Tables | None = None,
) -> Walked:
    """Run an account of 1 from the close of row `first` of `market`, with given targets: `decide.account.walk`.

    Parameters
    ----------
    slots
        Sorted places of the account.
    targets
        (n_sessions, n_slots) fractions of equity decided at each close from `first` on; a row of NaN decides nothing.
    stops
        Of the same shape: the resting stops of each decision in total-return prices, NaN for none.
    arrays
        Those of `tables(market, instruments, slots)`, if they are at hand already.

    Raises
    ------
    InputError
        What `tables` refuses; a shape is wrong; a row has both weights and NaN, a weight below 0, or a sum above 1.
    """
    read = tables(market, instruments, slots) if arrays is None else arrays
    shape = targets.shape
    if len(shape) != 2 or shape[1] != len(slots) or not 0 < len(targets) <= len(market.sessions) - first:
        allowed = f"(1 to {len(market.sessions) - first}, {len(slots)})"
        raise InputError("targets", f"shape {shape}", allowed, "give one row a session and one column a slot")
    levels = np.full(shape, np.nan) if stops is None else np.ascontiguousarray(stops, dtype=np.float64)
    if levels.shape != shape:
        raise InputError("stops", f"shape {levels.shape}", str(shape), "give one stop for each target")
    wanted = np.ascontiguousarray(targets, dtype=np.float64)
    decided = ~np.isnan(wanted).all(axis=1)
    given = wanted[decided]
    if not ((given >= 0.0).all() and (given.sum(axis=1) <= 1.0 + 1e-9).all()):  # false for NaN too
        raise InputError(
            "targets", "a row that is no set of weights", "weights from 0 that sum to at most 1", "correct the rule"
        )
    book, log = new_book(len(slots)), new_log(len(wanted), len(slots))
    walk_targets(read, book, log, first, first + len(wanted) - 1, decided, wanted, levels)
    return walked(market, instruments, slots, first, read, log)


def walked(
    market: Market,
    instruments: Mapping[str, Instrument],
    slots: Sequence[Slot],
    first: int,
    arrays: Tables,
    log: session.Log,
) -> Walked:
    """What a log says."""
    by_day, by_slot, fills, count = log
    equity = by_day[:, session.EQUITY]
    cash_return = arrays.cash_return[first : first + len(equity)].copy()
    cash_return[0] = 0.0
    return Walked(
        market,
        first,
        tuple(slots),
        instruments,
        equity,
        by_slot[:, session.HELD] / equity[:, None],
        by_day[:, session.CASH] / equity,
        cash_return,
        by_day[:, session.TURNOVER],
        by_day[:, session.INTEREST],
        by_day[:, session.COSTS],
        by_slot[:, session.OVERNIGHT],
        by_slot[:, session.INTRADAY],
        fills[: count[0]],
    )
