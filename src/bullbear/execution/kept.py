"""Finished results in folders, so that an interrupted computation continues where it stopped."""

from __future__ import annotations

import hashlib
import pickle
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from bullbear.execution.environment import environment
from bullbear.files import FileLock, write_whole

_MAGIC = b"bullbear result 1\n"
_LOCK = ".lock"


class Kept:
    """Where computations of one kind keep their results: a folder below `root` for each function and `shared` value.

    A folder's name is a digest of the function, the value, the versions of the libraries and bullbear's own source.
    Within a `with` block the folders that were asked for are locked, and no other process removes them. A folder that
    cannot be written is warned about once; the results are then computed and not kept.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._held = ExitStack()
        self._warned = False

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def results(self, function: Callable[..., Any], shared: object) -> KeptResults:
        """The results of `function` on `shared`."""
        context = _digest((f"{function.__module__}.{function.__qualname__}", dict(environment()), shared))
        folder = self._root / context.hex()
        try:
            with FileLock(self._root / _LOCK):  # between the folder and its lock nobody removes it
                self._held.enter_context(FileLock(folder / _LOCK, shared=True))
        except OSError as bad:
            self.warn(bad)
        return KeptResults(folder, context, self.warn)

    def remove(self) -> None:
        """Remove what these computations kept, and what killed ones left; a folder that another still uses stays."""
        self._held.close()
        if not self._root.is_dir():
            return
        # What cannot be removed now may stay: the next call tries again.
        with suppress(OSError), FileLock(self._root / _LOCK):
            for folder in self._root.iterdir():
                if folder.is_dir() and FileLock(folder / _LOCK).is_free():
                    shutil.rmtree(folder, ignore_errors=True)

    def warn(self, bad: OSError) -> None:
        """Say once that a result cannot be kept."""
        if not self._warned:
            self._warned = True
            why = bad.strerror or str(bad)
            sys.stderr.write(
                f"note: {self._root} cannot be written ({why}); an interrupt would lose what is finished\n"
            )


class KeptResults:
    """The results of one function on one `shared` value, a file for each item.

    A file holds its key, a digest of its content, and the pickled result. A file that is damaged, or that was written
    for something else, counts as missing.
    """

    def __init__(self, folder: Path, context: bytes, warn: Callable[[OSError], None]) -> None:
        self._folder, self._context, self._warn = folder, context, warn

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
        """Keep a result if the disk takes it; a file is there whole or not at all."""
        key, body = self._key(item), pickle.dumps(result, protocol=5)
        try:
            write_whole(self._path(key), _MAGIC + key + hashlib.sha256(body).digest() + body)
        except OSError as bad:
            self._warn(bad)

    def _key(self, item: object) -> bytes:
        return _digest((self._context, item))

    def _path(self, key: bytes) -> Path:
        return self._folder / f"{key.hex()}.result"


def _digest(value: object) -> bytes:
    # joblib's hash does not depend on which equal strings are one object, as a digest of a pickle would.
    from joblib import hash as content_hash

    return bytes.fromhex(str(content_hash(value, hash_name="sha1")))
