"""The curve of skill by month against a plain loop over the forecasts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.dataset.predictions import Predictions
from bullbear.evaluate import evaluate
from bullbear.evaluate.cumulative import cumulative_band, cumulative_skill
from bullbear.evaluate.sample import Sample
from bullbear.evaluate.scores import brier_skill, log_loss_skill, losses
from bullbear.statistics.long_run import default_lag, long_run_variance


def made(seed: int, months: int = 20, *, assets: int = 1) -> Predictions:
    random = np.random.default_rng(seed)
    days = pd.bdate_range("2019-11-04 21:00", periods=21 * months, tz="UTC")
    n = len(days) * assets
    return Predictions.of(
        decided_at=np.repeat(days, assets), resolved_at=np.repeat(days + pd.Timedelta(days=1), assets),
        asset=np.tile(["IWM", "SPY"][:assets], len(days)), horizon=1, climatology=0.6,
        p=random.uniform(0.05, 0.95, n), y=(random.random(n) < 0.6).astype(float),
    )  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), assets=st.integers(1, 2))
def test_each_point_is_the_skill_of_all_forecasts_decided_up_to_the_end_of_that_month(seed: int, assets: int) -> None:
    predictions = made(seed, assets=assets)
    table = predictions.table
    for score, skill in (("brier", brier_skill), ("log_loss", log_loss_skill)):
        curve = cumulative_skill(predictions, score)  # type: ignore[arg-type]
        assert curve.index[0] == pd.Timestamp("2020-10-31", tz="UTC")  # the twelfth month
        assert curve.index[-1] == table["decided_at"].iloc[-1].normalize() + pd.offsets.MonthEnd(0)
        assert curve.index.tz_localize(None).to_period("M").to_series().diff().iloc[1:].map(lambda x: x.n).eq(1).all()
        for end, value in curve.items():
            rows = table[table["decided_at"] < end + pd.Timedelta(days=1)]
            assert value == pytest.approx(skill(rows["y"], rows["p"], rows["climatology"]), rel=1e-12, abs=1e-12)


def test_the_last_point_is_the_skill_of_the_record() -> None:
    predictions = made(3)
    found = evaluate(predictions, resamples=50)
    assert cumulative_skill(predictions).iloc[-1] == pytest.approx(found.bss, rel=1e-12)
    assert cumulative_skill(predictions, "log_loss").iloc[-1] == pytest.approx(found.log_loss_skill, rel=1e-12)


def test_later_forecasts_move_no_earlier_point() -> None:
    predictions = made(4)
    whole = cumulative_skill(predictions)
    table = predictions.table
    cut = whole.index[3] + pd.Timedelta(days=1)
    worse = table.assign(y=np.where(table["decided_at"] < cut, table["y"], 1 - table["y"]))
    changed = cumulative_skill(Predictions(worse))
    assert changed.iloc[:4].tolist() == whole.iloc[:4].tolist()
    assert changed.iloc[4] != whole.iloc[4]


def test_a_record_of_less_than_twelve_months_has_no_point() -> None:
    assert cumulative_skill(made(1, months=10)).empty


@pytest.mark.parametrize("assets", [1, 2])
def test_the_band_is_newey_wests_of_the_residuals_at_each_month(assets: int) -> None:
    record = made(5, months=16, assets=assets)
    band = cumulative_band(record, level=0.8)
    rows = Sample.of(record)
    session = np.arange(len(rows.y)) if rows.session is None else rows.session
    ours, par = (np.bincount(session, losses(rows.y, p, "brier")) for p in (rows.p, rows.climatology))
    day = pd.DatetimeIndex(rows.decided_at.unique())
    for end, row in band.iterrows():
        n = int((day < pd.Timestamp(end) + pd.Timedelta(days=1)).sum())
        skill = 1.0 - ours[:n].sum() / par[:n].sum()
        lag = default_lag(n, rows.horizon)
        error = np.sqrt(n * long_run_variance((1.0 - skill) * par[:n] - ours[:n], lag)) / par[:n].sum()
        reach = scipy.stats.t.ppf(0.9, min(n - 1.0, 1.5 * n / lag)) * error
        assert row.tolist() == pytest.approx([skill, skill - reach, skill + reach], rel=1e-9)


def test_a_record_of_less_than_twelve_months_has_no_band() -> None:
    assert cumulative_band(made(1, months=8)).empty
