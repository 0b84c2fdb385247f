import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.data.companies import Panel, panel_from
from bullbear.group.breadth import breadth, latest_marks, marks

NAN = float("nan")


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
    spread = (growth.quantile(0.75, axis=1) - growth.quantile(0.25, axis=1)) / 1.349
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
def test_the_latest_marks_are_the_last_row_of_all(seed, row):
    panel = holed_panel(seed)
    panel = panel.until(panel.sessions[row])
    latest, every = latest_marks(panel), marks(panel)
    for name in ("change", "above_50", "above_200", "high", "low"):
        np.testing.assert_allclose(getattr(latest, name), getattr(every, name)[-1:], rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(latest.growth_21, every.growth_21[-1:], rtol=1e-9)


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
