"""Documents kept in the home by the digest of everything that they follow from.

They only save time: a file that is missing, damaged or cannot be written changes nothing but how long a forecast takes,
and a folder of them may be removed at any time.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from bullbear.decide import Book
from bullbear.errors import BullbearError
from bullbear.files import write_whole

MOST = 16
"""Documents kept in a folder, of a few kilobytes each; the oldest go first."""


@dataclass(frozen=True)
class KeptDocuments:
    """A folder of documents, made with the first one."""

    folder: Path

    def read(self, digest: str) -> Any:
        """The document kept under a digest; None if there is none, or it is not whole."""
        with suppress(OSError, ValueError):
            seal, _, body = self._path(digest).read_text(encoding="utf-8").partition("\n")
            if seal == sha256(body.encode()).hexdigest():
                return json.loads(body)
        return None

    def write(self, digest: str, document: Any) -> None:
        """Keep a document, where the home can be written to."""
        with suppress(OSError, ValueError):
            body = json.dumps(document, allow_nan=False)
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._path(digest), f"{sha256(body.encode()).hexdigest()}\n{body}")
            for old in sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)[:-MOST]:
                old.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest}.json"


@dataclass(frozen=True)
class KeptAccounts:
    """The accounts of replays, by what their walks read; see `decide.kept_walk`."""

    documents: KeptDocuments

    def read(self, digest: str) -> Book | None:
        """The account kept under a digest, to the last bit; None if there is none that can be read."""
        document = self.documents.read(digest)
        try:
            return None if document is None else Book.from_json(document)
        except BullbearError:
            return None

    def write(self, digest: str, book: Book) -> None:
        """Keep an account, where the home can be written to."""
        self.documents.write(digest, book.to_json())
