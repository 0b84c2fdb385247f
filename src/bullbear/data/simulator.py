"""A market made by a known law, so that the whole pipeline can be run, and judged against the truth, without any data.

`simulate` draws it (the law: `simulated_process`; the prices: `simulated_prices`; what leaks: `simulated_macro`) as the
files of a snapshot directory, and `load` puts those files into a store on the same road as any snapshot. The true
probability of a rise is kept beside the store, where nothing that forecasts may read it (`oracle`).

`signal` scales what can be predicted. At 0 the true probability is 0.60 on every day; at 0.5 knowing the hidden state
is worth a Brier skill of about 6 %, at 1 about 19 %, and a forecaster sees that state through noise only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bullbear.data import simulated_macro, simulated_prices
from bullbear.data.oracle import write_truth
from bullbear.data.simulated_process import draw
from bullbear.data.snapshot import IngestReport, ingest_frames
from bullbear.data.store import Store
from bullbear.errors import InputError
from bullbear.sessions import between

FIRST_YEAR = 2000
FEWEST_YEARS, MOST_YEARS = 3, 25


@dataclass(frozen=True)
class Simulation:
    """One simulated market.

    Attributes
    ----------
    seed, signal, years
        What it was made from.
    frames
        The files of the snapshot directory by name without suffix, such as `prices/IWM`.
    truth
        `decided` (session) and `p_up`: P(the total return of IWM over the next 21 sessions exceeds 0), given the whole
        hidden state at that session's close.
    """

    seed: int
    signal: float
    years: int
    frames: dict[str, pd.DataFrame]
    truth: pd.DataFrame

    def write(self, directory: Path) -> None:
        """Write the files of a snapshot directory; the truth is not among them."""
        for name, frame in self.frames.items():
            place = directory / f"{name}.csv"
            place.parent.mkdir(parents=True, exist_ok=True)
            frame.to_csv(place, index=False)


def simulate(seed: int = 7, signal: float = 0.5, years: int = 20) -> Simulation:
    """Draw a simulated market from the first session of 2000 on.

    The same arguments give the same market to the last bit, and the first years of a long market are the short market
    (up to the scale of adjusted prices, which are anchored at the end).

    Parameters
    ----------
    seed
        Any non-negative integer.
    signal
        The predictable part of the drift, from 0 (nothing is predictable) to 1.
    years
        Whole calendar years, 3 to 25.

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
    _check(seed, signal, years)
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
    truth = pd.DataFrame({"decided": sessions, "p_up": path.p_up})
    return Simulation(seed, float(signal), years, frames, truth)


def load(simulation: Simulation, store: Store, home: Path, now: pd.Timestamp) -> IngestReport:
    """Put a simulated market into the store on the road of a snapshot's files, and its truth beside the store.

    Loading the same market twice adds nothing.

    Raises
    ------
    InputError
        The store holds something else: the simulated market is never mixed with real data, nor with another one.
    """
    made_from: dict[str, float | int | str] = {
        "seed": simulation.seed,
        "signal": simulation.signal,
        "years": simulation.years,
    }
    mark = store.root / "SIMULATED.json"
    held = json.loads(mark.read_text()) if store.is_simulated else None
    if not store.is_empty and held != made_from:
        what = f"the simulated market of {held}" if held else "real data"
        raise InputError("store", what, "an empty store", "give another --home, or move its data/ away")
    with store.writing():
        # Marked before it is filled: were the load cut short, the rows could not pass for real ones.
        store.mark_simulated(made_from)
        write_truth(simulation.truth, home)
    return ingest_frames({_place(name): frame for name, frame in simulation.frames.items()}, store, now)


def _place(name: str) -> tuple[str, str]:
    folder, series = name.split("/")
    return folder, series


def _check(seed: int, signal: float, years: int) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError("seed", seed, "an integer from 0 on", "choose another seed")
    if isinstance(signal, bool) or not isinstance(signal, int | float) or not 0.0 <= signal <= 1.0:
        raise InputError("signal", signal, "a number from 0 to 1", "0 means that nothing is predictable")
    if isinstance(years, bool) or not isinstance(years, int) or not FEWEST_YEARS <= years <= MOST_YEARS:
        raise InputError("years", years, f"{FEWEST_YEARS} to {MOST_YEARS} whole years", "choose another length")
