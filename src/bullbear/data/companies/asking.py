"""Asking providers for thousands of companies: one failure stops nothing, a lasting refusal does, progress is said."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import pandas as pd

from bullbear.data.companies.answers import Restated
from bullbear.data.fetching import SKEW, FetchReport
from bullbear.data.providers.http import RETRY_LATER, Client, Request
from bullbear.data.store import Store
from bullbear.errors import FetchError, InputError
from bullbear.settings import Settings

Say = Callable[[str], None]
T = TypeVar("T")

_REMARKS = 10

_OF_THE_SERIES = (400, 404, 422)
"""Statuses with which a provider refuses a ticker or a span of days, not us."""


@dataclass
class Fetch:
    """One fetch: where it stores, what it asks with, the time by our clock, and what it reports."""

    store: Store
    settings: Settings
    client: Client
    now: pd.Timestamp
    report: FetchReport
    say: Say
    began: float = field(default_factory=time.monotonic)
    remarks: list[str] = field(default_factory=list)
    """Notes on single answers, of which thousands may come."""

    def append(self, frames: Mapping[str, pd.DataFrame]) -> None:
        """Store rows of companies, and count the new ones."""
        if not frames:
            return
        for kind, count in self.store.companies.append_all(frames, stored_at=self.now).items():
            self.report.added[kind] = self.report.added.get(kind, 0) + count
            self.report.quarantined += count if kind == "quarantine" else 0

    def remark(self) -> None:
        """Report the first remarks, and how many more there are."""
        more = len(self.remarks) - _REMARKS
        self.report.notes += self.remarks[:_REMARKS]
        if more > 0:
            self.report.notes.append(f"{more:,} more notes on single answers")

    def settled(self, served_at: pd.Timestamp | None = None) -> pd.Timestamp:
        """The instant at which a session must have closed to be over, by our clock and by the provider's."""
        now = self.now
        if served_at is not None and abs(served_at - now) > SKEW + pd.Timedelta(time.monotonic() - self.began, "s"):
            now = min(served_at, now)
        return now - pd.Timedelta(minutes=self.settings.fetch.settle_minutes)


class Provider:
    """Asks one provider, and leaves it alone once it has refused often enough."""

    def __init__(self, name: str, fetch: Fetch) -> None:
        self.name, self.report, self.say = name, fetch.report, fetch.say
        self.patience = fetch.settings.http.give_up_after
        self.failed_in_a_row, self.left_alone, self.last_status = 0, "", 0

    def ask(self, series: str, bring: Callable[[], T]) -> T | None:
        """What `bring` returns; None after a failure, which is reported."""
        if self.left_alone:
            error = Request(self.name, series, "").error(f"not asked, {self.left_alone}", RETRY_LATER)
            self.report.not_asked.setdefault(self.name, []).append(series)
            self.report.failures.append(error)
            return None
        try:
            found = bring()
        except FetchError as failed:
            self.fail(failed)
            return None
        except (Restated, OSError):
            raise
        except InputError as refused:
            self.fail(FetchError(self.name, series, f"{refused.where}: {refused.value}", refused.remedy), its_own=True)
            return None
        except Exception as bug:
            problem = " ".join(f"unexpected {type(bug).__name__}: {bug}".split())[:200]
            remedy = "report this as a bug in bullbear; stored rows are untouched"
            self.fail(FetchError(self.name, series, problem, remedy))
            return None
        self.failed_in_a_row = 0
        return found

    def leave(self, series: Iterable[str]) -> None:
        """Report that these series were not asked for."""
        for each in series:
            self.ask(each, lambda: None)

    def fail(self, error: FetchError, *, its_own: bool = False) -> None:
        """Report a failure, and count it unless it is the series' own."""
        self.report.failures.append(error)
        self.last_status = error.status
        self.say(str(error))
        if its_own or error.status in _OF_THE_SERIES:
            return
        self.failed_in_a_row += 1
        if error.stop or error.status == 403 or self.failed_in_a_row >= self.patience:
            self.left_alone = f"{self.name} had answered {error.series} with: {error.problem}"


class Progress:
    """Says how far a step is, and how long it will take."""

    def __init__(self, step: str, total: int, say: Say) -> None:
        self.step, self.total, self.say, self.began = step, total, say, time.monotonic()

    def report(self, done: int) -> None:
        """Say that `done` of the step are done."""
        seconds = (time.monotonic() - self.began) / max(done, 1) * (self.total - done)
        left = f", about {seconds / 60:.0f} min left" if seconds >= 90 else ""
        self.say(f"{self.step}: {done:,} of {self.total:,}{left}")
