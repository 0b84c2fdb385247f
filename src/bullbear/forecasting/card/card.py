"""The card put together: the keys that `forecast --json` prints beside those of the ledger entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bullbear.data.store import Store
from bullbear.forecasting.card.active_odds import active_odds_of
from bullbear.forecasting.card.ages import ages_of
from bullbear.forecasting.card.changes import changes_of
from bullbear.forecasting.card.forced import forced_of
from bullbear.forecasting.card.movers import movers_of
from bullbear.forecasting.card.price import price_of
from bullbear.forecasting.card.situations import situations_of
from bullbear.forecasting.card.sources import Sources
from bullbear.forecasting.card.summary import summary_of
from bullbear.home import Home


def card_of(
    home: Home,
    entry: Mapping[str, Any],
    store: Store | None = None,
    *,
    asked: str | None = None,
    now: pd.Timestamp | None = None,
) -> dict[str, Any]:
    """The card of a forecast of `up`, JSON-ready; it shares no key with the entry and never goes into the ledger.

    Parameters
    ----------
    entry
        Of the home's ledger.
    store
        The home's store, if it is open already.
    asked
        The day of `--as-of`; None if the last close was meant.
    now
        The clock, against which the data are old; None for this machine's.
    """
    sources = Sources(home, entry, home.filled_store() if store is None else store, asked, now)
    changes, ages, forced = changes_of(sources), ages_of(sources), forced_of(sources)
    return {
        "summary": summary_of(entry, changes, ages["notice"], forced),
        "price": price_of(sources),
        "changes": changes,
        **active_odds_of(sources),
        "situations": situations_of(sources),
        "asked_for": asked,
        "ages": ages,
        "forced": forced,
        "movers": movers_of(sources),
    }
