"""Python files of a user's home, such as `learners/mine.py`, as modules that worker processes can load too.

A module's name contains a digest of its source: an edited file is another module, and what was computed with the old
one is not mistaken for a result of the new one. Classes that pydantic builds cannot be pickled by value, so a worker
runs the same source under the same name (`loaded`, `restore`).
"""

from __future__ import annotations

import hashlib
import inspect
import linecache
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

from bullbear.errors import BullbearError, DefinitionError

_PREFIX = "bullbear_user_"
P = ParamSpec("P")
T = TypeVar("T")


def load(path: Path) -> ModuleType:
    """Run a Python file as a module; the same source is run once per process.

    Raises
    ------
    DefinitionError
        The file cannot be read or fails; the message names file and line.
    """
    shown = f"{path.parent.name}/{path.name}"
    try:
        source = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as bad:
        raise DefinitionError(shown, str(bad), "a readable Python file in UTF-8", "correct or remove the file") from bad
    stem = re.sub(r"\W", "_", f"{path.parent.name}_{path.stem}")
    name = f"{_PREFIX}{stem}_{hashlib.sha256(source.encode()).hexdigest()[:12]}"
    try:
        return _run(name, shown, source)
    except Exception as bad:
        line = bad.lineno if isinstance(bad, SyntaxError) else _last_line(bad, shown)
        said = " ".join(f"{type(bad).__name__}: {bad}".split())
        raise DefinitionError(
            f"{shown}:{line}", said, "a Python file that imports without an error", "correct or remove the file"
        ) from bad


def load_folder(folder: Path) -> list[ModuleType]:
    """Every `*.py` of a folder in the order of their names; nothing where there is no such folder."""
    return [load(path) for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]


def loaded() -> dict[str, tuple[str, str]]:
    """The modules loaded in this process: name to file (as shown in messages) and source."""
    modules = [module for name, module in sys.modules.copy().items() if name.startswith(_PREFIX)]
    return {module.__name__: (str(module.__file__), module.__dict__["__source__"]) for module in modules}


def restore(modules: Mapping[str, tuple[str, str]]) -> None:
    """Run, in a worker, what `loaded` says of its parent."""
    for name, (shown, source) in modules.items():
        _run(name, shown, source)


def digests(parts: Iterable[Callable[..., object]]) -> dict[str, str]:
    """The users' files that some functions and classes come from, such as `learners/mine.py`, each with its digest."""
    names = {part.__module__ for part in parts if part.__module__.startswith(_PREFIX)}
    return {str(sys.modules[name].__file__): name.rpartition("_")[2] for name in sorted(names)}


def call(what: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """`function(*args, **kwargs)`; an error in a user's file becomes one line, which calls the function `what`.

    Raises
    ------
    DefinitionError
        Code of a user's file failed, or `function` is of one and does not take the arguments; the message names file
        and line. An error of the package's own code is passed on.
    """
    try:
        return function(*args, **kwargs)
    except (BullbearError, MemoryError):
        raise
    except Exception as bad:
        lines = [
            (frame.f_globals["__file__"], line)
            for frame, line in traceback.walk_tb(bad.__traceback__)
            if str(frame.f_globals.get("__name__")).startswith(_PREFIX)
        ]
        if not lines and not function.__module__.startswith(_PREFIX):
            raise
        place = "{}:{}".format(*lines[-1]) if lines else place_of(function)
        said = " ".join(f"{type(bad).__name__}: {bad}".split())
        raise DefinitionError(f"{place} ({what})", said, "code that runs without an error", "correct the file") from bad


def place_of(function: Callable[..., object]) -> str:
    """The file and line of a function, as messages show them."""
    plain: Any = inspect.unwrap(function)
    path = Path(plain.__code__.co_filename)
    return f"{path.parent.name}/{path.name}:{plain.__code__.co_firstlineno}"


def _run(name: str, shown: str, source: str) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = shown
    module.__dict__["__source__"] = source
    linecache.cache[shown] = (len(source), None, source.splitlines(keepends=True), shown)
    sys.modules[name] = module  # before it runs: dataclasses and pydantic look their module up
    try:
        exec(compile(source, shown, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _last_line(bad: Exception, shown: str) -> int:
    lines = [frame.lineno for frame in traceback.extract_tb(bad.__traceback__) if frame.filename == shown]
    return lines[-1] or 1 if lines else 1
