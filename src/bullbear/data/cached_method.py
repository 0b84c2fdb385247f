"""Caching the results of a method on its immutable owner."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, TypeVarTuple

Key = TypeVarTuple("Key")
T = TypeVar("T")


def cached_method(method: Callable[[Any, *Key], T]) -> Callable[[Any, *Key], T]:
    """Cache results by arguments in the owner's dict `cache`.

    Unlike `functools.cache` it neither keeps owners alive nor shares entries between them.

    Example
    -------
    >>> class Squares:
    ...     def __init__(self) -> None:
    ...         self.cache: dict[object, int] = {}
    ...     @cached_method
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
