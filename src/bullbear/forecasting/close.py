"""Which close a forecast is decided at, and what was known there: the one view that all later steps read."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from bullbear import sessions
from bullbear.data.as_of_session import last_session
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.dataset.labels import Labels
from bullbear.definitions import Question, Target
from bullbear.errors import NoDataError


@dataclass(frozen=True)
class Close:
    """A session's close, what was known then, and every label of the target up to it.

    `every` gives the labels of any other question from the same reading of the bars.
    """

    session: pd.Timestamp
    decided_at: pd.Timestamp
    view: View
    target: Target
    labels: pd.DataFrame
    every: Labels
    _resolved: dict[Question, pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    def labels_of(self, question: Question) -> pd.DataFrame:
        """The labels of a question about the same ticker, on the same sessions."""
        if question == self.target.question:
            return self.labels
        if question not in self._resolved:
            self._resolved[question] = self.every.resolve(question)
        return self._resolved[question]

    def decidable_after(self, session: pd.Timestamp | None) -> pd.DataFrame:
        """The labels of the sessions after `session` (None: of all) on which a forecast could be decided."""
        labels = self.labels[self.labels["decidable"].to_numpy()]
        return labels if session is None else labels[labels.index > session]


def close_of(store: Store, target: Target, as_of: str | None, *, stored: pd.Timestamp | None = None) -> Close:
    """The close to decide at: that of `as_of`, or the last one at which its session's bar was known.

    Parameters
    ----------
    stored
        Leave out what this machine stored later; None for everything.

    Raises
    ------
    NoDataError
        The session of `as_of` has no bar, or one that came after its close. A day without a session is answered from
        the last session before it.
    """
    ticker = target.ticker
    bars = store.as_of(stored=stored).bars(ticker)
    if as_of is None:
        # A bar that came late serves the next decision; rarely is there more than one.
        candidates = bars.index[::-1]
    else:
        candidates = pd.DatetimeIndex(
            [last_session(as_of, pd.DatetimeIndex(bars.index), ticker, simulated=store.is_simulated)]
        )
    for session in candidates:
        if not sessions.is_session(session):
            continue  # the exchange announced late that it would be closed
        decided_at = sessions.closes(pd.DatetimeIndex([session]))[0]
        view = store.as_of(decided_at, stored=stored)
        if not view.has("bars", ticker):
            break
        every = Labels(view, ticker)
        labels = every.resolve(target.question)
        if labels.index[-1] == session and labels["decidable"].iloc[-1]:
            return Close(session, decided_at, view, target, labels, every)
    raise NoDataError(
        "--as-of",
        "the last session" if as_of is None else str(candidates[0].date()),
        f"sessions whose bar of {ticker} was known at their close, {bars.index[0].date()} to {bars.index[-1].date()}",
        "choose another day, or fetch the missing bar",
    )
