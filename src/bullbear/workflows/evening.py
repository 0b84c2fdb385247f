"""`bullbear day`: the evening in one go, step by step, and what became of each step.

A step that fails is named, and the steps that do not need it are taken all the same: a provider that is down must not
cost the forecast, nor a page that cannot be drawn its score. Each step writes as its own command does, whole or not at
all, so the evening can be repeated: what is done already is found and not done again. Two evenings of one home take
turns.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from bullbear import sessions
from bullbear.errors import BullbearError, InputError, MissingExtraError
from bullbear.extras import require
from bullbear.files import FileLock
from bullbear.forecasting.bundle import read_bundle
from bullbear.forecasting.card.ages import ages_of
from bullbear.forecasting.card.changes import changes_of
from bullbear.forecasting.card.sources import Sources
from bullbear.forecasting.due_refits import make_due_refits
from bullbear.forecasting.failed_audits import failed_audits
from bullbear.forecasting.forecast import issue
from bullbear.forecasting.scoring import score_ledger
from bullbear.home import Home
from bullbear.settings import settings_of
from bullbear.tracking.aliases import alias_notes
from bullbear.workflows.evening_line import evening_line
from bullbear.workflows.filling import fill_companies, fill_live
from bullbear.workflows.notifying import notify, words_of

DONE, SKIPPED, FAILED = "done", "skipped", "failed"

T = TypeVar("T")


@dataclass
class Step:
    """One step: what it did, or why it was skipped; `notes` for the user, and the error that stopped it."""

    name: str
    outcome: str = DONE
    result: str = ""
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    exit_code: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Evening:
    """What an evening did.

    Attributes
    ----------
    entry
        The forecast of `up`; None if there is none.
    is_new
        Whether it was appended this time.
    changes
        What has changed since the evening before, as on the card; None for the first forecast.
    missing
        Why the forecast is not that of the last session, in a home that is fed; None if it is.
    """

    steps: tuple[Step, ...]
    entry: Mapping[str, Any] | None
    is_new: bool
    changes: Mapping[str, Any] | None
    missing: str | None
    report: Path | None
    notified: bool

    @property
    def exit_code(self) -> int:
        """That of the forecast if it failed, else of the first step that did; 2 without the last session's bar.

        Series that did not arrive and a command that failed are no failures of the evening.
        """
        codes = {step.name: step.exit_code for step in self.steps if step.exit_code}
        if codes:
            return codes.get("forecast", next(iter(codes.values())))
        return 0 if self.missing is None else InputError.exit_code

    @property
    def line(self) -> str:
        """The evening in one line."""
        failed = [step.name for step in self.steps if step.outcome == FAILED]
        parts = ["no forecast"]
        if self.entry is not None:
            parts = [evening_line(self.entry, self.changes, compared="compare" not in failed)]
        if self.missing is not None:
            parts.append(self.missing)
        if failed:
            parts.append(f"failed: {', '.join(failed)}")
        return "; ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "line": self.line,
            "exit_code": self.exit_code,
            "steps": [asdict(step) for step in self.steps],
            "entry": self.entry,
            "is_new": self.is_new,
            "changes": self.changes,
            "missing": self.missing,
            "report": None if self.report is None else str(self.report),
            "notified": self.notified,
        }


def run_evening(
    home: Home,
    *,
    fetch: bool | None = None,
    report: bool = True,
    command: str | None = None,
    now: pd.Timestamp | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Evening:
    """Fetch, refit what is due, forecast, score, compare with the evening before, notify, write the report.

    Parameters
    ----------
    fetch
        Whether to ask the live providers; None asks them if they have brought the target's bars before.
    command
        Started with what has changed; see `notifying`.
    now
        The clock; None for this machine's.
    say
        Called with each note and failure as it happens.

    Raises
    ------
    RunError
        `up` has no champion.
    InputError
        Nothing is stored and nothing will be fetched, or `command` is none.
    """
    words = None if command is None else words_of(command)
    ticker = read_bundle(home.champion).definition.target.ticker
    if not fetch:
        home.filled_store()
    lock = FileLock(home.forecasts / ".day.lock")
    if not lock.is_free():
        say("note: another evening of this home is under way; this one follows it")
    with lock:
        return _Evening(home, ticker, now, say).run(fetch=fetch, report=report, words=words)


class _Skipped(Exception):
    """Why a step is not taken."""


class _Evening:
    def __init__(self, home: Home, ticker: str, now: pd.Timestamp | None, say: Callable[[str], None]) -> None:
        self.home, self.ticker, self.clock, self.say = home, ticker, now, say
        self.steps: list[Step] = []

    @property
    def now(self) -> pd.Timestamp:
        return pd.Timestamp.now("UTC") if self.clock is None else self.clock

    def run(self, *, fetch: bool | None, report: bool, words: list[str] | None) -> Evening:
        self.take("fetch", lambda step: self.fetched(step, fetch))
        self.take("refit", self.refitted)
        made = self.take("forecast", self.forecast)
        self.take("score", self.scored)
        entry, is_new = made or (None, False)
        changes, notified, missing = None, False, None
        if entry is not None:
            changes = self.take("compare", lambda step: self.compared(step, entry))
            missing = self.missing(entry)
            if words is not None:
                notified = bool(self.take("notify", lambda step: self.notified(step, words, entry, changes)))
        page = self.take("report", lambda step: self.reported(step, report))
        return Evening(tuple(self.steps), entry, is_new, changes, missing, page, notified)

    def take(self, name: str, work: Callable[[Step], T]) -> T | None:
        """Take one step; None if it is skipped or fails."""
        step, began = Step(name), time.monotonic()
        self.steps.append(step)
        result = None
        try:
            result = work(step)
        except _Skipped as why:
            step.outcome, step.result = SKIPPED, str(why)
        except BullbearError as bad:
            step.outcome, step.error, step.exit_code = FAILED, str(bad), bad.exit_code
        except Exception as bug:
            if os.environ.get("BULLBEAR_DEBUG"):
                raise
            step.outcome, step.error, step.exit_code = FAILED, *_unexpected(bug)
        step.seconds = round(time.monotonic() - began, 3)
        for note in step.notes:
            self.say(f"note: {name}: {note}")
        if step.error is not None:
            self.say(f"bullbear: {name}: {step.error}")
        return result

    def fetched(self, step: Step, wanted: bool | None) -> None:
        store = self.home.store()
        if wanted is False:
            raise _Skipped("not asked for")
        if wanted is None:
            if store.is_simulated:
                raise _Skipped("the market is SIMULATED")
            if not self.is_fed:
                reason = f"no provider has brought {self.ticker} so far; `bullbear fetch` begins"
                step.notes.append(f"skipped: {reason}")
                raise _Skipped(reason)
        try:
            require("bullbear fetch", "live")
        except MissingExtraError as bad:
            if wanted:
                raise
            step.notes.append(f"skipped: {bad}")
            raise _Skipped(str(bad)) from bad
        found = fill_live(self.home, now=self.clock)
        step.result = f"{len(found.arrived)} series arrived, {found.rows_added:,} rows added"
        by_provider: dict[str, list[Any]] = {}
        for failure in found.failures:
            by_provider.setdefault(failure.provider, []).append(failure)
        for provider, failures in by_provider.items():
            names = ", ".join(each.series for each in failures[:5]) + (", ..." if len(failures) > 5 else "")
            step.notes.append(f"{provider} did not deliver {names}: {failures[0].problem}")
        if by_provider and not found.arrived:
            step.outcome, step.error = FAILED, "nothing arrived"
        elif settings_of(self.home.root).fetch.companies:
            self.fetched_companies(step)

    def fetched_companies(self, step: Step) -> None:
        """The companies of the funds, where `[fetch] companies` asks for them; no forecast waits for one."""
        try:
            found = fill_companies(self.home, now=self.clock)
        except BullbearError as bad:
            step.notes.append(f"companies: {bad}")
            return
        step.result += f"; companies: {len(found.arrived):,} series arrived, {found.rows_added:,} rows added"
        step.notes += found.notes
        if found.failures:
            first = found.failures[0]
            step.notes.append(f"{len(found.failures)} series of companies did not arrive, the first: {first}")

    @property
    def is_fed(self) -> bool:
        """Whether a provider has brought the target's bars before."""
        store = self.home.store()
        return not store.is_empty and store.as_of().has("raw_bars", self.ticker)

    def refitted(self, step: Step) -> None:
        made = make_due_refits(self.home, self.now, say=step.notes.append)
        if not made:
            raise _Skipped("none is due")
        step.result = f"of {', '.join(made)}"

    def forecast(self, step: Step) -> tuple[dict[str, Any], bool]:
        before = self.ledger_size()
        entry = issue(self.home, refit=False, now=self.clock, say=step.notes.append)
        place, is_new = entry["ledger"]["index"], self.ledger_size() > before
        step.result = f"entry {place} of the ledger" if is_new else f"nothing new: entry {place} stands"
        if self.is_fed:  # the line says that the last bar has not come
            step.notes += failed_audits(self.home)
        else:
            step.notes += ages_of(self.sources(entry))["notice"]
        step.notes += alias_notes(self.home)
        return entry, is_new

    def ledger_size(self) -> int:
        """Bytes; only ever more, and counting entries would verify them all once more."""
        path = self.home.forecasts / "ledger.jsonl"
        return path.stat().st_size if path.exists() else 0

    def sources(self, entry: Mapping[str, Any]) -> Sources:
        return Sources(self.home, entry, self.home.filled_store(), clock=self.clock)

    def missing(self, entry: Mapping[str, Any]) -> str | None:
        """That the last session's bar did not arrive, in a home that is fed."""
        last = sessions.last_closed(self.now)
        if not self.is_fed or sessions.day(entry["decided_at"]) >= last:
            return None
        return f"no bar of {entry['ticker']} for {last.date()} yet"

    def compared(self, step: Step, entry: Mapping[str, Any]) -> dict[str, Any] | None:
        changes = changes_of(self.sources(entry))
        step.result = "no forecast before" if changes is None else changes["since"]["sentence"]
        return changes

    def scored(self, step: Step) -> None:
        step.result = score_ledger(self.home)["statement"]

    def notified(
        self, step: Step, words: list[str], entry: Mapping[str, Any], changes: Mapping[str, Any] | None
    ) -> bool:
        started, note = notify(self.home, words, entry, changes)
        if not started:
            raise _Skipped(note)
        step.result = note or "notified"
        step.notes += [note] if note else []
        return started

    def reported(self, step: Step, wanted: bool) -> Path:
        if not wanted:
            raise _Skipped("not asked for")
        try:
            require("bullbear report", "train", "tracking", "report")
        except MissingExtraError as bad:
            step.notes.append(f"skipped: {bad}")
            raise _Skipped(str(bad)) from bad
        from bullbear.workflows.reporting import report_champion

        page = report_champion(self.home, say=step.notes.append)
        step.result = str(page)
        return page


def _unexpected(bug: Exception) -> tuple[str, int]:
    """The message and the exit code of an error that is none of ours."""
    said = " ".join(str(bug).split())
    if isinstance(bug, OSError) and bug.filename is not None:
        return f"{bug.filename}: {(bug.strerror or said).lower()}", InputError.exit_code
    return f"unexpected failure: {type(bug).__name__}: {said}; set BULLBEAR_DEBUG=1 for the details", 1
