from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.group import plants
from tests.group.conftest import SmallMarket, small_market

from bullbear.data.companies import Panel
from bullbear.group.screening import Reason, screen
from bullbear.group.statistics import SHOWN, GroupFigures, group_figures

SESSIONS = 200
MARKET = small_market(1, sessions=SESSIONS)
ROWS = (-1, -2, -5, -6, -7, -21, -22, -23, -40, -63, -64, -65, -100)
"""The last session, the middle of windows, and their first sessions."""

row_of = st.sampled_from(ROWS).map(lambda row: SESSIONS + row)
column_of = st.integers(0, 59)


def figures(panel: Panel, market: SmallMarket = MARKET) -> GroupFigures:
    return group_figures(panel, np.ones(panel.shape[1], dtype=bool), market.sectors, market.facts)


def shown(of: GroupFigures, kind: str) -> dict[str, float]:
    """Every average that the page shows of prices (as growth, and as market value) or of volumes."""
    found = {
        f"{kind} {sessions} {name}": 1 + getattr(getattr(growth, kind), name)
        for sessions, growth in of.growth.items()
        for name in ("median", "weighted", "trimmed")
    }
    if kind == "price":
        found |= {"mean value": of.value.mean, "median value": of.value.median, "total": of.value.total}
        found |= {f"{each.sector} {n}": 1 + g.price.median for each in of.sectors for n, g in each.growth.items()}
    return found


def moved(one: GroupFigures, other: GroupFigures, kind: str) -> float:
    """The largest relative move of an average; of a growth, of what one dollar became."""
    before, after = shown(one, kind), shown(other, kind)
    return max(abs(after[name] / before[name] - 1) for name in before)


def is_listed(of: GroupFigures, panel: Panel, row: int, column: int) -> bool:
    company, session = panel.companies[column], panel.sessions[row]
    return any(each.company == company and each.session == session for each in of.suspects)


CLEAN = figures(MARKET.panel)


def test_nothing_is_suspicious_in_a_clean_market():
    assert CLEAN.suspects == []
    assert not screen(MARKET.panel).bad.any()
    np.testing.assert_array_equal(screen(MARKET.panel).clean.close, MARKET.panel.close)


@given(name=st.sampled_from(sorted(plants.RECOVERED)), row=row_of, column=column_of)
@settings(max_examples=15, deadline=None)
def test_a_price_that_can_be_read_right_moves_no_average_and_is_listed(name, row, column):
    panel = plants.multiplied(MARKET.panel, row, column, *plants.RECOVERED[name])
    found = figures(panel)
    assert is_listed(found, panel, row, column)
    # Growth itself, not what a dollar became, to the last digits.
    for sessions, growth in CLEAN.growth.items():
        for average in ("median", "weighted", "trimmed"):
            expected = getattr(growth.price, average)
            assert getattr(found.growth[sessions].price, average) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert moved(CLEAN, found, "price") < 1e-9
    assert moved(CLEAN, found, "volume") < 0.02


@given(name=st.sampled_from(sorted(plants.LOST)), row=row_of, column=column_of)
@settings(max_examples=8, deadline=None)
def test_a_price_that_is_lost_counts_as_missing_and_is_listed(name, row, column):
    panel = plants.multiplied(MARKET.panel, row, column, *plants.LOST[name])
    found, missing = figures(panel), figures(plants.without_price(MARKET.panel, row, column))
    assert is_listed(found, panel, row, column)
    assert shown(found, "price") == shown(missing, "price")
    assert moved(CLEAN, found, "price") < 0.01


@given(row=row_of, column=column_of)
@settings(max_examples=8, deadline=None)
def test_a_stale_bar_moves_no_average_of_prices_by_a_hundredth_and_is_listed(row, column):
    panel = plants.stale(MARKET.panel, row, column)
    found = figures(panel)
    assert is_listed(found, panel, row, column)
    assert moved(CLEAN, found, "price") < 0.01


@given(name=st.sampled_from(sorted(plants.VOLUMES)), row=row_of, column=column_of)
@settings(max_examples=8, deadline=None)
def test_a_wrong_volume_hardly_moves_the_growth_of_volume(name, row, column):
    panel = plants.multiplied(MARKET.panel, row, column, ("volume",), plants.VOLUMES[name])
    found = figures(panel)
    assert moved(CLEAN, found, "price") < 1e-12
    # What is lost is a fifth of the week of one name in sixty.
    assert moved(CLEAN, found, "volume") < 0.025


def test_most_wrong_volumes_are_listed():
    rng = np.random.default_rng(3)
    for factor in (10.0, 100.0, 0.1, 0.01, 0.0):
        rows, columns = rng.integers(80, SESSIONS, 60), np.arange(60)
        volume = MARKET.panel.volume.copy()
        volume[rows, columns] *= factor
        found = screen(replace(MARKET.panel, volume=volume))
        assert np.mean(found.volume_reason[rows, columns] != 0) >= 0.9, factor


@given(row=row_of, column=column_of)
@settings(max_examples=10, deadline=None)
def test_a_split_that_nobody_recorded_is_one_all_the_same(row, column):
    unrecorded, recorded = (make(MARKET.panel, row, column) for make in (plants.unrecorded, plants.recorded))
    found, known = figures(unrecorded), figures(recorded)
    assert is_listed(found, unrecorded, row, column)
    for sessions, growth in known.growth.items():
        for average in ("median", "weighted", "trimmed"):
            expected = getattr(growth.price, average)
            assert getattr(found.growth[sessions].price, average) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_recorded_split_that_prices_follow_a_session_late_is_no_jump():
    panel = plants.recorded(MARKET.panel, 150, 7)
    late = plants.multiplied(panel, 150, 7, plants.PRICES, 2.0)
    late = plants.multiplied(late, 150, 7, ("volume",), 0.5)
    found = screen(late)
    assert found.reason[150, 7] == Reason.SPLIT
    assert (found.reason[151:, 7] == 0).all()
    np.testing.assert_allclose(found.clean.close[150, 7], panel.close[150, 7], rtol=1e-12)


@pytest.mark.parametrize(
    ("event", "factor", "shares", "span"),
    [
        ("a bankruptcy", 0.1, 40.0, 0.5),
        ("a failed trial", 0.35, 15.0, 0.25),
        ("a warning", 0.7, 6.0, 0.12),
        ("a takeover", 1.8, 30.0, 0.02),
        ("a takeover at a third", 1.33, 15.0, 0.01),
        ("a trial that succeeds", 4.0, 60.0, 0.6),
        ("a squeeze", 8.0, 80.0, 1.0),
    ],
)
@pytest.mark.parametrize("row", [-1, -3])
def test_a_real_jump_stays_in_and_is_a_confirmed_mover(event, factor, shares, span, row):
    row, column = SESSIONS + row, 11
    panel = plants.jump(MARKET.panel, row, column, factor, shares, span)
    found = figures(panel)
    assert not is_listed(found, panel, row, column), event
    np.testing.assert_array_equal(found.screened.clean.close, panel.close)
    mover = next(each for each in found.movers if each.column == column)
    assert mover.verdict == "confirmed"
    assert mover.volume_ratio > 1.5


@given(row=st.integers(60, SESSIONS - 1), seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_the_verdict_on_a_bar_reads_no_later_one(row, seed):
    rng = np.random.default_rng(seed)
    panel = MARKET.panel
    for _ in range(12):
        name = rng.choice(sorted(plants.RECOVERED))
        place = (int(np.clip(row + rng.integers(-8, 9), 0, SESSIONS - 1)), int(rng.integers(60)))
        panel = plants.multiplied(panel, *place, *plants.RECOVERED[name])
    whole, cut = screen(panel), screen(panel.until(panel.sessions[row]))
    for name in ("reason", "volume_reason", "expected", "move", "rebased"):
        np.testing.assert_array_equal(getattr(whole, name)[: row + 1], getattr(cut, name), err_msg=name)
    for name in ("close", "volume", "split"):
        np.testing.assert_array_equal(getattr(whole.clean, name)[: row + 1], getattr(cut.clean, name), err_msg=name)


def test_a_jump_that_nothing_explains_waits_for_two_closes():
    row, column, factor = 150, 5, 1.73
    tables = {name: getattr(MARKET.panel, name).copy() for name in plants.PRICES}
    for name in plants.PRICES:
        tables[name][row:, column] *= factor
    found = screen(replace(MARKET.panel, **tables))
    assert found.reason[row : row + 3, column].tolist() == [Reason.JUMP, Reason.JUMP, 0]
    assert np.isnan(found.clean.close[row : row + 2, column]).all()
    assert found.clean.close[row + 2, column] == tables["close"][row + 2, column]


@pytest.mark.parametrize("factor", [10.0, 0.01])
def test_a_wrong_first_bar_does_not_change_the_market_value(factor):
    panel = plants.multiplied(MARKET.panel, 0, 9, plants.PRICES, factor)
    found = figures(panel)
    np.testing.assert_allclose(found.values.value, CLEAN.values.value, rtol=1e-9)
    assert moved(CLEAN, found, "price") < 1e-9


def test_suspects_are_those_of_the_sessions_that_averages_read():
    early = plants.multiplied(MARKET.panel, SESSIONS - SHOWN - 5, 3, plants.PRICES, 10.0)
    assert figures(early).suspects == []
    assert len(screen(early).suspects()) == 1


def test_a_run_of_wrong_bars_is_one_suspect():
    panel = MARKET.panel
    for row in (150, 151, 152):
        panel = plants.multiplied(panel, row, 3, plants.PRICES, 10.0)
    (suspect,) = screen(panel).suspects()
    assert (suspect.session, suspect.sessions, suspect.corrected) == (panel.sessions[150], 3, True)
    assert suspect.reason == "decimal point shifted"
    assert suspect.value == pytest.approx(10 * MARKET.panel.close[150, 3])
    assert suspect.expected == pytest.approx(MARKET.panel.close[150, 3])
