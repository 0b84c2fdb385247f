"""What the sections below the forecast show: plain values, each as it was known when the forecast was decided.

`workflows.report_data` fills them in; sections draw them and read nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bullbear.evaluate.scored_model import ScoredModel


@dataclass(frozen=True)
class Trade:
    """A trade of the policy: weights before and after, the price of the day, and the reasons of its decision.

    `why` is "order", "stop" or "expiry".
    """

    decided_on: pd.Timestamp
    executed_on: pd.Timestamp
    ticker: str
    sleeve: str
    weight_before: float
    weight_after: float
    price: float
    why: str
    reasons: tuple[str, ...]

    @property
    def bought(self) -> bool:
        """Whether the weight rose."""
        return self.weight_after > self.weight_before


@dataclass(frozen=True)
class TestedPolicy:
    """The policy over past forecasts, beside its baselines.

    `equity` by session: `policy` and one column a baseline, all from 1. `weights` by session: a column a ticker, and
    CASH. `figures` are rows of `decide.comparison`; intervals may be missing.
    """

    ticker: str
    policy: str
    model: str
    equity: pd.DataFrame
    weights: pd.DataFrame
    trades: tuple[Trade, ...]
    figures: pd.DataFrame


@dataclass(frozen=True)
class ShortSelling:
    """Short interest as first published, by settlement date, and short volume by session; None of what is unknown.

    `interest`: `published_on`, `shares_short`, `days_to_cover`, `share_outstanding`; `revised` counts those that a
    later publication changed. `volume` is the share of reported volume that was sold short, over `window` sessions.
    """

    ticker: str
    interest: pd.DataFrame | None
    revised: int
    volume: pd.Series | None
    window: int


@dataclass(frozen=True)
class Gauge:
    """One indicator: its value now, where it stands among all its earlier values, and its last years.

    `percentile` is the share of earlier sessions with a lower value, ties by half, from 0 to 1; `since` the first of
    them. `form` is a format specification of the value after `scale` ("+.1f" of 100 times it, say), `unit` what
    follows. `history` is thinned out to one value a week.
    """

    name: str
    title: str
    about: str
    unit: str
    form: str
    scale: float
    value: float
    as_of: pd.Timestamp
    percentile: float
    since: pd.Timestamp
    history: pd.Series


@dataclass(frozen=True)
class Dashboard:
    """Some gauges that belong together; `missing` names those without a value."""

    name: str
    title: str
    gauges: tuple[Gauge, ...]
    missing: tuple[str, ...]
    bars: tuple[Gauge, ...] = ()
    """Gauges of one kind that are compared with each other rather than with their past."""


@dataclass(frozen=True)
class OddsTable:
    """Odds documents as of the close, active ones first, then by q-value; `note` says why there are none."""

    ticker: str
    horizon: int
    odds: tuple[Mapping[str, Any], ...]
    note: str = ""


@dataclass(frozen=True)
class ComparedQuestion:
    """The models of one question, the best first, with the skill of each up to every month by the run's id."""

    question: str
    sentence: str
    champion: str | None
    models: tuple[ScoredModel, ...]
    cumulative: Mapping[str, pd.Series]


@dataclass(frozen=True)
class ComparedModels:
    """All models of all questions; `judged` is False where verdicts rest on what came after the forecast."""

    questions: tuple[ComparedQuestion, ...]
    judged: bool


@dataclass(frozen=True)
class LedgerRecord:
    """The document of `bullbear score` with what had resolved by the decision; `chances` compares the live forecasts
    with what came of them.
    """

    document: Mapping[str, Any]
    chances: tuple[Chance, ...]


@dataclass(frozen=True)
class Chance:
    """Live forecasts from `low` to `high`: how many, their mean, and the share that came true."""

    low: float
    high: float
    n: int
    mean_p: float
    share: float


@dataclass(frozen=True)
class Freshness:
    """One series: its last day, when that was known, and whether it is stale; None where nothing is stored.

    `needed` marks what a champion reads.
    """

    kind: str
    series: str
    first: pd.Timestamp | None
    last: pd.Timestamp | None
    last_known_at: pd.Timestamp | None
    age_days: int | None
    max_age_days: int | None
    stale: bool
    needed: bool


@dataclass(frozen=True)
class Contents:
    """Everything below the forecast; None of what could not be made, with the reason in `notes`."""

    decided_at: pd.Timestamp
    simulated: bool
    tested: TestedPolicy | None
    short_selling: ShortSelling
    dashboards: Sequence[Dashboard]
    odds: OddsTable
    models: ComparedModels
    ledger: LedgerRecord
    freshness: Sequence[Freshness]
    notes: Mapping[str, str]
