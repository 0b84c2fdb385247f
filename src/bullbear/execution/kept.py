"""Finished results in a folder, so that an interrupted computation continues where it stopped."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import bullbear
from bullbear.files import write_whole

_MAGIC = b"bullbear result 1\n"


class KeptResults:
    """The results of one function on one `shared` value, a file for each item.

    A file holds its key, a digest of its content, and the pickled result. A file that is damaged, or that was written
    for something else, counts as missing.
    """

    def __init__(self, folder: Path, function: Callable[..., Any], shared: object) -> None:
        self._folder = folder
        self._context = _digest((f"{function.__module__}.{function.__qualname__}", _source_digest(), shared))

    def read(self, item: object) -> tuple[Any] | None:
        """The result of an item in a tuple of one, or None where there is none."""
        key = self._key(item)
        try:
            content = self._path(key).read_bytes()
        except OSError:
            return None
        header = _MAGIC + key
        body = content[len(header) + 32 :]
        if content[: len(header) + 32] != header + hashlib.sha256(body).digest():
            return None
        try:
            return (pickle.loads(body),)
        except Exception:  # whatever a class of another version raises
            return None

    def write(self, item: object, result: object) -> None:
        """Keep a result; a file is there whole or not at all."""
        key, body = self._key(item), pickle.dumps(result, protocol=5)
        write_whole(self._path(key), _MAGIC + key + hashlib.sha256(body).digest() + body)

    def _key(self, item: object) -> bytes:
        return _digest((self._context, item))

    def _path(self, key: bytes) -> Path:
        return self._folder / f"{key.hex()}.result"


def _digest(value: object) -> bytes:
    # joblib's hash does not depend on which equal strings are one object, as a digest of a pickle would.
    from joblib import hash as content_hash

    return bytes.fromhex(str(content_hash(value, hash_name="sha1")))


@cache
def _source_digest() -> str:
    """Of the package's own source: after an edit nothing that was kept is used, committed or not."""
    seal = hashlib.sha256()
    for path in sorted(Path(bullbear.__file__).parent.rglob("*.py")):
        seal.update(path.read_bytes())
    return seal.hexdigest()
