"""How unusual the volume and the range of each bar are, measured against the company's own past.

Both are logarithms: 0 is usual, 0.69 twice as much. They are what tells a real jump of a price, which comes with volume
and a wide range, from a wrong number, which does not. Row i reads rows up to i only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bullbear.data.companies.panel import Array, BoolArray, Panel

MEMORY = 15
"""Sessions over which the usual level is averaged."""
CLIP = 1.0
"""A single bar moves the usual level by no more than e times it would count for."""
CROWD = 20
"""Companies from which on the median of a session is taken off: on days of index changes all trade ten times more."""


@dataclass(frozen=True)
class Surprise:
    """Shape (n_sessions, n_companies) each; 0 where there is nothing to compare with.

    Parameters
    ----------
    volume
        Logarithm of the volume over the usual one, less what the median company of the session has of the same sign.
    volume_spread
        Usual absolute size of `volume`.
    span
        Logarithm of the range (high over low) over the usual one; 0 where the bars have no range.
    dollars
        Usual volume in dollars.
    """

    volume: Array
    volume_spread: Array
    span: Array
    dollars: Array


def surprise(panel: Panel, *, crowd: bool = True) -> Surprise:
    """The surprises of every bar of a panel; each of its own company alone unless `crowd`."""
    shares = panel.volume / np.cumprod(panel.split, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        width = np.log(panel.high / panel.low)
    columns = panel.shape[1]
    tables = np.concatenate([_log(each) for each in (shares, width, panel.volume * panel.close)], axis=1)
    found, spread, level = _against_the_past(tables, columns if crowd else 0)
    return Surprise(
        found[:, :columns], spread[:, :columns], found[:, columns : 2 * columns], np.exp(level[:, 2 * columns :])
    )


def _log(values: Array) -> Array:
    positive: BoolArray = values > 0
    return np.log(values, out=np.full(values.shape, np.nan), where=positive)


def _against_the_past(values: Array, shared: int) -> tuple[Array, Array, Array]:
    """Each value less a running mean of those before it, the running mean of the absolute difference, and that mean.

    Of the first `shared` columns, what the median of them has in common is taken off.
    """
    rows, columns = values.shape
    level, seen = np.zeros(columns), np.zeros(columns)
    spread = np.full(columns, 0.5)
    found, spreads, levels = np.zeros(values.shape), np.empty(values.shape), np.full(values.shape, -np.inf)
    for row in range(rows):
        given = ~np.isnan(values[row])
        off = np.where(given & (seen > 0), values[row] - level, 0.0)
        compared = given & (seen > 4)
        own, ours = off.copy(), compared[:shared]
        if np.count_nonzero(ours) >= CROWD:
            common = float(np.median(off[:shared][ours]))
            # What all have in common explains a surprise; it does not make one.
            alike = ours & (off[:shared] * common > 0)
            own[:shared] -= np.where(alike, np.sign(common) * np.minimum(np.abs(off[:shared]), abs(common)), 0.0)
        found[row], spreads[row] = own, spread
        levels[row] = np.where(seen > 0, level, np.where(given, values[row], -np.inf))
        weight = 1.0 / np.minimum(seen + 1, MEMORY)
        # The first bar is the level; later ones move it by their clipped difference.
        level = np.where(given, np.where(seen > 0, level + weight * np.clip(off, -CLIP, CLIP), values[row]), level)
        spread = np.where(compared, spread + 0.5 * weight * (np.minimum(np.abs(own), 2 * CLIP) - spread), spread)
        seen = seen + given
    return found, spreads, levels
