"""Answers about the end of a path from its mean and its scale, by hand and against SciPy."""

from __future__ import annotations

import json
from math import log, log1p

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bullbear.definitions import UP
from bullbear.definitions.questions import Question
from bullbear.learn.paths.end_of_path import EndAnswer, Residuals, Tails, answers

from ..conftest import asked

FOUR = np.array([-0.03, -0.01, 0.01, 0.03])
TAILS: tuple[Tails, ...] = ("empirical", "normal", "gram_charlier")


def answer(question: Question, residuals: Residuals) -> EndAnswer:
    asset = np.array(["IWM", "IWM"])
    return EndAnswer.of(question, residuals, np.zeros(2), np.ones(2), asset, 10.0)


def test_a_normal_residual_has_the_probability_of_the_normal_distribution() -> None:
    residuals = Residuals.of(FOUR, "normal")
    assert residuals.deviation == pytest.approx(np.sqrt(0.0005))
    up = answer(UP, residuals).probability(np.array([0.01, -0.02]), np.array([1.0, 2.0]))
    np.testing.assert_allclose(up, stats.norm.cdf(np.array([0.01, -0.01]) / np.sqrt(0.0005)), atol=1e-12)
    move = answer(asked("move", 0.05), residuals).probability(np.zeros(1), np.array([2.0]))
    deviation = 2 * np.sqrt(0.0005)
    expected = stats.norm.cdf(log1p(-0.05) / deviation) + stats.norm.sf(log1p(0.05) / deviation)
    np.testing.assert_allclose(move, expected, atol=1e-12)


def test_an_empirical_residual_counts_what_there_was() -> None:
    e = np.random.default_rng(1).standard_t(3, 5000) / 50
    p = answer(asked("return_below", -0.05), Residuals.of(e, "empirical")).probability(np.array([0.01]), np.ones(1))
    assert p[0] == pytest.approx(np.mean(e + 0.01 < log(0.95)), abs=0.003)


def test_the_expansion_has_the_moments_it_was_given() -> None:
    e = np.random.default_rng(2).gamma(20.0, size=20_000)
    residuals = Residuals.of(e - e.mean(), "gram_charlier")
    z = np.linspace(-6, 6, 4001)
    density = np.gradient(residuals.below(z * residuals.deviation), z)
    assert np.trapezoid(z**3 * density, z) == pytest.approx(stats.skew(e), abs=0.01)
    assert residuals.kurtosis == pytest.approx(stats.kurtosis(e), abs=1e-9)
    # Closer to the truth than the normal distribution where skewness matters most: at the middle.
    truth = np.mean(e < e.mean())
    normal = Residuals.of(e - e.mean(), "normal")
    errors = [abs(float(each.below(np.zeros(1))[0]) - truth) for each in (residuals, normal)]
    assert errors[0] < errors[1] / 5


@given(tails=st.sampled_from(TAILS), means=st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=5))
def test_a_higher_mean_makes_a_rise_no_less_likely(tails: Tails, means: list[float]) -> None:
    ordered = np.sort(np.array(means))
    p = answer(UP, Residuals.of(FOUR, tails)).probability(ordered, np.ones(len(ordered)))
    assert ((p >= 0) & (p <= 1)).all()
    assert (np.diff(p) >= -1e-12).all()


@pytest.mark.parametrize("tails", TAILS)
def test_the_state_brings_back_the_same_bits(tails: Tails) -> None:
    made = answer(asked("move", 0.05), Residuals.of(FOUR, tails))
    restored = EndAnswer.restore(json.loads(json.dumps(made.state(), allow_nan=False)))
    assert restored == made


def test_a_signal_is_beyond_the_mean_of_the_asset() -> None:
    asset = np.array(["IWM", "SPY", "SPY"])
    mean = np.array([0.0, 0.01, 0.02])
    made = EndAnswer.of(UP, Residuals.of(FOUR, "normal"), mean, np.ones(3), asset, 10.0)
    p = stats.norm.cdf(mean / np.sqrt(0.0005))
    assert made.shares == pytest.approx({"IWM": 0.5, "SPY": p[1:].mean()})
    hedged = [(10 * each + p[1:].mean()) / 11 for each in (p[2], p[1:].mean())]
    expected = log(hedged[0] / (1 - hedged[0])) - log(hedged[1] / (1 - hedged[1]))
    assert made.signal(mean[2:], np.ones(1), "SPY")[0] == pytest.approx(expected, abs=1e-9)
    assert made.signal(np.zeros(1), np.ones(1), "IWM")[0] == 0.0


def test_which_questions_are_about_the_end() -> None:
    kinds = {"return_above": 0.0, "return_below": -0.1, "move": 0.1, "dip": -0.1, "rally": 0.1, "volatility": 0.2}
    found = [kind for kind, threshold in kinds.items() if answers(asked(kind, threshold))]
    assert found == ["return_above", "return_below", "move"]
