"""The evaluation of out-of-sample forecasts: scores, intervals, tests and calibration of one question and member.

Only resolved rows are scored, and how many were left out is part of the result. Intervals cover 90 % by default.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear.dataset.predictions import Predictions
from bullbear.documents import json_ready
from bullbear.evaluate.bootstrap import auc_interval, skill_interval
from bullbear.evaluate.decomposition import decompose
from bullbear.evaluate.nulls import auc_null, ece_null
from bullbear.evaluate.reliability import CalibrationBin, calibration_line, calibration_table, ece
from bullbear.evaluate.sample import Sample
from bullbear.evaluate.scores import Score, brier, log_loss, losses
from bullbear.evaluate.significance import clark_west, diebold_mariano
from bullbear.statistics.bootstrap import RESAMPLES, SEED, resample
from bullbear.statistics.long_run import effective_number, session_means
from bullbear.statistics.proportions import LEVEL


@dataclass(frozen=True)
class Part:
    """The scores of a part of the rows, named by `label`; skills are NaN where climatology was perfect."""

    label: str
    n: int
    bss: float
    log_loss_skill: float
    share_up: float
    mean_p: float


@dataclass(frozen=True)
class Evaluation:
    """The scores of the resolved forecasts against climatology; `_low` and `_high` are ends of `level` intervals.

    `n` counts rows; `n_effective` independent observations among the `n_sessions` sessions: several assets on one
    session count once, since they move together. A number that the data do not determine is NaN here and null in
    `as_dict`. `dm_*` is the two-sided Diebold-Mariano test of the Brier score (positive: better than climatology),
    `cw_*` Clark and West's one-sided test. `auc_null` is the AUC that the forecast would have without skill, `ece_null`
    the calibration error that true probabilities would show on as many days (see `nulls`); `_low` and `_high` are the
    range of `level` of their values.
    """

    question: str
    member: str
    n: int
    n_sessions: int
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
    by_year: tuple[Part, ...]
    by_period: tuple[Part, ...]
    by_asset: tuple[Part, ...]
    calibration: tuple[CalibrationBin, ...]
    level: float
    mean_block: int
    resamples: int
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON: instants in ISO form, None where nothing is determined; years are numbers."""
        result: dict[str, Any] = json_ready(self)
        for name, label in (("by_year", "year"), ("by_period", "period"), ("by_asset", "asset")):
            result[name] = [{label: row.pop("label"), **row} for row in result[name]]
        for row in result["by_year"]:
            row["year"] = int(row["year"])
        return result


@dataclass(frozen=True)
class PathScores:
    """The scores of every path of a combinatorial splitter, and their spread.

    Every path scores the same sessions with other training sets, so the spread tells how much the result depends on
    what was trained on, not how uncertain it is: that is the interval of each path.
    """

    question: str
    member: str
    horizon: int
    paths: tuple[Part, ...]
    bss_mean: float
    bss_deviation: float
    bss_lowest: float
    bss_highest: float
    log_loss_skill_mean: float
    log_loss_skill_deviation: float
    log_loss_skill_lowest: float
    log_loss_skill_highest: float

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON, None where nothing is determined."""
        result: dict[str, Any] = json_ready(self)
        result["paths"] = [{"path": int(row.pop("label")), **row} for row in result["paths"]]
        return result


def evaluate(
    predictions: Predictions, *, seed: int = SEED, resamples: int = RESAMPLES, level: float = LEVEL
) -> Evaluation:
    """Score the resolved forecasts of one question, horizon, member and path against climatology.

    Parameters
    ----------
    predictions
        Of one or several assets, with `climatology`; select one question, member and path first.

    Raises
    ------
    InputError
        Questions, horizons, members or paths are mixed, a resolved row lacks its base rate, or labels overlap over
        clearly more sessions than the horizon.
    HistoryError
        Fewer than four horizons of resolved sessions (at least 20).

    Example
    -------
    >>> days = pd.date_range("2020-01-01 21:00", periods=60, freq="D", tz="UTC")
    >>> p, y = [0.7, 0.5, 0.7, 0.6, 0.4, 0.7] * 10, [1.0, 0.0, 1.0, 1.0, 0.0, 1.0] * 10
    >>> due = days + pd.Timedelta(days=2)
    >>> made = Predictions.of(decided_at=days, resolved_at=due, asset="IWM", horizon=2, climatology=0.6, p=p, y=y)
    >>> result = evaluate(made, resamples=200)
    >>> result.n, round(result.n_effective, 1), round(result.brier, 4), round(result.bss, 4)
    (60, 36.2, 0.14, 0.3824)
    """
    rows = Sample.of(predictions)
    y, p, climatology, horizon, session = rows.y, rows.p, rows.climatology, rows.horizon, rows.session
    draws = resample(rows.n_sessions, horizon, resamples=resamples, seed=seed, session=session)
    brier_skill = skill_interval(y, p, climatology, draws, level=level)
    log_skill = skill_interval(y, p, climatology, draws, score="log_loss", level=level)
    area = auc_interval(y, p, draws, level=level)
    unskilled = auc_null(y, p, climatology, horizon, level=level, asset=rows.asset)
    calibrated = ece_null(p, horizon, level=level, seed=seed, session=session)
    parts = decompose(y, p)
    line = calibration_line(y, p)
    dm = diebold_mariano(y, p, climatology, horizon, session=session)
    cw = clark_west(y, p, climatology, horizon, session=session)
    gain = session_means(losses(y, climatology, "brier") - losses(y, p, "brier"), session)
    n_effective = effective_number(rows.n_sessions, horizon, gain)
    year = rows.decided_at.year.to_numpy()
    five = year // 5 * 5
    return Evaluation(
        question=rows.question,
        member=rows.member,
        n=len(y),
        n_sessions=rows.n_sessions,
        n_unresolved=len(predictions) - len(y),
        n_effective=n_effective,
        horizon=horizon,
        first=rows.decided_at[0],
        last=rows.decided_at[-1],
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
        by_year=_parts(rows, year),
        by_period=_parts(rows, np.array([f"{first}-{first + 4}" for first in five])),
        by_asset=_parts(rows, rows.asset),
        calibration=tuple(calibration_table(y, p, n_effective=n_effective, level=level)),
        level=level,
        mean_block=draws.mean_block,
        resamples=resamples,
        seed=seed,
    )


def evaluate_each(
    predictions: Predictions, *, seed: int = SEED, resamples: int = RESAMPLES, level: float = LEVEL
) -> list[Evaluation]:
    """One evaluation for every question, horizon and member of a walk-forward (path 0), in that order."""
    return [evaluate(part, seed=seed, resamples=resamples, level=level) for part in _each(predictions)]


def path_scores(predictions: Predictions) -> PathScores:
    """The scores of every path of one question, horizon and member; errors are those of `evaluate`."""
    numbers = [int(path) for path in np.unique(predictions.table["path"])]
    samples = [Sample.of(predictions.select(path=path), f"predictions of path {path}") for path in numbers]
    scored = zip(numbers, samples, strict=True)
    parts = tuple(_part(str(path), rows, np.ones(len(rows.y), dtype=bool)) for path, rows in scored)
    spread = {}
    for name in ("bss", "log_loss_skill"):
        skills = np.array([getattr(part, name) for part in parts])
        spread[f"{name}_mean"] = float(skills.mean())
        spread[f"{name}_deviation"] = float(skills.std(ddof=1)) if len(skills) > 1 else float("nan")
        spread[f"{name}_lowest"] = float(skills.min())
        spread[f"{name}_highest"] = float(skills.max())
    first = samples[0]
    return PathScores(question=first.question, member=first.member, horizon=first.horizon, paths=parts, **spread)


def _each(predictions: Predictions) -> Iterable[Predictions]:
    walked = predictions.select(path=0)
    columns = ["question", "horizon", "member"]
    found = walked.table[columns].drop_duplicates().sort_values(columns)
    for question, horizon, member in found.itertuples(index=False):
        yield walked.select(question=question, horizon=horizon, member=member)


def _parts(rows: Sample, key: NDArray[Any]) -> tuple[Part, ...]:
    return tuple(_part(str(value), rows, key == value) for value in np.unique(key))


def _part(label: str, rows: Sample, inside: NDArray[np.bool_]) -> Part:
    y, p, climatology = rows.y[inside], rows.p[inside], rows.climatology[inside]
    return Part(
        label=label,
        n=len(y),
        bss=_skill(y, p, climatology, "brier"),
        log_loss_skill=_skill(y, p, climatology, "log_loss"),
        share_up=float(y.mean()),
        mean_p=float(p.mean()),
    )


def _skill(y: NDArray[np.float64], p: NDArray[np.float64], reference: NDArray[np.float64], score: Score) -> float:
    par = float(losses(y, reference, score).mean())
    return 1.0 - float(losses(y, p, score).mean()) / par if 0.0 < par < np.inf else float("nan")
