"""What event odds were worth as forecasts: every statement of the past scored against climatology, like any model.

Scoring begins at the first close with a full look-back. A day on which an event is silent has climatology's forecast
and so counts for nothing in the difference. The intervals of all events use the same resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.documents import json_ready
from bullbear.errors import HistoryError
from bullbear.evaluate import Evaluation, evaluate
from bullbear.evaluate.bootstrap import skill_interval
from bullbear.evaluate.reliability import ece
from bullbear.home import Home
from bullbear.odds import load
from bullbear.odds.history import History, build_history, forecasts, pooled
from bullbear.odds.telling import YEARS
from bullbear.statistics.bootstrap import resample


@dataclass(frozen=True)
class EventRecord:
    """One event's statements as forecasts of P(up); skills are Brier skills against climatology over all days.

    `said_up` and `came_up` are the mean told P(up) and the share of rises on the days on which it spoke, `ece` the
    calibration error of those days.
    """

    event: str
    indicator: str
    direction: str
    spoke: int
    said_up: float
    came_up: float
    ece: float
    told_bss: float
    told_bss_low: float
    told_bss_high: float
    shrunk_bss: float
    shrunk_bss_low: float
    shrunk_bss_high: float


@dataclass(frozen=True)
class OddsRecord:
    """The record of a ticker's odds: the pooled forecast's evaluation and one entry per event, best first."""

    ticker: str
    horizon: int
    definition: Path
    pooled: Evaluation
    predictions: Predictions
    events: tuple[EventRecord, ...]
    simulated: bool

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "ticker": self.ticker,
            "horizon_sessions": self.horizon,
            "simulated": self.simulated,
            "pooled": self.pooled.as_dict(),
            "events": json_ready(self.events),
        }


def odds_record(home: Home, ticker: str, horizon: int) -> OddsRecord:
    """Score what `bullbear odds` would have said of `ticker` at every past close.

    Raises
    ------
    NoDataError
        No bars of the ticker.
    HistoryError
        Too few closes with a full look-back.
    """
    definition = home.find("features", "odds")
    store = home.filled_store()
    history = build_history(store.as_of(), ticker, load(definition).event, horizon=horizon)
    scored = history.sessions >= history.tape.sessions[0] + pd.DateOffset(years=YEARS)
    if not scored.any():
        raise HistoryError(
            f"history of {ticker}", f"{len(history.sessions)} sessions", f"more than {YEARS} years", "ingest more"
        )
    frame = pooled(history)[scored].reset_index(drop=True)
    predictions = Predictions.of(**frame.drop(columns="spoke"), asset=ticker, horizon=horizon)
    return OddsRecord(
        ticker=ticker,
        horizon=horizon,
        definition=definition,
        pooled=evaluate(predictions),
        predictions=predictions,
        events=_records(history, scored),
        simulated=store.is_simulated,
    )


def _records(history: History, scored: np.ndarray) -> tuple[EventRecord, ...]:
    resolved = scored & history.silent["y"].notna().to_numpy()
    draws = resample(int(resolved.sum()), history.horizon)
    records = []
    for event in history.tape.events:
        told = forecasts(history, event.name, "told")[resolved]
        shrunk = forecasts(history, event.name, "shrunk")[resolved]
        spoke = told["spoke"].to_numpy()
        if not spoke.any():
            continue
        y, base = (told[name].to_numpy(dtype=np.float64) for name in ("y", "climatology"))
        p, q = (frame["p"].to_numpy(dtype=np.float64) for frame in (told, shrunk))
        skill, calm = skill_interval(y, p, base, draws), skill_interval(y, q, base, draws)
        records.append(
            EventRecord(
                event=event.name,
                indicator=event.indicator,
                direction=event.direction,
                spoke=int(spoke.sum()),
                said_up=float(p[spoke].mean()),
                came_up=float(y[spoke].mean()),
                ece=float(ece(y[spoke], p[spoke])),
                told_bss=skill.estimate,
                told_bss_low=skill.low,
                told_bss_high=skill.high,
                shrunk_bss=calm.estimate,
                shrunk_bss_low=calm.low,
                shrunk_bss_high=calm.high,
            )
        )
    return tuple(sorted(records, key=lambda each: -each.told_bss))
