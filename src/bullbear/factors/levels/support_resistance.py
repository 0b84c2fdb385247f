"""The nearest support and resistance: how far, how often tested, how old, and what they used to be.

All from `level_table`. A distance is capped at `cap` ATRs, which also stands for "no level on that side": at a new high
there is no resistance to measure, and that is information, not a gap. Missing are only rows on which prices did not
move for the whole ATR window.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.levels.horizontal_levels import (
    HALF_LIFE,
    LEVELS,
    SIDES,
    LevelRules,
    LevelTable,
    Side,
    level_table,
)
from bullbear.factors.levels.swings import Rows, mean_true_range, rows_of

_ATRS = (0.5, 100.0)


def _of_nearest(values: Array, rows: Rows, nearest: tuple[Rows, NDArray[np.bool_]], otherwise: float) -> Array:
    """The nearest level's entry in the given rows of `values`, or `otherwise` where there is no such level."""
    place, there = nearest
    return np.where(there, values[rows, place], otherwise) if values.shape[1] else np.full(len(rows), otherwise)


def _distance(bars: Bars, rules: LevelRules, side: Side, touches: int, cap: float) -> Array:
    table = level_table(bars, rules)
    price = _of_nearest(table.price, table.epoch, table.nearest(SIDES[side], touches), np.nan)
    size = mean_true_range(bars, rules.atr)
    away = SIDES[side] * (bars.close - price) / size
    return np.where(np.isnan(size), np.nan, np.fmin(away, cap))


def _strength(table: LevelTable, window: int) -> Array:
    """Strength of every level at every row, shape (n_sessions, most_levels); 0 where there is none."""
    fade = np.array([2.0 ** (-age / HALF_LIFE) for age in range(window + 1)])
    age = np.arange(len(table.epoch))[:, None] - table.last[table.epoch].astype(np.int64)
    weight: Array = table.weight[table.epoch] * fade[np.clip(age, 0, window)]
    return weight


@factor(
    windowed=True,
    unit="ATRs",
    limits={"cap": _ATRS},
    choices={"side": tuple(SIDES)},
    lookback=rows_of,
)
def level_distance(
    bars: Bars, *, side: Side = "support", rules: LevelRules = LEVELS, touches: int = 1, cap: float = 10.0
) -> Array:
    """Close above the nearest support, or nearest resistance above the close, in ATRs.

    min(cap, (close - support) / ATR) or min(cap, (resistance - close) / ATR); `cap` where no level with so many
    `touches` stands on that side, negative while the close is beyond the level but has not left its band

    Parameters
    ----------
    cap
        Largest distance, in ATRs; also the value where no level stands on that side.

    Example
    -------
    >>> level_distance(bars_from([3, 1, 2, 3]), rules=LevelRules(strength=1, window=3, atr=2))[-1]
    np.float64(2.0)
    """
    return _distance(bars, rules, side, touches, cap)


@factor(windowed=True, unit="ratio - 1", choices={"side": tuple(SIDES)}, lookback=rows_of)
def level_ratio(bars: Bars, *, side: Side = "support", rules: LevelRules = LEVELS, touches: int = 1) -> Array:
    """Price of the nearest support, or of the nearest resistance, against the close.

    level / close - 1; missing where no level with so many `touches` stands on that side. Unlike a distance in ATRs it
    gives the level back: (1 + ratio) * close.

    Example
    -------
    >>> level_ratio(bars_from([3, 1, 2, 3]), rules=LevelRules(strength=1, window=3, atr=2))[-1].round(4)
    np.float64(-0.6667)
    """
    table = level_table(bars, rules)
    return _of_nearest(table.price, table.epoch, table.nearest(SIDES[side], touches), np.nan) / bars.close - 1.0


@factor(
    windowed=True,
    unit="share of the gap",
    bounds=(0.0, 1.0),
    limits={"cap": _ATRS},
    lookback=rows_of,
)
def level_position(bars: Bars, *, rules: LevelRules = LEVELS, touches: int = 1, cap: float = 10.0) -> Array:
    """Where the close stands between the nearest support and the nearest resistance.

    s / (s + r) with s and r the two distances in ATRs, each clipped to 0 and `cap`

    Parameters
    ----------
    cap
        Distance, in ATRs, at which a level is set where there is none.
    """
    support, resistance = (np.maximum(_distance(bars, rules, side, touches, cap), 0.0) for side in SIDES)
    whole = support + resistance
    return np.where(whole == 0.0, 0.5, support / np.where(whole == 0.0, 1.0, whole))


@factor(
    windowed=True, unit="touches, faded", bounds=(0.0, float("inf")), choices={"side": tuple(SIDES)}, lookback=rows_of
)
def level_strength(bars: Bars, *, side: Side = "support", rules: LevelRules = LEVELS) -> Array:
    """Strength of the nearest support or resistance: its touches, weighed by volume and faded by age.

    sum over touches of v * 2**(-age / 126), v = volume of the touching session / mean volume of `atr` sessions, 1 where
    that is unknown; 0 where no level stands on that side
    """
    table = level_table(bars, rules)
    result = _of_nearest(_strength(table, rules.window), np.arange(len(bars.close)), table.nearest(SIDES[side], 1), 0.0)
    return np.where(np.isnan(mean_true_range(bars, rules.atr)), np.nan, result)


@factor(
    windowed=True,
    unit="share of touches",
    bounds=(0.0, 1.0),
    choices={"side": tuple(SIDES)},
    lookback=rows_of,
)
def level_role_reversal(bars: Bars, *, side: Side = "support", rules: LevelRules = LEVELS, touches: int = 1) -> Array:
    """Resistance turned support, or support turned resistance: share of the level's touches in its former role.

    Of the nearest support the touches that were swing highs, of the nearest resistance those that were swing lows; 0
    where no level with so many `touches` stands on that side
    """
    table = level_table(bars, rules)
    former = table.high_touches if side == "support" else table.touches - table.high_touches
    share = former / np.maximum(table.touches, 1.0)
    result = _of_nearest(share, table.epoch, table.nearest(SIDES[side], touches), 0.0)
    return np.where(np.isnan(mean_true_range(bars, rules.atr)), np.nan, result)


@factor(windowed=True, unit="score", bounds=(-1.0, 1.0), limits={"reach": _ATRS}, lookback=rows_of)
def level_balance(bars: Bars, *, rules: LevelRules = LEVELS, reach: float = 5.0) -> Array:
    """Support less resistance within `reach` ATRs of the close, by strength: (S - R) / (S + R).

    1 where no level stands above, 0 where none is within reach

    Parameters
    ----------
    reach
        ATRs from the close within which levels count.
    """
    table = level_table(bars, rules)
    size = mean_true_range(bars, rules.atr)
    distance = np.abs(table.price[table.epoch] - bars.close[:, None]) / size[:, None]
    weight = np.where(distance <= reach, _strength(table, rules.window), 0.0)
    if not weight.shape[1]:
        return np.where(np.isnan(size), np.nan, 0.0)
    # From the left to the right: another order on a shorter history would change the last bit.
    signed, whole = (np.cumsum(each, axis=1)[:, -1] for each in (weight * table.role, weight))
    balance = np.clip(signed / np.where(whole == 0.0, 1.0, whole), -1.0, 1.0)
    return np.where(np.isnan(size), np.nan, balance)
