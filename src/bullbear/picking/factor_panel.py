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
joined the group later, or left it, changes a decision. Each file is named by a digest of all that it was computed from,
see `digests`: an evening's rows make new only what reads them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear import sessions as exchange
from bullbear.data import Store
from bullbear.data.companies.kinds import BUCKETS, bucket
from bullbear.data.companies.tables import Cells, cells_path, read_cells, write_cells
from bullbear.data.companies.view import CompanyView
from bullbear.execution import Executor, map_items
from bullbear.files import write_whole
from bullbear.group.membership import Universe
from bullbear.group.screening import screen
from bullbear.picking.digests import digest, forget, is_there
from bullbear.picking.fact_features import fact_values, facts_since
from bullbear.picking.features import FEATURES, values_of
from bullbear.picking.history import DAILY, Array, BoolArray, Daily
from bullbear.picking.ranks import percentiles

LARGEST = 0.5
"""The growth of a session at which a company's part in the growth of the group is cut off, up and down."""
_UNIT = float(2**40)  # a growth is a whole number of these parts: sums of up to 10**7 companies are exact

RAW, RANKED, SUMS = "raw", "ranked", "sums"
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
    """One call's work: a block's decisions, and the places of a bucket's companies.

    The digests are of what its growth, its factors and its ranks are computed from.
    """

    block: Block
    bucket: int
    places: NDArray[np.intp]
    bars: str = ""
    factors: str = ""
    ranks: str = ""

    @property
    def name(self) -> str:
        """As in file names."""
        return f"{self.block.name}-{self.bucket}of{BUCKETS}"


@dataclass(frozen=True)
class Ranking:
    """One call's work: the parts of a block, whose companies are ranked together."""

    parts: tuple[Part, ...]

    @property
    def block(self) -> Block:
        """The block of all of them."""
        return self.parts[0].block

    @property
    def name(self) -> str:
        """That of the block."""
        return self.block.name


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
    """Where the factors of `companies` at `decisions` lie, by kind the names of files; members alone have ranks."""

    root: Path
    decisions: pd.DatetimeIndex
    companies: tuple[str, ...]
    names: tuple[str, ...]
    files: Mapping[str, frozenset[str]] = field(repr=False)

    def raw(self, decisions: pd.DatetimeIndex | None = None, names: tuple[str, ...] | None = None) -> Cells:
        """The values of all companies, members or not, in double precision."""
        return self._read(RAW, decisions, names)

    def ranked(self, decisions: pd.DatetimeIndex | None = None, names: tuple[str, ...] | None = None) -> Cells:
        """The percentiles among the members of each decision, from 0 to 1, in single precision."""
        return self._read(RANKED, decisions, names)

    def _read(self, kind: str, decisions: pd.DatetimeIndex | None, names: tuple[str, ...] | None) -> Cells:
        chosen = self.decisions if decisions is None else decisions
        columns = self.names if names is None else names
        return read_cells(self.root / kind, chosen, self.companies, columns, parts=self.files[kind])


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
        A folder of results, of which those that were not used for some days are removed. Workers on other machines must
        see it, and the store, under the same path.
    names
        Keys of `features.FEATURES` and `fact_features.FACT_FEATURES`.
    stored
        Read only rows stored by then; by default all that are there now.
    """
    limit = store.last_stored_at if stored is None else stored
    priced = store.as_of(exchange.closes(decisions[-1:])[0], stored=limit).companies.names
    companies = tuple(sorted(set(universe.companies()) & set(priced)))
    blocks = blocks_of(decisions)
    sessions = exchange.between(blocks[0].first, decisions[-1])
    known, member = universe.mask(sessions, companies)
    task = Task(store, limit, root, names, companies, sessions, known, member, {})

    def call(step: str, function: Callable[..., Any], shared: Task, items: list[Any]) -> None:
        counted = None if progress is None else (lambda count, total: progress(step, count, total))
        if items:
            map_items(function, shared, items, executor=executor, progress=counted, name=lambda item: str(item.name))

    parts, filings = _with_digests(task, _parts(task, blocks))
    call("bars", write_daily, task, [part for part in parts if not is_there(_kept(task, part, SUMS))])
    task = replace(task, group=_group_growth(task, parts))
    parts = [
        replace(part, factors=_factors_digest(task, part, filed)) for part, filed in zip(parts, filings, strict=True)
    ]
    call("factors", write_factors, task, [part for part in parts if not is_there(_cells(task, part, RAW))])
    by_block = [[part for part in parts if part.block is block] for block in blocks]
    rankings = [_ranking(task, together) for together in by_block if together]
    missing = [each for each in rankings if not all([is_there(_cells(task, part, RANKED)) for part in each.parts])]
    call("ranks", write_ranks, replace(task, group={}), missing)
    forget(root)
    ranked = [part for each in rankings for part in each.parts]
    files = {kind: frozenset(_cells(task, part, kind).stem for part in ranked) for kind in (RAW, RANKED)}
    return FactorPanel(root, decisions, companies, names, files)


def blocks_of(decisions: pd.DatetimeIndex) -> list[Block]:
    """The decisions of each year."""
    found = []
    for year in sorted(set(decisions.year)):
        own = decisions[decisions.year == year]
        first = exchange.between(f"{year - 2}-{_AUTUMN}", f"{year - 2}-12-31")[0]
        found.append(Block(int(year), f"{own[0]:%Y-%m-%d}", own, first))
    return found


def write_daily(task: Task, part: Part) -> int:
    """Screen the bars of a part, keep them for the next step, and write the growth of its members.

    For each session of the block: the growths' sum in `_UNIT`, and how many there are.
    """
    sessions, bars = _daily(task, part)
    growth = np.where(bars.traded, bars.gross - 1.0, np.nan).T
    rows = task.sessions.get_indexer(sessions)
    counted = task.member[np.ix_(rows, part.places)] & np.isfinite(growth)
    units = np.rint(np.clip(np.where(counted, growth, 0.0), -LARGEST, LARGEST) * _UNIT).astype(np.int64).sum(axis=1)
    _keep(_kept(task, part, "daily"), {name: getattr(bars, name) for name in DAILY})
    _keep(_kept(task, part, SUMS), {"units": units, "counts": counted.sum(axis=1)})
    return len(part.places)


def write_factors(task: Task, part: Part) -> int:
    """Compute and write the factors of a part; the number of companies."""
    block, kept = part.block, _kept(task, part, "daily")
    if kept.exists():
        with np.load(kept) as arrays:
            daily = Daily(*(arrays[name] for name in DAILY))
    else:
        _, daily = _daily(task, part)
    rows = exchange.between(block.first, block.last).get_indexer(block.decisions)
    names = _companies(task, part)
    of_bars = np.array([name in FEATURES for name in task.names])
    found = np.full((len(block.decisions), len(names), len(task.names)), np.nan)
    found[:, :, of_bars] = values_of(
        daily, task.group[block.name], rows, [name for name in task.names if name in FEATURES]
    )
    if not of_bars.all():
        filed = [name for name in task.names if name not in FEATURES]
        found[:, :, ~of_bars] = fact_values(_view(task, block), names, block.decisions, filed, block.first)
    found[~_joined(task, part)] = np.nan  # who joins later is no part of an earlier decision
    write_cells(_cells(task, part, RAW), Cells(block.decisions, names, task.names, found))
    kept.unlink(missing_ok=True)
    return len(part.places)


def write_ranks(task: Task, ranking: Ranking) -> int:
    """Rank the members of each decision of a block and write the ranks by bucket; the number of decisions."""
    block = ranking.block
    raw = {_cells(task, part, RAW).stem for part in ranking.parts}
    cells = read_cells(task.root / RAW, block.decisions, task.companies, task.names, parts=raw)
    ranked = percentiles(cells.values.astype(np.float64, copy=False), _members(task, block))
    for part in ranking.parts:
        own = ranked[:, part.places].astype(np.float32)
        write_cells(_cells(task, part, RANKED), Cells(block.decisions, _companies(task, part), task.names, own))
    return len(block.decisions)


def _with_digests(task: Task, parts: list[Part]) -> tuple[list[Part], list[str]]:
    """The parts with a digest of their bars and their members, and a digest of the filings that each reads."""
    views = {part.block.name: _view(task, part.block) for part in parts}
    reads_filings = any(name not in FEATURES for name in task.names)
    found, filings = [], []
    for part in parts:
        view, block = views[part.block.name], part.block
        bars = view.bars_fingerprint(_companies(task, part), block.first, block.last)
        rows = (task.sessions >= block.first) & (task.sessions <= block.last)
        member = task.member[np.ix_(np.flatnonzero(rows), part.places)]
        days = (str(block.first), str(block.last))
        found.append(replace(part, bars=digest(task.store, bars, days, _companies(task, part), member)))
        since = facts_since(block.decisions)
        filings.append(view.filings_fingerprint(_companies(task, part), since) if reads_filings else "")
    return found, filings


def _factors_digest(task: Task, part: Part, filings: str) -> str:
    days = part.block.decisions.as_unit("us").asi8
    return digest(part.bars, filings, task.names, days, task.group[part.block.name], _joined(task, part))


def _ranking(task: Task, parts: list[Part]) -> Ranking:
    """The parts of a block with the digest of its ranks."""
    places = np.concatenate([part.places for part in parts])
    ranks = digest([part.factors for part in parts], _members(task, parts[0].block)[:, places])
    return Ranking(tuple(replace(part, ranks=ranks) for part in parts))


def _joined(task: Task, part: Part) -> BoolArray:
    """Whether each company of a part was a member at one of its decisions or before."""
    so_far = np.logical_or.accumulate(task.member[:, part.places], axis=0)
    joined: BoolArray = so_far[task.sessions.get_indexer(part.block.decisions)]
    return joined


def _members(task: Task, block: Block) -> BoolArray:
    """The known members at the decisions of a block."""
    members: BoolArray = (task.member & task.known[:, None])[task.sessions.get_indexer(block.decisions)]
    return members


def _parts(task: Task, blocks: list[Block]) -> list[Part]:
    """The companies that were ever members by a block's end, by bucket."""
    buckets = np.array([bucket(company, BUCKETS) for company in task.companies])
    found = []
    for block in blocks:
        so_far = task.member[: task.sessions.searchsorted(block.last, side="right")].any(axis=0)
        places = [np.flatnonzero((buckets == number) & so_far) for number in range(BUCKETS)]
        found += [Part(block, number, each) for number, each in enumerate(places) if len(each)]
    return found


def _companies(task: Task, part: Part) -> tuple[str, ...]:
    return tuple(task.companies[place] for place in part.places)


def _cells(task: Task, part: Part, kind: str) -> Path:
    inputs = part.factors if kind == RAW else part.ranks
    return cells_path(task.root / kind, part.block.year, f"{part.name}-{inputs}")


def _kept(task: Task, part: Part, what: str) -> Path:
    return task.root / what / f"{part.name}-{part.bars}.npz"


def _keep(path: Path, arrays: dict[str, Any]) -> None:
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_whole(path, content.getbuffer())


def _daily(task: Task, part: Part) -> tuple[pd.DatetimeIndex, Daily]:
    """The sessions of a part's block, and the screened bars of its companies, each as known at its own close."""
    block = part.block
    bars = _view(task, block).panel(_companies(task, part), first=block.first, last=block.last, on_time=True)
    clean = screen(bars, crowd=False).clean
    return clean.sessions, Daily.of(clean.close, clean.volume, clean.split, clean.dividend)


def _view(task: Task, block: Block) -> CompanyView:
    """What was known at the last decision of a block."""
    instant = exchange.closes(block.decisions[-1:])[0]
    return task.store.as_of(instant, stored=task.stored).companies


def _group_growth(task: Task, parts: list[Part]) -> dict[str, Array]:
    """The mean growth of all members by session, by name of the block."""
    total: dict[str, NDArray[np.int64]] = {}
    count: dict[str, NDArray[np.int64]] = {}
    for part in parts:
        name = part.block.name
        with np.load(_kept(task, part, SUMS)) as found:
            total[name] = total.get(name, 0) + found["units"]
            count[name] = count.get(name, 0) + found["counts"]
    return {name: np.where(count[name] > 0, total[name] / _UNIT / np.maximum(count[name], 1), np.nan) for name in total}
