"""Prices at which an account trades: settled closes, and opens that can be true.

The screen judges closes. A wrong open alone would be a gain or a loss that nobody made, so an open counts only if it
lies within the day's range and near the closes before and after it; otherwise the order is filled at the close of its
session. An order is sent before anyone sees that close: where only the close is wrong, the open is still its price, and
the holding is valued at it until the next close.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bullbear.data.companies.panel import Panel
from bullbear.group.settling import settled
from bullbear.picking.cross_section import Array, BoolArray

LARGEST_GAP = 0.25
"""Logarithm by which an open may lie beyond both closes, or the day's range on their other side if that is more."""
_ROUNDING = 1e-3


def with_fills(panel: Panel) -> Panel:
    """The settled prices of a panel as traded, each session with an open and a close or with neither.

    Example
    -------
    >>> from bullbear.data.companies.panel import panel_from
    >>> close = np.linspace(10.0, 10.5, 6)
    >>> opens = close.copy()
    >>> opens[3] = 100.0
    >>> with_fills(panel_from(close, open=opens, high=close + 0.1, low=close - 0.1)).open[3].tolist()
    [10.3]
    """
    clean = settled(panel)
    close, before = clean.close, _before(clean)
    missing = np.isnan(close)
    # Only on the first session without a close: what was known the evening before may keep an order back.
    just = np.zeros(panel.shape, dtype=bool)
    just[1:] = missing[1:] & ~missing[:-1]
    printed = np.where(just, panel.open, clean.open)
    usable = _plausible(printed, np.where(missing, before, close), before, clean, just)
    opens = np.where(usable, printed, close)
    return replace(clean, open=opens, close=np.where(missing & just, opens, close))


def _before(panel: Panel) -> Array:
    """The last close before each session, per share of that session; NaN where there is none."""
    shares = np.cumprod(panel.split, axis=0)
    whole = panel.close * shares
    rows = np.maximum.accumulate(np.where(np.isfinite(whole), np.arange(len(whole))[:, None], -1), axis=0)
    last = np.where(rows >= 0, np.take_along_axis(whole, np.maximum(rows, 0), axis=0), np.nan)
    found = np.full(panel.shape, np.nan)
    found[1:] = last[:-1] / shares[1:]
    return found


def _plausible(opens: Array, close: Array, before: Array, panel: Panel, just: BoolArray) -> BoolArray:
    """Opens within the day's range, and within `LARGEST_GAP` or that range of the closes around them."""
    with np.errstate(divide="ignore", invalid="ignore"):
        price, low, high = (np.log(each) for each in (opens, panel.low, panel.high))
        bottom, top = np.log(np.fmin(close, before)), np.log(np.fmax(close, before))
        # A wrong high comes with a wrong open above: the other side of the range is what is known.
        up, down = np.fmax(top - low, LARGEST_GAP), np.fmax(high - bottom, LARGEST_GAP)
        up, down = np.where(just, LARGEST_GAP, up), np.where(just, LARGEST_GAP, down)
        near = (price <= top + up) & (price >= bottom - down)
        outside = (price > high + _ROUNDING) | (price < low - _ROUNDING)
    found: BoolArray = near & (just | ~outside)
    return found
