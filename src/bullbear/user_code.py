"""Python files of a user's home, such as `learners/mine.py`, as modules that worker processes can load too.

A module's name contains a digest of its source: an edited file is another module, and what was computed with the old
one is not mistaken for a result of the new one. Classes that pydantic builds cannot be pickled by value, so a worker
runs the same source under the same name (`loaded`, `restore`).

What the files register belongs to the home in use (`use_home`): a `Registry` forgets it when another home is used.
"""

from __future__ import annotations

import hashlib
import inspect
import linecache
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Generic, ParamSpec, TypeVar

from bullbear.errors import BullbearError, DefinitionError

E = TypeVar("E")

_PREFIX = "bullbear_user_"
P = ParamSpec("P")
T = TypeVar("T")
_root = Path()
_turn = 0
"""Counts the calls of `use_home`; a registry that was read in an earlier turn reads its folder again."""
_registries: list[Registry[Any]] = []
_restoring = False


def use_home(root: Path) -> None:
    """Let every registry have the entries of this home's files, and of no other's, from its next use on."""
    global _root, _turn
    _root, _turn = root, _turn + 1


class Registry(Generic[E]):
    """What is shipped and what the files of the home in use add, by name.

    Parameters
    ----------
    what
        What error messages call an entry ("learner").
    folder
        The folder of a home whose files add entries, if there is one.
    changed
        Called after entries have come or gone.
    """

    def __init__(self, what: str, folder: str | None = None, changed: Callable[[], None] = lambda: None) -> None:
        self.what = what
        self._folder, self._changed = folder, changed
        self._entries: dict[str, E] = {}
        self._modules: dict[str, str] = {}  # of each entry
        self._of_users: dict[str, dict[str, E]] = {}  # by user module, those of other homes included
        self._turn = 0
        self._in_use: list[str] = []
        if folder is not None:
            _registries.append(self)

    def add(self, name: str, entry: E, module: str) -> None:
        """Add what a module defines.

        Raises
        ------
        TypeError
            Another file has registered that name.
        """
        earlier = self._modules[name] if name in self._entries else module
        # A test runner may load the same file a second time under another module name.
        if _file_of(earlier) != _file_of(module) and not (_restoring and is_user_module(earlier)):
            raise TypeError(
                f"the {self.what} {name!r} is already registered by {_file_of(earlier)}; choose another name"
            )
        if is_user_module(module):
            self._of_users.setdefault(module, {})[name] = entry
        self._entries[name], self._modules[name] = entry, module
        self._changed()

    def entries(self) -> Mapping[str, E]:
        """All entries.

        Raises
        ------
        DefinitionError
            A file of the home cannot be loaded; the message names file and line. The next call raises it too.
        """
        if self._folder is not None and self._turn != _turn:
            self._turn = _turn  # before: a file may ask for the entries
            try:
                self._read(_root / self._folder)
            except BaseException:
                self._turn = -1
                raise
        return MappingProxyType(self._entries)

    def in_use(self) -> list[str]:
        """The modules of the home in use that this registry has read."""
        return self._in_use if self._turn == _turn else []

    def add_again(self, module: str) -> None:
        """Add what a module, which is not run a second time, added when it ran."""
        for name, entry in self._of_users.get(module, {}).copy().items():
            self.add(name, entry, module)

    @contextmanager
    def without_users(self) -> Iterator[None]:
        """Have no entry of a user's file, and read no folder, until the end of the block."""
        turn, in_use = self._turn, self._in_use
        users = {name: module for name, module in self._modules.items() if is_user_module(module)}
        entries = {name: self._entries[name] for name in users}
        self._forget()
        self._turn = _turn
        try:
            yield
        finally:
            self._forget()
            self._entries.update(entries)
            self._modules.update(users)
            self._turn, self._in_use = turn, in_use
            self._changed()

    def _forget(self) -> None:
        for name in [name for name, module in self._modules.items() if is_user_module(module)]:
            del self._modules[name]
            self._entries.pop(name, None)
        self._changed()
        self._in_use = []

    def _read(self, folder: Path) -> None:
        self._forget()
        for path in sorted(folder.glob("[!_]*.py")):
            module = load(path).__name__
            self._in_use.append(module)
            self.add_again(module)


def _file_of(module: str) -> str:
    file = getattr(sys.modules.get(module), "__file__", None)
    return "/".join(Path(file).parts[-3:]) if file else module


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
    return _run(name, shown, source)


def loaded(pickled: bytes = b"") -> dict[str, tuple[str, str]]:
    """The modules of the home in use, and before them others that a pickle refers to.

    Each name has its file, as messages show it, and its source.
    """
    used = [name for registry in _registries for name in registry.in_use()]
    referred = [name for name in sys.modules.copy() if is_user_module(name) and name.encode() in pickled]
    modules = [sys.modules[name] for name in dict.fromkeys([*(n for n in referred if n not in used), *used])]
    return {module.__name__: (str(module.__file__), module.__dict__["__source__"]) for module in modules}


def restore(modules: Mapping[str, tuple[str, str]]) -> None:
    """Run, in another process, what `loaded` gave; what it registers replaces entries of other users' files.

    Raises
    ------
    DefinitionError
        A file fails here; the message names file and line.
    """
    global _restoring
    _restoring = True
    try:
        for name, (shown, source) in modules.items():
            _run(name, shown, source)
            for registry in _registries:
                registry.add_again(name)
    finally:
        _restoring = False


@contextmanager
def using(files: Iterable[Path]) -> Iterator[None]:
    """Let every registry have the entries of these files instead of those of the home in use, within the block.

    Raises
    ------
    DefinitionError
        A file cannot be read or fails; the message names file and line.
    """
    with ExitStack() as stack:
        for registry in _registries:
            stack.enter_context(registry.without_users())
        for path in files:
            name = load(path).__name__
            for registry in _registries:
                registry.add_again(name)
        yield


def is_user_module(name: str) -> bool:
    """Whether a module's name is that of a user's file."""
    return name.startswith(_PREFIX)


def digests(parts: Iterable[Callable[..., object]]) -> dict[str, str]:
    """The users' files that some functions and classes come from, such as `learners/mine.py`, each with its digest."""
    return {str(module.__file__): module.__name__.rpartition("_")[2] for module in _modules_of(parts)}


def sources(parts: Iterable[Callable[..., object]]) -> dict[str, str]:
    """The users' files that some functions and classes come from, such as `learners/mine.py`, each with its source."""
    return {str(module.__file__): module.__dict__["__source__"] for module in _modules_of(parts)}


def _modules_of(parts: Iterable[Callable[..., object]]) -> list[ModuleType]:
    names = {part.__module__ for part in parts if is_user_module(part.__module__)}
    return [sys.modules[name] for name in sorted(names)]


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
    except BaseException as bad:
        del sys.modules[name]
        if not isinstance(bad, Exception):
            raise
        line = bad.lineno if isinstance(bad, SyntaxError) else _last_line(bad, shown)
        said = " ".join(f"{type(bad).__name__}: {bad}".split())
        raise DefinitionError(
            f"{shown}:{line}", said, "a Python file that imports without an error", "correct or remove the file"
        ) from bad
    return module


def _last_line(bad: Exception, shown: str) -> int:
    lines = [frame.lineno for frame in traceback.extract_tb(bad.__traceback__) if frame.filename == shown]
    return lines[-1] or 1 if lines else 1
