"""Several forecasters against each other, on the sessions and assets that all of them forecast.

Every pair is scored on the rows common to all, so that a run does not look better for missing a hard year.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.documents import json_ready
from bullbear.errors import InputError
from bullbear.evaluate.sample import Sample
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
    forecasts: dict[str, Predictions], *, seed: int = SEED, resamples: int = RESAMPLES, level: float = LEVEL
) -> list[Comparison]:
    """Every pair of forecasters on the common resolved rows, in order; p-values are not adjusted for their number.

    Raises
    ------
    InputError
        Fewer than two forecasters, different questions or horizons, or outcomes that disagree on a common row.
    HistoryError
        Fewer than four horizons of common resolved sessions (at least 20).

    Example
    -------
    >>> days = pd.date_range("2020-01-01 21:00", periods=60, freq="D", tz="UTC")
    >>> given = dict(decided_at=days, resolved_at=days + pd.Timedelta(days=2), asset="IWM", horizon=2)
    >>> given |= dict(climatology=0.6, y=[1.0, 0.0, 1.0, 1.0, 0.0, 1.0] * 10)
    >>> sharp = Predictions.of(**given, p=[0.7, 0.5, 0.7, 0.6, 0.4, 0.7] * 10)
    >>> pair = compare({"sharp": sharp, "flat": Predictions.of(**given, p=0.6)}, resamples=200)[0]
    >>> pair.first, pair.n, round(pair.gain, 4), pair.gain_low > 0
    ('sharp', 60, 0.0867, True)
    """
    if len(forecasts) < 2:
        raise InputError("RUN RUN ...", f"{len(forecasts)} run", "two or more", "name another run to compare with")
    first, *others = forecasts
    keys = {name: _keys(each.resolved()) for name, each in forecasts.items()}
    shared = keys[first]
    for name in others:
        shared = shared.intersection(keys[name])
    samples = {}
    for name, each in forecasts.items():
        samples[name] = Sample.of(each.where(_keys(each).isin(shared)), "common sessions")
    base = samples[first]
    for name, sample in samples.items():
        if (sample.question, sample.horizon) != (base.question, base.horizon):
            raise InputError(
                name, f"{sample.question} over {sample.horizon}", f"the question of {first}", "compare alike"
            )
        if not np.array_equal(sample.y, base.y):
            raise InputError(name, f"outcomes unlike those of {first}", "the same target", "compare like with like")
    draws = resample(base.n_sessions, base.horizon, resamples=resamples, seed=seed, session=base.session)

    def pair(a: str, b: str) -> Comparison:
        one, other = samples[a].p, samples[b].p

        def gain(score: Score) -> Interval:
            with np.errstate(invalid="ignore"):  # certainties that failed in both: the gain is undetermined
                difference = losses(base.y, other, score) - losses(base.y, one, score)
            return draws.ratio(difference[:, None], lambda means: means[:, 0], level=level)

        squared, nats = gain("brier"), gain("log_loss")
        dm = diebold_mariano(base.y, one, other, base.horizon, session=base.session)
        return Comparison(
            first=a,
            second=b,
            n=len(base.y),
            brier_first=brier(base.y, one),
            brier_second=brier(base.y, other),
            gain=squared.estimate,
            gain_low=squared.low,
            gain_high=squared.high,
            log_loss_gain=nats.estimate,
            log_loss_gain_low=nats.low,
            log_loss_gain_high=nats.high,
            dm_statistic=dm.statistic,
            dm_p_value=dm.p_value,
        )

    return [pair(a, b) for a, b in combinations(samples, 2)]


def _keys(predictions: Predictions) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(predictions.table[["decided_at", "asset"]])
