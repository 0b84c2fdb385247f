"""What a history can show: the probability that a model with a given true skill would pass a test of skill.

Of a calibrated forecast that moves from the base rate by a variance D, the Brier gain d has mean D, and its standard
deviation is nearly 2 sqrt(D) times that of the outcomes. With skill s = D / BS(base rate) the ratio of mean to error
over N independent observations is then sqrt(s N) / 2, whatever the base rate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from bullbear.errors import InputError
from bullbear.statistics.long_run import default_lag
from bullbear.statistics.overlap import Array, independent_number


def power(skill: ArrayLike, n: int, horizon: int, *, error: float = 0.10, n_effective: float | None = None) -> Array:
    """The probability that the one-sided bound of a true Brier skill lies above zero (`significance.lower_bound`).

    power = P(T > t_{1 - error}), T noncentral Student with mean parameter sqrt(s N) / 2 and the test's own degrees of
    freedom, min(n - 1, 3n / 2L)

    Parameters
    ----------
    skill
        True Brier skill of a calibrated model, a fraction from 0 to below 1; any shape.
    n
        Sessions, one label each.
    horizon
        Sessions that a label spans.
    error
        Chance of the test to pass a skill of zero; with m models tried, 0.10 / m.
    n_effective
        Independent observations (N); None = what the overlap of labels leaves.

    Raises
    ------
    InputError
        A skill or an error out of range, or fewer than two sessions.

    References
    ----------
    Diebold and Mariano (1995), doi:10.1080/07350015.1995.10524599, for the test; the mean and variance of the gain
    are those of a quadratic score, Murphy (1973), doi:10.1175/1520-0450(1973)012<0215:HASSFP>2.0.CO;2

    Example
    -------
    Fifteen years of daily forecasts of a month: a true skill of 2 % is seen in two cases of five, one of 5 % in
    seven of ten.

    >>> power([0.0, 0.02, 0.05], 3754, 21).round(2).tolist()
    [0.1, 0.43, 0.68]
    """
    from scipy.stats import nct, t  # takes half a second

    true = np.asarray(skill, dtype=np.float64)
    if not ((true >= 0.0) & (true < 1.0)).all():
        raise InputError("skill", true.tolist(), "fractions from 0 to below 1", "0.02 is 2 %")
    if not 0.0 < error < 0.5:
        raise InputError("error", error, "between 0 and 0.5", "0.10 asks for a 90 % bound")
    if n < 2:
        raise InputError("n", n, "at least 2 sessions", "count the resolved ones")
    observations = float(independent_number(n, horizon)) if n_effective is None else n_effective
    freedom = min(n - 1.0, 1.5 * n / default_lag(n, horizon))
    return np.asarray(nct.sf(t.isf(error, freedom), freedom, np.sqrt(true * observations) / 2.0), dtype=np.float64)


def skill_needed(
    n: int, horizon: int, *, probability: float = 0.8, error: float = 0.10, n_effective: float | None = None
) -> float:
    """The smallest true Brier skill that is seen with `probability`; NaN where even one of 0.99 is not.

    Raises
    ------
    InputError
        As `power`, or a probability that is not between `error` and 1.

    Example
    -------
    >>> round(skill_needed(3754, 21), 3)
    0.074
    """
    if not error < probability < 1.0:
        raise InputError("probability", probability, f"between {error:g} (the error) and 1", "0.8 is usual")

    def lacking(skill: float) -> float:
        return float(power(skill, n, horizon, error=error, n_effective=n_effective)) - probability

    return float(brentq(lacking, 0.0, 0.99)) if lacking(0.99) > 0.0 else float("nan")
