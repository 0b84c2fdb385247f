"""CSCV against a plain loop, and on strategies of which it is known whether choosing among them finds anything."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from bullbear.errors import HistoryError, InputError
from bullbear.evaluate.overfitting import overfitting


def slow(gains: np.ndarray, blocks: int) -> tuple[float, float]:
    """PBO and share of losses as the paper tells it, one split after the other, by logits."""
    parts = np.array_split(gains, blocks)
    logits, lost = [], []
    for chosen in combinations(range(blocks), blocks // 2):
        here = np.concatenate([parts[b] for b in chosen]).mean(axis=0)
        there = np.concatenate([parts[b] for b in range(blocks) if b not in chosen]).mean(axis=0)
        best = int(np.argmax(here))
        rank = rankdata(there)[best] / (gains.shape[1] + 1)
        logits.append(math.log(rank / (1 - rank)))
        lost.append(there[best] < 0)
    return float(np.mean(np.array(logits) <= 0)), float(np.mean(lost))


@pytest.mark.parametrize(("n", "k", "blocks"), [(240, 6, 8), (241, 7, 6), (100, 2, 4)])
def test_it_is_the_plain_loop(n, k, blocks):
    gains = np.random.default_rng(n).standard_normal((n, k)) + np.linspace(-0.05, 0.1, k)
    found = overfitting(gains, blocks=blocks)
    assert (found.pbo, found.loss_share) == pytest.approx(slow(gains, blocks))
    assert (found.models, found.splits) == (k, math.comb(blocks, blocks // 2))


def test_among_noise_the_best_is_below_the_median_in_every_other_case():
    rng = np.random.default_rng(5)
    found = [overfitting(rng.standard_normal((360, 20)), blocks=8) for _ in range(60)]
    assert np.mean([each.pbo for each in found]) == pytest.approx(0.5, abs=0.07)
    assert np.mean([each.loss_share for each in found]) == pytest.approx(0.5, abs=0.07)
    assert np.mean([each.slope for each in found]) < 0  # what is good in one half of a sample lacks in the other


def test_a_dominating_model_is_found_in_every_half():
    gains = np.random.default_rng(6).standard_normal((240, 10))
    gains[:, 3] += 2.0
    found = overfitting(gains)
    assert (found.pbo, found.loss_share) == (0.0, 0.0)


def test_choosing_among_equally_good_models_does_no_harm():
    gains = np.random.default_rng(7).standard_normal((480, 12)) + 1.0
    found = overfitting(gains)
    assert found.pbo > 0.3
    assert found.loss_share == 0.0


@given(st.integers(0, 10_000), st.floats(0.1, 10.0))
def test_neither_unit_nor_order_of_the_models_matters(seed, unit):
    rng = np.random.default_rng(seed)
    gains = rng.standard_normal((60, 5))
    one, other = overfitting(gains, blocks=6), overfitting(unit * gains[:, ::-1], blocks=6)
    assert (one.pbo, one.loss_share) == (other.pbo, other.loss_share)


@pytest.mark.parametrize(
    ("gains", "named", "kind", "words"),
    [
        (np.zeros((99, 1)), {}, InputError, r"gains: got 'shape \(99, 1\)'; allowed: finite numbers of two or more"),
        (np.full((99, 2), np.nan), {}, InputError, r"gains: .*leave out what has no score"),
        (np.zeros((99, 2)), {"blocks": 5}, InputError, r"blocks: got 5; allowed: an even number from 4 on"),
        (np.zeros((500, 2)), {"horizon": 21}, HistoryError, r"gains: got '500 rows'; allowed: at least 504, 12 blocks"),
    ],
)
def test_what_cannot_be_split_is_refused(gains, named, kind, words):
    with pytest.raises(kind, match=words):
        overfitting(gains, **named)
