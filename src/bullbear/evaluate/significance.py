"""Tests of skill on overlapping daily labels.

A label that spans `horizon` sessions shares all but one of them with its neighbour, so every variance here is a
long-run variance over at least `horizon` lags. Rows stand in the order of time; `session` numbers their sessions from 0
where one session has rows of several assets, and is None where it has one. Gains are averaged over a session's assets
first, so that markets that move together count once.

`statsmodels.tsa.stattools.diebold_mariano_test` gives the same statistic, but takes its p-value from degrees of freedom
that find skill in noise when the lag is long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from bullbear.errors import HistoryError, InputError
from bullbear.evaluate.scores import Score, checked, losses
from bullbear.statistics.long_run import default_lag, long_run_variance, session_means
from bullbear.statistics.overlap import Array, Rows


@dataclass(frozen=True)
class MeanTest:
    """A test that the mean of serially dependent gains is zero; `gain` above 0 favours the forecast under test."""

    gain: float
    statistic: float
    p_value: float
    lag: int
    degrees_of_freedom: float


@dataclass(frozen=True)
class Bound:
    """A mean gain over a rival, its one-sided lower bound, and the p-value against no gain.

    `skill` and `skill_low` are the same two as fractions of the rival's mean loss.
    """

    gain: float
    low: float
    p_value: float
    skill: float
    skill_low: float


def diebold_mariano(
    y: ArrayLike,
    p: ArrayLike,
    reference: ArrayLike,
    horizon: int,
    *,
    score: Score = "brier",
    lag: int | None = None,
    session: Rows | None = None,
) -> MeanTest:
    """Two-sided test of equal accuracy of two forecasts, with Newey-West variance and Harvey's correction.

    d = loss(reference) - loss(p);  DM = mean(d) / sqrt(LRV(d) / n) * sqrt((n + 1 - 2h + h(h - 1) / n) / n)

    The p-value is Student's with `min(n - 1, 3n / 2L)` degrees of freedom, L being the lag: the variance is itself
    an estimate from few blocks. Forecasts that never differ in loss give 0 and 1.

    Parameters
    ----------
    lag
        Bartlett lag, at least `horizon`; None = `default_lag(n, horizon)`.

    Raises
    ------
    InputError
        The lag is below the horizon, or a loss is infinite.
    HistoryError
        Fewer than `2 * horizon` sessions (at least 3).

    References
    ----------
    Diebold and Mariano (1995), doi:10.1080/07350015.1995.10524599;
    Harvey, Leybourne and Newbold (1997), doi:10.1016/S0169-2070(96)00719-4; Newey and West (1987), doi:10.2307/1913610;
    Lazarus, Lewis, Stock and Watson (2018), doi:10.1080/07350015.2018.1506926

    Example
    -------
    >>> y, p = [1, 0, 1, 1, 0, 1], [0.7, 0.4, 0.6, 0.8, 0.6, 0.7]
    >>> test = diebold_mariano(y, p, [0.6] * 6, horizon=1, lag=1)
    >>> round(test.gain, 4), round(test.statistic, 3), round(test.p_value, 3)
    (0.0767, 3.753, 0.013)
    """
    checked(y, p=p, reference=reference)
    with np.errstate(invalid="ignore"):
        difference = losses(y, reference, score) - losses(y, p, score)
    if not np.isfinite(difference).all():
        row = int((~np.isfinite(difference)).argmax())
        raise InputError(f"{score}[{row}]", float(difference[row]), "a finite loss", "avoid probabilities of 0 and 1")
    test = mean_test(session_means(difference, session), horizon, lag)
    statistic = test.statistic * float(np.sqrt(_harvey(_count(difference, session), horizon)))
    p_value = 2.0 * float(stdtr(test.degrees_of_freedom, -abs(statistic)))
    return MeanTest(test.gain, statistic, p_value, test.lag, test.degrees_of_freedom)


def clark_west(
    y: ArrayLike,
    p: ArrayLike,
    reference: ArrayLike,
    horizon: int,
    *,
    lag: int | None = None,
    session: Rows | None = None,
) -> MeanTest:
    """One-sided test that a larger model carries information, though its estimated parameters add noise.

    f = (y - reference)^2 - ((y - p)^2 - (reference - p)^2);  t = mean(f) / sqrt(LRV(f) / n), Student's as above

    The nested forecast (climatology as a rule) is `reference`; under the null the larger model's own noise raises its
    Brier score, and the last term gives that back. It can reject while the Brier skill is negative: read it next to the
    skill, never instead of it. Parameters and errors are those of `diebold_mariano`.

    References
    ----------
    Clark and West (2007), Journal of Econometrics 138(1), doi:10.1016/j.jeconom.2006.05.023

    Example
    -------
    >>> y, p = [1, 0, 1, 1, 0, 1], [0.7, 0.4, 0.6, 0.8, 0.6, 0.7]
    >>> test = clark_west(y, p, [0.6] * 6, horizon=1, lag=1)
    >>> round(test.gain, 4), round(test.statistic, 3), round(test.p_value, 3)
    (0.0933, 4.309, 0.004)
    """
    outcomes, forecast, nested = checked(y, p=p, reference=reference)
    return adjusted_mspe(outcomes, forecast, nested, horizon, lag, session)


def adjusted_mspe(
    outcomes: Array, forecast: Array, nested: Array, horizon: int, lag: int | None, session: Rows | None = None
) -> MeanTest:
    """Clark and West's statistic of checked arrays; outcomes may be returns."""
    adjusted = (outcomes - nested) ** 2 - ((outcomes - forecast) ** 2 - (nested - forecast) ** 2)
    test = mean_test(session_means(adjusted, session), horizon, lag)
    p_value = float(stdtr(test.degrees_of_freedom, -test.statistic))
    return MeanTest(test.gain, test.statistic, p_value, test.lag, test.degrees_of_freedom)


def lower_bound(
    y: ArrayLike,
    p: ArrayLike,
    rival: ArrayLike,
    horizon: int,
    *,
    error: float = 0.10,
    score: Score = "brier",
    session: Rows | None = None,
) -> Bound:
    """A one-sided lower bound of the gain over a rival, at confidence 1 - `error`.

    low = mean(d) - t * sqrt(LRV(d) / n) / H: the one-sided Diebold-Mariano test turned into a bound, with t Student's
    quantile of `1 - error` and H Harvey's correction

    A bound that must hold after many models have been tried asks for quantiles far out, where two thousand bootstrap
    resamples hold a handful. At 90 % this one and the bootstrap agree. Forecasts that never
    differ in loss have a bound of 0 and a p-value of 1.

    Parameters
    ----------
    error
        Chance that the bound lies above the truth, a fraction between 0 and 1/2.

    Raises
    ------
    InputError
        `error` is out of range.
    HistoryError
        Fewer than `4 * horizon` sessions (at least 20).

    Example
    -------
    >>> y, p = [1, 0, 1, 1, 0, 1] * 5, [0.7, 0.4, 0.6, 0.8, 0.6, 0.7] * 5
    >>> got = lower_bound(y, p, [0.6] * 30, horizon=2)
    >>> round(got.gain, 4), 0 < got.low < got.gain, got.p_value < 0.01
    (0.0767, True, True)
    """
    if not 0.0 < error < 0.5:
        raise InputError("error", error, "between 0 and 0.5", "0.10 asks for a 90 % bound")
    outcomes, forecast, benchmark = checked(y, p=p, rival=rival)
    n, least = _count(outcomes, session), max(20, 4 * horizon)
    if n < least:
        raise HistoryError("y", f"{n} resolved rows", f"at least {least}", "wait for more resolved forecasts")
    par = losses(outcomes, benchmark, score)
    with np.errstate(invalid="ignore"):
        difference = session_means(par - losses(outcomes, forecast, score), session)
    gain, mean_par = float(difference.mean()), float(par.mean())
    if not np.isfinite(difference).all():
        # A certainty that failed, of the forecast or of its rival; neither makes this one better.
        return Bound(gain, float("-inf"), 1.0, float("-inf"), float("-inf"))
    lag = default_lag(n, horizon)
    error_of_mean = float(np.sqrt(long_run_variance(difference, lag) / n / _harvey(n, horizon)))
    freedom = min(n - 1.0, 1.5 * n / lag)
    low = gain - float(stdtrit(freedom, 1.0 - error)) * error_of_mean
    p_value = 1.0 if gain <= 0.0 else 0.0
    if error_of_mean > 0.0:
        p_value = float(stdtr(freedom, -gain / error_of_mean))
    relative = 1.0 / mean_par if mean_par > 0.0 else float("nan")
    return Bound(gain, low, p_value, gain * relative, low * relative)


def _count(rows: Array, session: Rows | None) -> int:
    return len(rows) if session is None else int(session[-1]) + 1


def _harvey(n: int, horizon: int) -> float:
    return (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n


def mean_test(series: Array, horizon: int, lag: int | None) -> MeanTest:
    """The HAC test of the mean of one value a session, in order; its p-value is left to the side that is asked."""
    if horizon < 1:
        raise InputError("horizon", horizon, "at least 1", "count it in sessions")
    n = len(series)
    if n < max(3, 2 * horizon):
        raise HistoryError("y", f"{n} rows", f"at least {max(3, 2 * horizon)}", "wait for more resolved forecasts")
    chosen = default_lag(n, horizon) if lag is None else lag
    if not horizon <= chosen < n:
        raise InputError("lag", chosen, f"{horizon} (the horizon) to {n - 1}", "labels overlap over the horizon")
    gain, variance = float(series.mean()), long_run_variance(series, chosen)
    freedom = min(n - 1.0, 1.5 * n / chosen)
    if variance <= np.finfo(np.float64).eps ** 2:
        statistic = 0.0 if gain == 0.0 else float(np.copysign(np.inf, gain))
    else:
        statistic = gain / float(np.sqrt(variance / n))
    return MeanTest(gain, statistic, float("nan"), chosen, freedom)
