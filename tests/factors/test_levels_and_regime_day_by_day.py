"""What a day's forecast computes from the look-back alone is the row of the full history, to the last bit."""

from __future__ import annotations

import csv
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from bullbear.definitions import FeatureSet, read
from bullbear.factors import registered
from bullbear.factors.engine.registry import Bars

FEATURES = Path(__file__).resolve().parents[2] / "features"
RANDOM_DATES = settings.default.max_examples
SPDRS = ("XLB", "XLE", "XLF", "XLI", "XLK", "XLP", "XLU", "XLV", "XLY")


def part(bars: Bars, start: int, stop: int) -> Bars:
    return Bars(**{field.name: getattr(bars, field.name)[start:stop] for field in fields(Bars)})


def real(snapshot: Path, tickers: tuple[str, ...]) -> list[Bars]:
    """Adjusted bars of several tickers on their joint sessions."""
    tables = []
    for ticker in tickers:
        with (snapshot / "prices" / f"{ticker}.csv").open() as file:
            tables.append({row["date"]: row for row in csv.DictReader(file) if row["adj_close"]})
    days = sorted(set.intersection(*(set(table) for table in tables)))
    result = []
    for table in tables:
        names = ("open", "high", "low", "close", "adj_close", "volume")
        column = {name: np.array([float(table[day][name] or "nan") for day in days]) for name in names}
        ratio = column["adj_close"] / column["close"]
        prices = [column[name] * ratio for name in ("open", "high", "low")]
        result.append(Bars(np.array(days, dtype="datetime64[us]"), *prices, column["adj_close"], column["volume"]))
    return result


@pytest.mark.parametrize("name", ["levels", "regime"])
def test_a_day_alone_equals_the_day_in_the_full_history(name: str, snapshot_dir: Path) -> None:
    tapes = {1: real(snapshot_dir, ("IWM",)), 9: real(snapshot_dir, SPDRS)}
    cases = []
    for spec in read(FEATURES / f"{name}.toml", FeatureSet)[0].factor:
        factor = registered()[spec.function]
        params = factor.complete(spec.params)
        assert factor.is_windowed(params)  # the engine may feed it the look-back alone
        bars = tapes[len(factor.inputs)]
        values = factor.function(*bars, **params)
        assert np.isnan(values[factor.rows_needed(params) - 1 :]).mean() < 0.05
        cases.append((spec.name, factor, params, bars, values))
    differing = set()
    draws = np.random.default_rng(5).random(RANDOM_DATES)
    for draw in draws:
        for label, factor, params, bars, values in cases:
            rows, n = factor.rows_needed(params), len(values)
            last = int(rows - 1 + draw * (n - rows))
            alone = factor.function(*(part(each, last - rows + 1, last + 1) for each in bars), **params)[-1]
            if alone != values[last] and not (np.isnan(alone) and np.isnan(values[last])):
                differing.add((label, bars[0].sessions[last]))
    assert not differing
