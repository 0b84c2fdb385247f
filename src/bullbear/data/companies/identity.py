"""Which company a ticker means on which day: renamed, delisted and recycled tickers told apart.

A company is one security and outlives its ticker; its id is its first ticker, `ABC.2` if another company had used that
before. What tells companies apart is the CIK, the SEC's number for life:

- the CIK of a company has another ticker, and no longer the old one: a rename, the same company goes on;
- its ticker has another CIK and another name: that is a new company, and the old one was renamed or is delisted;
- a second ticker beside the first is another class of shares, so another company;
- neither the SEC nor a fund has the ticker, and no bars come: delisted after its last bar.

Lists of holdings without a CIK (of the past, or without access to the SEC) are told apart by names: a ticker that is
back after a pause under another name is another company, a new ticker of a name that left at the same time a rename.
A ticker that keeps its place under another name counts as the same company, with a note: it may have a new owner.

All of it is pure: from what is known to rows of the register, each known when its source was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from bullbear.data.companies.evidence import NO_DIRECTORY, Directory, Member, MemberList
from bullbear.data.companies.kinds import DELISTED, LISTED
from bullbear.data.companies.names import alike
from bullbear.data.companies.register import Listing, Register
from bullbear.data.providers.edgar import Profile

PATIENCE = 10
"""Sessions without a bar after which a company that nobody lists any more is delisted."""
_RECENT = pd.Timedelta(days=45)
"""For how long the SEC's tickers of today explain a list of holdings."""
_DAY = pd.Timedelta(days=1)
_SHOWN = 5


Profiles = Mapping[str, Profile]


def bring_up_to_date(
    register: Register,
    lists: Sequence[MemberList],
    directory: Directory,
    profiles: Profiles,
    last: Mapping[str, pd.Timestamp],
    now: pd.Timestamp,
) -> None:
    """Add what the lists of holdings and the SEC say to `register`; a second time adds nothing.

    Parameters
    ----------
    lists
        In order of their days.
    directory
        `NO_DIRECTORY` where the SEC was not asked: nothing follows from a ticker that is not in it then.
    profiles
        By CIK, for former names.
    last
        The day of the last stored bar by company.
    """
    today = now.tz_convert("America/New_York").tz_localize(None).normalize().as_unit("us")
    before: frozenset[str] = frozenset()
    for each in lists:
        known = directory if today - each.day <= _RECENT else NO_DIRECTORY
        _ListReading(register, each, before, known, profiles, last).read()
        before = frozenset(member.ticker for member in each.members)
    if directory.by_ticker:
        _compare(register, directory, profiles, before, last, today, now)


class _ListReading:
    """One list of holdings; `before` are the tickers of the list before it."""

    def __init__(
        self,
        register: Register,
        each: MemberList,
        before: frozenset[str],
        directory: Directory,
        profiles: Profiles,
        last: Mapping[str, pd.Timestamp],
    ) -> None:
        self.register, self.each, self.before, self.directory = register, each, before, directory
        self.profiles, self.last = profiles, last
        self.holders = register.holders(each.day)
        present = {member.ticker for member in each.members}
        final = [rows[-1] for rows in register.rows.values()]
        self.by_first = {rows[0].ticker: rows[0] for rows in register.rows.values() if rows[0].since > each.day}
        self.gone = {row.ticker: row for row in final if row.status == DELISTED and row.since <= each.day}
        absent = [row for row in final if row.status == LISTED and row.ticker not in present]
        self.by_cik = {row.cik: row for row in absent if row.cik and not self._is_alive(row)}
        self.left = [row for row in absent if row.ticker in before]

    def read(self) -> None:
        self._release()
        untold: list[str] = []
        for member in self.each.members:
            cik = self.directory.cik(member.ticker)
            known = self.holders.get(member.ticker) or self._known(member, cik)
            if known is not None:
                if known.ticker == member.ticker and self._is_untold(known, member, cik):
                    untold.append(f"{member.ticker} ({known.name}, now {member.name})")
                if known.ticker != member.ticker:
                    self.register.notes.append(_renamed(known, member.ticker))
                self._note(known, member)
                continue
            company = self.register.new_id(member.ticker)
            exchange = self.directory.by_ticker[member.ticker].exchange if cik else ""
            self.register.add(
                Listing(company, self.each.day, self.each.known_at, member.ticker, member.name, cik, exchange,
                        member.sector)
            )  # fmt: skip
        if untold:
            shown = ", ".join(untold[:_SHOWN]) + (f" and {len(untold) - _SHOWN} more" if len(untold) > _SHOWN else "")
            self.register.notes.append(
                f"list of {self.each.day.date()}: names changed, kept as one company each; no CIK tells a rename from "
                f"a new owner of the ticker: {shown}"
            )

    def _release(self) -> None:
        """Let go of the tickers that mean another company here, all at once: two may have swapped theirs."""
        moves = _Moves(self.register, self.directory, self.profiles, self.last, dict(self.holders))
        here = [(member, self.holders.get(member.ticker)) for member in self.each.members]
        others = [held for member, held in here if held is not None
                  and self._is_other(held, member, self.directory.cik(member.ticker))]  # fmt: skip
        for held in others:
            del self.holders[held.ticker]
        for held in others:
            moved = moves.released(held, self.each.day, self.each.known_at)
            if moved is not None:
                self.holders[moved.ticker] = moved

    def _is_alive(self, row: Listing) -> bool:
        return row.ticker in self.directory.by_cik.get(row.cik, ())

    def _is_other(self, held: Listing, member: Member, cik: str) -> bool:
        """Whether a ticker that `held` had means another company here."""
        if not self._is_renamed(held, member):
            return False
        return cik != held.cik if cik and held.cik else member.ticker not in self.before

    def _is_untold(self, held: Listing, member: Member, cik: str) -> bool:
        """Whether the name is another one, and no number says that the company is the same."""
        return not (cik and held.cik) and bool(member.name) and self._is_renamed(held, member)

    def _is_renamed(self, held: Listing, member: Member) -> bool:
        return bool(held.name) and not any(alike(member.name, name) for name in _names(held, self.profiles))

    def _known(self, member: Member, cik: str) -> Listing | None:
        """The known company that a ticker without a holder on that day means, if there is one."""
        # A list that is older than those read before, or a company that comes back.
        for row in (self.by_first.get(member.ticker), self.gone.get(member.ticker)):
            if row is not None and (row.cik == cik if cik and row.cik else alike(row.name, member.name)):
                return row
        if cik in self.by_cik:
            return self.by_cik[cik]
        alikes = [row for row in self.left if not (cik and row.cik) and alike(row.name, member.name)]
        return alikes[0] if len(alikes) == 1 else None

    def _note(self, known: Listing, member: Member) -> None:
        """What the list says of a company that is known."""
        held = self.register.at(known.company, self.each.day) or known
        self.register.add(
            replace(held, since=self.each.day, known_at=self.each.known_at, ticker=member.ticker, status=LISTED,
                    name=member.name or held.name, sector=member.sector or held.sector)
        )  # fmt: skip


def _compare(
    register: Register,
    directory: Directory,
    profiles: Profiles,
    members: frozenset[str],
    last: Mapping[str, pd.Timestamp],
    today: pd.Timestamp,
    now: pd.Timestamp,
) -> None:
    """What the SEC's list of today says of the companies that are listed."""
    current = register.current()
    holders = {row.ticker: row for row in sorted(current.values(), key=lambda row: row.since)}
    moves = _Moves(register, directory, profiles, last, holders)
    free: list[Listing] = []
    for company, row in current.items():
        entry = directory.by_ticker.get(row.ticker)
        if entry is not None and not row.cik:
            if row.ticker in members or alike(row.name, entry.name):
                # The number was the company's own from its first day on.
                register.add(replace(row, known_at=now, cik=entry.cik, exchange=entry.exchange))
            continue
        if entry is not None and entry.cik == row.cik:
            continue
        if entry is not None and any(alike(entry.name, name) for name in _names(row, profiles)):
            register.add(replace(row, since=today, known_at=now, cik=entry.cik, exchange=entry.exchange))
            register.notes.append(f"{company} goes on under CIK {entry.cik}")
            continue
        moves.released(row, today, now, only_renamed=entry is None)
        if entry is not None and row.ticker in members:
            free.append(row)
    held_now = {(row.ticker, row.cik) for row in register.current().values()}
    for row in free:
        entry = directory.by_ticker[row.ticker]
        if (row.ticker, entry.cik) not in held_now:
            heir = register.new_id(row.ticker)
            register.add(Listing(heir, today, now, row.ticker, entry.name, entry.cik, entry.exchange, row.sector))


class _Moves:
    """Where companies go that lose their tickers at the same time; `holders` had the tickers before."""

    def __init__(
        self,
        register: Register,
        directory: Directory,
        profiles: Profiles,
        last: Mapping[str, pd.Timestamp],
        holders: Mapping[str, Listing],
    ) -> None:
        self.register, self.directory, self.profiles = register, directory, profiles
        self.last, self.holders = last, holders
        self.claimed: set[str] = set()

    def released(
        self, held: Listing, day: pd.Timestamp, known_at: pd.Timestamp, *, only_renamed: bool = False
    ) -> Listing | None:
        """Let a company go on without its ticker: under another one of its number, else as delisted."""
        others = [ticker for ticker in self.directory.by_cik.get(held.cik, ()) if self._is_free(ticker, held.cik)]
        if others:
            self.claimed.add(others[0])
            moved = replace(held, since=day, known_at=known_at, ticker=others[0])
            self.register.notes.append(_renamed(held, others[0]))
            self.register.add(moved)
            return moved
        if not only_renamed:
            last = self.last.get(held.company)
            since = day if last is None else max(held.since, last + _DAY)
            self.register.add(replace(held, since=since, known_at=known_at, status=DELISTED))
            self.register.notes.append(
                f"{held.ticker} belongs to another company now; {held.company} ({held.name}) is delisted"
            )
        return None

    def _is_free(self, ticker: str, cik: str) -> bool:
        """Whether a ticker of that number has no holder, or one that loses it to this number."""
        if ticker in self.claimed:
            return False
        holder = self.holders.get(ticker)
        if holder is None:
            return True
        names = _names(holder, self.profiles)
        new_name = self.directory.by_ticker[ticker].name
        return holder.cik not in ("", cik) and not any(alike(new_name, name) for name in names)


def _names(row: Listing, profiles: Profiles) -> tuple[str, ...]:
    former = profiles[row.cik].names if row.cik in profiles else ()
    return tuple(filter(None, (row.name, *former)))


def _renamed(row: Listing, ticker: str) -> str:
    return f"{row.ticker} was renamed {ticker} ({row.company}, {row.name})"


def first_bars(register: Register, first: Mapping[str, tuple[pd.Timestamp, pd.Timestamp]]) -> None:
    """Date the first listing of each company back to its first bar: day and close by company.

    What a list said later, such as the sector, stays known from then on.
    """
    for company, (day, close) in first.items():
        rows = register.rows.get(company)
        if rows and rows[0].since > day:
            of = rows[0]
            register.add(Listing(company, day, close, of.ticker, of.name, of.cik, of.exchange))


def note_delisted(
    register: Register,
    last: Mapping[str, pd.Timestamp],
    unknown: frozenset[str],
    members: frozenset[str],
    directory: Directory,
    sessions: pd.DatetimeIndex,
    now: pd.Timestamp,
) -> None:
    """Note as delisted who is in no list, the SEC's included, and of whom the provider has no bar of ten sessions.

    Parameters
    ----------
    last
        The day of the last stored bar by company.
    unknown
        Companies that the provider does not know (any more).
    members
        Tickers in the latest lists of holdings.
    sessions
        The sessions up to the last one that is over.
    """
    for company, row in register.current().items():
        if row.ticker in members or row.ticker in directory.by_ticker:
            continue
        if row.cik and not directory.by_ticker:
            continue  # the SEC would know, and was not asked
        seen = last.get(company)
        waited = int((sessions > (row.since if seen is None else seen)).sum())
        if company in unknown or waited >= PATIENCE:
            since = row.since if seen is None else max(row.since, seen + _DAY)
            register.add(replace(row, since=since, known_at=now, status=DELISTED))
            shown = "without a bar" if seen is None else f"last bar {seen.date()}"
            register.notes.append(f"{company} ({row.ticker}) is delisted, {shown}")
