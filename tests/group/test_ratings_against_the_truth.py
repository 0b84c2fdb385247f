"""Ratings of simulated companies against what the simulator knows: a true signal shows, and none where none is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear.data.companies.oracle import CompanyTruth
from bullbear.data.companies.panel import Panel
from bullbear.data.simulator import simulate
from bullbear.group.characteristics import Characteristics, characteristics
from bullbear.group.ratings import Ratings, rate
from bullbear.group.screening import screen

pytestmark = pytest.mark.slow


def _rated(signal: float) -> tuple[Characteristics, Ratings, CompanyTruth]:
    """Each month of the last years, from bars and facts as first known."""
    companies = simulate(years=5, companies=100, signal=signal).companies
    blocks = list(companies.blocks())
    rows = {
        kind: pd.concat([block.frames[kind] for block in blocks]).rename(columns={"series": "company"})
        for kind in blocks[0].frames
    }
    bars = rows["bars"].sort_values("known_at").drop_duplicates(["company", "event_date"])
    sessions, names = pd.DatetimeIndex(companies.market.sessions), tuple(sorted(bars["company"].unique()))

    def table(frame: pd.DataFrame, column: str, otherwise: float) -> np.ndarray:
        wide = frame.pivot_table(index="event_date", columns="company", values=column)
        return wide.reindex(index=sessions, columns=list(names)).fillna(otherwise).to_numpy()

    panel = Panel(
        sessions,
        names,
        *[table(bars, column, np.nan) for column in ("open", "high", "low", "close", "volume")],
        split=table(rows["splits"], "ratio", 1.0),
        dividend=table(rows["dividends"], "amount", 0.0),
        restated=np.zeros(len(names), dtype=bool),
    )
    decided = np.arange(400, len(sessions) - 22, 21)
    screened = screen(panel)
    figures = characteristics(
        screened.clean,
        rows["facts"],
        sessions[decided],
        short_interest=rows["short_interest"],
        splits=screened.clean.split / screened.rebased,
    )
    return figures, rate(figures, panel.traded[decided]), CompanyTruth.joined([block.truth for block in blocks])


def _coefficient(values: np.ndarray, of: Characteristics, truth: CompanyTruth) -> tuple[float, float]:
    """Mean information coefficient about what happened, and its standard error."""
    scores = pd.DataFrame(values, index=of.sessions, columns=list(of.companies))
    ic = truth.information(scores)["ic"].dropna()
    return float(ic.mean()), float(ic.std() / np.sqrt(len(ic)))


def test_a_true_signal_shows_in_the_ratings() -> None:
    figures, ratings, truth = _rated(1.0)
    expected = truth.expected.reindex(index=figures.sessions, columns=list(figures.companies))

    def agrees(values: np.ndarray) -> float:
        ranks = pd.DataFrame(values, index=expected.index, columns=expected.columns).rank(axis=1)
        return float(ranks.corrwith(expected.where(ranks.notna()).rank(axis=1), axis=1).mean())

    for name in ("growth", "momentum", "short_interest", "composite"):
        assert agrees(-ratings[name]) > 0.2, name
    assert agrees(-ratings["value"]) > 0.05
    for name in ("earnings_yield", "operating_profitability"):
        assert agrees(figures.of(name)) > 0.2, name
    mean, error = _coefficient(-ratings["composite"], figures, truth)
    assert mean > 2 * error


def test_without_a_signal_the_ratings_foretell_nothing() -> None:
    figures, ratings, truth = _rated(0.0)
    for name in ratings.values:
        mean, error = _coefficient(-ratings[name], figures, truth)
        assert abs(mean) < 3 * error, name
