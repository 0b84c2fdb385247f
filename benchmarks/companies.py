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
YEARS = 10
MEMORY, UPDATE, GROUP, LINEAR = 6e9, 60.0, 2.0, 1.1


@dataclass(frozen=True)
class Cost:
    """Processor seconds, seconds by the clock, and the most memory of any process, in bytes."""

    processor: float
    clock: float
    memory: float


def simulate(home: Path, size: int) -> None:
    """Ten years of the simulated market with companies: bars, splits, filings, short interest, members."""
    from bullbear.home import Home
    from bullbear.workflows.filling import fill_simulated

    fill_simulated(Home(home), 0, 0.5, YEARS, size)


def files(home: Path, size: int) -> None:
    """The bars of the simulated companies as a directory of CSV files, one for each; not a cost that is told."""
    view = Store(home / "data").as_of().companies
    folder = home / "files" / "prices"
    folder.mkdir(parents=True)
    (home / "files" / "filed_facts.csv").write_text("known_at,ticker,concept,value,end_date,start_date,form,unit\n")
    for start in range(0, len(view.names), 100):
        names = view.names[start : start + 100]
        panel = view.panel(names)
        for column, name in enumerate(names):
            here = panel.traded[:, column]
            table = {each: getattr(panel, each)[here, column].round(4) for each in ("open", "high", "low", "close")}
            rows = pd.DataFrame({"date": panel.sessions[here].strftime("%Y-%m-%d"), **table})
            rows.assign(adj_close=rows["close"], volume=panel.volume[here, column]).to_csv(
                folder / f"{name}.csv", index=False
            )


def ingest(home: Path, size: int) -> None:
    """The directory of CSV files into an empty store."""
    from bullbear.data.companies.ingest import ingest_companies

    ingest_companies(home / "files", Store(home / "ingested" / "data"), pd.Timestamp.now("UTC"))


def panel(home: Path, size: int) -> None:
    """All factors from bars of the members of IWM, each month in which they are known."""
    from bullbear.group.membership import fund_universe
    from bullbear.picking.cross_section import decisions
    from bullbear.picking.factor_panel import factor_panel
    from bullbear.picking.features import FEATURES

    store = Store(home / "data")
    view = store.as_of()
    universe, companies = fund_universe(view, "IWM"), view.companies
    days = sessions.between(companies.first_session, companies.last_session)
    days = days[decisions(days, "month")]
    known, _ = universe.mask(days, ())
    factor_panel(store, universe, days[known], root=home / "factors", names=tuple(FEATURES))


def fit(home: Path, size: int) -> None:
    """`pick --picker ranker --evaluate`: its factors, a fit each year, portfolios and intervals."""
    from bullbear.home import Home
    from bullbear.workflows.company_picks import Asked, companies_record

    companies_record(Home(home), Asked(picker="ranker"))


def evening(home: Path, size: int) -> None:
    """The bars of one more session are stored, and the ranker ranks the members at its close."""
    from bullbear.home import Home
    from bullbear.workflows.company_picks import Asked, rank_companies

    store = Store(home / "data")
    companies = store.as_of().companies
    last = companies.panel(first=companies.last_session, last=companies.last_session)
    day = sessions.offset(companies.last_session, 1)
    here = last.traded[0]
    rows = pd.DataFrame({"series": np.array(last.companies)[here], "event_date": day})
    rows["known_at"] = sessions.closes(pd.DatetimeIndex([day]))[0]
    for name in ("open", "high", "low", "close", "volume"):
        rows[name] = getattr(last, name)[0, here]
    assert store.companies.append_all({"bars": rows.assign(restated=0.0)})["bars"] == here.sum()
    assert rank_companies(Home(home), Asked(picker="ranker")).as_of == day


def group(home: Path, size: int) -> None:
    """`bullbear group`."""
    from bullbear.cli import main

    sys.argv = ["bullbear", "group", "--home", str(home), "--json"]
    with open(os.devnull, "w") as nowhere:
        sys.stdout = nowhere
        main()


STEPS: dict[str, Callable[[Path, int], None]] = {
    step.__name__: step for step in (simulate, files, ingest, panel, fit, evening, group)
}


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
    del costs["files"]
    ratios = [
        Ratio(f"{step}: exponent of the cost / linear", _exponent(sizes, each), 1.0, LINEAR, unit=" ")
        for step, each in costs.items()
        if len(sizes) > 1
    ]
    update, shown = costs["evening"][-1], costs["group"][-1]
    ratios += [
        Ratio(f"evening update of {sizes[-1]} companies / {UPDATE:g} s", update.processor, UPDATE, 1.0),
        Ratio(f"group of {sizes[-1]} companies / {GROUP:g} s", shown.processor, GROUP, 1.0),
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
