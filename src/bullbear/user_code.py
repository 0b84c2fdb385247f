"""Python files of a user's home, such as `learners/mine.py`, as modules that worker processes can load too.

A module's name contains a digest of its source: an edited file is another module, and what was computed with the old
one is not mistaken for a result of the new one. Classes that pydantic builds cannot be pickled by value, so a worker
runs the same source under the same name (`loaded`, `restore`).

What the files register belongs to the home in use (`use_home`): a `Registry` forgets it when another home is used.
A file that cannot be loaded is named when something is asked for that it may have held, and hinders nothing else.
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
from types import ModuleType
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
_renewed: Registry[Any] | None = None
"""The only registry that takes entries now; None for all."""


class UserCodeError(DefinitionError):
    """A Python file of a home that fails; `where` is its `file:line`."""


class _Taken(TypeError):
    """A name that another file has registered."""

    def __init__(self, what: str, name: str, file: str) -> None:
        self.name = name
        super().__init__(f"the {what} {name!r} is already registered by {file}; choose another name")


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
        self._broken: list[UserCodeError] = []
        self._disputed: dict[str, UserCodeError] = {}  # names that a file of the home registers as well
        if folder is not None:
            _registries.append(self)

    def add(self, name: str, entry: E, module: str) -> None:
        """Add what a module defines.

        Raises
        ------
        TypeError
            Another file has registered that name.
        """
        if _renewed is not None and _renewed is not self:
            return
        earlier = self._modules[name] if name in self._entries else module
        # A test runner may load the same file a second time under another module name.
        if _file_of(earlier) != _file_of(module) and not (_restoring and is_user_module(earlier)):
            raise _Taken(self.what, name, _file_of(earlier))
        if is_user_module(module):
            self._of_users.setdefault(module, {})[name] = entry
        self._entries[name], self._modules[name] = entry, module
        self._changed()

    def entries(self) -> Mapping[str, E]:
        """All entries; those of a file of the home that cannot be loaded are missing.

        A missing name then raises a UserCodeError with that file and line, since it may have been in there. So does a
        name that is shipped, or of another file, and that a file of the home registers too.
        """
        if self._folder is not None and self._turn != _turn:
            self._turn = _turn  # before: a file may ask for the entries
            try:
                self._read(_root / self._folder)
            except BaseException:
                self._turn = -1
                raise
        return _Entries(self)

    def find_one(self, name: str) -> E:
        """One of `entries`, which see; KeyError if there is none."""
        if name in self._disputed:
            raise self._disputed[name]
        if name not in self._entries and self._broken:
            raise self._broken[0]
        return self._entries[name]

    @property
    def broken(self) -> tuple[UserCodeError, ...]:
        """Why files of the home in use could not be loaded, as far as they have been read."""
        return tuple(self._broken) if self._turn == _turn else ()

    def in_use(self) -> list[str]:
        """The modules of the home in use that this registry has read."""
        return self._in_use if self._turn == _turn else []

    def add_again(self, module: str) -> None:
        """Add what a module, which is not run a second time, added when it ran."""
        for name, entry in self._of_users.get(module, {}).copy().items():
            self.add(name, entry, module)

    def renew(self) -> None:
        """Run the files of the home in use again, so that what they add here remembers nothing of earlier calls.

        What they add elsewhere stays, and so do their modules: a class must remain the one that pickles refer to.

        Raises
        ------
        DefinitionError
            A file fails now; the message names file and line.
        """
        global _renewed
        self.entries()
        users = [name for name in self._modules.values() if is_user_module(name)]
        for name in dict.fromkeys([*self.in_use(), *users]):
            module = sys.modules.pop(name)
            self.drop(name)
            _renewed = self
            try:
                _run(name, str(module.__file__), module.__dict__["__source__"])
            finally:
                _renewed = None
                sys.modules[name] = module

    @contextmanager
    def without_users(self) -> Iterator[None]:
        """Have no entry of a user's file, and read no folder, until the end of the block."""
        turn, in_use, broken, disputed = self._turn, self._in_use, self._broken, self._disputed
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
            self._turn, self._in_use, self._broken, self._disputed = turn, in_use, broken, disputed
            self._changed()

    def _forget(self) -> None:
        for name in [name for name, module in self._modules.items() if is_user_module(module)]:
            del self._modules[name]
            self._entries.pop(name, None)
        self._changed()
        self._in_use, self._broken, self._disputed = [], [], {}

    def drop(self, module: str) -> None:
        """Forget what a module added before it failed."""
        for name in self._of_users.pop(module, {}):
            if self._modules.get(name) == module:
                del self._modules[name], self._entries[name]
        self._changed()

    def _read(self, folder: Path) -> None:
        self._forget()
        for path in sorted(folder.glob("[!_]*.py")):
            try:
                module = load(path).__name__
                self.add_again(module)
            except UserCodeError as bad:
                self._broken.append(bad)
                if isinstance(bad.__cause__, _Taken):
                    self._disputed[bad.__cause__.name] = bad
                continue
            self._in_use.append(module)


class _Entries(Mapping[str, E]):
    """The entries of a registry as they are at the time; see `Registry.entries`."""

    def __init__(self, registry: Registry[E]) -> None:
        self._registry = registry

    def __getitem__(self, name: str) -> E:
        return self._registry.find_one(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._registry._entries)

    def __len__(self) -> int:
        return len(self._registry._entries)


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
        raise UserCodeError(shown, str(bad), "a readable Python file in UTF-8", "correct or remove the file") from bad
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


def named_files(found: Mapping[str, str]) -> str:
    """What `digests` found as one line, for people: `factors/mine.py 0f3a9c21, learners/vote.py 77b0d1e4`."""
    return ", ".join(f"{file} {digest[:8]}" for file, digest in sorted(found.items()))


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
        place = _place_in(bad)
        if place is None and not function.__module__.startswith(_PREFIX):
            raise
        raise _failed(f"{place or place_of(function)} ({what})", bad) from bad


def broken_files() -> tuple[UserCodeError, ...]:
    """Why files of the home in use could not be loaded, as far as they have been read."""
    return tuple(bad for registry in _registries for bad in registry.broken)


def require_whole(file: str) -> None:
    """Raise why a user's file, such as `learners/mine.py`, could not be loaded, if it was read and could not."""
    for bad in broken_files():
        if bad.where.partition(":")[0] == file:
            raise bad


def blamed(bad: Exception) -> UserCodeError | None:
    """The one line for an error that was raised in a user's file, or by what it called; None for another."""
    place = _place_in(bad)
    return None if place is None else _failed(place, bad)


def _place_in(bad: Exception) -> str | None:
    """The last line of a user's file on the way to an error."""
    lines = [
        f"{frame.f_globals['__file__']}:{line}"
        for frame, line in traceback.walk_tb(bad.__traceback__)
        if str(frame.f_globals.get("__name__")).startswith(_PREFIX)
    ]
    return lines[-1] if lines else None


def _failed(place: str, bad: Exception) -> UserCodeError:
    said = " ".join(f"{type(bad).__name__}: {bad}".split())
    return UserCodeError(place, said, "code that runs without an error", "correct the file")


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
        for registry in _registries:
            registry.drop(name)
        if not isinstance(bad, Exception):
            raise
        line = bad.lineno if isinstance(bad, SyntaxError) else _last_line(bad, shown)
        said = " ".join(f"{type(bad).__name__}: {bad}".split())
        raise UserCodeError(
            f"{shown}:{line}", said, "a Python file that imports without an error", "correct or remove the file"
        ) from bad
    return module


def _last_line(bad: Exception, shown: str) -> int:
    lines = [frame.lineno for frame in traceback.extract_tb(bad.__traceback__) if frame.filename == shown]
    return lines[-1] or 1 if lines else 1
