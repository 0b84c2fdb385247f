"""The factors of a company that need filed facts or short interest: the parts of its ratings, see `group`.

Facts are read in every version, so a block of decisions sees at each of them what was known then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from bullbear import sessions as exchange
from bullbear.data.companies.view import CompanyView
from bullbear.group.characteristics import CHARACTERISTICS, CONCEPTS, FROM_PRICES, LOOK_BACK, characteristics
from bullbear.group.fundamentals import MEMORY_DAYS
from bullbear.group.screening import screen
from bullbear.picking.history import Array

FACT_FEATURES: dict[str, str] = {
    name: part.text for name, part in CHARACTERISTICS.items() if part.rating not in FROM_PRICES
}
"""What each is, with its source, by name."""


def fact_values(
    view: CompanyView,
    companies: Iterable[str],
    decisions: pd.DatetimeIndex,
    names: Sequence[str],
    first: pd.Timestamp | None = None,
) -> Array:
    """Values of `FACT_FEATURES`, shape (n_decisions, n_companies, n_names); companies sorted.

    Parameters
    ----------
    view
        As of the last decision's close. Bars count as known at their own session's close.
    decisions
        Sessions, ascending.
    first
        The session from which bars are read and screened; by default `LOOK_BACK` before the first decision.
    """
    asked = sorted(set(companies))
    begin = exchange.offset(decisions[0], -LOOK_BACK) if first is None else first
    panel = view.panel(asked, first=begin, last=decisions[-1], on_time=True)
    screened = screen(panel, crowd=False)
    found = characteristics(
        screened.clean,
        view.facts(CONCEPTS, asked, since=facts_since(decisions)),
        decisions,
        short_interest=view.short_interest(asked, versions=True),
        splits=np.asarray(screened.clean.split / screened.rebased),
        names=names,
    )
    return found.values


def facts_since(decisions: pd.DatetimeIndex) -> pd.Timestamp:
    """The end of the earliest period that decisions read."""
    return decisions[0] - pd.Timedelta(days=MEMORY_DAYS)
