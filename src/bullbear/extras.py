"""Optional libraries: which extra installs them, and the one line that says so where they are missing."""

from __future__ import annotations

from importlib.util import find_spec

from bullbear.errors import MissingExtraError

LIBRARIES = {
    "train": ("arch", "joblib", "sklearn", "statsmodels"),
    "tracking": ("alembic", "mlflow", "sqlalchemy"),
    "report": ("jinja2", "matplotlib"),
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


def extra_of(library: str | None) -> str | None:
    """The extra that installs a module; None if no extra does."""
    name = (library or "").split(".")[0]
    return next((extra for extra, libraries in LIBRARIES.items() if name in libraries), None)
