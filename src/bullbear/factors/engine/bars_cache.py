"""A cache keyed by the content of the bars.

The factors of levels and of regimes read a few costly structures many times: the swings, the levels, the fitted states.
The key is a digest of the arrays themselves, so a cached result can never be stale and a factor stays a pure function.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from hashlib import blake2b
from threading import Lock
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import numpy as np

from bullbear.factors.engine.registry import Bars

P = ParamSpec("P")
T = TypeVar("T")


_ALL: list[OrderedDict[tuple[object, ...], Any]] = []


def clear_bars_cache() -> None:
    """Empty every cache, to free memory or to time the work itself."""
    for kept in _ALL:
        kept.clear()


def digest(bars: Bars) -> bytes:
    """A fingerprint of every number in `bars`."""
    state = blake2b(digest_size=16)
    for column in (bars.sessions, bars.open, bars.high, bars.low, bars.close, bars.volume):
        state.update(np.ascontiguousarray(column).view(np.uint8).data)
        state.update(b"|")
    return state.digest()


def cached_by_bars(size: int) -> Callable[[Callable[Concatenate[Bars, P], T]], Callable[Concatenate[Bars, P], T]]:
    """Cache the last `size` results of a pure function of bars and keywords; nobody may write to a result.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> calls = []
    >>> @cached_by_bars(2)
    ... def last(bars: Bars) -> float:
    ...     calls.append(1)
    ...     return bars.close[-1]
    >>> last(bars_from([1.0, 2.0])), last(bars_from([1.0, 2.0])), last(bars_from([1.0, 3.0])), len(calls)
    (np.float64(2.0), np.float64(2.0), np.float64(3.0), 2)
    """

    def decorate(function: Callable[Concatenate[Bars, P], T]) -> Callable[Concatenate[Bars, P], T]:
        kept: OrderedDict[tuple[object, ...], T] = OrderedDict()
        _ALL.append(kept)
        lock = Lock()

        @wraps(function)
        def cached(bars: Bars, *args: P.args, **kwargs: P.kwargs) -> T:
            key = (digest(bars), args, tuple(sorted(kwargs.items())))
            with lock:
                if key in kept:
                    kept.move_to_end(key)
                    return kept[key]
            result = function(bars, *args, **kwargs)
            with lock:
                kept[key] = result
                while len(kept) > size:
                    kept.popitem(last=False)
            return result

        return cast(Callable[Concatenate[Bars, P], T], cached)

    return decorate
