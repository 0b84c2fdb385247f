"""Curves as points that MLflow plots."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.tracking.metrics import by_month, plain


def test_a_curve_has_its_last_value_of_each_month_at_the_month_s_end() -> None:
    days = pd.DatetimeIndex(["2005-01-03 21:00", "2005-01-31 21:00", "2005-03-01 21:00"], tz="UTC")
    points = by_month("weight/trees", pd.Series([0.1, 0.2, 0.3], index=days))
    assert points == [
        ("weight/trees", 0.2, 35 * 12, 1_107_129_600_000),  # 2005-01-31
        ("weight/trees", 0.3, 35 * 12 + 2, 1_112_227_200_000),  # 2005-03-31
    ]


def test_what_is_not_finite_is_not_logged() -> None:
    days = pd.date_range("2005-01-31 21:00", periods=2, freq="ME", tz="UTC")
    assert [point[1] for point in by_month("x", pd.Series([np.nan, 2.0], index=days))] == [2.0]
    assert by_month("x", pd.Series([], dtype=float, index=days[:0])) == []
    assert plain({"a": np.inf, "b": 1, "c": np.nan}) == [("b", 1.0, 0, 0)]
