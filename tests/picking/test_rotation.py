"""Sector rotation on made funds: nothing where there is nothing, something where it was put, and no look-ahead."""

from __future__ import annotations

import numpy as np
import pytest

from bullbear.data.companies import Panel, panel_from
from bullbear.definitions.picker import Rotation
from bullbear.errors import HistoryError, InputError
from bullbear.picking.cross_section import decisions
from bullbear.picking.evidence import mean_interval, sharpe_difference
from bullbear.picking.rotation import evaluate, today, top

FUNDS = {f"X{letter}": f"Sector {letter}" for letter in "ABCDEF"}


def definition(**changes: object) -> Rotation:
    rules = [
        {"name": "calm", "kind": "blend", "why": "Low volatility only.", "weights": {"volatility_21": -1.0}},
        {
            "name": "trees",
            "kind": "ranker",
            "why": "Trees over two inputs.",
            "features": ["volatility_21", "return_21"],
            "learner": {"num_iterations": 10, "min_data_in_leaf": 20, "num_leaves": 3},
        },
    ]
    table = {
        "funds": FUNDS,
        "benchmark": "MKT",
        "hold": 2,
        "schedule": {"least_decisions": 10},
        "trading": {"cost_bp": 2.0},
        "rule": rules,
    }
    return Rotation.model_validate({**table, **changes})


def funds(drift: float = 0.0, sessions: int = 756, seed: int = 3) -> Panel:
    """Six funds; those that fluctuate less rise by `drift` a session more, rank by rank. The market is their mean."""
    rng = np.random.default_rng(seed)
    spread = np.linspace(0.006, 0.016, 6)
    growth = rng.normal(0.0003, 1.0, (sessions, 6)) * spread + drift * np.arange(5, -1, -1)
    growth = np.column_stack([growth.mean(axis=1), growth])
    return panel_from(50 * np.cumprod(1 + growth, axis=0), companies=["MKT", *FUNDS])


def test_what_was_put_in_is_found() -> None:
    calm, trees = evaluate(definition(), funds(drift=0.0008)).rules
    assert calm.information.mean.low > 0.3
    assert calm.active.low > 0.0
    assert trees.information.mean.low > 0.0
    assert calm.held.net < calm.held.gross
    assert calm.findings[0] == "information coefficient"


def test_where_there_is_nothing_the_interval_holds_zero() -> None:
    alone = definition(rule=[{"name": "calm", "kind": "blend", "why": "Low volatility.", "weights": {"return_21": 1}}])
    held = []
    for seed in range(20):
        (rule,) = evaluate(alone, funds(seed=seed, sessions=504)).rules
        held.append(rule.information.mean.low < 0.0 < rule.information.mean.high)
    # Nominally 18 of 20; the chance of fewer than 14 is below 1 %.
    assert sum(held) >= 14


def test_later_prices_change_no_earlier_ranking() -> None:
    panel = funds()
    cut = panel.until(panel.sessions[600])
    noise = np.where(np.arange(756)[:, None] > 600, np.random.default_rng(0).uniform(0.5, 2.0, (756, 7)), 1.0)
    changed = panel_from(panel.close * noise, companies=panel.companies)
    for one, other in zip(today(definition(), cut), today(definition(), changed.until(cut.sessions[-1])), strict=True):
        assert one == other
    whole, part = (evaluate(definition(), each).rules[0] for each in (changed, cut))
    count = len(part.held.returns)
    np.testing.assert_array_equal(whole.held.returns[:count], part.held.returns)


def test_the_ranking_of_a_past_day_is_that_of_the_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[np.ndarray] = []

    def keep(scores: np.ndarray, count: int) -> np.ndarray:
        kept.append(scores)
        return top(scores, count)

    monkeypatch.setattr("bullbear.picking.rotation.top", keep)
    panel = funds(sessions=504)
    evaluate(definition(), panel)
    for row in decisions(panel.sessions, "month")[[14, 17]]:
        for scores, ranking in zip(kept, today(definition(), panel.until(panel.sessions[row])), strict=True):
            of_day = scores[(decisions(panel.sessions, "month") >= row).sum() * -1]
            assert sorted(of_day[np.isfinite(of_day)], reverse=True) == list(ranking.scores)


def test_todays_ranking_is_that_of_the_evaluation_on_the_same_close() -> None:
    panel = funds()
    ranking = today(definition(), panel)[0]
    volatility = (np.diff(panel.close, axis=0) / panel.close[:-1])[-21:, 1:].std(axis=0)
    assert ranking.funds == tuple(np.array(list(FUNDS))[np.argsort(volatility)])
    assert ranking.scores[0] == 1.0


def test_the_highest_are_held_and_ties_go_by_order() -> None:
    scores = np.array([[0.5, 0.5, 0.1, np.nan], [np.nan, np.nan, np.nan, 1.0]])
    assert top(scores, 2).tolist() == [[True, True, False, False], [False, False, False, True]]


def test_refusals() -> None:
    with pytest.raises(HistoryError, match="at least 10"):
        evaluate(definition(), funds(sessions=120))
    with pytest.raises(HistoryError, match="rule calm: 12 sessions; allowed"):
        today(definition(), funds(sessions=12))
    rule = {"name": "odd", "kind": "blend", "why": "An unknown characteristic.", "weights": {"moon": 1.0}}
    with pytest.raises(InputError, match=r"rule odd\): got 'moon'; allowed: return_5"):
        evaluate(definition(rule=[rule]), funds(sessions=120))
    with pytest.raises(ValueError, match="hold below the number of funds, 6"):
        definition(hold=6)


def test_intervals_of_weekly_decisions_allow_for_labels_that_overlap() -> None:
    weekly = definition(
        schedule={"least_decisions": 10, "rebalance": "week"},
        rule=[{"name": "calm", "kind": "blend", "why": "Low volatility.", "weights": {"return_21": 1}}],
    )
    found = evaluate(weekly, funds()).rules[0]
    ic = found.information.ic[np.isfinite(found.information.ic)]
    assert found.information.mean == mean_interval(ic, 5)
    assert found.information.mean != mean_interval(ic)
    active = mean_interval(found.held.returns - found.equal.returns, 5)
    assert found.active.low == 52.0 * active.low
    assert found.over_equal == sharpe_difference(found.held.returns, found.equal.returns, 52.0, 5)
    assert found.over_market == sharpe_difference(found.held.returns, found.market.returns, 52.0, 5)
