"""The mixture's bound, on any sequence of outcomes and forecasts, and its weights against a slow sum."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bullbear.definitions import Source
from bullbear.errors import DefinitionError
from bullbear.learn.pool import POOLS, PastProbabilities, pool_weights, turns
from bullbear.learn.pools.mixture import FLOOR, Mixture
from bullbear.statistics import rows_per_label

LONGEST = 5
Outcome = Callable[[float, np.ndarray, int], float]
"""What the adversary answers to the mixture's forecast and the members', given the day."""


class Walk:
    """Folds of up to `LONGEST` days, labels over `horizon` days, weights from what had resolved at each fit."""

    def __init__(self, pool: Mixture, said: np.ndarray, base: np.ndarray, lengths: list[int], horizon: int) -> None:
        self.pool, self.said, self.base, self.horizon = pool, said, base, horizon
        ends = np.cumsum(lengths)
        self.folds = [np.arange(end - length, end) for end, length in zip(ends, lengths, strict=True)]
        # A fold is fitted on the day before it begins; a label resolves `horizon` days after its own.
        self.fitted = np.array([fold[0] - 1 for fold in self.folds])
        self.turn = turns(self.fitted, np.array([fold[-1] + horizon for fold in self.folds]))
        self.y = np.full(len(base), np.nan)
        self.p = np.full(len(base), np.nan)
        self.weights: list[np.ndarray] = []

    def past(self, place: int) -> PastProbabilities:
        """What is known at the fit of a fold."""
        rows = np.arange(max(0, self.fitted[place] - self.horizon + 1))
        own = np.searchsorted([fold[-1] for fold in self.folds], rows)
        seen = np.maximum(0, self.fitted[own] - self.horizon + 1)
        same = self.turn[own] == self.turn[place]
        return PastProbabilities(self.y[rows], self.base[rows], self.said[rows], self.horizon, seen, same, LONGEST)

    def run(self, outcome: Outcome) -> Walk:
        for place, fold in enumerate(self.folds):
            weights = np.array(pool_weights(self.pool, self.past(place)))
            self.weights.append(weights)
            for day in fold:
                self.p[day] = self.base[day] + (self.said[day] - self.base[day]) @ weights
                self.y[day] = outcome(self.p[day], self.said[day], int(day))
        return self

    def loss(self, p: np.ndarray) -> float:
        return float(-np.sum(np.log(np.where(self.y > 0.5, p, 1 - p))))

    def spare(self) -> float:
        """How far the mixture stays below the bound against the member that it is nearest to."""
        prior = self.pool.prior(self.said.shape[1])
        turns_taken = 1 + int(self.turn.max())
        experts = [self.base, *self.said.T]
        bounds = [
            self.loss(each) + turns_taken * LONGEST * np.log(1 / weight)
            for each, weight in zip(experts, prior[:-1], strict=True)
        ]
        return min(bounds) - self.loss(self.p)


def against(p: float, said: np.ndarray, day: int) -> float:
    """The less likely outcome."""
    return float(p < 0.5)


def turncoat(p: float, said: np.ndarray, day: int) -> float:
    """What the first member says until day 60, and then the opposite, again and again."""
    return float((said[0] > 0.5) == (day // 60 % 2 == 0))


def heaviest_is_wrong(walk: Walk) -> Outcome:
    return lambda p, said, day: float(said[int(np.argmax(walk.weights[-1]))] < 0.5)


PROBABILITIES = st.sampled_from([FLOOR, 1e-3, 0.2, 0.5, 0.6, 0.9, 1 - 1e-3, 1 - FLOOR])


@settings(max_examples=60, deadline=None)
@given(
    n_members=st.integers(1, 4),
    lengths=st.lists(st.integers(1, LONGEST), min_size=1, max_size=60),
    horizon=st.integers(1, 12),
    base_rate=st.sampled_from([0.05, 0.4, 0.7]),
    record=st.sampled_from([0.0, 0.2, 0.9]),
    ordered=st.booleans(),
    adversary=st.sampled_from(["against", "turncoat", "heaviest", "random"]),
    levels=st.lists(PROBABILITIES, min_size=1, max_size=8),
    seed=st.integers(0, 10_000),
)
@example(2, [LONGEST] * 60, 12, 0.4, 0.2, False, "heaviest", [FLOOR, 1 - FLOOR], 1)
@example(2, [LONGEST] * 60, 1, 0.05, 0.0, False, "turncoat", [FLOOR, 1 - FLOOR], 2)
@example(3, [LONGEST] * 60, 12, 0.5, 0.9, True, "heaviest", [FLOOR, 1 - FLOOR], 3)
def test_no_sequence_makes_it_lose_more_than_its_bound(
    n_members: int,
    lengths: list[int],
    horizon: int,
    base_rate: float,
    record: float,
    ordered: bool,
    adversary: str,
    levels: list[float],
    seed: int,
) -> None:
    rng, n = np.random.default_rng(seed), sum(lengths)
    said = rng.choice(levels, (n, n_members))
    pool = Mixture(kind="mixture", base_rate=base_rate, record=record, ordered=ordered)
    walk = Walk(pool, said, rng.choice([0.3, 0.6, FLOOR], n), lengths, horizon)
    outcomes = {
        "against": against,
        "turncoat": turncoat,
        "heaviest": heaviest_is_wrong(walk),
        "random": lambda p, said, day: float(rng.random() < 0.5),
    }
    assert walk.run(outcomes[adversary]).spare() >= -1e-6


def test_weights_from_all_that_has_resolved_break_the_bound() -> None:
    """The reason for the turns: the same adversary leads the record alone astray for ever."""
    n, horizon = 100 * LONGEST, LONGEST
    said = np.tile([1e-3, 1 - 1e-3], (n, 1))
    walk = Walk(Mixture(kind="mixture", base_rate=0.3, record=0.3), said, np.full(n, 0.5), [LONGEST] * 100, horizon)
    walk.pool = _RecordAlone(kind="mixture", base_rate=0.3, record=0.3)
    assert walk.run(heaviest_is_wrong(walk)).spare() < -100
    safe = Walk(Mixture(kind="mixture", base_rate=0.3, record=0.3), said, np.full(n, 0.5), [LONGEST] * 100, horizon)
    assert safe.run(heaviest_is_wrong(safe)).spare() > 0


class _RecordAlone(Mixture):
    def mixture_weights(self, past: PastProbabilities) -> np.ndarray:
        prior = self.prior(past.p.shape[1])[1:-1]
        right = np.where(past.y[:, None] > 0.5, past.p, 1 - past.p)
        total = np.sum(np.log(right), axis=0) / past.longest
        found = prior * np.exp(total - np.max(total, initial=-np.inf))
        return np.asarray(found / found.sum())


def slow_weights(walk: Walk, place: int) -> np.ndarray:
    """Row by row, from the walk's own record of what was known when."""
    prior, k = walk.pool.prior(walk.said.shape[1]), walk.said.shape[1] + 1
    experts = np.column_stack([walk.base, walk.said])

    def known(at: int) -> list[int]:
        return [day for day in range(len(walk.y)) if day + walk.horizon <= walk.fitted[at]]

    def right(day: int, expert: int) -> float:
        return float(experts[day, expert] if walk.y[day] > 0.5 else 1 - experts[day, expert])

    def record(at: int) -> np.ndarray:
        power = 1 / rows_per_label(walk.horizon)
        raw = [prior[j] * np.prod([right(day, j) ** power for day in known(at)]) for j in range(k)]
        return np.array(raw) / sum(raw)

    raw = list(prior)
    for at in range(place):
        if walk.turn[at] == walk.turn[place]:
            for day in walk.folds[at]:
                for j in range(k):
                    raw[j] *= right(day, j) ** (1 / LONGEST)
                raw[k] *= sum(record(at) * [right(day, j) for j in range(k)]) ** (1 / LONGEST)
    weights = np.array(raw) / sum(raw)
    return np.asarray((weights[:k] + weights[k] * record(place))[1:])


def test_members_in_order_of_trust_begin_with_falling_weights() -> None:
    # 0.8 is not the record's, 0.6 of it the base rate's; of 1/2, 1/6 and 1/12 the shares are 6/9, 2/9 and 1/9.
    prior = Mixture(kind="mixture", base_rate=0.6, record=0.2, ordered=True).prior(3)
    np.testing.assert_allclose(prior, [0.48, 0.32 * 6 / 9, 0.32 * 2 / 9, 0.32 / 9, 0.2])
    np.testing.assert_allclose(Mixture(kind="mixture", base_rate=0.6, record=0.2).prior(4)[1:5], 0.08)
    # However long the list, the first keeps half and the tenth a hundredth.
    long = Mixture(kind="mixture", base_rate=0.6, record=0.0, ordered=True).prior(1000)[1:-1] / 0.4
    assert long[0] > 0.5
    assert long[9] > 1 / 110


@pytest.mark.parametrize("horizon", [1, 4, 9])
def test_its_weights_equal_a_slow_product(horizon: int) -> None:
    rng = np.random.default_rng(4)
    lengths = [3, 5, 4, 5, 5, 2, 5, 4, 5, 5]
    n = sum(lengths)
    said = rng.uniform(0.05, 0.95, (n, 3))
    walk = Walk(Mixture(kind="mixture", base_rate=0.2, record=0.5), said, np.full(n, 0.6), lengths, horizon)
    walk.run(lambda p, said, day: float(rng.random() < said[1]))
    for place, weights in enumerate(walk.weights):
        np.testing.assert_allclose(weights, slow_weights(walk, place), rtol=1e-9)
    assert walk.weights[-1][1] > 1.5 * walk.weights[0][1]
    # Nothing has resolved at the first fit: the weights are the prior's, the record's share among them.
    np.testing.assert_allclose(walk.weights[0], 0.8 / 3)


def test_no_weight_knows_what_had_not_resolved() -> None:
    rng = np.random.default_rng(9)
    n, horizon = 12 * LONGEST, 7
    said, base = rng.uniform(0.1, 0.9, (n, 2)), np.full(n, 0.6)
    outcomes = rng.integers(0, 2, n).astype(float)

    def weights(changed_from: int) -> list[np.ndarray]:
        y = np.where(np.arange(n) >= changed_from, 1 - outcomes, outcomes)
        walk = Walk(Mixture(kind="mixture"), said, base, [LONGEST] * 12, horizon)
        return walk.run(lambda p, said, day: float(y[day])).weights

    whole = weights(n)
    for day in (0, 8, 20, 33):
        other = weights(day)
        for place, (one, two) in enumerate(zip(whole, other, strict=True)):
            resolved = day + horizon <= place * LONGEST - 1
            assert resolved or (one == two).all()
        assert (whole[-1] != other[-1]).any()


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=40),
    horizon=st.integers(1, 70),
)
def test_folds_of_one_turn_never_wait_for_each_others_labels(lengths: list[int], horizon: int) -> None:
    ends = np.cumsum(lengths)
    fitted, resolved = ends - lengths - 1, ends - 1 + horizon
    found = turns(fitted, resolved)
    for number in range(found.max() + 1):
        places = np.flatnonzero(found == number)
        assert all(resolved[one] <= fitted[two] for one, two in itertools.pairwise(places))
    # No more turns than folds that are open at once.
    open_at_once = [int(np.sum((resolved > fit) & (fitted < fit))) for fit in fitted]
    assert found.max() <= max(open_at_once)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"base_rate": 0.0}, r"got 0.0; allowed: a number above 0"),
        ({"record": 1.0}, r"got 1.0; allowed: a number below 1"),
        ({"penalty": 1.0}, r"got 'penalty'; allowed: one of kind, base_rate, record, ordered"),
    ],
)
def test_a_wrong_table_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        POOLS.read({"kind": "mixture", **table}, Source.nowhere("tiny"), below=("pool",))
