"""Numbers of companies come back as written, from the files and columns asked for."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bullbear.data.companies.tables import Cells, cells_path, read_cells, write_cells
from bullbear.errors import NoDataError

DAYS = pd.DatetimeIndex(["2018-11-30", "2018-12-31", "2019-01-31"]).as_unit("us")
COMPANIES = ("A", "B", "C", "D")
NAMES = ("one", "two")
NUMBERS = st.one_of(st.just(np.nan), st.floats(allow_nan=False, allow_infinity=False, width=32))


def fill(root: Path, values: np.ndarray, buckets: list[list[int]]) -> None:
    for year in (2018, 2019):
        rows = np.flatnonzero(DAYS.year == year)
        for number, places in enumerate(buckets):
            names = tuple(COMPANIES[place] for place in places)
            part = Cells(DAYS[rows], names, NAMES, values[np.ix_(rows, places)])
            write_cells(cells_path(root, year, f"part{number}"), part)


@settings(max_examples=25)
@given(
    arrays(np.float32, (3, 4, 2), elements=NUMBERS),
    st.sampled_from([[[0, 1, 2, 3]], [[0, 2], [1, 3]], [[3], [0], [1, 2]]]),
    st.sampled_from([np.float32, np.float64]),
)
def test_whatever_the_parts_the_numbers_come_back(values: np.ndarray, buckets: list[list[int]], dtype: type) -> None:
    values = values.astype(dtype)
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), values, buckets)
        found = read_cells(Path(folder), DAYS, COMPANIES, NAMES)
        assert found.values.dtype == dtype
        assert np.array_equal(found.values, values, equal_nan=True)
        some = read_cells(Path(folder), DAYS[1:], ("B", "D", "Z"), ("two",))
        assert np.array_equal(some.values[:, :2, 0], values[1:][:, [1, 3], 1], equal_nan=True)
        assert np.isnan(some.values[:, 2]).all()


def test_only_the_parts_that_are_named_are_opened(tmp_path: Path) -> None:
    values = np.arange(24, dtype=float).reshape(3, 4, 2)
    fill(tmp_path, values, [[0, 1], [2, 3]])
    cells_path(tmp_path, 2018, "part1").write_bytes(b"damaged")
    found = read_cells(tmp_path, DAYS[:2], COMPANIES, NAMES, parts=["part0"])
    assert np.array_equal(found.values[:, :2], values[:2, :2])
    with pytest.raises(NoDataError, match=r"an intact file .*part1\.parquet; remove it, and compute again"):
        read_cells(tmp_path, DAYS[:2], COMPANIES, NAMES)
    assert read_cells(tmp_path, DAYS[2:], COMPANIES, NAMES).values.shape == (1, 4, 2)
    with pytest.raises(NoDataError, match="none for 2020 below"):
        read_cells(tmp_path, pd.DatetimeIndex(["2020-01-31"]), COMPANIES, NAMES)
