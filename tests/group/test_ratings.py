"""Ratings: a small group by hand, the laws of percentiles, and what is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from bullbear.errors import InputError
from bullbear.group.characteristics import CHARACTERISTICS, Characteristics
from bullbear.group.ratings import LEAST_PARTS, Ratings, rate, standing

NAMES = tuple(CHARACTERISTICS)
NAN = np.nan


def figures(count: int, sessions: int = 1, **given: list[float]) -> Characteristics:
    """Of one session (the same at each), NaN where not given."""
    values = np.full((sessions, count, len(NAMES)), np.nan)
    for name, own in given.items():
        values[:, :, NAMES.index(name)] = own
    days = pd.date_range("2019-01-02", periods=sessions, freq="D")
    return Characteristics(days, tuple(f"C{place:03d}" for place in range(count)), NAMES, values)


def everyone(of: Characteristics) -> np.ndarray:
    return np.ones(of.values.shape[:2], dtype=bool)


def rated(of: Characteristics, **options: object) -> Ratings:
    return rate(of, everyone(of), **options)  # type: ignore[arg-type]


def test_ten_companies_by_hand() -> None:
    # Places by earnings yield are 1 to 10. By book yield the first is last and the last has none.
    earnings = [10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, -5.0, -9.0]
    book = [0.1, 2.0, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3, 1.2, NAN]
    value = rated(figures(11, earnings_yield=earnings, book_yield=book))["value"][0]
    # Earnings: places 1..11 of 11. Book: the second is 1st of 10, ..., the tenth 9th, the first 10th.
    earned = (np.arange(1, 12) - 0.5) / 11
    booked = (np.array([10, 1, 2, 3, 4, 5, 6, 7, 8, 9]) - 0.5) / 10
    mean = (earned[:10] + booked) / 2
    # 0.4977 of the first lies between 0.4614 of the sixth (5.5 / 11, 4.5 / 10: 0.475) and 0.5705 of the seventh.
    assert np.argsort(mean).tolist() == [1, 2, 3, 4, 5, 0, 6, 7, 8, 9]
    places = np.array([6, 1, 2, 3, 4, 5, 7, 8, 9, 10])
    assert value[:10].tolist() == (10 * places - 5 + 1).tolist()
    assert np.isnan(value[10])  # one part of two


def test_ties_share_their_mean_place() -> None:
    rating = rated(figures(10, price_momentum_12_1=[5, 5, 5, 4, 3, 2, 1, 0, -1, -1]))["momentum"][0]
    assert rating.tolist() == [16, 16, 16, 36, 46, 56, 66, 76, 91, 91]


def test_equal_means_are_ties_whatever_their_last_bits() -> None:
    # The first three have places 2, 3, 1 and 1, 2, 3 and 3, 1, 2; their sums differ by rounding.
    rest = [-float(place) for place in range(3, 12)]
    parts = {
        "earnings_yield": [-1.0, -0.0, -2.0, *rest],
        "book_yield": [-2.0, -1.0, -0.0, *rest],
        "sales_yield": [-0.0, -2.0, -1.0, *rest],
    }
    assert rated(figures(12, **parts))["value"][0, :4].tolist() == [13, 13, 13, 30]


def test_low_is_good_where_the_table_says_so() -> None:
    rising = list(range(10))
    rating = rated(figures(10, log_volatility_63=rising, log_volatility_252=rising, short_share=rising))
    assert rating["low_risk"][0].tolist() == rating["short_interest"][0].tolist() == list(range(6, 100, 10))


def test_fewer_than_ten_are_not_ranked() -> None:
    nine = figures(9, price_momentum_12_1=list(range(9)))
    assert np.isnan(rated(nine)["momentum"]).all()
    assert not np.isnan(rated(nine, fewest=9)["momentum"]).any()


def test_the_composite_is_the_mean_of_three_ratings_or_more() -> None:
    rising = [float(place) for place in range(10)]
    of = figures(
        10, price_momentum_12_1=rising, short_share=rising, log_volatility_63=rising, log_volatility_252=rising
    )
    # Momentum is best at the end; low risk and short interest at the beginning.
    found = rated(of)
    assert found["composite"][0].tolist() == list(range(6, 100, 10))
    assert found.parts[0].tolist() == [3] * 10
    heavy = rated(of, weights={"momentum": 3.0, "low_risk": 1.0, "short_interest": 1.0})
    assert heavy["composite"][0].tolist() == list(range(96, 0, -10))
    two = rated(of, weights={"momentum": 3.0, "low_risk": 1.0})
    assert np.isnan(two["composite"]).all()
    assert two.parts[0].tolist() == [2] * 10


def test_within_the_sector_where_it_is_large_enough() -> None:
    of = figures(25, price_momentum_12_1=[float(place) for place in range(25)])
    sectors = ["Energy"] * 12 + ["Utilities"] * 9 + [""] * 4
    group, sector = rated(of)["momentum"][0], rated(of, sectors=sectors, within="sector")["momentum"][0]
    assert sector[:12].tolist() == np.floor(100 * (np.arange(12, 0, -1) - 0.5) / 12 + 1).tolist()
    assert sector[12:].tolist() == group[12:].tolist()


def test_only_members_are_rated_and_ranked_against() -> None:
    of = figures(12, price_momentum_12_1=[float(place) for place in range(12)])
    member = everyone(of)
    member[0, [0, 11]] = False
    found = rate(of, member)["momentum"][0]
    assert found[1:11].tolist() == list(range(96, 0, -10))
    assert np.isnan(found[[0, 11]]).all()


@examples(max_examples=20)
@given(st.integers(100, 350), st.integers(0, 5))
def test_uniform_from_one_to_a_hundred(count: int, seed: int) -> None:
    values = np.random.default_rng(seed).permutation(count).astype(float)
    found = rated(figures(count, price_momentum_12_1=values.tolist()))["momentum"][0]
    each = np.bincount(found.astype(int), minlength=101)[1:]
    assert each.min() >= count // 100
    assert each.max() <= -(-count // 100)


PARTS = st.lists(
    st.lists(st.one_of(st.just(NAN), st.integers(-20, 20).map(float)), min_size=len(NAMES), max_size=len(NAMES)),
    min_size=10,
    max_size=30,
)


@examples(max_examples=30)
@given(PARTS, st.randoms(use_true_random=False))
def test_order_alone_counts(table: list[list[float]], random: object) -> None:
    values = np.array(table)[None]
    of = figures(values.shape[1])
    found = rated(Characteristics(of.sessions, of.companies, NAMES, values))
    bent = rated(Characteristics(of.sessions, of.companies, NAMES, np.cbrt(values) * 7.0 - 2.0))
    order = np.array(random.sample(range(values.shape[1]), values.shape[1]))  # type: ignore[attr-defined]
    mixed = rated(Characteristics(of.sessions, of.companies, NAMES, values[:, order]))
    for name in found.values:
        np.testing.assert_array_equal(bent[name], found[name])
        np.testing.assert_array_equal(mixed[name][0], found[name][0, order])
        known = found[name][~np.isnan(found[name])]
        assert ((known >= 1) & (known <= 100) & (known == np.floor(known))).all()


def test_sessions_are_rated_one_by_one() -> None:
    values = np.random.default_rng(1).normal(size=(3, 15, len(NAMES)))
    of = figures(15, sessions=3)
    whole = rated(Characteristics(of.sessions, of.companies, NAMES, values))
    for row in range(3):
        one = rated(Characteristics(of.sessions[row : row + 1], of.companies, NAMES, values[row : row + 1]))
        for name in whole.values:
            np.testing.assert_array_equal(whole[name][row], one[name][0])


def test_standing_against_pandas() -> None:
    values = np.round(np.random.default_rng(2).normal(size=(2, 40)), 1)
    values[0, :7] = np.nan
    frame = pd.DataFrame(values).T
    expected = ((frame.rank(ascending=False) - 0.5) / frame.count()).T.to_numpy()
    np.testing.assert_allclose(standing(values, np.ones(values.shape, dtype=bool)), expected)


def test_mistakes_are_named() -> None:
    of = figures(10)
    with pytest.raises(InputError, match=r"weights: got.*quantum.*allowed: value, growth"):
        rated(of, weights={"quantum": 1.0})
    with pytest.raises(InputError, match=r"weights: got.*allowed: numbers of 0 or more"):
        rated(of, weights={"value": -1.0})
    with pytest.raises(InputError, match="within: got 'industry'; allowed: group or sector"):
        rated(of, within="industry")
    with pytest.raises(InputError, match="sectors: got 'none'; allowed: one for each of 10 companies"):
        rated(of, within="sector")
    with pytest.raises(InputError, match=r"member: got.*allowed: shape \(1, 10\)"):
        rate(of, np.ones((1, 9), dtype=bool))


def test_every_part_belongs_to_a_rating() -> None:
    assert {part.rating for part in CHARACTERISTICS.values()} == set(LEAST_PARTS)
    for rating, least in LEAST_PARTS.items():
        assert sum(part.rating == rating for part in CHARACTERISTICS.values()) >= least
