"""The compiled backtest of the two agents against `decide.backtest`, over variants that switch every part."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.decide.backtest import Backtest, backtest
from bullbear.decide.baselines import switched_off
from bullbear.decide.compiled import agents
from bullbear.decide.compiled.sweep import outcome_of, replay, sweep
from bullbear.decide.engine import not_compiled
from bullbear.decide.grid import Variant, variants
from bullbear.decide.outcome import FIGURES, Outcome
from bullbear.decide.policies.two_agents import FACTORS, TwoAgents
from bullbear.decide.sweep import Sweep
from bullbear.decide.sweep import sweep as decide_sweep
from bullbear.errors import InputError
from bullbear.sessions import between, closes

QUESTIONS = ("up", "dip8", "vol20", "vol30")


def policies() -> dict[str, TwoAgents]:
    """Everything on, with a Bear that a random market wakes, then each part off, and other numbers."""
    bear = {"exposure": 0.9, "max_exposure": 1.2, "max_weight": 0.6, "activate": 0.2, "deactivate": 0.1}
    trend = {"breach_sessions": 1, "breach_atr": 0.1, "confirm_atr": 0.5}
    whole = TwoAgents.model_validate({
        "bear": bear, "trend": trend,
        "overlay": {"enabled": True, "share": 0.5, "max_weight": 0.3}, "stops": {"enabled": True, "bear_atr": 1.0},
    })  # fmt: skip
    tables = whole.model_dump(mode="json")
    tight = {**tables["stops"], "bear_atr": 0.5, "overlay_atr": 0.3}
    other = TwoAgents.model_validate({**tables, "stops": tight, "bull": {**tables["bull"], "rule": "mean_variance"}})
    return {"whole": whole, **switched_off(whole), "other": other}


def factors_of(days: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    """Random factors, a tenth of them unknown: supports that break, oversold readings, witnesses of both minds."""
    rng, n = np.random.default_rng(seed), len(days)
    columns = {
        "agents_support": rng.uniform(-0.03, 0.01, n), "agents_channel": rng.uniform(-0.05, 0.01, n),
        FACTORS["atr_ratio"]: rng.uniform(0.5, 2.0, n), FACTORS["sma_gap"]: rng.normal(0, 0.03, n),
        FACTORS["sma"]: rng.normal(0, 0.03, n), FACTORS["rsi"]: rng.uniform(15, 85, n),
        FACTORS["volume"]: rng.uniform(0.3, 2.5, n), FACTORS["short_volume"]: rng.normal(0, 1.5, n),
        FACTORS["short_interest"]: rng.normal(0, 0.1, n), FACTORS["sector_weakness"]: rng.uniform(0, 1, n),
    }  # fmt: skip
    frame = pd.DataFrame(columns, index=days.rename("event_date"))
    return frame.where(rng.random(frame.shape) > 0.1)


def forecasts_of(days: pd.DatetimeIndex, seed: int) -> Predictions:
    rng, calendar = np.random.default_rng(seed), between(days[0], "2020-02-28")
    resolved = closes(calendar[calendar.get_indexer(days) + 21])
    base = dict(zip(QUESTIONS, (0.6, 0.2, 0.5, 0.2), strict=True))
    return Predictions.concat([
        Predictions.of(
            decided_at=closes(days), resolved_at=resolved, asset="IWM", question=name,
            p=rng.uniform(0.5 * usual, min(0.98, 1.6 * usual), len(days)), p_low=0.0, p_high=1.0, climatology=usual,
        )
        for name, usual in base.items()
    ])  # fmt: skip


@pytest.fixture
def case(market_view: Callable[[int], object]) -> Callable[[int], tuple[object, Predictions, pd.DataFrame]]:
    """Two years of IWM and its inverse funds with holes in them, forecasts of nine days in ten, and factors."""

    def build(seed: int) -> tuple[object, Predictions, pd.DataFrame]:
        view, rng = market_view(seed), np.random.default_rng(seed)
        for ticker, gearing in (("RWM", -1.0), ("TWM", -2.0), ("SRTY", -3.0)):
            source = view.prices["IWM"]
            frame = source.copy()
            names = ["open", "high", "low", "close"]
            frame[names] = 100.0 * (source[names] / source["close"].iloc[0]) ** gearing
            frame[["high", "low"]] = frame[["low", "high"]].to_numpy()
            frame["adj_close"] = frame["close"]
            frame.loc[rng.random(len(frame)) < 0.05, "open"] = np.nan
            view.prices[ticker] = frame[rng.random(len(frame)) > 0.03]
        days = view.prices["IWM"].index[60:-30]
        asked = days[rng.random(len(days)) < 0.9]
        return view, forecasts_of(asked, seed), factors_of(view.prices["IWM"].index, seed)

    return build


def same(reference: Backtest, found: object) -> None:
    table, python = found.account(), reference.account
    np.testing.assert_allclose(found.equity, python.equity.to_numpy(), rtol=0, atol=1e-9)
    for frame, other in ((table.daily, python.daily), (table.positions, python.positions)):
        left = frame.reindex(columns=other.columns)
        pd.testing.assert_frame_equal(left, other, rtol=0, atol=1e-9)
    pd.testing.assert_frame_equal(table.trades, python.trades, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_every_variant_has_the_account_of_the_python_backtest(case, seed):
    view, predictions, factors = case(seed)
    named = policies()
    prepared = replay(predictions, view, list(named.values()), factors=factors)
    found = dict(zip(named, sweep(prepared, named.values(), lambda each: each), strict=True))
    ordered = {each.slots[int(place)].sleeve for each in found.values() for place in each.fills[:, 2]}
    assert ordered == {"bull", "overlay", "bear"}
    assert {why for each in found.values() for why in each.fills[:, 3]} == {0.0, 1.0}  # orders and stops
    for name, policy in named.items():
        same(backtest(predictions, view, policy, factors=factors, baselines={}), found[name])
    assert len({each.equity[-1] for each in found.values()}) == len(named)  # no part is without effect


def test_variants_of_any_numbers_run_the_same_machine_code(case):
    view, predictions, factors = case(2)
    named = policies()
    prepared = replay(predictions, view, list(named.values()), factors=factors)
    sweep(prepared, named.values(), lambda each: each.equity[-1])
    assert len(agents.walk_agents.signatures) == 1


def test_a_sweep_refuses_what_the_python_backtest_refuses(case):
    view, predictions, factors = case(3)
    with pytest.raises(InputError, match="at least one"):
        replay(predictions, view, [], factors=factors)
    with pytest.raises(InputError, match="agents_rsi"):
        replay(predictions, view, [TwoAgents()], factors=factors.drop(columns=FACTORS["rsi"]))
    only = Predictions(predictions.table[predictions.table["question"] == "dip8"])
    with pytest.raises(InputError, match="question"):
        sweep(replay(only, view, [TwoAgents()], factors=factors), [TwoAgents()], lambda each: None)


def test_a_sweep_is_the_same_compiled_and_in_python(case, monkeypatch):
    view, predictions, factors = case(4)
    factors["agents_implied"] = np.random.default_rng(4).uniform(10.0, 40.0, len(factors))
    spread = {"underlying": "IWM", "volatility": "agents_implied"}
    predictions = predictions.where((predictions.table["decided_at"] > "2019-05-01").to_numpy())
    grid = {"bear": {"max_weight": [0.4, 0.6]}, "overlay": {"call_spread": [None, spread]}}
    own = Variant({}, policies()["whole"])
    tried = variants(own.policy, grid)
    done: list[tuple[int, int]] = []

    def swept() -> tuple[Sweep, list[str]]:
        notes: list[str] = []
        made = decide_sweep(
            predictions, view, tried, own, factors=factors, say=notes.append, progress=lambda *each: done.append(each)
        )
        return made, notes

    compiled, notes = swept()
    assert notes == ["2 of 5 accounts were walked in Python, not compiled: the overlay is a call spread, which expires"]
    assert done == [(number, 5) for number in range(1, 6)]
    monkeypatch.setitem(sys.modules, "bullbear.decide.compiled.sweep", None)
    python, notes = swept()
    assert len(notes) == 1
    assert notes[0].startswith("5 of 5 accounts were walked in Python, not compiled: numba cannot be imported (")
    pd.testing.assert_frame_equal(compiled.table, python.table, rtol=0, atol=1e-9)
    pd.testing.assert_frame_equal(compiled.excess, python.excess, rtol=0, atol=1e-9)
    assert compiled.table["cagr"].nunique() == len(tried)
    assert compiled.deflated == pytest.approx(python.deflated, abs=1e-9)


def test_an_outcome_is_the_same_from_arrays_and_from_tables(case):
    view, predictions, factors = case(4)
    policy = policies()["whole"]
    walked = replay(predictions, view, [policy], factors=factors).run(policy)
    arrays, tables = outcome_of(walked), Outcome.of_account(walked.account())
    assert arrays.sessions.equals(tables.sessions)
    assert arrays.excess == pytest.approx(tables.excess, abs=1e-12)
    assert list(arrays.year_ends) == list(tables.year_ends) == [2018, 2019]
    for year, held in tables.year_ends.items():
        assert any(held.values())
        for ticker in {*held, *arrays.year_ends[year]}:  # a slot that was never held has no column in the tables
            assert arrays.year_ends[year].get(ticker, 0.0) == pytest.approx(held.get(ticker, 0.0), abs=1e-12)
    for name in FIGURES:
        assert getattr(arrays, name) == pytest.approx(getattr(tables, name), abs=1e-12)


def test_a_subclass_may_decide_otherwise_and_is_walked_in_python():
    class Mine(TwoAgents):
        pass

    assert not_compiled(TwoAgents()) == ""
    assert not_compiled(Mine()) == "policies of the kind two_agents are not"
