"""Files that a user names on the command line to be written."""

from __future__ import annotations

import os
from pathlib import Path

from bullbear.errors import InputError
from bullbear.files import write_whole


def check_output(path: Path, where: str) -> None:
    """Refuse, before any work, a file of the user's choice that cannot be written.

    Parameters
    ----------
    where
        The option that names it.

    Raises
    ------
    InputError
        It is a folder or a device, or its folder does not exist or cannot be written.
    """
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "no plain file"
        raise InputError(where, f"{path} ({kind})", "the name of a file", "give a file's name")
    folder = path.parent
    if not folder.is_dir():
        raise InputError(where, str(path), "a file in a folder that exists", f"create {folder} first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(where, f"{path} (its folder is read-only)", "a file that can be written", "choose a place")


def write_output(path: Path, content: str | bytes, where: str) -> None:
    """`write_whole` of a file of the user's choice; see `check_output`."""
    check_output(path, where)
    try:
        write_whole(path.resolve(), content)  # behind a symlink, so that it stays one
    except OSError as bad:
        reason = (bad.strerror or str(bad)).lower()
        raise InputError(where, f"{path} ({reason})", "a file that can be written", "choose another place") from bad
