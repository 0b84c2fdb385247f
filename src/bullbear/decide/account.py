"""A paper account: walks sessions one by one, executes orders at opens, marks at closes, and loses no cent.

Per session, in this order: overnight (interest on the cash held, holdings from the last close to the open), orders of
an earlier close at the open with their costs, intraday (open to close), then at the close the next decision. Holdings
are carried in total-return units, so a dividend is reinvested on its ex-date. Profit is booked where it arises; the
sum of all bookings is the change of equity. An order for a fund that has no open waits for one, or for the next
decision, which replaces it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from bullbear.decide.instruments import CASH, instrument
from bullbear.decide.market import Market
from bullbear.sessions import closes, opens

Decider = Callable[[int, dict[str, float]], "Mapping[str, float] | None"]
"""(row, weights at its close) -> target weights of the funds to hold; None where nothing is decided on that day."""


@dataclass(frozen=True)
class Account:
    """What happened.

    `daily`, by session (`event_date`): `equity` at the close (starts at 1), `bull_weight`, `bear_weight`,
    `cash_weight` at the close, `exposure` (sum of weight times index multiple), `cash_return` (what a unit of cash
    earned since the last close), `turnover` (sum of absolute weight changes), and the bookings `bull_overnight`,
    `bull_intraday`, `bear_overnight`, `bear_intraday`, `interest`, `costs` (negative) in units of starting equity.

    `trades`: ticker, decided_at, executed_at, weight_before, weight_after, weight_change, price (raw open), value
    (signed, in units of starting equity), cost.
    """

    daily: pd.DataFrame
    trades: pd.DataFrame
    bull_ticker: str
    bear_ticker: str

    @property
    def equity(self) -> pd.Series:
        """Equity at each close."""
        return self.daily["equity"]

    @property
    def positions(self) -> pd.DataFrame:
        """Weights at each close, by ticker, with cash."""
        names = {"bull_weight": self.bull_ticker, "bear_weight": self.bear_ticker, "cash_weight": CASH}
        return self.daily[list(names)].rename(columns=names)

    @property
    def attribution(self) -> dict[str, float]:
        """Arithmetic profit by source, in units of starting equity: bull + bear + interest + costs = total."""
        sums = {name: float(self.daily[name].sum()) for name in BOOKINGS}
        bull, bear = sums["bull_overnight"] + sums["bull_intraday"], sums["bear_overnight"] + sums["bear_intraday"]
        total = bull + bear + sums["interest"] + sums["costs"]
        return {"bull": bull, "bear": bear, **sums, "total": total}


BOOKINGS = ("bull_overnight", "bull_intraday", "bear_overnight", "bear_intraday", "interest", "costs")
_DAILY = ("equity", "bull_weight", "bear_weight", "cash_weight", "exposure", "cash_return", "turnover", *BOOKINGS)
_TRADES = (
    "ticker", "decided", "executed", "weight_before", "weight_after", "weight_change", "price", "value", "cost",
)  # fmt: skip


def walk(
    market: Market,
    first: int,
    last: int,
    decide: Decider,
    *,
    bull_ticker: str,
    bear_ticker: str,
    rates: Sequence[float],
    cost_rates: Mapping[str, float],
) -> Account:
    """Run an account of 1 from the close of row `first` to the close of row `last`.

    Parameters
    ----------
    rates : yield known at each row's close from `first` on, fraction a year; earned over actual days / 365
    cost_rates : per ticker, cost as a fraction of the value traded
    """
    tickers = (bull_ticker, bear_ticker)
    multiples = {t: instrument(t).multiple for t in tickers}
    gaps = _days_between(market.sessions)
    values, marks = dict.fromkeys(tickers, 0.0), dict.fromkeys(tickers, 0.0)
    cash, orders, ordered_at = 1.0, dict[str, float](), first
    daily: list[tuple[float, ...]] = []
    trades: list[tuple[str, int, int, float, float, float, float, float, float]] = []
    for row in range(first, last + 1):
        pnl = dict.fromkeys(BOOKINGS, 0.0)
        cash_return = turnover = 0.0
        if row > first:
            cash_return = rates[row - first - 1] * gaps[row] / 365.0
            pnl["interest"] = cash * cash_return
            cash += pnl["interest"]
            fillable = []
            for leg, t in (("bull", bull_ticker), ("bear", bear_ticker)):
                price = market.funds[t].open[row] if t in market.funds else float("nan")
                if price == price:
                    if values[t]:
                        moved = values[t] * (price / marks[t] - 1.0)
                        values[t] += moved
                        pnl[f"{leg}_overnight"] = moved
                    marks[t] = price
                    if t in orders:
                        fillable.append(t)
            if fillable:
                targets = {t: orders.pop(t) for t in fillable}
                equity = cash + values[bull_ticker] + values[bear_ticker]
                after, costs = _fill(equity, values, targets, cost_rates)
                for t in fillable:
                    before, value = values[t] / equity, after[t] - values[t]
                    trades.append(
                        (t, ordered_at, row, before, targets[t], targets[t] - before, market.funds[t].raw_open[row],
                         value, costs[t])
                    )  # fmt: skip
                    turnover += abs(targets[t] - before)
                    values[t] = after[t]
                paid = sum(costs.values())
                pnl["costs"] = -paid
                cash = equity - paid - values[bull_ticker] - values[bear_ticker]
            for leg, t in (("bull", bull_ticker), ("bear", bear_ticker)):
                price = market.funds[t].close[row] if t in market.funds else float("nan")
                if price == price:
                    if values[t]:
                        moved = values[t] * (price / marks[t] - 1.0)
                        values[t] += moved
                        pnl[f"{leg}_intraday"] = moved
                    marks[t] = price
        equity = cash + values[bull_ticker] + values[bear_ticker]
        weights = {t: values[t] / equity for t in tickers}
        decided = decide(row, weights)
        if decided is not None:
            orders = {t: decided[t] for t in tickers if decided.get(t, 0.0) != weights[t]}
            ordered_at = row
        exposure = sum(weights[t] * multiples[t] for t in tickers)
        daily.append(
            (equity, weights[bull_ticker], weights[bear_ticker], cash / equity, exposure, cash_return, turnover,
             *pnl.values())
        )  # fmt: skip
    index = market.sessions[first : last + 1].rename("event_date")
    frame = pd.DataFrame(daily, columns=list(_DAILY), index=index)
    return Account(frame, _trades(trades, market.sessions), bull_ticker, bear_ticker)


def _fill(
    equity: float, values: Mapping[str, float], targets: Mapping[str, float], cost_rates: Mapping[str, float]
) -> tuple[dict[str, float], dict[str, float]]:
    """Values after the trade and cost by ticker, such that each target is met *after* costs are paid.

    Solves C = sum_k c_k |w_k (E - C) - v_k| by iteration, a contraction with factor of the size of c.
    """
    paid = 0.0
    after: dict[str, float] = {}
    costs: dict[str, float] = {}
    for _ in range(50):
        after = {t: weight * (equity - paid) for t, weight in targets.items()}
        costs = {t: cost_rates[t] * abs(after[t] - values[t]) for t in targets}
        total = sum(costs.values())
        if abs(total - paid) <= 1e-17 * equity:
            break
        paid = total
    return after, costs


def _days_between(sessions: pd.DatetimeIndex) -> list[int]:
    days = sessions.to_numpy().astype("datetime64[D]").astype(int)
    return [0, *(int(b - a) for a, b in pairwise(days))]


def _trades(
    rows: list[tuple[str, int, int, float, float, float, float, float, float]], sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(_TRADES))
    decided = closes(sessions[frame.pop("decided").to_numpy(dtype=int)])
    executed = opens(sessions[frame.pop("executed").to_numpy(dtype=int)])
    frame.insert(1, "decided_at", decided)
    frame.insert(2, "executed_at", executed)
    return frame
