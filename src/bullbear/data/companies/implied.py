"""What adjusted prices imply: the dividends in adj_close, and by how much prices were divided for later splits."""

from __future__ import annotations

import numpy as np
import pandas as pd

_SMALLEST = 1e-5  # of the price: no smaller dividend is read from adj_close


def implied_dividends(bars: pd.DataFrame) -> pd.DataFrame:
    """The dividends by which adj_close was lowered: event_date (the ex-date), amount per share of `close`.

    With f = adj_close / close, a dividend D on the session t lowers all earlier f: f(t-1) / f(t) = 1 - D / close(t-1).
    What rounding of the two prices could give is no dividend, nor is a rise.

    Example
    -------
    >>> days = pd.DatetimeIndex(["2019-12-30", "2019-12-31"])
    >>> implied_dividends(pd.DataFrame({"event_date": days, "close": [50.0, 49.0], "adj_close": [49.0, 49.0]}))
      event_date  amount
    0 2019-12-31     1.0
    """
    close, adjusted = bars["close"].to_numpy(), bars["adj_close"].to_numpy()
    known = (close > 0) & (adjusted > 0)
    days, close, adjusted = bars["event_date"].to_numpy()[known], close[known], adjusted[known]
    rounding = _unit(close) / 2 / close + _unit(adjusted) / 2 / adjusted
    factor = adjusted / close
    share = 1.0 - factor[:-1] / factor[1:]
    paid = np.flatnonzero(share > _SMALLEST + rounding[:-1] + rounding[1:])
    return pd.DataFrame({"event_date": days[1:][paid], "amount": share[paid] * close[:-1][paid]})


def later_splits(splits: pd.DataFrame, days: pd.Series) -> np.ndarray:
    """By how much prices of each day were divided for the splits that followed; (n_days,)."""
    ordered = splits.sort_values("event_date")
    after = np.append(np.cumprod(ordered["ratio"].to_numpy()[::-1])[::-1], 1.0)
    factors: np.ndarray = after[np.searchsorted(ordered["event_date"].to_numpy(), days.to_numpy(), side="right")]
    return factors


def _unit(prices: np.ndarray) -> float:
    """The last decimal place that prices are written in, as a power of ten."""
    for places in range(2, 7):
        if (np.abs(prices - np.round(prices, places)) <= 1e-9 * prices).all():
            return 10.0**-places
    return 1e-7
