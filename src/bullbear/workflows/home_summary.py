"""What a home holds, in a few lines: its data and their age, what the next forecast lacks, champions and ledger.

How old the data are is judged now; what the next forecast lacks is judged where it decides, at the last stored close.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bullbear.data.companies.status import CompanyStatus
from bullbear.data.publication import SNAPSHOT_ONLY
from bullbear.errors import BullbearError
from bullbear.forecasting.bundle import champion_of, read_bundle
from bullbear.forecasting.failed_audits import failed_audits
from bullbear.forecasting.holdout import FILE, openings_of, times
from bullbear.forecasting.ledger import Ledger, of_question
from bullbear.forecasting.staleness import next_lacks
from bullbear.home import Home


@dataclass(frozen=True)
class Champion:
    """Who answers a question; `problem` says why a champion cannot be read."""

    question: str
    model: str
    run_id: str
    trained_through: str
    problem: str | None = None


@dataclass(frozen=True)
class HomeSummary:
    """The state of a home at an instant.

    Attributes
    ----------
    series, rows
        Of the store, the quarantined left out.
    first, last
        First and last day of the bars that the store holds; missing without bars.
    age_days
        Days from `last` to the instant.
    stale
        Series that are older at the instant than their publication rule allows.
    lacking
        What the next forecast will name as absent or stale.
    aside, rewritten
        Doubtful rows, and stored values that a provider changed later.
    from_files
        Series that no live provider delivers; they come from snapshot files only.
    forecasts, evenings
        Entries of the ledger, and the closes at which they were decided.
    last_decided, last_issued
        Of the question `up`; none in an empty ledger.
    ledger_problem
        Why the ledger cannot be read, if so.
    hold_out
        The sealed days and how often they were opened, or why that cannot be read; None where nothing is sealed.
    companies
        How many the store holds and what of them; None where it has no bars of any.
    failed_audits
        Of each champion whose newest audit failed, what failed and what takes it down.
    """

    series: int
    rows: int
    first: pd.Timestamp | None
    last: pd.Timestamp | None
    age_days: int | None
    stale: tuple[str, ...]
    lacking: tuple[str, ...]
    aside: int
    rewritten: int
    from_files: tuple[str, ...]
    champions: tuple[Champion, ...]
    forecasts: int
    evenings: int
    last_decided: str | None
    last_issued: str | None
    ledger_problem: str | None
    hold_out: str | None = None
    failed_audits: tuple[str, ...] = ()
    companies: str | None = None


def summarise(home: Home, table: pd.DataFrame, companies: CompanyStatus | None = None) -> HomeSummary:
    """The summary of a home from a table of `data.status` and the state of its companies."""
    bars = table[(table["kind"] == "bars") & table["last"].notna()]
    newest = bars.loc[bars["last"] == bars["last"].max()].iloc[0] if len(bars) else None
    stale = table[table["stale"].astype("bool")]
    problem, entries = None, []
    try:
        entries = Ledger(home.forecasts / "ledger.jsonl").entries()
    except BullbearError as bad:
        problem = str(bad)
    of_up = of_question(entries)
    latest = of_up[-1] if of_up else None
    return HomeSummary(
        series=int((table["rows"] > 0).sum()),
        rows=int(table["rows"].sum()),
        first=None if newest is None else pd.Timestamp(bars["first"].min()),
        last=None if newest is None else pd.Timestamp(newest["last"]),
        age_days=None if newest is None else int(newest["age_days"]),
        stale=_names(stale),
        lacking=tuple(next_lacks(home)),
        aside=int(table["quarantined"].sum()),
        rewritten=int(table["rewritten"].sum()),
        from_files=tuple(sorted(set(table["series"]) & set(SNAPSHOT_ONLY))),
        champions=tuple(found for name in home.questions() if (found := _champion(home, name)) is not None),
        forecasts=len(entries),
        evenings=len({entry["decided_at"] for entry in entries}),
        last_decided=None if latest is None else str(latest["decided_at"])[:10],
        last_issued=None if latest is None else latest.get("issued_at"),
        ledger_problem=problem,
        hold_out=_hold_out(home),
        failed_audits=tuple(failed_audits(home)),
        companies=None if companies is None else companies.line,
    )


def _names(table: pd.DataFrame) -> tuple[str, ...]:
    plain = table["kind"].isin(["bars", "observations"])
    names = table["series"].where(plain, table["kind"].str.replace("_", " ") + " of " + table["series"])
    return tuple(sorted(set(names)))


def _hold_out(home: Home) -> str | None:
    try:
        period = home.holdout()
        if period is None:
            return None
        return f"{period.span} is sealed ({FILE}); {times(len(openings_of(home, period)))}."
    except BullbearError as bad:
        return str(bad)


def _champion(home: Home, question: str) -> Champion | None:
    place = home.champion_of(question)
    if not place.is_dir():
        return None
    try:
        bundle = read_bundle(place, label=champion_of(question))
        return Champion(question, bundle.definition.name, str(bundle.meta["run_id"]), bundle.trained_through()[-1])
    except BullbearError as bad:
        return Champion(question, "", "", "", str(bad))
