"""What a forecast is worth: proper scores of probabilities, and their skill against a reference.

Every function takes the outcome first and every probability is P(y = 1). Nothing is dropped or clipped here: a missing
value is an error, because a score over "the rows that happened to be there" is a different score; and a certainty
that fails costs infinity under log loss, because that is what it deserves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bullbear.errors import HistoryError, InputError

Floats = NDArray[np.float64]
Score = Literal["brier", "log_loss"]


def brier(y: ArrayLike, p: ArrayLike) -> float:
    """Mean squared error of a probability.

    BS = mean((p - y)^2)

    Parameters
    ----------
    y
        Outcomes, 0 or 1, shape `(n,)`.
    p
        P(y = 1), fractions in [0, 1], shape `(n,)`.

    Returns
    -------
    The score, in [0, 1]; lower is better.

    Raises
    ------
    InputError
        A value is missing or out of range, or the lengths differ.

    References
    ----------
    Brier (1950), Monthly Weather Review 78(1), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2

    Example
    -------
    >>> round(brier([1, 0, 1, 1], [0.9, 0.2, 0.4, 0.6]), 4)
    0.1425
    """
    return float(losses(y, p, "brier").mean())


def log_loss(y: ArrayLike, p: ArrayLike) -> float:
    """Mean negative log-likelihood of the outcomes, in nats; infinite when a certainty failed.

    LL = -mean(y ln p + (1 - y) ln(1 - p))

    Parameters
    ----------
    y
        Outcomes, 0 or 1, shape `(n,)`.
    p
        P(y = 1), fractions in [0, 1], shape `(n,)`.

    Returns
    -------
    The score, at least 0; lower is better. An uninformed half costs ln 2 = 0.693.

    Raises
    ------
    InputError
        A value is missing or out of range, or the lengths differ.

    References
    ----------
    Good (1952), Journal of the Royal Statistical Society B 14(1), doi:10.1111/j.2517-6161.1952.tb00104.x

    Example
    -------
    >>> round(log_loss([1, 0, 1, 1], [0.9, 0.2, 0.4, 0.6]), 4)
    0.4389
    """
    return float(losses(y, p, "log_loss").mean())


def losses(y: ArrayLike, p: ArrayLike, score: Score) -> Floats:
    """The loss of every single forecast, whose mean is the score.

    Parameters
    ----------
    y
        Outcomes, 0 or 1, shape `(n,)`.
    p
        P(y = 1), fractions in [0, 1], shape `(n,)`.
    score
        "brier" for squared errors, "log_loss" for nats.

    Returns
    -------
    Losses, shape `(n,)`.

    Raises
    ------
    InputError
        A value is missing or out of range, the lengths differ, or the score is unknown.

    Example
    -------
    >>> [round(float(x), 3) for x in losses([1, 0], [0.9, 0.2], "log_loss")]
    [0.105, 0.223]
    """
    if score not in _LOSSES:
        raise InputError("score", score, " or ".join(_LOSSES), "name one of them")
    outcomes, forecast = checked(y, p=p)
    return _LOSSES[score](outcomes, forecast)


def brier_skill(y: ArrayLike, p: ArrayLike, reference: ArrayLike) -> float:
    """The share by which a forecast's Brier score undercuts that of a reference.

    BSS = 1 - BS(p) / BS(reference)

    Parameters
    ----------
    y
        Outcomes, 0 or 1, shape `(n,)`.
    p
        P(y = 1) of the forecast, shape `(n,)`.
    reference
        P(y = 1) of the benchmark, climatology as a rule, shape `(n,)`.

    Returns
    -------
    1 for a perfect forecast, 0 for one as good as the reference, negative for a worse one.

    Raises
    ------
    InputError
        A value is missing or out of range, the lengths differ, or the reference is perfect, so that no skill is left.

    References
    ----------
    Murphy (1973), Journal of Applied Meteorology 12(1), doi:10.1175/1520-0450(1973)012<0215:HASSFP>2.0.CO;2

    Example
    -------
    >>> round(brier_skill([1, 0, 1, 1], [0.9, 0.2, 0.4, 0.6], [0.75] * 4), 4)
    0.24
    """
    return _skill(y, p, reference, "brier")


def log_loss_skill(y: ArrayLike, p: ArrayLike, reference: ArrayLike) -> float:
    """The share by which a forecast's log loss undercuts that of a reference: `1 - LL(p) / LL(reference)`.

    Parameters
    ----------
    y
        Outcomes, 0 or 1, shape `(n,)`.
    p
        P(y = 1) of the forecast, shape `(n,)`.
    reference
        P(y = 1) of the benchmark, climatology as a rule, shape `(n,)`.

    Returns
    -------
    1 for a perfect forecast, 0 for one as good as the reference, minus infinity when a certainty failed.

    Raises
    ------
    InputError
        A value is missing or out of range, the lengths differ, or the reference's own loss is 0 or infinite.

    Example
    -------
    >>> round(log_loss_skill([1, 0, 1, 1], [0.9, 0.2, 0.4, 0.6], [0.75] * 4), 4)
    0.2195
    """
    return _skill(y, p, reference, "log_loss")


def r2_os(y: ArrayLike, forecast: ArrayLike, reference: ArrayLike) -> float:
    """The out-of-sample R-squared of return forecasts against a benchmark such as the historical mean.

    R2_OS = 1 - sum((y - forecast)^2) / sum((y - reference)^2)

    Parameters
    ----------
    y
        Realised returns, fractions, shape `(n,)`.
    forecast
        Forecast returns, shape `(n,)`.
    reference
        The benchmark's returns, shape `(n,)`; each may use only what was known when the forecast was made.

    Returns
    -------
    At most 1; positive when the forecast beats the benchmark.

    Raises
    ------
    InputError
        A value is missing, the lengths differ, or the benchmark is perfect.

    References
    ----------
    Campbell and Thompson (2008), Review of Financial Studies 21(4), doi:10.1093/rfs/hhm055

    Example
    -------
    >>> round(r2_os([0.03, -0.02, 0.01], [0.02, 0.0, 0.01], [0.01, 0.01, 0.0]), 4)
    0.6429
    """
    realised, guess = _numbers("y", y), _numbers("forecast", forecast)
    benchmark = _numbers("reference", reference)
    _same_length(y=realised, forecast=guess, reference=benchmark)
    spread = float(np.sum((realised - benchmark) ** 2))
    if spread == 0.0:
        raise InputError("reference", "a perfect benchmark", "a benchmark with some error", "no skill can be measured")
    return 1.0 - float(np.sum((realised - guess) ** 2)) / spread


def auc(y: ArrayLike, p: ArrayLike) -> float:
    """The chance that a randomly drawn up was given a higher probability than a randomly drawn down.

    AUC = P(p_up > p_down) + P(p_up = p_down) / 2

    Parameters
    ----------
    y
        Outcomes, 0 or 1, shape `(n,)`.
    p
        P(y = 1), fractions in [0, 1], shape `(n,)`.

    Returns
    -------
    1 for perfect ranking, one half for none.

    Raises
    ------
    InputError
        A value is missing or out of range, or the lengths differ.
    HistoryError
        Only one of the two outcomes occurred.

    References
    ----------
    Hanley and McNeil (1982), Radiology 143(1), doi:10.1148/radiology.143.1.7063747

    Example
    -------
    >>> auc([1, 0, 1, 0], [0.9, 0.4, 0.4, 0.2])
    0.875
    """
    outcomes, forecast = checked(y, p=p)
    if outcomes.min() == outcomes.max():
        raise HistoryError("y", outcomes[0], "both ups and downs", "score a span in which both occurred")
    return float(weighted_auc(outcomes, forecast, np.ones((1, len(outcomes))))[0])


def weighted_auc(y: Floats, p: Floats, weights: Floats) -> Floats:
    """The AUC under each row of `weights`, shape `(draws, n)`; NaN where a draw holds one outcome only."""
    _, start = np.unique(np.sort(p), return_index=True)
    order = np.argsort(p, kind="stable")
    ups = np.add.reduceat(weights[:, order] * y[order], start, axis=1)
    downs = np.add.reduceat(weights[:, order] * (1.0 - y[order]), start, axis=1)
    below = np.cumsum(downs, axis=1) - downs / 2.0
    with np.errstate(invalid="ignore"):
        return np.asarray((ups * below).sum(axis=1) / (ups.sum(axis=1) * downs.sum(axis=1)), dtype=np.float64)


def checked(y: ArrayLike, **probabilities: ArrayLike) -> tuple[Floats, ...]:
    """Outcomes and probabilities as float arrays of one length, or an error that names the culprit."""
    outcomes = _numbers("y", y)
    wrong = (outcomes != 0.0) & (outcomes != 1.0)
    if wrong.any():
        raise InputError(f"y[{int(wrong.argmax())}]", float(outcomes[wrong][0]), "0 or 1", "score binary outcomes")
    arrays = {name: _numbers(name, values) for name, values in probabilities.items()}
    for name, values in arrays.items():
        wrong = (values < 0.0) | (values > 1.0)
        if wrong.any():
            row, value = int(wrong.argmax()), float(values[wrong][0])
            raise InputError(f"{name}[{row}]", value, "a fraction in [0, 1]", "give probabilities, not per cent")
    _same_length(y=outcomes, **arrays)
    return (outcomes, *arrays.values())


def _numbers(name: str, values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise InputError(name, f"shape {array.shape}", "a filled one-dimensional array", "give one value per forecast")
    bad = ~np.isfinite(array)
    if bad.any():
        row = int(bad.argmax())
        raise InputError(f"{name}[{row}]", float(array[row]), "finite numbers", "drop unresolved rows before scoring")
    return array


def _same_length(y: Floats, **others: Floats) -> None:
    for name, values in others.items():
        if len(values) != len(y):
            raise InputError(name, f"{len(values)} values", f"{len(y)} values, as many as y", "align them first")


def _skill(y: ArrayLike, p: ArrayLike, reference: ArrayLike, score: Score) -> float:
    outcomes, forecast, benchmark = checked(y, p=p, reference=reference)
    par = float(_LOSSES[score](outcomes, benchmark).mean())
    if not 0.0 < par < np.inf:
        raise InputError("reference", f"a {score} of {par}", "a finite score above 0", "measure skill against another")
    return 1.0 - float(_LOSSES[score](outcomes, forecast).mean()) / par


def _squared(y: Floats, p: Floats) -> Floats:
    return (p - y) ** 2


def _logarithmic(y: Floats, p: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log(np.where(y == 1.0, p, 1.0 - p)), dtype=np.float64)


_LOSSES: dict[Score, Callable[[Floats, Floats], Floats]] = {"brier": _squared, "log_loss": _logarithmic}
