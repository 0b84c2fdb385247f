"""Log-odds of probabilities that may come from few cases."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

DIGITS = 9
"""Of a signal: the rounding of a sum is no signal, and a calibrator must not be asked what it is worth."""


def logit(p: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)), elementwise."""
    odds: np.ndarray = np.log(p / (1.0 - p))
    return odds


def hedged(p: ArrayLike, mean: float, independent: ArrayLike) -> np.ndarray:
    """`p` after one more independent label at the mean: what never happened in history is not impossible.

    (n p + m) / (n + 1), m the mean, held between 0.001 and 0.999

    Example
    -------
    >>> hedged(0.0, 0.5, 4.0).item()
    0.1
    """
    n, middle = np.asarray(independent, dtype=np.float64), min(max(mean, 1e-3), 1.0 - 1e-3)
    return np.asarray((n * np.asarray(p, dtype=np.float64) + middle) / (n + 1.0))


def beyond(p: ArrayLike, mean: float, independent: ArrayLike) -> np.ndarray:
    """The log-odds of `p` less those of the mean, both `hedged`, to nine digits.

    Parameters
    ----------
    p
        P(yes), any shape.
    mean
        What the log-odds are beyond.
    independent
        Independent labels behind `p`.

    Example
    -------
    (4 * 0.75 + 0.5) / 5 = 0.7, and log(0.7 / 0.3).

    >>> beyond(0.75, 0.5, 4.0).item()
    0.84729786
    """
    return np.asarray(np.round(logit(hedged(p, mean, independent)) - logit(hedged(mean, mean, independent)), DIGITS))
