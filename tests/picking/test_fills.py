"""Opens at which orders are filled: a misprinted one makes no return, and a wrong close keeps no order back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bullbear.data.companies import Panel, panel_from
from bullbear.picking.accounts import by_decision, equal_weights, follow
from bullbear.picking.cross_section import decisions, of_panel
from bullbear.picking.fills import with_fills

COMPANIES, AT = 30, 8


def bars() -> Panel:
    rng = np.random.default_rng(0)
    close = 50 * np.cumprod(1 + rng.normal(0, 0.015, (300, COMPANIES)), axis=0)
    opens = close * (1 + rng.normal(0, 0.004, close.shape))
    high, low = np.maximum(close, opens) * 1.01, np.minimum(close, opens) * 0.99
    return panel_from(close, open=opens, high=high, low=low, volume=rng.lognormal(13, 0.3, close.shape))


PANEL = bars()
DECIDED = decisions(PANEL.sessions, "month")
ROW = int(DECIDED[AT]) + 1


def changed(company: int = 3, **factors: float) -> Panel:
    """The bar after a decision with some prices multiplied."""
    tables = {name: getattr(PANEL, name).copy() for name in factors}
    for name, factor in factors.items():
        tables[name][ROW, company] *= factor
    return replace(PANEL, **tables)


def month(panel: Panel) -> float:
    everybody = equal_weights(np.ones((len(DECIDED), COMPANIES), dtype=bool))
    return float(by_decision(follow(of_panel(with_fills(panel)), everybody, DECIDED, 10.0), DECIDED)[AT])


def test_right_opens_stay() -> None:
    found = with_fills(PANEL)
    np.testing.assert_array_equal(found.open, PANEL.open)
    np.testing.assert_array_equal(found.close, PANEL.close)


@pytest.mark.parametrize(
    "factors",
    [
        {"open": 10.0},
        {"open": 0.1},
        {"open": 10.0, "high": 10.0},
        {"open": 0.1, "low": 0.1},
        {"open": 2.0, "high": 2.0},
        {"open": 100.0, "high": 100.0, "low": 10.0},
    ],
)
def test_a_misprinted_open_earns_nothing(factors: dict[str, float]) -> None:
    assert abs(month(changed(**factors)) - month(PANEL)) < 0.01
    found = with_fills(changed(**factors))
    assert found.open[ROW, 3] == PANEL.close[ROW, 3]
    np.testing.assert_array_equal(np.delete(found.open, 3, axis=1), np.delete(PANEL.open, 3, axis=1))


def stale() -> Panel:
    tables = {name: getattr(PANEL, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for table in tables.values():
        table[ROW, 3] = table[ROW - 1, 3]
    return replace(PANEL, **tables)


@pytest.mark.parametrize("panel", [changed(close=1 / 5.6), stale()], ids=["close misprinted", "bar repeated"])
def test_a_wrong_close_keeps_no_order_back(panel: Panel) -> None:
    alone = np.zeros((1, COMPANIES), dtype=bool)
    alone[:, 3] = True
    account = follow(of_panel(with_fills(panel)), equal_weights(alone), DECIDED[AT : AT + 1], 10.0)
    assert account.traded[0, 3] == pytest.approx(1.0)
    true = follow(of_panel(PANEL), equal_weights(alone), DECIDED[AT : AT + 1], 10.0)
    assert account.equity[-1] == pytest.approx(true.equity[-1], rel=0.04)


def test_splits_and_gaps_are_no_misprints() -> None:
    split, tables = PANEL.split.copy(), {}
    split[ROW, 3] = 10.0
    for name in ("open", "high", "low", "close"):
        tables[name] = getattr(PANEL, name).copy()
        tables[name][ROW:, 3] /= 10.0
        tables[name][ROW:, 4] *= 1.4  # opens forty percent higher and stays there, with volume
    volume = PANEL.volume.copy()
    volume[ROW:, 3] *= 10.0
    volume[ROW : ROW + 3, 4] *= 8.0
    panel = replace(PANEL, split=split, volume=volume, **tables)
    np.testing.assert_array_equal(with_fills(panel).open[ROW], panel.open[ROW])


def test_after_a_stale_bar_a_company_is_not_traded() -> None:
    tables = {name: getattr(PANEL, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for table in tables.values():
        table[ROW:, 3] = table[ROW - 1, 3]
    traded = of_panel(with_fills(replace(PANEL, **tables))).traded[ROW:, 3]
    assert not traded[1:20].any()
