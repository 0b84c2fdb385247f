"""Event odds scored as forecasts: every past close against climatology, like any model.

Scoring begins at the first close with a full look-back. Where an event is no signal its forecast is climatology, which
adds nothing to the difference. The intervals of all events use the same resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear.dataset.predictions import Predictions
from bullbear.definitions import UP, Question
from bullbear.documents import json_ready
from bullbear.errors import HistoryError
from bullbear.evaluate import Evaluation, evaluate
from bullbear.evaluate.bootstrap import skill_interval
from bullbear.evaluate.reliability import ece
from bullbear.home import Home
from bullbear.odds.current import YEARS
from bullbear.odds.definitions import EventSet
from bullbear.odds.past_odds import PastOdds, forecasts, past_odds, pooled
from bullbear.statistics.bootstrap import resample


@dataclass(frozen=True)
class EventRecord:
    """One event's odds as forecasts of P(yes); skills are Brier skills against climatology over all days.

    `mean_p`, `share_up` and `ece` (calibration error) are of the `signals` days on which its raw odds are a forecast.
    """

    event: str
    indicator: str
    direction: str
    signals: int
    mean_p: float
    share_up: float
    ece: float
    raw_bss: float
    raw_bss_low: float
    raw_bss_high: float
    shrunk_bss: float
    shrunk_bss_low: float
    shrunk_bss_high: float


@dataclass(frozen=True)
class OddsRecord:
    """The record of a ticker's odds: the pooled forecast's evaluation and one entry per event, best first."""

    ticker: str
    horizon: int
    definition: EventSet
    pooled: Evaluation
    predictions: Predictions
    events: tuple[EventRecord, ...]
    simulated: bool
    question: str = UP.name

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "ticker": self.ticker,
            "question": self.question,
            "horizon_sessions": self.horizon,
            "simulated": self.simulated,
            "pooled": self.pooled.as_dict(),
            "events": json_ready(self.events),
        }


def odds_record(home: Home, ticker: str, horizon: int, question: Question = UP) -> OddsRecord:
    """Score the odds that `bullbear odds` would have given for `ticker` at every past close.

    Raises
    ------
    NoDataError
        No bars of the ticker.
    HistoryError
        Too few closes with a full look-back.
    """
    events = home.events()
    store = home.filled_store()
    past = past_odds(store.as_of(), ticker, events.event, horizon=horizon, question=question)
    scored = past.sessions >= past.series.sessions[0] + pd.DateOffset(years=YEARS)
    if not scored.any():
        raise HistoryError(
            f"history of {ticker}", f"{len(past.sessions)} sessions", f"more than {YEARS} years", "ingest more"
        )
    predictions = pooled(past).where(scored)
    return OddsRecord(
        ticker=ticker,
        horizon=horizon,
        definition=events,
        pooled=evaluate(predictions),
        predictions=predictions,
        events=_records(past, scored),
        simulated=store.is_simulated,
        question=str(predictions.table["question"].iloc[0]),
    )


def _records(past: PastOdds, scored: NDArray[np.bool_]) -> tuple[EventRecord, ...]:
    resolved = scored & past.baseline.table["y"].notna().to_numpy()
    draws = resample(int(resolved.sum()), past.horizon)
    records = []
    for column, event in enumerate(past.series.events):
        signal = past.signals[resolved, column]
        if not signal.any():
            continue
        raw, shrunk = (forecasts(past, event.name, kind).where(resolved).table for kind in ("raw", "shrunk"))
        y, base, p, q = (each.to_numpy() for each in (raw["y"], raw["climatology"], raw["p"], shrunk["p"]))
        of_raw, of_shrunk = (skill_interval(y, each, base, draws) for each in (p, q))
        records.append(
            EventRecord(
                event=event.name,
                indicator=event.indicator,
                direction=event.direction,
                signals=int(signal.sum()),
                mean_p=float(p[signal].mean()),
                share_up=float(y[signal].mean()),
                ece=ece(y[signal], p[signal]),
                raw_bss=of_raw.estimate,
                raw_bss_low=of_raw.low,
                raw_bss_high=of_raw.high,
                shrunk_bss=of_shrunk.estimate,
                shrunk_bss_low=of_shrunk.low,
                shrunk_bss_high=of_shrunk.high,
            )
        )
    return tuple(sorted(records, key=lambda each: -each.raw_bss))
