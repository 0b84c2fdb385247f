"""The nearest support and resistance: how far, how often tested, how old, and what they used to be.

All from `level_table`. A distance is held at `cap` ATRs, which also stands for "no level on that side": at a new high
there is no resistance to measure, and that is information, not a gap. Missing are only rows on which prices stood still
for the whole ATR window.
"""

from __future__ import annotations

import numpy as np

from bullbear.factors.level_table import (
    HALF_LIFE,
    RESISTANCE,
    SHAPE_LIMITS,
    SUPPORT,
    LevelTable,
    level_table,
    table_rows,
)
from bullbear.factors.registry import Array, Bars, factor
from bullbear.factors.swings import average_true_range

LIMITS = {**SHAPE_LIMITS, "touches": (1.0, 10.0), "cap": (0.5, 100.0), "reach": (0.5, 100.0)}


def _limits(*names: str) -> dict[str, tuple[float, float]]:
    return {name: LIMITS[name] for name in ("strength", "window", "atr", "tolerance", *names)}


def _rows(*, strength: int, window: int, atr: int, **_: float) -> int:
    return table_rows(strength=strength, window=window, atr=atr)


def _distance(bars: Bars, table: LevelTable, kind: int, touches: int, atr: int, cap: float) -> Array:
    place, there = table.nearest(kind, touches)
    size = average_true_range(bars, atr)
    if not there.any():
        return np.where(np.isnan(size), np.nan, cap)
    away = kind * (bars.close - table.price[table.epoch, place]) / size
    return np.where(there, np.minimum(away, cap), np.where(np.isnan(size), np.nan, cap))


def _of_nearest(bars: Bars, table: LevelTable, kind: int, touches: int, atr: int, values: Array) -> Array:
    """A property of the nearest level of a kind, 0 where there is none, missing where prices stood still."""
    place, there = table.nearest(kind, touches)
    result = np.where(there, values[table.epoch, place], 0.0) if there.any() else np.zeros(len(place))
    return np.where(np.isnan(average_true_range(bars, atr)), np.nan, result)


def _strength(table: LevelTable, window: int) -> Array:
    """Strength of every level at every row, shape (n_sessions, most_levels); 0 where there is none."""
    fade = np.array([2.0 ** (-age / HALF_LIFE) for age in range(window + 1)])
    age = np.arange(len(table.epoch))[:, None] - table.last[table.epoch].astype(np.int64)
    weight: Array = table.weight[table.epoch] * fade[np.clip(age, 0, window)]
    return weight


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="ATRs",
    limits=_limits("touches", "cap"),
    lookback=_rows,
)
def support_distance(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 504,
    atr: int = 20,
    tolerance: float = 0.5,
    touches: int = 1,
    cap: float = 10.0,
) -> Array:
    """Close above the nearest support: min(cap, (close - support) / ATR).

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    atr
        Sessions of the mean true range.
    tolerance
        Half the height of a level's band, in ATRs.
    touches
        Touches that a level needs to count.
    cap
        Largest distance, in ATRs; also the value where no support stands.

    Returns
    -------
    Shape (n_sessions,); negative while the close is below the level but has not left its band.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> support_distance(bars_from([3, 1, 2, 3]), strength=1, window=3, atr=2)[-1]
    np.float64(2.0)
    """
    table = level_table(bars, strength=strength, window=window, atr=atr, tolerance=tolerance)
    return _distance(bars, table, SUPPORT, touches, atr, cap)


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="ATRs",
    limits=_limits("touches", "cap"),
    lookback=_rows,
)
def resistance_distance(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 504,
    atr: int = 20,
    tolerance: float = 0.5,
    touches: int = 1,
    cap: float = 10.0,
) -> Array:
    """Nearest resistance above the close: min(cap, (resistance - close) / ATR).

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    atr
        Sessions of the mean true range.
    tolerance
        Half the height of a level's band, in ATRs.
    touches
        Touches that a level needs to count.
    cap
        Largest distance, in ATRs; also the value where no resistance stands.

    Returns
    -------
    Shape (n_sessions,); negative while the close is above the level but has not left its band.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> resistance_distance(bars_from([1, 3, 2, 1]), strength=1, window=3, atr=2)[-1]
    np.float64(2.0)
    """
    table = level_table(bars, strength=strength, window=window, atr=atr, tolerance=tolerance)
    return _distance(bars, table, RESISTANCE, touches, atr, cap)


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="share of the gap",
    bounds=(0.0, 1.0),
    limits=_limits("touches", "cap"),
    lookback=_rows,
)
def level_position(
    bars: Bars,
    *,
    strength: int = 5,
    window: int = 504,
    atr: int = 20,
    tolerance: float = 0.5,
    touches: int = 1,
    cap: float = 10.0,
) -> Array:
    """Where the close stands between the nearest support and the nearest resistance.

    s / (s + r) with s and r the two distances in ATRs, each held between 0 and `cap`

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    atr
        Sessions of the mean true range.
    tolerance
        Half the height of a level's band, in ATRs.
    touches
        Touches that a level needs to count.
    cap
        Distance, in ATRs, at which a level is set where there is none.

    Returns
    -------
    Shape (n_sessions,); 0 on support, 1 at resistance, 0.5 where the close is on both.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> level_position(bars_from([3, 1, 4, 2]), strength=1, window=3, atr=2)[-1].round(4)
    np.float64(0.3333)
    """
    table = level_table(bars, strength=strength, window=window, atr=atr, tolerance=tolerance)
    below = np.maximum(_distance(bars, table, SUPPORT, touches, atr, cap), 0.0)
    above = np.maximum(_distance(bars, table, RESISTANCE, touches, atr, cap), 0.0)
    gap = below + above
    return np.where(gap == 0.0, 0.5, below / np.where(gap == 0.0, 1.0, gap))


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="touches, faded",
    bounds=(0.0, float("inf")),
    limits=_limits(),
    lookback=_rows,
)
def support_strength(
    bars: Bars, *, strength: int = 5, window: int = 504, atr: int = 20, tolerance: float = 0.5
) -> Array:
    """Strength of the nearest support: its touches, weighed by volume and faded by age.

    sum over touches of v * 2**(-age / 126), v = volume of the touching session / mean volume of `atr` sessions

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,); a touch of unknown volume counts as one of usual volume.
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    atr
        Sessions of the mean true range and of the mean volume.
    tolerance
        Half the height of a level's band, in ATRs.

    Returns
    -------
    Shape (n_sessions,); 0 where no support stands.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> bars = bars_from([3, 1, 2, 3], volume=[10, 30, 10, 10])
    >>> support_strength(bars, strength=1, window=3, atr=2)[-1].round(4)  # 1.5 * 2**(-2 / 126)
    np.float64(1.4836)
    """
    table = level_table(bars, strength=strength, window=window, atr=atr, tolerance=tolerance)
    return _nearest_strength(bars, table, SUPPORT, atr, window)


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="touches, faded",
    bounds=(0.0, float("inf")),
    limits=_limits(),
    lookback=_rows,
)
def resistance_strength(
    bars: Bars, *, strength: int = 5, window: int = 504, atr: int = 20, tolerance: float = 0.5
) -> Array:
    """Strength of the nearest resistance: its touches, weighed by volume and faded by age.

    sum over touches of v * 2**(-age / 126), v = volume of the touching session / mean volume of `atr` sessions

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,); a touch of unknown volume counts as one of usual volume.
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    atr
        Sessions of the mean true range and of the mean volume.
    tolerance
        Half the height of a level's band, in ATRs.

    Returns
    -------
    Shape (n_sessions,); 0 where no resistance stands.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> bars = bars_from([1, 3, 2, 1], volume=[10, 30, 10, 10])
    >>> resistance_strength(bars, strength=1, window=3, atr=2)[-1].round(4)  # 1.5 * 2**(-2 / 126)
    np.float64(1.4836)
    """
    table = level_table(bars, strength=strength, window=window, atr=atr, tolerance=tolerance)
    return _nearest_strength(bars, table, RESISTANCE, atr, window)


def _nearest_strength(bars: Bars, table: LevelTable, kind: int, atr: int, window: int) -> Array:
    place, there = table.nearest(kind, 1)
    rows = np.arange(len(place))
    result = np.where(there, _strength(table, window)[rows, place], 0.0) if there.any() else np.zeros(len(place))
    return np.where(np.isnan(average_true_range(bars, atr)), np.nan, result)


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="share of touches",
    bounds=(0.0, 1.0),
    limits=_limits("touches"),
    lookback=_rows,
)
def support_was_resistance(
    bars: Bars, *, strength: int = 5, window: int = 504, atr: int = 20, tolerance: float = 0.5, touches: int = 1
) -> Array:
    """Resistance turned support: share of the nearest support's touches that were swing highs.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    atr
        Sessions of the mean true range.
    tolerance
        Half the height of a level's band, in ATRs.
    touches
        Touches that a level needs to count.

    Returns
    -------
    Shape (n_sessions,); 0 where the support was never resistance, and where none stands.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> support_was_resistance(bars_from([1, 3, 2, 3, 2, 5]), strength=1, window=6, atr=2)[-1]
    np.float64(1.0)
    """
    table = level_table(bars, strength=strength, window=window, atr=atr, tolerance=tolerance)
    share = table.high_touches / np.maximum(table.touches, 1.0)
    return _of_nearest(bars, table, SUPPORT, touches, atr, share)


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="share of touches",
    bounds=(0.0, 1.0),
    limits=_limits("touches"),
    lookback=_rows,
)
def resistance_was_support(
    bars: Bars, *, strength: int = 5, window: int = 504, atr: int = 20, tolerance: float = 0.5, touches: int = 1
) -> Array:
    """Support turned resistance: share of the nearest resistance's touches that were swing lows.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    atr
        Sessions of the mean true range.
    tolerance
        Half the height of a level's band, in ATRs.
    touches
        Touches that a level needs to count.

    Returns
    -------
    Shape (n_sessions,); 0 where the resistance was never support, and where none stands.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> resistance_was_support(bars_from([5, 3, 4, 3, 4, 1]), strength=1, window=6, atr=2)[-1]
    np.float64(1.0)
    """
    table = level_table(bars, strength=strength, window=window, atr=atr, tolerance=tolerance)
    share = (table.touches - table.high_touches) / np.maximum(table.touches, 1.0)
    return _of_nearest(bars, table, RESISTANCE, touches, atr, share)


@factor(
    family="levels",
    inputs={"bars": "bars"},
    windowed=True,
    unit="score",
    bounds=(-1.0, 1.0),
    limits=_limits("reach"),
    lookback=_rows,
)
def level_balance(
    bars: Bars, *, strength: int = 5, window: int = 504, atr: int = 20, tolerance: float = 0.5, reach: float = 5.0
) -> Array:
    """Support less resistance within `reach` ATRs of the close, by strength: (S - R) / (S + R).

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    strength
        Sessions on each side that confirm a swing.
    window
        Sessions within which swings count.
    atr
        Sessions of the mean true range.
    tolerance
        Half the height of a level's band, in ATRs.
    reach
        ATRs from the close within which levels count.

    Returns
    -------
    Shape (n_sessions,); 1 where nothing stands above, 0 where no level is within reach.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> level_balance(bars_from([3, 1, 2, 3]), strength=1, window=3, atr=2)[-1]
    np.float64(1.0)
    """
    table = level_table(bars, strength=strength, window=window, atr=atr, tolerance=tolerance)
    size = average_true_range(bars, atr)
    weight = _strength(table, window)
    distance = np.abs(table.price[table.epoch] - bars.close[:, None]) / size[:, None]
    weight[~(distance <= reach)] = 0.0
    signed, whole = np.zeros(len(size)), np.zeros(len(size))
    # Column by column: a reduction would add in another order on a shorter history and change the last bit.
    for place in range(weight.shape[1]):
        signed += weight[:, place] * table.role[:, place]
        whole += weight[:, place]
    balance = np.clip(signed / np.where(whole == 0.0, 1.0, whole), -1.0, 1.0)
    return np.where(np.isnan(size), np.nan, balance)
