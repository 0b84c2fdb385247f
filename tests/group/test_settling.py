"""Outcomes: a misprint is what the sessions after it show to be one, and a crash stays a crash."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.group import plants
from tests.group.conftest import small_market

from bullbear.group.screening import screen
from bullbear.group.settling import SETTLED, settled

SESSIONS = 200
PANEL = small_market(1, sessions=SESSIONS).panel


def lasting(row: int, column: int, factor: float):
    """The price falls or rises by a factor and stays there, and nobody trades more than usual."""
    tables = {name: getattr(PANEL, name).copy() for name in plants.PRICES}
    for name in plants.PRICES:
        tables[name][row:, column] *= factor
    return replace(PANEL, **tables)


def test_a_clean_panel_is_settled_as_printed():
    found = settled(PANEL)
    for name in (*plants.PRICES, "volume", "split"):
        np.testing.assert_array_equal(getattr(found, name), getattr(PANEL, name), err_msg=name)


@given(
    factor=st.sampled_from([0.1, 0.2, 0.5, 0.32, 0.01, 0.65, 0.8]), row=st.integers(60, 190), column=st.integers(0, 59)
)
@settings(max_examples=10, deadline=None)
def test_a_level_that_lasts_is_no_misprint_whatever_the_screen_took_it_for(factor, row, column):
    panel = lasting(row, column, factor)
    found = settled(panel)
    np.testing.assert_array_equal(found.split, panel.split)
    np.testing.assert_array_equal(found.close, panel.close)


@given(name=st.sampled_from(sorted(plants.RECOVERED)), row=st.integers(60, 190), column=st.integers(0, 59))
@settings(max_examples=10, deadline=None)
def test_a_price_that_reverts_is_read_right(name, row, column):
    found = settled(plants.multiplied(PANEL, row, column, *plants.RECOVERED[name]))
    np.testing.assert_allclose(found.close, PANEL.close, rtol=1e-9)
    np.testing.assert_array_equal(found.split, PANEL.split)


def test_a_jump_that_nobody_traded_and_that_reverts_is_left_out():
    panel = plants.multiplied(PANEL, 150, 5, plants.PRICES, 1.73)
    found = settled(panel)
    assert np.isnan(found.close[150, 5])
    found.close[150, 5] = PANEL.close[150, 5]
    np.testing.assert_array_equal(found.close, PANEL.close)


@pytest.mark.parametrize("factor", [0.1, 10.0, 0.5])
def test_what_has_no_verdict_yet_is_left_out(factor):
    found = settled(lasting(SESSIONS - 2, 3, factor))
    assert np.isnan(found.close[-2:, 3]).all()
    assert np.isfinite(found.close[:-2, 3]).all()


def test_a_recorded_split_that_prices_follow_late_or_never_makes_no_return():
    split = PANEL.split.copy()
    split[150, 7] = 2.0
    never = settled(replace(PANEL, split=split))
    growth = never.close[1:, 7] * never.split[1:, 7] / never.close[:-1, 7]
    assert np.abs(np.log(growth)).max() < 0.2
    assert np.prod(never.split[:, 7]) == 1.0
    panel = plants.recorded(PANEL, 150, 7)
    late = plants.multiplied(plants.multiplied(panel, 150, 7, plants.PRICES, 2.0), 150, 7, ("volume",), 0.5)
    np.testing.assert_allclose(settled(late).close, panel.close, rtol=1e-12)


@given(row=st.integers(70, SESSIONS - 10), seed=st.integers(0, 1000))
@settings(max_examples=8, deadline=None)
def test_a_row_reads_no_more_than_the_sessions_within_which_it_is_settled(row, seed):
    rng = np.random.default_rng(seed)
    panel = PANEL
    for _ in range(10):
        place = (int(row + rng.integers(-8, 9)), int(rng.integers(8)))
        if rng.random() < 0.5:
            panel = plants.multiplied(panel, *place, *plants.RECOVERED[rng.choice(sorted(plants.RECOVERED))])
        else:
            panel = plants.multiplied(panel, *place, plants.PRICES, float("nan"))
    tables = {name: getattr(panel, name).copy() for name in plants.PRICES}
    for name in plants.PRICES:
        tables[name][row:, :4] *= 0.5
    panel = replace(panel, **tables)
    whole, cut = settled(panel), settled(panel.until(panel.sessions[row]))
    for name in (*plants.PRICES, "volume", "split"):
        last = row + 1 - SETTLED
        np.testing.assert_array_equal(getattr(whole, name)[:last], getattr(cut, name)[:last], err_msg=name)


@pytest.mark.parametrize("factor", [0.65, 0.72, 0.8, 1.25, 1.5])
def test_falls_of_a_third_are_no_splits(factor):
    assert not screen(lasting(150, 5, factor)).bad.any()


def test_a_usual_volume_after_a_wrong_one_is_no_suspect():
    volume = PANEL.volume.copy()
    volume[150] *= np.where(np.arange(60) < 15, 100.0, 1.0)
    found = screen(replace(PANEL, volume=volume))
    assert found.volume_reason[150, :15].any()
    assert not found.volume_reason[151:].any()
    assert all(each.value != each.expected for each in found.suspects())


def test_no_company_is_settled_by_who_else_is_there():
    tables = {"volume": PANEL.volume.copy()}
    tables["volume"][150, 30:] *= 8  # the others trade heavily on the day of a block trade
    tables["volume"][150, 3] *= 6
    panel = replace(PANEL, **tables)
    few = panel.take(panel.companies[:24])
    found, alone = settled(panel).take(few.companies), settled(few)
    for name in (*plants.PRICES, "volume", "split"):
        np.testing.assert_array_equal(getattr(found, name), getattr(alone, name), err_msg=name)
