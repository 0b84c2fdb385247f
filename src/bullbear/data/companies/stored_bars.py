"""How far the bars of each company are stored, and those that an answer of the provider will repeat.

Nearly all companies have a bar of the last sessions; only those that have none are looked for further back.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import pandas as pd

from bullbear import sessions as exchange
from bullbear.data.companies.answers import NOTHING, Held
from bullbear.data.companies.panel import Panel
from bullbear.data.companies.view import CompanyView

_FURTHER = 500
"""Sessions of the second look."""


class StoredBars:
    """The stored bars of some companies, as they were when a fetch began.

    Parameters
    ----------
    overlap
        Stored sessions that an answer repeats.
    """

    def __init__(self, view: CompanyView, companies: Iterable[str], last: pd.Timestamp, overlap: int) -> None:
        self._view, self._overlap = view, overlap
        self._panels: list[Panel] = []
        self._place: dict[str, int] = {}
        self.last: dict[str, pd.Timestamp] = {}
        wanted = set(companies)
        if view.is_empty:
            return
        for span in (2 * overlap, _FURTHER, None):
            if span == _FURTHER:
                wanted &= set(view.names)
            if wanted:
                first = None if span is None else exchange.offset(last, -span)
                self._take(view.panel(wanted, first=first, last=None if span is None else last), wanted)

    def _take(self, panel: Panel, wanted: set[str]) -> None:
        traded = panel.traded
        for column, company in enumerate(panel.companies):
            if company in wanted and traded[:, column].any():
                row = len(traded) - 1 - int(traded[::-1, column].argmax())
                self.last[company] = panel.sessions[row]
                self._place[company] = len(self._panels)
                wanted.discard(company)
        self._panels.append(panel)

    def held(self, company: str) -> Held:
        """The bars that the answer since `since` may repeat."""
        return Held.of(self._panels[self._place[company]], company) if company in self._place else NOTHING

    def since(self, company: str) -> date | None:
        """The first day to ask for; None where nothing is stored."""
        if company not in self._place:
            return None
        days = self._panels[self._place[company]].sessions
        place = int(days.searchsorted(self.last[company]))
        return days[max(place - self._overlap, 0)].date()

    def whole(self, company: str) -> Held:
        """All that is stored of a company."""
        return Held.of(self._view.panel((company,)), company)
