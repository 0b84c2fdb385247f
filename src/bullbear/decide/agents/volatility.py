"""The forecast of volatility that two probabilities hold: those that it exceeds a lower and a higher threshold."""

from __future__ import annotations

import math
from statistics import NormalDist

_NORMAL = NormalDist()
_LOG_SDS = (0.15, 0.6)
"""Between these a standard deviation of the logarithm of a month's volatility is believable. From outside come two
probabilities that do not belong together: of two champions, or rounded."""


def implied_volatility(
    low: float, p_low: float, high: float, p_high: float, *, log_sd: float, clip: float, trailing: float
) -> float:
    """Root mean square of the lognormal volatility that exceeds `low` and `high` with the two probabilities.

    P(volatility > v) = Phi((m - ln v) / s) gives m and s, and the result is exp(m + s**2): what a volatility target
    divides by is a risk, and large volatilities weigh more in it. Probabilities are clipped, and NaN is unknown. With
    one of them unknown or clipped, or an s that is not believable, s is `log_sd` and m that of the informative ones (of
    all known ones, if none is). Where both are clipped on one side, `trailing` is taken if it lies further out.

    Example
    -------
    >>> round(implied_volatility(0.2, 0.5, 0.3, 0.1, log_sd=0.3, clip=0.02, trailing=0.15), 3)
    0.221
    """
    pairs = [(level, p) for level, p in ((low, p_low), (high, p_high)) if 0.0 <= p <= 1.0]
    inside = [(level, p) for level, p in pairs if clip < p < 1.0 - clip]
    if not pairs:
        return trailing
    scored = [(math.log(level), _NORMAL.inv_cdf(min(max(p, clip), 1.0 - clip))) for level, p in inside or pairs]
    s = log_sd
    if len(inside) == 2 and scored[0][1] > scored[1][1]:
        implied = (scored[1][0] - scored[0][0]) / (scored[0][1] - scored[1][1])
        s = implied if _LOG_SDS[0] <= implied <= _LOG_SDS[1] else log_sd
    m = sum(level + s * score for level, score in scored) / len(scored)
    found = math.exp(m + s * s)
    if not inside and trailing > 0.0:
        if all(p >= 0.5 for _, p in pairs):
            return max(found, trailing)
        if all(p < 0.5 for _, p in pairs):
            return min(found, trailing)
    return found
