"""The factor matrix against the bare arithmetic of the same factors.

Bare means: the arrays are there, aligned and adjusted; TA-Lib and NumPy are called on them and nothing else is done.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import talib

from benchmarks.market import home
from benchmarks.ratio import Ratio, interleaved
from bullbear.definitions import FactorSpec
from bullbear.factors import compute, load, matrix, registered
from bullbear.factors.inputs import joint_bars

APART = {"levels", "regime"}


def specs(*, apart: bool | None = None) -> list[FactorSpec]:
    """Factors of all feature sets; `apart` picks the costly families or all but these."""
    names = [name for name in home().names("features") if name != "odds"]
    found = [spec for each in load([home().find("features", name) for name in names]) for spec in each.factor]
    known = registered()
    return [spec for spec in found if apart is None or (known[spec.function].family in APART) == apart]


def measure() -> list[Ratio]:
    store = home().store()
    index = pd.DatetimeIndex(store.as_of().bars("IWM").index)
    view = store.as_of()
    compute(view, specs(), index)  # the store is warm: reading Parquet is no part of the comparison
    years = f"{len(index) / 252:.0f} years"
    charts = technical()
    plain, apart = specs(apart=False), specs(apart=True)
    one = index[-1:]
    whole, day, library = (partial(compute, view, plain, each) for each in (index, one, index))
    result = [
        interleaved(
            f"technical.toml, {years} / the same indicators by TA-Lib",
            partial(compute, view, charts, index),
            bare_talib(),
            rounds=9,
            aim=None,
        ),
        interleaved(f"{len(plain)} factors, {years} / bare arithmetic", whole, bare(plain, index), rounds=5, aim=3.0),
        interleaved("one day of these factors / the full matrix", day, library, rounds=5, aim=0.05),
    ]
    if apart:
        name = f"{len(apart)} levels and regime factors, {years} / bare arithmetic"
        result.append(interleaved(name, partial(compute, view, apart, index), bare(apart, index), rounds=3, aim=None))
    return result


def technical() -> list[FactorSpec]:
    return list(load([home().find("features", "technical")])[0].factor)


def bare(chosen: list[FactorSpec], index: pd.DatetimeIndex) -> Callable[[], object]:
    """The factor functions alone, on the very arrays that the engine hands them."""
    calls: list[tuple[Callable[..., Any], list[Any], dict[str, Any]]] = []
    whole = matrix._masked

    def recorded(factor: Any, arguments: list[Any], params: dict[str, Any], rows: int, first_asked: int = 0) -> Any:
        calls.append((factor.function, arguments, params))
        return whole(factor, arguments, params, rows, first_asked)

    matrix._masked = recorded
    try:
        compute(home().store().as_of(), chosen, index)
    finally:
        matrix._masked = whole
    return lambda: [function(*arguments, **params) for function, arguments, params in calls]


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
