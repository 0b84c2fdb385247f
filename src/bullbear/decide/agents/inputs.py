"""What the two agents see at a close; NaN is unknown, and each function says what it then does."""

from __future__ import annotations

import math
from typing import NamedTuple


class Fund(NamedTuple):
    """An inverse fund at this close.

    `close` and `atr` are total-return prices, `multiple` is negative (0: there is no such fund), `expense` a fraction a
    year, `held` a fraction of equity. `stopped`: its stop was filled since the last decision.
    """

    close: float
    atr: float
    multiple: float
    expense: float
    held: float
    stopped: bool


class Funds(NamedTuple):
    """The inverse funds that the Bear may choose from; all three are there, some perhaps without a multiple."""

    first: Fund
    second: Fund
    third: Fund


class Inputs(NamedTuple):
    """One close of the fund that the policy is about, and what is held.

    `close`, `atr`, `support` (nearest confirmed one) and `channel` (lower line) are total-return prices. `atr_ratio` is
    the ATR against its year's mean, `sma_gap` the fast average over the slow one less 1, `sma` the close over the slow
    one less 1, `rsi` 0 to 100, `volume` a ratio to the usual, `short_volume` a standard score, `short_interest` a log
    change, `sector_weakness` 0 to 1. Probabilities come with their base rates; `score_up` and `score_up_base` are the
    normal quantiles of P(up) and its base rate, `horizon` the years of a forecast; `volatility` and
    `volatility_forecast` are fractions a year. `overlay_multiple` is the index exposure per unit of weight of the call
    spread that is held or could be opened. `*_held` are fractions of equity.
    """

    close: float
    atr: float
    atr_ratio: float
    support: float
    channel: float
    sma_gap: float
    sma: float
    rsi: float
    volume: float
    short_volume: float
    short_interest: float
    sector_weakness: float
    p_up: float
    p_up_base: float
    score_up: float
    score_up_base: float
    p_dip: float
    p_dip_base: float
    volatility: float
    volatility_forecast: float
    horizon: float
    overlay_multiple: float
    base_held: float
    overlay_held: float
    overlay_stopped: bool
    bears: Funds


class Note(NamedTuple):
    """A reason: its code (`reasons.py` has the sentence) and the numbers in it; NaN where it needs none."""

    code: int
    x: float
    y: float
    z: float


def noted(code: int, x: float = math.nan, y: float = math.nan, z: float = math.nan) -> Note:
    """A note, whatever the kind of its numbers."""
    return Note(code, float(x), float(y), float(z))
