"""The chain of a file's entries: what a line must hold, and where a chain is broken.

An entry's hash covers its place, its content and the hash before it. `Chain.read` follows the lines from an anchor on
and stops at the first that does not continue the chain; `faults_of` goes on behind it, so that each damaged place is
named once. Both work on bytes alone: files, locks and appending are `chained_file`'s.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bullbear.errors import InputError, LedgerError

GENESIS = "0" * 64
REMEDY = "restore the file from a copy; forecasts cannot be edited (docs/ledger.md)"
NAME = "ledger.jsonl"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)

Entry = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """What a chained file is, as its errors say it."""

    error: type[InputError]
    named: str
    remedy: str
    next_write: str
    """What appends to it next."""


LEDGER = Kind(LedgerError, "the ledger", REMEDY, "the next forecast")


@dataclass(frozen=True)
class Anchor:
    """How many entries a ledger had at some time, and the hash of the last of them."""

    count: int
    hash: str

    @classmethod
    def of(cls, entries: Sequence[Mapping[str, Any]]) -> Anchor:
        """The anchor of a whole ledger."""
        return cls(len(entries), entries[-1]["ledger"]["hash"] if entries else GENESIS)

    @classmethod
    def read(cls, text: str, where: str, kind: Kind = LEDGER) -> Anchor:
        """The inverse of `text`.

        Raises
        ------
        LedgerError
            It is none; or the error of another `kind`.
        """
        try:
            count, last = (json.loads(text)[key] for key in ("count", "hash"))
            if type(count) is not int or count < 0 or type(last) is not str:
                raise TypeError
        except (ValueError, KeyError, TypeError) as bad:
            raise kind.error(where, text[:40], '{"count": N, "hash": "..."}', kind.remedy) from bad
        return cls(count, last)

    def text(self) -> str:
        """As JSON, one line."""
        return json.dumps({"count": self.count, "hash": self.hash})

    def check(self, entries: Sequence[Mapping[str, Any]], kept_in: str, name: str = NAME, kind: Kind = LEDGER) -> None:
        """Refuse `entries` that are not a continuation of what this anchor saw.

        Raises
        ------
        LedgerError
            There are fewer entries than it counted, or the last one that it saw has another hash; or the error of
            another `kind`.
        """
        if len(entries) < self.count:
            raise kind.error(
                name,
                f"{len(entries)} whole entries",
                f"at least the {self.count} that {kept_in} recorded: entries at the end were cut off or damaged",
                kind.remedy,
            )
        found = Anchor.of(entries[: self.count]).hash
        if found != self.hash:
            raise kind.error(
                f"{name}:{self.count}",
                f"hash {found[:12]}...",
                f"{self.hash[:12]}..., which {kept_in} recorded: the chain was written anew",
                kind.remedy,
            )


START = Anchor(0, GENESIS)


@dataclass(frozen=True)
class Chain:
    """The entries in the bytes of a chained file, where they end, and what follows."""

    entries: list[Entry]
    end: int  # bytes up to the end of the last entry, its line feed included
    terminated: bool  # whether that line feed is there
    torn: bytes  # the start of a line or a batch that was never finished

    @classmethod
    def read(cls, raw: bytes, *, after: Anchor = START, name: str = NAME, kind: Kind = LEDGER) -> Chain:
        """The entries in `raw`, the lines that follow those which `after` counts.

        What lies around the entries is not content: line ends of either kind, blank lines at the end, a missing line
        feed after a last line whose hash verifies, a byte-order mark.

        Raises
        ------
        LedgerError
            An entry was changed, dropped or slipped in; or the error of another `kind`.
        """
        entries: list[Entry] = []
        starts: list[int] = []
        begin = end = _begin(raw) if after == START else 0
        last = after
        for start, line, behind in _lines(raw, begin):
            starts.append(start)
            end = behind
            entries.append(_entry(line, last, name, kind))
            last = Anchor(last.count + 1, entries[-1]["ledger"]["hash"])
        if entries and (begun := min(_unfinished(entries[-1]), len(entries))):
            entries, end = entries[:-begun], starts[-begun]
        torn = raw[end : len(raw.rstrip(b"\r\n"))]
        return cls(entries, end, end == begin or raw[end - 1 : end] == b"\n", torn)


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file of the ledger, and in which line; None where it is about the whole file."""

    file: str
    line: int | None
    problem: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.problem}"


def faults_of(raw: bytes, name: str = NAME) -> list[Fault]:
    """Every damaged place of a ledger, in the order of its lines; empty exactly if `Chain.read` accepts it.

    Behind a damaged line the chain is taken up with the place and the hash that the line itself gives: of a line that
    was edited, those after it are not faulted, too.
    """
    faults: list[Fault] = []
    due: _Due | None = _Due({0}, {GENESIS})
    for number, (_, line, _) in enumerate(_lines(raw, _begin(raw)), start=1):
        problem, due = _looked_at(line, due)
        if problem is not None:
            faults.append(Fault(name, number, problem))
    return faults


def seal(content: Mapping[str, Any], index: int, previous_hash: str) -> str:
    """The hash of an entry: sha256 over its place, the hash before it and its canonical JSON."""
    return hashlib.sha256(f"{index}\n{previous_hash}\n{canonical(content)}".encode()).hexdigest()


def canonical(content: Mapping[str, Any]) -> str:
    """As JSON with sorted keys and without blanks, the one way in which an entry is written."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class _Due:
    """The places and the hashes before it that the next line may state: several behind a line that was edited."""

    index: set[int]
    previous: set[str]


def _begin(raw: bytes) -> int:
    return len(BYTE_ORDER_MARK) if raw.startswith(BYTE_ORDER_MARK) else 0


def _lines(raw: bytes, begin: int) -> Iterator[tuple[int, bytes, int]]:
    """Where each line starts, the line, and where it ends; the last one without its line feed only if it is whole."""
    start, whole = begin, len(raw.rstrip(b"\r\n"))
    while start < whole:
        # Only a line feed ends a line: `splitlines` would also break at a carriage return that somebody slipped in.
        feed = raw.find(b"\n", start)
        end = feed + 1 if feed >= 0 else len(raw)
        line = raw[start:feed] if feed >= 0 else raw[start:]
        if feed < 0 and not _is_document(line):
            return
        yield start, line.removesuffix(b"\r"), end
        start = end


def _entry(line: bytes, last: Anchor, name: str, kind: Kind) -> Entry:
    """The entry in a line that follows `last`; see `Chain.read`."""
    where, shown = f"{name}:{last.count + 1}", line[:40].decode(errors="replace")
    try:
        entry: Entry = json.loads(line)
        stamp, content = entry["ledger"], _content(entry)
        expected = _stamp(content, last.count, last.hash)
        written = canonical({**content, "ledger": expected}).encode()
    except _UNREADABLE as bad:
        raise kind.error(where, shown, f"an entry of {kind.named}", kind.remedy) from bad
    if stamp != expected:
        raise kind.error(where, stamp, f"the chained hash {str(expected['hash'])[:12]}...", kind.remedy)
    # JSON lets a key stand twice and the last one count, and 1.0 equals 1: what a reader sees must be what is sealed.
    if line != written:
        raise kind.error(where, shown, "the line as it was written", kind.remedy)
    return entry


def _looked_at(line: bytes, due: _Due | None) -> tuple[str | None, _Due | None]:
    """What is wrong with a line, and what the next one may state; None where nothing is known about it."""
    try:
        entry = json.loads(line)
        content = _content(entry)
        index, stated, previous = (entry["ledger"][key] for key in ("index", "hash", "previous_hash"))
        if type(index) is not int or type(stated) is not str or type(previous) is not str:
            raise TypeError
        own = _stamp(content, index, previous)
        written = canonical({**content, "ledger": own}).encode()
    except _UNREADABLE:
        return ("a blank line" if not line.strip() else "no entry of the ledger"), None
    if stated != own["hash"]:
        places = {index, *(due.index if due else ())}
        behind = _Due({each + 1 for each in places}, {stated, str(own["hash"])})
        return f"edited: it states the hash {stated[:12]}..., its content has {str(own['hash'])[:12]}...", behind
    behind = _Due({index + 1}, {stated})
    if due is not None and index not in due.index:
        return f"entry {index} where {min(due.index)} is due: entries were removed, slipped in or moved", behind
    if due is not None and previous not in due.previous:
        return "it continues another chain than that of the line before", behind
    if line != written:
        return "not the line as it was written: a key twice, blanks or another order of the keys", behind
    return None, behind


def _content(entry: Entry) -> Entry:
    return {key: value for key, value in entry.items() if key != "ledger"}


def _stamp(content: Entry, index: int, previous: str) -> dict[str, int | str]:
    return {"index": index, "hash": seal(content, index, previous), "previous_hash": previous}


def _unfinished(last: Mapping[str, Any]) -> int:
    """How many entries there are of a batch whose end is missing, if `last` is the last one; else 0."""
    batch = last.get("batch")
    begun = batch["place"] + 1 if batch else 0
    return begun if batch and begun < batch["of"] else 0


def _is_document(line: bytes) -> bool:
    """Whether a last line without its line feed is whole; the start of an entry's line is never valid JSON."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
