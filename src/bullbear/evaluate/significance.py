"""Whether a skill is more than luck, when daily labels overlap and so repeat each other.

Rows are one per session, in order. A label that spans `horizon` sessions shares all but one of them with its
neighbour, so every variance here is a long-run variance over at least `horizon` lags and every resample is made of
blocks of at least `horizon` rows. Nothing here assumes independent rows, and none of it may be used on shuffled ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from bullbear.errors import HistoryError, InputError
from bullbear.evaluate.scores import Floats, Score, checked, losses
from bullbear.statistics.long_run import default_lag, long_run_variance


@dataclass(frozen=True)
class MeanTest:
    """A test that the mean of serially dependent gains is zero; `gain` above 0 favours the forecast under test."""

    gain: float
    statistic: float
    p_value: float
    lag: int
    degrees_of_freedom: float


def diebold_mariano(
    y: ArrayLike, p: ArrayLike, reference: ArrayLike, horizon: int, *, score: Score = "brier", lag: int | None = None
) -> MeanTest:
    """Two-sided test of equal accuracy of two forecasts, with Newey-West variance and Harvey's correction.

    d = loss(reference) - loss(p);  DM = mean(d) / sqrt(LRV(d) / n) * sqrt((n + 1 - 2h + h(h - 1) / n) / n)

    The p-value is Student's with `min(n - 1, 3n / 2L)` degrees of freedom, L being the lag: the variance is itself
    an estimate from few blocks, and a normal law would find skill in noise too often.

    Parameters
    ----------
    y
        Outcomes, 0 or 1, shape `(n,)`, one row per session in order.
    p
        P(y = 1) of the forecast under test, shape `(n,)`.
    reference
        P(y = 1) of its rival, shape `(n,)`.
    horizon
        Sessions that a label spans (h).
    score
        "brier" or "log_loss".
    lag
        Bartlett lag, at least `horizon`; None = `default_lag(n, horizon)`.

    Returns
    -------
    The mean gain in the score's unit, the statistic (positive when `p` is better) and its two-sided p-value.
    Forecasts that never differ in loss give 0 and 1.

    Raises
    ------
    InputError
        A value is missing or out of range, the lengths differ, the lag is below the horizon, or a loss is infinite.
    HistoryError
        Fewer than `2 * horizon` rows (at least 3).

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
    outcomes, forecast, rival = checked(y, p=p, reference=reference)
    with np.errstate(invalid="ignore"):  # two infinite losses: refused on the next line
        difference = losses(outcomes, rival, score) - losses(outcomes, forecast, score)
    _refuse_infinite(difference, score)
    n = len(difference)
    test = _mean_test(difference, horizon, lag)
    harvey = np.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    statistic = test.statistic * float(harvey)
    p_value = float(2.0 * stdtr(test.degrees_of_freedom, -abs(statistic)))
    return MeanTest(test.gain, statistic, p_value, test.lag, test.degrees_of_freedom)


def clark_west(y: ArrayLike, p: ArrayLike, reference: ArrayLike, horizon: int, *, lag: int | None = None) -> MeanTest:
    """One-sided test that a larger model beats the reference nested in it, net of the noise of its extra parameters.

    f = (y - reference)^2 - ((y - p)^2 - (reference - p)^2);  CW = mean(f) / sqrt(LRV(f) / n)

    It asks whether the predictors carry information at all, so it can reject while the Brier skill is negative:
    read it next to the skill, never instead of it.

    Parameters
    ----------
    y
        Outcomes, 0 or 1, shape `(n,)`, one row per session in order.
    p
        P(y = 1) of the larger model, shape `(n,)`.
    reference
        P(y = 1) of the nested one, climatology as a rule, shape `(n,)`.
    horizon
        Sessions that a label spans.
    lag
        Bartlett lag, at least `horizon`; None = `default_lag(n, horizon)`.

    Returns
    -------
    The adjusted mean gain, the statistic and the p-value against "no information".

    Raises
    ------
    InputError
        A value is missing or out of range, the lengths differ, or the lag is below the horizon.
    HistoryError
        Fewer than `2 * horizon` rows (at least 3).

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
    adjusted = (outcomes - nested) ** 2 - ((outcomes - forecast) ** 2 - (nested - forecast) ** 2)
    test = _mean_test(adjusted, horizon, lag)
    p_value = float(stdtr(test.degrees_of_freedom, -test.statistic))
    return MeanTest(test.gain, test.statistic, p_value, test.lag, test.degrees_of_freedom)


def _mean_test(series: Floats, horizon: int, lag: int | None) -> MeanTest:
    _positive("horizon", horizon)
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


def _refuse_infinite(difference: Floats, score: Score) -> None:
    if not np.isfinite(difference).all():
        row = int((~np.isfinite(difference)).argmax())
        raise InputError(f"{score}[{row}]", float(difference[row]), "a finite loss", "avoid probabilities of 0 and 1")


def _positive(where: str, value: int) -> None:
    if value < 1:
        raise InputError(where, value, "at least 1", "count it in sessions")
