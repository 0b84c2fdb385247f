"""Macro, credit, sector and breadth dashboards: what some factors of the shipped feature sets say at a close.

Each is computed as a model would read it, so every value of its history is what could have been known on that day. Its
percentile counts all earlier sessions. A factor that this home does not define, or that has no value now, is missing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.data.view import View
from bullbear.definitions import FactorSpec
from bullbear.errors import BullbearError
from bullbear.factors.engine.feature_sets import load
from bullbear.factors.engine.matrix import compute
from bullbear.home import Home
from bullbear.report.sections.dashboards import Dashboard, Gauge
from bullbear.sessions import day

YEARS = 5
SINCE = pd.Timestamp("1995-01-01")
SETS = ("macro", "sectors", "volatility", "volatility_term")


@dataclass(frozen=True)
class Shown:
    """How a factor is shown: its title, what it means, its unit, and the format of `scale` times its value."""

    factor: str
    title: str
    about: str
    unit: str = ""
    form: str = ".2f"
    scale: float = 1.0


@dataclass(frozen=True)
class Board:
    """A dashboard: gauges with their past, and some that are compared with each other."""

    name: str
    title: str
    gauges: tuple[Shown, ...]
    bars: tuple[Shown, ...] = ()


_POINTS, _CHANGE = (" points", "+.2f", 1.0), (" %", "+.1f", 100.0)
_SHARE, _SPREAD = (" %", ".0f", 100.0), (" %", ".1f", 100.0)
_SECTOR = "Total return over 63 sessions less that of SPY."

BOARDS = (
    Board(
        "macro",
        "Macro",
        (
            Shown("slope_10y_3m", "Yield curve, 10 years less 3 months", "Below zero the curve is inverted.", *_POINTS),
            Shown("policy_rate", "Federal funds rate", "What short-term debt costs.", " %"),
            Shown("real_rate_10y", "Real 10-year yield", "The yield of inflation-protected Treasuries.", " %", "+.2f"),
            Shown("inflation_12m", "Inflation, 12 months", "Consumer prices in the newest release.", *_CHANGE),
            Shown("payrolls_growth_3m", "Payrolls, 3 months", "Growth within the newest release.", *_CHANGE),
            Shown("sahm", "Sahm rule", "Unemployment above its low of a year; 0.5 marks recessions.", *_POINTS),
            Shown("production_growth_12m", "Industrial production, 12 months", "In the newest release.", *_CHANGE),
            Shown("dollar_change_63", "Dollar, 63 sessions", "Change of the broad trade-weighted index.", *_CHANGE),
        ),
    ),
    Board(
        "credit",
        "Credit and volatility",
        (
            Shown("high_yield_spread", "High-yield spread", "Over Treasuries; wide when lenders fear.", " points"),
            Shown("high_yield_spread_change_63", "High-yield spread, change", "Over 63 sessions.", *_POINTS),
            Shown("baa_over_10y", "Baa over the 10-year Treasury", "The price of corporate risk.", " points"),
            Shown("high_yield_over_grade_63", "High yield over high grade", "HYG less LQD, 63 days.", *_CHANGE),
            Shown("vix", "VIX", "Implied volatility of the S&P 500 over a month.", " %", ".1f"),
            Shown("vix_over_3m", "VIX over 3-month VIX", "Above zero the curve is inverted: fear is near.", *_CHANGE),
        ),
    ),
    Board(
        "sectors",
        "Sectors",
        (
            Shown("small_over_large_63", "Small over large caps", "IWM less SPY, 63 days.", *_CHANGE),
            Shown("small_value_over_growth_63", "Small value over growth", "IWN less IWO, 63 days.", *_CHANGE),
            Shown("regional_banks_over_iwm_63", "Regional banks over IWM", "KRE less IWM, 63 days.", *_CHANGE),
            Shown("discretionary_over_staples_63", "Discretionary over staples", "XLY less XLP, 63 days.", *_CHANGE),
        ),
        (
            Shown("technology_over_spy_63", "Technology", _SECTOR, *_CHANGE),
            Shown("financials_over_spy_63", "Financials", _SECTOR, *_CHANGE),
            Shown("industrials_over_spy_63", "Industrials", _SECTOR, *_CHANGE),
            Shown("discretionary_over_spy_63", "Discretionary", _SECTOR, *_CHANGE),
            Shown("materials_over_spy_63", "Materials", _SECTOR, *_CHANGE),
            Shown("energy_over_spy_63", "Energy", _SECTOR, *_CHANGE),
            Shown("health_care_over_spy_63", "Health care", _SECTOR, *_CHANGE),
            Shown("staples_over_spy_63", "Staples", _SECTOR, *_CHANGE),
            Shown("utilities_over_spy_63", "Utilities", _SECTOR, *_CHANGE),
        ),
    ),
    Board(
        "breadth",
        "Breadth",
        (
            Shown("sectors_above_200", "Sectors above their 200-day average", "Of the nine funds of 1998.", *_SHARE),
            Shown("sectors_above_50", "Sectors above their 50-day average", "Of the nine funds of 1998.", *_SHARE),
            Shown("sector_dispersion_63", "Sector dispersion", "Spread of returns over 63 sessions.", *_SPREAD),
            Shown("sector_correlation_63", "Sector correlation", "Mean of all pairs over 63 sessions."),
            Shown("absorption_500", "Absorption ratio", "High when risk has one source.", *_SHARE),
            Shown("sector_weakness", "Sector weakness", "0 if all nine are strong, 1 if all are weak."),
        ),
    ),
)  # fmt: skip


def dashboards(home: Home, view: View, ticker: str) -> tuple[Dashboard, ...]:
    """All boards at the last close that the view knows of `ticker`."""
    known = _defined(home)
    wanted = [shown for board in BOARDS for shown in (*board.gauges, *board.bars) if shown.factor in known]
    sessions = pd.DatetimeIndex(view.bars(ticker).index)
    values = compute(view, [known[shown.factor] for shown in wanted], sessions[sessions >= SINCE], ticker)
    found = {shown.factor: gauge for shown in wanted if (gauge := _gauge(shown, values[shown.factor]))}
    return tuple(
        Dashboard(
            name=board.name,
            title=board.title,
            gauges=_present(board.gauges, found),
            bars=_present(board.bars, found),
            missing=tuple(shown.title for shown in (*board.gauges, *board.bars) if shown.factor not in found),
        )
        for board in BOARDS
    )


def _defined(home: Home) -> dict[str, FactorSpec]:
    """The factors of the feature sets that the boards draw from; a set that cannot be read is left out."""
    found: dict[str, FactorSpec] = {}
    for name in SETS:
        with suppress(BullbearError):
            for each in load([home.find("features", name)]):
                found |= {spec.name: spec for spec in each.factor}
    return found


def _present(shown: Sequence[Shown], found: dict[str, Gauge]) -> tuple[Gauge, ...]:
    return tuple(found[each.factor] for each in shown if each.factor in found)


def _gauge(shown: Shown, values: pd.Series) -> Gauge | None:
    """None unless there is a value at the last session."""
    known = values.dropna()
    if known.empty or known.index[-1] != values.index[-1]:
        return None
    now, before = float(known.iloc[-1]), known.iloc[:-1]
    recent = known[known.index >= known.index[-1] - pd.DateOffset(years=YEARS)]
    weekly = recent.groupby(pd.DatetimeIndex(recent.index).to_period("W")).tail(1)
    return Gauge(
        name=shown.factor,
        title=shown.title,
        about=shown.about,
        unit=shown.unit,
        form=shown.form,
        scale=shown.scale,
        value=now,
        as_of=day(known.index[-1]),
        percentile=_percentile(before.to_numpy(), now),
        since=day(known.index[0]),
        history=weekly.astype(np.float32),
    )


def _percentile(before: np.ndarray, now: float) -> float:
    """The share of earlier values below `now`, ties by half."""
    if not len(before):
        return math.nan
    return float(((before < now).sum() + 0.5 * (before == now).sum()) / len(before))
