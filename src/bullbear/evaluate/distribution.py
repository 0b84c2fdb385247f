"""The evaluation of forecast distributions: sharpness and calibration, against the climatological distribution.

The PIT (probability integral transform) of an outcome is the forecast's probability of a smaller one; the PITs of a
calibrated forecast are uniform. They are counted between the forecast's own levels, so that nothing is interpolated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from bullbear.documents import json_ready
from bullbear.errors import InputError
from bullbear.evaluate.distribution_scores import checked_quantiles, crps, pinball_losses
from bullbear.statistics.bootstrap import RESAMPLES, SEED, Interval, Resamples, resample
from bullbear.statistics.overlap import Array
from bullbear.statistics.proportions import LEVEL

BANDS = (0.5, 0.9)
PIT_BINS = 10
PATHS = 1000


@dataclass(frozen=True)
class QuantileScore:
    """The pinball loss of the quantile at `level`, climatology's, and the skill `1 - loss / climatology`."""

    level: float
    loss: float
    climatology: float
    skill: float
    skill_low: float
    skill_high: float


@dataclass(frozen=True)
class PitBin:
    """Of the outcomes, the `share` with a PIT between `low` and `high`; `high - low` is expected."""

    low: float
    high: float
    n: int
    share: float


@dataclass(frozen=True)
class UniformityTest:
    """The distance of a PIT histogram from uniform, and how often a calibrated forecast's is as far away."""

    statistic: float
    p_value: float


@dataclass(frozen=True)
class Coverage:
    """The share of the outcomes within the central band that should hold `nominal` of them, with its interval."""

    nominal: float
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class VolatilityScore:
    """R2 of forecast log volatility against its expanding mean, out of sample, with its interval."""

    n: int
    r2: float
    r2_low: float
    r2_high: float


@dataclass(frozen=True)
class DistributionEvaluation:
    """The scores of forecast distributions; `_low` and `_high` are the ends of `level` intervals.

    CRPS and pinball losses are in the unit of the outcomes. `pit_p_value` allows for overlap: see `uniformity`.
    """

    n: int
    horizon: int
    crps: float
    crps_climatology: float
    crps_skill: float
    crps_skill_low: float
    crps_skill_high: float
    quantiles: tuple[QuantileScore, ...]
    pit: tuple[PitBin, ...]
    pit_statistic: float
    pit_p_value: float
    coverage: tuple[Coverage, ...]
    volatility: VolatilityScore | None
    level: float
    mean_block: int
    resamples: int
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON, None where nothing is determined."""
        document: dict[str, Any] = json_ready(self)
        return document

    @classmethod
    def restore(cls, document: Mapping[str, Any]) -> DistributionEvaluation:
        """From `as_dict()`."""
        parts: dict[str, Any] = {
            "quantiles": tuple(QuantileScore(**_numbers(each)) for each in document["quantiles"]),
            "pit": tuple(PitBin(**_numbers(each)) for each in document["pit"]),
            "coverage": tuple(Coverage(**_numbers(each)) for each in document["coverage"]),
            "volatility": VolatilityScore(**_numbers(document["volatility"])) if document["volatility"] else None,
        }
        return cls(**{**_numbers(document), **parts})


def evaluate_distribution(
    y: ArrayLike,
    quantiles: ArrayLike,
    climatology: ArrayLike,
    levels: ArrayLike,
    *,
    horizon: int,
    volatility: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
    seed: int = SEED,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> DistributionEvaluation:
    """Score forecast distributions of consecutive sessions against the climatological distribution.

    Parameters
    ----------
    y
        Resolved outcomes in the order of time, one per session, shape `(n,)`.
    quantiles, climatology
        Forecast and climatological quantiles at `levels`, shape `(n, k)`; see `climatological_quantiles`.
    levels
        Fractions, shape `(k,)`. A band is scored if both of its ends are among them.
    horizon
        Sessions that an outcome spans.
    volatility
        Realised volatility, its forecast, and the expanding mean of its *logarithm*, each of shape `(n,)`.

    Raises
    ------
    InputError
        A value is missing, decreasing or of another shape, or a volatility is not positive.
    HistoryError
        Fewer than four horizons of rows (at least 8).

    Example
    -------
    >>> y = np.sin(np.arange(200.0))
    >>> sharp, wide = y[:, None] + [-0.1, 0.0, 0.1], np.tile([-0.7, 0.0, 0.7], (200, 1))
    >>> found = evaluate_distribution(y, sharp, wide, [0.25, 0.5, 0.75], horizon=1, resamples=100)
    >>> round(found.crps, 4), round(found.crps_skill, 2), found.coverage[0].share
    (0.0292, 0.93, 1.0)
    """
    outcomes, forecast, tau = checked_quantiles(y, quantiles, levels)
    _, reference, _ = checked_quantiles(y, climatology, levels)
    draws = resample(len(outcomes), horizon, resamples=resamples, seed=seed)
    scores, par = crps(outcomes, forecast, tau), crps(outcomes, reference, tau)
    losses, par_losses = pinball_losses(outcomes, forecast, tau), pinball_losses(outcomes, reference, tau)
    skill = _skill(scores, par, draws, level)
    skills = [_skill(losses[:, place], par_losses[:, place], draws, level) for place in range(len(tau))]
    histogram = pit_histogram(outcomes, forecast, tau)
    test = uniformity(histogram, horizon, seed=seed)
    return DistributionEvaluation(
        n=len(outcomes),
        horizon=horizon,
        crps=float(scores.mean()),
        crps_climatology=float(par.mean()),
        crps_skill=skill.estimate,
        crps_skill_low=skill.low,
        crps_skill_high=skill.high,
        quantiles=tuple(
            QuantileScore(
                float(tau[place]), float(losses[:, place].mean()), float(par_losses[:, place].mean()),
                each.estimate, each.low, each.high,
            )
            for place, each in enumerate(skills)
        ),
        pit=histogram,
        pit_statistic=test.statistic,
        pit_p_value=test.p_value,
        coverage=_coverage(outcomes, forecast, tau, draws, level),
        volatility=None if volatility is None else _volatility(volatility, draws, level),
        level=level,
        mean_block=draws.mean_block,
        resamples=resamples,
        seed=seed,
    )  # fmt: skip


def pit_histogram(y: ArrayLike, quantiles: ArrayLike, levels: ArrayLike, bins: int = PIT_BINS) -> tuple[PitBin, ...]:
    """Counts of the outcomes by PIT; the edges are the levels nearest to `bins` equal parts, each used once.

    References
    ----------
    Diebold, Gunther & Tay (1998), International Economic Review 39(4), doi:10.2307/2527342

    Example
    -------
    >>> [(each.high, each.n) for each in pit_histogram([-1.0, 0.5, 2.0], [[0.0, 1.0]] * 3, [0.25, 0.75])]
    [(0.25, 1), (0.75, 1), (1.0, 1)]
    """
    outcomes, forecast, tau = checked_quantiles(y, quantiles, levels)
    if bins < 2:
        raise InputError("bins", bins, "at least 2", "choose more")
    chosen = np.unique([int(np.abs(tau - part / bins).argmin()) for part in range(1, bins)])
    edges = np.concatenate([[0.0], tau[chosen], [1.0]])
    place = (outcomes[:, None] > forecast[:, chosen]).sum(axis=1)
    counts = np.bincount(place, minlength=len(edges) - 1)
    return tuple(
        PitBin(float(low), float(high), int(count), float(count / len(outcomes)))
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    )


def uniformity(histogram: tuple[PitBin, ...], horizon: int, *, paths: int = PATHS, seed: int = SEED) -> UniformityTest:
    """A test that the PITs are uniform, for daily forecasts of overlapping outcomes.

    X2 = sum (n_b - n w_b)^2 / (n w_b), with w_b the width of bin b, against its distribution under the PITs
    Phi(z_t), z_t = (e_{t+1} + ... + e_{t+h}) / sqrt(h), e independent standard normal, h = `horizon`

    The chi-squared distribution holds for independent PITs only. Those of a calibrated forecast over h sessions depend
    on each other over h - 1 lags, as the simulated ones do. `paths` sets of them give the p-value.

    Example
    -------
    >>> skewed = (PitBin(0.0, 0.5, 300, 0.6), PitBin(0.5, 1.0, 200, 0.4))
    >>> round(uniformity(skewed, 1).p_value, 2), round(uniformity(skewed, 21).p_value, 2)
    (0.0, 0.27)
    """
    n = sum(each.n for each in histogram)
    edges = tuple(each.high for each in histogram[:-1])
    counts = np.array([each.n for each in histogram], dtype=np.float64)
    statistic = float(_distance(counts[None], edges)[0])
    drawn = _null_distances(n, horizon, edges, paths, seed)
    return UniformityTest(statistic, float((1 + (drawn >= statistic).sum()) / (1 + paths)))


def _distance(counts: Array, edges: tuple[float, ...]) -> Array:
    expected = counts.sum(axis=1, keepdims=True) * np.diff([0.0, *edges, 1.0])
    return np.asarray(((counts - expected) ** 2 / expected).sum(axis=1))


@lru_cache(maxsize=16)
def _null_distances(n: int, horizon: int, edges: tuple[float, ...], paths: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    thresholds = ndtri(np.array(edges)) * np.sqrt(horizon)
    counts = np.empty((paths, len(edges) + 1))
    for path in range(paths):
        walk = np.concatenate([[0.0], np.cumsum(rng.standard_normal(n + horizon - 1))])
        counts[path] = np.bincount(
            np.searchsorted(thresholds, walk[horizon:] - walk[:-horizon]), minlength=len(edges) + 1
        )
    return _distance(counts, edges)


def _skill(loss: Array, par: Array, draws: Resamples, level: float) -> Interval:
    return draws.ratio(np.column_stack([loss, par]), lambda means: 1.0 - means[:, 0] / means[:, 1], level=level)


def _coverage(y: Array, quantiles: Array, levels: Array, draws: Resamples, level: float) -> tuple[Coverage, ...]:
    found = []
    for nominal in BANDS:
        ends = [np.flatnonzero(np.isclose(levels, 0.5 + side * nominal / 2.0)) for side in (-1, 1)]
        if all(len(each) for each in ends):
            low, high = (quantiles[:, each[0]] for each in ends)
            inside = ((low < y) & (y <= high)).astype(np.float64)
            interval = draws.ratio(inside[:, None], lambda means: means[:, 0], level=level)
            limits = np.clip([interval.low, interval.high], 0.0, 1.0)
            found.append(Coverage(nominal, interval.estimate, float(limits[0]), float(limits[1])))
    return tuple(found)


def _volatility(rows: tuple[ArrayLike, ArrayLike, ArrayLike], draws: Resamples, level: float) -> VolatilityScore:
    realised, forecast, mean_log = (np.asarray(each, dtype=np.float64) for each in rows)
    for name, values, least in (("realised", realised, 0.0), ("forecast", forecast, 0.0), ("mean", mean_log, -np.inf)):
        draws.require(len(values))
        wrong = ~(np.isfinite(values) & (values > least))
        if wrong.any():
            row = int(wrong.argmax())
            where = f"volatility, {name}[{row}]"
            raise InputError(where, float(values[row]), "a finite volatility above 0", "drop rows without one")
    actual = np.log(realised)
    interval = _skill((actual - np.log(forecast)) ** 2, (actual - mean_log) ** 2, draws, level)
    return VolatilityScore(len(actual), interval.estimate, interval.low, interval.high)


def _numbers(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: float("nan") if value is None else value for name, value in document.items()}
