"""The factor matrix against the bare arithmetic of the same factors.

Bare means: the arrays are there, aligned and adjusted; TA-Lib and NumPy are called on them and nothing else is done.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import talib

from benchmarks.market import home
from benchmarks.ratio import Ratio, interleaved
from bullbear.data.store import Store
from bullbear.definitions import FactorSpec
from bullbear.factors import compute, load, registered
from bullbear.factors.engine import matrix
from bullbear.factors.engine.bars_cache import clear_bars_cache
from bullbear.factors.engine.inputs import joint_bars
from bullbear.sessions import closes

APART = {"levels", "regime"}
LEFT_OUT = {"odds", "daily_returns"}
"""Events, which are no factors, and one factor at 126 lags, which would outweigh all others."""


def specs(*, apart: bool | None = None) -> list[FactorSpec]:
    """Factors of all feature sets; `apart` picks the costly families or all but these."""
    names = [name for name in home().names("features") if name not in LEFT_OUT]
    found = [spec for each in load([home().find("features", name) for name in names]) for spec in each.factor]
    known = registered()
    return [spec for spec in found if apart is None or (known[spec.function].family in APART) == apart]


def measure() -> list[Ratio]:
    store = home().store()
    index = pd.DatetimeIndex(store.as_of().bars("IWM").index)
    view = store.as_of()
    compute(view, specs(), index, "IWM")  # the store is warm: reading Parquet is no part of the comparison
    years = f"{len(index) / 252:.0f} years"
    charts = technical()
    plain, apart = specs(apart=False), specs(apart=True)

    def whole(chosen: list[FactorSpec]) -> object:
        clear_bars_cache()
        return compute(store.as_of(), chosen, index, "IWM")

    result = [
        interleaved(
            f"technical.toml, {years} / the same indicators by TA-Lib",
            partial(compute, view, charts, index, "IWM"),
            bare_talib(),
            rounds=9,
            aim=None,
        )
    ]
    for chosen, name, rounds, aims in (
        (plain, "factors", 7, (3.0, 0.05)),
        (apart, "levels and regime", 3, (None, None)),
    ):
        if chosen:
            name = f"{len(chosen)} {name}, {years}"
            full = partial(whole, chosen)
            result += [
                interleaved(f"{name} / bare arithmetic", full, bare(store, chosen, index), rounds=rounds, aim=aims[0]),
                interleaved(f"one day of them / {name}", a_day(store, chosen, index), full, rounds=rounds, aim=aims[1]),
                interleaved(
                    f"one day of them / {name}, read anew",
                    a_day(store, chosen, index),
                    partial(from_disk, store.root, chosen, index),
                    rounds=rounds,
                    aim=aims[1],
                ),
            ]
    return result


def from_disk(root: Path, chosen: list[FactorSpec], index: pd.DatetimeIndex) -> object:
    """The full matrix as a training computes it: of a store of which nothing has been read."""
    clear_bars_cache()
    return compute(Store(root).as_of(), chosen, index, "IWM")


def a_day(store: Store, chosen: list[FactorSpec], index: pd.DatetimeIndex) -> Callable[[], object]:
    """Each call is the close of the next session, seen through a view of its own, as a daily update sees it."""
    sessions = cycle(index[-100 + place :][:1] for place in range(100))

    def work() -> object:
        session = next(sessions)
        return compute(store.as_of(closes(session)[0]), chosen, session, "IWM")

    return work


def technical() -> list[FactorSpec]:
    return list(load([home().find("features", "technical")])[0].factor)


def bare(store: Store, chosen: list[FactorSpec], index: pd.DatetimeIndex) -> Callable[[], object]:
    """The factor functions alone, on the very arrays that the engine hands them."""
    calls: list[tuple[Callable[..., Any], list[Any], dict[str, Any]]] = []
    called = matrix._called

    def recorded(request: Any, arguments: list[Any], rows: int) -> Any:
        calls.append((request.factor.function, arguments, request.params))
        return called(request, arguments, rows)

    matrix._called = recorded
    try:
        compute(store.as_of(), chosen, index, "IWM")
    finally:
        matrix._called = called

    def work() -> None:
        clear_bars_cache()
        for function, arguments, params in calls:
            function(*arguments, **params)

    return work


def bare_talib() -> Callable[[], object]:
    """One TA-Lib call for each indicator that technical.toml is made of."""
    (bars,), _ = joint_bars([home().store().as_of().bars("IWM")])
    high, low, close, volume = bars.high, bars.low, bars.close, np.nan_to_num(bars.volume)
    open_ = bars.open

    def work() -> None:
        for window in (10, 20, 50, 50, 100, 200, 200):
            talib.SMA(close, window)
        talib.MACD(close, 12, 26, 9)
        talib.PPO(close, 12, 26)
        talib.TRIX(close, 15)
        talib.AROONOSC(high, low, 25)
        for window in (14, 14, 28):
            talib.ADX(high, low, close, window)
        talib.PLUS_DI(high, low, close, 14)
        talib.MINUS_DI(high, low, close, 14)
        for window in (63, 126, 252):
            talib.LINEARREG_SLOPE(close, window)
        for window in (5, 10, 21, 63, 126, 252, 252):
            talib.ROC(close, window)
        for window in (2, 14, 14):
            talib.RSI(close, window)
        talib.STOCH(high, low, close)
        talib.STOCH(high, low, close, 14, 3, 0, 3, 0)
        talib.WILLR(high, low, close, 14)
        talib.CCI(high, low, close, 20)
        talib.MFI(high, low, close, volume, 14)
        talib.BBANDS(close, 20)
        talib.BBANDS(close, 20)
        talib.ULTOSC(high, low, close)
        talib.OBV(close, volume)
        talib.ADOSC(high, low, close, volume)
        talib.BOP(open_, high, low, close)
        for window in (20, 50, 252):
            talib.MAX(high, window)
            talib.MIN(low, window)
        talib.ATR(high, low, close, 14)

    return work
