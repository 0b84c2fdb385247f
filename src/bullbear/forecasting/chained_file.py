"""A file of JSON lines that is only ever appended to, chained by hashes: the ledger of forecasts, the trials.

An entry's hash covers its content and the hash before it, so that no entry can be changed, dropped or slipped in
afterwards without breaking the chain. The chain alone cannot show that its end was cut off or that it was written anew:
for that a file beside it, `.head`, keeps the number of entries and the last hash (`Anchor`).

Entries that are appended together say so under `batch {place, of}`. What a killed process left, a line cut short or a
batch that lacks its end, was never promised to anybody; the next append moves it to `.torn`. Reading takes no lock and
writes nothing.
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

from bullbear.files import FileLock, named, sync_folder, write_whole
from bullbear.forecasting.chain import LEDGER, Anchor, Chain, Kind, canonical, seal


@dataclass(frozen=True)
class _Content:
    """What the file holds, and what its head records."""

    chain: Chain
    head: Anchor | None

    @property
    def entries(self) -> list[dict[str, Any]]:
        return self.chain.entries


def warn(line: str) -> None:
    """Write a note to stderr."""
    sys.stderr.write(f"note: {line}\n")


class ChainedFile:
    """Entries in one JSON-lines file, with its head in another beside it."""

    kind: Kind = LEDGER
    """What its errors and notes call it."""

    def __init__(self, path: Path, *, say: Callable[[str], None] = warn) -> None:
        self.path = path
        self._say = say
        self._verified: tuple[bytes, Chain] | None = None

    @property
    def name(self) -> str:
        """How errors name the file."""
        return self.path.name

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
                f"{self.path.name} ends in {_what(torn)} cut short ({len(torn)} bytes), which is no entry; "
                f"{self.kind.next_write} moves it to {self.torn_path.name}"
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
        return Anchor.read(text, self.head_path.name, self.kind)

    def add(self, new: Callable[[Sequence[dict[str, Any]]], Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
        """Append, all or none, what `new` makes of the entries that are there; nobody else appends in between.

        Parameters
        ----------
        new
            Gives JSON-ready contents without a `ledger` key.

        Returns
        -------
        list of dict
            The new entries: each content and `ledger {index, hash, previous_hash}`.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock():
            content = self._read()
            made = new(content.entries)
            return self._write(content, made) if made else []

    def renew_head(self) -> None:
        """Bring a head that is behind up to date."""
        with self._lock():
            self._write_head(Anchor.of(self._read().entries))

    def _write(self, content: _Content, contents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        place, last = len(content.entries), Anchor.of(content.entries).hash
        lines = []
        for number, each in enumerate(contents):
            if len(contents) > 1:
                each = {**each, "batch": {"place": number, "of": len(contents)}}
            stamp = {"index": place, "hash": seal(each, place, last), "previous_hash": last}
            lines.append((canonical({**each, "ledger": stamp}) + "\n").encode())
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
            self._verified = raw, Chain.read(raw, name=self.name, kind=self.kind)
        content = _Content(self._verified[1], head)
        if head is not None:
            head.check(content.entries, self.head_path.name, self.name, self.kind)
        return content

    def _lock(self) -> FileLock:
        return FileLock(self.path.with_suffix(".lock"))


def _what(torn: bytes) -> str:
    return "a batch" if b"\n" in torn else "a line"
