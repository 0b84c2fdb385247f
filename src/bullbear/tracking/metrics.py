"""The metrics of a training: what the run list shows, and the curves by month and by year.

The score by which trainings are compared has short names (`bss`, `bss_low`, `bss_high`, `log_loss_skill`), which sort
before the groups (`skill/auc`). A point of a curve carries the end of its month as its time and the months since
January 1970 as its step, so that the curves of all runs share both axes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.evaluate import Evaluation, PathScores
from bullbear.evaluate.cumulative import cumulative_skill
from bullbear.forecasting.belief import Belief
from bullbear.learn import FoldModel

Point = tuple[str, float, int, int]
"""Name, value, step, and time in milliseconds since 1970 (0 where it has none)."""
_SHOWN = ("bss", "bss_low", "bss_high", "log_loss_skill")
_CURVES = {"cumulative/bss": "brier", "cumulative/log_loss_skill": "log_loss"}


def metrics_of(found: Evaluation | PathScores, predictions: Predictions) -> list[Point]:
    """The scores of one question, and the curves of a walk-forward: by year, and cumulative by month."""
    if isinstance(found, PathScores):
        return [*plain(_by_path(found)), *_points(_each_path(found))]
    curves = {name: cumulative_skill(predictions, score) for name, score in _CURVES.items()}  # type: ignore[arg-type]
    return [
        *plain(_scores(found)),
        *_points(
            (f"yearly/{name}", value, int(span.label), _millis(pd.Timestamp(f"{span.label}-12-31", tz="UTC")))
            for span in found.by_year
            for name, value in (("bss", span.bss), ("log_loss_skill", span.log_loss_skill))
        ),
        *(point for name, curve in curves.items() for point in by_month(name, curve)),
    ]


def by_month(name: str, series: pd.Series) -> list[Point]:
    """The last value of each month, as points.

    Parameters
    ----------
    series
        By UTC instants, in order.
    """
    if series.empty:
        return []
    month = pd.PeriodIndex(pd.DatetimeIndex(series.index).tz_localize(None), freq="M")
    last = series.groupby(month).last()
    months = pd.PeriodIndex(last.index)
    ends = months.to_timestamp(how="end").normalize().tz_localize("UTC")
    rows = zip(last, months, ends, strict=True)
    return _points((name, value, period.ordinal, _millis(end)) for value, period, end in rows)


def weights_by_month(models: Sequence[FoldModel]) -> list[Point]:
    """The weight of each member from the close at which it was fitted, as points; of a single member none.

    Of a mixture the rest is the base rate's, `weight/base rate`.
    """
    if not models or len(models[-1].members) < 2:
        return []
    table = pd.DataFrame(
        [dict(zip((member.name for member in each.members), each.weights, strict=True)) for each in models],
        index=pd.DatetimeIndex([each.trained_through for each in models]),
    )
    if models[-1].mixes:
        table["base rate"] = 1.0 - table.sum(axis="columns")
    return [point for name, weights in table.items() for point in by_month(f"weight/{name}", weights)]


def belief_points(belief: Belief | None) -> list[Point]:
    """How far the signal was believed from each fit on, its own skill, and the share of base rates in the forecasts."""
    if belief is None:
        return []
    alone = len(belief.raw) == 1
    raw = {
        f"signal/raw_{score}" + ("" if alone else f"/{name}"): value
        for name, skills in belief.raw.items()
        for score, value in skills.items()
    }
    same = {"signal/same_as_base_rate": belief.same / belief.n} if belief.n else {}
    return [*by_month("signal/a", belief.series()), *plain({**raw, **same})]


def plain(values: Mapping[str, float]) -> list[Point]:
    """Single figures as points."""
    return _points((name, value, 0, 0) for name, value in values.items())


def _points(rows: Iterable[Point]) -> list[Point]:
    # MLflow plots NaN as a gap at best and fails at worst; an undetermined number is simply not logged.
    return [(name, float(value), step, time) for name, value, step, time in rows if np.isfinite(value)]


def _millis(instant: pd.Timestamp) -> int:
    return round(instant.timestamp() * 1000)


def _scores(found: Evaluation) -> dict[str, float]:
    shown = {name: getattr(found, name) for name in _SHOWN}
    return {
        **shown,
        **{f"skill/{name}": value for name, value in shown.items()},  # as they were called at first
        "skill/auc": found.auc,
        "skill/auc_null": found.auc_null,
        "score/brier": found.brier,
        "score/brier_climatology": found.brier_climatology,
        "score/log_loss": found.log_loss,
        "reliability/ece": found.ece,
        "reliability/ece_null": found.ece_null,
        "reliability/slope": found.calibration_slope,
        "size/n": found.n,
        "size/n_effective": found.n_effective,
    }


def _by_path(found: PathScores) -> dict[str, float]:
    """The mean over the paths under the names that a walk-forward has, and the range."""
    named = {
        f"{skill}{end}": getattr(found, f"{skill}_{name}")
        for skill in ("bss", "log_loss_skill")
        for name, end in (("mean", ""), ("deviation", "_deviation"), ("lowest", "_lowest"), ("highest", "_highest"))
    }
    shown = {name: named[name] for name in ("bss", "log_loss_skill")}
    return {**shown, **{f"skill/{name}": value for name, value in named.items()}}


def _each_path(found: PathScores) -> Iterable[Point]:
    return (
        (f"path/{name}", value, number, 0)
        for number, part in enumerate(found.paths)
        for name, value in (("bss", part.bss), ("log_loss_skill", part.log_loss_skill))
    )
