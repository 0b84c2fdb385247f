"""The largest movers of a group, each with a verdict: did it really move, and did anybody trade it?

Ranked by the growth of the screened price, so that a misprint does not take the place of a move. Bars that the screen
found within the same sessions follow in a list of their own, with the growth as printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from bullbear.data.companies.panel import Array, BoolArray
from bullbear.group.price_screen import THIN, is_traded
from bullbear.group.returns import price_growth, share_value
from bullbear.group.screening import Reason, Screen

WEEK = 5
"""Sessions over which movers are ranked."""
BEFORE = 63
"""Sessions before those, whose median volume is the usual one."""
USUAL = 6.0
"""A session's move below this many usual ones is no jump, and needs no confirmation by volume."""


class Verdict(StrEnum):
    """What is to be thought of a move."""

    CONFIRMED = "confirmed"
    """Traded as a real move is, or made in sessions of usual size, or held by the closes that followed."""
    THIN = "thin trading"
    """Usually less than 50,000 dollars a day, or no trade on two of the sessions: the price says little."""
    UNCONFIRMED = "unconfirmed"
    """A jump without the volume of one, in the last two sessions; it may be a misprint too small for the screen."""
    SPLIT = "split"
    """A split that was not recorded or not applied; the figures apply it."""
    MISPRINT = "suspected misprint"
    """Found by the screen; the figures use the corrected price, or the last one before."""


@dataclass(frozen=True)
class Mover:
    """One company that moved.

    Parameters
    ----------
    column
        Of the panel.
    growth
        Over `sessions` sessions, splits applied; as printed where the verdict is a split or a misprint.
    volume_ratio
        Mean volume of those sessions over the usual one; NaN where there is none.
    """

    column: int
    growth: float
    sessions: int
    volume_ratio: float
    verdict: Verdict


def movers(screened: Screen, member: BoolArray, count: int, sessions: int = WEEK) -> list[Mover]:
    """The `count` largest rises, the `count` largest falls, and at most `count` moves that the screen found.

    Parameters
    ----------
    member
        Who is asked about, shape (n_companies,).
    """
    clean = screened.clean
    if count <= 0 or len(clean.sessions) <= sessions:
        return []
    growth = price_growth(clean, sessions)[-1]
    growth[~member | np.isnan(clean.close[-1])] = np.nan
    ratio = volume_ratio(screened, sessions)
    known = np.flatnonzero(np.isfinite(growth))
    order = known[np.argsort(growth[known], kind="stable")]
    rises = [column for column in order[::-1][:count] if growth[column] > 0]
    falls = [column for column in order[:count] if growth[column] < 0]
    found = [_mover(screened, int(column), growth, ratio, sessions) for column in (*rises, *falls)]
    return found + _wrong(screened, member, ratio, count, sessions)


def volume_ratio(screened: Screen, sessions: int) -> Array:
    """Mean volume of the last sessions over the median of the 63 before, shape (n_companies,)."""
    clean = screened.clean
    shares = clean.volume / np.cumprod(clean.split, axis=0)
    now, before = shares[-sessions:], np.sort(shares[-sessions - BEFORE : -sessions], axis=0)
    given = np.sum(~np.isnan(before), axis=0)
    usual = before[np.maximum(given - 1, 0) // 2, np.arange(before.shape[1])] if len(before) else np.zeros(len(given))
    traded = np.sum(~np.isnan(now), axis=0)
    ratio = np.nansum(now, axis=0) / np.maximum(traded, 1) / np.where(usual > 0, usual, np.nan)
    return np.where((given > 0) & (traded > 0), ratio, np.nan)


def _mover(screened: Screen, column: int, growth: Array, ratio: Array, sessions: int) -> Mover:
    verdict = _verdict(screened, column, sessions)
    return Mover(column, float(growth[column]), sessions, float(ratio[column]), verdict)


def _verdict(screened: Screen, column: int, sessions: int) -> Verdict:
    unusual, move = screened.unusual, screened.move[-sessions:, column]
    absent = np.count_nonzero(np.isnan(screened.clean.close[-sessions:, column]))
    if absent >= 2 or unusual.dollars[-sessions, column] < THIN:
        return Verdict.THIN
    row = int(np.argmax(np.abs(move)))
    before = screened.move[-sessions - BEFORE : -sessions, column]
    usual = max(1.25 * float(np.mean(np.minimum(np.abs(before), 0.2))), 0.005) if len(before) else 0.03
    size = np.array([move[row]])
    place = len(screened.move) - sessions + row
    traded = is_traded(size, unusual.volume[place, [column]], unusual.span[place, [column]])[0]
    after = float(np.sum(move[row + 1 :]))
    held = row < sessions - 2 and np.sign(move[row]) * (move[row] + after) > 0.5 * abs(move[row])
    small = abs(move[row]) < max(USUAL * usual, 0.1)
    return Verdict.CONFIRMED if traded or held or small else Verdict.UNCONFIRMED


def _wrong(screened: Screen, member: BoolArray, ratio: Array, count: int, sessions: int) -> list[Mover]:
    """Companies whose printed price moved by what the screen found, the largest first."""
    reason = screened.reason[-sessions - 1 :]
    shown = np.isin(reason, (Reason.DECIMAL, Reason.SPLIT, Reason.JUMP, Reason.RANGE, Reason.ZERO))
    printed = share_value(screened.panel)[-sessions - 1 :]
    moves = []
    for column in np.flatnonzero(member & shown.any(axis=0)):
        prices = printed[:, column]
        row = int(np.flatnonzero(shown[:, column])[-1])
        others = prices[~shown[:, column] & (prices > 0)]
        if not len(others):
            continue
        growth = float(prices[row] / others[0] - 1)
        split = reason[row, column] == Reason.SPLIT
        verdict = Verdict.SPLIT if split else Verdict.MISPRINT
        moves.append(Mover(int(column), growth, sessions, float(ratio[column]), verdict))
    return sorted(moves, key=lambda each: -abs(each.growth))[:count]
