"""Positioning against plain pandas, and the short-interest index against the paper that introduced it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bullbear.factors.engine.registry import ShortInterest, ShortVolume
from bullbear.factors.positioning import short_interest, short_volume
from bullbear.factors.positioning.short_interest import detrended_score, short_interest_index


def interest(rows: int = 200, seed: int = 0) -> ShortInterest:
    """Twice-monthly counts that stand for ten sessions each."""
    generator = np.random.default_rng(seed)
    count = rows // 10 + 1
    shares = 4e7 * np.exp(generator.normal(0, 0.05, count).cumsum())
    volume = generator.uniform(2e7, 4e7, count)
    outstanding = generator.uniform(2.2e8, 2.4e8, count)
    steps = [np.repeat(x, 10)[:rows] for x in (shares, volume, shares / volume, outstanding)]
    return ShortInterest(*steps)


def flow(rows: int = 200, seed: int = 0) -> ShortVolume:
    generator = np.random.default_rng(seed)
    total = generator.uniform(1e7, 3e7, rows)
    return ShortVolume(total * generator.uniform(0.4, 0.7, rows), total)


def close(ours: np.ndarray, oracle: pd.Series) -> None:
    np.testing.assert_allclose(ours, oracle.to_numpy(), rtol=1e-8, atol=1e-11)


def test_short_interest_equals_plain_pandas() -> None:
    known = interest()
    ratio = pd.Series(known.shares_short / known.shares_outstanding)
    days = pd.Series(known.shares_short / known.avg_daily_volume)
    close(short_interest.short_interest_ratio(known), ratio)
    close(short_interest.days_to_cover(known), days)
    close(short_interest.short_interest_change(known, window=21), np.log(ratio).diff(21))
    close(
        short_interest.short_interest_change(known, window=21, measure="shares"),
        np.log(pd.Series(known.shares_short)).diff(21),
    )
    close(
        short_interest.short_interest_zscore(known, window=63),
        (ratio - ratio.rolling(63).mean()) / ratio.rolling(63).std(),
    )
    close(
        short_interest.short_interest_zscore(known, window=63, measure="days_to_cover"),
        (days - days.rolling(63).mean()) / days.rolling(63).std(),
    )


def test_days_to_cover_below_one_is_not_raised_to_one() -> None:
    known = ShortInterest(*(np.array([x]) for x in (1e6, 4e6, 1.0, 1e8)))
    np.testing.assert_array_equal(short_interest.days_to_cover(known), [0.25])


def test_days_to_cover_falls_back_on_the_published_figure() -> None:
    known = ShortInterest(*(np.array([x]) for x in (1e6, np.nan, 2.5, 1e8)))
    np.testing.assert_array_equal(short_interest.days_to_cover(known), [2.5])


def test_without_shares_outstanding_the_ratio_is_missing_not_zero() -> None:
    known = interest()
    unknown = ShortInterest(
        known.shares_short, known.avg_daily_volume, known.days_to_cover, np.full(len(known.shares_short), np.nan)
    )
    assert np.isnan(short_interest.short_interest_ratio(unknown)).all()
    assert np.isnan(short_interest_index(unknown, window=60)).all()
    assert np.isfinite(short_interest_index(unknown, window=60, measure="shares")[-1])


def test_short_volume_equals_plain_pandas() -> None:
    volume = flow()
    short, total = pd.Series(volume.short), pd.Series(volume.total)
    ratio = short / total
    close(short_volume.short_volume_ratio(volume, window=5), short.rolling(5).sum() / total.rolling(5).sum())
    close(
        short_volume.short_volume_zscore(volume, window=21),
        (ratio - ratio.rolling(21).mean()) / ratio.rolling(21).std(),
    )
    recent, usual = (short.rolling(n).sum() / total.rolling(n).sum() for n in (5, 63))
    close(short_volume.short_volume_shift(volume, short=5, long=63), np.log(recent / usual))
    median = ratio.shift(1).rolling(21).median()
    spread = ratio.rolling(21).apply(lambda w: np.median(np.abs(w - np.median(w))), raw=True).shift(1)
    close(short_volume.short_volume_anomaly(volume, window=21), (ratio - median) / (1.4826 * spread))


def test_an_anomaly_does_not_hide_in_its_own_yardstick() -> None:
    volume = flow()
    volume.short[150] = 0.999 * volume.total[150]
    score = short_volume.short_volume_anomaly(volume, window=63)
    np.testing.assert_array_equal(score[:150], short_volume.short_volume_anomaly(flow(), window=63)[:150])
    assert score[150] > 2.5
    assert np.nanmax(score[151:]) < 2.5


def regressed(x: np.ndarray) -> np.ndarray:
    """`detrended_score` by numpy's polynomial fit."""
    time = np.arange(len(x))
    residual = x - np.polyval(np.polyfit(time, x, 1), time)
    return residual / np.std(residual, ddof=1)


def test_detrended_score_equals_a_polynomial_fit() -> None:
    x = np.random.default_rng(3).normal(0, 1, 90).cumsum()
    np.testing.assert_allclose(detrended_score(x), regressed(x), rtol=1e-8, atol=1e-10)


@settings(max_examples=50, deadline=None)
@given(
    rows=st.integers(5, 80),
    intercept=st.floats(-50, 50),
    slope=st.floats(-1, 1),
    scale=st.floats(0.01, 50),
    seed=st.integers(0, 99),
)
def test_neither_trend_nor_scale_moves_the_score(rows, intercept, slope, scale, seed) -> None:
    x = np.random.default_rng(seed).normal(0, 1, rows)
    moved = intercept + slope * np.arange(rows) + scale * x
    np.testing.assert_allclose(detrended_score(moved), detrended_score(x), atol=1e-6)
    assert np.var(detrended_score(x), ddof=1) == pytest.approx(1)


def test_a_line_has_no_score() -> None:
    assert np.isnan(detrended_score(3 + 0.1 * np.arange(50))).all()


def test_index_equals_a_fit_window_by_window() -> None:
    known = interest(300)
    logs = np.log(known.shares_short / known.shares_outstanding)
    ours = short_interest_index(known, window=60)
    expected = [np.nan] * 59 + [regressed(logs[end - 60 : end])[-1] for end in range(60, 301)]
    np.testing.assert_allclose(ours, expected, rtol=1e-7, atol=1e-9)


def out_of_sample_r2(short_interest: np.ndarray, excess: np.ndarray, horizon: int, first: int) -> float:
    """R2_OS, per cent, of Rapach, Ringgenberg and Zhou (2016): SII against the historical mean.

    Months count from 0. The forecast of the mean log excess return of months t .. t + h - 1 is formed at the end of
    month t - 1. Until then short interest is known of months 0 .. t - 1, and it is detrended and standardised on those
    alone; the regression uses the returns that ended by t - 1; the benchmark is the mean of the months 0 .. t - 1.
    The first forecast is that of month `first`, the last the one whose months still lie in the sample.
    """
    months = len(excess)
    actual, forecast, benchmark = [], [], []
    for t in range(first, months - horizon + 1):
        index = detrended_score(np.log(short_interest[:t]))
        starts = np.arange(1, t - horizon + 1)
        outcome = np.array([excess[s : s + horizon].mean() for s in starts])
        slope, intercept = np.polyfit(index[starts - 1], outcome, 1)
        forecast.append(intercept + slope * index[-1])
        benchmark.append(excess[:t].mean())
        actual.append(excess[t : t + horizon].mean())
    y, p, b = np.array(actual), np.array(forecast), np.array(benchmark)
    return float(100 * (1 - np.sum((y - p) ** 2) / np.sum((y - b) ** 2)))


@pytest.mark.parametrize(("horizon", "published"), [(1, 1.94), (3, 6.54), (6, 11.70), (12, 13.24)])
def test_index_reproduces_the_papers_out_of_sample_r2(snapshot_dir: Path, horizon: int, published: float) -> None:
    papers = snapshot_dir / "papers"
    short_interest = pd.read_csv(papers / "RRZ_short_interest.csv", index_col="Date")["EWSI"]
    market = pd.read_csv(papers / "RRZ_GW_variables.csv", index_col="yyyymm")
    # The bill rate of a month is the one quoted at the end of the month before.
    excess = (np.log1p(market["CRSP_SPvw"]) - np.log1p(market["Rfree"].shift(1))).loc[197301:201412]
    assert len(short_interest) == len(excess) == 504
    first = int(np.searchsorted(excess.index, 199001))
    ours = out_of_sample_r2(short_interest.to_numpy(), excess.to_numpy(), horizon, first)
    assert ours == pytest.approx(published, abs=0.01)


def test_an_index_detrended_over_the_full_sample_looks_ahead(snapshot_dir: Path) -> None:
    """By 0.4 standard deviations on average and up to one: the reason why no full-sample index is offered."""
    short_interest = pd.read_csv(snapshot_dir / "papers" / "RRZ_short_interest.csv", index_col="Date")["EWSI"]
    logs = np.log(short_interest.to_numpy())
    in_time = np.array([detrended_score(logs[: t + 1])[-1] for t in range(204, 504)])
    gap = np.abs(in_time - detrended_score(logs)[204:])
    assert gap.mean() == pytest.approx(0.38, abs=0.01)
    assert gap.max() == pytest.approx(0.99, abs=0.01)
