"""Registries: the kinds of one thing that a definition may name, each a class of its own.

A kind is a frozen `Definition` with `kind: Literal["..."]`, registered where it is written. The modules of a registry's
package are found by looking into the package, and files of a home's folder by `look_in`, so that a new kind is a new
file and nothing else.
"""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar, cast, get_args

from bullbear import user_code
from bullbear.definitions.reading import Definition, Source, validate
from bullbear.errors import DefinitionError

T = TypeVar("T")
C = TypeVar("C", bound=Definition)


class Kinds(Generic[T]):
    """The kinds of one thing, by name.

    Parameters
    ----------
    what
        What error messages call it ("learner").
    key
        The key of a definition that names the kind.
    package
        The package whose modules hold the kinds; they are imported when a kind is first asked for. Importing them must
        be cheap: heavy libraries belong inside functions.
    default
        The kind of a table that names none; without one such a table is refused.
    """

    def __init__(self, what: str, *, key: str = "kind", package: str | None = None, default: str | None = None) -> None:
        self.what, self.key, self.default = what, key, default
        self._package = package
        self._folders: list[Path] = []
        self._classes: dict[str, type[Definition]] = {}

    def register(self, cls: type[C]) -> type[C]:
        """Add a class under the literal of its field `kind`; a decorator.

        Raises
        ------
        TypeError
            The class has no such literal, or another file has registered that kind.
        """
        field = cls.model_fields.get(self.key)
        literal = get_args(field.annotation) if field else ()
        if len(literal) != 1:
            raise TypeError(f'{cls.__name__}: a {self.what} needs the field {self.key}: Literal["its name"]')
        (name,) = literal
        earlier = self._classes.get(name)
        # A test runner may load the same file a second time under another module name.
        if earlier is not None and _file_of(earlier) != _file_of(cls):
            raise TypeError(f"the {self.what} {name!r} is already registered by {_file_of(earlier)}")
        self._classes[name] = cls
        return cls

    def look_in(self, folder: Path) -> None:
        """Also find kinds in the Python files of a folder that need not exist; read when a kind is next asked for."""
        if folder not in self._folders:
            self._folders.append(folder)

    def find(self, table: Mapping[str, Any]) -> type[T] | None:
        """The class of the kind that `table` names, if there is one."""
        self._import()
        return cast("type[T] | None", self._classes.get(table.get(self.key, self.default)))

    def __getitem__(self, name: str) -> type[T]:
        """The class of a kind; KeyError if there is none."""
        self._import()
        return cast(type[T], self._classes[name])

    def names(self) -> tuple[str, ...]:
        """All kinds, sorted."""
        self._import()
        return tuple(sorted(self._classes))

    def read(
        self,
        table: Mapping[str, Any],
        source: Source | None = None,
        *,
        below: tuple[str | int, ...] = (),
        context: Any = None,
    ) -> T:
        """The validated object that `table`, found under the key path `below` of `source`, describes.

        `context` is handed to the class's validators.

        Raises
        ------
        DefinitionError
            The kind is unknown or missing, or a value does not fit; the message names file, line and key.
        """
        place = source or Source.nowhere(self.what)
        name = table.get(self.key, self.default)
        names = self.names()
        if name not in names:
            location = (*below, self.key)
            shown = f"{place.where(*location)} ({'.'.join(map(str, location))})"
            value = "nothing" if name is None else name
            raise DefinitionError(shown, value, " or ".join(names), f"choose the {self.what}'s {self.key}")
        found = validate({**table, self.key: name}, self._classes[str(name)], place, below=below, context=context)
        return cast(T, found)

    def _import(self) -> None:
        if self._package is not None:
            package = import_module(self._package)
            for each in pkgutil.iter_modules(package.__path__, f"{self._package}."):
                import_module(each.name)
            self._package = None
        while self._folders:
            user_code.load_folder(self._folders.pop(0))


def _file_of(cls: type) -> str:
    return str(getattr(sys.modules.get(cls.__module__), "__file__", cls.__module__))
