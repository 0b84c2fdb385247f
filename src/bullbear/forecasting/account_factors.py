"""The factors that an account is walked with: those its rule and its instruments read, on every session of the walk.

A training, the backtest of a run and the daily forecast compute them here, so that a position marked by a factor has
one price on one day.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bullbear.data.view import View
from bullbear.decide import Book, Rule
from bullbear.definitions import FeatureSet
from bullbear.factors import compute


def account_factors(
    view: View,
    rule: Rule,
    feature_sets: Sequence[FeatureSet],
    ticker: str,
    before: Book | None = None,
    at: pd.Timestamp | None = None,
) -> pd.DataFrame | None:
    """Columns by session, or None where nothing is read.

    Parameters
    ----------
    feature_sets
        Those of the model, for what the rule reads and does not bring along.
    before
        The account that is taken up; its last session is the first row, which the next open reads.
    at
        The first row without such an account, or where it is later; None for the first session stored.
    """
    specs = rule.specs(feature_sets, before.instruments.values() if before else ())
    if not specs:
        return None
    sessions = pd.DatetimeIndex(view.bars(ticker).index)
    if first := [each for each in (before.session if before else None, at) if each is not None]:
        sessions = sessions[sessions >= min(first)]
    return compute(view, specs, sessions, ticker)
