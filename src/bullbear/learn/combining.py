"""From the members' signals to one forecast: a calibrated sum of signals, or a mixture of calibrated probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.learn.calibrator import FittedCalibrator
from bullbear.learn.calibrators.shrinkage import Z90
from bullbear.learn.pool import pooled

FLOOR = 1e-6
"""A member of a mixture says nothing below it, nor above 1 - FLOOR, unless the base rate does."""


@dataclass(frozen=True)
class Issued:
    """What a model forecasts on n rows.

    Attributes
    ----------
    columns
        `p`, `p_low`, `p_high` and `climatology`; shape (n,) each.
    signal
        The pooled signal; of a mixture the log-odds of its forecast beyond those of the base rate. Shape (n,).
    p
        P(yes) by each member of a mixture, shape (n, n_members); None where signals are pooled.
    """

    columns: dict[str, np.ndarray]
    signal: np.ndarray
    p: np.ndarray | None


def combine(
    weights: tuple[float, ...],
    calibrators: Sequence[FittedCalibrator],
    signals: np.ndarray,
    climatology: np.ndarray,
    n_independent: np.ndarray,
) -> Issued:
    """The forecast that follows from the members' signals.

    Parameters
    ----------
    weights
        Of the members; what they lack of 1 is the base rate's.
    calibrators
        One, of the pooled signal; or that of the base rate and one for each member, whose probabilities are mixed.
    signals
        Shape (n, n_members).
    climatology, n_independent
        Base rate at each decision and the independent labels behind it, shape (n,).
    """
    if len(calibrators) == 1:
        signal = pooled(weights, signals)
        return Issued(probabilities(calibrators[0], signal, climatology, n_independent), signal, None)
    silent = np.zeros(len(signals))
    base = probabilities(calibrators[0], silent, climatology, n_independent)
    made = [
        probabilities(each, signals[:, place], climatology, n_independent) for place, each in enumerate(calibrators[1:])
    ]
    floor, top = np.minimum(climatology, FLOOR), np.maximum(climatology, 1.0 - FLOOR)
    said = [np.clip(each["p"], floor, top) for each in made]
    # Deviations from the base rate are summed: where no member has one, the forecast is the base rate to the last bit.
    moved = [weight * (p - climatology) for weight, p in zip(weights, said, strict=True)]
    p = climatology + sum(moved[1:], moved[0])
    low, high = _interval(weights, p, [climatology, *said], [base, *made])
    columns = {"p": p, "p_low": low, "p_high": high, "climatology": climatology}
    return Issued(columns, log_odds(p) - log_odds(climatology), np.column_stack(said))


def _interval(
    weights: tuple[float, ...], p: np.ndarray, said: Sequence[np.ndarray], made: Sequence[dict[str, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """The members' intervals averaged by weight, widened by how far apart the members are.

    (p - low)^2 = (sum w_m (p_m - low_m))^2 + z^2 sum w_m (p_m - p)^2

    The members learn from the same labels and err together, so their half-widths add up as if they were one error. The
    second term is the variance of not knowing which of them is right.
    """
    below, above, spread = np.zeros(len(p)), np.zeros(len(p)), np.zeros(len(p))
    for weight, at, each in zip((max(0.0, 1.0 - sum(weights)), *weights), said, made, strict=True):
        below = below + weight * np.maximum(at - each["p_low"], 0.0)
        above = above + weight * np.maximum(each["p_high"] - at, 0.0)
        spread = spread + weight * (at - p) ** 2
    low = np.maximum(p - np.sqrt(below**2 + Z90**2 * spread), 0.0)
    return np.minimum(low, p), np.maximum(np.minimum(p + np.sqrt(above**2 + Z90**2 * spread), 1.0), p)


def predict(
    calibrator: FittedCalibrator, signal: np.ndarray, climatology: np.ndarray, n_independent: np.ndarray
) -> pd.DataFrame:
    """The probabilities that follow from signals, with their intervals.

    Parameters
    ----------
    signal
        The pooled signal of each decision, shape (n,).
    climatology, n_independent
        Base rate at each decision and the independent labels behind it, shape (n,).

    Returns
    -------
    DataFrame
        Columns p, p_low, p_high, climatology; n rows.
    """
    return pd.DataFrame(probabilities(calibrator, signal, climatology, n_independent))


def probabilities(
    calibrator: FittedCalibrator, signal: np.ndarray, climatology: np.ndarray, n_independent: np.ndarray
) -> dict[str, np.ndarray]:
    """The columns of `predict`."""
    p = calibrator.probability(climatology, signal)
    low, high = calibrator.interval(climatology, n_independent, signal)
    return {"p": p, "p_low": low, "p_high": high, "climatology": climatology}


def log_odds(p: np.ndarray) -> np.ndarray:
    """`log(p / (1 - p))`, of probabilities within [1e-6, 1 - 1e-6]."""
    q = np.clip(p, FLOOR, 1.0 - FLOOR)
    return np.asarray(np.log(q / (1.0 - q)))
