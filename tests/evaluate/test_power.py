"""Power as computed against markets whose true probabilities are known, and its order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullbear.errors import InputError
from bullbear.evaluate.power import power, skill_needed
from bullbear.evaluate.significance import lower_bound


@pytest.mark.parametrize(("signal", "error"), [(0.0, 0.1), (0.014, 0.1), (0.025, 0.1), (0.025, 0.033)])
def test_it_is_the_share_of_markets_in_which_a_true_skill_is_seen(market, signal, error):
    n, horizon, seen, gains, pars = 2000, 21, [], [], []
    for seed in range(120):
        made = market(n, np.random.default_rng([seed, 3]), signal)
        # The base rate itself has no gain at all; a noise that costs next to nothing has one of either sign.
        noise = 1e-6 * np.random.default_rng(seed).standard_normal(n)
        p = made.truth if signal else made.climatology + noise
        seen.append(lower_bound(made.y, p, made.climatology, horizon, error=error).low > 0)
        gains.append(np.mean((made.truth - made.climatology) ** 2))
        pars.append(np.mean(made.climatology * (1 - made.climatology)))
    skill = float(np.mean(gains) / np.mean(pars))
    assert power(skill, n, horizon, error=error) == pytest.approx(np.mean(seen), abs=0.12)


@given(
    st.floats(0.0, 0.5),
    st.floats(0.0, 0.5),
    st.integers(100, 8000),
    st.integers(100, 8000),
    st.sampled_from([1, 5, 21]),
)
def test_more_skill_and_more_history_are_seen_more_often(one, other, short, long, horizon):
    low, high = sorted((one, other))
    few, many = sorted((short, long))
    shares = power([low, high], many, horizon)
    assert shares[0] <= shares[1] + 1e-9
    # A long lag has few degrees of freedom; with N fixed the tests differ by those alone.
    assert power(high, few, horizon) <= power(high, many, horizon) + 0.02
    assert power(high, many, horizon, error=0.01) <= shares[1] + 1e-9


def test_no_skill_is_seen_as_often_as_the_error_allows():
    assert power(0.0, 3754, 21, error=0.05) == pytest.approx(0.05)


def test_what_is_needed_is_seen_as_often_as_asked():
    needed = skill_needed(3754, 21, probability=0.7)
    assert power(needed, 3754, 21) == pytest.approx(0.7)
    assert np.isnan(skill_needed(30, 7, error=1e-6))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: power(-0.1, 100, 1), r"skill: got -0\.1; allowed: fractions from 0 to below 1"),
        (lambda: power(0.1, 100, 1, error=0.5), r"error: got 0\.5; allowed: between 0 and 0\.5"),
        (lambda: power(0.1, 1, 1), r"n: got 1; allowed: at least 2 sessions"),
        (lambda: skill_needed(100, 1, probability=0.05), r"probability: got 0\.05; allowed: between 0\.1"),
    ],
)
def test_what_makes_no_sense_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()
