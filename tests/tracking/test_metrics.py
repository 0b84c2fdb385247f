"""Curves as points that MLflow plots."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.learn import FoldModel
from bullbear.learn.fold_model import Member
from bullbear.tracking.metrics import by_month, plain, weights_by_month


def test_a_curve_has_its_last_value_of_each_month_at_the_month_s_end() -> None:
    days = pd.DatetimeIndex(["2005-01-03 21:00", "2005-01-31 21:00", "2005-03-01 21:00"], tz="UTC")
    points = by_month("weight/trees", pd.Series([0.1, 0.2, 0.3], index=days))
    assert points == [
        ("weight/trees", 0.2, 35 * 12, 1_107_129_600_000),  # 2005-01-31
        ("weight/trees", 0.3, 35 * 12 + 2, 1_112_227_200_000),  # 2005-03-31
    ]


def fold(through: str, weights: tuple[float, ...], *, mixes: bool) -> FoldModel:
    names = ("trees", "line")[: len(weights)]
    members = tuple(Member(name, {}, {}, ()) for name in names)
    calibrators: Any = (None,) * (1 + len(weights) if mixes else 1)
    return FoldModel(pd.Timestamp(through, tz="UTC"), 100, "IWM", "up", 21, members, weights, calibrators)


def test_weights_follow_the_fits_and_the_base_rate_has_the_rest_of_a_mixture() -> None:
    models = [fold("2005-01-31 21:00", (0.5, 0.1), mixes=True), fold("2005-02-28 21:00", (0.25, 0.25), mixes=True)]
    found = {(name, step): value for name, value, step, _ in weights_by_month(models)}
    january, february = 35 * 12, 35 * 12 + 1
    assert found == pytest.approx(
        {
            ("weight/trees", january): 0.5, ("weight/line", january): 0.1, ("weight/base rate", january): 0.4,
            ("weight/trees", february): 0.25, ("weight/line", february): 0.25, ("weight/base rate", february): 0.5,
        }
    )  # fmt: skip
    pooled = weights_by_month([fold("2005-01-31 21:00", (0.5, 0.5), mixes=False)])
    assert [name for name, *_ in pooled] == ["weight/trees", "weight/line"]
    assert weights_by_month([fold("2005-01-31 21:00", (1.0,), mixes=False)]) == weights_by_month([]) == []


def test_what_is_not_finite_is_not_logged() -> None:
    days = pd.date_range("2005-01-31 21:00", periods=2, freq="ME", tz="UTC")
    assert [point[1] for point in by_month("x", pd.Series([np.nan, 2.0], index=days))] == [2.0]
    assert by_month("x", pd.Series([], dtype=float, index=days[:0])) == []
    assert plain({"a": np.inf, "b": 1, "c": np.nan}) == [("b", 1.0, 0, 0)]
