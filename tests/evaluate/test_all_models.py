"""SPA and the model confidence set beside `arch` called by hand, and on models of which the best is known."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import MCS, SPA

from bullbear.errors import HistoryError, InputError
from bullbear.evaluate.all_models import confidence_set, group_size, superior_ability
from bullbear.statistics.bootstrap import default_block


@pytest.fixture(scope="module")
def made() -> tuple[np.ndarray, np.ndarray]:
    """A benchmark's losses and those of four models, the last two better."""
    rng = np.random.default_rng(2)
    return rng.random(400), rng.random((400, 4)) - [-0.05, 0.0, 0.06, 0.08]


def test_spa_is_that_of_arch(made):
    par, losses = made
    test = SPA(par, losses, block_size=default_block(400, 3), reps=300, bootstrap="stationary", seed=9)
    test.compute()
    found = superior_ability(par, losses, 3, resamples=300, seed=9)
    assert (found.p_lower, found.p_value, found.p_upper) == tuple(test.pvalues)
    assert found.p_lower <= found.p_value <= found.p_upper
    assert (found.n, found.models, found.mean_block) == (400, 4, default_block(400, 3))


def test_the_confidence_set_is_that_of_arch(made):
    _, losses = made
    test = MCS(losses, 0.1, reps=300, block_size=default_block(400, 3), bootstrap="stationary", seed=9)
    test.compute()
    found = confidence_set(losses, 3, resamples=300, seed=9)
    assert list(found.included) == sorted(test.included)
    assert dict(enumerate(found.p_values)) == test.pvalues["Pvalue"].to_dict()
    assert found.included == (2, 3)


def test_losses_of_a_long_horizon_are_averaged_over_weeks(made):
    par, losses = made
    assert group_size(21) == 5
    weeks, of_par = losses.reshape(80, 5, 4).mean(axis=1), par.reshape(80, 5).mean(axis=1)
    blocks = -(-default_block(400, 21) // 5)
    test = SPA(of_par, weeks, block_size=blocks, reps=300, bootstrap="stationary", seed=9)
    test.compute()
    assert superior_ability(par, losses, 21, resamples=300, seed=9).p_value == test.pvalues["consistent"]
    late = superior_ability(np.append(9.0, par), np.vstack([[9.0] * 4, losses]), 21, resamples=300, seed=9)
    assert late.p_value == test.pvalues["consistent"]  # the oldest row fills no week


def test_few_of_many_models_without_skill_are_taken_for_skilled():
    rng = np.random.default_rng(11)
    found = [superior_ability(rng.random(200), rng.random((200, 6)), 1, resamples=200).p_value for _ in range(60)]
    assert np.mean(np.array(found) < 0.10) <= 0.2  # 6 of 60 expected


def test_a_poor_model_more_takes_nothing_from_the_best(made):
    par, losses = made
    alone = superior_ability(par, losses, 3).p_value
    assert alone < 0.05
    assert superior_ability(par, np.column_stack([losses, losses[:, :2] + 0.5]), 3).p_value < 0.05


def test_models_that_are_the_benchmark_cannot_beat_it(made):
    par, losses = made
    assert superior_ability(par, np.column_stack([par, par]), 3).p_value == 1.0
    alone, beside = superior_ability(par, losses, 3), superior_ability(par, np.column_stack([losses, par]), 3)
    assert (alone.p_value, alone.models) == (beside.p_value, beside.models - 1)


def test_the_same_forecasts_are_in_or_out_together(made):
    _, losses = made
    found = confidence_set(np.column_stack([losses, losses[:, 3], losses[:, 0]]), 3)
    assert found.included == (2, 3, 4)
    assert (found.p_values[3], found.p_values[0]) == (found.p_values[4], found.p_values[5])
    assert confidence_set(losses[:, :1], 3).included == (0,)


def test_the_same_seed_gives_the_same_bits(made):
    par, losses = made
    assert superior_ability(par, losses, 21) == superior_ability(par, losses, 21)
    assert confidence_set(losses, 21) == confidence_set(losses, 21)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: superior_ability(np.zeros(30), np.zeros((31, 2)), 1), InputError, r"benchmark: .*allowed: 31 losses"),
        (lambda: superior_ability(np.zeros(30), np.full((30, 2), np.inf), 1), InputError, r"losses: .*allowed: finite"),
        (lambda: confidence_set(np.zeros((30, 2)), 0), InputError, r"horizon: got 0; allowed: at least 1"),
        (lambda: confidence_set(np.zeros((30, 2)), 1, error=1.0), InputError, r"error: got 1\.0; allowed: between 0"),
        (lambda: confidence_set(np.zeros((83, 2)), 21), HistoryError, r"losses: got '83 rows'; allowed: at least 84"),
    ],
)
def test_what_cannot_be_tested_is_refused(call, kind, words):
    with pytest.raises(kind, match=words):
        call()
