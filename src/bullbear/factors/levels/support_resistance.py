"""The nearest support and resistance: how far, how often tested, how old, and what they used to be.

All from `level_table`. A distance is held at `cap` ATRs, which also stands for "no level on that side": at a new high
there is no resistance to measure, and that is information, not a gap. Missing are only rows on which prices stood still
for the whole ATR window.
"""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.levels.level_table import (
    HALF_LIFE,
    LEVELS,
    SIDES,
    TOUCHES,
    LevelRules,
    LevelTable,
    Side,
    level_table,
)
from bullbear.factors.levels.swings import average_true_range, rows_of

_ATRS = (0.5, 100.0)


def _distance(bars: Bars, table: LevelTable, side: Side, touches: int, atr: int, cap: float) -> Array:
    kind = SIDES[side]
    place, there = table.nearest(kind, touches)
    size = average_true_range(bars, atr)
    if not there.any():
        return np.where(np.isnan(size), np.nan, cap)
    away = kind * (bars.close - table.price[table.epoch, place]) / size
    return np.where(there, np.minimum(away, cap), np.where(np.isnan(size), np.nan, cap))


def _strength(table: LevelTable, window: int) -> Array:
    """Strength of every level at every row, shape (n_sessions, most_levels); 0 where there is none."""
    fade = np.array([2.0 ** (-age / HALF_LIFE) for age in range(window + 1)])
    age = np.arange(len(table.epoch))[:, None] - table.last[table.epoch].astype(np.int64)
    weight: Array = table.weight[table.epoch] * fade[np.clip(age, 0, window)]
    return weight


@factor(
    family="levels",
    windowed=True,
    unit="ATRs",
    limits={"touches": TOUCHES, "cap": _ATRS},
    choices={"side": tuple(SIDES)},
    lookback=rows_of,
)
def level_distance(
    bars: Bars, *, side: Side = "support", rules: LevelRules = LEVELS, touches: int = 1, cap: float = 10.0
) -> Array:
    """Close above the nearest support, or nearest resistance above the close, in ATRs.

    min(cap, (close - support) / ATR) or min(cap, (resistance - close) / ATR)

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    side
        "support" or "resistance".
    rules
        Which levels stand: see `LevelRules`.
    touches
        Touches that a level needs to count.
    cap
        Largest distance, in ATRs; also the value where no level stands on that side.

    Returns
    -------
    Shape (n_sessions,); negative while the close is beyond the level but has not left its band.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> rules = LevelRules(strength=1, window=3, atr=2)
    >>> level_distance(bars_from([3, 1, 2, 3]), rules=rules)[-1]
    np.float64(2.0)
    >>> level_distance(bars_from([1, 3, 2, 1]), side="resistance", rules=rules)[-1]
    np.float64(2.0)
    """
    return _distance(bars, level_table(bars, rules), side, touches, rules.atr, cap)


@factor(
    family="levels",
    windowed=True,
    unit="share of the gap",
    bounds=(0.0, 1.0),
    limits={"touches": TOUCHES, "cap": _ATRS},
    lookback=rows_of,
)
def level_position(bars: Bars, *, rules: LevelRules = LEVELS, touches: int = 1, cap: float = 10.0) -> Array:
    """Where the close stands between the nearest support and the nearest resistance.

    s / (s + r) with s and r the two distances in ATRs, each held between 0 and `cap`

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    rules
        Which levels stand: see `LevelRules`.
    touches
        Touches that a level needs to count.
    cap
        Distance, in ATRs, at which a level is set where there is none.

    Returns
    -------
    Shape (n_sessions,); 0 on support, 1 at resistance, 0.5 where the close is on both.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> level_position(bars_from([3, 1, 4, 2]), rules=LevelRules(strength=1, window=3, atr=2))[-1].round(4)
    np.float64(0.3333)
    """
    table = level_table(bars, rules)
    below, above = (np.maximum(_distance(bars, table, side, touches, rules.atr, cap), 0.0) for side in SIDES)
    gap = below + above
    return np.where(gap == 0.0, 0.5, below / np.where(gap == 0.0, 1.0, gap))


@factor(
    family="levels",
    windowed=True,
    unit="touches, faded",
    bounds=(0.0, float("inf")),
    choices={"side": tuple(SIDES)},
    lookback=rows_of,
)
def level_strength(bars: Bars, *, side: Side = "support", rules: LevelRules = LEVELS) -> Array:
    """Strength of the nearest support or resistance: its touches, weighed by volume and faded by age.

    sum over touches of v * 2**(-age / 126), v = volume of the touching session / mean volume of `atr` sessions

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,); a touch of unknown volume counts as one of usual volume.
    side
        "support" or "resistance".
    rules
        Which levels stand: see `LevelRules`.

    Returns
    -------
    Shape (n_sessions,); 0 where no level stands on that side.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> bars = bars_from([3, 1, 2, 3], volume=[10, 30, 10, 10])
    >>> level_strength(bars, rules=LevelRules(strength=1, window=3, atr=2))[-1].round(4)  # 1.5 * 2**(-2 / 126)
    np.float64(1.4836)
    """
    table = level_table(bars, rules)
    place, there = table.nearest(SIDES[side], 1)
    rows = np.arange(len(place))
    result = np.where(there, _strength(table, rules.window)[rows, place], 0.0) if there.any() else np.zeros(len(place))
    return np.where(np.isnan(average_true_range(bars, rules.atr)), np.nan, result)


@factor(
    family="levels",
    windowed=True,
    unit="share of touches",
    bounds=(0.0, 1.0),
    limits={"touches": TOUCHES},
    choices={"side": tuple(SIDES)},
    lookback=rows_of,
)
def level_role_reversal(bars: Bars, *, side: Side = "support", rules: LevelRules = LEVELS, touches: int = 1) -> Array:
    """Resistance turned support, or support turned resistance: share of the level's touches in its former role.

    Of the nearest support the touches that were swing highs, of the nearest resistance those that were swing lows.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    side
        What the level is now: "support" or "resistance".
    rules
        Which levels stand: see `LevelRules`.
    touches
        Touches that a level needs to count.

    Returns
    -------
    Shape (n_sessions,); 0 where the level never had another role, and where none stands on that side.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> rules = LevelRules(strength=1, window=6, atr=2)
    >>> level_role_reversal(bars_from([1, 3, 2, 3, 2, 5]), rules=rules)[-1]
    np.float64(1.0)
    """
    table = level_table(bars, rules)
    former = table.high_touches if side == "support" else table.touches - table.high_touches
    share = former / np.maximum(table.touches, 1.0)
    place, there = table.nearest(SIDES[side], touches)
    result = np.where(there, share[table.epoch, place], 0.0) if there.any() else np.zeros(len(place))
    return np.where(np.isnan(average_true_range(bars, rules.atr)), np.nan, result)


@factor(
    family="levels",
    windowed=True,
    unit="score",
    bounds=(-1.0, 1.0),
    limits={"reach": _ATRS},
    lookback=rows_of,
)
def level_balance(bars: Bars, *, rules: LevelRules = LEVELS, reach: float = 5.0) -> Array:
    """Support less resistance within `reach` ATRs of the close, by strength: (S - R) / (S + R).

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    rules
        Which levels stand: see `LevelRules`.
    reach
        ATRs from the close within which levels count.

    Returns
    -------
    Shape (n_sessions,); 1 where nothing stands above, 0 where no level is within reach.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> level_balance(bars_from([3, 1, 2, 3]), rules=LevelRules(strength=1, window=3, atr=2))[-1]
    np.float64(1.0)
    """
    table = level_table(bars, rules)
    size = average_true_range(bars, rules.atr)
    weight = _strength(table, rules.window)
    distance = np.abs(table.price[table.epoch] - bars.close[:, None]) / size[:, None]
    weight[~(distance <= reach)] = 0.0
    signed, whole = np.zeros(len(size)), np.zeros(len(size))
    # Column by column: a reduction would add in another order on a shorter history and change the last bit.
    for place in range(weight.shape[1]):
        signed += weight[:, place] * table.role[:, place]
        whole += weight[:, place]
    balance = np.clip(signed / np.where(whole == 0.0, 1.0, whole), -1.0, 1.0)
    return np.where(np.isnan(size), np.nan, balance)
