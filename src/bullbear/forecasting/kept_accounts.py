"""The accounts of replays, kept in the home by the digest of everything that their walks read (`decide.kept_walk`).

They only save time: a file that is missing, damaged or cannot be written changes nothing but how long a replay takes,
and the folder may be removed at any time.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from bullbear.decide import Book
from bullbear.errors import BullbearError
from bullbear.files import write_whole

MOST = 16
"""Accounts kept, of a few kilobytes each; the oldest go first."""


@dataclass(frozen=True)
class KeptAccounts:
    """A folder of accounts, made with the first one."""

    folder: Path

    def read(self, digest: str) -> Book | None:
        """The account kept under a digest, to the last bit; None if there is none, or it is not whole."""
        try:
            seal, _, body = self._path(digest).read_text(encoding="utf-8").partition("\n")
            if seal == sha256(body.encode()).hexdigest():
                return Book.from_json(json.loads(body))
        except (OSError, ValueError, BullbearError):
            pass
        return None

    def write(self, digest: str, book: Book) -> None:
        """Keep an account where the home can be written to."""
        with suppress(OSError, ValueError):
            body = json.dumps(book.to_json(), allow_nan=False)
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._path(digest), f"{sha256(body.encode()).hexdigest()}\n{body}")
            for old in sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)[:-MOST]:
                old.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest}.json"
