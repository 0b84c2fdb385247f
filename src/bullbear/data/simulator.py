"""A simulated market with known probabilities, to run and test the whole pipeline without data.

`simulate` draws the files of a snapshot directory (process: `simulated_process`; prices: `simulated_prices`; macro
series: `simulated_macro`), and `load` ingests them like any snapshot. The true probability of a rise and the hidden
states are stored outside the store, where no forecast can read them (`oracle`). A market may have companies, the
constituents of IWM (`companies.simulated`); its other series are the same with and without them.

`signal` scales predictability. At 0 the true probability is 0.60 every day; knowing the hidden state gives a Brier
skill of about 6 % at 0.5 and 19 % at 1, but it is observed with noise only.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from bullbear.data import simulated_macro, simulated_prices
from bullbear.data.companies.kinds import PREFIX
from bullbear.data.companies.oracle import CompanyTruth, write_company_truth
from bullbear.data.companies.simulated.generator import MOST, Block, Companies, companies_of
from bullbear.data.companies.simulated.writing import write_companies
from bullbear.data.oracle import write_truth
from bullbear.data.simulated_process import draw
from bullbear.data.snapshot import IngestReport, ingest_frames
from bullbear.data.store import Store
from bullbear.errors import InputError
from bullbear.sessions import between

FIRST_YEAR = 2000
FEWEST_YEARS, MOST_YEARS = 3, 25
BATCH = 5  # blocks of companies stored at once: more takes memory, fewer a segment more in every partition


@dataclass(frozen=True)
class Simulation:
    """One simulated market.

    Attributes
    ----------
    seed, signal, years
        The arguments of `simulate`.
    companies
        The constituents of IWM, drawn block by block; None if there are none.
    frames
        The files of the snapshot directory, by name without suffix: `prices/IWM`.
    truth
        `decided` (session) and `p_up`: P(the total return of IWM over the next 21 sessions exceeds 0), given the whole
        hidden state at that session's close; `state` is its number and `signal` the market's, from which the truth of
        any other question follows (`oracle.true_probabilities`).
    """

    seed: int
    signal: float
    years: int
    frames: dict[str, pd.DataFrame]
    truth: pd.DataFrame
    companies: Companies | None = None

    def write(self, directory: Path) -> None:
        """Write the snapshot directory, without the truth; companies go to its folder `companies/`."""
        for name, frame in self.frames.items():
            place = directory / f"{name}.csv"
            place.parent.mkdir(parents=True, exist_ok=True)
            frame.to_csv(place, index=False)
        if self.companies is not None:
            write_companies(self.companies, directory / "companies")


def simulate(seed: int = 7, signal: float = 0.5, years: int = 20, companies: int = 0) -> Simulation:
    """Draw a simulated market from the first session of 2000 on.

    Reproducible to the last bit; a shorter market is the beginning of a longer one (but for the scale of adjusted
    prices, which are anchored at the end).

    Parameters
    ----------
    seed
        Any non-negative integer.
    signal
        The predictable part of the drift, from 0 (nothing is predictable) to 1.
    years
        Whole calendar years, 3 to 25.
    companies
        Companies listed at a time, up to 2,500. About a twentieth of them disappears each year, and others follow.

    Raises
    ------
    InputError
        An argument is out of its range.

    Example
    -------
    >>> market = simulate(seed=1, signal=0.0, years=3)
    >>> market.frames["prices/IWM"]["date"].iloc[[0, -1]].dt.strftime("%Y-%m-%d").tolist()
    ['2000-01-03', '2002-12-31']
    >>> market.truth["p_up"].round(6).unique().tolist()
    [0.6]
    """
    _check(seed, signal, years, companies)
    sessions = between(f"{FIRST_YEAR}-01-03", f"{FIRST_YEAR + years - 1}-12-31")
    path = draw(seed, float(signal), len(sessions))
    macro, rates = simulated_macro.series(path, sessions, seed)
    prices, dividends = simulated_prices.bars(path, sessions, seed, simulated_macro.bond_returns(rates))
    prices["^VIX"] = simulated_prices.volatility_index(rates["VIXCLS"], sessions, seed)
    volume = prices["IWM"]["volume"].to_numpy()
    frames = {f"prices/{ticker}": frame for ticker, frame in prices.items()}
    frames |= {f"dividends/{ticker}": frame for ticker, frame in dividends.items()}
    frames |= {f"macro/{name}": frame for name, frame in macro.items()}
    frames["short_interest/IWM"] = simulated_macro.short_interest(path, sessions, volume, seed)
    frames["short_volume/IWM"] = simulated_macro.short_volume(path, sessions, volume, seed)
    truth = pd.DataFrame({"decided": sessions, "p_up": path.p_up, "state": path.state, "signal": float(signal)})
    inside = companies_of(path, sessions, seed, float(signal), companies) if companies else None
    return Simulation(seed, float(signal), years, frames, truth, inside)


def load(simulation: Simulation, store: Store, home: Path, now: pd.Timestamp) -> IngestReport:
    """Ingest a simulated market, and write its truth under `home`; loading it again adds nothing.

    InputError if the store holds real data or another simulated market.
    """
    made_from: dict[str, float | int | str] = {
        "seed": simulation.seed,
        "signal": simulation.signal,
        "years": simulation.years,
    }
    if simulation.companies is not None:
        made_from["companies"] = simulation.companies.count
    mark = store.root / "SIMULATED.json"
    held = json.loads(mark.read_text()) if store.is_simulated else None
    if not store.is_empty and held != made_from:
        what = f"the simulated market of {held}" if held else "real data"
        raise InputError("store", what, "an empty store", "give another --home, or move its data/ away")
    with store.writing():
        # Marked before it is filled, so that rows of an interrupted load never count as real.
        store.mark_simulated(made_from)
        write_truth(simulation.truth, home)
    frames = {_place(name): frame for name, frame in simulation.frames.items()}
    if simulation.companies is None:
        return ingest_frames(frames, store, now)
    added, truth, candidates, rows = Counter[str](), [], [], 0
    for batch in _batches(simulation.companies.blocks()):
        kinds = batch[0].frames
        frame = {kind: pd.concat([block.frames[kind] for block in batch], ignore_index=True) for kind in kinds}
        rows += sum(map(len, frame.values()))
        added += Counter({f"{PREFIX}{kind}": n for kind, n in store.companies.append_all(frame, now).items()})
        truth += [block.truth for block in batch]
        candidates += [block.candidates for block in batch]
    frames["holdings", "IWM"] = simulation.companies.holdings(candidates)
    with store.writing():
        write_company_truth(CompanyTruth.joined(truth), home)
    report = ingest_frames(frames, store, now)
    return replace(report, added=report.added | added, rows_read=report.rows_read + rows)


def _batches(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    each = iter(blocks)
    while batch := list(islice(each, BATCH)):
        yield batch


def _place(name: str) -> tuple[str, str]:
    folder, series = name.split("/")
    return folder, series


def _check(seed: int, signal: float, years: int, companies: int) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError("seed", seed, "an integer from 0 on", "choose another seed")
    if isinstance(signal, bool) or not isinstance(signal, int | float) or not 0.0 <= signal <= 1.0:
        raise InputError("signal", signal, "a number from 0 to 1", "0 means that nothing is predictable")
    if isinstance(years, bool) or not isinstance(years, int) or not FEWEST_YEARS <= years <= MOST_YEARS:
        raise InputError("years", years, f"{FEWEST_YEARS} to {MOST_YEARS} whole years", "choose another length")
    if isinstance(companies, bool) or not isinstance(companies, int) or not 0 <= companies <= MOST:
        raise InputError("companies", companies, f"0 to {MOST:,}", "choose another number")
