"""The factors of a group's companies at many decisions, computed in parts that need little memory.

A part is a bucket of companies and the decisions of one year. Bars, splits and dividends count as they were known at
the close of their own session: a correction that came later is no part of any factor, so that a decision of the past
has the factors that it could have had, and the screen deals with misprints. Three steps, each a call per part or block,
in this process, several, or on a cluster:

1. a part reads the store's partitions of its own companies, from the autumn before last on, screens the bars, and adds
   up the growth of its members;
2. factors of the companies of a part, see `features`, with the growth of the whole group;
3. ranks among the members of each decision of a block.

Results lie in Parquet files by year and bucket. They are equal to the last bit wherever and in whatever order the parts
run: sums over companies are sums of whole numbers. The screen judges each company by its own bars alone, so nobody who
joined the group later, or left it, changes a decision.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear import sessions as exchange
from bullbear.data import Store
from bullbear.data.companies.kinds import BUCKETS, bucket
from bullbear.data.companies.panel import Panel
from bullbear.data.companies.tables import Cells, cells_path, read_cells, write_cells
from bullbear.data.companies.view import CompanyView
from bullbear.execution import Executor, map_items
from bullbear.execution.environment import environment
from bullbear.files import write_whole
from bullbear.group.membership import Universe
from bullbear.group.screening import screen
from bullbear.picking.fact_features import fact_values
from bullbear.picking.features import FEATURES, values_of
from bullbear.picking.history import DAILY, Array, BoolArray, Daily
from bullbear.picking.ranks import percentiles

LARGEST = 0.5
"""The growth of a session at which a company's part in the growth of the group is cut off, up and down."""
_UNIT = float(2**40)  # a growth is a whole number of these parts: sums of up to 10**7 companies are exact

RAW, RANKED = "raw", "ranked"
_AUTUMN = "09-01"  # of the year before last: a year and a week before 1 January, and the screen's sixty sessions

Progress = Callable[[str, int, int], None]
"""Called with the name of a step, the parts done, and the parts in all."""


@dataclass(frozen=True)
class Block:
    """Decisions of one year; `first` is the first session they need."""

    year: int
    name: str
    decisions: pd.DatetimeIndex
    first: pd.Timestamp

    @property
    def last(self) -> pd.Timestamp:
        """The last session they need."""
        return self.decisions[-1]


@dataclass(frozen=True)
class Part:
    """One call's work: a block's decisions, and the places of a bucket's companies."""

    block: Block
    bucket: int
    places: NDArray[np.intp]

    @property
    def name(self) -> str:
        """As in file names."""
        return f"{self.block.name}-{self.bucket}of{BUCKETS}"


@dataclass(frozen=True)
class Task:
    """What all calls share.

    Attributes
    ----------
    store
        Opened by each process at its own `root`: all machines must see that folder, and that of `root`.
    stored
        Rows stored later are not read.
    root
        Where the results go.
    companies
        Sorted: all that were ever members.
    sessions, known, member
        Membership at each session's close; shapes (n_sessions,) and (n_sessions, n_companies).
    group
        By name of the block: the growth of the group on its sessions.
    """

    store: Store
    stored: pd.Timestamp
    root: Path
    names: tuple[str, ...]
    companies: tuple[str, ...]
    sessions: pd.DatetimeIndex
    known: BoolArray
    member: BoolArray
    group: dict[str, Array]


@dataclass(frozen=True)
class FactorPanel:
    """Where the factors of `companies` at `decisions` lie; members alone have ranks."""

    root: Path
    decisions: pd.DatetimeIndex
    companies: tuple[str, ...]
    names: tuple[str, ...]

    def raw(self, decisions: pd.DatetimeIndex | None = None, names: tuple[str, ...] | None = None) -> Cells:
        """The values of all companies, members or not, in double precision."""
        return self._read(RAW, decisions, names)

    def ranked(self, decisions: pd.DatetimeIndex | None = None, names: tuple[str, ...] | None = None) -> Cells:
        """The percentiles among the members of each decision, from 0 to 1, in single precision."""
        return self._read(RANKED, decisions, names)

    def _read(self, kind: str, decisions: pd.DatetimeIndex | None, names: tuple[str, ...] | None) -> Cells:
        chosen = self.decisions if decisions is None else decisions
        return read_cells(self.root / kind, chosen, self.companies, self.names if names is None else names)


def factor_panel(
    store: Store,
    universe: Universe,
    decisions: pd.DatetimeIndex,
    *,
    root: Path,
    names: tuple[str, ...] = tuple(FEATURES),
    stored: pd.Timestamp | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> FactorPanel:
    """Compute the factors of a universe's companies at decisions, or continue what was begun, or find what is there.

    Parameters
    ----------
    store
        Read through `as_of` at each decision's close.
    universe
        Whose members are ranked.
    decisions
        Sessions, ascending; decided is at their closes.
    root
        A folder of results; each question has a folder of its own in it. Workers on other machines must see it, and the
        store, under the same path.
    names
        Keys of `features.FEATURES` and `fact_features.FACT_FEATURES`.
    stored
        Read only rows stored by then; by default all that are there now.
    """
    limit = store.last_stored_at if stored is None else stored
    view = store.as_of(exchange.closes(decisions[-1:])[0], stored=limit)
    companies = tuple(sorted(set(universe.companies()) & set(view.companies.names)))
    blocks = blocks_of(decisions)
    sessions = exchange.between(blocks[0].first, decisions[-1])
    known, member = universe.mask(sessions, companies)
    task = Task(store, limit, root, names, companies, sessions, known, member, {})
    task = replace(task, root=root / _key(task, decisions))
    found = FactorPanel(task.root, decisions, companies, names)
    done = task.root / "done.json"
    if done.exists():
        return found
    parts = _parts(task, blocks)

    def call(step: str, function: Callable[..., Any], shared: Task, items: list[Any]) -> list[Any]:
        told = None if progress is None else (lambda count, total: progress(step, count, total))
        return map_items(function, shared, items, executor=executor, progress=told, name=lambda item: str(item.name))

    sums = call("bars", write_daily, task, parts)
    task = replace(task, group=_group_growth(parts, sums))
    call("factors", write_factors, task, parts)
    call("ranks", write_ranks, replace(task, group={}), blocks)
    write_whole(done, json.dumps({"decisions": len(decisions), "companies": len(companies), "names": names}))
    return found


def blocks_of(decisions: pd.DatetimeIndex) -> list[Block]:
    """The decisions of each year."""
    found = []
    for year in sorted(set(decisions.year)):
        own = decisions[decisions.year == year]
        first = exchange.between(f"{year - 2}-{_AUTUMN}", f"{year - 2}-12-31")[0]
        found.append(Block(int(year), f"{own[0]:%Y-%m-%d}", own, first))
    return found


def write_daily(task: Task, part: Part) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Keep the screened bars of a part for the next step, unless they or its factors are there.

    Returns
    -------
    For each session of the block: the growth of the part's members, summed in `_UNIT`, and how many there are.
    """
    daily, sums = _kept(task, part, "daily"), _kept(task, part, "sums")
    if sums.exists() and (daily.exists() or _factors(task, part).exists()):
        found = np.load(sums)
        return found["units"], found["counts"]
    panel = screen(_panel(task, part), crowd=False).clean
    bars = Daily.of(panel.close, panel.volume, panel.split, panel.dividend)
    growth = np.where(bars.traded, bars.gross - 1.0, np.nan).T
    rows = task.sessions.get_indexer(panel.sessions)
    counted = task.member[np.ix_(rows, part.places)] & np.isfinite(growth)
    units = np.rint(np.clip(np.where(counted, growth, 0.0), -LARGEST, LARGEST) * _UNIT).astype(np.int64).sum(axis=1)
    counts = counted.sum(axis=1)
    _keep(daily, {name: getattr(bars, name) for name in DAILY})
    _keep(sums, {"units": units, "counts": counts})
    return units, counts


def write_factors(task: Task, part: Part) -> int:
    """Compute and write the factors of a part, unless they are there; the number of companies."""
    path, kept = _factors(task, part), _kept(task, part, "daily")
    if not path.exists():
        block = part.block
        with np.load(kept) as arrays:
            daily = Daily(*(arrays[name] for name in DAILY))
        rows = exchange.between(block.first, block.last).get_indexer(block.decisions)
        names = tuple(task.companies[place] for place in part.places)
        of_bars = np.array([name in FEATURES for name in task.names])
        found = np.full((len(block.decisions), len(names), len(task.names)), np.nan)
        found[:, :, of_bars] = values_of(
            daily, task.group[block.name], rows, [name for name in task.names if name in FEATURES]
        )
        if not of_bars.all():
            filed = [name for name in task.names if name not in FEATURES]
            found[:, :, ~of_bars] = fact_values(_view(task, part), names, block.decisions, filed, block.first)
        rows = task.sessions.get_indexer(block.decisions)
        members = np.logical_or.accumulate(task.member[:, part.places], axis=0)[rows]
        found[~members] = np.nan  # who joins later is no part of an earlier decision
        write_cells(path, Cells(block.decisions, names, task.names, found))
    kept.unlink(missing_ok=True)
    return len(part.places)


def write_ranks(task: Task, block: Block) -> int:
    """Rank the members of each decision of a block and write the ranks by bucket; the number of decisions."""
    raw = [part.name for part in _parts(task, [block])]
    cells = read_cells(task.root / RAW, block.decisions, task.companies, task.names, parts=raw)
    rows = task.sessions.get_indexer(block.decisions)
    ranked = percentiles(cells.values.astype(np.float64, copy=False), (task.member & task.known[:, None])[rows])
    for part in _parts(task, [block]):
        names = tuple(task.companies[place] for place in part.places)
        own = Cells(block.decisions, names, task.names, ranked[:, part.places].astype(np.float32))
        write_cells(cells_path(task.root / RANKED, block.year, part.name), own)
    return len(block.decisions)


def _key(task: Task, decisions: pd.DatetimeIndex) -> str:
    """The name of a folder for what depends on these inputs, the code and its libraries."""
    seal = hashlib.sha256(pickle.dumps(task.store))
    for text in (sorted(environment().items()), task.stored.isoformat(), task.names, task.companies):
        seal.update(repr(text).encode())
    for days in (task.sessions, decisions):
        seal.update(days.as_unit("us").asi8.tobytes())
    for flags in (task.known, task.member):
        seal.update(np.packbits(flags).tobytes())
    return seal.hexdigest()[:24]


def _parts(task: Task, blocks: list[Block]) -> list[Part]:
    """The companies that were ever members by a block's end, by bucket."""
    buckets = np.array([bucket(company, BUCKETS) for company in task.companies])
    found = []
    for block in blocks:
        so_far = task.member[: task.sessions.searchsorted(block.last, side="right")].any(axis=0)
        places = [np.flatnonzero((buckets == number) & so_far) for number in range(BUCKETS)]
        found += [Part(block, number, each) for number, each in enumerate(places) if len(each)]
    return found


def _factors(task: Task, part: Part) -> Path:
    return cells_path(task.root / RAW, part.block.year, part.name)


def _kept(task: Task, part: Part, what: str) -> Path:
    return task.root / what / f"{part.name}.npz"


def _keep(path: Path, arrays: dict[str, Any]) -> None:
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_whole(path, content.getbuffer())


def _panel(task: Task, part: Part) -> Panel:
    """The bars of a part's companies on its block's sessions, each as known at its own close."""
    names = [task.companies[place] for place in part.places]
    return _view(task, part).panel(names, first=part.block.first, last=part.block.last, on_time=True)


def _view(task: Task, part: Part) -> CompanyView:
    """What was known at the last decision of a part."""
    instant = exchange.closes(part.block.decisions[-1:])[0]
    return task.store.as_of(instant, stored=task.stored).companies


def _group_growth(parts: list[Part], sums: list[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> dict[str, Array]:
    total: dict[str, NDArray[np.int64]] = {}
    count: dict[str, NDArray[np.int64]] = {}
    for part, (units, members) in zip(parts, sums, strict=True):
        name = part.block.name
        total[name] = total.get(name, 0) + units
        count[name] = count.get(name, 0) + members
    return {name: np.where(count[name] > 0, total[name] / _UNIT / np.maximum(count[name], 1), np.nan) for name in total}
