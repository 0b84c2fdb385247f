"""Screened prices for outcomes, in which a misprint is only what the sessions after it show to be one.

The screen judges a price at its close: one that no trading explains may be a misprint or a crash. A label or an account
is settled later. Here a price is read at another scale only if the company returned to its level within `SETTLED`
sessions, or if it undoes a split that was recorded; a level that lasts is counted as printed. What has no verdict in
that time is left out. So a row reads `SETTLED` rows more than its own: who learns from an outcome must wait for them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bullbear.data.companies.panel import Array, BoolArray, Panel
from bullbear.group.price_screen import LASTING, LATE, Reason
from bullbear.group.screening import Screen, screen

SETTLED = LASTING
"""Sessions after a bar within which its price is settled."""
_DOUBTED = (Reason.DECIMAL, Reason.SPLIT, Reason.JUMP, Reason.RANGE)


def settled(panel: Panel) -> Panel:
    """The panel to compute outcomes on; row i reads rows up to i + `SETTLED` only."""
    screened = screen(panel, crowd=False)  # an outcome depends on no other company
    clean = screened.clean
    doubted = np.isin(screened.reason, _DOUBTED) & (panel.close > 0)
    split, agreed = _agreed_splits(screened, doubted)
    printed, left_out = _verdicts(panel, clean.close, doubted, agreed)

    def read(name: str) -> Array:
        found = np.where(printed, getattr(panel, name), getattr(clean, name))
        return np.where(left_out, np.nan, found)

    tables: dict[str, Any] = {name: read(name) for name in ("open", "high", "low", "close")}
    volume = np.where(printed & (screened.volume_reason == 0), panel.volume, clean.volume)
    return replace(clean, **tables, volume=volume, split=split)


def _agreed_splits(screened: Screen, doubted: BoolArray) -> tuple[Array, BoolArray]:
    """Recorded splits, less those that prices never followed, and the bars read at the scale of such a correction.

    What corrects a company's wrong first prices stays, too.
    """
    recorded, found = screened.panel.split, screened.clean.split
    split, agreed = recorded.copy(), np.zeros(recorded.shape, dtype=bool)
    for row, column in np.argwhere(found != recorded).tolist():
        earlier = recorded[max(row - SETTLED - LATE, 0) : row, column]
        added = found[row, column] / recorded[row, column]
        undone = (earlier != 1) & (np.abs(np.log(earlier * added)) < 1e-9)
        if undone.any() or screened.rebased[row, column] != 1:
            split[row, column] = found[row, column]
            first = max(row - SETTLED, 0)
            run = np.flatnonzero(~doubted[first:row, column])
            agreed[first + (int(run[-1]) + 1 if len(run) else 0) : row, column] = True
    return split, agreed


def _verdicts(panel: Panel, clean: Array, doubted: BoolArray, agreed: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Doubted prices that are right as printed, and those that nothing settles."""
    printed, left_out = np.zeros(panel.shape, dtype=bool), np.zeros(panel.shape, dtype=bool)
    sure = ~doubted & (panel.close > 0)
    for row, column in np.argwhere(doubted & ~agreed).tolist():
        close, split = panel.close[:, column], panel.split[:, column]
        after = row + 1 + np.flatnonzero(sure[row + 1 : row + 1 + SETTLED, column])
        if not len(after):
            left_out[row, column] = True
            continue
        followed = np.log(close[after[0]] * np.prod(split[row + 1 : after[0] + 1]) / close[row])
        read = np.log(clean[row, column] / close[row])
        if np.isnan(read):  # set aside: a misprint if what followed is nearer to the price before
            before = np.flatnonzero(sure[:row, column])[-1:]
            read = (
                np.log(close[before] / np.prod(split[int(before[0]) + 1 : row + 1]) / close[row])[0]
                if len(before)
                else 0.0
            )
        printed[row, column] = abs(followed) < abs(followed - read)
    return printed, left_out
