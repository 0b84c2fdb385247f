"""Examples whose outcomes or factors are not the real ones: what must stay, stays; what must go, goes."""

from __future__ import annotations

import numpy as np
import pytest

from bullbear.audit.altered_examples import Planted, dealt, planted, resampled, shuffled
from bullbear.audit.subject import Subject
from bullbear.dataset import Examples


def persistence(values: np.ndarray, lag: int = 1) -> float:
    """The autocorrelation of labels, or of a factor."""
    both = ~np.isnan(values[lag:]) & ~np.isnan(values[:-lag])
    return float(np.corrcoef(values[lag:][both], values[:-lag][both])[0, 1])


@pytest.fixture(scope="module")
def real(trained: Subject) -> Examples:
    return trained.examples[0]


@pytest.fixture(scope="module")
def random(trained: Subject) -> Examples:
    return resampled(trained.view, trained.examples, trained.targets, 1)[0]


def test_random_labels_overlap_and_resolve_like_the_real_ones(real: Examples, random: Examples) -> None:
    assert (random.resolved_at == real.resolved_at).all()
    assert (random.decided_at == real.decided_at).all()
    assert np.array_equal(np.isnan(random.y), np.isnan(real.y))
    assert abs(persistence(random.y) - persistence(real.y)) < 0.05
    assert random.X is real.X


def test_random_labels_paths_and_base_rates_are_of_one_path_of_prices(real: Examples, random: Examples) -> None:
    assert random.paths is not None
    known = ~np.isnan(random.y)
    assert np.array_equal(random.y[known], (random.paths.returns[known].sum(axis=1) > 0).astype(float))
    assert not np.array_equal(random.climatology, real.climatology, equal_nan=True)


def test_random_labels_say_nothing_of_the_real_ones_and_differ_by_seed(trained: Subject, real: Examples) -> None:
    drawn = np.array([resampled(trained.view, trained.examples, trained.targets, seed)[0].y for seed in range(8)])
    known = ~np.isnan(real.y)
    agreement = [np.corrcoef(each[known], real.y[known])[0, 1] for each in drawn]
    assert abs(np.mean(agreement)) < 0.2
    assert len({each[known].tobytes() for each in drawn}) == 8


def test_dealt_outcomes_are_the_real_ones_on_other_days(real: Examples) -> None:
    (moved,) = dealt([real], 1)
    known = ~np.isnan(moved.y)
    assert abs(persistence(moved.y)) < 0.1 < persistence(real.y)
    assert np.array_equal(moved.y[known], moved.y_final[known])
    assert moved.paths is not None
    assert np.array_equal(moved.y[known], (moved.paths.returns[known].sum(axis=1) > 0).astype(float))
    assert moved.y[known].sum() == real.y[known].sum()


def test_shuffled_factors_keep_their_persistence_and_lose_their_day(real: Examples) -> None:
    (moved,) = shuffled([real], 1)
    one, other = (each.X["rsi_14"].to_numpy() for each in (real, moved))
    assert abs(persistence(other) - persistence(one)) < 0.05
    both = ~np.isnan(one) & ~np.isnan(other)
    assert abs(np.corrcoef(one[both], other[both])[0, 1]) < 0.2
    assert moved.y is real.y


def test_a_planted_factor_takes_the_place_of_the_others(trained: Subject, real: Examples) -> None:
    made: Planted = planted(trained.definition, trained.feature_sets, [real])
    assert made.definition.features == ("planted",)
    assert made.alone == {trained.definition.name}
    known = ~np.isnan(real.y)
    assert np.array_equal(made.examples[0].X["planted_up"].to_numpy()[known] > 0, real.y[known] == 1)
