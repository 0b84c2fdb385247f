"""The sessions at whose close something happened to a level: what the odds of levels are counted from."""

from __future__ import annotations

import numpy as np

from bullbear.errors import InputError
from bullbear.factors.breaks import EVENTS, level_events
from bullbear.factors.level_table import SHAPE_LIMITS, table_rows
from bullbear.factors.registry import Array, Bars, factor


def _rows(*, kind: str, strength: int, window: int, atr: int, memory: int, **_: float) -> int:
    if kind not in EVENTS:
        raise InputError("kind", kind, ", ".join(EVENTS), "choose one of them")
    return table_rows(strength=strength, window=window, atr=atr) + memory


@factor(
    family="levels",
    inputs={"bars": "bars"},
    unit="1 at the close at which it happened, else 0",
    bounds=(0.0, 1.0),
    limits={**SHAPE_LIMITS, "touches": (1.0, 10.0), "memory": (2.0, 504.0)},
    lookback=_rows,
)
def level_signal(
    bars: Bars,
    *,
    kind: str = "support_break",
    strength: int = 5,
    window: int = 504,
    atr: int = 20,
    tolerance: float = 0.5,
    touches: int = 2,
    memory: int = 63,
) -> Array:
    """Whether one kind of event of the levels became known at this close; the rules are those of `breaks`.

    Parameters
    ----------
    bars
        Daily bars, shape (n_sessions,).
    kind
        One of `breaks.EVENTS`.
    strength, window, atr, tolerance
        As in `level_table`.
    touches, memory
        As in `breaks`.

    Returns
    -------
    Shape (n_sessions,), 0 or 1.

    Example
    -------
    >>> from bullbear.factors.windows import bars_from
    >>> bars = bars_from([9, 5, 7, 5, 7, 4, 3, 5, 4, 6])
    >>> signal = level_signal(bars, kind="reclaim", strength=1, window=10, atr=2, tolerance=0.2)
    >>> signal.nonzero()[0].tolist()
    [9]
    """
    happened = level_events(
        bars, strength=strength, window=window, atr=atr, tolerance=tolerance, touches=touches, memory=memory
    )
    result = np.zeros(len(bars.close))
    result[happened[kind]] = 1.0
    return result
