"""Point forecasts of returns against a benchmark such as the historical mean.

Throughout, `r` are realised returns and `forecast` and `reference` what was forecast of them, all fractions of shape
`(n,)` in the order of time, outcome first. For probabilities the same two are `brier_skill` and `clark_west`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bullbear.errors import InputError
from bullbear.evaluate.significance import MeanTest, adjusted_mspe
from bullbear.statistics.overlap import Array


def r2_out_of_sample(r: ArrayLike, forecast: ArrayLike, reference: ArrayLike) -> float:
    """R2_OS = 1 - sum((r - forecast)^2) / sum((r - reference)^2): above 0 the forecast had the smaller squared error.

    Raises
    ------
    InputError
        Lengths differ, a number is not finite, or the reference is perfect.

    References
    ----------
    Campbell and Thompson (2008), Review of Financial Studies 21(4), doi:10.1093/rfs/hhm055

    Example
    -------
    >>> round(r2_out_of_sample([0.02, -0.01, 0.03], [0.02, 0.0, 0.01], [0.01, 0.01, 0.01]), 4)
    0.4444
    """
    returns, ours, par = _checked(r, forecast=forecast, reference=reference)
    square = float(((returns - par) ** 2).sum())
    if square == 0.0:
        raise InputError("reference", "no squared error", "one above 0", "measure against another forecast")
    return 1.0 - float(((returns - ours) ** 2).sum()) / square


def clark_west_of_returns(
    r: ArrayLike, forecast: ArrayLike, reference: ArrayLike, horizon: int, *, lag: int | None = None
) -> MeanTest:
    """Clark and West's one-sided test for returns; formula, lag and errors are those of `clark_west`.

    References
    ----------
    Clark and West (2007), Journal of Econometrics 138(1), doi:10.1016/j.jeconom.2006.05.023
    """
    return adjusted_mspe(*_checked(r, forecast=forecast, reference=reference), horizon, lag)


def _checked(r: ArrayLike, **forecasts: ArrayLike) -> tuple[Array, Array, Array]:
    returns = _numbers("r", r)
    arrays = [_numbers(name, values) for name, values in forecasts.items()]
    for name, values in zip(forecasts, arrays, strict=True):
        if len(values) != len(returns):
            raise InputError(name, f"{len(values)} values", f"{len(returns)} values, as many as r", "align them first")
    ours, par = arrays
    return returns, ours, par


def _numbers(name: str, values: ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        raise InputError(name, f"shape {array.shape}", "finite numbers of shape (n,)", "drop unresolved rows first")
    return array
