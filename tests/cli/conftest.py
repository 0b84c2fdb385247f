"""Fixtures of the command line's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

State = dict[str, tuple[int, int]]


@pytest.fixture
def state() -> Callable[[Path], State]:
    """Every file below a folder with its size and time of change, but for locks and hidden caches."""

    def of(root: Path) -> State:
        files = (path for path in root.rglob("*") if path.is_file() and path.suffix != ".lock" and path.name[0] != ".")
        return {str(path.relative_to(root)): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}

    return of
