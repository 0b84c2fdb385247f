"""The ledger: every forecast ever made, one JSON line each, chained by hashes, only ever appended.

An entry's hash covers its content and the hash before it, so that no forecast can be changed, dropped or slipped in
afterwards without breaking the chain. The chain alone cannot show that its end was cut off or that it was written anew:
for that `ledger.head`, a file of its own, keeps the number of entries and the last hash (`Anchor`).

A forecast counts once: the same model, ticker and decision yield the same entry when asked again. Entries that are
appended together say so under `batch {place, of}`. What a killed process left, a line cut short or a batch that lacks
its end, was never promised to anybody; the next append moves it to `ledger.torn`. Reading takes no lock and writes
nothing. docs/ledger.md says what all this protects against.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bullbear import sessions
from bullbear.code_version import code_version
from bullbear.definitions import UP
from bullbear.files import FileLock, named, sync_folder, write_whole
from bullbear.forecasting.chain import Anchor, Chain, canonical, seal

SCHEMA_VERSION = 3
LIVE, REPLAY, UNKNOWN = "live", "replay", "unknown"


@dataclass(frozen=True)
class _Content:
    """What the file holds, and what its head records."""

    chain: Chain
    head: Anchor | None

    @property
    def entries(self) -> list[dict[str, Any]]:
        return self.chain.entries

    def find(self, forecast: Mapping[str, Any], identity: tuple[str, ...]) -> dict[str, Any] | None:
        for entry in self.entries:
            if all(_at(entry, key) == _at(forecast, key) for key in identity):
                return entry
        return None


def warn(line: str) -> None:
    """Write a note to stderr."""
    sys.stderr.write(f"note: {line}\n")


class Ledger:
    """The ledger in one JSON-lines file, with its head in another beside it.

    Example
    -------
    >>> import tempfile
    >>> ledger = Ledger(Path(tempfile.mkdtemp()) / "ledger.jsonl")
    >>> said = {"decided_at": "2019-12-31", "p_up": 0.6}
    >>> entry = ledger.append(said, identity=("decided_at",))
    >>> entry["ledger"]["index"], ledger.append(said, identity=("decided_at",)) == entry
    (0, True)
    """

    def __init__(self, path: Path, *, say: Callable[[str], None] = warn) -> None:
        self.path = path
        self._say = say
        self._verified: tuple[bytes, Chain] | None = None

    @property
    def head_path(self) -> Path:
        """Where the number of entries and the last hash are kept."""
        return self.path.with_suffix(".head")

    @property
    def torn_path(self) -> Path:
        """Where lines that were cut short are kept."""
        return self.path.with_suffix(".torn")

    def entries(self) -> list[dict[str, Any]]:
        """All entries in order, the chain verified and compared with the head; no lock is needed and nothing written.

        What lies around the entries is not content: line ends of either kind, blank lines at the end of the file, a
        missing line feed after a last line whose hash verifies, a byte-order mark.

        Raises
        ------
        LedgerError
            An entry was changed, dropped or slipped in, the end was cut off, or the chain was written anew.
        """
        content = self._read()
        if content.chain.torn:
            # Another process may be writing that line right now: look again when it has finished.
            with suppress(OSError):
                self._lock().wait()
                content = self._read()
        if torn := content.chain.torn:
            self._say(
                f"{self.path.name} ends in {_what(torn)} cut short ({len(torn)} bytes), which is no entry; the next "
                f"forecast moves it to {self.torn_path.name}"
            )
        return list(content.entries)

    def head(self) -> Anchor | None:
        """What the head file records; None where there is none.

        Raises
        ------
        LedgerError
            It cannot be read as a head.
        """
        try:
            text = self.head_path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        return Anchor.read(text, self.head_path.name)

    def append(self, forecast: Mapping[str, Any], *, identity: tuple[str, ...]) -> dict[str, Any]:
        """Append `forecast`, or return the entry that has the same values under the keys `identity`.

        An entry that is there already is found without a lock and without write access.

        Parameters
        ----------
        forecast
            JSON-ready content without a `ledger` key.
        identity
            Dotted keys that identify a forecast, such as ("ticker", "decided_at", "model.run_id"); a key that is
            absent equals only another absent one.

        Returns
        -------
        dict
            The entry: the content and `ledger {index, hash, previous_hash}`.
        """
        return self.append_all([(forecast, identity)])[0]

    def append_all(self, forecasts: Sequence[tuple[Mapping[str, Any], tuple[str, ...]]]) -> list[dict[str, Any]]:
        """`append` of several forecasts, each with its identity: those that are not there yet, all of them or none.

        Returns
        -------
        list of dict
            The entry of each forecast, in their order.
        """
        content = self._read()
        found = [content.find(*each) for each in forecasts]
        if None not in found:
            if content.head != Anchor.of(content.entries):
                with suppress(OSError), self._lock():  # a home that cannot be written to keeps its old head
                    self._write_head(Anchor.of(self._read().entries))
            return [each for each in found if each is not None]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock():
            content = self._read()
            found = [content.find(*each) for each in forecasts]
            new = [forecast for (forecast, _), entry in zip(forecasts, found, strict=True) if entry is None]
            written = iter(self._write(content, new) if new else ())
            return [next(written) if entry is None else entry for entry in found]

    def _write(self, content: _Content, forecasts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        place, last = len(content.entries), Anchor.of(content.entries).hash
        lines = []
        for number, forecast in enumerate(forecasts):
            if len(forecasts) > 1:
                forecast = {**forecast, "batch": {"place": number, "of": len(forecasts)}}
            stamp = {"index": place, "hash": seal(forecast, place, last), "previous_hash": last}
            lines.append((canonical({**forecast, "ledger": stamp}) + "\n").encode())
            place, last = place + 1, str(stamp["hash"])
        text = b"".join(lines)
        if content.chain.torn:
            self._keep_aside(content.chain.torn)
        is_new = not self.path.exists()
        try:
            with named(self.path), open(self.path, "w+b" if is_new else "r+b") as file:
                file.truncate(content.chain.end)
                file.seek(0, os.SEEK_END)
                file.write(text if content.chain.terminated else b"\n" + text)
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                sync_folder(self.path.parent)
            self._write_head(Anchor(place, last))
        except OSError:  # a full disk: all entries or none, and no line cut short
            with suppress(OSError):
                os.truncate(self.path, content.chain.end)
            raise
        return [json.loads(line) for line in lines]

    def _keep_aside(self, torn: bytes) -> None:
        with named(self.torn_path), open(self.torn_path, "ab") as file:
            file.write(torn.removesuffix(b"\n") + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._say(
            f"{_what(torn)} of {self.path.name} was cut short ({len(torn)} bytes), probably by a killed process; "
            f"it is no entry and was moved to {self.torn_path.name}"
        )

    def _write_head(self, head: Anchor) -> None:
        # Written after the entry: a process killed in between leaves a head that is behind, never one that is ahead.
        write_whole(self.head_path, head.text() + "\n")

    def _read(self) -> _Content:
        # The head first: whoever appends meanwhile lengthens the file before the head.
        head = self.head()
        raw = self.path.read_bytes() if self.path.exists() else b""
        # A forecast reads the ledger, then appends to it: the same bytes need not be verified three times.
        if self._verified is None or self._verified[0] != raw:
            self._verified = raw, Chain.read(raw, name=self.path.name)
        content = _Content(self._verified[1], head)
        if head is not None:
            head.check(content.entries, self.head_path.name)
        return content

    def _lock(self) -> FileLock:
        return FileLock(self.path.with_suffix(".lock"))


def kind_of(decided_at: str | pd.Timestamp, issued_at: str | pd.Timestamp) -> str:
    """`live` if issued at or after the decision's close and before the next session opens, else `replay`.

    From the next open on the outcome has begun to show, and the trade that follows from a forecast can no longer be
    made. Both arguments are instants with a time zone.

    Example
    -------
    >>> kind_of("2019-12-24T18:00:00Z", "2019-12-26T14:29:59Z"), kind_of("2019-12-24T18:00:00Z", "2019-12-26T14:30:00Z")
    ('live', 'replay')
    """
    decided, issued = pd.Timestamp(decided_at), pd.Timestamp(issued_at)
    # A session that a newer calendar no longer knows still has a next one.
    tomorrow = sessions.day(decided) + pd.Timedelta(days=1)
    following = sessions.between(tomorrow, tomorrow + pd.Timedelta(days=14))[:1]
    return LIVE if decided <= issued < sessions.opens(following)[0] else REPLAY


def with_provenance(content: Mapping[str, Any], issued_at: pd.Timestamp) -> dict[str, Any]:
    """`content` with schema_version, issued_at (UTC, to the second), kind and code_version.

    Parameters
    ----------
    content
        A forecast with `decided_at`.
    issued_at
        Now, as an instant with a time zone.
    """
    issued = issued_at.tz_convert("UTC").floor("s")
    return {
        **content,
        "schema_version": SCHEMA_VERSION,
        "issued_at": issued.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "kind": kind_of(content["decided_at"], issued),
        "code_version": code_version(),
    }


def of_question(entries: Sequence[dict[str, Any]], question: str = UP.name) -> list[dict[str, Any]]:
    """The entries of one question; those of an older version are of `up`."""
    return [entry for entry in entries if entry.get("question", UP.name) == question]


def kind_of_entry(entry: Mapping[str, Any]) -> str:
    """`live`, `replay`, or `unknown` for an entry from before the schema that records it."""
    kind = entry.get("kind") if entry.get("schema_version") else None
    return str(kind) if kind in (LIVE, REPLAY) else UNKNOWN


def _what(torn: bytes) -> str:
    return "a batch" if b"\n" in torn else "a line"


def _at(entry: Mapping[str, Any], key: str) -> Any:
    value: Any = entry
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
