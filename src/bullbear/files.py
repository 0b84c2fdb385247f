"""Files that appear whole or not at all, and locks between threads and processes."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

STAGING = ".staging-"
"""How the names of files begin that are being written; a killed process leaves one behind."""


def write_whole(path: Path, content: bytes | memoryview | str) -> None:
    """Replace `path` by `content`; whatever kills the process or the machine leaves the old file or the new one.

    Text is written as UTF-8, with its line ends as they are.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f"{STAGING}{uuid4().hex}")
    try:
        with named(path), open(staged, "xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(staged, path)
    except BaseException:
        with suppress(OSError):  # must not hide the cause
            staged.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Give an error of the system that does not say it the file that it is about: a write to a full disk, say."""
    try:
        yield
    except OSError as bad:
        if bad.filename is None and bad.errno is not None:
            raise OSError(bad.errno, bad.strerror, str(path)) from bad
        raise


def copy_folder(source: Path, target: Path) -> None:
    """As `shutil.copytree`, with the first error as itself instead of a list of all.

    Raises
    ------
    OSError
        A file cannot be read or written; what was copied stays.
    """
    first: list[OSError] = []

    def copy(one: str, other: str) -> object:
        try:
            return shutil.copy2(one, other)
        except OSError as bad:
            first.append(bad)
            raise

    try:
        shutil.copytree(source, target, copy_function=copy)
    except shutil.Error as several:
        bad = next(iter(first), several)
        raise OSError(bad.errno, bad.strerror, bad.filename2 or bad.filename) from several


def sync_folder(folder: Path) -> None:
    """Make a new name in `folder` survive a power failure."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_staged(folder: Path) -> None:
    """Remove what killed writers left in `folder`; call it only under the lock of all its writers."""
    for leftover in folder.glob(f"{STAGING}*"):
        leftover.unlink(missing_ok=True)


def replace_folder(staged: Path, target: Path) -> None:
    """Put `staged` in the place of `target`; a kill in between leaves the old folder or the new one, whole.

    Only where `target` is a plain folder, as in some copies of a home, is there an instant with neither.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    # A folder cannot be renamed over a full one; a symlink can, so `target` is a link to the current version.
    versions = target.parent / f".{target.name}"
    versions.mkdir(exist_ok=True)
    version = versions / uuid4().hex
    os.replace(staged, version)
    before = target.resolve().name
    link = target.parent / f".{target.name}-{uuid4().hex}"
    link.symlink_to(version.relative_to(target.parent))
    if target.is_dir() and not target.is_symlink():
        # A copy made by a tool that follows links holds a folder where the link was.
        before = uuid4().hex
        os.replace(target, versions / before)
    os.replace(link, target)
    # The version before stays, for a reader that has it open. Modification times do not tell which one that is: a
    # folder that was copied into place keeps the time of its source.
    for old in versions.iterdir():
        if old.name not in (version.name, before):
            shutil.rmtree(old, ignore_errors=True)


class FileLock:
    """A lock over threads and processes, for `with`; re-entrant, released by the system if the process dies.

    A `shared` one may be held many times at once, but not beside an exclusive one.

    Example
    -------
    >>> import tempfile
    >>> lock = FileLock(Path(tempfile.mkdtemp()) / ".lock")
    >>> with lock:
    ...     lock.is_free()
    False
    """

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        self.path, self.shared = path, shared
        self._threads = threading.RLock()
        self._depth = 0
        self._handle = -1

    def __enter__(self) -> FileLock:
        self._threads.acquire()
        try:
            if self._depth == 0:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
                fcntl.flock(self._handle, fcntl.LOCK_SH if self.shared else fcntl.LOCK_EX)
        except BaseException:
            self._close()
            self._threads.release()
            raise
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._close()
        self._threads.release()

    def _close(self) -> None:
        if self._depth == 0 and self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def wait(self) -> None:
        """Wait until no process holds the lock; needs no write access, and raises OSError where there is no file."""
        with open(self.path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)

    def is_free(self) -> bool:
        """Whether nobody holds the lock now."""
        try:
            handle = os.open(self.path, os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(handle)
        return True
