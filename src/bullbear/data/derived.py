"""Series that are computed from others of the store, and served as if they were stored: by `View.arrays`.

The module that knows how to compute one registers it here when it is imported: `bullbear.group.breadth_table` does so
for breadth, and the breadth factors import it. It is computed once on all that is stored and cut at each view's
instant, so a row must follow from what was known at its own `known_at`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bullbear.data.versions import History

if TYPE_CHECKING:
    from bullbear.data.view import View


@dataclass(frozen=True)
class DerivedKind:
    """How the series of a kind are computed, from a view of all that is stored.

    Attributes
    ----------
    compute
        The history of one series; empty where nothing of it can be known.
    reads
        The (kind, series) of the store that it is computed from.
    """

    name: str
    compute: Callable[[View, str], History]
    reads: Callable[[View, str], Iterable[tuple[str, str]]]


DERIVED: dict[str, DerivedKind] = {}


def register(kind: DerivedKind) -> None:
    """Serve the kind by its name."""
    DERIVED[kind.name] = kind
