"""How far a learner is believed: the weight of its signal by fit, the signal's own skill, and what is left of it.

    logit(p) = logit(base rate) + a * signal

The past of a learner decides `a`. Where it is 0 the forecast is the base rate, whatever the learner says; the skill of
the forecasts alone cannot tell that from a learner that says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.definitions import ModelDefinition, Source
from bullbear.documents import json_ready
from bullbear.evaluate.scores import losses
from bullbear.learn import LEARNERS, FoldModel, pool_of
from bullbear.learn.combining import log_odds
from bullbear.learn.pooling import SIGNAL, column_of
from bullbear.sessions import day

if TYPE_CHECKING:
    from bullbear.forecasting.bundle import Bundle

SAME = 1e-6
"""Probabilities that differ by less than this are the same forecast."""


@dataclass(frozen=True)
class Belief:
    """How far the signals of a model are believed.

    Attributes
    ----------
    a
        By the day of each fit: the log-odds of the forecast per unit of signal; of several members the sum of
        weight times slope. 0 is the base rate alone, 1 the signal as the learner gives it.
    raw
        `bss` and `log_loss_skill` of the signal fully believed, on the scored days; of a mixture by member.
    same
        Reported forecasts that are the base rate.
    n
        All reported forecasts.
    """

    a: Mapping[str, float]
    raw: Mapping[str, Mapping[str, float]]
    same: int
    n: int

    @property
    def last(self) -> float | None:
        """`a` at the newest fit."""
        return next(reversed(list(self.a.values())), None)

    @property
    def fits_without(self) -> int:
        """Fits at which nothing was believed."""
        return sum(value == 0.0 for value in self.a.values())

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        values = list(self.a.values())
        document: dict[str, Any] = json_ready(
            {
                "a": self.last,
                "a_low": min(values, default=None),
                "a_high": max(values, default=None),
                "fits": len(values),
                "fits_without": self.fits_without,
                "raw": self.raw,
                "same_as_base_rate": self.same,
                "n": self.n,
                "by_fit": [{"trained_through": each, "a": value} for each, value in self.a.items()],
            }
        )
        return document

    def series(self) -> pd.Series:
        """`a` by the close of each fit."""
        index = pd.DatetimeIndex(pd.to_datetime(list(self.a), utc=True))
        return pd.Series(list(self.a.values()), index=index, dtype=np.float64)


@dataclass(frozen=True)
class SameAs:
    """On how many of the `n` days that two models forecast both say the same."""

    name: str
    run_id: str
    same: int
    n: int


def belief_of(
    definition: ModelDefinition, models: Sequence[FoldModel], signals: pd.DataFrame, predictions: Predictions
) -> Belief | None:
    """The belief in a walk-forward model; None of one without a signal.

    Parameters
    ----------
    models
        In order of their fits.
    signals
        See `learn.Training.signals`.
    predictions
        The reported ones of the target.
    """
    if signals.empty or is_silent(definition):
        return None
    return _belief(
        {f"{day(each.trained_through):%Y-%m-%d}": each.believed for each in models}, definition, signals, predictions
    )


def read_belief(bundle: Bundle) -> Belief | None:
    """The belief in a bundle's model; of one from before it was kept, without `a`."""
    if not bundle.is_walk_forward or is_silent(bundle.definition):
        return None
    target = bundle.predictions.select(asset=bundle.definition.ticker)
    return _belief(bundle.believed(), bundle.definition, bundle.signals, target)


def same_forecasts(predictions: Predictions, other: Predictions, name: str, run_id: str) -> SameAs:
    """How many forecasts of the target two models share."""
    ours, theirs = (each.table[["decided_at", "p"]] for each in (predictions, other))
    both = ours.merge(theirs, on="decided_at", suffixes=("", "_other"))
    same = int(((both["p"] - both["p_other"]).abs() <= SAME).sum())
    return SameAs(name, run_id, same, len(both))


def is_silent(definition: ModelDefinition) -> bool:
    """Whether no member ever has a signal."""
    where = Source.nowhere("bundle")
    return all(LEARNERS.read(member.learner, where, below=("learner",)).is_silent for member in definition.members)


def _belief(
    a: Mapping[str, float], definition: ModelDefinition, signals: pd.DataFrame, predictions: Predictions
) -> Belief:
    said = predictions.table
    names = {SIGNAL: SIGNAL}
    if pool_of(definition).mixes:
        names = {member.name: column_of(member.name) for member in definition.members}
    raw = {name: _skills(said, signals[column]) for name, column in names.items()}
    same = int(((said["p"] - said["climatology"]).abs() <= SAME).sum())
    return Belief(a, {name: found for name, found in raw.items() if found}, same, len(said))


def _skills(said: pd.DataFrame, signal: pd.Series) -> dict[str, float]:
    """The skill of forecasts that believe a signal fully; empty without a scored day."""
    signal_of = signal.reindex(pd.DatetimeIndex(said["decided_at"])).to_numpy()
    scored = said["y"].notna().to_numpy() & ~np.isnan(signal_of)
    if not scored.any():
        return {}
    y, usual = (said[name].to_numpy(dtype=np.float64)[scored] for name in ("y", "climatology"))
    p = 1.0 / (1.0 + np.exp(-np.clip(log_odds(usual) + signal_of[scored], -30.0, 30.0)))
    found = {}
    for name, score in (("bss", "brier"), ("log_loss_skill", "log_loss")):
        # mypy widens the names of the tuple above to str; `losses` takes these literals.
        ours, theirs = (float(np.sum(losses(y, each, score))) for each in (p, usual))  # type: ignore[arg-type]
        if theirs > 0.0:
            found[name] = 1.0 - ours / theirs
    return found
