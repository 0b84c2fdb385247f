"""An account that follows target weights: decided at a close, traded at the next session's open, with costs.

Orders are sized on the equity at that open, and their costs are paid from cash. What has no bar at the open is not
traded: a holding stays, an order lapses and its money stays in cash. A holding without a bar for `HALT` sessions is
cash at its last price. Cash earns nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bullbear.picking.cross_section import Array, CrossSection, Rows

HALT = 10
"""Sessions without a bar after which a holding counts as cash."""


@dataclass(frozen=True)
class Account:
    """`equity` at every close from the first decision on, 1 at that close, shape (n_sessions - decided[0],).

    `traded` is what each decision's orders moved, as fractions of the equity at the open, shape (n_decisions,
    n_assets): positive for purchases.
    """

    equity: Array
    traded: Array

    @property
    def turnover(self) -> Array:
        """The value traded at each decision, over the equity: 2 if everything is sold and replaced."""
        return np.asarray(np.abs(self.traded).sum(axis=1))


def follow(section: CrossSection, targets: Array, decided: Rows, cost_bp: float) -> Account:
    """The account that holds `targets` from the open after each decision to that after the next.

    Parameters
    ----------
    targets
        Weights of the assets, shape (n_decisions, n_assets); each row sums to at most 1, the rest is cash. No NaN.
    cost_bp
        Basis points of the value traded.
    """
    first, cost = int(decided[0]), cost_bp / 1e4
    rows, count = len(section.sessions), len(section.assets)
    equity, traded = np.ones(rows - first), np.zeros(targets.shape)
    due = {int(row) + 1: place for place, row in enumerate(decided)}
    held, cash = np.zeros(count), 1.0
    latest = np.where(section.traded[: first + 1], np.arange(first + 1)[:, None], -1).max(axis=0)
    for row in range(first + 1, rows):
        held = held * section.overnight[row]
        place = due.get(row)
        if place is not None:
            gone = ~section.traded[row] & (row - latest >= HALT)
            cash += float(held[gone].sum())
            held[gone] = 0.0
            whole = float(held.sum()) + cash
            order = np.where(section.traded[row], targets[place] * whole - held, 0.0)
            held = held + order
            cash -= float(order.sum()) + cost * float(np.abs(order).sum())
            traded[place] = order / whole
        held = held * section.intraday[row]
        latest[section.traded[row]] = row
        equity[row - first] = float(held.sum()) + cash
    return Account(equity, traded)


def by_decision(account: Account, decided: Rows) -> Array:
    """Returns from the close of each decision to that of the next, shape (n_decisions - 1,)."""
    at = account.equity[decided - decided[0]]
    return np.asarray(at[1:] / at[:-1] - 1.0)


def equal_weights(chosen: np.ndarray) -> Array:
    """Equal weights of those chosen at each decision, shape (n_decisions, n_assets); all cash where none is."""
    count = chosen.sum(axis=1, keepdims=True)
    return np.asarray(chosen / np.maximum(count, 1))
