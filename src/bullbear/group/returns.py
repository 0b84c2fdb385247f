"""Growth of price, volume and wealth of every company of a panel, with splits applied.

Functions return shape (n_sessions, n_companies) unless they say otherwise; row i reads rows up to i only. Where a
company has no bar, its last price stands in for at most `gap` sessions; after that the growth is missing, never zero.
"""

from __future__ import annotations

import numpy as np

from bullbear.data.companies.panel import Array, Panel

GAP = 5
"""Sessions over which a last price is carried where none is given: halts are short, a week is the shortest window."""
FULL = 0.8
"""Share of a window's sessions that must have a number."""


def price_growth(panel: Panel, sessions: int, *, gap: int = GAP) -> Array:
    """Growth of the price over the last `sessions` sessions as a fraction: 0.1 where a share is worth 10 % more.

    `close[i] * (new shares for one old share since) / close[i - sessions] - 1`; dividends are not counted.

    Example
    -------
    >>> from bullbear.data.companies import panel_from
    >>> halved = panel_from([10.0, 5.5], split=[1.0, 2.0])
    >>> price_growth(halved, 1).round(6).tolist()
    [[nan], [0.1]]
    """
    return _growth(carried(share_value(panel), gap), sessions)


def total_return(panel: Panel, sessions: int, *, gap: int = GAP) -> Array:
    """`price_growth` with dividends reinvested at the close of their ex-date, or the first close after it."""
    return _growth(carried(wealth(panel), gap), sessions)


def latest_volume_growth(panel: Panel, sessions: int) -> Array:
    """Median daily volume of the last `sessions` sessions over that of the `sessions` before them, less 1.

    Shares are counted at one split level. The median, unlike the mean, is not moved by a single wrong or extraordinary
    session. Missing where fewer than four fifths of either window's sessions have a volume, or where the earlier median
    is zero.

    Returns
    -------
    Shape (n_companies,): of the panel's last session.
    """
    recent = panel.last(2 * sessions)
    if len(recent.sessions) < 2 * sessions:
        return np.full(panel.shape[1], np.nan)
    volume = recent.volume / np.cumprod(recent.split, axis=0)
    before, now = _median(volume[:sessions]), _median(volume[sessions:])
    return now / np.where(before > 0, before, np.nan) - 1


def share_value(panel: Panel) -> Array:
    """The worth of what one share of the panel's first session has become by splits; NaN where there is no bar."""
    return panel.close * np.cumprod(panel.split, axis=0)


def wealth(panel: Panel) -> Array:
    """`share_value` with dividends reinvested at the close of their ex-date, or at the first close after it.

    A dividend is taken as paid on each share there is after a split of the same session.
    """
    units, cash = np.ones(panel.shape[1]), np.zeros(panel.shape[1])
    worth = np.full(panel.shape, np.nan)
    for row, close in enumerate(panel.close):
        units = units * panel.split[row]
        cash = cash + units * panel.dividend[row]
        buys = close > 0
        units = np.where(buys, units + cash / np.where(buys, close, 1.0), units)
        cash = np.where(buys, 0.0, cash)
        worth[row] = units * close
    return worth


def carried(values: Array, gap: int) -> Array:
    """`values` with each hole filled by the value before it, at most `gap` rows on.

    Example
    -------
    >>> carried(np.array([[1.0], [np.nan], [np.nan]]), 1).ravel().tolist()
    [1.0, 1.0, nan]
    """
    if gap <= 0:
        return values
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(values), -1, rows), axis=0)
    filled = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    return np.where((last >= 0) & (rows - last <= gap), filled, np.nan)


def _growth(values: Array, sessions: int) -> Array:
    growth = np.full(values.shape, np.nan)
    if len(values) > sessions:
        before = values[:-sessions]
        growth[sessions:] = values[sessions:] / np.where(before > 0, before, np.nan) - 1
    return growth


def _median(window: Array) -> Array:
    """Of each column, without its holes; NaN where too many."""
    ordered = np.sort(window, axis=0)  # holes last
    count = np.sum(~np.isnan(window), axis=0)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(window) - 1)
    columns = np.arange(window.shape[1])
    middle = (ordered[low, columns] + ordered[high, columns]) / 2
    return np.where(count >= FULL * len(window) - 1e-9, middle, np.nan)
