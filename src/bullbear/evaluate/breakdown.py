"""Where the skill comes from: by year, by half, without the best year, and by the state of the market at the decision.

Intervals resample the whole history, in blocks, and score what falls into a part, so that parts are comparable. A part
of one year holds a dozen independent months: its interval is wide, and twenty of them hold some that exclude zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bullbear.dataset.predictions import Predictions
from bullbear.errors import InputError
from bullbear.evaluate.sample import Sample
from bullbear.evaluate.scores import Score, losses
from bullbear.statistics.bootstrap import RESAMPLES, SEED, Resamples, resample
from bullbear.statistics.proportions import LEVEL

TERCILES = ("low", "middle", "high")
SCORES: tuple[Score, ...] = ("brier", "log_loss")


@dataclass(frozen=True)
class Slice:
    """The skill of the forecasts of one part, named by `label`, with its interval; NaN where it is undetermined."""

    label: str
    n: int
    share_up: float
    mean_p: float
    bss: float
    bss_low: float
    bss_high: float
    log_loss_skill: float
    log_loss_skill_low: float
    log_loss_skill_high: float


def breakdown(
    predictions: Predictions,
    states: Mapping[str, pd.Series] | None = None,
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[str, tuple[Slice, ...]]:
    """The skill of one question's forecasts by `year`, by `half`, `without_best_year`, and by each of `states`.

    The best year is the one that adds most to the Brier gain, known in hindsight only: what is left without it is a
    lower estimate than any honest one.

    Parameters
    ----------
    predictions
        As for `evaluate`.
    states
        By name, the state known at each decision, indexed by `decided_at`; texts, or numbers that are cut into terciles
        of the whole sample. A decision whose state is missing is in no part.

    Raises
    ------
    InputError, HistoryError
        As `evaluate`.

    Example
    -------
    >>> days = pd.date_range("2020-07-01 21:00", periods=400, freq="D", tz="UTC")
    >>> y = np.tile([1.0, 0.0, 1.0, 1.0], 100)
    >>> made = Predictions.of(decided_at=days, resolved_at=days + pd.Timedelta(days=1), asset="IWM", horizon=1,
    ...                       climatology=0.6, p=np.where(days.year == 2020, 0.5 + 0.2 * y, 0.6), y=y)
    >>> found = breakdown(made, {"width": pd.Series(np.arange(400.0), days)}, resamples=100)
    >>> [(part.label, part.n) for part in found["width"]]
    [('low', 134), ('middle', 133), ('high', 133)]
    >>> (rest,) = found["without_best_year"]
    >>> rest.label, rest.bss, found["year"][0].bss > 0.3
    ('2020', 0.0, True)
    """
    rows = Sample.of(predictions)
    draws = resample(rows.n_sessions, rows.horizon, resamples=resamples, seed=seed, session=rows.session)
    year = rows.decided_at.year.to_numpy()
    session = np.arange(len(rows.y)) if rows.session is None else rows.session
    keys: dict[str, NDArray[np.object_]] = {
        "year": year.astype(str).astype(object),
        "half": np.where(session < (rows.n_sessions + 1) // 2, "first", "second").astype(object),
    }
    order: dict[str, tuple[str, ...]] = {"half": ("first", "second")}
    for name, state in (states or {}).items():
        at = state.reindex(rows.decided_at)
        numeric = pd.api.types.is_numeric_dtype(at)
        keys[name] = terciles(at.to_numpy(dtype=np.float64)) if numeric else at.to_numpy(dtype=object)
        order[name] = TERCILES if numeric else tuple(sorted({str(each) for each in at.dropna()}))
    found = {name: _slices(rows, key, draws, level, order.get(name)) for name, key in keys.items()}
    gain = losses(rows.y, rows.climatology, "brier") - losses(rows.y, rows.p, "brier")
    best = max(np.unique(year), key=lambda each: float(gain[year == each].sum()))
    rest = np.full(len(year), str(best), dtype=object)
    rest[year == best] = None
    found["without_best_year"] = _slices(rows, rest, draws, level, None)
    return found


def skill_by(
    predictions: Predictions,
    state: pd.Series,
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> tuple[Slice, ...]:
    """The skill of one question's forecasts by a single state, a text indexed by `decided_at`; see `breakdown`."""
    rows = Sample.of(predictions)
    draws = resample(rows.n_sessions, rows.horizon, resamples=resamples, seed=seed, session=rows.session)
    return _slices(rows, state.reindex(rows.decided_at).to_numpy(dtype=object), draws, level, None)


def terciles(x: ArrayLike) -> NDArray[np.object_]:
    """`low`, `middle` or `high` by the terciles of all known values; None where the value is missing.

    Example
    -------
    >>> terciles([3.0, 1.0, np.nan, 2.0]).tolist()
    ['high', 'low', None, 'middle']
    """
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 1:
        raise InputError("x", f"shape {values.shape}", "a one-dimensional array", "give one value per decision")
    known = ~np.isnan(values)
    cut = np.full(len(values), None, dtype=object)
    if known.any():
        ends = np.quantile(values[known], [1 / 3, 2 / 3])
        cut[known] = np.array(TERCILES, dtype=object)[np.searchsorted(ends, values[known], side="left")]
    return cut


def _slices(
    rows: Sample, key: NDArray[np.object_], draws: Resamples, level: float, order: tuple[str, ...] | None
) -> tuple[Slice, ...]:
    present = {str(each) for each in key if not pd.isna(each)}
    labels = sorted(present) if order is None else [label for label in order if label in present]
    inside = [key == label for label in labels]
    brier, log_loss = (_skills(rows, inside, score, draws, level) for score in SCORES)
    return tuple(
        Slice(label, int(part.sum()), float(rows.y[part].mean()), float(rows.p[part].mean()), *of_brier, *of_log_loss)
        for label, part, of_brier, of_log_loss in zip(labels, inside, brier, log_loss, strict=True)
    )


def _skills(
    rows: Sample, inside: list[NDArray[np.bool_]], score: Score, draws: Resamples, level: float
) -> list[tuple[float, float, float]]:
    """Skill and interval of each part."""
    if not inside:
        return []
    par, lost = losses(rows.y, rows.climatology, score), losses(rows.y, rows.p, score)
    found = []
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = draws.means(np.column_stack([np.where(part, loss, 0.0) for part in inside for loss in (lost, par)]))
        for number, part in enumerate(inside):
            skill = float(1.0 - lost[part].mean() / par[part].mean())
            values = 1.0 - drawn[:, 2 * number] / drawn[:, 2 * number + 1]
            # A resample may hold no row of a short part.
            with_rows = values[~np.isnan(values)]
            interval = draws.interval(skill, with_rows if len(with_rows) > len(values) // 2 else values, level=level)
            found.append((skill if np.isfinite(skill) else float("nan"), interval.low, interval.high))
    return found
