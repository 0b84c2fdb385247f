"""The reasons of the two agents: codes for the kernel, sentences for people.

A sentence has the numbers of its note in braces, as people write them; those that are prices come in prices of the day.
"""

from __future__ import annotations

import math

from bullbear.decide.agents.inputs import Note
from bullbear.wording import percent, points

START = 0
NEAR_SUPPORT, SUPPORT_HELD = 1, 2
SUPPORT_BROKEN, CHANNEL_BROKEN, DEATH_CROSS, LOWER_BREAK, REVERSAL_FAILED = 3, 4, 5, 6, 7
DEEP, STAYED_BELOW, BACK_AT_LEVEL, TURNED_BACK, EXHAUSTED, NEW_LOW = 8, 9, 10, 11, 12, 13
LEFT_OVERSOLD, DRY_LOWS, NO_NEW_LOW = 14, 15, 16
RECLAIMED, AVERAGE_RECLAIMED, MOMENTUM, GLIDE_OVER = 17, 18, 19, 20
BEAR_OFF, NO_DECLINE, OUTLOOK_CALM, OUTLOOK_CLEARED, NO_FUND, TOO_LATE = 30, 31, 32, 33, 34, 35
TIER_OPENED, BEAR_KEPT, BEAR_STOPPED, WAITS_FOR_BREAK, FUND_WITHOUT_PRICE = 36, 37, 38, 39, 40
GLIDING, GLIDED, REVERSED = 41, 42, 43
NO_OVERLAY, OVERLAY_OPENED, OVERLAY_KEPT, OVERLAY_STOPPED, OVERLAY_WITHOUT_BEAR = 50, 51, 52, 53, 54
OVERLAY_RECOVERED, OVERLAY_PROFIT, OVERLAY_EXPIRED = 55, 56, 57
SPREAD_OPENED, SPREAD_KEPT, SPREAD_UNPRICED, SPREAD_NOT_BOUGHT, SPREAD_PAID_OUT = 70, 71, 72, 73, 74
BASE_TRADED, BASE_KEPT, BASE_MADE_ROOM = 60, 61, 62

_SENTENCES = {
    START: "no support has been broken since the account began",
    NEAR_SUPPORT: "the close is {y_away} the support {x:.2f}",
    SUPPORT_HELD: "the close rose {y:.1f} ATRs above support at {x:.2f}",
    SUPPORT_BROKEN: "closes below the support {x:.2f}, the last {y:.1f} ATRs under it; {witnesses}",
    CHANNEL_BROKEN: "closes below the channel at {x:.2f}, the last {y:.1f} ATRs under it; {witnesses}",
    DEATH_CROSS: "the fast average is {y_gap} below the slow one at {x:.2f}, the close below it too; {witnesses}",
    LOWER_BREAK: "the lower support {x:.2f} broke too, the close {y:.1f} ATRs under it",
    REVERSAL_FAILED: "the reversal failed: closes below {x:.2f}, the last {y:.1f} ATRs under it",
    DEEP: "the low is {y:.1f} ATRs below {x:.2f}, where the decline began",
    STAYED_BELOW: "{y:.0f} sessions below the broken level {x:.2f}, and below the average",
    BACK_AT_LEVEL: "back at the broken level {x:.2f}, {y:.1f} ATRs under it",
    TURNED_BACK: "the broken level {x:.2f} turned the price back, {y:.1f} ATRs under it",
    EXHAUSTED: "a new low at an RSI of {x:.0f} on {y:.1f} times the usual volume, {z:.1f} ATRs below the first break",
    NEW_LOW: "a new low at {x:.2f}",
    LEFT_OVERSOLD: "no close below {x:.2f} for {y:.0f} sessions, and the RSI has left oversold ({z:.0f})",
    DRY_LOWS: "no close below {x:.2f} for {y:.0f} sessions, and that low was made on {z_percent} of the usual volume",
    NO_NEW_LOW: "no close below {x:.2f} for {y:.0f} sessions",
    RECLAIMED: "the broken level {x:.2f} is reclaimed, the close {y:.1f} ATRs above it",
    AVERAGE_RECLAIMED: "the slow average {x:.2f} is reclaimed, the close {y_gap} above it",
    MOMENTUM: "{y:.1f} ATRs above the low {x:.2f} at an RSI of {z:.0f}",
    GLIDE_OVER: "the reversal has stood for {x:.0f} sessions",
    BEAR_OFF: "the Bear is switched off",
    NO_DECLINE: "no broken support: no hedge",
    OUTLOOK_CALM: "the outlook sees {x:.2f} times the usual danger; a hedge opens from {y:.2f} times on",
    OUTLOOK_CLEARED: "the outlook sees {x:.2f} times the usual danger, and a hedge needs {y:.2f} times: it is closed",
    NO_FUND: "no inverse fund has a price on this day: cash instead",
    TOO_LATE: "the decline may be over: no new hedge",
    TIER_OPENED: "tier {x:.0f} of 3 opens: {y_percent} of equity, which hedges {z_percent}",
    BEAR_KEPT: "tier {x:.0f} of 3 stays: {y_percent} of equity, which hedges {z_percent}",
    BEAR_STOPPED: "the stop at {x:.2f} sold the hedge: none until the next break",
    WAITS_FOR_BREAK: "a stop sold the hedge in this decline: none until the next break",
    FUND_WITHOUT_PRICE: "the fund has no price on this day: {x_percent} stays held",
    GLIDING: "reversal, session {x:.0f} of {y:.0f}: down to {z_percent} of equity",
    GLIDED: "the reversal stands: the hedge is closed",
    REVERSED: "a reversal: no new hedge",
    NO_OVERLAY: "no overlay",
    OVERLAY_OPENED: "overlay on an RSI of {x:.0f}: {z_percent} of equity beside a hedge of {y_percent}",
    OVERLAY_KEPT: "overlay stays: {x_percent} of equity, at most {y_percent} beside the hedge",
    OVERLAY_STOPPED: "the overlay was stopped out at {x:.2f}",
    OVERLAY_WITHOUT_BEAR: "no hedge any more: the overlay is closed",
    OVERLAY_RECOVERED: "overlay closed with the RSI at {x:.0f}, {y:.0f} or more",
    OVERLAY_PROFIT: "overlay closed {y:.1f} ATRs above its entry",
    OVERLAY_EXPIRED: "overlay closed after {x:.0f} sessions",
    SPREAD_OPENED: "call spread on an RSI of {x:.0f}: a premium of {y_fine} of equity for an exposure of {z_percent}",
    SPREAD_KEPT: "call spread stays: {x_fine} of equity",
    SPREAD_UNPRICED: "no overlay on an RSI of {x:.0f}: without an implied volatility no call spread can be priced",
    SPREAD_NOT_BOUGHT: "the call spread is not held: no open had a price for it, or it is worth nothing",
    SPREAD_PAID_OUT: "the call spread is over: it has expired, or is worth nothing",
    BASE_TRADED: "{y_percent} is held: to be brought to {x_percent}",
    BASE_KEPT: "{y_percent} is held: no trade for less than {z_points}",
    BASE_MADE_ROOM: "cut from {x_percent} to {y_percent} to make room for the hedge",
}
_PRICE_IN_X = {
    NEAR_SUPPORT,
    SUPPORT_HELD,
    SUPPORT_BROKEN,
    CHANNEL_BROKEN,
    DEATH_CROSS,
    LOWER_BREAK,
    REVERSAL_FAILED,
    DEEP,
    STAYED_BELOW,
    BACK_AT_LEVEL,
    TURNED_BACK,
    NEW_LOW,
    LEFT_OVERSOLD,
    DRY_LOWS,
    NO_NEW_LOW,
    RECLAIMED,
    AVERAGE_RECLAIMED,
    MOMENTUM,
    BEAR_STOPPED,
    OVERLAY_STOPPED,
}
CODES = tuple(_SENTENCES)


def priced(code: int) -> bool:
    """Whether the first number of a reason is a total-return price."""
    return code in _PRICE_IN_X


def sentence(note: Note, unit: float = 1.0) -> str:
    """The reason in words; `unit` turns total-return prices into those of the day.

    Example
    -------
    >>> sentence(Note(NEW_LOW, 100.0, math.nan, math.nan), unit=1.5)
    'a new low at 150.00'
    """
    if note.code == SUPPORT_HELD and math.isnan(note.x):
        return "no confirmed support stands below the close"
    x, y, z = note.x * unit if priced(note.code) else note.x, note.y, note.z
    if note.code == BASE_KEPT and percent(x) == percent(y):
        return f"{percent(y)} is held, as wanted"
    return _SENTENCES[note.code].format(
        x=x,
        y=y,
        z=z,
        x_percent=percent(x),
        y_percent=percent(y),
        z_percent=percent(z),
        x_fine=percent(x, 2),
        y_fine=percent(y, 2),
        y_gap=percent(abs(y)),
        y_away=f"{abs(y):.1f} ATRs {'below' if y < 0.0 else 'above'}",
        z_points=points(z),
        witnesses=_witnesses(z),
    )


def _witnesses(found: float) -> str:
    if found > 0.0:
        return "shorts or sectors confirm it"
    return "short interest and sectors do not confirm it, or are unknown"
