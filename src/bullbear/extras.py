"""Optional libraries: which extra installs them, and the one line that says so where they are missing."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from bullbear.errors import MissingExtraError

LIBRARIES = {
    "train": ("arch", "joblib", "numba", "optuna", "sklearn", "statsmodels", "venn_abers"),
    "tracking": ("mlflow", "sqlalchemy"),
    "report": ("jinja2", "matplotlib", "plotly"),
    "live": ("httpx", "pandera", "tenacity"),
    "dask": ("dask", "distributed"),
}
"""Extra of pyproject.toml to the names under which its libraries are imported."""


def require(what: str, *extras: str) -> None:
    """Check that the libraries of `extras` are installed, without importing them.

    MissingExtraError names every missing extra, and `what` (a command or an option) as what needs them.
    """
    missing = [extra for extra in extras if any(find_spec(library) is None for library in LIBRARIES[extra])]
    if missing:
        raise MissingExtraError(what, missing)


def require_modules(what: str, modules: Iterable[str]) -> None:
    """Check that every one of `modules` that an extra installs is there, without importing it.

    MissingExtraError names the extras of those that are missing, and `what` as what needs them.
    """
    absent = [module for module in modules if find_spec(module.split(".")[0]) is None]
    if missing := sorted({extra for module in absent if (extra := extra_of(module)) is not None}):
        raise MissingExtraError(what, missing)


def extra_of(library: str | None) -> str | None:
    """The extra that installs a module; None if no extra does."""
    name = (library or "").split(".")[0]
    return next((extra for extra, libraries in LIBRARIES.items() if name in libraries), None)
