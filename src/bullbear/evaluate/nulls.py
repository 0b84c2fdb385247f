"""The AUC without skill, and the calibration error of true probabilities: these are not 0.5 and 0.

An expanding base rate moves against the outcomes (after many ups it stands high and fewer follow), so that its AUC over
a long span lies below one half although nothing is wrong with it. And the shares of ups in ten bins of a few dozen
independent months stray from the true probabilities by several points. Both figures mean something only beside these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit, ndtri

from bullbear.errors import HistoryError
from bullbear.evaluate.decomposition import equal_mass_bins
from bullbear.evaluate.scores import checked, weighted_auc
from bullbear.statistics.bootstrap import SEED
from bullbear.statistics.overlap import Rows
from bullbear.statistics.proportions import LEVEL

SHIFTS = 200
PATHS = 500


@dataclass(frozen=True)
class Null:
    """The mean of a figure under its null, and the ends of the range that holds `level` of its values."""

    mean: float
    low: float
    high: float


def auc_null(
    y: ArrayLike,
    p: ArrayLike,
    reference: ArrayLike,
    horizon: int,
    *,
    level: float = LEVEL,
    asset: ArrayLike | None = None,
) -> Null:
    """The AUC of a forecast that moves about the reference as `p` does, but at the wrong times.

    p*_t = sigma(logit(c_t) + s_{t+k}), s = logit(p) - logit(c), for evenly spaced shifts k around the circle

    A shift keeps the outcomes with their overlap, the base rate with its drift, and the persistence of the signal; it
    breaks only what links the signal to the outcomes. A forecast that is the base rate has its own AUC as its null.
    All NaN where only one outcome occurred.

    Parameters
    ----------
    horizon
        Sessions that a label spans; shifts by less than twice as many, either way, are left out.
    asset
        The asset of every row, where there are several: the signal of each is shifted by itself.

    Raises
    ------
    HistoryError
        An asset has fewer than `4 * horizon` rows.

    Example
    -------
    Ups are rarer after many ups: the base rate ranks the days the wrong way round, and so does its null.

    >>> y, c = [1] * 20 + [0] * 20, [0.5] * 20 + [0.6] * 20
    >>> auc_null(y, c, c, horizon=2).mean
    0.0
    """
    outcomes, forecast, benchmark = checked(y, p=p, reference=reference)
    assets = np.zeros(len(outcomes)) if asset is None else np.asarray(asset)
    rows = [np.flatnonzero(assets == each) for each in np.unique(assets)]
    n = min(len(each) for each in rows)
    if n < 4 * horizon:
        raise HistoryError("y", f"{n} rows", f"at least {4 * horizon}", "wait for more resolved forecasts")
    if outcomes.min() == outcomes.max():
        return Null(float("nan"), float("nan"), float("nan"))
    base = _logit(benchmark)
    signal = np.where(forecast == benchmark, 0.0, _logit(forecast) - base)
    one = np.ones((1, len(outcomes)))
    if not signal.any():
        own = float(weighted_auc(outcomes, forecast, one)[0])
        return Null(own, own, own)
    far = np.unique(np.linspace(2 * horizon, n - 2 * horizon, SHIFTS).astype(np.int64))
    values = np.empty(len(far))
    for place, k in enumerate(far):
        shifted = base.copy()
        for each in rows:
            shifted[each] += np.roll(signal[each], k)
        values[place] = weighted_auc(outcomes, shifted, one)[0]
    return _range(values, level)


def ece_null(
    p: ArrayLike,
    horizon: int,
    *,
    bins: int = 10,
    level: float = LEVEL,
    paths: int = PATHS,
    seed: int = SEED,
    session: Rows | None = None,
) -> Null:
    """The expected calibration error that true probabilities would show over as many overlapping labels.

    y*_t = 1{z_t < Phi^-1(p_t)}, z_t = (e_{t+1} + ... + e_{t+h}) / sqrt(h), e independent standard normal

    Each outcome has exactly its probability, and outcomes l < h rows apart share h - l of their shocks, as returns over
    overlapping months do.
    Several assets share their shocks, which is the widest null.

    Parameters
    ----------
    horizon
        Sessions that a label spans (h).
    session
        The session of every row, from 0, where a session has rows of several assets.

    Example
    -------
    >>> p = [0.5, 0.6, 0.7, 0.8] * 50
    >>> round(ece_null(p, horizon=1, bins=4).mean, 3), round(ece_null(p, horizon=20, bins=4).mean, 3)
    (0.052, 0.095)
    """
    (forecast,) = checked(np.zeros(len(np.asarray(p))), p=p)[1:]
    n = len(forecast)
    at = np.arange(n) if session is None else session
    which = equal_mass_bins(forecast, bins)
    member = np.zeros((n, int(which.max()) + 1))
    member[np.arange(n), which] = 1.0
    threshold = ndtri(forecast)
    rng = np.random.default_rng(seed)
    values = np.empty(paths)
    for path in range(paths):
        walk = np.concatenate([[0.0], np.cumsum(rng.standard_normal(int(at[-1]) + horizon))])
        up = ((walk[horizon:] - walk[:-horizon]) / np.sqrt(horizon))[at] < threshold
        values[path] = np.abs((forecast - up) @ member).sum() / n
    return _range(values, level)


def _range(values: np.ndarray, level: float) -> Null:
    low, high = np.quantile(values, [0.5 - level / 2.0, 0.5 + level / 2.0])
    return Null(float(values.mean()), float(low), float(high))


def _logit(p: np.ndarray) -> np.ndarray:
    # Certainties have no finite log-odds; they keep their rank next to every other probability.
    return np.asarray(logit(np.clip(p, 1e-12, 1.0 - 1e-12)), dtype=np.float64)
