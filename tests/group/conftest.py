"""A small market with the traits that figures stumble over: splits, dividends, holes, births, deaths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from bullbear.data.companies import Panel, panel_from

NAN = float("nan")
SECTORS = ("Energy", "Financials", "Health Care")


@dataclass(frozen=True)
class SmallMarket:
    """A panel with the shares outstanding of its companies, and their sectors."""

    panel: Panel
    facts: pd.DataFrame
    sectors: tuple[str, ...]


def small_market(seed: int, sessions: int = 330, companies: int = 60) -> SmallMarket:
    rng = np.random.default_rng(seed)
    shape = (sessions, companies)
    volatility = rng.uniform(0.012, 0.03, companies)
    common = rng.normal(0.0005, 0.008, (sessions, 1))
    close = rng.uniform(8, 90, companies) * np.exp(np.cumsum(common + volatility * rng.normal(0, 1, shape), axis=0))
    up, down = (np.exp(volatility * np.abs(rng.normal(0.5, 0.2, shape))) for _ in range(2))
    volume = np.round(rng.uniform(2e5, 1.2e6, companies) * np.exp(rng.normal(0, 0.3, shape)))
    split = np.ones(shape)
    for column in rng.choice(companies, companies // 10, replace=False):
        split[rng.integers(40, sessions - 1), column] = rng.choice([2.0, 3.0, 0.1])
    level = np.cumprod(split, axis=0)
    close, volume = np.round(close / level, 4), np.round(volume * level)
    high, low = close * up, close / down
    panel = panel_from(close, open=np.sqrt(high * low), high=high, low=low, volume=volume, split=split)
    day = panel.sessions[max(sessions - 60, 0)]
    facts = pd.DataFrame(
        {
            "company": panel.companies,
            "concept": "shares_outstanding",
            "event_date": day,
            "start_date": pd.NaT,
            "known_at": day.tz_localize("UTC") + pd.Timedelta(days=20),
            "value": np.round(2e9 * rng.lognormal(0, 0.5, companies) / close[-1]),
            "unit": "shares",
            "form": "10-Q",
        }
    )
    return SmallMarket(panel, facts, tuple(SECTORS[column % 3] for column in range(companies)))


@pytest.fixture(scope="session")
def market() -> SmallMarket:
    return small_market(1)
