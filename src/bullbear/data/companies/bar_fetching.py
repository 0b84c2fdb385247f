"""Bars of companies: one request each, stored in batches together with the first days of their listings."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.companies.answers import Restated, read_answer
from bullbear.data.companies.asking import Fetch, Progress, Provider
from bullbear.data.companies.batch import Batch, Clock
from bullbear.data.companies.identity import PATIENCE, first_bars
from bullbear.data.companies.kinds import DELISTED, LISTED
from bullbear.data.companies.register import Listing, Register
from bullbear.data.companies.stored_bars import StoredBars
from bullbear.data.providers import yahoo
from bullbear.errors import Found, InputError


class BarFetch:
    """Asks for the bars of companies that are not stored up to the last session.

    Attributes
    ----------
    unknown
        Companies that the provider does not know.
    """

    def __init__(self, fetch: Fetch, register: Register, bars: StoredBars, last: pd.Timestamp) -> None:
        self.fetch, self.register, self.bars, self.last = fetch, register, bars, last
        self.provider = Provider("yahoo", fetch)
        self.unknown: set[str] = set()
        self._last_closed = lru_cache(maxsize=8)(sessions.last_closed)

    def through(self, chosen: list[tuple[Listing, str, bool]]) -> None:
        """Ask for each company that is behind, in order.

        Parameters
        ----------
        chosen
            The listing, the ticker as the provider writes it, and whether the SEC says that it still means the company.
        """
        settings, report = self.fetch.settings.fetch, self.fetch.report
        due = [each for each in chosen if self.bars.last.get(each[0].company, pd.Timestamp.min) < self.last]
        since = (self.bars.since(row.company) for row, _, _ in due)
        first = min([settings.companies_start, *(day for day in since if day is not None)])
        clock = Clock.until(pd.Timestamp(first), self.last, self.fetch.now)
        progress = Progress("bars", len(due), self.fetch.say)
        for place in range(0, len(due), settings.company_batch):
            batch, some = Batch(), due[place : place + settings.company_batch]
            for row, ticker, is_same in some:
                self._company(batch, row, ticker, clock, is_same=is_same)
            first_bars(self.register, batch.first)
            self.fetch.append(self.register.taken() | batch.frames())
            report.revised += batch.revised
            self.fetch.remarks += batch.notes
            progress.report(place + len(some))
            if self.provider.left_alone:
                self.provider.leave([row.company for row, _, _ in due[place + len(some) :]])
                return

    def _company(self, batch: Batch, row: Listing, ticker: str, clock: Clock, *, is_same: bool) -> None:
        try:
            self._read(batch, row, ticker, clock, is_same=is_same)
        except Restated:
            self.fetch.report.notes.append(
                f"{row.company}: the provider has restated its bars, all of them are read again"
            )
            self._read(batch, row, ticker, clock, is_same=True, whole=True)

    def _read(
        self, batch: Batch, row: Listing, ticker: str, clock: Clock, *, is_same: bool, whole: bool = False
    ) -> None:
        company, fetch = row.company, self.fetch
        since = (None if whole else self.bars.since(company)) or fetch.settings.fetch.companies_start
        bring = partial(yahoo.fetch, fetch.client, fetch.settings.urls.yahoo, ticker, since, fetch.now)
        delivery = self.provider.ask(company, bring)
        if delivery is None:
            if self.provider.last_status == 404:
                self.unknown.add(company)
            return
        frame = delivery.frames["raw_bars", ticker]
        delivered, is_empty = len(frame), bool(frame["close"].isna().all())
        days, before = frame["date"].to_numpy(), self._owner_before(row)
        inside = days <= self._last_closed(fetch.settled(delivery.served_at)).asm8
        if before is not None:
            inside &= days > before.asm8
        frame = frame if inside.all() else frame[inside].reset_index(drop=True)
        held = self.bars.whole(company) if whole else self.bars.held(company)

        def read() -> bool:
            if is_empty:
                problem = Found(f"{delivered} rows, none with a close")
                raise InputError(f"answer for {ticker}", problem, "closes", "run `bullbear fetch` again")
            if not is_same:
                _refuse_gap(company, self.bars.last.get(company), frame)
            read_answer(batch, company, held, frame, clock, whole=whole)
            return True

        if self.provider.ask(company, read):
            batch.notes += delivery.notes
            fetch.report.arrived.append(company)
            if len(frame):
                self.bars.last[company] = max(frame["date"].max(), self.bars.last.get(company, pd.Timestamp.min))

    def _owner_before(self, row: Listing) -> pd.Timestamp | None:
        """The last day on which another company had the ticker; the provider may still show its bars."""
        others = self.register.users(row.ticker) - {row.company}
        ends = (self._end_of(company, row.ticker) for company in others if company in self.bars.last)
        return max(ends, default=None)

    def _end_of(self, company: str, ticker: str) -> pd.Timestamp:
        """The last day of a company with bars under a ticker that it had; a renamed one has bars after it."""
        rows, last = self.register.rows[company], self.bars.last[company]
        held = [place for place, row in enumerate(rows) if row.ticker == ticker and row.status == LISTED]
        after = held[-1] + 1 if held else len(rows)
        if after == len(rows):
            return last
        lost = rows[after].since - pd.Timedelta(days=1)
        return min(lost, last) if rows[after].status == DELISTED else lost


def _refuse_gap(company: str, last: pd.Timestamp | None, frame: pd.DataFrame) -> None:
    """Refuse bars that begin again after a long pause: they may be those of another company."""
    if last is None:
        return
    days = frame["date"].to_numpy()
    place = int(days.searchsorted(last.asm8, side="right"))
    if place == len(days) or days[place] - last.asm8 <= np.timedelta64(PATIENCE, "D"):
        return
    later = pd.Timestamp(days[place])
    if len(sessions.between(last, later)) > PATIENCE + 2:
        raise InputError(
            f"bars of {company}",
            Found(f"none from {last.date()} to {later.date()}, so they may be another company's"),
            "bars without a pause, or a CIK that says whose they are",
            "set `edgar_user_agent` in `[http]`, so that the SEC can be asked",
        )
