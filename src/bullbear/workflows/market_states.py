"""The state of the market at every decision, as the breakdown of a skill by regime and by volatility reads it.

Prices are those stored now; a state uses none later than its close.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.errors import NoDataError
from bullbear.home import Home
from bullbear.sessions import between, closes
from bullbear.statistics.volatility import zero_mean_volatility

MONTHS = 10
WINDOW = 21
"""Sessions of the realised volatility."""


def market_states(home: Home, ticker: str) -> dict[str, pd.Series]:
    """`regime` and `volatility` by decision instant; nothing where the store has no bars of the ticker.

    The regime is "above" or "below" the ten-month average of month-end closes, judged at the last month end by Faber's
    rule (doi:10.3905/jwm.2007.674809), missing before ten month ends are known; the volatility that of the last 21
    sessions, a fraction a year.
    """
    try:
        bars = home.store().as_of().bars(ticker)
    except NoDataError:
        return {}
    adjusted = bars["adj_close"].dropna()
    if adjusted.empty:
        return {}
    return states_of(adjusted)


def states_of(close: pd.Series) -> dict[str, pd.Series]:
    """The two states from total-return closes by session.

    Example
    -------
    >>> sessions = between("2019-01-02", "2019-12-31")
    >>> rising = pd.Series(np.linspace(100.0, 120.0, len(sessions)), sessions)
    >>> found = states_of(rising)
    >>> found["regime"].dropna().index[0].date().isoformat(), found["regime"].iloc[-1]
    ('2019-10-31', 'above')
    """
    sessions = pd.DatetimeIndex(close.index)
    decided = closes(sessions)
    # The calendar knows which session ends a month; the next bar must not be asked.
    calendar = between(sessions[0], sessions[-1] + pd.Timedelta(days=15))
    month = calendar.year * 12 + calendar.month
    ends = calendar[:-1][month[:-1] != month[1:]]
    at_ends = close[sessions.isin(ends)]
    average = at_ends.rolling(MONTHS).mean()
    side = pd.Series(np.where(at_ends > average, "above", "below"), at_ends.index).where(average.notna())
    regime = side.reindex(sessions, method="ffill")
    volatility = zero_mean_volatility(close.to_numpy(dtype=np.float64), WINDOW)
    return {
        "regime": pd.Series(regime.to_numpy(dtype=object), decided),
        "volatility": pd.Series(volatility, decided),
    }
