from __future__ import annotations

import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.decide.agents.volatility import implied_volatility

PHI = NormalDist().cdf


def implied(p_low: float, p_high: float, trailing: float = 0.15) -> float:
    return implied_volatility(0.2, p_low, 0.3, p_high, log_sd=0.3, clip=0.02, trailing=trailing)


@given(st.floats(0.12, 0.5), st.floats(0.16, 0.55))
def test_a_lognormal_is_found_again(median: float, s: float) -> None:
    p_low, p_high = (PHI((math.log(median) - math.log(level)) / s) for level in (0.2, 0.3))
    if p_high > 0.021 and p_low < 0.979:
        assert implied(p_low, p_high) == pytest.approx(median * math.exp(s * s), rel=1e-9)


@pytest.mark.parametrize(
    ("case", "p_low", "p_high", "trailing", "expected"),
    [
        ("one question alone, at its median", 0.5, math.nan, 0.15, 0.2 * math.exp(0.09)),
        ("the other alone", math.nan, 0.5, 0.15, 0.3 * math.exp(0.09)),
        ("the upper one too rare to tell: the lower one decides", 0.5, 0.001, 0.15, 0.2 * math.exp(0.09)),
        ("neither: what was", math.nan, math.nan, 0.15, 0.15),
        # Both at their clips: medians 0.2 and 0.3 times exp(-0.3 * 2.0537), geometric mean.
        ("both rare, the past not so calm", 0.001, 0.0001, 0.18, math.sqrt(0.06) * math.exp(0.09 - 0.3 * 2.053749)),
        ("both rare, and the past calmer", 0.001, 0.0001, 0.08, 0.08),
        ("both sure, and the past wilder", 0.999, 0.995, 0.90, 0.90),
        # They contradict each other: each by its own, s = 0.3, geometric mean of 0.2 and 0.3.
        ("the upper one no rarer than the lower", 0.5, 0.5, 0.15, math.sqrt(0.06) * math.exp(0.09)),
    ],
)
def test_by_hand(case: str, p_low: float, p_high: float, trailing: float, expected: float) -> None:
    assert implied(p_low, p_high, trailing) == pytest.approx(expected, rel=1e-6), case


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 2.0))
def test_any_probabilities_give_a_volatility(p_low: float, p_high: float, trailing: float) -> None:
    assert 0.0 <= implied(p_low, p_high, trailing) < 5.0
