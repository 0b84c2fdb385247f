from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata

from bullbear.picking.ranks import percentiles

NUMBERS = st.one_of(st.just(np.nan), st.integers(-3, 3).map(float))


@given(arrays(float, (3, 7, 2), elements=NUMBERS), arrays(bool, (3, 7)))
def test_ranks_are_those_of_scipy_among_the_members(values: np.ndarray, member: np.ndarray) -> None:
    found = percentiles(values, member)
    for row in range(3):
        for column in range(2):
            known = member[row] & np.isfinite(values[row, :, column])
            ranks = rankdata(values[row, known, column])
            expected = (ranks - 1) / (len(ranks) - 1) if len(ranks) > 1 else np.full(len(ranks), 0.5)
            assert found[row, known, column].tolist() == expected.tolist()
            assert np.isnan(found[row, ~known, column]).all()


@given(arrays(float, (1, 6), elements=NUMBERS), st.permutations(range(6)))
def test_the_order_of_the_companies_has_no_meaning(values: np.ndarray, order: list[int]) -> None:
    everyone = np.ones((1, 6), dtype=bool)
    expected = percentiles(values, everyone)[:, order]
    assert np.array_equal(percentiles(values[:, order], everyone), expected, equal_nan=True)
