"""One honest page about a set of out-of-sample forecasts.

Only resolved rows are scored, and how many were left out is part of the result. Intervals cover 90 % by default. The
rows must stand one per session in order: every interval and test leans on that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear.documents import json_ready
from bullbear.evaluate.bootstrap import auc_interval, skill_interval
from bullbear.evaluate.decomposition import decompose
from bullbear.evaluate.nulls import auc_null, ece_null
from bullbear.evaluate.reliability import CalibrationBin, calibration_line, calibration_table, ece
from bullbear.evaluate.rows import require, resolved
from bullbear.evaluate.scores import Floats, Score, brier, log_loss, losses
from bullbear.evaluate.significance import clark_west, diebold_mariano
from bullbear.statistics.bootstrap import RESAMPLES, SEED, resample
from bullbear.statistics.long_run import effective_number
from bullbear.statistics.proportions import LEVEL


@dataclass(frozen=True)
class Span:
    """The scores of a calendar year or of a block of five; skills are NaN where climatology was perfect."""

    first_year: int
    last_year: int
    n: int
    bss: float
    log_loss_skill: float
    share_up: float
    mean_p: float


@dataclass(frozen=True)
class Evaluation:
    """What the resolved forecasts were worth against climatology; `_low` and `_high` are ends of `level` intervals.

    A number that the data do not determine is NaN here and null in `as_dict`. `dm_*` is the two-sided Diebold-Mariano
    test of the Brier score (positive: better than climatology), `cw_*` Clark and West's one-sided test. `auc_null` is
    the AUC that the forecast would have without skill, `ece_null` the calibration error that true
    probabilities would show on as many days (see `nulls`); `_low` and `_high` are the range of `level` of their values.
    """

    n: int
    n_unresolved: int
    n_effective: float
    horizon: int
    first: pd.Timestamp
    last: pd.Timestamp
    share_up: float
    mean_p: float
    brier: float
    brier_climatology: float
    bss: float
    bss_low: float
    bss_high: float
    log_loss: float
    log_loss_climatology: float
    log_loss_skill: float
    log_loss_skill_low: float
    log_loss_skill_high: float
    auc: float
    auc_low: float
    auc_high: float
    auc_null: float
    auc_null_low: float
    auc_null_high: float
    ece: float
    ece_null: float
    ece_null_low: float
    ece_null_high: float
    reliability: float
    resolution: float
    uncertainty: float
    calibration_slope: float
    calibration_intercept: float
    dm_statistic: float
    dm_p_value: float
    cw_statistic: float
    cw_p_value: float
    by_year: tuple[Span, ...]
    by_period: tuple[Span, ...]
    calibration: tuple[CalibrationBin, ...]
    level: float
    mean_block: int
    resamples: int
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON: instants in ISO form, what is not a finite number as None; a year's entry has `year`."""
        result: dict[str, Any] = json_ready(self)
        result["by_year"] = [{"year": row.pop("first_year"), **row} for row in result["by_year"]]
        for row in result["by_year"]:
            del row["last_year"]
        result["by_period"] = [
            {"period": f"{row.pop('first_year')}-{row.pop('last_year')}", **row} for row in result["by_period"]
        ]
        return result


def evaluate(
    predictions: pd.DataFrame, horizon: int, *, seed: int = SEED, resamples: int = RESAMPLES, level: float = LEVEL
) -> Evaluation:
    """Score the resolved forecasts of a frame against climatology, with intervals and tests that know of overlap.

    Parameters
    ----------
    predictions
        Columns `decided_at`, `resolved_at` (instants), `p`, `climatology` (fractions) and `y` (0, 1, or NaN while
        unresolved); one row per session, sorted by `decided_at`. Others are ignored.
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
    The evaluation; rows without `y` are left out and counted in `n_unresolved`.

    Raises
    ------
    InputError
        A column is missing, a resolved row lacks a probability, rows are unsorted or doubled, or the labels overlap
        over clearly more rows than `horizon`.
    HistoryError
        Fewer than `4 * horizon` resolved rows (at least 20).

    Example
    -------
    >>> days = pd.date_range("2020-01-01 21:00", periods=60, freq="D", tz="UTC")
    >>> frame = pd.DataFrame({"decided_at": days, "resolved_at": days + pd.Timedelta(days=2), "climatology": 0.6})
    >>> frame["y"] = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0] * 10
    >>> frame["p"] = [0.7, 0.5, 0.7, 0.6, 0.4, 0.7] * 10
    >>> result = evaluate(frame, horizon=2, resamples=200)
    >>> result.n, round(result.n_effective, 1), round(result.brier, 4), round(result.bss, 4)
    (60, 36.2, 0.14, 0.3824)
    """
    rows = resolved(predictions, "predictions")
    require(rows, horizon, "predictions")
    n = len(rows)
    y, p, climatology = (rows[name].to_numpy(dtype=np.float64) for name in ("y", "p", "climatology"))
    draws = resample(n, horizon, resamples=resamples, seed=seed)
    brier_skill = skill_interval(y, p, climatology, draws, level=level)
    log_skill = skill_interval(y, p, climatology, draws, score="log_loss", level=level)
    area = auc_interval(y, p, draws, level=level)
    unskilled = auc_null(y, p, climatology, horizon, level=level)
    calibrated = ece_null(p, horizon, level=level, seed=seed)
    parts = decompose(y, p)
    line = calibration_line(y, p)
    dm = diebold_mariano(y, p, climatology, horizon)
    cw = clark_west(y, p, climatology, horizon)
    n_effective = effective_number(n, horizon, losses(y, climatology, "brier") - losses(y, p, "brier"))
    year = rows["decided_at"].dt.year.to_numpy()
    return Evaluation(
        n=n,
        n_unresolved=len(predictions) - n,
        n_effective=n_effective,
        horizon=horizon,
        first=rows["decided_at"].iloc[0],
        last=rows["decided_at"].iloc[-1],
        share_up=float(y.mean()),
        mean_p=float(p.mean()),
        brier=brier(y, p),
        brier_climatology=brier(y, climatology),
        bss=brier_skill.estimate,
        bss_low=brier_skill.low,
        bss_high=brier_skill.high,
        log_loss=log_loss(y, p),
        log_loss_climatology=log_loss(y, climatology),
        log_loss_skill=log_skill.estimate,
        log_loss_skill_low=log_skill.low,
        log_loss_skill_high=log_skill.high,
        auc=area.estimate,
        auc_low=area.low,
        auc_high=area.high,
        auc_null=unskilled.mean,
        auc_null_low=unskilled.low,
        auc_null_high=unskilled.high,
        ece=ece(y, p),
        ece_null=calibrated.mean,
        ece_null_low=calibrated.low,
        ece_null_high=calibrated.high,
        reliability=parts.reliability,
        resolution=parts.resolution,
        uncertainty=parts.uncertainty,
        calibration_slope=line.slope,
        calibration_intercept=line.intercept,
        dm_statistic=dm.statistic,
        dm_p_value=dm.p_value,
        cw_statistic=cw.statistic,
        cw_p_value=cw.p_value,
        by_year=_spans(y, p, climatology, year, 1),
        by_period=_spans(y, p, climatology, year, 5),
        calibration=tuple(calibration_table(y, p, n_effective=n_effective, level=level)),
        level=level,
        mean_block=draws.mean_block,
        resamples=resamples,
        seed=seed,
    )


def _spans(y: Floats, p: Floats, climatology: Floats, year: NDArray[np.int64], length: int) -> tuple[Span, ...]:
    """Scores by blocks of `length` calendar years that start at multiples of it; blocks without rows do not appear."""
    block = year // length * length
    spans = []
    for start in np.unique(block):
        inside = block == start
        outcomes, forecast, benchmark = y[inside], p[inside], climatology[inside]
        spans.append(
            Span(
                first_year=int(start),
                last_year=int(start) + length - 1,
                n=int(inside.sum()),
                bss=_skill(outcomes, forecast, benchmark, "brier"),
                log_loss_skill=_skill(outcomes, forecast, benchmark, "log_loss"),
                share_up=float(outcomes.mean()),
                mean_p=float(forecast.mean()),
            )
        )
    return tuple(spans)


def _skill(y: Floats, p: Floats, reference: Floats, score: Score) -> float:
    par = float(losses(y, reference, score).mean())
    return 1.0 - float(losses(y, p, score).mean()) / par if 0.0 < par < np.inf else float("nan")
