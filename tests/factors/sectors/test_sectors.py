"""Sector factors against plain pandas and against eigenvalues computed window by window."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear.factors.engine.registry import Bars
from bullbear.factors.sectors import absorption, breadth
from bullbear.factors.sectors import relative_strength as relative

NINE = 9


def bars(close: np.ndarray | list[float]) -> Bars:
    prices = np.asarray(close, dtype=np.float64)
    days = np.datetime64("2010-01-01", "us") + np.arange(len(prices)) * np.timedelta64(1, "D")
    return Bars(days, prices, prices, prices, prices, np.full(len(prices), np.nan))


def prices(rows: int = 260, columns: int = NINE, seed: int = 0, common: float = 0.7) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    market = generator.normal(0, 0.01, rows)[:, None]
    own = generator.normal(0, 0.01, (rows, columns)) * np.linspace(0.5, 2, columns)
    return pd.DataFrame(50 * np.exp((common * market + own).cumsum(axis=0)))


def nine(frame: pd.DataFrame) -> list[Bars]:
    return [bars(frame[column].to_numpy()) for column in range(NINE)]


def close(ours: np.ndarray, oracle: pd.Series) -> None:
    np.testing.assert_allclose(ours, oracle.to_numpy(), rtol=1e-8, atol=1e-11)


def test_pairs_equal_plain_pandas() -> None:
    frame = prices(columns=2)
    a, b = bars(frame[0].to_numpy()), bars(frame[1].to_numpy())
    ratio = np.log(frame[0] / frame[1])
    close(relative.relative_strength(a, b, window=21), np.log(frame).diff(21).pipe(lambda f: f[0] - f[1]))
    close(relative.relative_trend(a, b, window=50), ratio - ratio.rolling(50).mean())
    close(relative.relative_zscore(a, b, window=50), (ratio - ratio.rolling(50).mean()) / ratio.rolling(50).std())
    close(relative.relative_drawdown(a, b, window=50), ratio - ratio.rolling(50).max())
    returns = np.log(frame).diff()
    close(relative.return_correlation(a, b, window=50), returns[0].rolling(50).corr(returns[1]))


def test_the_mirror_of_a_lead_is_a_lag() -> None:
    frame = prices(columns=2)
    a, b = bars(frame[0].to_numpy()), bars(frame[1].to_numpy())
    for function in (relative.relative_strength, relative.relative_trend, relative.relative_zscore):
        np.testing.assert_allclose(function(a, b, window=20), -function(b, a, window=20), atol=1e-12)


def test_breadth_equals_plain_pandas() -> None:
    frame, index = prices(), prices(columns=1, seed=7)[0]
    above = (frame > frame.rolling(40).mean()).mean(axis=1).where(frame.rolling(40).mean().notna().all(axis=1))
    close(breadth.sectors_above_average(*nine(frame), window=40), above)
    returns = np.log(frame).diff(15)
    close(breadth.sector_dispersion(*nine(frame), window=15), returns.std(axis=1))
    lead = returns.sub(np.log(index).diff(15), axis=0)
    score = ((1 - above) + (returns < 0).mean(axis=1) + (lead < 0).mean(axis=1)) / 3
    close(breadth.sector_weakness(bars(index.to_numpy()), *nine(frame), trend=40, momentum=15), score)


def test_breadth_takes_the_sectors_in_any_order() -> None:
    frame = prices()
    forwards, backwards = nine(frame), nine(frame)[::-1]
    same = breadth.sectors_above_average(*forwards, window=40)
    np.testing.assert_allclose(breadth.sectors_above_average(*backwards, window=40), same)
    ratio = absorption.absorption_ratio(*forwards, window=60)
    np.testing.assert_allclose(absorption.absorption_ratio(*backwards, window=60), ratio, rtol=1e-9)


def absorbed(returns: np.ndarray, components: int) -> float:
    """Kritzman et al. (2011) on one window, as written: weighted covariance, its eigenvalues, their shares."""
    window = len(returns)
    weights = 0.5 ** (np.arange(window)[::-1] / (window / 2))
    covariance = np.cov(returns.T, aweights=weights)
    eigenvalues = np.sort(np.linalg.eigvals(covariance).real)[::-1]
    return float(eigenvalues[:components].sum() / eigenvalues.sum())


@pytest.mark.parametrize(("window", "components"), [(40, 2), (63, 1), (50, 9)])
def test_absorption_ratio_equals_the_paper_window_by_window(window: int, components: int) -> None:
    frame = prices(rows=120)
    ours = absorption.absorption_ratio(*nine(frame), window=window, components=components)
    returns = np.log(frame).diff().to_numpy()
    expected = [np.nan] * window
    expected += [absorbed(returns[end - window : end], components) for end in range(window + 1, 121)]
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


def test_absorption_shift_is_the_standardised_difference_of_means() -> None:
    frame = prices(rows=150)
    ratio = pd.Series(absorption.absorption_ratio(*nine(frame), window=30, components=2))
    expected = (ratio.rolling(5).mean() - ratio.rolling(40).mean()) / ratio.rolling(40).std()
    close(absorption.absorption_shift(*nine(frame), window=30, components=2, short=5, long=40), expected)


def test_mean_correlation_equals_plain_pandas() -> None:
    frame = prices(rows=100)
    returns = np.log(frame).diff()
    expected = [
        returns.iloc[end - 30 : end].corr().to_numpy()[np.triu_indices(NINE, 1)].mean() if end > 30 else np.nan
        for end in range(1, 101)
    ]
    np.testing.assert_allclose(absorption.mean_correlation(*nine(frame), window=30), expected, rtol=1e-9)


def test_absorption_rises_with_what_sectors_share() -> None:
    loose = absorption.absorption_ratio(*nine(prices(common=0.0)), window=120)[-1]
    tight = absorption.absorption_ratio(*nine(prices(common=5.0)), window=120)[-1]
    assert loose < 0.8 < 0.95 < tight


def test_a_sector_without_a_price_leaves_breadth_missing() -> None:
    frame = prices(rows=60)
    frame.loc[30, 4] = np.nan
    result = breadth.sectors_above_average(*nine(frame), window=10)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(result)), [*range(9), *range(30, 40)])
