"""The companies of a group ranked by a picker at a close, and what its past rankings were worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bullbear import sessions as exchange
from bullbear.data.companies.oracle import read_company_truth
from bullbear.data.store import Store
from bullbear.decide.market import BILL, bill_rate
from bullbear.definitions.picker import Picker, Ranker
from bullbear.errors import InputError, NoDataError
from bullbear.execution.executors import Cluster, Executor, Local
from bullbear.group.membership import Members, Universe, universe_of
from bullbear.home import Home
from bullbear.picking import companies
from bullbear.picking.cross_section import CrossSection, Rows, decisions, of_panel
from bullbear.picking.fact_features import FACT_FEATURES
from bullbear.picking.factor_panel import factor_panel
from bullbear.picking.features import FEATURES
from bullbear.picking.fills import with_fills
from bullbear.picking.scoring import Ranked, check_characteristics, in_force
from bullbear.workflows.no_companies import company_session, never_heard_of, no_members, no_scores, unknown_tickers

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Asked:
    """Which picker, of which group, where it runs: `jobs` processes, or the cluster at an address."""

    picker: str | None = None
    group: str = "IWM"
    as_of: str | None = None
    jobs: int = 1
    cluster: str | None = None


@dataclass(frozen=True)
class CompaniesToday:
    """The companies of a group from best to worst at the close `as_of`.

    `unranked` are members without a score.
    """

    picker: Picker
    group: str
    as_of: pd.Timestamp
    decided_at: pd.Timestamp
    members: Members
    names: tuple[str, ...]
    ranked: Ranked
    sectors: tuple[companies.Sector, ...]
    unranked: tuple[str, ...]
    survivorship: str | None
    simulated: bool
    notes: tuple[str, ...] = ()

    def rows(self, top: int | None = None) -> list[dict[str, Any]]:
        """One for each ranked company, from the best: rank, company, ticker, name, sector, score and parts."""
        described = {each: place for place, each in enumerate(self.members.companies)}
        found = []
        for rank, number in enumerate(self.ranked.order[:top].tolist(), start=1):
            place = described[self.names[number]]
            found.append(
                {
                    "rank": rank,
                    "company": self.names[number],
                    "ticker": self.members.tickers[place],
                    "name": self.members.names[place],
                    "sector": self.members.sectors[place],
                    "score": float(self.ranked.scores[number]),
                    "parts": {name: float(part[number]) for name, part in self.ranked.parts.items()},
                }
            )
        return found

    def as_dict(self, top: int | None = None, *, sectors_alone: bool = False) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "picker": self.picker.name,
            "kind": self.picker.rule.kind,
            "group": self.group,
            "as_of": str(self.as_of.date()),
            "decided_at": self.decided_at.isoformat(),
            "horizon_sessions": self.picker.schedule.horizon,
            "learned": self.ranked.learned,
            "simulated": self.simulated,
            "survivorship": self.survivorship,
            "members": len(self.members),
            "missing": len(self.unranked),
            "notes": list(self.notes),
            "sectors": [{"rank": rank, **asdict(each)} for rank, each in enumerate(self.sectors, start=1)],
            **({} if sectors_alone else {"companies": self.rows(top)}),
        }


@dataclass(frozen=True)
class CompaniesRecord:
    """The past of a picker; `oracle` is the mean information coefficient of the true expected returns, if simulated.

    `tried` is how many different pickers have been evaluated on the group so far, this one included; `sectors` are all
    that its companies have.
    """

    group: str
    evaluated: companies.Evaluated
    survivorship: str | None
    simulated: bool
    oracle: float | None
    tried: int = 1
    sectors: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        picker = self.evaluated.picker
        return {
            "picker": picker.name,
            "kind": picker.rule.kind,
            "why": picker.rule.why,
            "group": self.group,
            "simulated": self.simulated,
            "survivorship": self.survivorship,
            "horizon_sessions": picker.schedule.horizon,
            "rebalance": picker.schedule.rebalance,
            "cost_bp": picker.trading.cost_bp,
            "oracle_ic": self.oracle,
            "tried": self.tried,
            **self.evaluated.as_dict(),
        }


def rank_companies(home: Home, asked: Asked, progress: Progress | None = None) -> CompaniesToday:
    """Rank the members of a group at the close of a day, or at the last close stored.

    Raises
    ------
    NoDataError
        There are no companies, or no list of members was known then.
    InputError
        There is no such picker or group.
    HistoryError
        A ranker has too short a history to learn from, or no member has a score.
    """
    of = _Group.of(home, asked)
    members = of.universe.at(of.decided_at)
    if members is None or not len(members):
        raise no_members(of.universe, of.store.as_of(), asked.group, of.session, members)
    past = None
    if isinstance(of.picker.rule, Ranker):
        scheduled = of.scheduled()
        train = in_force(of.section.sessions, scheduled, companies.learning(of.picker.schedule)).train
        past = of.inputs(scheduled[train], progress)
    present = of.inputs(np.array([len(of.section.sessions) - 1]), progress)
    found = companies.now(of.picker, past, present)
    if not len(found.order):
        first = of.section.sessions[0]
        raise no_scores(asked.group, of.session, first, len(members), of.picker.name)
    scored = {of.names[number] for number in found.order.tolist()}
    strangers = never_heard_of(of.universe, members, of.store.as_of())
    return CompaniesToday(
        picker=of.picker,
        group=asked.group,
        as_of=of.session,
        decided_at=of.decided_at,
        members=members,
        names=of.names,
        ranked=found,
        sectors=tuple(companies.sectors_of(found, present.sectors, of.picker.quantiles)),
        unranked=tuple(each for each in members.companies if each not in scored),
        survivorship=of.universe.survivorship,
        simulated=of.store.is_simulated,
        notes=(unknown_tickers(strangers),) if strangers else (),
    )


def companies_record(home: Home, asked: Asked, progress: Progress | None = None) -> CompaniesRecord:
    """A picker over all past decisions at which the members of the group were known, logged to MLflow.

    Raises
    ------
    NoDataError, InputError, HistoryError
        As `rank_companies`.
    """
    from bullbear.tracking.picker_run import log_picking, require_ready_for_picking, tried

    of = _Group.of(home, asked)
    require_ready_for_picking(home.runs)
    read = of.inputs(of.scheduled(), progress)
    view = of.store.as_of(of.decided_at)
    rates = np.array(bill_rate(view, BILL, exchange.closes(of.section.sessions)))
    fitted = None if progress is None else (lambda done, total: progress("fits", done, total))
    evaluated = companies.evaluate(of.picker, read, rates, executor=of.executor, progress=fitted)
    simulated = of.store.is_simulated
    oracle = _oracle(home, evaluated, of.names) if simulated else None
    sectors = tuple(sorted(set(read.sectors)))
    record = CompaniesRecord(asked.group, evaluated, of.universe.survivorship, simulated, oracle, sectors=sectors)
    picker, schedule = of.picker, of.picker.schedule
    log_picking(
        home.runs,
        f"{picker.name} {asked.group}",
        record.as_dict(),
        params={
            "picker": picker.name, "kind": picker.rule.kind, "group": asked.group, "quantiles": picker.quantiles,
            **schedule.model_dump(), **picker.trading.model_dump(), "first": record.as_dict()["first"],
            "last": record.as_dict()["last"],
        },
        definition=picker.model_dump(mode="json"),
        tables={
            "quantiles": pd.DataFrame([each.as_dict() for each in evaluated.portfolios.quantiles]).set_index("name"),
            "scores": pd.DataFrame(evaluated.scores, evaluated.decided, list(of.names)).dropna(axis=1, how="all"),
            "information": pd.Series(evaluated.information.ic, evaluated.decided, name="ic").to_frame(),
        },
    )  # fmt: skip
    return replace(record, tried=tried(home.runs, asked.group, "SIMULATED" if simulated else "real"))


@dataclass(frozen=True)
class _Group:
    """A picker's group up to the close of `session`: bars of all who were ever members, and who was when."""

    picker: Picker
    store: Store
    universe: Universe
    session: pd.Timestamp
    decided_at: pd.Timestamp
    names: tuple[str, ...]
    section: CrossSection
    root: Path
    executor: Executor

    @classmethod
    def of(cls, home: Home, asked: Asked) -> _Group:
        picker, store = picker_of(home, asked.picker), home.filled_store()
        check_characteristics([picker.rule], (*FEATURES, *FACT_FEATURES))
        session = company_session(store, asked.as_of)
        decided_at = exchange.closes(pd.DatetimeIndex([session]))[0]
        view = store.as_of(decided_at)
        universe = universe_of(view, asked.group, home.groups())
        names = tuple(sorted(set(universe.companies()) & set(view.companies.names)))
        if not names:
            raise no_members(universe, store.as_of(), asked.group, session, universe.at(decided_at))
        section = of_panel(with_fills(view.companies.panel(names, last=session)))
        root = home.evaluations / "picking"
        if asked.cluster:
            Cluster(asked.cluster).require_reachable()
        executor = Cluster(asked.cluster) if asked.cluster else Local(asked.jobs, preload=("lightgbm",))
        return cls(picker, store, universe, session, decided_at, names, section, root, executor)

    def scheduled(self) -> Rows:
        """Rows of the scheduled decisions at which membership was known."""
        rows = decisions(self.section.sessions, self.picker.schedule.rebalance)
        known, _ = self.universe.mask(self.section.sessions[rows], self.names)
        return rows[known]

    def inputs(self, rows: Rows, progress: Progress | None) -> companies.Inputs:
        """What the picker reads at decisions."""
        days, wanted = self.section.sessions[rows], self.picker.rule.characteristics
        _, member = self.universe.mask(days, self.names)
        panel = factor_panel(
            self.store, self.universe, days, root=self.root, names=wanted, executor=self.executor, progress=progress
        )
        values = np.full((len(rows), len(self.names), len(wanted)), np.nan)
        # A company that came later is not among those of earlier decisions.
        values[:, [self.names.index(each) for each in panel.companies]] = panel.ranked().values
        ranked = dict(zip(wanted, np.moveaxis(values, 2, 0), strict=True))
        return companies.Inputs(self.section, rows, member, ranked, self._sectors(days))

    def _sectors(self, days: pd.DatetimeIndex) -> tuple[str, ...]:
        """The sector of each company by the latest list that had it."""
        found: dict[str, str] = {}
        for instant in exchange.closes(days):
            if (members := self.universe.at(instant)) is not None:
                found |= dict(zip(members.companies, members.sectors, strict=True))
        return tuple(found.get(each, "") for each in self.names)


def _oracle(home: Home, evaluated: companies.Evaluated, names: tuple[str, ...]) -> float | None:
    """The mean coefficient of the true expectations, of the companies and decisions that the picker scored.

    None without a truth, or where it tells no companies apart.
    """
    try:
        truth = read_company_truth(home.root, names)
    except NoDataError:
        return None
    scored = pd.DataFrame(np.isfinite(evaluated.scores), evaluated.decided, list(names))
    expected = truth.expected.reindex(index=evaluated.decided, columns=list(names)).where(scored)
    found = float(truth.information(expected)["ic"].mean())
    return found if np.isfinite(found) else None


def picker_of(home: Home, name: str | None) -> Picker:
    """The picker of that name, or the first of the files.

    Raises
    ------
    InputError
        There is none.
    """
    known = home.pickers()
    if name is None:
        return next(iter(known.values()))
    if name not in known:
        raise InputError("--picker", name, ", ".join(known), "choose one, or add it to models/picker.toml")
    return known[name]
