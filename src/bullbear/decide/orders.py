"""From target weights to orders: whole shares, sales before purchases, and never more than the cash.

Weights are fractions of what the equity is after costs, as in the account. Purchases round down, sales up; should the
cash still not do, because a small sale was left out, the largest purchase gives way share by share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from bullbear.decide.positions_file import Position
from bullbear.errors import InputError

LEAST_TRADE = 0.005
"""Of equity, by default: under it the spread, the rounding to shares and the work weigh more than the deviation."""
_ROUNDING = 1e-9


class RestingStop(NamedTuple):
    """A stop of a part of what is held of a ticker after the orders: its price of the day and that part, 0 to 1."""

    ticker: str
    level: float
    part: float


@dataclass(frozen=True, slots=True)
class Order:
    """Shares of one ticker to be traded at the next open, or to be sold by a stop that rests in the market.

    `price` is the close of the decision or the level of the stop, `value` the shares at that price, in dollars.
    """

    type: Literal["open", "stop"]
    action: Literal["sell", "buy"]
    ticker: str
    shares: int
    price: float
    value: float
    shares_before: float
    shares_after: float
    weight: float


@dataclass(frozen=True, slots=True)
class OrderList:
    """Sales, purchases, then resting stops; what they leave in cash, about what they cost, and what was left out."""

    equity: float
    orders: tuple[Order, ...]
    cash_before: float
    cash_after: float
    cost: float
    held: tuple[tuple[Position, float], ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The keys `orders` and `portfolio` of `forecast --json`."""
        return {
            "orders": [asdict(order) for order in self.orders],
            "portfolio": {
                "equity": self.equity,
                "cash_before": self.cash_before,
                "cash_after": self.cash_after,
                "cost": self.cost,
                "positions": [
                    {
                        **asdict(each),
                        "price": price,
                        "value": each.shares * price,
                        "profit": None if each.cost is None else each.shares * (price - each.cost),
                    }
                    for each, price in self.held
                ],
                "notes": list(self.notes),
            },
        }


def order_list(
    held: Mapping[str, Position],
    targets: Mapping[str, float],
    prices: Mapping[str, float],
    *,
    equity: float,
    costs: Mapping[str, float],
    stops: Sequence[RestingStop] = (),
    least_trade: float | None = None,
) -> OrderList:
    """The orders that lead from the positions `held` to the `targets`.

    Parameters
    ----------
    targets
        Fractions of equity by ticker, without cash; what is held and not among them is sold.
    prices
        Dollars a share, for each ticker held or wanted.
    equity
        Dollars: positions and cash together.
    costs
        Fraction of the value traded, by ticker.
    least_trade
        Dollars under which nothing is traded, except to sell all; None for `LEAST_TRADE` of equity.

    Raises
    ------
    InputError
        The equity or the least trade is no amount of dollars, or the positions are worth more than the equity.
    """
    check_amounts(equity, least_trade)
    least = LEAST_TRADE * equity if least_trade is None else least_trade
    worth = math.fsum(each.shares * prices[t] for t, each in held.items())
    if worth > equity * (1.0 + _ROUNDING):
        raise InputError(
            "--equity",
            equity,
            f"at least what the positions are worth, {worth:,.2f} USD",
            "give positions and cash together",
        )
    tickers = sorted({*held, *targets})
    before = {t: held[t].shares if t in held else 0.0 for t in tickers}
    cost, notes = 0.0, list[str]()
    changes: dict[str, int] = {}
    for _ in range(3):  # costs are small: the second round is right to the cent
        changes = {t: _change(before[t], targets.get(t, 0.0) * (equity - cost) / prices[t]) for t in tickers}
        cost = _cost(changes, prices, costs)
    for t in tickers:
        dollars = abs(changes[t]) * prices[t]
        if changes[t] and dollars < least and targets.get(t, 0.0) > 0.0:
            side = "buy" if changes[t] > 0 else "sell"
            notes.append(f"{t}: {dollars:,.0f} USD to {side} is less than the least trade of {least:,.0f} USD")
            changes[t] = 0
    cash = equity - worth
    while (left := cash - _spent(changes, prices) - _cost(changes, prices, costs)) < -_ROUNDING * equity:
        bought = [t for t in tickers if changes[t] > 0]
        if not bought:
            break
        largest = max(bought, key=lambda t: changes[t] * prices[t])
        missing = -left / (prices[largest] * (1.0 + costs.get(largest, 0.0)))
        changes[largest] = max(0, changes[largest] - max(1, math.ceil(missing)))
    after = {t: before[t] + changes[t] for t in tickers}
    notes += [
        f"{t}: {after[t]:g} of a share stays, as orders are in whole shares"
        for t in tickers
        if targets.get(t, 0.0) == 0.0 and after[t] > 0.0
    ]
    orders = [
        Order(
            "open",
            "buy" if changes[t] > 0 else "sell",
            t,
            abs(changes[t]),
            prices[t],
            abs(changes[t]) * prices[t],
            before[t],
            after[t],
            targets.get(t, 0.0),
        )
        for t in sorted(tickers, key=lambda t: (changes[t] > 0, t))
        if changes[t]
    ]
    for stop in stops:
        whole = math.floor(after.get(stop.ticker, 0.0) * stop.part + _ROUNDING)
        if whole:
            left = after[stop.ticker] - whole
            value = whole * stop.level
            orders.append(Order("stop", "sell", stop.ticker, whole, stop.level, value, after[stop.ticker], left, 0.0))
    cost = _cost(changes, prices, costs)
    return OrderList(
        equity,
        tuple(orders),
        cash,
        cash - _spent(changes, prices) - cost,
        cost,
        tuple((held[t], prices[t]) for t in sorted(held)),
        tuple(notes),
    )


def check_amounts(equity: float, least_trade: float | None) -> None:
    """Refuse what are no amounts of dollars.

    Raises
    ------
    InputError
        The equity is not above zero, the least trade negative, or one of them infinite or NaN.
    """
    if not 0.0 < equity < math.inf:
        raise InputError("--equity", equity, "an amount of dollars above 0", "give positions and cash together")
    if least_trade is not None and not 0.0 <= least_trade < math.inf:
        raise InputError("--least-trade", least_trade, "an amount of dollars from 0", "correct it, or leave it out")


def _change(before: float, wanted: float) -> int:
    """Whole shares from `before` to at most `wanted`; never more sold than there are."""
    difference = math.floor(wanted + _ROUNDING) - before
    if difference > 0:
        return math.floor(difference + _ROUNDING)
    return -min(math.ceil(-difference - _ROUNDING), math.floor(before + _ROUNDING))


def _spent(changes: Mapping[str, int], prices: Mapping[str, float]) -> float:
    return math.fsum(n * prices[t] for t, n in changes.items())


def _cost(changes: Mapping[str, int], prices: Mapping[str, float], costs: Mapping[str, float]) -> float:
    return math.fsum(abs(n) * prices[t] * costs.get(t, 0.0) for t, n in changes.items())
