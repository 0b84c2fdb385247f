"""A model beside all others that were tried on its question: brought to common days, and tested together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.documents import json_ready
from bullbear.errors import HistoryError
from bullbear.evaluate.all_models import SuperiorAbility, least_rows, superior_ability
from bullbear.evaluate.overfitting import Overfitting, overfitting
from bullbear.evaluate.sample import Sample
from bullbear.evaluate.scores import losses
from bullbear.statistics.overlap import Array

COVERAGE = 0.9
"""Share of a model's resolved days that another must have forecast to be compared with it, by default."""
DISAGREE = 0.05
"""Share of common days on which outcomes may differ; corrections of bars change single ones, another market half."""
LEAST_MODELS = 8
"""Models below which the probability of backtest overfitting says too little."""


@dataclass(frozen=True)
class CommonDays:
    """Brier losses of several models and of the base rate on the days that all have forecast, oldest first.

    `losses` has shape `(n, k)`, the model in question first where it counts; `left_out` names those that forecast too
    few of its days, another market, or nothing that is left to read.
    """

    names: tuple[str, ...]
    left_out: tuple[str, ...]
    benchmark: Array
    losses: Array
    horizon: int


@dataclass(frozen=True)
class TriedModels:
    """What choosing among all models tried amounts to.

    `spa` is None where `n` common days are too few for it, `overfitting` where models or days are too few to say.
    """

    n: int
    models: tuple[str, ...]
    left_out: tuple[str, ...]
    spa: SuperiorAbility | None
    overfitting: Overfitting | None
    least_days: int
    """Common days without which there is no test."""

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        found: dict[str, Any] = json_ready(self)
        return found


def on_common_days(
    predictions: Predictions,
    others: Mapping[str, pd.DataFrame | None],
    *,
    name: str = "this model",
    coverage: float = COVERAGE,
    counts: bool = True,
) -> CommonDays:
    """Bring the forecasts of other models to the resolved days of one.

    Parameters
    ----------
    predictions
        Of one question and asset, as for `evaluate`; their outcomes and base rate are used.
    others
        By name, `p` and `y` indexed by `decided_at`; None where there are none to compare.
    coverage
        Share of the days that another must have forecast; else it is left out.
    counts
        Whether the model itself is among those compared, and not just the one whose days are taken.

    Raises
    ------
    InputError, HistoryError
        As `evaluate`.
    """
    rows = Sample.of(predictions)
    days = rows.decided_at
    y = pd.Series(rows.y, days)
    columns, left_out = {name: pd.Series(rows.p, days)}, []
    for each, frame in others.items():
        common = pd.DatetimeIndex([]) if frame is None else days.intersection(pd.DatetimeIndex(frame.index))
        enough = frame is not None and len(common) >= coverage * len(days)
        if frame is None or not enough or float((frame["y"][common] != y[common]).mean()) > DISAGREE:
            left_out.append(each)
        else:
            columns[each] = frame["p"]
    joined = pd.DataFrame(columns).reindex(days)
    known = joined.notna().all(axis=1).to_numpy()

    def lost_by(p: Array) -> Array:
        return losses(rows.y[known], p[known], "brier") if known.any() else np.empty(0)

    kept = [each for each in columns if each != name or counts]
    lost = [lost_by(joined[each].to_numpy()) for each in kept]
    par = lost_by(rows.climatology)
    table = np.column_stack(lost) if lost else np.empty((len(par), 0))
    return CommonDays(tuple(kept), tuple(left_out), par, table, rows.horizon)


def tried_models(days: CommonDays, *, least_models: int = LEAST_MODELS) -> TriedModels:
    """SPA and, of enough models and history, the probability of backtest overfitting.

    Several models that each miss a few days may have none in common.
    """
    n, least = len(days.benchmark), least_rows(days.horizon)
    spa = superior_ability(days.benchmark, days.losses, days.horizon) if n >= least else None
    found = None
    if spa is not None and len(days.names) >= max(2, least_models):
        try:
            found = overfitting(days.benchmark[:, None] - days.losses, horizon=days.horizon)
        except HistoryError:
            found = None
    return TriedModels(n, days.names, days.left_out, spa, found, least)
