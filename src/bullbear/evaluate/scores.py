"""Proper scores of probabilities, and their skill against a reference.

Throughout `evaluate`, `y` are outcomes (0 or 1) and `p` and `reference` probabilities of y = 1 (fractions), all of
shape `(n,)`, in the order of time, outcome first. Nothing is dropped or clipped: a missing value, a value out of range
or another length is an InputError, and a certainty that fails costs infinity under log loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from bullbear.errors import InputError
from bullbear.statistics.overlap import Array

Score = Literal["brier", "log_loss"]


def brier(y: ArrayLike, p: ArrayLike) -> float:
    """Brier score, BS = mean((p - y)^2); lower is better.

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
    """Logarithmic score in nats, LL = -mean(y ln p + (1 - y) ln(1 - p)); always saying one half costs ln 2 = 0.693.

    References
    ----------
    Good (1952), Journal of the Royal Statistical Society B 14(1), doi:10.1111/j.2517-6161.1952.tb00104.x

    Example
    -------
    >>> round(log_loss([1, 0, 1, 1], [0.9, 0.2, 0.4, 0.6]), 4)
    0.4389
    """
    return float(losses(y, p, "log_loss").mean())


def losses(y: ArrayLike, p: ArrayLike, score: Score) -> Array:
    """The loss of every single forecast, whose mean is the score.

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
    """BSS = 1 - BS(p) / BS(reference): 1 is perfect, 0 is as good as the reference.

    Raises
    ------
    InputError
        The reference is perfect, so that no skill is left.

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
    """1 - LL(p) / LL(reference); minus infinity when a certainty failed.

    Raises
    ------
    InputError
        The reference's own loss is 0 or infinite.

    Example
    -------
    >>> round(log_loss_skill([1, 0, 1, 1], [0.9, 0.2, 0.4, 0.6], [0.75] * 4), 4)
    0.2195
    """
    return _skill(y, p, reference, "log_loss")


def weighted_auc(y: Array, p: Array, weights: Array) -> Array:
    """The area under the ROC curve, P(p_up > p_down) + P(p_up = p_down) / 2, under each row of `weights`.

    Parameters
    ----------
    weights
        How often each forecast counts, shape `(draws, n)`.

    Returns
    -------
    Shape `(draws,)`: 1 for perfect ranking, one half for none, NaN where a draw holds one outcome only.

    References
    ----------
    Hanley and McNeil (1982), Radiology 143(1), doi:10.1148/radiology.143.1.7063747

    Example
    -------
    >>> weighted_auc(np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.4, 0.4, 0.2]), np.ones((1, 4))).item()
    0.875
    """
    _, start = np.unique(np.sort(p), return_index=True)
    order = np.argsort(p, kind="stable")
    ups = np.add.reduceat(weights[:, order] * y[order], start, axis=1)
    downs = np.add.reduceat(weights[:, order] * (1.0 - y[order]), start, axis=1)
    below = np.cumsum(downs, axis=1) - downs / 2.0
    with np.errstate(invalid="ignore"):
        return np.asarray((ups * below).sum(axis=1) / (ups.sum(axis=1) * downs.sum(axis=1)), dtype=np.float64)


def checked(y: ArrayLike, **probabilities: ArrayLike) -> tuple[Array, ...]:
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
        if len(values) != len(outcomes):
            allowed = f"{len(outcomes)} values, as many as y"
            raise InputError(name, f"{len(values)} values", allowed, "align them first")
    return (outcomes, *arrays.values())


def _numbers(name: str, values: ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise InputError(name, f"shape {array.shape}", "a filled one-dimensional array", "give one value per forecast")
    bad = ~np.isfinite(array)
    if bad.any():
        row = int(bad.argmax())
        raise InputError(f"{name}[{row}]", float(array[row]), "finite numbers", "drop unresolved rows before scoring")
    return array


def _skill(y: ArrayLike, p: ArrayLike, reference: ArrayLike, score: Score) -> float:
    outcomes, forecast, benchmark = checked(y, p=p, reference=reference)
    par = float(_LOSSES[score](outcomes, benchmark).mean())
    if not 0.0 < par < np.inf:
        raise InputError("reference", f"a {score} of {par}", "a finite score above 0", "measure skill against another")
    return 1.0 - float(_LOSSES[score](outcomes, forecast).mean()) / par


def _squared(y: Array, p: Array) -> Array:
    return (p - y) ** 2


def _logarithmic(y: Array, p: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log(np.where(y == 1.0, p, 1.0 - p)), dtype=np.float64)


_LOSSES: dict[Score, Callable[[Array, Array], Array]] = {"brier": _squared, "log_loss": _logarithmic}
