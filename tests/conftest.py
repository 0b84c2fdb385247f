"""Fixtures shared by the whole suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def snapshot_dir() -> Path:
    """The real snapshot; tests that need it skip, visibly, where it is absent."""
    place = Path(os.environ.get("BULLBEAR_SNAPSHOT", ROOT.parent / "shared" / "data"))
    if not (place / "prices").is_dir():
        pytest.skip(f"real snapshot not found ({place.name}); set BULLBEAR_SNAPSHOT to run this test")
    return place
