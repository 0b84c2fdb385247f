"""Bringing the store up to date: each missing series is requested and stored as it arrives.

Each series is committed by itself: a failing provider or a killed process loses only what had not arrived, and the next
fetch requests it again. Any exception while one series is read or stored, even an unexpected one, is a failure of that
series alone.

Every request overlaps what is stored, to verify the provider's anchor and to see its revisions; the full history is
requested where a whole vintage is stored at once. Two fetches at the same time take turns, so that an older response is
not taken for a correction of a newer one.

Clocks can be wrong: a session counts as over only if our clock and the provider's both say so, and a correction is
known from the later of the two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import TypeVar

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data import publication, quality_checks
from bullbear.data.providers import cboe, finra, fred, ishares, put_call, tiingo, yahoo
from bullbear.data.providers.delivery import Delivery
from bullbear.data.providers.http import RETRY_LATER, Client, Request
from bullbear.data.snapshot import ingest_frames
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.errors import FetchError, InputError
from bullbear.files import FileLock
from bullbear.sessions import NEW_YORK
from bullbear.settings import Settings

SKEW = pd.Timedelta(minutes=5)
_BATCH = 20
_DAILY = frozenset({"regsho", "putcall"})
"""Providers of one file a day, which has status 403 until it is there."""
REVISED_YEARS = 5

Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """One request for one series; `bring` sends it, `instead` is a second source."""

    provider: str
    series: str
    bring: Callable[[], Delivery]
    instead: Callable[[], Delivery] | None = None

    @property
    def names(self) -> set[str]:
        """What `--only` may call it, in lower case: the provider, or one of the series."""
        names = [self.provider, *self.series.split(" ")[0].split("/")]
        if self.provider == "cboe":
            names.append(f"CBOE_{self.series}")  # as it is stored
        return {name.casefold() for name in names}


@dataclass
class FetchReport:
    """What a fetch did."""

    added: dict[str, int] = field(default_factory=dict)
    arrived: list[str] = field(default_factory=list)
    failures: list[FetchError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    not_asked: dict[str, list[str]] = field(default_factory=dict)
    """The series among `failures` whose provider had been left alone, by provider."""
    revised: int = 0
    quarantined: int = 0

    @property
    def rows_added(self) -> int:
        """All rows added, the quarantined included."""
        return sum(self.added.values())


def fetch_all(
    store: Store, settings: Settings, now: pd.Timestamp, *, only: tuple[str, ...] = (), say: Say = lambda _: None
) -> FetchReport:
    """Bring the store up to date; `failures` of the report hold one error per series that did not arrive.

    Parameters
    ----------
    now:
        The time by our clock, with a time zone.
    only:
        Fetch only these providers or series, in any letter case; empty: all.

    Raises
    ------
    InputError
        The store holds the simulated market, or `only` names what the settings do not.
    """
    if store.is_simulated:
        raise InputError("store", str(store.root.name), "a store without simulated rows", "use another --home")
    report = FetchReport()
    with FileLock(store.root / ".fetching"), Client(settings.http) as client:
        jobs = list(plan(store.as_of(), settings, client, now))
        wanted = {name.strip().casefold(): name for name in only}
        chosen = [job for job in jobs if not only or job.names & wanted.keys()]
        unknown = wanted.keys() - set[str]().union(_daily_names(settings), *(job.names for job in jobs))
        if unknown:
            raise _not_fetched(wanted[min(unknown)])
        _Run(store, settings, now, report, say).through(chosen)
    return report


def plan(stored: View, settings: Settings, client: Client, now: pd.Timestamp) -> Iterator[Job]:
    """The requests that bring `stored` up to date, the most important for a forecast first.

    The first day to request is looked up when a job runs.
    """
    wanted, urls, keys = settings.fetch, settings.urls, settings.keys

    def bars(ticker: str) -> Job:
        second = None
        if keys.tiingo and not ticker.startswith("^"):
            key = keys.tiingo.get_secret_value()
            second = lambda: tiingo.fetch(client, urls.tiingo, key, ticker, _since_bars(stored, ticker, settings))  # noqa: E731
        first = lambda: yahoo.fetch(client, urls.yahoo, ticker, _since_bars(stored, ticker, settings), now)  # noqa: E731
        return Job("yahoo", ticker, first, second)

    def macro(series: str) -> Job:
        if keys.fred and series in wanted.vintages:
            key = keys.fred.get_secret_value()
            since = partial(_last_vintage, stored, series)
            return Job("alfred", series, lambda: fred.fetch_vintages(client, urls.alfred, key, series, since()))
        return Job("fred", series, lambda: fred.fetch(client, urls.fred, series, _since_value(stored, series)))

    def short_volume(day: date) -> Job:
        tickers = wanted.short_volume
        series = f"{'/'.join(tickers)} {day}"
        return Job("regsho", series, lambda: finra.fetch_short_volume(client, urls.regsho, tickers, day))

    def ratios(day: date) -> Job:
        series = f"{'/'.join(wanted.put_call)} {day}"
        return Job("putcall", series, lambda: put_call.fetch(client, urls.cboe, wanted.put_call, day))

    yield from map(bars, wanted.prices)
    yield from (Job("cboe", name, partial(cboe.fetch, client, urls.cboe, name)) for name in wanted.indices)
    yield from map(macro, wanted.macro)
    for ticker in wanted.short_interest:
        yield Job("finra", ticker, partial(finra.fetch_short_interest, client, urls.finra, ticker))
    for fund in wanted.holdings:
        yield Job("ishares", fund, partial(ishares.fetch, client, urls.ishares, fund))
    yield from map(short_volume, _missing_short_volume(stored, settings, now))
    yield from map(ratios, _missing_put_call(stored, settings, now))


class _Run:
    def __init__(self, store: Store, settings: Settings, now: pd.Timestamp, report: FetchReport, say: Say) -> None:
        self.store, self.settings, self.now, self.report, self.say = store, settings, now, report, say
        self.failed_in_a_row: dict[str, int] = {}
        self.left_alone: dict[str, str] = {}
        self.daily: list[tuple[Job, Delivery]] = []
        self.began = time.monotonic()

    def through(self, jobs: list[Job]) -> None:
        """Run the jobs in order; a failure is noted and the next series follows."""
        for job in jobs:
            delivery = self._brought(job)
            if delivery is None:
                continue
            if job.provider in _DAILY:
                # One row a day: stored twenty at a time, to write fewer files.
                if self.daily and self.daily[0][0].provider != job.provider:
                    self._store_daily()
                self.daily.append((job, delivery))
                if len(self.daily) >= _BATCH:
                    self._store_daily()
                continue
            self._store(job, delivery)
        self._store_daily()

    def _brought(self, job: Job) -> Delivery | None:
        request = Request(job.provider, job.series, "")
        if job.provider in self.left_alone:
            error = request.error(f"not asked, {self.left_alone[job.provider]}", RETRY_LATER)
            others = self.report.not_asked.setdefault(job.provider, [])
            if job.provider in _DAILY and others:
                return None  # one failure, not one for each of a thousand days
            others.append(job.series)
        else:
            try:
                delivery = self._asked(job.provider, job.series, job.bring)
            except FetchError as failed:
                error = failed
                self._blame(job, failed)
            else:
                self.failed_in_a_row[job.provider] = 0
                return delivery if job.instead is None else self._cross_checked(job, delivery)
        if job.instead is not None:
            try:
                second = self._asked("tiingo", job.series, job.instead)
            except FetchError as also:
                self._fail(also)
            else:
                self.report.notes.append(f"{error}; tiingo delivered instead")
                return second
        if job.provider in _DAILY and error.status == 403:
            self.report.notes.append(f"{error.provider} {error.series}: no file (yet)")
        else:
            self._fail(error)
        return None

    def _blame(self, job: Job, error: FetchError) -> None:
        # A failure of this series, not of the provider; so is 403 from a provider that has served other days.
        if error.status == 404 or (error.status == 403 and self.failed_in_a_row.get(job.provider) == 0):
            return
        count = self.failed_in_a_row[job.provider] = self.failed_in_a_row.get(job.provider, 0) + 1
        if error.stop or count >= self.settings.http.give_up_after:
            self.left_alone[job.provider] = f"{job.provider} had answered {job.series} with: {error.problem}"

    def _fail(self, error: FetchError) -> None:
        self.report.failures.append(error)
        if error.series not in self.report.not_asked.get(error.provider, ()):
            self.say(str(error))

    def _cross_checked(self, job: Job, delivery: Delivery) -> Delivery:
        """`delivery` without the rows on which the second source disagrees."""
        key, instead = ("raw_bars", job.series), job.instead
        assert instead is not None
        try:
            off = self._asked("tiingo", job.series, lambda: self._differs(delivery.frames[key], instead().frames[key]))
        except FetchError as error:
            self.report.notes.append(f"not cross-checked: {error}")
            return delivery
        if off.any():
            # A bar that is already doubtful keeps its first reason.
            ours = delivery.frames[key]
            doubted = ours["doubt"] if "doubt" in ours else pd.Series("", index=ours.index)
            delivery.frames[key] = ours.assign(doubt=doubted.where(~off | (doubted != ""), quality_checks.DISAGREES))
        return delivery

    def _differs(self, ours: pd.DataFrame, theirs: pd.DataFrame) -> np.ndarray:
        other = theirs.set_index("date")["close"].reindex(ours["date"]).to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            differs: np.ndarray = np.abs(ours["close"].to_numpy() / other - 1) > self.settings.fetch.tolerance
        return differs

    def _asked(self, provider: str, series: str, bring: Callable[[], T]) -> T:
        """What `bring` returns; any exception becomes a FetchError of that series."""
        try:
            return bring()
        except FetchError:
            raise
        except Exception as bug:
            raise self._unexpected(provider, series, bug) from bug

    def _unexpected(self, provider: str, series: str, bug: Exception) -> FetchError:
        problem = " ".join(f"unexpected {type(bug).__name__}: {bug}".split())[:200].rstrip(": ")
        for key in (self.settings.keys.fred, self.settings.keys.tiingo):
            problem = problem.replace(key.get_secret_value(), "***") if key else problem
        return FetchError(provider, series, problem, "report this as a bug in bullbear; stored rows are untouched")

    def _store_daily(self) -> None:
        batch, self.daily = self.daily, []
        if not batch:
            return
        error = self._stored(*batch[0]) if len(batch) == 1 else self._stored(_batch(batch), _together(batch))
        if error is None:
            return
        if len(batch) == 1:
            self._fail(error)
            return
        # If one day cannot be stored, the others still are.
        for job, delivery in batch:
            self._store(job, delivery)

    def _store(self, job: Job, delivery: Delivery) -> None:
        error = self._stored(job, delivery)
        if error is not None:
            self._fail(error)

    def _stored(self, job: Job, delivery: Delivery) -> FetchError | None:
        """Store a delivery, all of it or nothing; returns the error if that failed."""
        try:
            early, late = self._clocks(job, delivery)
            frames = {key: self._over(key, frame, early) for key, frame in delivery.frames.items()}
            done = ingest_frames({key: frame for key, frame in frames.items() if len(frame)}, self.store, late)
        except InputError as refused:
            return FetchError(job.provider, job.series, f"{refused.where}: {refused.value}", refused.remedy)
        except OSError:
            raise  # a disk that is full or read-only fails every series
        except Exception as bug:
            return self._unexpected(job.provider, job.series, bug)
        self.report.arrived.append(f"{job.provider} {job.series}")
        self.report.notes += [*delivery.notes, *(f"{job.provider} {note}" for note in done.notes)]
        self.report.revised += done.revised
        self.report.quarantined += done.added.get("quarantine", 0)
        for kind, count in done.added.items():
            self.report.added[kind] = self.report.added.get(kind, 0) + count
        counts = ", ".join(f"{count:,} {kind}" for kind, count in done.added.items() if count) or "nothing new"
        self.say(f"{job.provider} {job.series}: {counts}")
        return None

    def _clocks(self, job: Job, delivery: Delivery) -> tuple[pd.Timestamp, pd.Timestamp]:
        served = delivery.served_at
        if served is None or abs(served - self.now) <= SKEW + pd.Timedelta(time.monotonic() - self.began, "s"):
            return self.now, self.now
        behind = "behind" if served > self.now else "ahead of"
        self.report.notes.append(f"our clock is {abs(served - self.now)} {behind} that of {job.provider}; set it")
        return min(served, self.now), max(served, self.now)

    def _over(self, key: tuple[str, str], frame: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
        """Rows of days that are over; a bar counts from some minutes after its close."""
        folder, name = key
        column = next(c for c in ("vintage", "date", "settlement_date", "as_of") if c in frame)
        today = now.tz_convert(NEW_YORK).tz_localize(None)
        is_over = (frame[column] <= today).to_numpy()
        if folder == "raw_bars":
            settled = now - pd.Timedelta(minutes=self.settings.fetch.settle_minutes)
            last = sessions.last_closed(settled)
            is_over = (frame[column] <= last).to_numpy()
        left_out = int((~is_over).sum())
        if left_out:
            self.report.notes.append(f"{name}: {left_out} rows left out, their day is not over")
        kept: pd.DataFrame = frame[is_over].reset_index(drop=True)
        return kept


def _daily_names(settings: Settings) -> set[str]:
    """Names that stay known when no day is missing."""
    by_provider = {"regsho": settings.fetch.short_volume, "putcall": settings.fetch.put_call}
    return {name.casefold() for provider, series in by_provider.items() if series for name in (provider, *series)}


def _not_fetched(name: str) -> InputError:
    """The error of a name that `[fetch]` does not hold."""
    if name.strip().upper() in {each.upper() for each in publication.SNAPSHOT_ONLY}:
        series = next(each for each in publication.SNAPSHOT_ONLY if each.upper() == name.strip().upper())
        remedy = f"put macro/{series}.csv into a snapshot directory and `bullbear ingest` it"
        return InputError("--only", name, "series that a live provider brings", remedy)
    return InputError("--only", name, "a provider or series of `[fetch]`", "correct the name")


def _batch(batch: list[tuple[Job, Delivery]]) -> Job:
    first, last = batch[0][0], batch[-1][0]
    return Job(first.provider, f"{first.series} to {last.series.split(' ')[-1]}", first.bring)


def _together(batch: list[tuple[Job, Delivery]]) -> Delivery:
    by_key: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for _, delivery in batch:
        for key, frame in delivery.frames.items():
            by_key.setdefault(key, []).append(frame)
    frames = {key: pd.concat(parts).sort_values("date", ignore_index=True) for key, parts in by_key.items()}
    clocks = [each.served_at for _, each in batch if each.served_at is not None]
    return Delivery(frames, min(clocks, default=None), [note for _, each in batch for note in each.notes])


def _since_bars(stored: View, ticker: str, settings: Settings) -> date:
    if not stored.has("bars", ticker):
        return settings.fetch.start
    known = stored.bars(ticker).index
    since = pd.Timestamp(known[max(len(known) - settings.fetch.overlap_sessions, 0)])
    # Bars that did not fit a split are requested again until the provider has divided them.
    aside = stored.quarantine()
    waiting = aside["event_date"][(aside["series"] == ticker) & (aside["reason"] == quality_checks.OTHER_SHARES)]
    return pd.Timestamp(min([since, *waiting[~waiting.isin(known)]])).date()


def _since_value(stored: View, series: str) -> date | None:
    """The first day to request: None (all) for a new series or one kept by vintages, else with an overlap."""
    if not stored.has("observations", series):
        return None
    versions = stored.versions("observations", series)
    if versions["vintage"].notna().any():
        return None
    events = pd.DatetimeIndex(versions["event_date"])
    rule = publication.rule_of(series, pd.DatetimeIndex(events.unique()).sort_values())
    back = pd.DateOffset(years=REVISED_YEARS) if rule.revised else pd.Timedelta(days=2 * rule.max_age_days)
    return (events.max() - back).date()


def _last_vintage(stored: View, series: str) -> date | None:
    if not stored.has("observations", series):
        return None
    vintages = stored.versions("observations", series)["vintage"].dropna()
    return None if vintages.empty else vintages.max().date()


def _missing_short_volume(stored: View, settings: Settings, now: pd.Timestamp) -> list[date]:
    """Sessions without a stored file, the newest first, so that today's forecast does not wait for old ones."""
    wanted = settings.fetch.short_volume
    known = [pd.DatetimeIndex(stored.short_volume(t).index) for t in wanted if stored.has("short_volume", t)]
    return _missing(settings.fetch.short_volume_start, now, known, len(wanted))


def _missing_put_call(stored: View, settings: Settings, now: pd.Timestamp) -> list[date]:
    """Sessions without the put/call ratios that are wanted, the newest first; a quarantined ratio is not missing."""
    wanted = settings.fetch.put_call
    aside = stored.quarantine()
    known = []
    for series in wanted:
        doubtful = pd.DatetimeIndex(aside["event_date"][aside["series"] == series])
        served = stored.observations(series).index if stored.has("observations", series) else doubtful
        known.append(pd.DatetimeIndex(served).union(doubtful))
    return _missing(settings.fetch.put_call_start, now, known, len(wanted))


def _missing(start: date, now: pd.Timestamp, known: list[pd.DatetimeIndex], wanted: int) -> list[date]:
    """Sessions from `start` whose evening has come and that one of the `wanted` series lacks, the newest first."""
    if not wanted:
        return []
    days = sessions.between(str(start), str(sessions.day(now).date()))
    days = days[publication.at(days.to_numpy().astype("datetime64[D]"), publication.EVENING) <= now]
    complete = set.intersection(*map(set, known)) if len(known) == wanted else set()
    return [day.date() for day in days[::-1] if day not in complete]
