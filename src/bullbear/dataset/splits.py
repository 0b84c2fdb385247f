"""Purged, expanding walk-forward folds.

A fold is refitted at the last close before its month begins and forecasts every session of that month. It may train on
an example only if that example's label had resolved by then (`resolved_at <= trained_through`, less an embargo); the
gap this leaves before the test sessions is the purge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.definitions import Splitter
from bullbear.errors import HistoryError
from bullbear.sessions import day

_PERIOD = {"month": "M", "quarter": "Q", "year": "Y"}


@dataclass(frozen=True)
class Fold:
    """Row numbers to train and test on, and the close at which the fit is made."""

    train: np.ndarray
    test: np.ndarray
    trained_through: pd.Timestamp


def walk_forward_folds(
    decided_at: pd.DatetimeIndex,
    resolved_at: pd.DatetimeIndex,
    splitter: Splitter,
    *,
    sessions: pd.DatetimeIndex,
    decidable: np.ndarray | None = None,
    start: str | None = None,
    end: str | None = None,
) -> list[Fold]:
    """The folds of an expanding walk-forward, burn-in included.

    Parameters
    ----------
    decided_at, resolved_at
        Instants of the examples in order of decision; shape (n,).
    splitter
        First reported day, burn-in, refit frequency, embargo (sessions) and the least training size.
    sessions
        The session of each example; shape (n,).
    decidable
        Where a forecast could be made, shape (n,); None for everywhere. A session whose bar was missing or came after
        its close is not forecast: nobody could have decided on it.
    start, end
        Override the first reported day; drop test sessions after `end`.

    Returns
    -------
    list of Fold
        In order; the test rows of successive folds do not overlap and leave no decidable session out.

    Raises
    ------
    HistoryError
        Not one fold has `min_train` resolved examples.
    """
    first = day(start or splitter.first)
    begin = first - pd.DateOffset(months=splitter.burn_in_months)
    last = day(end) if end else sessions[-1]
    wanted = (sessions >= begin) & (sessions <= last)
    rows = np.flatnonzero(wanted if decidable is None else wanted & decidable)
    folds = []
    if len(rows):
        # Compared as bare numbers: there are hundreds of folds, and each daily forecast asks for them.
        decided, resolved = (each.to_numpy("datetime64[us]") for each in (decided_at, resolved_at))
        periods = sessions[rows].to_period(_PERIOD[splitter.refit]).astype("int64")
        cuts = np.flatnonzero(np.diff(periods)) + 1
        for test in np.split(rows, cuts):
            # The fit is made at the close before the first test session, so that its first forecast has it at hand.
            fitted = max(test[0] - 1, 0)
            edge = max(fitted - splitter.embargo, 0)
            train = np.flatnonzero(resolved[: test[0]] <= decided[edge])
            if len(train) >= splitter.min_train:
                folds.append(Fold(train, test, decided_at[fitted]))
    if not folds:
        raise HistoryError(
            "walk-forward",
            f"{len(decided_at)} sessions to {sessions[-1].date()}",
            f"at least {splitter.min_train} resolved labels before a forecast in {first.date()} or later",
            "load more history, or choose a later span",
        )
    return folds
