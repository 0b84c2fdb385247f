"""A moving-average rule in the compiled account, in vectorbt and in backtesting.py: the same equity, and the time.

The rule holds one fund whole while its 50-session mean stands above its 200-session mean, and nothing else. It decides
at closes from the first session after a whole window, trades at the next open with all of the cash, pays 10 basis
points of the value each way, and earns nothing on cash, since neither library knows a bill rate. Each side starts from
arrays of prices in its own form and ends with the equity at every close.

- vectorbt: `MA.run`, `Portfolio.from_signals(close, entries, exits, price=open, fees=0.001)` with signals moved by one
  session; numba compiled, its fastest public way. Also 100 pairs of windows as columns of one call.
- backtesting.py: a `Strategy` with two indicators by `self.I`; `trade_on_close=False`, `commission=0.001`. It holds
  whole shares, so it starts with 10 ** 12 dollars: a share is then less than 10 ** -9 of the equity. `run` computes its
  statistics too and cannot leave them out.

All run warmed up, in one thread, in turn. They are in the extra `bench`.
"""

from __future__ import annotations

import os
import warnings
from importlib.util import find_spec

os.environ["TQDM_DISABLE"] = "1"  # read at its import: backtesting.py would draw a bar

import numpy as np
import pandas as pd
import talib

from benchmarks.ratio import Ratio, interleaved
from bullbear.decide.compiled import tables, walk
from bullbear.decide.instruments import Fund
from bullbear.decide.market import Bars, Market
from bullbear.decide.policy import Slot
from bullbear.sessions import between

YEARS, COST, FAST, SLOW = 25, 0.001, 50, 200
GRID = [(fast, slow) for fast in range(10, 110, 10) for slow in range(120, 320, 20)]
SLOT = Slot("IWM", "core", "bull")


def prices() -> pd.DataFrame:
    """25 years of opens, highs, lows and closes of a random walk."""
    days = between("1995-01-03", f"{1995 + YEARS - 1}-12-31")
    rng = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0003, 0.013, len(days))))
    opened = close * np.exp(rng.normal(0.0, 0.006, len(days)))
    wide = np.exp(np.abs(rng.normal(0.0, 0.005, len(days))))
    high, low = np.maximum(opened, close) * wide, np.minimum(opened, close) / wide
    return pd.DataFrame({"Open": opened, "High": high, "Low": low, "Close": close, "Volume": 1e6}, index=days)


class Ours:
    def __init__(self, frame: pd.DataFrame) -> None:
        names = {"open": "Open", "high": "High", "low": "Low", "close": "Close", "raw_open": "Open"}
        unknown = [np.nan] * len(frame)
        lists = {name: frame[column].tolist() for name, column in names.items()}
        bars = Bars(**lists, atr=unknown, unit=[1.0] * len(frame), dollar_volume=unknown)
        self.close = frame["Close"].to_numpy()
        self.market = Market("IWM", pd.DatetimeIndex(frame.index), unknown, {"IWM": bars}, [0.0] * len(frame))
        fund = Fund(ticker="IWM", inception="1995-01-03", half_spread_bp=0.0, commission=COST)
        self.funds = {"IWM": fund}
        self.arrays = tables(self.market, self.funds, [SLOT])

    def equity(self, fast: int = FAST, slow: int = SLOW) -> np.ndarray:
        above = talib.SMA(self.close, fast) > talib.SMA(self.close, slow)
        targets = above.astype(float)[:, None]
        targets[:slow] = 0.0
        return walk(self.market, self.funds, [SLOT], targets, arrays=self.arrays).equity

    def grid(self) -> np.ndarray:
        return np.stack([self.equity(fast, slow) for fast, slow in GRID], axis=1)


class Vectorbt:
    def __init__(self, frame: pd.DataFrame) -> None:
        import vectorbt

        self.vbt = vectorbt
        self.open, self.close = frame["Open"], frame["Close"]

    def equity(self, pairs: list[tuple[int, int]] | None = None) -> np.ndarray:
        chosen = pairs or [(FAST, SLOW)]
        fast = self.vbt.MA.run(self.close, [f for f, _ in chosen], short_name="fast").ma.to_numpy()
        slow = self.vbt.MA.run(self.close, [s for _, s in chosen], short_name="slow").ma.to_numpy()
        above = (fast > slow).reshape(len(self.close), -1)
        for column, (_, window) in enumerate(chosen):
            above[:window, column] = False
        entries = np.zeros_like(above)
        entries[1:] = above[:-1]
        found = self.vbt.Portfolio.from_signals(
            self.close, entries, ~entries, price=self.open, fees=COST, init_cash=1.0, min_size=0.0, freq="D"
        )
        equity = found.value().to_numpy()
        return equity if pairs else equity.ravel()

    def grid(self) -> np.ndarray:
        return self.equity(GRID)


class BacktestingPy:
    CASH = 1e12

    def __init__(self, frame: pd.DataFrame) -> None:
        from backtesting import Backtest, Strategy

        class Rule(Strategy):
            def init(self) -> None:
                self.fast = self.I(talib.SMA, self.data.Close, FAST)
                self.slow = self.I(talib.SMA, self.data.Close, SLOW)

            def next(self) -> None:
                above = self.fast[-1] > self.slow[-1]
                if above and not self.position:
                    self.buy()
                elif not above and self.position:
                    self.position.close()

        self.test = Backtest(frame, Rule, cash=self.CASH, commission=COST, trade_on_close=False)

    def equity(self) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a last trade that stays open
            return self.test.run()["_equity_curve"]["Equity"].to_numpy() / self.CASH


def measure() -> list[Ratio]:
    frame = prices()
    ours = Ours(frame)
    found = []
    what = f"moving averages, {YEARS} years"
    if missing := [name for name in ("vectorbt", "backtesting") if find_spec(name) is None]:
        print(f"no {', '.join(missing)} (pip install 'bullbear[bench]'): not compared")
        return found
    vectorbt, backtesting = Vectorbt(frame), BacktestingPy(frame)
    for theirs in (vectorbt, backtesting):
        np.testing.assert_allclose(theirs.equity(), ours.equity(), rtol=1e-6, atol=0)
    np.testing.assert_allclose(vectorbt.grid(), ours.grid(), rtol=1e-6, atol=0)
    found.append(interleaved(f"{what} / vectorbt", ours.equity, vectorbt.equity, rounds=15, aim=1.0))
    found.append(interleaved(f"{what}, {len(GRID)} pairs / vectorbt", ours.grid, vectorbt.grid, rounds=5, aim=1.0))
    found.append(interleaved(f"{what} / backtesting.py", ours.equity, backtesting.equity, rounds=5, aim=1.0))
    return found
