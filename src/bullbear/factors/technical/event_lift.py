"""Events as factors: whether one stands, and how far its own past moves the odds of a rise while it does.

`event_lift` counts as the odds engine does: only outcomes that are known, against the share of rises over the same
rows. It pulls the count towards that share by a fixed number of imaginary cases, so that a rare event says little. When
no event is recent it is zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bullbear.errors import InputError
from bullbear.factors.engine.registry import Array, Bars, Factor, factor, registered
from bullbear.factors.technical.occurrences import RULES, occurs


def _indicator(of: str, span: int) -> tuple[Factor, dict[str, int]]:
    """The factor on which the event is seen, and its window where one is asked for."""
    found = registered().get(of)
    own = of in ("event_lift", "event_state")
    if found is None or set(found.inputs.values()) != {"bars"} or len(found.inputs) != 1 or own:
        raise InputError("of", of, "a registered factor of one ticker's bars", "choose another factor")
    if span and "window" not in found.parameters:
        raise InputError("span", span, f"0, as {of} has no window", "leave it out")
    return found, {"window": span} if span else {}


def _rows_to_see(of: str, span: int, rule: str, sessions: int) -> int:
    """Rows before the first on which the event can be seen, and that one."""
    found, params = _indicator(of, span)
    if rule not in RULES:
        raise InputError("rule", rule, ", ".join(RULES), "choose one of them")
    return found.rows_needed(params) + sessions - 1


def _seen(
    bars: Bars, of: str, span: int, rule: str, level: float, sessions: int
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether the event occurs on each row, shape (n,)."""
    found, params = _indicator(of, span)
    values = np.array(found.function(bars, **found.complete(params)), dtype=np.float64)
    values[: found.rows_needed(params) - 1] = np.nan
    return occurs(values, rule, level, sessions)


def _rows(*, of: str, span: int, rule: str, sessions: int, horizon: int, window: int, **_: float) -> int:
    needed = _rows_to_see(of, span, rule, sessions)
    if window < 3 * horizon:
        raise InputError("window", window, f"at least {3 * horizon}, three horizons", "look back further")
    return window + needed


def _is_windowed(*, of: str, span: int, **_: object) -> bool:
    found, params = _indicator(of, span)
    return found.is_windowed(params)


def _rows_of_state(*, of: str, span: int, rule: str, sessions: int, memory: int, **_: float) -> int:
    return memory + _rows_to_see(of, span, rule, sessions)


@factor(
    unit="0 or 1",
    bounds=(0.0, 1.0),
    limits={"span": (0, 2520), "sessions": (1, 252), "memory": (1, 252)},
    lookback=_rows_of_state,
    windowed=_is_windowed,
)
def event_state(
    bars: Bars,
    *,
    of: str = "price_to_sma",
    span: int = 50,
    rule: str = "rises_through",
    level: float = 0.0,
    sessions: int = 1,
    memory: int = 21,
) -> Array:
    """1 while an event has occurred within the last `memory` sessions, this one included; else 0.

    Parameters
    ----------
    of, span
        The factor on which the event is seen, and its window; 0 leaves the factor's own.
    rule, level, sessions
        When it happens: see `occurrences.occurs`.

    Example
    -------
    >>> event_state(bars_from([1, 2, 3, 2, 2, 2]), of="roc", span=1, rule="falls_through", memory=2).tolist()
    [nan, nan, nan, 1.0, 1.0, 0.0]
    """
    n = len(bars.close)
    rows = _rows_of_state(of=of, span=span, rule=rule, sessions=sessions, memory=memory)
    result = np.full(n, np.nan)
    if n < rows:
        return result
    counts = np.concatenate([[0], np.cumsum(_seen(bars, of, span, rule, level, sessions))])
    result[rows - 1 :] = counts[rows:] > counts[rows - memory : n - memory + 1]
    return result


@factor(
    unit="log-odds of a rise",
    limits={"span": (0, 2520), "sessions": (1, 252), "window": (63, 5040), "prior": (1.0, 1000.0)},
    lookback=_rows,
    windowed=_is_windowed,
)
def event_lift(
    bars: Bars,
    *,
    of: str = "price_to_sma",
    span: int = 50,
    rule: str = "rises_through",
    level: float = 0.0,
    sessions: int = 1,
    horizon: int = 21,
    window: int = 1260,
    prior: float = 40.0,
) -> Array:
    """Shift in the log-odds of a rise that the past of an event suggests, 0 while no occurrence is recent.

    logit((u + prior b) / (n + prior)) - logit(b), u of n resolved cases within `window` rows having risen, b the share
    of rises over all resolved rows of them (of one more rise and one more fall, so that it is never certain)

    Parameters
    ----------
    of, span
        The factor on which the event is seen, and its window; 0 leaves the factor's own.
    rule, level, sessions
        When it happens: see `occurrences.occurs`.
    prior
        Imaginary cases at the base rate; overlapping cases are worth less than they number, hence a high default.

    Example
    -------
    Every rise is followed by a fall: of 31 cases none rose, half of all rows did; log((0 + 5) / (31 + 5)).

    >>> event_lift(bars_from([1, 2] * 40), of="roc", span=1, horizon=1, window=63, prior=10.0)[-1].round(4)
    np.float64(-1.9741)
    """
    n = len(bars.close)
    rows = _rows(of=of, span=span, rule=rule, sessions=sessions, horizon=horizon, window=window)
    result = np.full(n, np.nan)
    if n < rows:
        return result
    seen = _seen(bars, of, span, rule, level, sessions)
    result[rows - 1 :] = 0.0
    if not seen[rows - horizon :].any():  # the horizon before the first row asked for, and all that follow
        return result
    rise = np.zeros(n, dtype=bool)
    rise[:-horizon] = bars.close[horizon:] > bars.close[:-horizon]
    counts = np.zeros((3, n + 1))
    np.cumsum([seen, seen & rise, rise], axis=1, out=counts[:, 1:])
    # Row i knows the outcomes of rows up to i - horizon; `window` rows end at i.
    known = counts[:, rows - horizon : n - horizon + 1]
    cases, ups, base = known - counts[:, rows - window : n - window + 1]
    active = (counts[0, rows:] > known[0]) & (cases > 0)
    cases, ups, share = cases[active], ups[active], (base[active] + 1.0) / (window - horizon + 2.0)
    result[rows - 1 :][active] = _logit((ups + prior * share) / (cases + prior)) - _logit(share)
    return result


def _logit(share: Array) -> Array:
    # Not SciPy's: its import takes longer than a daily forecast spends on all factors.
    with np.errstate(divide="ignore"):
        return np.log(share / (1.0 - share))
