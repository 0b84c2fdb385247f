"""What following a ranking would have earned: quantile portfolios, the best against the group, and best less worst.

Every portfolio is equally weighted, decided at a close, entered at the next open, and pays for its orders. The group is
all members with a bar, on the same terms. Capacity is what the least liquid orders allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bullbear.definitions.picker import Trading
from bullbear.picking.accounts import Account, by_decision, equal_weights, follow
from bullbear.picking.cross_section import Array, BoolArray, CrossSection, Rows
from bullbear.picking.evidence import annual_return, mean_interval, sharpe, sharpe_difference, sharpe_interval
from bullbear.picking.labels import quantile_of
from bullbear.statistics.bootstrap import Interval

_MONTH = 21


@dataclass(frozen=True)
class Portfolio:
    """Yearly figures as fractions, gross and net of costs; `turnover` is the value traded a year over the equity.

    `returns` are net, by decision.
    """

    name: str
    names: float
    gross: float
    net: float
    volatility: float
    sharpe: float
    turnover: float
    hit_rate: float
    returns: Array

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, without the returns."""
        kept = ("name", "names", "gross", "net", "volatility", "sharpe", "turnover", "hit_rate")
        return {name: getattr(self, name) for name in kept}


@dataclass(frozen=True)
class Capacity:
    """`account` in dollars at which the `names`-th order of a decision exceeds `participation`: median and least.

    `usual_share` and `high_share` are the median and the 95th percentile of the orders' shares of the median dollar
    volume of 21 sessions, for an account of a million; infinite where that volume is 0.
    """

    participation: float
    names: int
    account: float
    least: float
    usual_share: float
    high_share: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return dict(vars(self))


@dataclass(frozen=True)
class Portfolios:
    """From the worst quantile to the best, then the group; the best against the group, and the best less the worst."""

    quantiles: tuple[Portfolio, ...]
    group: Portfolio
    active: Interval
    sharpe_over_group: Interval
    long_short: Portfolio
    long_short_sharpe: Interval
    capacity: Capacity

    @property
    def best(self) -> Portfolio:
        """The best quantile."""
        return self.quantiles[-1]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "quantiles": [each.as_dict() for each in self.quantiles],
            "group": self.group.as_dict(),
            "long_only": {
                "active": self.active.estimate,
                "active_low": self.active.low,
                "active_high": self.active.high,
                "sharpe_difference": self.sharpe_over_group.estimate,
                "sharpe_difference_low": self.sharpe_over_group.low,
                "sharpe_difference_high": self.sharpe_over_group.high,
            },
            "long_short": {
                **self.long_short.as_dict(),
                "sharpe_low": self.long_short_sharpe.low,
                "sharpe_high": self.long_short_sharpe.high,
            },
            "capacity": self.capacity.as_dict(),
        }


def quantile_portfolios(
    section: CrossSection,
    scores: Array,
    member: BoolArray,
    decided: Rows,
    trading: Trading,
    *,
    levels: int,
    per_year: float,
    rates: Array | None = None,
    overlap: int = 1,
) -> Portfolios:
    """Portfolios of the decisions at rows `decided`.

    Parameters
    ----------
    scores, member
        Shape (n_decisions, n_assets); who has no score is in the group alone.
    rates
        What a bill earns from each decision to the next, (n_decisions - 1,), taken off for Sharpe ratios; None for 0.
    """
    bills = np.zeros(len(decided) - 1) if rates is None else rates
    place = np.stack([quantile_of(row, levels) for row in np.where(member, scores, np.nan)])
    group_chosen = member & section.traded[decided]
    group, _ = portfolio("group", section, group_chosen, decided, trading.cost_bp, per_year, bills)
    found: list[Portfolio] = []
    accounts: list[Account] = []
    for level in range(levels):
        name = "worst" if level == 0 else "best" if level == levels - 1 else str(level + 1)
        one, account = portfolio(
            name, section, place == level, decided, trading.cost_bp, per_year, bills, group.returns
        )
        found.append(one)
        accounts.append(account)
    best, worst = found[-1], found[0]
    # A short position gains what the worst quantile loses before costs, and pays its costs and the lender.
    short = by_decision(follow(section, equal_weights(place == 0), decided, 0.0), decided)
    short_costs = np.maximum(short - worst.returns, 0.0) + trading.borrow_bp / 1e4 / per_year
    spread = best.returns - short - short_costs
    gross = by_decision(follow(section, equal_weights(place == levels - 1), decided, 0.0), decided) - short
    long_short = Portfolio(
        "best less worst",
        best.names + worst.names,
        float(gross.mean()) * per_year,
        float(spread.mean()) * per_year,
        _deviation(spread, per_year),
        sharpe(spread, per_year),
        best.turnover + worst.turnover,
        float((spread > 0.0).mean()),
        spread,
    )
    active = mean_interval(best.returns - group.returns, overlap)
    return Portfolios(
        quantiles=tuple(found),
        group=group,
        active=Interval(*(end * per_year for end in (active.estimate, active.low, active.high))),
        sharpe_over_group=sharpe_difference(best.returns - bills, group.returns - bills, per_year, overlap),
        long_short=long_short,
        long_short_sharpe=sharpe_interval(spread, per_year, overlap),
        capacity=capacity(section, accounts[-1].traded, decided, trading),
    )


def portfolio(
    name: str,
    section: CrossSection,
    chosen: BoolArray,
    decided: Rows,
    cost_bp: float,
    per_year: float,
    bills: Array,
    group: Array | None = None,
) -> tuple[Portfolio, Account]:
    """The equally weighted portfolio of those `chosen` at each decision; its hit rate counts months above `group`."""
    targets = equal_weights(chosen)
    account = follow(section, targets, decided, cost_bp)
    gross = by_decision(follow(section, targets, decided, 0.0), decided)
    net = by_decision(account, decided)
    above = net - (0.0 if group is None else group)
    return Portfolio(
        name,
        float(chosen.sum(axis=1).mean()),
        annual_return(gross, per_year),
        annual_return(net, per_year),
        _deviation(net, per_year),
        sharpe(net - bills, per_year),
        float(account.turnover[:-1].mean()) * per_year if len(decided) > 1 else float("nan"),
        float((above > 0.0).mean()) if len(net) else float("nan"),
        net,
    ), account


def capacity(section: CrossSection, traded: Array, decided: Rows, trading: Trading) -> Capacity:
    """What the orders of an account allow; NaN where no volume is known.

    An order in a name whose usual volume is 0 allows nothing, and is an infinite share of it.

    Parameters
    ----------
    traded
        Orders as fractions of the equity, shape (n_decisions, n_assets).
    """
    accounts, shares = [], []
    for place, row in enumerate(decided.tolist()):
        order = np.abs(traded[place])
        usual = usual_dollars(section, row)
        ordered = order > 0.0
        if not ordered.any():
            continue
        allowed = np.sort(trading.participation * usual[ordered] / order[ordered])
        accounts.append(allowed[min(trading.names, len(allowed)) - 1])
        with np.errstate(divide="ignore"):
            shares.append(order[ordered] * 1e6 / usual[ordered])
    if not accounts or not np.isfinite(section.dollars).any():
        return Capacity(trading.participation, trading.names, *[float("nan")] * 4)
    together = np.concatenate(shares)
    return Capacity(
        trading.participation,
        trading.names,
        float(np.median(accounts)),
        float(np.min(accounts)),
        float(np.median(together)),
        float(np.quantile(together, 0.95, method="linear" if np.isfinite(together).all() else "higher")),
    )


def usual_dollars(section: CrossSection, row: int) -> Array:
    """The median value traded in the 21 sessions up to row number `row`; a session without a bar counts as 0."""
    return np.median(np.nan_to_num(section.dollars[max(0, row - _MONTH + 1) : row + 1]), axis=0)


def _deviation(returns: Array, per_year: float) -> float:
    return float(returns.std(ddof=1) * np.sqrt(per_year)) if len(returns) > 1 else float("nan")
