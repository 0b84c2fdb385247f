"""The factors that an account is walked with: those its policy and its instruments read, on every session of the walk.

The daily forecast, a refit and the backtest of a run compute them here, so that a position marked by a factor has one
price on one day.
"""

from __future__ import annotations

import pandas as pd

from bullbear.data.view import View
from bullbear.decide import Book, Policy
from bullbear.decide.policy import all_needs
from bullbear.factors import compute
from bullbear.forecasting.bundle import Bundle


def account_factors(
    view: View, bundle: Bundle, policy: Policy, before: Book | None = None, at: pd.Timestamp | None = None
) -> pd.DataFrame | None:
    """Columns by session, or None where nothing is read.

    Parameters
    ----------
    before
        The account that is taken up; its last session is the first row, which the next open reads.
    at
        The first row without such an account, or where it is later; None for the first session stored.

    Raises
    ------
    RunError
        This version of the library computes one of the factors otherwise, or not at all.
    """
    names = all_needs(policy, before.instruments.values() if before else ()).factors
    specs = [spec for spec in bundle.factors() if spec.name in names] if names else []
    if not specs:
        return None
    ticker = bundle.definition.target.ticker
    sessions = pd.DatetimeIndex(view.bars(ticker).index)
    if first := [each for each in (before.session if before else None, at) if each is not None]:
        sessions = sessions[sessions >= min(first)]
    return compute(view, specs, sessions, ticker)
