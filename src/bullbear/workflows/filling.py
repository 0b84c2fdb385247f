"""`bullbear ingest`, `simulate`, `fetch`, and the first step of `run`: filling a home's store.

Kinds of rows are stored one after the other. A mark stands in the store meanwhile, so that one whose filling was killed
is not taken for a full one; filling again completes it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from bullbear.data.companies.files import is_of_companies
from bullbear.data.companies.ingest import ingest_companies
from bullbear.data.simulator import load, simulate
from bullbear.data.snapshot import COMPANIES, IngestReport, ingest
from bullbear.errors import BullbearError, InputError
from bullbear.home import Home
from bullbear.settings import Settings, settings_of
from bullbear.workflows.console import Console

if TYPE_CHECKING:
    from bullbear.data.fetching import FetchReport

DEFAULT_MARKET = {"seed": 7, "signal": 0.5, "years": 20}
T = TypeVar("T")


@dataclass(frozen=True)
class DataSource:
    """What `bullbear run` works on; None means what is there, else the default.

    `data` is `sim`, `live` or a snapshot directory; `seed`, `signal` and `years` make the simulated market, with as
    many companies as the one that is there.
    """

    data: str | None = None
    seed: int | None = None
    signal: float | None = None
    years: int | None = None

    def market(self, held: Mapping[str, Any]) -> dict[str, Any]:
        """The simulated market that is meant, given the one that the store holds."""
        asked = {"seed": self.seed, "signal": self.signal, "years": self.years}
        meant = {
            name: held.get(name, DEFAULT_MARKET[name]) if value is None else value for name, value in asked.items()
        }
        return meant | ({"companies": held["companies"]} if "companies" in held else {})


def fill(home: Home, source: DataSource, console: Console) -> None:
    """Bring the store to what was asked for: as it is if nothing was, else filled, completed or exchanged.

    Raises
    ------
    InputError
        The snapshot was refused whole, or the store holds real data and the simulated market was asked for.
    """
    empty, held = home.store().is_empty, home.store().simulated_from
    if source.data not in (None, "sim"):
        if held is None or empty:
            _fill_real(home, str(source.data), home, console)
            return
        console.say("real data will replace the SIMULATED market once they are stored; to keep it, give another --home")
        in_place_of_simulated(home, lambda place: _fill_real(place, str(source.data), home, console))
        return
    if not empty and held is None:
        if source.data == "sim":
            raise InputError("--data", "sim", "the real data that is in the store", "give another --home")
        console.say(f"store: {home.data} as it is")
        return
    market = source.market(held or {})
    if held is not None and not empty and market == held and not is_unfinished(home):
        console.say(f"store: {home.data} as it is, the SIMULATED market of {held}")
        return
    console.say(
        "filling the store with the SIMULATED market (seed {seed}, signal {signal:g}, {years} years)".format(**market)
    )
    if held is not None and market != held:
        in_place_of_simulated(home, lambda place: fill_simulated(place, **market))
    else:
        fill_simulated(home, **market)


def _fill_real(place: Home, data: str, home: Home, console: Console) -> None:
    """Fill the store of `place` by the settings of `home`; a partial refusal is reported, a whole one raised."""
    faults: Sequence[BullbearError]
    if data == "live":
        console.say("bringing the store up to date from the live providers")
        faults = fill_live(place, say=console.say, settings=settings_of(home.root)).failures
    else:
        if not Path(data).is_dir():
            raise InputError("--data", data, "`sim`, `live` or a snapshot directory", "check the path")
        console.say(f"filling the store from {data}")
        faults = fill_from(place, Path(data), console.say).refusals
        for refusal in faults:
            console.say(f"refused: {refusal}")
    if faults and place.store().is_empty:
        raise faults[0]


def fill_simulated(home: Home, seed: int, signal: float, years: int, companies: int = 0) -> IngestReport:
    """Load the simulated market; the same arguments twice change nothing.

    Raises
    ------
    InputError
        The store holds other data.
    """
    market = simulate(seed, signal, years, companies)
    with _marked(home):
        return load(market, home.store(), home.root, pd.Timestamp.now("UTC"))


def fill_from(home: Home, directory: Path, say: Callable[[str], None] = lambda _: None) -> IngestReport:
    """Load a snapshot directory, a directory of companies, or a snapshot with such a one in its folder `companies/`.

    Raises
    ------
    InputError
        It is no directory, or the store holds the simulated market.
    """
    if not directory.is_dir():
        raise InputError("snapshot", str(directory), "a directory", "check the path")
    now = pd.Timestamp.now("UTC")
    with _marked(home):
        if is_of_companies(directory):
            return ingest_companies(directory, home.store(), now, say)
        within = directory / COMPANIES
        if not within.is_dir():
            return ingest(directory, home.store(), now)
        alone = all(path == within or path.name.startswith(".") for path in directory.iterdir())
        market = None if alone else ingest(directory, home.store(), now)
        companies = ingest_companies(within, home.store(), now, say)
        return companies if market is None else market.and_(companies)


def in_place_of_simulated(home: Home, filler: Callable[[Home], T]) -> T:
    """Exchange the simulated market for what `filler` stores; kept until something has arrived, since its seed can
    bring it back, but a dead network cannot. Real data are never removed.

    Parameters
    ----------
    filler
        Fills the home it is given: one beside the present one, on the same disk.

    Raises
    ------
    InputError
        The store holds real data; and whatever `filler` raises, with nothing changed.
    """
    if not home.store().is_simulated:
        raise InputError("store", "real data", "the simulated market", "give another --home")
    incoming, away = (home.root / f".{name}-{os.getpid()}" for name in ("incoming", "discarded"))
    try:
        result = filler(Home(incoming))
        if not Home(incoming).store().is_empty:
            away.mkdir(exist_ok=True)
            for name in (home.data.name, "oracle"):
                # Renamed, not copied: were the exchange cut short, no half of a market would be left to be read.
                if (home.root / name).exists():
                    os.replace(home.root / name, away / name)
                if (incoming / name).exists():
                    os.replace(incoming / name, home.root / name)
        return result
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
        shutil.rmtree(away, ignore_errors=True)


def fill_live(
    home: Home,
    only: tuple[str, ...] = (),
    say: Callable[[str], None] = lambda _: None,
    settings: Settings | None = None,
    now: pd.Timestamp | None = None,
) -> FetchReport:
    """Bring the store up to date from the live providers, by the home's own settings and this machine's clock if none
    are given.

    Raises
    ------
    InputError
        The extra `live` is not installed, the store holds the simulated market, or `only` names nothing known.
    DefinitionError
        `bullbear.toml` cannot be used.
    """
    from bullbear.data.fetching import fetch_all

    store = home.store()
    with _marked(home) if store.is_empty else nullcontext():
        clock = pd.Timestamp.now("UTC") if now is None else now
        return fetch_all(store, settings or _with_pairs(home, settings_of(home.root)), clock, only=only, say=say)


def fill_companies(
    home: Home,
    only: tuple[str, ...] = (),
    say: Callable[[str], None] = lambda _: None,
    settings: Settings | None = None,
    now: pd.Timestamp | None = None,
) -> FetchReport:
    """Bring the companies that the home's funds hold up to date; arguments as in `fill_live`.

    Raises
    ------
    InputError
        The store holds the simulated market, no fund is set, or `only` names no company that the funds held.
    DefinitionError
        `bullbear.toml` cannot be used.
    """
    from bullbear.data.companies.fetching import fetch_companies

    store = home.store()
    with _marked(home) if store.is_empty else nullcontext():
        clock = pd.Timestamp.now("UTC") if now is None else now
        return fetch_companies(store, settings or settings_of(home.root), clock, only=only, say=say)


def is_unfinished(home: Home) -> bool:
    """Whether a filling was killed and not completed since."""
    return _mark(home).exists()


@contextmanager
def _marked(home: Home) -> Iterator[None]:
    missing = [folder for folder in (home.data, home.root) if not folder.exists()]
    was_unfinished = is_unfinished(home)
    home.data.mkdir(parents=True, exist_ok=True)
    _mark(home).touch()
    try:
        yield
    except BaseException:
        # Refused: leave the home as it was found. Where rows were stored, the folder is not empty and stays.
        if not was_unfinished:
            _mark(home).unlink(missing_ok=True)
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise
    _mark(home).unlink(missing_ok=True)


def _mark(home: Home) -> Path:
    return home.data / ".filling"


def _with_pairs(home: Home, settings: Settings) -> Settings:
    """The settings of a home with the prices of its pairs' funds among what is fetched."""
    prices = tuple(dict.fromkeys((*settings.fetch.prices, *home.pair_funds)))
    return settings.model_copy(update={"fetch": settings.fetch.model_copy(update={"prices": prices})})
