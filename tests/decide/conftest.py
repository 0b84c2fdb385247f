"""A view that serves given frames: the three methods that decisions need and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.sessions import between, closes

Row = tuple[str, float, float, float, float, float]


@dataclass
class FakeView:
    prices: dict[str, pd.DataFrame] = field(default_factory=dict)
    values: dict[str, pd.DataFrame] = field(default_factory=dict)

    def bars(self, ticker: str) -> pd.DataFrame:
        return self.prices[ticker]

    def versions(self, kind: str, series: str) -> pd.DataFrame:
        frames = {"bars": self.prices, "observations": self.values}[kind]
        return frames[series].rename_axis("event_date").reset_index()

    def has(self, kind: str, series: str) -> bool:
        return series in {"bars": self.prices, "observations": self.values}[kind]

    def until(self, session: pd.Timestamp) -> FakeView:
        return FakeView({t: f[f.index <= session] for t, f in self.prices.items()}, self.values)


@pytest.fixture
def view() -> FakeView:
    return FakeView()


@pytest.fixture
def bars() -> Callable[[list[Row]], pd.DataFrame]:
    """(day, open, high, low, close, adj_close) rows as the store serves them."""

    def build(rows: list[Row]) -> pd.DataFrame:
        frame = pd.DataFrame(rows, columns=["event_date", "open", "high", "low", "close", "adj_close"])
        index = pd.DatetimeIndex(frame.pop("event_date")).as_unit("us").rename("event_date")
        frame.index = index
        frame["volume"] = 1e6
        frame.insert(0, "known_at", closes(index))
        return frame

    return build


@pytest.fixture
def predictions() -> Callable[..., Predictions]:
    """`{day: p}` as out-of-sample forecasts; all resolve at the close of the last day of 2019."""

    def build(by_day: dict[str, float], resolved: str = "2019-12-31", question: str = "up") -> Predictions:
        days = pd.DatetimeIndex(list(by_day)).as_unit("us")
        return Predictions.of(
            decided_at=closes(days),
            resolved_at=closes(pd.DatetimeIndex([resolved] * len(days)).as_unit("us")),
            asset="IWM",
            question=question,
            p=list(by_day.values()),
            p_low=0.1,
            p_high=0.9,
            climatology=0.6,
        )

    return build


@pytest.fixture
def market_view() -> Callable[[int], FakeView]:
    """Two years of a random market in IWM, TWM (listed a year later) and bills."""

    def build(seed: int) -> FakeView:
        rng = np.random.default_rng(seed)
        days = between("2018-01-02", "2019-12-31")
        gap, day = rng.normal(0, 0.006, len(days)), rng.normal(0, 0.01, len(days))
        frames = {}
        for ticker, beta, start in (("IWM", 1.0, 0), ("TWM", -2.0, 250)):
            close = 100 * np.cumprod((1 + beta * gap) * (1 + beta * day))
            open_ = close / (1 + beta * day)
            wide = np.abs(rng.normal(0, 0.004, len(days)))
            factor = np.where(np.arange(len(days)) < 300, 0.98, 1.0)
            frames[ticker] = pd.DataFrame(
                {
                    "known_at": closes(days),
                    "open": open_,
                    "high": np.maximum(open_, close) * (1 + wide),
                    "low": np.minimum(open_, close) * (1 - wide),
                    "close": close,
                    "adj_close": close * factor,
                    "volume": 1e6,
                },
                index=days.rename("event_date"),
            ).iloc[start:]
        bill = pd.DataFrame({"known_at": closes(days), "value": 2.0}, index=days.rename("event_date"))
        return FakeView(frames, {"DGS3MO": bill})

    return build


@pytest.fixture
def random_forecasts() -> Callable[[pd.DatetimeIndex, int], Predictions]:
    def build(days: pd.DatetimeIndex, seed: int) -> Predictions:
        p = np.random.default_rng(seed).uniform(0.3, 0.75, len(days))
        resolved = closes(between(days[0], "2020-02-28"))[21 : 21 + len(days)]
        return Predictions.of(
            decided_at=closes(days),
            resolved_at=resolved,
            asset="IWM",
            p=p,
            p_low=p - 0.1,
            p_high=p + 0.1,
            climatology=0.6,
        )

    return build
