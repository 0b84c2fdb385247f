from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, stats

from bullbear.errors import InputError
from bullbear.factors.engine.registry import registered
from bullbear.factors.engine.windows import bars_from
from bullbear.factors.regime import change_point
from bullbear.factors.regime.change_point import LEAST, PULL, RATE, SHAPE, change_posterior


def tape(returns: np.ndarray) -> change_point.Bars:
    return bars_from(np.exp(np.concatenate([[0.0], np.cumsum(returns)])).tolist())


def changing(before: int, after: int, seed: int = 0, jump: float = 3.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.concatenate([random.normal(0.0, 0.01, before), random.normal(0.0, 0.01 * jump, after)])


def evidence(x: np.ndarray) -> float:
    """Density of a stretch under the prior, as a product of Student's one-step predictions: none of our algebra."""
    log, shape, rate, pull, mean = 0.0, SHAPE, RATE, PULL, 0.0
    for value in x:
        scale = math.sqrt(rate * (pull + 1.0) / (shape * pull))
        log += stats.t.logpdf(value, df=2.0 * shape, loc=mean, scale=scale)
        rate += pull * (value - mean) ** 2 / (2.0 * (pull + 1.0))
        mean = (pull * mean + value) / (pull + 1.0)
        pull += 1.0
        shape += 0.5
    return log


def test_one_step_predictions_are_the_prior_integrated() -> None:
    def density(variance: float) -> float:
        prior = stats.invgamma.pdf(variance, SHAPE, scale=RATE)
        return prior * stats.norm.pdf(1.3, 0.0, math.sqrt(variance * (1.0 + 1.0 / PULL)))

    value, _ = integrate.quad(density, 0.0, np.inf)
    assert math.log(value) == pytest.approx(evidence(np.array([1.3])))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_posterior_against_one_step_predictions(seed: int) -> None:
    returns = changing(25, 15, seed)
    x = np.clip((returns - returns.mean()) / returns.std(), -3.0, 3.0)
    ages = range(LEAST, 40 - LEAST + 1)
    weights = {age: evidence(x[:-age]) + evidence(x[-age:]) - math.log(len(ages)) for age in ages}
    weights[40] = evidence(x)
    most = max(weights.values())
    total = sum(math.exp(weight - most) for weight in weights.values())
    expected = np.zeros(41)
    for age, weight in weights.items():
        expected[age] = math.exp(weight - most) / total
    bars = tape(returns)
    posterior, _ = change_posterior(bars, window=40)
    assert_allclose(posterior[-1], expected, atol=1e-10)
    age = change_point.change_point_age(bars, window=40)[-1]
    assert age == pytest.approx(sum(a * p for a, p in enumerate(expected)))
    recent = change_point.change_point_recent(bars, window=40, recent=12)[-1]
    assert recent == pytest.approx(expected[:13].sum())


def test_shift_weighs_the_ratio_of_spreads() -> None:
    returns = changing(25, 15)
    x = np.clip((returns - returns.mean()) / returns.std(), -3.0, 3.0)

    def spread(stretch: np.ndarray) -> float:
        n, total = len(stretch), stretch.sum()
        rate = RATE + ((stretch**2).sum() - total**2 / (PULL + n)) / 2.0
        return math.sqrt(rate / (SHAPE + n / 2.0))

    bars = tape(returns)
    posterior, _ = change_posterior(bars, window=40)
    ages = range(LEAST, 40 - LEAST + 1)
    expected = sum(posterior[-1][a] * math.log(spread(x[-a:]) / spread(x[:-a])) for a in ages)
    assert change_point.change_point_shift(bars, window=40)[-1] == pytest.approx(expected)


def test_a_change_is_found_where_it_is() -> None:
    bars = tape(changing(200, 30))
    assert change_point.change_point_age(bars, window=200)[-1] == pytest.approx(30, abs=4)
    assert change_point.change_point_shift(bars, window=200)[-1] == pytest.approx(math.log(3), abs=0.3)
    calmer = tape(changing(200, 40, jump=1 / 3))
    assert change_point.change_point_shift(calmer, window=200)[-1] == pytest.approx(-math.log(3), abs=0.3)


def test_one_wild_day_is_no_new_market() -> None:
    returns = changing(250, 3, jump=1.0)
    returns[-1] = -0.2
    assert change_point.change_point_recent(tape(returns), window=250, recent=10)[-1] < 0.5


def test_chances_are_even_where_the_data_say_nothing() -> None:
    ages = [change_posterior(tape(changing(60, 0, seed)), window=60)[0][-1, 60] for seed in range(40)]
    assert 0.5 < np.mean(ages) < 0.95


def test_constant_prices_and_one_bar() -> None:
    assert np.isnan(change_point.change_point_age(bars_from([5.0] * 60), window=40)).all()
    assert np.isnan(change_point.change_point_shift(bars_from([5.0]), window=40)).all()


def test_recent_must_fit_into_the_window() -> None:
    with pytest.raises(InputError, match=r"window.*more than recent = 30"):
        registered()["change_point_recent"].rows_needed({"window": 30, "recent": 30})
