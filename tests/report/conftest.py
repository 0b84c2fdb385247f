"""A seeded model with its evaluation and backtest, and a forecast as the command line prints it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.report.browser import launch

from bullbear.dataset.predictions import Predictions
from bullbear.decide import backtest
from bullbear.decide.policies.band import BandPolicy
from bullbear.evaluate import evaluate
from bullbear.report import ModelResult
from bullbear.sessions import between, closes


@dataclass
class FakeView:
    prices: dict[str, pd.DataFrame]

    def versions(self, kind: str, series: str) -> pd.DataFrame:
        assert kind == "bars", series
        return self.prices[series].reset_index()

    def has(self, kind: str, series: str) -> bool:
        return kind == "bars" and series in self.prices


def _prices(days: pd.DatetimeIndex, moves: np.ndarray) -> pd.DataFrame:
    close = 100 * np.cumprod(1 + moves)
    columns = {"open": close, "high": close * 1.004, "low": close * 0.996, "close": close, "adj_close": close}
    return pd.DataFrame({"known_at": closes(days), **columns, "volume": 1e6}, index=days.rename("event_date"))


def make(first: str, last: str, *, noise: float = 0.6, seed: int = 5) -> ModelResult:
    """A model that sees some of next month's direction through noise."""
    rng = np.random.default_rng(seed)
    days = between(first, last)
    moves = rng.normal(0.0004, 0.011, len(days))
    frames = {"IWM": _prices(days, moves), "TWM": _prices(days, -2 * moves)}
    close = frames["IWM"]["close"].to_numpy()
    decided = days[30:]
    later = np.append(close[21:], np.full(21, np.nan))[30:]
    y = np.where(np.isnan(later), np.nan, (later > close[30:]).astype(float))
    base = 0.58 + 0.02 * np.sin(np.arange(len(decided)) / 250)
    p = np.clip(base + 0.10 * np.nan_to_num(y - 0.55) + rng.normal(0, 0.1 * noise, len(decided)), 0.1, 0.9)
    calendar = between(decided[0], decided[-1] + pd.Timedelta(days=45))
    made = Predictions.of(
        decided_at=closes(decided),
        resolved_at=closes(calendar[21 : 21 + len(decided)]),
        asset="IWM",
        p=p,
        p_low=p - 0.07,
        p_high=p + 0.07,
        climatology=base,
        y=y,
    )
    result = backtest(made, FakeView(frames), BandPolicy())
    evaluation = evaluate(made, resamples=200)
    return ModelResult(
        "seeded",
        f"{seed:x}0e1f2a3b4c5d6e7f",
        "Sees some of the future.",
        evaluation,
        result,
        made,
    )


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium of playwright, one for all tests of this process."""
    yield from launch()


@pytest.fixture(scope="session")
def model() -> ModelResult:
    return make("2017-01-03", "2019-12-31")


@pytest.fixture(scope="session")
def make_model() -> Callable[..., ModelResult]:
    return make


@pytest.fixture
def forecast(model: ModelResult) -> dict[str, Any]:
    return {
        "ticker": "IWM",
        "decided_at": "2019-12-31T21:00:00+00:00",
        "resolves_on": "2020-01-31",
        "horizon_sessions": 21,
        "p_up": 0.6123,
        "p_low": 0.5411,
        "p_high": 0.6789,
        "climatology": 0.5802,
        "regime": "calm",
        "agents": {
            "bull": {"weight": 0.875, "instrument": "IWM", "reasons": ["P(up) 0.612 is in the bull band [0.60, 1]"]},
            "bear": {
                "weight": 0.0,
                "instrument": "CASH",
                "tier": 0,
                "reasons": ["P(up) 0.612: tier 0"],
            },
        },
        "positions": {"IWM": 0.875, "TWM": 0.0, "CASH": 0.125},
        "stops": [{"ticker": "IWM", "level": 159.37, "atr": 1.83, "multiple": 3.0, "side": "exit"}],
        "drivers": [
            {"factor": "rsi_14", "value": 61.25, "contribution": 0.0413},
            {"factor": "term_spread", "value": None, "contribution": -0.0127},
        ],
        "model": {
            "name": "seeded",
            "run_id": model.run_id,
            "definition_hash": "d1f0aa17",
            "trained_through": "2019-11-29T21:00:00+00:00",
        },
        "data": {
            "fingerprint": "f1e2d3c4b5",
            "last_known_at": "2019-12-31T21:00:00+00:00",
            "stale": ["UMCSENT"],
        },
        "ledger": {"index": 7, "hash": "ab" * 32, "previous_hash": "00" * 32},
    }
