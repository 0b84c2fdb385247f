"""Backtests: the two agents compiled, and a moving-average rule beside vectorbt and backtesting.py.

The two agents run over 25 years of a simulated market with a random forecast at each close, once and in 1,000 variants.
What they see is packed before, once for all variants; what that took is printed.

The moving-average rule holds one fund whole while its 50-session mean stands above its 200-session mean, and nothing
else. It decides at closes from the first session after a whole window, trades at the next open with all of the cash,
pays 10 basis points of the value each way, and earns nothing on cash, since neither library knows a bill rate. Each
side starts from arrays of prices in its own form and ends with the equity at every close.

- vectorbt: `MA.run`, `Portfolio.from_signals(close, entries, exits, price=open, fees=0.001)` with signals moved by one
  session; numba compiled, its fastest public way. Also 100 pairs of windows as columns of one call.
- backtesting.py: a `Strategy` with two indicators by `self.I`; `trade_on_close=False`, `commission=0.001`. It holds
  whole shares, so it starts with 10 ** 12 dollars: a share is then less than 10 ** -9 of the equity. `run` computes its
  statistics too and cannot leave them out.

All run warmed up, in one thread, in turn, and their equity must agree to 1e-6. They are in the extra `bench`.
"""

from __future__ import annotations

import os
import time
import tomllib
import warnings
from importlib.util import find_spec
from pathlib import Path

os.environ["TQDM_DISABLE"] = "1"  # read at its import: backtesting.py would draw a bar

import numpy as np
import pandas as pd
import talib

from benchmarks.market import home
from benchmarks.ratio import Ratio, interleaved
from bullbear.dataset.predictions import Predictions
from bullbear.decide.backtest import backtest
from bullbear.decide.compiled import tables, walk
from bullbear.decide.compiled.sweep import replay, sweep
from bullbear.decide.instruments import Fund
from bullbear.decide.market import Bars, Market
from bullbear.decide.performance import sharpe
from bullbear.decide.policies.two_agents import TwoAgents
from bullbear.decide.policy import Slot
from bullbear.factors import compute, load
from bullbear.sessions import between, closes

YEARS, COST, FAST, SLOW = 25, 0.001, 50, 200
DEFINITIONS = Path(__file__).parents[1] / "models" / "policies"
ONE, ALL = 0.020, 10.0
"""The limits, in seconds, of one backtest of the two agents and of 1,000 variants."""
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


def two_agents() -> list[Ratio]:
    place = home()
    view = place.store().as_of()
    bars = pd.DatetimeIndex(view.bars("IWM").index)
    specs = load([place.find("features", "agents")])[0].factor
    days = bars[60:-22]
    factors = compute(view, specs, bars, "IWM")
    forecasts = random_forecasts(days)
    table = tomllib.loads((DEFINITIONS / "two_agents_bear.toml").read_text())
    whole = TwoAgents.model_validate({name: each for name, each in table.items() if name in TwoAgents.model_fields})
    began = time.perf_counter()
    prepared = replay(forecasts, view, [whole], factors=factors)
    prepared.pack(whole)
    packed = time.perf_counter() - began

    def variants() -> list[float]:
        return sweep(prepared, grid_of(whole), lambda found: sharpe(found.excess_returns), jobs=2)

    began = time.perf_counter()
    prepared.run(whole)
    print(f"  two agents: packing {packed:.1f} s, compiling or loading the code {time.perf_counter() - began:.1f} s")
    once = interleaved(
        f"two agents, {len(days) / 252:.0f} years / the Python backtest",
        lambda: prepared.run(whole),
        lambda: backtest(forecasts, view, whole, factors=factors, baselines={}),
        rounds=3,
        aim=None,
    )
    python = backtest(forecasts, view, whole, factors=factors, baselines={}).equity
    np.testing.assert_allclose(prepared.run(whole).equity, python, rtol=0, atol=1e-9)
    began, worked = time.perf_counter(), time.process_time()
    found = variants()
    took, worked = time.perf_counter() - began, time.process_time() - worked
    print(f"  {len(found):,} variants: {worked:.1f} s of processor time")
    assert len(set(found)) > len(found) / 2
    return [
        once,
        Ratio(f"the same / {ONE * 1000:.0f} ms", once.ours, ONE, 1.0),
        Ratio(f"{len(found):,} variants on 2 threads / {ALL:.0f} s", took, ALL, 1.0),
    ]


def random_forecasts(days: pd.DatetimeIndex) -> Predictions:
    """Forecasts around the base rates, each half that of the day before."""
    rng, ahead = np.random.default_rng(0), between(days[0], days[-1] + pd.Timedelta(days=60))
    resolved = closes(ahead[ahead.get_indexer(days) + 21])
    tables = []
    for question, usual in (("up", 0.6), ("dip8", 0.15), ("vol20", 0.4), ("vol30", 0.12)):
        shocks = pd.Series(rng.normal(0.0, 0.3, len(days))).ewm(alpha=0.5).mean().to_numpy()
        p = usual * np.exp(shocks)
        p = p / (p + 1.0 - usual)
        known = {"decided_at": closes(days), "resolved_at": resolved, "asset": "IWM", "question": question}
        tables.append(Predictions.of(**known, p=p, p_low=p, p_high=p, climatology=usual))
    return Predictions.concat(tables)


def grid_of(policy: TwoAgents) -> list[TwoAgents]:
    """1,000 variants: ten sizes of a breach, ten targets of the Bull, ten exposures of the Bear."""
    table = policy.model_dump()
    return [
        TwoAgents.model_validate(
            {
                **table,
                "trend": {**table["trend"], "breach_atr": breach},
                "bull": {**table["bull"], "target_volatility": target},
                "bear": {**table["bear"], "exposure": exposure},
            }
        )
        for breach in np.linspace(0.1, 1.0, 10).tolist()
        for target in np.linspace(0.08, 0.26, 10).tolist()
        for exposure in np.linspace(0.1, 0.6, 10).tolist()
    ]


def measure() -> list[Ratio]:
    return [*two_agents(), *moving_averages()]


def moving_averages() -> list[Ratio]:
    frame = prices()
    ours = Ours(frame)
    found: list[Ratio] = []
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
