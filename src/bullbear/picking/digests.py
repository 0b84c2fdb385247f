"""Results that are kept under a digest of all that they were computed from, and forgotten when nobody uses them."""

from __future__ import annotations

import hashlib
import os
import pickle
import time
from pathlib import Path

import numpy as np

from bullbear.execution.environment import environment

DAYS = 7
"""A file that was not used for so long is removed."""


def digest(*inputs: object) -> str:
    """Of inputs in their order, of the code and its libraries: texts, tuples and lists of them, arrays, stores."""
    seal = hashlib.sha256(repr(sorted(environment().items())).encode())
    for each in inputs:
        content = _bytes(each)
        seal.update(len(content).to_bytes(8))
        seal.update(content)
    return seal.hexdigest()[:24]


def is_there(path: Path) -> bool:
    """Whether there is such a file; it then counts as used now."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def forget(root: Path) -> None:
    """Remove the files below `root` that were not used for `DAYS`."""
    oldest = time.time() - DAYS * 86_400
    for folder, _, names in os.walk(root):
        for path in (Path(folder) / name for name in names):
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink()
            except FileNotFoundError:  # another process was faster
                continue


def _bytes(value: object) -> bytes:
    if isinstance(value, np.ndarray):
        return f"{value.shape} {value.dtype.str}".encode() + np.ascontiguousarray(value).tobytes()
    return repr(value).encode() if isinstance(value, str | tuple | list) else pickle.dumps(value)
