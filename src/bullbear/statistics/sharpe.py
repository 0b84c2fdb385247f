"""How much of a Sharpe ratio is evidence: after its own error, after skewed returns with fat tails, after many tries.

Every ratio here is of one period, a day's for daily returns; an annual one is divided by sqrt(periods a year) first.
Skewness and kurtosis are those of the returns; a normal distribution has 0 and 3.
"""

from __future__ import annotations

import math

from scipy.special import ndtr, ndtri

from bullbear.errors import InputError

_EULER = 0.5772156649015329


def probabilistic_sharpe(
    sharpe: float, n: int, *, benchmark: float = 0.0, skewness: float = 0.0, kurtosis: float = 3.0
) -> float:
    """The probability that the true Sharpe ratio exceeds `benchmark`, given `n` returns.

    PSR = Phi((S - S*) sqrt(n - 1) / sqrt(1 - g3 S + (g4 - 1) / 4 S^2))

    Parameters
    ----------
    sharpe, benchmark
        Per period, not a year.
    n
        Number of returns, at least 2.

    Raises
    ------
    InputError
        Fewer than two returns, or moments that no distribution has.

    References
    ----------
    Bailey and Lopez de Prado (2012), Journal of Risk 15(2), doi:10.21314/JOR.2012.255

    Example
    -------
    The paper's fund: a monthly ratio of 0.458 over two years, with and without its skewness and kurtosis.

    >>> round(probabilistic_sharpe(0.458, 24), 3)
    0.982
    >>> round(probabilistic_sharpe(0.458, 24, skewness=-2.448, kurtosis=10.164), 3)
    0.913
    """
    if n < 2:
        raise InputError("n", n, "at least 2 returns", "wait for a longer record")
    spread = _variance(sharpe, skewness, kurtosis)
    return float(ndtr((sharpe - benchmark) * math.sqrt((n - 1) / spread)))


def minimum_track_record(
    sharpe: float, *, benchmark: float = 0.0, skewness: float = 0.0, kurtosis: float = 3.0, confidence: float = 0.95
) -> float:
    """The number of returns from which `sharpe` exceeds `benchmark` with `confidence`; infinite where it never does.

    MinTRL = 1 + (1 - g3 S + (g4 - 1) / 4 S^2) (z / (S - S*))^2, z the normal quantile of the confidence

    Raises
    ------
    InputError
        The confidence is out of range, or no distribution has such moments.

    References
    ----------
    Bailey and Lopez de Prado (2012), Journal of Risk 15(2), doi:10.21314/JOR.2012.255

    Example
    -------
    An annual ratio of 2 against one of 1, from monthly normal returns: 3.24 years.

    >>> round(minimum_track_record(2 / 12**0.5, benchmark=1 / 12**0.5) / 12, 2)
    3.24
    """
    if not 0.5 < confidence < 1.0:
        raise InputError("confidence", confidence, "between 0.5 and 1", "0.95 is usual")
    if not sharpe > benchmark:
        return math.inf
    return 1.0 + _variance(sharpe, skewness, kurtosis) * (float(ndtri(confidence)) / (sharpe - benchmark)) ** 2


def expected_maximum_sharpe(trials: int, variance: float) -> float:
    """The Sharpe ratio that the best of some skill-less trials is expected to show.

    S0 = sqrt(V) ((1 - e) Phi^-1(1 - 1 / N) + e Phi^-1(1 - 1 / (N exp(1)))), e Euler's constant; 0 for a single trial

    Parameters
    ----------
    trials
        Number of independent trials (N), at least 1.
    variance
        Variance of their Sharpe ratios (V), per period.

    Raises
    ------
    InputError
        No trial, or a negative variance.
    """
    if trials < 1:
        raise InputError("trials", trials, "at least 1", "count the chosen one, too")
    if not variance >= 0.0:
        raise InputError("variance", variance, "0 or more", "give the variance of the trials' Sharpe ratios")
    if trials == 1:
        return 0.0
    upper = float(ndtri(1.0 - 1.0 / trials)), float(ndtri(1.0 - 1.0 / (trials * math.e)))
    return math.sqrt(variance) * ((1.0 - _EULER) * upper[0] + _EULER * upper[1])


def deflated_sharpe(
    sharpe: float, n: int, *, trials: int, variance: float, skewness: float = 0.0, kurtosis: float = 3.0
) -> float:
    """The probabilistic Sharpe ratio against the best that `trials` skill-less ones would have shown.

    DSR = PSR(S0), S0 as in `expected_maximum_sharpe`; parameters and errors are those of the two.

    References
    ----------
    Bailey and Lopez de Prado (2014), Journal of Portfolio Management 40(5), doi:10.3905/jpm.2014.40.5.094

    Example
    -------
    The paper's strategy: an annual ratio of 2.5 over five years of 250 days, the best of 100 with a variance of 1/2.

    >>> shape = dict(skewness=-3.0, kurtosis=10.0)
    >>> round(deflated_sharpe(2.5 / 250**0.5, 1250, trials=100, variance=0.5 / 250, **shape), 4)
    0.9004
    """
    benchmark = expected_maximum_sharpe(trials, variance)
    return probabilistic_sharpe(sharpe, n, benchmark=benchmark, skewness=skewness, kurtosis=kurtosis)


def _variance(sharpe: float, skewness: float, kurtosis: float) -> float:
    """Of the estimated ratio, times the number of returns less one."""
    found = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    if not (kurtosis >= 1.0 + skewness * skewness and found > 0.0):
        allowed = "a kurtosis of at least 1 + skewness^2"
        raise InputError("kurtosis", kurtosis, allowed, "give the plain kurtosis, 3 for a normal distribution")
    return found
