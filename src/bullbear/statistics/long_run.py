"""The variance of a mean of serially dependent values (HAC, Newey and West), and what it leaves of a sample.

statsmodels has the variance at one lag; the effective number needs it at every lag, which costs no more than one here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bullbear.errors import InputError
from bullbear.statistics.overlap import Array, Rows, independent_number


def long_run_variance(x: ArrayLike, lag: int) -> float:
    """Newey-West's variance of a dependent series: n times the variance of its mean, never negative.

    LRV = gamma_0 + 2 sum_{k=1..lag} (1 - k / (lag + 1)) gamma_k, gamma_k = sum (x_t - xbar)(x_{t-k} - xbar) / n

    Parameters
    ----------
    x
        The series in order, shape `(n,)`.
    lag
        Number of autocovariances, from 0 to n - 1.

    References
    ----------
    Newey and West (1987), Econometrica 55(3), doi:10.2307/1913610

    Example
    -------
    >>> round(long_run_variance([1.0, 2.0, 4.0, 3.0], lag=1), 4)
    1.4375
    """
    series = np.asarray(x, dtype=np.float64)
    if series.ndim != 1 or not np.isfinite(series).all():
        raise InputError("x", f"shape {series.shape}", "a one-dimensional array of finite numbers", "drop missing rows")
    if not 0 <= lag < len(series):
        raise InputError("lag", lag, f"0 to {len(series) - 1}", "choose a lag below the number of rows")
    return max(0.0, float(_variances_by_lag(series, lag)[-1]))


def long_run_covariance(x: ArrayLike, lag: int) -> Array:
    """Newey-West's covariance of several dependent series, shape (n, k) to (k, k): `long_run_variance` of each pair.

    Example
    -------
    >>> series = np.array([[1.0, 0.0], [2.0, 1.0], [4.0, 0.0], [3.0, 1.0]])
    >>> long_run_covariance(series, lag=1).round(4).tolist()
    [[1.4375, 0.125], [0.125, 0.0625]]
    """
    series = np.asarray(x, dtype=np.float64)
    if series.ndim != 2 or not np.isfinite(series).all():
        raise InputError("x", f"shape {series.shape}", "a two-dimensional array of finite numbers", "drop missing rows")
    n = len(series)
    if not 0 <= lag < n:
        raise InputError("lag", lag, f"0 to {n - 1}", "choose a lag below the number of rows")
    centred = series - series.mean(axis=0)
    total = centred.T @ centred
    for k in range(1, lag + 1):
        pairs = centred[k:].T @ centred[: n - k]
        total = total + (1.0 - k / (lag + 1.0)) * (pairs + pairs.T)
    return np.asarray(total / n, dtype=np.float64)


def default_lag(n: int, horizon: int) -> int:
    """Bartlett lag for `n` rows of overlapping labels: three times the horizon, at least 1.3 sqrt(n), below `n`.

    A lag equal to the horizon would see only two thirds of the variance that the overlap makes; three times it sees
    89 %. Slow forecasts make errors persist beyond the horizon, hence the second bound. The degrees of freedom of the
    tests pay for the longer window.

    References
    ----------
    Lazarus, Lewis, Stock and Watson (2018), doi:10.1080/07350015.2018.1506926

    Example
    -------
    >>> default_lag(4000, 21), default_lag(1000, 21), default_lag(1000, 1), default_lag(30, 21)
    (82, 63, 41, 29)
    """
    return min(n - 1, max(3 * horizon, int(1.3 * np.sqrt(n))))


def effective_number(n: int, horizon: int, difference: ArrayLike | None = None) -> float:
    """The effective sample size of `n` overlapping observations, between 1 and `n`.

    n_eff = independent_number(n, h);  with scores at most n gamma_0 / max_{l<=L} LRV_l

    The first is what the overlap alone leaves; the second lowers it further where errors persist beyond the horizon.

    Parameters
    ----------
    n
        Number of sessions, in order. Rows of several assets on one session count once: markets move together.
    horizon
        Sessions that a label spans (h).
    difference
        Loss of the reference less loss of the forecast (its mean over the assets of a session), shape `(n,)`;
        None = the overlap alone.

    References
    ----------
    Richardson and Smith (1991), Review of Financial Studies 4(2), doi:10.1093/rfs/4.2.227

    Example
    -------
    >>> round(effective_number(4200, 21), 1), effective_number(100, 1)
    (274.2, 100.0)
    """
    for where, value in (("n", n), ("horizon", horizon)):
        if value < 1:
            raise InputError(where, value, "at least 1", "count it in sessions")
    overlapped = float(independent_number(n, horizon))
    if difference is None or n < 2:
        return max(1.0, overlapped)
    series = np.asarray(difference, dtype=np.float64)
    if series.shape != (n,) or not np.isfinite(series).all():
        raise InputError(
            "difference", f"shape {series.shape}", f"{n} finite numbers", "give one difference per session"
        )
    variances = _variances_by_lag(series, default_lag(n, horizon))
    if variances[0] == 0.0:
        return max(1.0, overlapped)
    return max(1.0, min(overlapped, n * float(variances[0] / variances.max())))


def session_means(values: Array, session: Rows | None) -> Array:
    """The mean of each session's values; the values themselves where a session has one row.

    Example
    -------
    >>> session_means(np.array([1.0, 3.0, 5.0]), np.array([0, 0, 1])).tolist()
    [2.0, 5.0]
    """
    if session is None:
        return values
    return np.asarray(np.bincount(session, values) / np.bincount(session))


def _variances_by_lag(series: Array, last: int) -> Array:
    """The Bartlett long-run variance for every lag from 0 to `last`, shape `(last + 1,)`."""
    n = len(series)
    centred = series - series.mean()
    gamma = np.array([centred[k:] @ centred[: n - k] for k in range(last + 1)]) / n
    # Bartlett's sum over lag L is a running sum of running sums, so all lags cost no more than one.
    inner = np.cumsum(np.concatenate([[gamma[0]], 2.0 * gamma[1:]]))
    return np.asarray(np.cumsum(inner) / np.arange(1, last + 2), dtype=np.float64)
