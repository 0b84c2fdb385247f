"""The sessions at whose close something happened to a level: what the odds of levels are counted from."""

from __future__ import annotations

import numpy as np

from bullbear.factors.engine.registry import Array, Bars, factor
from bullbear.factors.levels.breaks import BREAKS, EVENTS, BreakRules, level_events
from bullbear.factors.levels.swings import rows_of


@factor(
    family="levels",
    unit="1 at the close at which it happened, else 0",
    bounds=(0.0, 1.0),
    choices={"kind": EVENTS},
    lookback=rows_of,
)
def level_signal(bars: Bars, *, kind: str = "support_break", rules: BreakRules = BREAKS) -> Array:
    """Whether one kind of event of the levels became known at this close; the rules are those of `breaks`.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    kind
        One of `breaks.EVENTS`.
    rules
        Which breaks count: see `BreakRules`.

    Returns
    -------
    Shape (n_sessions,), 0 or 1.

    Example
    -------
    >>> from bullbear.factors.engine.windows import bars_from
    >>> bars = bars_from([9, 5, 7, 5, 7, 4, 3, 5, 4, 6])
    >>> rules = BreakRules(strength=1, window=10, atr=2, tolerance=0.2)
    >>> level_signal(bars, kind="reclaim", rules=rules).nonzero()[0].tolist()
    [9]
    """
    result = np.zeros(len(bars.close))
    result[level_events(bars, rules)[kind]] = 1.0
    return result
