"""A market as arrays: what the compiled account reads instead of bars, instruments and slots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bullbear.decide.instruments import Instrument
from bullbear.decide.market import Floats, Market
from bullbear.decide.policy import Slot
from bullbear.errors import InputError

Ints = NDArray[np.int64]


OPEN, LOW, CLOSE, BASE, IMPACT = range(5)


class Tables(NamedTuple):
    """Prices, rates and costs by row of a market.

    `bars` (n_rows, 5, n_tickers): total-return prices at `OPEN`, `LOW` and `CLOSE`, NaN where unknown; trading `v` of a
    ticker costs the fraction `BASE` + `IMPACT` * sqrt(|v|) of it. `cash_return` (n_rows,): what a unit of cash earns
    from the close before. `ticker_of` (n_slots,): the column of each slot; slots are in their sorted order.
    """

    bars: Floats
    cash_return: Floats
    ticker_of: Ints


def tables(market: Market, instruments: Mapping[str, Instrument], slots: Sequence[Slot]) -> Tables:
    """The arrays of `market` for an account that holds `instruments` in these `slots`.

    Raises
    ------
    InputError
        The slots are not sorted or name an unknown ticker; an instrument expires, binds a margin or has a cost that is
        no square-root law: the compiled account has none of these.
    """
    if not slots or list(slots) != sorted(set(slots)):
        raise InputError("slots", list(slots), "at least one, sorted, none twice", "pass sorted(set(slots))")
    tickers = sorted({slot.ticker for slot in slots})
    for t in tickers:
        if t not in instruments:
            raise InputError("slots", t, ", ".join(sorted(instruments)) or "no instrument", "pass its instrument")
        if why := uncompiled(instruments[t]):
            raise InputError(f"instruments[{t}]", why, "a fund at its own prices", "walk the Python account")
    chosen = [instruments[t] for t in tickers]
    bars = np.empty((len(market.sessions), 5, len(tickers)))
    for row in range(len(bars)):
        for place, each in enumerate(chosen):
            bars[row, :, place] = (
                each.mark(market, row, "open"),
                each.low(market, row),
                each.mark(market, row, "close"),
                *each.cost_law(market, row),
            )
    days = market.sessions.to_numpy().astype("datetime64[D]").astype(np.int64)
    cash_return = np.zeros(len(bars))
    cash_return[1:] = np.array(market.rates[:-1]) * np.diff(days) / 365.0
    at = [tickers.index(slot.ticker) for slot in slots]
    return Tables(bars, cash_return, np.array(at, dtype=np.int64))


def uncompiled(instrument: Instrument) -> str:
    """Why the compiled account cannot hold an instrument; empty if it can."""
    kind = type(instrument)
    if instrument.expiry is not None:
        return f"expires on {instrument.expiry}"
    if kind.margin is not Instrument.margin:
        return "binds a margin"
    if kind.cost is not Instrument.cost:
        return "a cost of its own"
    return ""
