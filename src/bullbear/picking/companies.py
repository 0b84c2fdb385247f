"""The companies of a group ranked by a picker: at past decisions, with what the ranking was worth, and at one close."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear.definitions.picker import Picker, Ranker, Schedule
from bullbear.errors import Found, HistoryError
from bullbear.execution.executors import Executor
from bullbear.group.settling import SETTLED
from bullbear.picking.cross_section import Array, BoolArray, CrossSection, Rows
from bullbear.picking.evidence import PER_YEAR, between, overlapping
from bullbear.picking.information import Information, information
from bullbear.picking.labels import labels, quantile_of, require_labels
from bullbear.picking.portfolios import Portfolios, quantile_portfolios
from bullbear.picking.scoring import Ranked, past_scores, rank
from bullbear.picking.walk_forward import examples_of


@dataclass(frozen=True)
class Inputs:
    """What a picker reads of its companies.

    `decided` are rows of the section's sessions; `member` who belonged to the group as known then, shape (n_decisions,
    n_companies), and `ranked` the percentiles among them, by characteristic; `sectors` by company, as known last.
    """

    section: CrossSection
    decided: Rows
    member: BoolArray
    ranked: Mapping[str, Array]
    sectors: tuple[str, ...]

    def of(self, decisions: Rows) -> Inputs:
        """Some of the decisions, by number."""
        ranked = {name: each[decisions] for name, each in self.ranked.items()}
        return Inputs(self.section, self.decided[decisions], self.member[decisions], ranked, self.sectors)


@dataclass(frozen=True)
class Evaluated:
    """The past of a picker: out-of-sample scores, (n_decisions, n_companies), what they predicted and earned.

    `decided` are the days of the decisions that have scores.
    """

    picker: Picker
    decided: pd.DatetimeIndex
    scores: Array
    information: Information
    portfolios: Portfolios

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, without the scores."""
        return {
            "first": str(self.decided[0].date()),
            "last": str(self.decided[-1].date()),
            "decisions": len(self.decided),
            "information": self.information.as_dict(),
            **self.portfolios.as_dict(),
        }


def evaluate(
    picker: Picker,
    read: Inputs,
    rates: Array | None = None,
    *,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluated:
    """A picker over all decisions that it can score.

    Parameters
    ----------
    rates
        The bill yield known at each close, a fraction a year, (n_sessions,); None for 0.

    Raises
    ------
    HistoryError
        Too few decisions for a fit, or for a portfolio of each quantile.
    """
    schedule, per_year = picker.schedule, PER_YEAR[picker.schedule.rebalance]
    found = labels(read.section, read.decided, schedule.horizon, read.member)
    require_labels(found, 3)
    scores = past_scores(
        picker.rule, read.section.sessions, read.ranked, found, read.member, picker.quantiles, learning(schedule),
        executor=executor, progress=progress,
    )  # fmt: skip
    usable = np.flatnonzero(np.isfinite(scores).sum(axis=1) >= picker.quantiles)
    if len(usable) < 3:
        raise HistoryError(
            "decisions", Found(f"{len(usable)} with scores for {picker.quantiles} quantiles"), "at least 3",
            "bring a longer history, or a larger group",
        )  # fmt: skip
    span = slice(int(usable[0]), len(scores))
    decided, overlap = read.decided[span], overlapping(read.decided, schedule.horizon)
    return Evaluated(
        picker,
        read.section.sessions[decided],
        scores[span],
        information(scores[span], found.relative[span], per_year, overlap=overlap, sectors=read.sectors),
        quantile_portfolios(
            read.section, scores[span], read.member[span], decided, picker.trading,
            levels=picker.quantiles, per_year=per_year, rates=between(rates, decided), overlap=overlap,
        ),
    )  # fmt: skip


def learning(schedule: Schedule) -> Schedule:
    """The schedule with an embargo of at least the `SETTLED` sessions that prices of outcomes read beyond their own.

    Example
    -------
    >>> learning(Schedule(embargo=0)).embargo, learning(Schedule(embargo=30)).embargo
    (5, 30)
    """
    return schedule.model_copy(update={"embargo": max(schedule.embargo, SETTLED)})


def now(picker: Picker, past: Inputs | None, present: Inputs) -> Ranked:
    """The companies of the only decision of `present`; a ranker is fitted to the decisions `past`."""
    examples = None
    if past is not None and isinstance(picker.rule, Ranker):
        found = labels(past.section, past.decided, picker.schedule.horizon, past.member)
        examples = examples_of(picker.rule, past.ranked, found, picker.quantiles, past.member)
    return rank(picker.rule, examples, {name: each[0] for name, each in present.ranked.items()}, present.member[0])


@dataclass(frozen=True)
class Sector:
    """A sector by its companies: the mean percentile of their scores (0 worst, 1 best), and how many there are.

    `best` counts those in the best quantile of the group.
    """

    name: str
    score: float
    members: int
    best: int


def sectors_of(found: Ranked, sectors: tuple[str, ...], levels: int) -> list[Sector]:
    """The sectors from best to worst; companies without a sector are left out."""
    order = found.order
    place = np.full(len(found.scores), np.nan)
    place[order] = 1.0 - np.arange(len(order)) / max(len(order) - 1, 1) if len(order) > 1 else 0.5
    quantile = quantile_of(found.scores, levels)
    rows = []
    for name in sorted({sectors[number] for number in order.tolist() if sectors[number]}):
        own = np.array([number for number in order.tolist() if sectors[number] == name])
        rows.append(Sector(name, float(place[own].mean()), len(own), int((quantile[own] == levels - 1).sum())))
    return sorted(rows, key=lambda each: -each.score)
