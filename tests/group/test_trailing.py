"""Trailing years of whatever is known, against the plain rules."""

from __future__ import annotations

import numpy as np
import pytest
from tests.group.filings import year_to

from bullbear.group.trailing import trailing_years

MONTHS = 42


@pytest.mark.parametrize(
    "lengths", [(3,), (3, 6, 9, 12), (6, 9, 12), (3, 12), (3, 6, 12), (4, 6, 9, 12), (3, 9), (5, 12)]
)
@pytest.mark.parametrize("known", [0.5, 0.9])
def test_every_end_against_the_plain_rules(lengths: tuple[int, ...], known: float) -> None:
    draws = np.random.default_rng(8)
    figures = np.full((12, MONTHS, 13), np.nan)
    for length in lengths:
        figures[:, :, length] = draws.integers(-99, 100, figures.shape[:2])
    figures[draws.random(figures.shape) > known] = np.nan
    found = trailing_years(figures)
    for row in range(len(figures)):
        cells = {
            (end - length, end): figures[row, end, length]
            for end, length in np.argwhere(~np.isnan(figures[row])).tolist()
        }
        plain = [year_to(cells, end) for end in range(MONTHS)]
        np.testing.assert_array_equal(found[row], [np.nan if value is None else value for value in plain])
    assert np.isfinite(found).mean() > 0.02


def test_four_quarters_that_are_differences() -> None:
    figures = np.full((1, 13, 13), np.nan)
    figures[0, 6, 6], figures[0, 3, 3] = 30.0, 10.0  # second quarter: 20
    figures[0, 9, 9] = 60.0  # third: 30
    figures[0, 12, 3] = 40.0
    assert trailing_years(figures)[0, 12] == 100.0
