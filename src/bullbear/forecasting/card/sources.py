"""What the parts of a card read: the store as it was known at the entry's close, and the forecasts issued before it.

Everything comes from the view of that close, so that the card of a replay shows nothing that came later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from bullbear import sessions
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.forecasting.bundle import Bundle, champion_of, read_bundle
from bullbear.forecasting.ledger import Ledger, of_question
from bullbear.home import Home

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Sources:
    """A home and the entry of `up` whose card is asked for; what it offers is read when it is first needed.

    `store` is the home's, opened once for the forecast and its card; `asked` the day of `--as-of`, if one was named;
    `clock` the present instant, None for this machine's.
    """

    home: Home
    entry: Entry
    store: Store
    asked: str | None = None
    clock: pd.Timestamp | None = None

    @cached_property
    def now(self) -> pd.Timestamp:
        """The present instant."""
        return pd.Timestamp.now("UTC") if self.clock is None else self.clock

    @cached_property
    def decided_at(self) -> pd.Timestamp:
        """The close of the entry."""
        return pd.Timestamp(self.entry["decided_at"])

    @cached_property
    def session(self) -> pd.Timestamp:
        """The session of that close."""
        return sessions.day(self.decided_at)

    @cached_property
    def stored(self) -> pd.Timestamp | None:
        """What the machine had stored when the entry was made; None where an entry of an earlier version is silent."""
        through = self.entry["data"].get("stored_through")
        return None if through is None else pd.Timestamp(through)

    def view_at(self, instant: pd.Timestamp) -> View:
        """What was known at `instant`, of what the entry could see."""
        return self.store.as_of(instant, stored=self.stored)

    @cached_property
    def view(self) -> View:
        """What was known at the entry's close."""
        return self.view_at(self.decided_at)

    @cached_property
    def entries(self) -> list[dict[str, Any]]:
        """The whole ledger, checked."""
        return Ledger(self.home.forecasts / "ledger.jsonl").entries()

    @cached_property
    def of_up(self) -> list[dict[str, Any]]:
        """The ledger's entries of `up`."""
        return of_question(self.entries)

    def champion(self, question: str) -> Bundle:
        """The champion of a question.

        Raises
        ------
        RunError
            There is none, or it is damaged.
        """
        return read_bundle(self.home.champion_of(question), label=champion_of(question))
