"""Calibration: of the days with a forecast of 60 %, did 60 % end higher?

A table by equal-mass bins, the expected calibration error, and Cox's slope and intercept. Daily labels overlap, so the
rows of a bin are not independent: the intervals here use an effective number of observations when they are given one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc, logit, stdtr

from bullbear.errors import HistoryError, InputError
from bullbear.evaluate.decomposition import equal_mass_bins
from bullbear.evaluate.scores import checked
from bullbear.evaluate.significance import MeanTest, mean_test
from bullbear.statistics.long_run import default_lag, long_run_covariance, session_means
from bullbear.statistics.overlap import Rows
from bullbear.statistics.proportions import LEVEL, wilson


@dataclass(frozen=True)
class CalibrationBin:
    """One bin of a calibration table: `n` forecasts, their mean probability, and the share of ups with its interval."""

    n: int
    mean_p: float
    share_up: float
    low: float
    high: float


@dataclass(frozen=True)
class CalibrationLine:
    """Cox's line `logit P(y = 1) = intercept + slope * logit(p)`; a calibrated forecast has slope 1 and intercept 0."""

    slope: float
    intercept: float


def calibration_table(
    y: ArrayLike, p: ArrayLike, *, bins: int = 10, n_effective: float | None = None, level: float = LEVEL
) -> list[CalibrationBin]:
    """Forecasts sorted into bins of about equal mass, each with its share of ups and a Wilson interval.

    Parameters
    ----------
    bins
        Number of bins; equal probabilities are never parted, so there may be fewer.
    n_effective
        Independent observations in all `n` rows (`effective_number`); each bin gets its share. None = n.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22(158), doi:10.1080/01621459.1927.10502953

    Example
    -------
    >>> for row in calibration_table([0, 1, 0, 1, 1, 1], [0.3, 0.35, 0.4, 0.6, 0.65, 0.7], bins=2):
    ...     print(row.n, round(row.mean_p, 3), round(row.share_up, 3), round(row.low, 3), round(row.high, 3))
    3 0.35 0.333 0.078 0.746
    3 0.65 1.0 0.526 1.0
    """
    outcomes, forecast = checked(y, p=p)
    which = equal_mass_bins(forecast, bins)
    share = 1.0 if n_effective is None else n_effective / len(outcomes)
    table = []
    for k in range(int(which.max()) + 1):
        inside = which == k
        n, up = int(inside.sum()), float(outcomes[inside].mean())
        low, high = wilson(up, n * share, level=level)
        table.append(CalibrationBin(n, float(forecast[inside].mean()), up, float(low), float(high)))
    return table


def ece(y: ArrayLike, p: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error: the mean gap, weighted by bin size, between forecast and outcome.

    ECE = sum(n_k |p_k - y_k|) / n

    Over equal-mass bins; 0 is perfect, but a perfect forecast's error is above 0 by chance, and grows with `bins`.

    References
    ----------
    Naeini, Cooper and Hauskrecht (2015), AAAI 29(1), doi:10.1609/aaai.v29i1.9602

    Example
    -------
    >>> round(ece([0, 1, 0, 1, 1, 1], [0.3, 0.35, 0.4, 0.6, 0.65, 0.7], bins=2), 4)
    0.1833
    """
    outcomes, forecast = checked(y, p=p)
    which = equal_mass_bins(forecast, bins)
    return float(np.abs(np.bincount(which, forecast - outcomes)).sum() / len(outcomes))


def calibration_line(y: ArrayLike, p: ArrayLike) -> CalibrationLine:
    """Cox's recalibration line, by maximum likelihood.

    logit P(y = 1) = intercept + slope * logit(p)

    A slope below 1 means overconfidence, a negative one that forecasts point the wrong way.

    Both are NaN where the data do not determine them: one outcome only, constant forecasts, forecasts of 0 or 1, or
    outcomes that the forecasts separate perfectly.

    References
    ----------
    Cox (1958), Biometrika 45(3/4), doi:10.1093/biomet/45.3-4.562

    Example
    -------
    >>> line = calibration_line([0, 0, 1, 0, 1, 1], [0.2, 0.3, 0.4, 0.6, 0.7, 0.9])
    >>> round(line.slope, 3), round(line.intercept, 3)
    (1.617, -0.077)
    """
    outcomes, forecast = checked(y, p=p)
    undetermined = CalibrationLine(float("nan"), float("nan"))
    x = logit(forecast)
    if not np.isfinite(x).all() or np.ptp(x) < 1e-9 or _separated(outcomes == 1.0, x):
        return undetermined
    from statsmodels.discrete.discrete_model import Logit  # costs a second

    # On a standardised regressor: on the raw one, forecasts within a hair of climatology overflow.
    centre, scale = x.mean(), x.std()
    design = np.column_stack([np.ones_like(x), (x - centre) / scale])
    fit = Logit(outcomes, design).fit(disp=0, maxiter=100, tol=1e-12, warn_convergence=False)
    if not fit.mle_retvals["converged"]:
        return undetermined
    slope = float(fit.params[1] / scale)
    return CalibrationLine(slope, float(fit.params[0] - slope * centre))


@dataclass(frozen=True)
class CalibrationTest:
    """A test that the forecasts are calibrated: Hotelling's statistic, its p-value, and how many moments it has."""

    statistic: float
    p_value: float
    moments: int


def calibration_test(
    y: ArrayLike, p: ArrayLike, horizon: int, *, lag: int | None = None, session: Rows | None = None
) -> CalibrationTest:
    """Test that outcomes exceed their probabilities neither on average nor with the log-odds that were said.

    m_t = (y_t - p_t) (1, z_t), z the standardised log-odds of p;  T^2 = n mean(m)' LRV(m)^-1 mean(m), and
    T^2 (v - k + 1) / (v k) is F's with k and v - k + 1 degrees of freedom, v = min(n - 1, 3n / 2L), L the Bartlett lag

    The two moments are the score of Cox's line at slope 1 and intercept 0, so that nothing is fitted and forecasts near
    the base rate are tested, too. Of forecasts that never differ only the mean is tested (k = 1).

    Parameters
    ----------
    lag
        At least `horizon`; None = `default_lag(n, horizon)`.

    Raises
    ------
    InputError
        The lag is out of range.
    HistoryError
        Fewer than four horizons of sessions (at least 20).

    References
    ----------
    Cox (1958), Biometrika 45(3/4), doi:10.1093/biomet/45.3-4.562; Newey and West (1987), doi:10.2307/1913610;
    Lazarus, Lewis, Stock and Watson (2018), doi:10.1080/07350015.2018.1506926

    Example
    -------
    >>> rng = np.random.default_rng(1)
    >>> p = rng.uniform(0.3, 0.8, 2000)
    >>> y, bold = (rng.random(2000) < p).astype(float), np.where(p > 0.55, 0.5 + p / 2, p / 2)
    >>> calibration_test(y, p, horizon=1).p_value > 0.05, calibration_test(y, bold, horizon=1).p_value < 0.01
    (True, True)
    """
    outcomes, forecast = checked(y, p=p)
    n = len(outcomes) if session is None else int(session[-1]) + 1
    least = max(20, 4 * horizon)
    if n < least:
        raise HistoryError("y", f"{n} resolved rows", f"at least {least}", "wait for more resolved forecasts")
    chosen = default_lag(n, horizon) if lag is None else lag
    if not horizon <= chosen < n:
        raise InputError("lag", chosen, f"{horizon} (the horizon) to {n - 1}", "labels overlap over the horizon")
    residual = outcomes - forecast
    x = logit(np.clip(forecast, 1e-12, 1.0 - 1e-12))
    columns = [residual]
    if np.ptp(x) >= 1e-9:
        columns.append(residual * (x - x.mean()) / x.std())
    moments = np.column_stack([session_means(column, session) for column in columns])
    k, freedom = moments.shape[1], min(n - 1.0, 1.5 * n / chosen)
    mean = moments.mean(axis=0)
    covariance = long_run_covariance(moments, chosen)
    if not mean.any():
        return CalibrationTest(0.0, 1.0, k)
    statistic = float(n * mean @ np.linalg.pinv(covariance, hermitian=True) @ mean)
    left = freedom - k + 1.0
    return CalibrationTest(statistic, float(fdtrc(k, left, statistic * left / (freedom * k))), k)


def overconfidence_test(
    y: ArrayLike,
    p: ArrayLike,
    reference: ArrayLike,
    horizon: int,
    *,
    lag: int | None = None,
    session: Rows | None = None,
) -> MeanTest:
    """One-sided test that forecasts do not move too far from the reference; `gain` below 0 says that they do.

    m_t = (y_t - p_t) (logit p_t - logit c_t);  t = mean(m) / sqrt(LRV(m) / n), Student's with min(n - 1, 3n / 2L)
    degrees of freedom: the p-value is P(T < t)

    It is the score of b at 1 in logit P = logit c + b (logit p - logit c), against b < 1. Moves that are too small
    pass: they do no harm.

    Parameters
    ----------
    reference
        The base rate known at the decision (c).
    lag
        At least `horizon`; None = `default_lag(n, horizon)`.

    Raises
    ------
    InputError
        The lag is out of range.
    HistoryError
        Fewer than `2 * horizon` sessions (at least 3).

    References
    ----------
    Cox (1958), Biometrika 45(3/4), doi:10.1093/biomet/45.3-4.562; Newey and West (1987), doi:10.2307/1913610

    Example
    -------
    >>> rng = np.random.default_rng(1)
    >>> p = rng.uniform(0.4, 0.8, 2000)
    >>> y, bold, shy = (rng.random(2000) < p).astype(float), np.clip(0.6 + 2 * (p - 0.6), 0.01, 0.99), 0.3 + p / 2
    >>> [overconfidence_test(y, each, np.full(2000, 0.6), horizon=1).p_value < 0.01 for each in (bold, p, shy)]
    [True, False, False]
    """
    outcomes, forecast, benchmark = checked(y, p=p, reference=reference)
    said, par = (logit(np.clip(each, 1e-12, 1.0 - 1e-12)) for each in (forecast, benchmark))
    test = mean_test(session_means((outcomes - forecast) * (said - par), session), horizon, lag)
    p_value = float(stdtr(test.degrees_of_freedom, test.statistic))
    return MeanTest(test.gain, test.statistic, p_value, test.lag, test.degrees_of_freedom)


def _separated(up: np.ndarray, x: np.ndarray) -> bool:
    """Whether a threshold on `x` parts ups from downs (ties at the threshold included), so that no maximum exists."""
    if up.all() or not up.any():
        return True
    return bool(x[up].min() >= x[~up].max() or x[up].max() <= x[~up].min())
