"""The one cache of an object that never changes: what a method has answered, kept with the object it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, TypeVarTuple

Key = TypeVarTuple("Key")
T = TypeVar("T")


def once(method: Callable[[Any, *Key], T]) -> Callable[[Any, *Key], T]:
    """Call the method once for each key, its arguments, and answer from the owner's `cache` afterwards.

    Unlike `functools.cache` it neither keeps the owner alive nor shares entries between owners.

    Example
    -------
    >>> class Squares:
    ...     def __init__(self) -> None:
    ...         self.cache: dict[object, int] = {}
    ...     @once
    ...     def of(self, x: int) -> int:
    ...         print("computed")
    ...         return x * x
    >>> squares = Squares()
    >>> squares.of(3), squares.of(3)
    computed
    (9, 9)
    """
    name = method.__name__

    @wraps(method)
    def answered(owner: Any, *key: *Key) -> T:
        entry = (name, *key)
        if entry not in owner.cache:
            owner.cache[entry] = method(owner, *key)
        found: T = owner.cache[entry]
        return found

    return answered
