"""Registries: the kinds of one thing that a definition may name, each a class of its own.

A kind is a frozen `Definition` with `kind: Literal["..."]`, registered where it is written. The modules of a registry's
package and the files of the folder of the home in use are found by looking there: a new kind is a new file and nothing
else.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Any, TypeVar, cast, get_args

from bullbear.definitions.reading import Definition, Source, validate
from bullbear.errors import DefinitionError, Found
from bullbear.user_code import Registry

T = TypeVar("T")
C = TypeVar("C", bound=Definition)


class Kinds(Registry[type[T]]):
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
    folder
        The folder of a home whose files hold kinds too.
    default
        The kind of a table that names none; without one such a table is refused.
    """

    def __init__(
        self,
        what: str,
        *,
        key: str = "kind",
        package: str | None = None,
        folder: str | None = None,
        default: str | None = None,
    ) -> None:
        super().__init__(what, folder)
        self.key, self.default = key, default
        self._package = package

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
        self.add(literal[0], cast(type[T], cls), cls.__module__)
        return cls

    def find(self, table: Mapping[str, Any]) -> type[T] | None:
        """The class of the kind that `table` names, if there is one."""
        return self.entries().get(table.get(self.key, self.default))

    def __getitem__(self, name: str) -> type[T]:
        """The class of a kind; KeyError if there is none."""
        return self.entries()[name]

    def names(self) -> tuple[str, ...]:
        """All kinds, sorted."""
        return tuple(sorted(self.entries()))

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
        if name is not None and name not in names and self.broken:
            raise self.broken[0]  # it may be in there
        if name not in names:
            location = (*below, self.key)
            shown = f"{place.where(*location)} ({'.'.join(map(str, location))})"
            value = Found("missing") if name is None else name
            raise DefinitionError(shown, value, " or ".join(names), f"choose the {self.what}'s {self.key}")
        cls = cast(type[Definition], self[str(name)])
        found = validate({**table, self.key: name}, cls, place, below=below, context=context)
        return cast(T, found)

    def entries(self) -> Mapping[str, type[T]]:
        """See `Registry.entries`; the modules of the package are imported first."""
        if self._package is not None:
            package = import_module(self._package)
            for each in pkgutil.iter_modules(package.__path__, f"{self._package}."):
                import_module(each.name)
            self._package = None
        return super().entries()
