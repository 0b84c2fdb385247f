"""Several forecasters against each other, on the sessions that all of them forecast.

A run that sat out a hard year must not look better for it, so every pair is judged on the rows common to all.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from bullbear.documents import json_ready
from bullbear.errors import InputError
from bullbear.evaluate.rows import require, resolved
from bullbear.evaluate.scores import Score, brier, losses
from bullbear.evaluate.significance import diebold_mariano
from bullbear.statistics.bootstrap import RESAMPLES, SEED, Interval, resample
from bullbear.statistics.proportions import LEVEL


@dataclass(frozen=True)
class Comparison:
    """Two forecasters on the rows that all have resolved; a gain above 0 says that `first` scored better."""

    first: str
    second: str
    n: int
    brier_first: float
    brier_second: float
    gain: float
    gain_low: float
    gain_high: float
    log_loss_gain: float
    log_loss_gain_low: float
    log_loss_gain_high: float
    dm_statistic: float
    dm_p_value: float

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON, what is not a finite number as None."""
        result: dict[str, Any] = json_ready(self)
        return result


def compare(
    frames: dict[str, pd.DataFrame],
    horizon: int,
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> list[Comparison]:
    """Every pair of forecasters on the sessions that all of them forecast and that have resolved.

    Parameters
    ----------
    frames
        Name to predictions frame, as for `evaluate`.
    horizon
        Sessions that a label spans.
    seed
        The same seed gives the same intervals.
    resamples
        Number of bootstrap resamples.
    level
        Confidence of the intervals, a fraction.

    Returns
    -------
    One comparison per pair, in the order of `frames`. The p-values are not adjusted for the number of pairs.

    Raises
    ------
    InputError
        Fewer than two frames, a malformed one, or outcomes that disagree on a common session.
    HistoryError
        Fewer than `4 * horizon` common resolved rows (at least 20).

    Example
    -------
    >>> days = pd.date_range("2020-01-01 21:00", periods=60, freq="D", tz="UTC")
    >>> frame = pd.DataFrame({"decided_at": days, "resolved_at": days + pd.Timedelta(days=2), "climatology": 0.6})
    >>> frame["y"] = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0] * 10
    >>> sharp = frame.assign(p=[0.7, 0.5, 0.7, 0.6, 0.4, 0.7] * 10)
    >>> pair = compare({"sharp": sharp, "flat": frame.assign(p=0.6)}, horizon=2, resamples=200)[0]
    >>> pair.first, pair.n, round(pair.gain, 4), pair.gain_low > 0
    ('sharp', 60, 0.0867, True)
    """
    if len(frames) < 2:
        raise InputError("frames", f"{len(frames)} run", "two or more", "name another run to compare with")
    rows = {name: resolved(frame, name).set_index("decided_at") for name, frame in frames.items()}
    shared = set.intersection(*(set(frame.index) for frame in rows.values()))
    common = pd.DatetimeIndex(sorted(shared))
    n = len(common)
    first = next(iter(rows))
    require(rows[first].loc[rows[first].index.isin(common)].reset_index(), horizon, "common sessions")
    y = rows[first].loc[common, "y"].to_numpy(dtype=np.float64)
    for name, frame in rows.items():
        if not np.array_equal(frame.loc[common, "y"].to_numpy(dtype=np.float64), y):
            raise InputError(name, f"outcomes unlike those of {first}", "the same target", "compare like with like")
    forecasts = {name: frame.loc[common, "p"].to_numpy(dtype=np.float64) for name, frame in rows.items()}
    draws = resample(n, horizon, resamples=resamples, seed=seed)

    def pair(a: str, b: str) -> Comparison:
        def gain(score: Score) -> Interval:
            with np.errstate(invalid="ignore"):  # certainties that failed in both: the gain is undetermined
                difference = losses(y, forecasts[b], score) - losses(y, forecasts[a], score)
            return draws.ratio(difference[:, None], lambda means: means[:, 0], level=level)

        squared, nats = gain("brier"), gain("log_loss")
        dm = diebold_mariano(y, forecasts[a], forecasts[b], horizon)
        return Comparison(
            first=a,
            second=b,
            n=n,
            brier_first=brier(y, forecasts[a]),
            brier_second=brier(y, forecasts[b]),
            gain=squared.estimate,
            gain_low=squared.low,
            gain_high=squared.high,
            log_loss_gain=nats.estimate,
            log_loss_gain_low=nats.low,
            log_loss_gain_high=nats.high,
            dm_statistic=dm.statistic,
            dm_p_value=dm.p_value,
        )

    return [pair(a, b) for a, b in combinations(forecasts, 2)]
