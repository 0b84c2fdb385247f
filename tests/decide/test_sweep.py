"""Sweeps: the variants of a grid, each as its own backtest, and a choice that sees the past alone."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear.decide.account import Account
from bullbear.decide.backtest import backtest
from bullbear.decide.grid import Variant, read_grid, variants
from bullbear.decide.outcome import Outcome
from bullbear.decide.performance import excess_returns, sharpe
from bullbear.decide.policies.band import BandPolicy
from bullbear.decide.policies.two_agents import TwoAgents
from bullbear.decide.policy import all_needs
from bullbear.decide.sweep import Together, WalkForward, sweep, walk_forward
from bullbear.definitions.questions import read_questions
from bullbear.errors import DefinitionError, HistoryError, InputError
from bullbear.sessions import between

POLICY = BandPolicy()


def test_every_combination_once():
    found = variants(POLICY, {"bull_above": [0.55, 0.6], "neutral_weight": [0.2, 0.6, 0.2]})
    assert [each.name for each in found] == [
        "bull_above = 0.55, neutral_weight = 0.2",
        "bull_above = 0.55, neutral_weight = 0.6",
        "bull_above = 0.6, neutral_weight = 0.2",
        "bull_above = 0.6, neutral_weight = 0.6",
    ]
    assert found[0].policy == POLICY.model_copy(update={"bull_above": 0.55, "neutral_weight": 0.2})
    assert found[3].policy == POLICY
    assert found[3].digest == Variant({}, POLICY).digest
    assert len({each.digest for each in found}) == 4


def test_fields_of_tables_have_tables_in_the_grid(tmp_path: Path):
    place = tmp_path / "grid.toml"
    place.write_text("[grid.bear]\ntiers = [true, false]\n")
    found = read_grid(place, TwoAgents())
    assert [each.policy.bear.tiers for each in found] == [True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[grid]\n\nbull_abov = [0.5]\n",
            r"grid.toml:3 \(grid.bull_abov\): no field of the policy; allowed: bull",
        ),
        ("[grid]\nbull_above = 0.5\n", r"grid.toml:2 \(grid.bull_above\): got 0.5; allowed: a list of values"),
        ("[grid]\nbull_above = []\n", r"grid.toml:2 .*allowed: a list of values, at least one"),
        ('[grid]\nkind = ["band"]\n', "no field of the policy"),
        ("[grid]\nbull_above = [0.5, 1.5]\n", r"grid.toml:2 \(grid.bull_above\): got 1.5"),
        ("[grid.bull_above]\nx = [1]\n", "the field is no table"),
        ("[grid]\n", "grid"),
        ("[grids]\n", "grid"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused_with_file_and_line(tmp_path: Path, text: str, message: str):
    place = tmp_path / "grid.toml"
    place.write_text(text)
    with pytest.raises(DefinitionError, match=message):
        read_grid(place, POLICY)


def test_too_many_variants_are_refused():
    names = ("bear_step", "bear_weight", "neutral_weight")
    with pytest.raises(DefinitionError, match="15,625 variants; allowed: at most 10,000"):
        variants(POLICY, {name: [0.01 * k for k in range(1, 26)] for name in names})


def test_each_variant_is_its_own_backtest(market_view, random_forecasts):
    view = market_view(101)
    forecasts = random_forecasts(view.bars("IWM").index[70:420], 102)
    tried = variants(POLICY, {"neutral_weight": [0.1, 0.6], "volatility_window": [10, 42]})
    found = sweep(forecasts, view, tried, Variant({}, POLICY), others=[0.3], trials=4)
    for number, variant in enumerate(tried):
        alone = backtest(forecasts, view, variant.policy, baselines={}).account
        assert found.excess[number].tolist() == excess_returns(alone).tolist()
        assert found.table.loc[number, "sharpe"] == sharpe(excess_returns(alone))
        assert found.table.loc[number, "trades"] == len(alone.trades)
    assert found.table["volatility_window"].tolist() == [10, 42, 10, 42]
    assert found.trials == 4 + 5  # the policy as it is, with a window of 21, is the fifth
    assert found.best == int(found.table["sharpe"].argmax())
    assert found.walk_forward is None
    more = sweep(forecasts, view, tried, Variant({}, POLICY), others=[0.3], trials=400)
    assert 0 < more.deflated < found.deflated < 1


def test_the_python_account_is_noted_with_the_reason(market_view, random_forecasts):
    view = market_view(101)
    forecasts = random_forecasts(view.bars("IWM").index[70:90], 102)
    notes: list[str] = []
    sweep(forecasts, view, variants(POLICY, {"neutral_weight": [0.1, 0.6]}), Variant({}, POLICY), say=notes.append)
    assert notes == ["3 of 3 accounts were walked in Python, not compiled: policies of the kind band are not"]


def test_a_sweep_of_nothing_is_refused(market_view, random_forecasts):
    view = market_view(101)
    with pytest.raises(InputError, match="variants: got 0"):
        sweep(random_forecasts(view.bars("IWM").index[70:80], 1), view, (), Variant({}, POLICY))


DAYS = between("2010-12-31", "2015-12-31")


def account(daily: np.ndarray, weight: float) -> Account:
    """Ends 2015; all in IWM or in cash, and no costs of its own."""
    equity = np.concatenate([[1.0], np.cumprod(1 + daily)])
    columns = {"equity": equity, "cash_return": 0.0, "turnover": 0.0}
    table = pd.DataFrame(columns, index=DAYS.rename("event_date"))
    positions = pd.DataFrame({"IWM": weight, "CASH": 1 - weight}, index=table.index)
    return Account(table, positions, pd.DataFrame(), {"bull": ("IWM",)})


@pytest.fixture
def two() -> list[Account]:
    """The first is better until the end of 2013, the second so much better in 2014 that it leads from 2015 on."""
    noise = np.random.default_rng(5).normal(0, 0.005, len(DAYS) - 1)
    late = DAYS[1:].year == 2014
    first = noise + np.where(late, -0.002, 0.001)
    second = noise + np.where(late, 0.006, 0.0)
    return [account(first, 1.0), account(second, 0.0)]


def chosen(accounts: list[Account], own: Account | None = None, **options: int) -> WalkForward:
    outcomes = [Outcome.of_account(each) for each in accounts]
    of_own = outcomes[0] if own is None else Outcome.of_account(own)
    return walk_forward(outcomes, [POLICY] * len(outcomes), of_own, **options)


def test_a_year_follows_what_was_best_before_it(two):
    found = chosen(two)
    assert dict(found.chosen) == {2014: 0, 2015: 1}
    returns = [excess_returns(each) for each in two]
    rows = {year: DAYS[1:].year == year for year in (2014, 2015)}
    expected = np.concatenate([returns[0][rows[2014]], returns[1][rows[2015]]])
    # On the first session of 2015 all of IWM is sold, at a half-spread of one basis point.
    expected[int(rows[2014].sum())] -= 1.0 / 1e4
    assert found.excess.to_numpy() == pytest.approx(expected, abs=1e-15)
    assert found.static.tolist() == returns[0][DAYS[1:].year >= 2014].tolist()
    assert found.static_sharpe == sharpe(found.static.to_numpy())
    assert found.sharpe == pytest.approx(sharpe(expected), rel=1e-12)


def test_no_later_return_changes_a_choice(two):
    later = two[0].daily["equity"].to_numpy().copy()
    rows = DAYS.year == 2015
    later[rows] *= np.linspace(1.0, 5.0, rows.sum())
    changed = [account(later[1:] / later[:-1] - 1.0, 1.0), two[1]]
    assert chosen(changed, two[0]).chosen == chosen(two).chosen


def test_a_choice_needs_years(two):
    with pytest.raises(HistoryError, match="account: got 'from 2010-12-31'; allowed: more than 6 years"):
        chosen(two, least_years=6)


def test_what_took_no_risk_is_worth_cash():
    flat = account(np.zeros(len(DAYS) - 1), 0.0)
    losing = account(np.random.default_rng(1).normal(-0.002, 0.005, len(DAYS) - 1), 1.0)
    assert set(chosen([losing, flat]).chosen.values()) == {1}
    assert math.isnan(chosen([losing, flat], flat).static_sharpe)


def test_what_any_variant_reads_is_read_for_all_of_them():
    own = TwoAgents(bear={"enabled": False}, bull={"rule": "constant"})
    dips = [TwoAgents(outlook={"dip": name}) for name in ("dip5", "dip8")]
    every = Together(policies=(own, *dips))
    assert own.needs.optional == ()
    assert set(every.needs.optional) == {"dip5", "dip8", "vol20", "vol30"}
    assert set(every.needs.factors) == {*own.needs.factors, *dips[0].needs.factors}
    assert {"IWM", "RWM", "TWM", "SRTY"} <= set(all_needs(every).funds)
    vol = read_questions(Path(__file__).parents[2] / "models" / "questions.toml")["vol20"]
    assert every.misread(vol) is None
    other = TwoAgents(outlook={"volatility": {"vol20": 0.25, "vol30": 0.3}})
    assert Together(policies=(own, other)).misread(vol) == other.misread(vol) is not None
