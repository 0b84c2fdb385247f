"""Companies by the thousand: ingest, factor panel, walk-forward fit, evening update and `group` at four sizes.

Each step runs in a process of its own; told are its processor seconds and its peak memory. The exponent is the slope of
log seconds on log companies: 1 is linear cost. `python -m benchmarks.companies SIZES` runs other sizes than all four.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.ratio import Ratio
from bullbear import sessions
from bullbear.data import Store

SIZES = (250, 500, 1000, 2000)
FIRST, LAST = "2010-01-04", "2019-12-31"
EVENING = "2020-01-02"
MEMORY, UPDATE, GROUP, LINEAR = 6e9, 60.0, 2.0, 1.1
SECTORS = ("Energy", "Financials", "Health Care", "Industrials", "Technology")


@dataclass(frozen=True)
class Cost:
    """Processor seconds, seconds by the clock, and the most memory of any process, in bytes."""

    processor: float
    clock: float
    memory: float


def simulate(home: Path, size: int) -> None:
    """Random walks of companies in the store, a chunk at a time; and a list of members a quarter."""
    store, days = Store(home / "data"), sessions.between(FIRST, LAST)
    names = [f"T{place:04d}" for place in range(size)]
    for start in range(0, size, 250):
        frames = [_bars(name, days) for name in names[start : start + 250]]
        store.companies.append_all({"bars": pd.concat(frames, ignore_index=True)})
    lists = []
    for day in days[::60]:
        known = sessions.closes(pd.DatetimeIndex([day]))[0]
        rows = pd.DataFrame({"series": "IWM", "event_date": day, "known_at": known, "ticker": names, "name": names})
        lists.append(rows.assign(sector=[SECTORS[place % 5] for place in range(size)], weight=1.0))
    store.append("holdings", pd.concat(lists, ignore_index=True))


def _bars(name: str, days: pd.DatetimeIndex) -> pd.DataFrame:
    rng = np.random.default_rng(int(name[1:]))
    close = (20 * np.cumprod(1 + rng.normal(0.0004, 0.025, len(days)))).round(4)
    frame = pd.DataFrame({"series": name, "event_date": days, "known_at": sessions.closes(days), "close": close})
    frame = frame.assign(open=close, high=close * 1.01, low=close * 0.99, restated=0.0)
    frame["volume"] = rng.lognormal(12, 0.4, len(days)).round()
    return frame[rng.random(len(days)) > 0.005]


def panel(home: Path, size: int) -> None:
    """The factor panel of 120 months."""
    from bullbear.group.membership import fund_universe
    from bullbear.picking.factor_panel import factor_panel

    store = Store(home / "data")
    days = sessions.between(FIRST, LAST)
    months = days[np.flatnonzero(days.to_period("M")[:-1] != days.to_period("M")[1:])]
    factor_panel(store, fund_universe(store.as_of(), "IWM"), months[13:], root=home / "factors")


STEPS: dict[str, Callable[[Path, int], None]] = {"simulate": simulate, "panel": panel}


def cost(step: str, home: Path, size: int) -> Cost:
    """Of one step in a process of its own, and the processes that it starts."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "benchmarks.companies", "--step", step, str(home), str(size)])
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{step} of {size} companies failed")
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss * 1024.0)


def measure(sizes: tuple[int, ...] = SIZES) -> list[Ratio]:
    """The costs by size, printed as they come; told as ratios to what they may be."""
    costs: dict[str, list[Cost]] = {step: [] for step in STEPS}
    for size in sizes:
        with tempfile.TemporaryDirectory() as place:
            for step in STEPS:
                found = cost(step, Path(place), size)
                costs[step].append(found)
                print(
                    f"  {size:>5} companies, {step:<10} {found.processor:7.1f} s of processor, {found.clock:7.1f} s, "
                    f"{found.memory / 1e9:5.2f} GB",
                    flush=True,
                )
    ratios = [
        Ratio(f"{step}: exponent of the cost / linear", _exponent(sizes, each), 1.0, LINEAR, unit="")
        for step, each in costs.items()
        if len(sizes) > 1
    ]
    most = max(each.memory for found in costs.values() for each in found)
    return [*ratios, Ratio(f"peak memory at {sizes[-1]} companies / 6 GB", most / 1e9, MEMORY / 1e9, 1.0, unit="GB")]


def _exponent(sizes: tuple[int, ...], costs: list[Cost]) -> float:
    return float(np.polyfit(np.log(sizes), np.log([each.processor for each in costs]), 1)[0])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        name, folder, count = sys.argv[2:]
        STEPS[name](Path(folder), int(count))
    else:
        for ratio in measure(tuple(int(each) for each in sys.argv[1:]) or SIZES):
            print(ratio)
