"""Misprints: prices as a provider delivers them now and then, and the table of where they are.

- `x10`, `x100`: one bar ten or a hundred times too high or too low;
- `split`: a split took effect, but for one to three sessions prices still come on the old basis;
- `stale`: the bar of the session before, repeated for three to six sessions;
- `zero`: one bar with prices of zero.

Half of them are corrected some sessions later: the right bar becomes known then, beside the wrong one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bullbear.data.companies.simulated.bars import Bars
from bullbear.data.companies.simulated.lives import WIDTH, Lives
from bullbear.data.companies.simulated.market import Market
from bullbear.data.simulated_process import stream

RATE = 0.004
"""Expected misprints of a kind per company and year, but for splits."""
OF_SPLITS = 0.08
"""Share of the splits that a provider applies late."""
CORRECTED = 0.5
CORRECTION = (2, 11)
"""Sessions until a correction, the end excluded."""
PRICES = ("open", "high", "low", "close")
_SINGLE = ("x10", "x100", "stale", "zero")
_YEAR = 252.0


def plant(
    market: Market, lives: Lives, bars: Bars, number: int, *, rate: float = RATE, of_splits: float = OF_SPLITS
) -> tuple[Bars, pd.DataFrame]:
    """The bars as first delivered, and the misprints in them.

    Returns
    -------
    The bars, and one row per wrong bar: `row` and `place` in the tables, `company` (number in the block), `kind`,
    `shown` and `true` (closes), `corrected` (the row of the session after whose close the right bar is known; -1:
    never).
    """
    n, width = lives.who.shape
    tables: dict[str, Any] = {name: getattr(bars, name).copy() for name in (*PRICES, "volume")}
    rng = stream(market.seed, f"companies {number} misprints")
    u = rng.random((n, WIDTH, 4))[:, :width]
    taken = np.zeros((n, width), dtype=bool)
    found: list[tuple[int, int, str, int]] = []
    for row, place in np.argwhere((bars.split != 1.0) & (u[..., 0] < of_splits)):
        length = 1 + int(3 * u[row, place, 1])
        found += [(row, place, "split", length)]
    chance = len(_SINGLE) * rate / _YEAR
    for row, place in np.argwhere(u[..., 2] < chance):
        kind = _SINGLE[int(u[row, place, 2] / chance * len(_SINGLE))]
        found += [(row, place, kind, 3 + int(4 * u[row, place, 1]) if kind == "stale" else 1)]
    rows = []
    for row, place, kind, length in found:
        company = int(lives.who[row, place])
        span = slice(row, row + length)
        # Five sessions of the same company before, no other misprint, halt or second corporate action near.
        around = slice(max(row - 6, 0), row + length + 6)
        inside = company >= 0 and lives.first[company] <= row - 6 and row + length + 6 <= lives.last[company] + 1
        quiet = inside and bars.traded[around, place].all() and not taken[around, place].any()
        if not quiet or (bars.split[around, place] != 1.0).sum() != (kind == "split"):
            continue
        taken[span, place] = True
        high = u[row, place, 1] < 0.5
        for name, table in tables.items():
            if kind == "stale":
                table[span, place] = table[row - 1, place]
            elif name == "volume":
                continue
            elif kind == "split":
                table[span, place] = np.round(table[span, place] * bars.split[row, place], 4)
            elif kind == "zero":
                table[span, place] = 0.0
            else:
                times = 10.0 if kind == "x10" else 100.0
                table[span, place] = np.round(table[span, place] * (times if high else 1.0 / times), 6)
        wait = CORRECTION[0] + int(u[row, place, 3] / CORRECTED * (CORRECTION[1] - CORRECTION[0]))
        corrected = row + length - 1 + wait if u[row, place, 3] < CORRECTED else -1
        corrected = corrected if corrected < n else -1
        for each in range(row, row + length):
            shown, true = tables["close"][each, place], bars.close[each, place]
            rows.append((each, place, company, kind, float(shown), float(true), corrected))
    table = pd.DataFrame(rows, columns=["row", "place", "company", "kind", "shown", "true", "corrected"])
    return replace(bars, **tables), table.sort_values(["place", "row"], ignore_index=True)
