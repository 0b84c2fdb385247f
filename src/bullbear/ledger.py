"""The ledger: every forecast ever made, one JSON line each, chained by hashes, only ever appended.

An entry's hash covers its content and the hash before it, so that no forecast can be changed, dropped or slipped in
afterwards without breaking the chain. A forecast counts once: the same model, ticker and decision yield the same entry
when asked again. A line cut short by a killed process was never promised to anybody; it is dropped at the next append.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bullbear.errors import LedgerError

GENESIS = "0" * 64


class Ledger:
    """The ledger in one JSON-lines file.

    Example
    -------
    >>> import tempfile
    >>> ledger = Ledger(Path(tempfile.mkdtemp()) / "ledger.jsonl")
    >>> said = {"decided_at": "2019-12-31", "p_up": 0.6}
    >>> entry = ledger.append(said, same=("decided_at",))
    >>> entry["ledger"]["index"], ledger.append(said, same=("decided_at",)) == entry
    (0, True)
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self) -> list[dict[str, Any]]:
        """All entries in order, the chain verified.

        Raises
        ------
        LedgerError
            An entry was changed, dropped or slipped in.
        """
        return self._parse(self._whole_lines(self._bytes()))

    def append(self, forecast: Mapping[str, Any], *, same: tuple[str, ...]) -> dict[str, Any]:
        """Append `forecast`, or return the entry that has the same values under the keys `same`.

        Parameters
        ----------
        forecast
            JSON-ready content without a `ledger` key.
        same
            Dotted keys that identify a forecast, such as ("ticker", "decided_at", "model.run_id").

        Returns
        -------
        dict
            The entry: the content and `ledger {index, hash, previous_hash}`.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            raw = self._bytes()
            whole = self._whole_lines(raw)
            entries = self._parse(whole)
            for entry in entries:
                if all(_at(entry, key) == _at(forecast, key) for key in same):
                    return entry
            previous = entries[-1]["ledger"]["hash"] if entries else GENESIS
            entry = {
                **forecast,
                "ledger": {
                    "index": len(entries),
                    "hash": seal(forecast, len(entries), previous),
                    "previous_hash": previous,
                },
            }
            line = (_canonical(entry) + "\n").encode()
            with open(self.path, "r+b" if self.path.exists() else "w+b") as file:
                file.truncate(sum(map(len, whole)))
                file.seek(0, os.SEEK_END)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            return json.loads(line)  # type: ignore[no-any-return]

    def _parse(self, lines: list[bytes]) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = []
        previous = GENESIS
        for number, line in enumerate(lines):
            where = f"{self.path.name}:{number + 1}"
            remedy = "restore the file from a copy; forecasts cannot be edited"
            try:
                entry = json.loads(line)
                stamp = entry["ledger"]
                content = {key: value for key, value in entry.items() if key != "ledger"}
                expected = {"index": number, "hash": seal(content, number, previous), "previous_hash": previous}
                written = (_canonical(entry) + "\n").encode()
            except (ValueError, KeyError, TypeError) as bad:
                raise LedgerError(where, line[:40].decode(errors="replace"), "an entry of the ledger", remedy) from bad
            if stamp != expected:
                raise LedgerError(where, stamp, f"the chained hash {str(expected['hash'])[:12]}...", remedy)
            # JSON lets a key stand twice and the last one count: what a reader of the file sees must be what is sealed.
            if line != written:
                raise LedgerError(where, line[:40].decode(errors="replace"), "the line as it was written", remedy)
            entries.append(entry)
            previous = stamp["hash"]
        return entries

    def _bytes(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""

    @staticmethod
    def _whole_lines(raw: bytes) -> list[bytes]:
        # Only a line feed ends a line: `splitlines` would also break at a carriage return that somebody slipped in.
        return [line + b"\n" for line in raw.split(b"\n")[:-1]]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self.path.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def seal(content: Mapping[str, Any], index: int, previous_hash: str) -> str:
    """The hash of an entry: sha256 over its place, the hash before it and its canonical JSON."""
    return hashlib.sha256(f"{index}\n{previous_hash}\n{_canonical(content)}".encode()).hexdigest()


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _at(entry: Mapping[str, Any], key: str) -> Any:
    value: Any = entry
    for part in key.split("."):
        value = value[part]
    return value
