from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.data.companies import Panel, panel_from
from bullbear.group.breadth import Breadth, counted
from bullbear.group.marks import Marks, marks_of
from bullbear.group.returns import GAP

NAN = float("nan")


def marks(panel: Panel, first: int = 0) -> Marks:
    return marks_of(panel, first, gap=GAP, screened=True)


def breadth(panel: Panel, member: np.ndarray) -> Breadth:
    """Of every session."""
    return counted(marks(panel), member)


def holed_panel(seed: int, sessions: int = 300, companies: int = 8) -> Panel:
    rng = np.random.default_rng(seed)
    close = 20 * np.exp(np.cumsum(rng.normal(0, 0.02, (sessions, companies)), axis=0))
    split = np.where(rng.random(close.shape) < 0.005, 2.0, 1.0)
    close = np.where(rng.random(close.shape) < 0.1, NAN, close / np.cumprod(split, axis=0))
    close[:200, 0] = NAN  # a birth
    close[250:, 1] = NAN  # a death
    return panel_from(close, split=split)


def plain_breadth(panel: Panel, member: np.ndarray) -> pd.DataFrame:
    """The same in pandas, written for a reader."""
    worth = pd.DataFrame(panel.close) * pd.DataFrame(panel.split).cumprod()
    inside = pd.DataFrame(member)
    before = worth.ffill(limit=5).shift(1)
    step = worth / before - 1
    step = step.where(step.abs() > 1e-6, step * 0)
    step = step.where(inside)
    out = pd.DataFrame({"names": step.notna().sum(axis=1)})
    for name, held in (("advances", step > 0), ("declines", step < 0), ("unchanged", step == 0)):
        out[name] = held.sum(axis=1).where(out["names"] > 0)
    for window in (50, 200):
        mean = worth.rolling(window, min_periods=int(0.8 * window)).mean()
        known = worth.notna() & mean.notna() & inside
        out[f"above_{window}"] = ((worth > mean) & known).sum(axis=1) / known.sum(axis=1)
    year = worth.shift(1).rolling(251, min_periods=201)
    aged = worth.notna() & year.max().notna() & inside
    out["aged"] = aged.sum(axis=1)
    out["new_highs"] = ((worth > year.max()) & aged).sum(axis=1).where(out["aged"] > 0)
    out["new_lows"] = ((worth < year.min()) & aged).sum(axis=1).where(out["aged"] > 0)
    filled = worth.ffill(limit=5)
    growth = (filled / filled.shift(21) - 1).where(inside)
    spread = (growth.quantile(0.75, axis=1) - growth.quantile(0.25, axis=1)) / 1.3489795003921634
    out["dispersion_21"] = spread.where(growth.notna().sum(axis=1) >= 4)
    return out.astype(float)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_breadth_is_that_of_plain_pandas(seed):
    panel = holed_panel(seed)
    member = np.random.default_rng(seed).random(panel.shape) < 0.8
    plain, found = plain_breadth(panel, member), breadth(panel, member)
    for name in plain:
        np.testing.assert_allclose(getattr(found, name), plain[name], rtol=1e-9, err_msg=name)


@given(seed=st.integers(0, 1000), row=st.integers(0, 299))
@settings(max_examples=15, deadline=None)
def test_no_row_of_breadth_reads_a_later_one(seed, row):
    panel = holed_panel(seed)
    member = np.ones(panel.shape, dtype=bool)
    whole = breadth(panel, member)
    cut = breadth(panel.until(panel.sessions[row]), member[: row + 1])
    for name in ("names", "advances", "above_50", "above_200", "new_highs", "new_lows", "aged", "dispersion_21"):
        np.testing.assert_array_equal(getattr(whole, name)[: row + 1], getattr(cut, name), err_msg=name)


@given(seed=st.integers(0, 1000), row=st.integers(1, 299))
@settings(max_examples=15, deadline=None)
def test_the_marks_of_the_last_session_are_the_last_row_of_all(seed, row):
    panel = holed_panel(seed)
    panel = panel.until(panel.sessions[row])
    latest, every = marks(panel, row), marks(panel)
    for field in fields(Marks):
        np.testing.assert_array_equal(getattr(latest, field.name), getattr(every, field.name)[-1:], err_msg=field.name)


@given(seed=st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_the_gap_and_the_screen_change_only_what_the_breadth_factors_leave_unknown(seed):
    panel = holed_panel(seed)
    of_group, of_factors = marks(panel), marks_of(panel)
    for field in fields(Marks):
        ours, theirs = (getattr(each, field.name) for each in (of_group, of_factors))
        known = ~np.isnan(theirs)
        assert known.any()
        np.testing.assert_array_equal(ours[known], theirs[known], err_msg=field.name)
    for name in ("above_50", "high", "rising_volume"):
        np.testing.assert_array_equal(getattr(of_group, name), getattr(of_factors, name), err_msg=name)


def test_a_missing_close_is_carried_over_the_gap_at_its_split_level_but_makes_no_change_of_the_session():
    close, split = np.r_[np.full(20, 10.0), 10.0, 11.0, NAN, 6.0, NAN], np.ones(25)
    split[22] = 2.0
    found = marks(panel_from(close, split=split))
    np.testing.assert_allclose(found.growth_1.ravel()[-4:], [0.1, NAN, 6.0 / 5.5 - 1, NAN])
    np.testing.assert_allclose(found.growth_21.ravel()[-4:], [0.1, 0.1, 0.2, 0.2])


def test_a_price_that_stands_still_is_not_above_its_average():
    assert not np.nansum(marks(panel_from(np.full(260, 0.1 + 0.2))).above_50)


def test_a_split_is_no_decline_and_no_new_low():
    close = np.r_[np.linspace(90, 100, 259), 50.2]
    split = np.r_[np.ones(259), 2.0]
    found = breadth(panel_from(close, split=split), np.ones((260, 1), dtype=bool))
    assert (found.advances[-1], found.declines[-1], found.new_highs[-1], found.new_lows[-1]) == (1, 0, 1, 0)


def test_a_session_without_members_has_no_breadth():
    found = breadth(panel_from(np.full((3, 2), 10.0)), np.zeros((3, 2), dtype=bool))
    assert found.names.tolist() == [0, 0, 0]
    assert np.isnan(found.advances).all()
    assert np.isnan(found.above_50).all()
