"""Characteristics of assets that prices and volumes give, each at a close from what was known then.

All are raw: a high value need not be good. Rules say with which sign they read them.

References
----------
Jegadeesh and Titman (1993), doi:10.1111/j.1540-6261.1993.tb04702.x (momentum); Jegadeesh (1990),
doi:10.1111/j.1540-6261.1990.tb05110.x (reversal); Ang, Hodrick, Xing and Zhang (2006),
doi:10.1111/j.1540-6261.2006.00836.x (volatility); George and Hwang (2004), doi:10.1111/j.1540-6261.2004.00695.x (the
52-week high); Amihud (2002), doi:10.1016/S1386-4181(01)00024-6 (dollar volume).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from bullbear.picking.cross_section import Array, CrossSection, Rows

MONTH, YEAR = 21, 252
_PRESENT = 0.8
"""The share of a window's sessions with a bar below which nothing is said."""


def _return(first: int, last: int) -> Callable[[CrossSection, int], Array]:
    def between(section: CrossSection, row: int) -> Array:
        return np.asarray(section.level[row - last] / section.level[row - first] - 1.0)

    return between


def _volatility(window: int) -> Callable[[CrossSection, int], Array]:
    def over(section: CrossSection, row: int) -> Array:
        returns = np.log(section.growth[row - window + 1 : row + 1])
        return np.asarray(returns.std(axis=0, ddof=1) * np.sqrt(YEAR))

    return over


def _high(section: CrossSection, row: int) -> Array:
    return np.asarray(section.level[row] / section.level[row - YEAR + 1 : row + 1].max(axis=0))


def _usual_dollars(section: CrossSection, first: int, last: int) -> Array:
    """Median of rows `first` to `last`; a session without a bar counts as one without a trade."""
    return np.median(np.nan_to_num(section.dollars[first : last + 1]), axis=0)


def _dollar_volume(section: CrossSection, row: int) -> Array:
    with np.errstate(divide="ignore"):
        found = np.log(_usual_dollars(section, row - MONTH + 1, row))
    return np.where(np.isfinite(found), found, np.nan)


def _volume_growth(section: CrossSection, row: int) -> Array:
    recent, before = (_usual_dollars(section, row - MONTH * k + 1, row - MONTH * (k - 1)) for k in (1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log(recent / before)
    return np.where(np.isfinite(found), found, np.nan)


PRICE_CHARACTERISTICS: Mapping[str, tuple[int, Callable[[CrossSection, int], Array]]] = {
    "momentum_12_1": (YEAR, _return(YEAR, MONTH)),
    "momentum_6_1": (126, _return(126, MONTH)),
    "return_63": (63, _return(63, 0)),
    "return_21": (MONTH, _return(MONTH, 0)),
    "return_5": (5, _return(5, 0)),
    "volatility_252": (YEAR, _volatility(YEAR)),
    "volatility_21": (MONTH, _volatility(MONTH)),
    "high_252": (YEAR, _high),
    "dollar_volume": (MONTH, _dollar_volume),
    "volume_growth_21": (2 * MONTH, _volume_growth),
}
"""The sessions that each looks back over, and its values at a row."""


def characteristic(section: CrossSection, name: str, decided: Rows) -> Array:
    """Values of a price characteristic at rows `decided`, shape (n_decisions, n_assets).

    NaN where an asset has no bar at the decision, none at the beginning of the window or before it, or bars in less
    than four fifths of it.
    """
    window, compute = PRICE_CHARACTERISTICS[name]
    found = np.full((len(decided), len(section.assets)), np.nan)
    for place, row in enumerate(decided.tolist()):
        if row < window:
            continue
        begun, present = section.bars_so_far[row - window], section.bars_so_far[row]
        known = section.traded[row] & (begun > 0) & (present - begun >= _PRESENT * window)
        found[place] = np.where(known, compute(section, row), np.nan)
    return found


def percentiles(values: Array, member: Array) -> Array:
    """The rank of each value among the members of its decision, scaled to 0 to 1, ties sharing theirs; NaN for NaN.

    A decision with a single value has 0.5.

    Example
    -------
    >>> percentiles(np.array([[3.0, 1.0, 2.0, np.nan]]), np.array([[True, True, True, True]])).tolist()
    [[1.0, 0.0, 0.5, nan]]
    """
    from scipy.stats import rankdata

    found = np.full(values.shape, np.nan)
    for place in range(len(values)):
        known = np.flatnonzero(np.isfinite(values[place]) & member[place])
        if len(known) == 1:
            found[place, known] = 0.5
        elif len(known):
            found[place, known] = (rankdata(values[place, known]) - 1.0) / (len(known) - 1.0)
    return found
