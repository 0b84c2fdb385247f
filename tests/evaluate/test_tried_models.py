"""Which of the models tried are compared, on which days, and what is said of them together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.evaluate.all_models import superior_ability
from bullbear.evaluate.overfitting import overfitting
from bullbear.evaluate.tried_models import on_common_days, tried_models

N, HORIZON = 400, 5


@pytest.fixture(scope="module")
def made(market) -> Predictions:
    found = market(N, np.random.default_rng(4), 0.08, HORIZON)
    days = pd.bdate_range("2010-01-04 21:00", periods=N + HORIZON, tz="UTC")
    y = found.y.copy()
    y[-HORIZON:] = np.nan  # not resolved yet
    return Predictions.of(
        decided_at=days[:-HORIZON], resolved_at=days[HORIZON:], asset="IWM", horizon=HORIZON,
        p=found.truth, climatology=found.climatology, y=y,
    )  # fmt: skip


def frame(made: Predictions, seed: int = 1, rows: slice = slice(None)) -> pd.DataFrame:
    """Another model's resolved forecasts."""
    table = made.resolved().table.iloc[rows]
    p = np.clip(table["climatology"] + 0.1 * np.random.default_rng(seed).standard_normal(len(table)), 0.01, 0.99)
    return pd.DataFrame({"p": p.to_numpy(), "y": table["y"].to_numpy()}, index=pd.DatetimeIndex(table["decided_at"]))


def test_models_stand_on_the_days_that_all_have_forecast(made):
    late, early = frame(made, 1, slice(20, None)), frame(made, 2, slice(None, -10))
    days = on_common_days(made, {"late": late, "early": early}, name="mine")
    assert days.names == ("mine", "late", "early")
    assert days.left_out == ()
    common = made.resolved().table.iloc[20:-10]
    assert days.losses[:, 0] == pytest.approx((common["p"] - common["y"]) ** 2)
    assert days.losses[:, 1] == pytest.approx((late["p"].iloc[:-10].to_numpy() - common["y"]) ** 2)
    assert days.benchmark == pytest.approx((common["climatology"] - common["y"]) ** 2)


def test_what_cannot_be_compared_is_named(made):
    other_market = frame(made).assign(y=lambda table: 1 - table["y"])
    short, corrected = frame(made, 1, slice(None, 300)), frame(made, 2)
    corrected.iloc[::50, 1] = 1 - corrected.iloc[::50, 1]
    given = {"gone": None, "short": short, "other market": other_market, "corrected": corrected}
    days = on_common_days(made, given)
    assert days.left_out == ("gone", "short", "other market")
    assert days.names == ("this model", "corrected")
    assert on_common_days(made, {"short": short}, coverage=0.0).left_out == ()


def test_few_models_have_a_test_and_many_a_probability_of_overfitting(made):
    three = on_common_days(made, {f"{n}": frame(made, n) for n in range(3)})
    few = tried_models(three)
    assert few.overfitting is None
    assert few.spa == superior_ability(three.benchmark, three.losses, HORIZON)
    days = on_common_days(made, {f"{n}": frame(made, n) for n in range(7)})
    many = tried_models(days)
    assert many.overfitting == overfitting(days.benchmark[:, None] - days.losses, horizon=HORIZON)
    assert many.as_dict()["overfitting"]["pbo"] == many.overfitting.pbo
    assert len(many.models) == 8


def test_a_short_history_has_no_probability_of_overfitting(made):
    short = made.where(np.arange(N) < 110)
    found = tried_models(on_common_days(short, {f"{n}": frame(made, n) for n in range(8)}))
    assert found.overfitting is None  # 12 blocks of two horizons are 120 days


def test_models_with_too_few_days_in_common_have_no_test_but_their_number(made):
    holes = {f"{n}": frame(made, n) for n in range(12)}
    each_lacks = {name: table.drop(table.index[n::12]) for n, (name, table) in enumerate(holes.items())}
    days = on_common_days(made, each_lacks)
    assert (len(days.names), days.left_out) == (13, ())  # each has eleven days in twelve
    found = tried_models(days)
    assert (found.n, found.least_days, found.spa, found.overfitting) == (0, 20, None, None)


def test_the_benchmark_is_not_among_the_models_that_stand_on_its_days(made):
    days = on_common_days(made, {"a": frame(made, 1)}, name="base", counts=False)
    assert days.names == ("a",)
    assert days.losses.shape == (len(days.benchmark), 1)
    assert on_common_days(made, {}, counts=False).losses.shape == (len(days.benchmark), 0)
