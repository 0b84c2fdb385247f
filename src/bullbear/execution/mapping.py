"""One function over many items: in order, resumable, and cancelled as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TypeVar

from bullbear.errors import BullbearError, ItemError
from bullbear.execution.executors import Executor, Local
from bullbear.execution.kept import Kept

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")


def map_items(
    function: Callable[[Shared, Item], Result],
    shared: Shared,
    items: Sequence[Item],
    *,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
    kept: Kept | None = None,
    weight: Callable[[Item], float] | None = None,
    name: Callable[[Item], str] = repr,
) -> list[Result]:
    """`[function(shared, item) for item in items]`.

    An interrupt or a failure cancels what has not begun and ends the worker processes.

    Parameters
    ----------
    function
        Of a module's top level, so that another process can import it.
    shared
        What every call reads; sent once to each worker. Its arrays are read-only there.
    executor
        Where the calls run; None for this process.
    progress
        Called with items done and items in all; items found in `kept` count as done.
    kept
        Where finished results are stored. A second call with the same function, `shared`, items, library versions and
        source of bullbear reads them instead of computing them; the caller removes them when it is done.
    weight
        The expected cost of an item; the costliest begin first, so that no worker is left alone with one at the end.
    name
        What an item is called in an error.

    Raises
    ------
    ItemError
        A call failed with something other than a `BullbearError`, which is passed on as it is.
    ExecutionError
        A worker process was killed, or the cluster cannot be reached.
    """
    results: dict[int, Result] = {}
    store = kept.results(function, shared) if kept else None
    if store:
        results = {place: found[0] for place, item in enumerate(items) if (found := store.read(item)) is not None}
        if results and progress:
            progress(len(results), len(items))
    missing = [place for place in range(len(items)) if place not in results]
    if weight:
        missing.sort(key=lambda place: -weight(items[place]))
    if not missing:
        return [results[place] for place in range(len(items))]
    with closing((executor or Local()).outcomes(function, shared, [items[place] for place in missing])) as outcomes:
        for number, outcome in outcomes:
            place = missing[number]
            try:
                results[place] = outcome()
            except BullbearError as known:
                known.add_note(f"in {name(items[place])}")
                raise
            except Exception as bad:
                raise ItemError(name(items[place]), " ".join(f"{type(bad).__name__}: {bad}".split())) from bad
            if store:
                store.write(items[place], results[place])
            if progress:
                progress(len(results), len(items))
    return [results[place] for place in range(len(items))]
