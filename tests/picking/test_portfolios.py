"""Quantile portfolios and capacity on panels by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bullbear.data.companies import Panel, panel_from
from bullbear.definitions.picker import Trading
from bullbear.picking.accounts import by_decision, equal_weights, follow
from bullbear.picking.cross_section import decisions, of_panel
from bullbear.picking.labels import quantile_of
from bullbear.picking.portfolios import capacity, quantile_portfolios

COSTS = Trading(cost_bp=20.0, borrow_bp=120.0)


def test_portfolios_are_accounts_of_the_quantiles(panel: Panel) -> None:
    section, decided = of_panel(panel), decisions(panel.sessions, "month")[3:]
    scores = np.random.default_rng(2).normal(size=(len(decided), 12))
    member = np.ones(scores.shape, dtype=bool)
    member[:, 11] = False
    found = quantile_portfolios(section, scores, member, decided, COSTS, levels=3, per_year=12.0)
    assert [each.name for each in found.quantiles] == ["worst", "2", "best"]
    place = np.stack([quantile_of(row, 3) for row in np.where(member, scores, np.nan)])
    assert np.isnan(place[:, 11]).all()
    best = by_decision(follow(section, equal_weights(place == 2), decided, 20.0), decided)
    np.testing.assert_array_equal(found.best.returns, best)
    years = len(best) / 12
    assert found.best.net == pytest.approx(np.prod(1 + best) ** (1 / years) - 1)
    assert found.best.gross > found.best.net
    group = by_decision(follow(section, equal_weights(member & section.traded[decided]), decided, 20.0), decided)
    assert found.active.estimate == pytest.approx(12 * (best - group).mean())
    assert found.best.hit_rate == (best > group).mean()
    # Best less worst: the short side pays its costs and the lender.
    free = by_decision(follow(section, equal_weights(place == 0), decided, 0.0), decided)
    worst = by_decision(follow(section, equal_weights(place == 0), decided, 20.0), decided)
    spread = best - free - (free - worst) - 0.012 / 12
    np.testing.assert_allclose(found.long_short.returns, spread, atol=1e-12)


def test_a_perfect_ranking_earns_and_its_opposite_loses() -> None:
    rng = np.random.default_rng(0)
    growth = 1 + rng.normal(0, 0.02, (500, 20))
    panel = panel_from(50 * np.cumprod(growth, axis=0), open=50 * np.cumprod(growth, axis=0) / growth)
    section, decided = of_panel(panel), decisions(panel.sessions, "month")[:-1]
    foresight = section.level[np.minimum(decided + 21, 499)] / section.level[decided]
    member = np.ones(foresight.shape, dtype=bool)
    found = quantile_portfolios(section, foresight, member, decided, COSTS, levels=5, per_year=12.0)
    returns = [each.net for each in found.quantiles]
    assert returns == sorted(returns)
    assert found.long_short_sharpe.low > 0.0
    other = quantile_portfolios(section, -foresight, member, decided, COSTS, levels=5, per_year=12.0)
    assert other.long_short_sharpe.high < 0.0
    assert other.active.high < 0.0


def test_capacity_by_hand() -> None:
    # 30 sessions; dollar volumes of 1m, 2m and 4m a day, and one that never trades a share.
    panel = panel_from(np.full((30, 4), 10.0), volume=np.tile([1e5, 2e5, 4e5, 0.0], (30, 1)))
    traded = np.array([[0.25, -0.25, 0.5, 0.0], [0.5, 0.0, 0.0, 0.0]])
    found = capacity(of_panel(panel), traded, np.array([22, 25]), Trading(cost_bp=1.0, participation=0.1, names=2))
    # First decision: 0.1 * 1m / 0.25 = 400k, 800k, 800k: the second is 800k. The second: 0.1 * 1m / 0.5 = 200k alone.
    assert (found.account, found.least) == (500_000.0, 200_000.0)
    # Shares of an account of a million: 0.25, 0.125, 0.125 and 0.5.
    assert found.usual_share == pytest.approx((0.125 + 0.25) / 2)
    assert found.high_share == pytest.approx(np.quantile([0.25, 0.125, 0.125, 0.5], 0.95))


@pytest.mark.parametrize("silent", [1, 9])
def test_orders_in_names_that_hardly_trade_allow_nothing(silent: int) -> None:
    # They trade on one session in three, so that their median volume is 0.
    volume = np.full((30, 10), 1e5)
    volume[:, :silent] = np.where(np.arange(30) % 3 == 0, 50.0, 0.0)[:, None]
    section, traded = of_panel(panel_from(np.full((30, 10), 10.0), volume=volume)), np.full((1, 10), 0.1)
    found = capacity(section, traded, np.array([24]), Trading(cost_bp=1.0, participation=0.05, names=5))
    liquid = 0.05 * 1e6 / 0.1
    assert found.account == found.least == (liquid if silent < 5 else 0.0)
    assert found.usual_share == (0.1 if silent < 5 else np.inf)
    assert found.high_share == np.inf
    first = capacity(section, traded, np.array([24]), Trading(cost_bp=1.0, participation=0.05, names=1))
    assert first.account == 0.0


def test_without_any_volume_capacity_is_unknown() -> None:
    section = of_panel(panel_from(np.full((30, 2), 10.0), volume=np.nan))
    assert np.isnan(capacity(section, np.full((1, 2), 0.5), np.array([24]), COSTS).account)


def test_nothing_traded_has_no_capacity() -> None:
    found = capacity(of_panel(panel_from(np.full((30, 2), 10.0))), np.zeros((1, 2)), np.array([22]), COSTS)
    assert np.isnan(found.account)
