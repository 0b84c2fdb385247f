from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.statistics.overlap import evidence, independent_number, rows_per_label, sign_correlation


def plain(flags: np.ndarray, first: int, last: int, horizon: int) -> tuple[float, float]:
    """Effective cases, and the variance of the difference, from the full correlation matrix of the window."""
    inside = flags[first : last + 1].astype(float)
    cases, sessions = inside.sum(), len(inside)
    c = sign_correlation(horizon)
    lag = np.abs(np.subtract.outer(np.arange(sessions), np.arange(sessions)))
    matrix = np.where(lag < horizon, c[np.minimum(lag, horizon - 1)], 0.0)
    weight = inside / cases - 1.0 / sessions
    return cases**2 / (inside @ matrix @ inside), float(weight @ matrix @ weight)


@given(st.data())
def test_window_sums_equal_the_full_matrix(data: st.DataObject) -> None:
    flags = np.array(data.draw(st.lists(st.booleans(), min_size=1, max_size=60)))
    horizon = data.draw(st.integers(1, 12))
    first = data.draw(st.integers(0, len(flags) - 1))
    last = data.draw(st.integers(first, len(flags) - 1))
    first = first if last - first + 1 >= horizon else 0
    found = evidence(flags, np.array([first]), np.array([last]), horizon)
    assert found.cases[0] == flags[first : last + 1].sum()
    assert found.base[0] == last - first + 1
    if found.cases[0] == 0:
        assert np.isnan(found.effective[0])
        assert np.isnan(found.compared[0])
        return
    effective, variance = plain(flags, first, last, horizon)
    assert found.effective[0] == pytest.approx(effective)
    assert 1.0 / found.compared[0] == pytest.approx(variance, abs=1e-11)


def test_an_empty_window_holds_nothing() -> None:
    found = evidence(np.array([True, True]), np.array([1]), np.array([0]), 3)
    assert found.cases[0] == 0
    assert np.isnan(found.effective[0])


def test_cases_far_apart_count_in_full_and_neighbours_hardly_more_than_one() -> None:
    flags = np.zeros(200, dtype=bool)
    flags[[10, 60, 110]] = True
    assert evidence(flags, np.array([0]), np.array([199]), 21).effective[0] == pytest.approx(3.0)
    flags[:] = False
    flags[10:13] = True
    # c(1) = 2/pi asin(20/21) = 0.8027, c(2) = 2/pi asin(19/21) = 0.7199; 9 / (3 + 4 * 0.8027 + 2 * 0.7199)
    assert evidence(flags, np.array([0]), np.array([199]), 21).effective[0] == pytest.approx(1.1764, abs=1e-4)


def test_the_arcsine_law_holds_for_simulated_sums() -> None:
    steps = np.random.default_rng(3).normal(size=(40_000, 8))
    total = np.cumsum(np.concatenate([np.zeros((len(steps), 1)), steps], axis=1), axis=1)
    first, later = total[:, 5] - total[:, 0], total[:, 7] - total[:, 2]
    agreed = np.corrcoef(first > 0, later > 0)[0, 1]
    assert sign_correlation(5)[2] == pytest.approx(agreed, abs=0.015)


@given(n=st.integers(0, 80), horizon=st.integers(1, 30))
def test_consecutive_labels_are_worth_what_evidence_counts(n: int, horizon: int) -> None:
    found = float(independent_number(n, horizon))
    if n == 0:
        assert found == 0.0
        return
    every = evidence(np.ones(n, dtype=bool), np.array([0]), np.array([n - 1]), horizon)
    assert found == pytest.approx(every.effective[0])
    assert 1.0 - 1e-9 <= found <= n


def test_one_number_and_many_give_the_same_bits() -> None:
    many = independent_number(np.arange(400), 21)
    assert [float(independent_number(n, 21)) for n in range(400)] == many.tolist()


def test_the_labels_of_fifteen_years_are_worth_245() -> None:
    assert float(independent_number(3754, 21)) == pytest.approx(245.17, abs=0.01)
    assert 3754 / rows_per_label(21) == pytest.approx(245.17, rel=0.01)


def test_overlapping_shares_of_ups_scatter_as_the_number_says() -> None:
    rng = np.random.default_rng(8)
    path = np.cumsum(np.concatenate([np.zeros((3000, 1)), rng.normal(0.06, 1.0, (3000, 320))], axis=1), axis=1)
    ups = path[:, 21:] > path[:, :-21]
    share = ups.mean()
    scattered = share * (1 - share) / ups.mean(axis=1).var()
    assert float(independent_number(300, 21)) == pytest.approx(scattered, rel=0.06)
