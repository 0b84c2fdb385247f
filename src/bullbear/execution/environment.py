"""What a result depends on beside its inputs: Python, the libraries that compute, and bullbear's own code."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import bullbear

_LIBRARIES = (
    "arch",
    "exchange-calendars",  # the sessions that labels count
    "joblib",
    "lightgbm",
    "numba",  # compiles the recursions of arch where it is installed
    "numpy",
    "optuna",  # draws the trials of a search
    "pandas",
    "pandera",  # checks and converts what is stored
    "pyarrow",  # reads it
    "scikit-learn",
    "scipy",
    "statsmodels",
    "ta-lib",
    "venn-abers",
)


@cache
def environment() -> Mapping[str, str]:
    """The version of each, by name; a library that is not installed has `none`."""
    return {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        **{name: _version(name) for name in _LIBRARIES},
        "bullbear": f"{_version('bullbear')} (source {_source_digest()[:12]})",
    }


def difference(expected: Mapping[str, str], found: Mapping[str, str]) -> str:
    """How `found` differs, such as `numpy 2.4.0 instead of 2.5.1`; empty if it does not."""
    return ", ".join(
        f"{name} {found.get(name, 'none')} instead of {wanted}"
        for name, wanted in expected.items()
        if found.get(name, "none") != wanted
    )


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"


def _source_digest() -> str:
    """Of every module of the package: an edit counts, committed or not."""
    seal = hashlib.sha256()
    for path in sorted(Path(bullbear.__file__).parent.rglob("*.py")):
        seal.update(path.read_bytes())
    return seal.hexdigest()
