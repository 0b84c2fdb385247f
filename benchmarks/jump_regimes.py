"""The table of regimes in docs/experts.md: a jump model of the Russell 2000 day by day, beside what its authors report.

    BULLBEAR_SNAPSHOT=../snapshot python -m benchmarks.jump_regimes

On the first session of each half-year from 2007 on the model is fitted to the eleven years before. The regime of a
session is inferred from what was known at its close, and decides whether the next session is spent in IWM or at the
three-month bill rate; no costs. Regimes are those of `^RUT`, which is older than the fund.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.market import home
from bullbear.factors import compute, load
from bullbear.sessions import between
from bullbear.statistics.jump_model import fit_jump_model

PENALTIES = (3.0, 10.0, 30.0, 100.0)
WINDOW = 11 * 252
FIRST, LAST = "2007-01-03", "2019-12-31"


def main() -> None:
    view, place = home().store().as_of(), home()
    days = between("1990-01-02", LAST)
    specs = load([place.find("features", "jump_model")])[0].factor[:4]
    told = compute(view, specs, days, "^RUT").to_numpy(dtype=np.float64)
    fund = view.bars("IWM")["adj_close"].reindex(days)
    bill = view.observations("DGS3MO")["value"].reindex(days).ffill().to_numpy() / 100.0 / 252.0
    returns = fund.pct_change(fill_method=None).to_numpy()
    first = int(days.searchsorted(pd.Timestamp(FIRST)))
    print(f"{len(days) - first} sessions, {days[first]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}")
    print("| penalty | Sharpe ratio | deepest fall | sessions in IWM | changes a year | volatility in and out |")
    print(_row("always in IWM", np.zeros(len(days), dtype=int), returns, bill, first))
    for penalty in PENALTIES:
        print(_row(f"{penalty:g}", _states(told, days, first, penalty), returns, bill, first))


def _states(told: np.ndarray, days: pd.DatetimeIndex, first: int, penalty: float) -> np.ndarray:
    """The regime of each session from `first` on, inferred at its close; shape (n_sessions,)."""
    states = np.zeros(len(days), dtype=int)
    half = days.year * 2 + (days.month > 6)
    starts = [row for row in range(first, len(days)) if row == first or half[row] != half[row - 1]]
    # The session before the first is needed too: it decides the first position.
    for start, end in zip([first - 1, *starts[1:]], [*starts[1:], len(days)], strict=True):
        past = told[start - WINDOW : start]
        centre, spread = past.mean(axis=0), past.std(axis=0)
        scaled = np.clip((told[start - WINDOW : end] - centre) / spread, -3.0, 3.0)
        model = fit_jump_model(scaled[:WINDOW], penalty).model
        states[start:end] = model.online_states(scaled)[WINDOW:]
    return states


def _row(name: str, states: np.ndarray, returns: np.ndarray, bill: np.ndarray, first: int) -> str:
    held = states[first - 1 : -1] == 0
    own, cash = returns[first:], bill[first - 1 : -1]
    earned = np.where(held, own, cash)
    excess = earned - cash
    sharpe = np.sqrt(252) * excess.mean() / excess.std()
    wealth = np.concatenate([[1.0], np.cumprod(1.0 + earned)])
    deepest = float((wealth / np.maximum.accumulate(wealth) - 1.0).min())
    changes = np.count_nonzero(np.diff(held)) / (len(held) / 252)
    spread = " and ".join(f"{100 * np.sqrt(252) * own[part].std():.0f} %" for part in (held, ~held) if part.any())
    return f"| {name} | {sharpe:.2f} | {100 * deepest:.0f} % | {100 * held.mean():.0f} % | {changes:.1f} | {spread} |"


if __name__ == "__main__":
    main()
