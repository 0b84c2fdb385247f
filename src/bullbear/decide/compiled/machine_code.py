"""Compiling with numba, and keeping the machine code between processes without ever running that of older sources.

numba keeps the code of a function under its own source file and, where it is nested, the values that it closes over. It
does not look at the functions that it calls. A function to be kept is therefore made by one that it closes over: a
`version`, the digest of every source file that it is compiled from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from numba import njit
from numba.extending import register_jitable


def register(modules: Iterable[ModuleType]) -> str:
    """Make the functions that `modules` define callable from compiled ones; the digest of their source files."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
        for function in vars(module).values():
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                register_jitable(function)
    return digest.hexdigest()


def compiled(make: Callable[[str], Callable[..., Any]], version: str) -> Callable[..., Any]:
    """What `make(version)` returns, compiled; it releases the interpreter's lock while it runs."""
    function = make(version)
    try:
        found: Callable[..., Any] = njit(function, nogil=True, cache=True)
    except RuntimeError:  # no folder that numba may write to
        found = njit(function, nogil=True)
    return found
