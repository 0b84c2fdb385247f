"""A store cut off at an instant: what became known later is not served, and asking for it by name is refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.errors import HoldOutError


class SealedStore(Store):
    """The rows of a store that were known at `through`; all else reads it as any other store.

    Without an instant `as_of` serves all that is left, and with a later one than `through` it raises.
    """

    def __init__(self, root: Path, through: pd.Timestamp) -> None:
        super().__init__(root)
        self.through: pd.Timestamp = through

    def __reduce__(self) -> tuple[type[SealedStore], tuple[Path, pd.Timestamp]]:  # type: ignore[override]
        return SealedStore, (self.root, self.through)

    def as_of(self, instant: pd.Timestamp | None = None, stored: pd.Timestamp | None = None) -> View:
        """See `Store.as_of`.

        Raises
        ------
        HoldOutError
            `instant` is later than what is served.
        """
        return cut_off(super().as_of(instant, stored), self.through, is_asked_for=instant is not None)


def cut_off(view: View, through: pd.Timestamp | None, *, is_asked_for: bool) -> View:
    """A view up to the last instant that may be read.

    Raises
    ------
    HoldOutError
        Its instant is later, and was asked for by name.
    """
    if through is None or (is_asked_for and view.instant <= through):
        return view
    if is_asked_for:
        read = f"what was known at {view.instant} was asked for, and {through} is the last instant that may be read"
        raise HoldOutError(read, "read up to there")
    return view.until(through)
