"""Features of companies against plain pandas, and the invariants that let them be computed in blocks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.data.companies import Panel, panel_from
from bullbear.errors import InputError
from bullbear.picking.features import FEATURES, values
from bullbear.picking.history import LONGEST_GAP, LOOK_BACK

SESSIONS, COMPANIES = 330, 9
NAMES = list(FEATURES)


def market(seed: int = 0) -> Panel:
    """Companies with gaps, a late listing, a death, splits and dividends."""
    rng = np.random.default_rng(seed)
    growth = 1 + rng.normal(0.0005, 0.02, (SESSIONS, COMPANIES))
    split, dividend = np.ones((SESSIONS, COMPANIES)), np.zeros((SESSIONS, COMPANIES))
    split[200, 1], split[290, 2], split[310, 3] = 2.0, 0.1, 3.0
    dividend[100::63, 4] = 0.4
    close = 50 * np.cumprod(growth / split, axis=0)
    close[:60, 5] = np.nan
    close[300:, 6] = np.nan
    close[rng.random(close.shape) < 0.03] = np.nan
    close[150:190, 7] = np.nan
    return panel_from(close, split=split, dividend=dividend, volume=rng.lognormal(12, 0.5, close.shape))


def group_of(panel: Panel) -> np.ndarray:
    group = np.random.default_rng(5).normal(0, 0.01, len(panel.sessions))
    group[0] = np.nan
    return group


PANEL = market()
GROUP = group_of(PANEL)
DECISIONS = PANEL.sessions[[100, 252, 280, 300, 329]]


def computed(panel: Panel = PANEL, group: np.ndarray = GROUP, decisions: pd.DatetimeIndex = DECISIONS) -> np.ndarray:
    return values(panel, group, decisions, NAMES)


def feature(found: np.ndarray, name: str) -> np.ndarray:
    return found[:, :, NAMES.index(name)]


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    return computed()


def test_against_pandas_on_a_company_without_gaps() -> None:
    rng = np.random.default_rng(3)
    gross = 1 + rng.normal(0, 0.02, SESSIONS)
    split = np.ones(SESSIONS)
    split[310] = 4.0
    panel = panel_from(20 * np.cumprod(gross / split), split=split, volume=rng.lognormal(12, 0.5, SESSIONS))
    group = group_of(panel)
    found = dict(zip(NAMES, values(panel, group, panel.sessions[-1:], NAMES)[0, 0], strict=True))
    held = pd.Series(20 * np.cumprod(gross))
    growth = held.pct_change()
    volume = pd.Series(panel.volume[:, 0]) * np.where(np.arange(SESSIONS) < 310, 4.0, 1.0)
    dollars = pd.Series(panel.close[:, 0] * panel.volume[:, 0])
    year, market_growth = growth.tail(252), pd.Series(group).tail(252)
    beta = np.cov(year, market_growth)[0, 1] / market_growth.var()
    rest = (year - year.mean()) - beta * (market_growth - market_growth.mean())
    expected = {
        **{f"return_{n}": held.iloc[-1] / held.iloc[-1 - n] - 1 for n in (5, 21, 63, 126)},
        "momentum_12_1": held.iloc[-22] / held.iloc[-253] - 1,
        "momentum_6_1": held.iloc[-22] / held.iloc[-127] - 1,
        "reversal_21": -rest.tail(21).mean() / rest.std(),
        "above_50": held.iloc[-1] / held.tail(50).mean() - 1,
        "above_200": held.iloc[-1] / held.tail(200).mean() - 1,
        "high_252": held.iloc[-1] / held.tail(252).max(),
        **{f"volatility_{n}": growth.tail(n).std() * 252**0.5 for n in (21, 63, 252)},
        "own_volatility_252": rest.std() * 252**0.5,
        "highest_return_21": growth.tail(21).max(),
        "beta_252": beta,
        "volume_growth_21": volume.tail(21).mean() / volume.tail(252).mean() - 1,
        "dollar_volume": dollars.tail(21).median(),
        "illiquidity_252": (growth.abs() / dollars).tail(252).mean() * 1e6,
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name


def test_splits_and_dividends_leave_the_growth_of_a_holding() -> None:
    split, dividend, close = np.ones(300), np.zeros(300), np.full(300, 30.0)
    split[290], close[290:] = 3.0, 10.0
    dividend[295] = 1.0
    panel = panel_from(close, split=split, dividend=dividend)
    found = values(panel, np.full(300, np.nan), panel.sessions[-1:], ["return_5", "return_21", "volume_growth_21"])
    assert found[0, 0].tolist() == pytest.approx([0.1, 0.1, (11 * 3 + 10) / 21 / ((242 * 3 + 10) / 252) - 1])


def test_what_is_not_known_is_missing(whole: np.ndarray) -> None:
    assert np.isnan(whole[4, 6]).all()  # dead
    assert np.isfinite(feature(whole, "return_21")[1]).sum() >= 7
    assert np.isnan(feature(whole, "return_126")[0, 5])  # listed 41 sessions ago
    assert np.isnan(feature(whole, "return_126")[1, 7])  # a gap of forty sessions lies between
    assert np.isnan(feature(whole, "momentum_12_1")[0]).all()
    bare = values(PANEL, np.full(SESSIONS, np.nan), DECISIONS, ["beta_252", "reversal_21", "return_5"])
    assert np.isnan(bare[:, :, :2]).all()
    assert np.isfinite(bare[:, :, 2]).any()


def test_a_gap_counts_until_it_is_too_long() -> None:
    for gap, is_known in ((LONGEST_GAP, True), (LONGEST_GAP + 1, False)):
        close = np.linspace(10, 20, 300)
        close[280 : 280 + gap] = np.nan
        panel = panel_from(close)
        (found,) = values(panel, np.full(300, np.nan), panel.sessions[-1:], ["return_63"])[0, 0]
        assert np.isfinite(found) == is_known


@settings(max_examples=15)
@given(st.permutations(range(COMPANIES)), st.lists(st.integers(1, COMPANIES - 1), max_size=4, unique=True))
def test_any_blocks_of_companies_give_the_same_bits(order: list[int], cuts: list[int]) -> None:
    whole = computed()
    for block in np.split(np.array(order), sorted(cuts)):
        names = [PANEL.companies[place] for place in sorted(block)]
        assert computed(PANEL.take(names)).tobytes() == whole[:, sorted(block)].tobytes()


@settings(max_examples=15)
@given(st.integers(LOOK_BACK, SESSIONS - 1), st.integers(0, 2**32 - 1))
def test_later_bars_never_change_earlier_features(place: int, seed: int) -> None:
    day = PANEL.sessions[place]
    other = market(seed)
    tables = {
        name: np.concatenate([getattr(PANEL, name)[: place + 1], getattr(other, name)[place + 1 :]])
        for name in ("close", "volume", "split", "dividend")
    }
    mixed = panel_from(tables.pop("close"), **tables)
    group = np.concatenate([GROUP[: place + 1], np.full(SESSIONS - place - 1, 7.0)])
    decisions = pd.DatetimeIndex([PANEL.sessions[place - 40], day])
    expected = computed(PANEL, GROUP, decisions)
    assert computed(mixed, group, decisions).tobytes() == expected.tobytes()
    assert computed(PANEL.until(day), GROUP[: place + 1], decisions).tobytes() == expected.tobytes()


@settings(max_examples=15)
@given(st.integers(0, SESSIONS - LOOK_BACK - LONGEST_GAP))
def test_bars_before_the_look_back_do_not_matter(skipped: int) -> None:
    decisions = PANEL.sessions[[skipped + LOOK_BACK + LONGEST_GAP - 1]]
    cut = PANEL.since(PANEL.sessions[skipped])
    assert computed(cut, GROUP[skipped:], decisions).tobytes() == computed(PANEL, GROUP, decisions).tobytes()


def test_an_unknown_feature_or_decision_is_named() -> None:
    with pytest.raises(InputError, match="feature: got 'return_7'"):
        values(PANEL, GROUP, DECISIONS, ["return_7"])
    with pytest.raises(InputError, match=r"decision: got '2015-01-03'"):
        values(PANEL, GROUP, pd.DatetimeIndex(["2015-01-03"]), NAMES)
