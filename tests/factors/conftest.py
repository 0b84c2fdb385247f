"""What the tests of the factors share: a seeded tape in which no term vanishes, and toy stores of literal rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.data import Store
from bullbear.definitions import FactorSpec
from bullbear.factors import compute
from bullbear.factors.engine.registry import _FACTORS, Bars, factor
from bullbear.sessions import closes, day

Tape = Callable[..., Bars]


@pytest.fixture(scope="session")
def tape() -> Tape:
    """`tape(rows, seed=...)`: daily bars whose open and close lie in [low, high], with an overnight gap each night."""

    def make(rows: int, *, seed: int = 7) -> Bars:
        random = np.random.default_rng(seed)
        night, day = random.normal(0.0001, 0.005, rows), random.normal(0.0002, 0.011, rows)
        close = 80.0 * np.exp(np.cumsum(night + day))
        open_ = close * np.exp(-day)
        high = np.maximum(open_, close) * np.exp(np.abs(random.normal(0.0, 0.004, rows)))
        low = np.minimum(open_, close) * np.exp(-np.abs(random.normal(0.0, 0.004, rows)))
        volume = np.round(3e7 * np.exp(random.normal(0.0, 0.4, rows) + 10.0 * np.abs(day)))
        sessions = np.datetime64("2000-01-03", "us") + np.arange(rows) * np.timedelta64(1, "D")
        return Bars(sessions, open_, high, low, close, volume)

    return make


LATER = pd.Timestamp("2030-01-01", tz="UTC")


def new_york(text: str) -> pd.Timestamp:
    """An instant from New York's wall clock."""
    return pd.Timestamp(text, tz="America/New_York").tz_convert("UTC").as_unit("us")


@dataclass
class Toy:
    """A store of literal rows; instants are New York's wall clock, and a bar is known at its close unless said."""

    store: Store

    def bars(self, ticker: str, *rows: tuple[Any, ...]) -> None:
        """Rows (day, close) or (day, close, known_at); the range is one around the close, the volume 1000."""
        self._append(
            "bars",
            ticker,
            [
                (row[0], row[2] if len(row) > 2 else None, row[1], row[1] + 1, row[1] - 1, row[1], row[1], 1000.0)
                for row in rows
            ],
            ["open", "high", "low", "close", "adj_close", "volume"],
        )

    def observe(self, series: str, *rows: tuple[Any, ...]) -> None:
        """Rows (event_date, known_at, value) or (event_date, known_at, value, vintage)."""
        self._append(
            "observations",
            series,
            [(*row, *([None] if len(row) == 3 else [])) for row in rows],
            ["value", "vintage"],
        )

    def short_volume(self, ticker: str, *rows: tuple[Any, ...]) -> None:
        """Rows (day, known_at, short_volume, total_volume)."""
        self._append("short_volume", ticker, list(rows), ["short_volume", "total_volume"])

    def short_interest(self, ticker: str, *rows: tuple[Any, ...]) -> None:
        """Rows (day, known_at, shares_short, avg_daily_volume, days_to_cover, shares_outstanding)."""
        names = ["shares_short", "avg_daily_volume", "days_to_cover", "shares_outstanding"]
        self._append("short_interest", ticker, list(rows), names)

    def compute(self, specs: list[FactorSpec], *days: str) -> pd.DataFrame:
        """The factors in one batch, on everything stored."""
        return compute(self.store.as_of(LATER), specs, pd.DatetimeIndex([day(each) for each in days]), "IWM")

    def at(self, spec: FactorSpec, *days: str) -> list[float]:
        """One factor in one batch, which must be what each day's own close would have given, alone and bit by bit."""
        column: list[float] = self.compute([spec], *days)[spec.name].tolist()
        for each, value in zip(days, column, strict=True):
            np.testing.assert_array_equal(self.alone(spec, each), value, err_msg=f"{spec.name} on {each}")
        return column

    def alone(self, spec: FactorSpec, session: str) -> float:
        """One factor at one close, from the store as it was known then."""
        index = pd.DatetimeIndex([day(session)])
        return float(compute(self.store.as_of(closes(index)[0]), [spec], index, "IWM").iloc[0, 0])

    def _append(self, kind: str, series: str, rows: list[tuple[Any, ...]], names: list[str]) -> None:
        frame = pd.DataFrame(rows, columns=["event_date", "known_at", *names])
        frame["event_date"] = pd.DatetimeIndex([day(each) for each in frame["event_date"]])
        known = [
            closes(pd.DatetimeIndex([event]))[0] if pd.isna(text) else new_york(text)
            for event, text in zip(frame["event_date"], frame["known_at"], strict=True)
        ]
        frame["known_at"] = pd.DatetimeIndex(known)
        if "vintage" in names:
            frame["vintage"] = pd.DatetimeIndex([pd.NaT if pd.isna(v) else day(v) for v in frame["vintage"]]).as_unit(
                "us"
            )
        self.store.append(kind, frame.assign(series=series))


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(Store(tmp_path / "data"))


@pytest.fixture
def register() -> Iterator[Callable[..., Any]]:
    """`registry.factor`, undone after the test."""
    before = dict(_FACTORS._entries)
    yield factor
    _FACTORS._entries.clear()
    _FACTORS._entries.update(before)


@pytest.fixture
def spec() -> Callable[..., FactorSpec]:
    """`spec("level_change", level="DGS10", window=2)`: texts are inputs, the rest parameters."""

    def make(function: str, name: str = "", **arguments: Any) -> FactorSpec:
        inputs = {key: value for key, value in arguments.items() if isinstance(value, str)}
        params = {key: value for key, value in arguments.items() if not isinstance(value, str)}
        return FactorSpec(name=name or function, function=function, inputs=inputs, params=params)

    return make
