"""Accounts against a plain loop over prices and shares, and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear.data.companies import Panel, panel_from
from bullbear.picking.accounts import HALT, by_decision, equal_weights, follow
from bullbear.picking.cross_section import decisions, of_panel

NAN = float("nan")


def plain(panel: Panel, targets: np.ndarray, decided: np.ndarray, cost_bp: float) -> pd.Series:
    """Shares and cash, company by company; dividends buy shares at the open."""
    shares, cash, equity = pd.Series(0.0, panel.companies), 1.0, {}
    opens, closes = (pd.DataFrame(t, panel.sessions, list(panel.companies)) for t in (panel.open, panel.close))
    last = closes.ffill()
    for row in range(decided[0], len(panel.sessions)):
        for place, name in enumerate(panel.companies):
            shares[name] *= panel.split[row, place]
            price = opens.iloc[row][name]
            price = price if price == price else last.iloc[row - 1][name]
            if panel.dividend[row, place] and price == price:
                shares[name] *= 1 + panel.dividend[row, place] / price
        if row - 1 in decided:
            at_open = opens.iloc[row].fillna(last.iloc[row - 1] / panel.split[row]).fillna(0.0)
            for name in panel.companies:
                age = row - max(np.flatnonzero(closes[name].iloc[: row + 1].notna()), default=-1)
                if age >= HALT and shares[name]:
                    cash, shares[name] = cash + shares[name] * at_open[name], 0.0
            whole = (shares * at_open).sum() + cash
            wanted = targets[list(decided).index(row - 1)]
            for place, name in enumerate(panel.companies):
                if opens.iloc[row][name] == opens.iloc[row][name]:
                    order = wanted[place] * whole - shares[name] * at_open[name]
                    shares[name] += order / at_open[name]
                    cash -= order + abs(order) * cost_bp / 1e4
        worth = last.iloc[row].fillna(0.0)
        equity[panel.sessions[row]] = (shares * worth).sum() + cash
    return pd.Series(equity)


@pytest.mark.parametrize("cost_bp", [0.0, 25.0])
def test_the_account_equals_a_plain_loop(panel: Panel, cost_bp: float) -> None:
    rng = np.random.default_rng(1)
    decided = decisions(panel.sessions, "month")[3:]
    section = of_panel(panel)
    targets = equal_weights((rng.random((len(decided), 12)) < 0.4) & section.traded[decided])
    account = follow(section, targets, decided, cost_bp)
    np.testing.assert_allclose(account.equity, plain(panel, targets, decided, cost_bp), rtol=1e-10)


def test_nothing_is_earned_before_the_next_open_and_costs_are_paid_on_each_side() -> None:
    # Decided at 10, bought at the open of 12, closed at 15: only 12 -> 15 is earned.
    panel = panel_from([10.0, 15.0, 15.0, 15.0], open=[10.0, 12.0, 15.0, 15.0])
    account = follow(of_panel(panel), np.array([[1.0], [0.0]]), np.array([0, 2]), 100.0)
    assert account.equity.tolist() == pytest.approx([1.0, 1.24, 1.24, 1.24 - 0.0125])
    assert account.traded[:, 0].tolist() == pytest.approx([1.0, -1.25 / 1.24])
    assert account.turnover.tolist() == pytest.approx([1.0, 1.25 / 1.24])
    assert by_decision(account, np.array([0, 2])).tolist() == pytest.approx([0.24])


def test_what_has_no_open_is_not_traded() -> None:
    panel = panel_from([[10.0, 10.0], [NAN, 20.0], [5.0, 20.0]], open=[[10.0, 10.0], [NAN, 10.0], [5.0, 20.0]])
    account = follow(of_panel(panel), np.array([[0.5, 0.5]]), np.array([0]), 0.0)
    assert account.equity.tolist() == pytest.approx([1.0, 1.5, 1.5])  # half stayed in cash


def test_the_dead_become_cash_that_is_used_again() -> None:
    closes = np.full((30, 2), 10.0)
    closes[2:, 0] = NAN
    closes[20:, 1] = 20.0
    opens = closes.copy()
    opens[20, 1] = 10.0
    decided = np.array([0, 18])
    account = follow(of_panel(panel_from(closes, open=opens)), np.array([[1.0, 0.0], [0.0, 1.0]]), decided, 0.0)
    assert account.equity[18] == 1.0
    assert account.equity[-1] == pytest.approx(2.0)
    assert HALT <= 16


def test_later_bars_do_not_change_the_past(panel: Panel) -> None:
    decided = decisions(panel.sessions, "month")[3:]
    cut = panel.until(panel.sessions[350])
    early = decided[decided <= 350]
    targets = equal_weights(of_panel(panel).traded[decided])
    whole = follow(of_panel(panel), targets, decided, 10.0)
    part = follow(of_panel(cut), targets[: len(early)], early, 10.0)
    np.testing.assert_array_equal(whole.equity[: len(part.equity)], part.equity)
