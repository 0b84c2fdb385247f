"""Plain data for the sections below the forecast, a few rows of everything."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.evaluate.scored_model import ScoredModel
from bullbear.report.sections.account import TestedPolicy
from bullbear.report.sections.dashboards import Dashboard, Gauge
from bullbear.report.sections.freshness import Freshness
from bullbear.report.sections.ledger import Chance, LedgerRecord
from bullbear.report.sections.models import ComparedModels, ComparedQuestion
from bullbear.report.sections.odds import OddsTable
from bullbear.report.sections.short_selling import ShortSelling
from bullbear.report.trades import Trade

DAYS = pd.bdate_range("2018-11-15", "2019-12-31")
LAST = DAYS[-1]


def tested() -> TestedPolicy:
    """A policy that ends at 1.20 after a fall from 1.10 to 0.99; buy and hold rises straight to 1.30."""
    equity = pd.DataFrame(
        {
            "policy": np.interp(np.arange(len(DAYS)), [0, 50, 100, len(DAYS) - 1], [1.0, 1.1, 0.99, 1.2]),
            "buy_and_hold": np.linspace(1.0, 1.3, len(DAYS)),
            "sixty_forty": np.linspace(1.0, 1.1, len(DAYS)),
        },
        index=DAYS,
    )
    weights = pd.DataFrame({"IWM": 0.6, "RWM": 0.0, "CASH": 0.4}, index=DAYS)
    weights.loc[DAYS[90:120], ["RWM", "CASH"]] = [0.1, 0.3]
    trades = tuple(
        Trade(DAYS[at - 1], DAYS[at], ticker, sleeve, sleeve, before, after, 150.0 + at, why, (f"reason {at}",))
        for at, ticker, sleeve, before, after, why in [
            (10, "IWM", "bull", 0.0, 0.6, "order"),
            (90, "RWM", "bear", 0.0, 0.1, "order"),
            (120, "RWM", "bear", 0.1, 0.0, "stop"),
            *((130 + step, "IWM", "bull", 0.6, 0.61, "order") for step in range(5)),
        ]
    )
    row = {"cagr": 0.1, "volatility": 0.12, "sharpe": 0.8, "max_drawdown": -0.1, "drawdown_sessions": 80.0,
           "turnover": 1.2, "trades": 8}  # fmt: skip
    figures = pd.DataFrame.from_dict({name: row for name in equity}, orient="index")
    against = {"buy_and_hold": (0.2, -0.1, 0.5), "base_rate": (0.3, 0.1, 0.5)}
    profit = (("bull, IWM", 0.1, 0.05, 0.15), ("costs", None, None, -0.01), ("total", None, None, 0.14))
    return TestedPolicy("IWM", "two_agents", "climatology", equity, weights, trades, figures, against, profit)


def short_selling() -> ShortSelling:
    """Three publications, the last of 60 million shares."""
    interest = pd.DataFrame(
        {
            "published_on": pd.DatetimeIndex(["2019-11-26", "2019-12-10", "2019-12-26"]),
            "shares_short": [50e6, 55e6, 60e6],
            "days_to_cover": [2.0, 2.5, 3.0],
            "share_outstanding": [np.nan, np.nan, 0.25],
        },
        index=pd.DatetimeIndex(["2019-11-15", "2019-11-29", "2019-12-13"], name="settlement_date"),
    )
    return ShortSelling("IWM", interest, 1, pd.Series(np.linspace(0.4, 0.6, len(DAYS)), index=DAYS), 5)


def gauge(name: str = "vix", value: float = 0.148, percentile: float = 0.36) -> Gauge:
    """One indicator."""
    history = pd.Series(np.linspace(0.1, value, 50, dtype=np.float32), index=DAYS[-50:])
    return Gauge(name, name.upper(), "What it is.", " %", ".1f", 100.0, value, LAST, percentile,
                 pd.Timestamp("2000-05-26"), history)  # fmt: skip


def boards() -> list[Dashboard]:
    """A board of gauges, one of bars, and one without data."""
    return [
        Dashboard("macro", "Macro", (gauge(),), ("Sahm rule",)),
        Dashboard("sectors", "Sectors", (), (), (gauge("energy", 0.05), gauge("banks", -0.02))),
        Dashboard("breadth", "Breadth", (), ("Sectors above their 200-day average",)),
    ]


def odds_document(event: str, q: float | None, *, active: bool, cases: int = 20) -> dict[str, object]:
    """The odds of one event, with what the section reads."""
    known = q is not None
    return {
        "event": event, "says": f"{event} happened", "direction": "bullish", "occurred_on": "2019-12-17",
        "active": active, "cases": cases, "continued": 12, "effective_cases": 9.5 if known else None,
        "odds": 0.6 if known else None, "odds_low": 0.4, "odds_high": 0.8, "base_rate": 0.58, "lift": 1.03,
        "q_value": q, "tested": 3, "statement": f"The statement of {event}.",
    }  # fmt: skip


def odds() -> OddsTable:
    """One event beyond luck, one that may be luck, one without a resolved case."""
    return OddsTable(
        "IWM",
        21,
        (
            odds_document("breakout", 0.04, active=True),
            odds_document("cross", 0.7, active=False),
            odds_document("new", None, active=False, cases=0),
        ),
    )


def models() -> ComparedModels:
    """Two models of `up`, the better one above zero; one of `dip8` alone, without a champion."""
    months = pd.date_range("2018-01-31", periods=24, freq="ME", tz="UTC")
    good = ScoredModel("lightgbm", "a" * 32, 0.04, 0.01, 0.07, 0.03, "champion: it passed", 50)
    poor = ScoredModel("logistic", "b" * 32, -0.02, -0.03, -0.01, -0.02)
    lone = ScoredModel("outlook", "c" * 32, 0.01, None, None, None)
    believed = {poor.run_id: "a = 0.10 at the last fit"}
    grown = {model.run_id: pd.Series(np.linspace(0.0, model.bss, 24), index=months) for model in (good, poor)}
    return ComparedModels(
        (
            ComparedQuestion("up", "The return is positive.", good.run_id, (good, poor), grown, believed),
            ComparedQuestion("dip8", "A close 8 % lower.", None, (lone,), {}),
        ),
        judged=True,
    )


def ledger() -> LedgerRecord:
    """Ten live forecasts of `up`, of which one repeats another, and a replay."""

    def record(at: int, kind: str, y: int | None, *, counts: bool = True) -> dict[str, object]:
        return {
            "question": "up", "decided_at": f"2019-12-{at:02d}T21:00:00Z", "kind": kind, "counts": counts, "p": 0.61,
            "climatology": 0.6, "resolves_on": f"2020-01-{at:02d}", "y": y, "model": "climatology",
            "issued_at": None if kind == "unknown" else f"2019-12-{at:02d}T21:30:00Z",
        }  # fmt: skip

    scores = {"entries": 10, "resolved": 2, "pending": 7, "bss": 0.02, "bss_low": -0.1, "bss_high": 0.15}
    replays = {"entries": 1, "resolved": 0, "pending": 1, "bss": None, "bss_low": None, "bss_high": None}
    records = [
        record(2, "replay", None),
        *(record(at, "live", 1 if at < 5 else None, counts=at != 12) for at in range(3, 13)),
    ]
    document = {
        "statement": "Live record, one forecast per day and model: 2 resolved, 7 pending.",
        "questions": [{"question": "up", "live": scores, "replays": replays}],
        "forecasts": records,
    }
    return LedgerRecord(document, {"up": (0.61, 1.0)}, (Chance(0.6, 0.8, 2, 0.61, 1.0),))


def freshness() -> list[Freshness]:
    """An absent series and a fresh one that a champion reads, and a stale one that none does."""
    known = pd.Timestamp("2019-12-31 21:00", tz="UTC")
    return [
        Freshness("short_interest", "IWM", None, None, None, None, None, True, True),
        Freshness("bars", "IWM", DAYS[0], LAST, known, 0, 6, False, True),
        Freshness("observations", "NAPM", DAYS[0], DAYS[5], known, 400, 108, True, False),
    ]
