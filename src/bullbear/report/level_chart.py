"""Levels, channel, double tops and bottoms, and breaks as known at one close, in that day's prices.

Everything is read through the view of that close, so a longer store gives the same chart. The rules are those of the
level factors (`factors.levels`) with their defaults, and so is the least history.

Factors work on dividend-adjusted prices. Here these are scaled so that the last close is the quoted one, and a level is
a price at which one could trade. An old extreme lies lower than it was quoted, by the dividends paid since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.as_of_session import session_as_of
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.documents import json_ready
from bullbear.errors import HistoryError
from bullbear.factors.engine.inputs import joint_bars
from bullbear.factors.engine.registry import Array, Bars
from bullbear.factors.levels.breaks import BREAKS, breaks
from bullbear.factors.levels.channels import channel
from bullbear.factors.levels.double_tops import TURNS, DoublePattern, double_patterns
from bullbear.factors.levels.horizontal_levels import LEVELS, SUPPORT, levels_at
from bullbear.factors.levels.swings import SwingRules, mean_true_range, swings

RULES = BREAKS
"""Which levels and breaks are drawn; a double top is shown as long after its end as a break is."""
CHANNEL_WINDOW = 126
LEAST_SESSIONS = LEVELS.rows
Side = Literal["support", "resistance"]
Stage = Literal["broken", "retested", "held", "undone"]


@dataclass(frozen=True)
class Touch:
    """A confirmed swing that makes part of a level."""

    session: pd.Timestamp
    price: float
    extreme: Literal["high", "low"]


@dataclass(frozen=True)
class DrawnLevel:
    """One level that stands at the close; `distance` is (price - close) / ATR, negative below the close.

    `known_from` is the session whose close confirmed the first touch; `turned_on` the last session whose close made
    resistance of support or support of resistance, None if none did. `strength` weighs touches by volume and age.
    """

    price: float
    band: float
    kind: Side
    distance: float
    touches: int
    high_touches: int
    strength: float
    first_touch: pd.Timestamp
    known_from: pd.Timestamp
    last_touch: pd.Timestamp
    turned_on: pd.Timestamp | None
    touched: tuple[Touch, ...]


@dataclass(frozen=True)
class DrawnChannel:
    """Both lines of the trend channel at the close, their slope in dollars a session, the width in ATRs.

    `position` is 0 on the lower line and 1 on the upper, None where the lines have crossed; `since` the oldest swing.
    """

    lower: float
    upper: float
    slope: float
    width: float
    position: float | None
    since: pd.Timestamp


@dataclass(frozen=True)
class DrawnPattern:
    """A double top or bottom; `completed_on`: the first close beyond the neckline; `over_on`: its end, None if open."""

    kind: Literal["double top", "double bottom"]
    first: pd.Timestamp
    second: pd.Timestamp
    known_from: pd.Timestamp
    first_price: float
    second_price: float
    neckline: float
    target: float
    completed_on: pd.Timestamp | None
    outcome: str
    over_on: pd.Timestamp | None


@dataclass(frozen=True)
class DrawnBreak:
    """A break of a level and the stage that it has reached, since `stage_since`; `side` is what broke."""

    session: pd.Timestamp
    side: Side
    price: float
    touches: int
    stage: Stage
    stage_since: pd.Timestamp


@dataclass(frozen=True)
class LevelChart:
    """Everything that is drawn; prices in dollars as shown at the close of `session`, arrays of shape (n_shown,).

    The last of `sessions` is the last bar known at that close: one session back where a bar is published later, as that
    of an index whose session ends after the exchange's.
    """

    ticker: str
    session: pd.Timestamp
    simulated: bool
    close: float
    atr: float
    levels: tuple[DrawnLevel, ...]
    """From the highest to the lowest."""
    channel: DrawnChannel | None
    patterns: tuple[DrawnPattern, ...]
    """Newest first: those that stand, and those that ended within `RULES.memory` sessions."""
    breaks: tuple[DrawnBreak, ...]
    """Newest first, of the last `RULES.memory` sessions."""
    sessions: pd.DatetimeIndex
    opens: Array
    highs: Array
    lows: Array
    closes: Array
    volumes: Array

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON, without the bars: days in ISO form."""
        return {
            "ticker": self.ticker,
            "as_of": str(self.session.date()),
            "last_bar": str(self.sessions[-1].date()),
            "simulated": self.simulated,
            "close": self.close,
            "atr": self.atr,
            "window_from": str(self.sessions[0].date()),
            "levels": json_ready(self.levels, days=True),
            "channel": json_ready(self.channel, days=True),
            "patterns": json_ready(self.patterns, days=True),
            "breaks": json_ready(self.breaks, days=True),
        }


def level_chart(
    store: Store, ticker: str, *, as_of: str | None = None, stored: pd.Timestamp | None = None
) -> LevelChart:
    """The chart at the close of the day `as_of`, or the last close before it; None: the last one stored.

    It is drawn from what the machine had stored by `stored`, if that is given.

    Raises
    ------
    NoDataError
        No bars of the ticker, or a day outside the data.
    HistoryError
        Fewer sessions by then than the level factors need, or prices that did not move.
    """
    asked = session_as_of(store, ticker, as_of, stored)
    view = store.as_of(sessions.closes(pd.DatetimeIndex([asked]))[0], stored=stored)
    bars = quoted_bars(view, ticker)
    count = len(bars.close)
    if count < LEAST_SESSIONS:
        raise HistoryError(
            f"history of {ticker} by {asked.date()}",
            f"{count} sessions",
            f"at least {LEAST_SESSIONS}, what the level factors read",
            "choose a later day or another ticker",
        )
    atr = float(mean_true_range(bars, RULES.atr)[-1])
    if np.isnan(atr):
        raise HistoryError(
            f"history of {ticker} by {asked.date()}",
            f"prices did not move for {RULES.atr} sessions",
            "prices that move",
            "choose another day or ticker",
        )
    days = pd.DatetimeIndex(bars.sessions)
    shown = slice(max(count - RULES.window, 0), None)
    return LevelChart(
        ticker=ticker,
        session=asked,
        simulated=store.is_simulated,
        close=float(bars.close[-1]),
        atr=atr,
        levels=_levels(bars, days, atr),
        channel=_channel(bars, days, atr),
        patterns=_patterns(bars, days),
        breaks=_breaks(bars, days),
        sessions=days[shown],
        opens=bars.open[shown],
        highs=bars.high[shown],
        lows=bars.low[shown],
        closes=bars.close[shown],
        volumes=bars.volume[shown],
    )


def quoted_bars(view: View, ticker: str) -> Bars:
    """The factors' adjusted bars, scaled to the close that was quoted at the view's instant."""
    frame = view.bars(ticker)
    (adjusted,), _ = joint_bars([frame])
    if not len(adjusted.close):
        return adjusted
    last = pd.DatetimeIndex(adjusted.sessions[-1:])
    scale = float(frame.loc[last, "close"].iloc[0]) / float(adjusted.close[-1])
    prices = {name: getattr(adjusted, name) * scale for name in ("open", "high", "low", "close")}
    return Bars(sessions=adjusted.sessions, volume=adjusted.volume, **prices)


def _levels(bars: Bars, days: pd.DatetimeIndex, atr: float) -> tuple[DrawnLevel, ...]:
    found = [
        DrawnLevel(
            price=level.price,
            band=level.band,
            kind=level.kind,
            distance=(level.price - float(bars.close[-1])) / atr,
            touches=level.touches,
            high_touches=level.high_touches,
            strength=level.strength,
            first_touch=days[level.born_row],
            known_from=days[level.known_row],
            last_touch=days[level.last_touch_row],
            turned_on=None if level.broken_row is None else days[level.broken_row],
            touched=touched,
        )
        for level, touched in zip(levels_at(bars, -1, RULES), _touched(bars, days), strict=True)
    ]
    return tuple(reversed(found))


def _touched(bars: Bars, days: pd.DatetimeIndex) -> list[tuple[Touch, ...]]:
    """The swings of each level, from the lowest level to the highest: `level_table` only counts them."""
    found = swings(bars, strength=RULES.strength)
    highs = [(row, 0, price) for row, price in zip(found.high_rows.tolist(), found.high_prices.tolist(), strict=True)]
    lows = [(row, 1, price) for row, price in zip(found.low_rows.tolist(), found.low_prices.tolist(), strict=True)]
    reach = RULES.tolerance * mean_true_range(bars, RULES.atr)
    centres: list[float] = []
    members: list[list[Touch]] = []
    for row, is_low, price in sorted(highs + lows):
        if row <= len(days) - 1 - RULES.window or np.isnan(reach[row + RULES.strength]):
            continue
        touch = Touch(days[row], price, "low" if is_low else "high")
        near = min(range(len(centres)), key=lambda each: (abs(centres[each] - price), centres[each]), default=None)
        if near is not None and abs(price - centres[near]) <= reach[row + RULES.strength]:
            members[near].append(touch)
            centres[near] += (price - centres[near]) / len(members[near])
        else:
            centres.append(price)
            members.append([touch])
    return [tuple(members[place]) for place in np.argsort(centres)]


def _channel(bars: Bars, days: pd.DatetimeIndex, atr: float) -> DrawnChannel | None:
    lines = channel(bars, SwingRules(RULES.strength, CHANNEL_WINDOW))
    lower, upper, slope = (float(line[-1]) for line in (lines.lower, lines.upper, lines.slope))
    if np.isnan(slope):
        return None
    found = swings(bars, strength=RULES.strength)
    rows = np.concatenate([found.high_rows, found.low_rows])
    oldest = int(rows[rows > len(days) - 1 - CHANNEL_WINDOW].min())
    width = upper - lower
    position = (float(bars.close[-1]) - lower) / width if width > 0.0 else None
    return DrawnChannel(lower, upper, slope, width / atr, position, days[oldest])


def _patterns(bars: Bars, days: pd.DatetimeIndex) -> tuple[DrawnPattern, ...]:
    last = len(days) - 1
    drawn = [
        _pattern("double top" if side == "top" else "double bottom", each, days)
        for side in TURNS
        for each in double_patterns(bars, side)
        if each.over_row > last - RULES.memory
    ]
    return tuple(sorted(drawn, key=lambda each: (each.known_from, each.kind), reverse=True))


def _pattern(
    kind: Literal["double top", "double bottom"], found: DoublePattern, days: pd.DatetimeIndex
) -> DrawnPattern:
    return DrawnPattern(
        kind=kind,
        first=days[found.first_row],
        second=days[found.second_row],
        known_from=days[found.known_row],
        first_price=found.first_price,
        second_price=found.second_price,
        neckline=found.neckline,
        target=found.target,
        completed_on=None if found.completed_row is None else days[found.completed_row],
        outcome=found.outcome,
        over_on=None if found.outcome == "open" else days[found.over_row],
    )


def _breaks(bars: Bars, days: pd.DatetimeIndex) -> tuple[DrawnBreak, ...]:
    found = breaks(bars, RULES)
    drawn = []
    for place in np.flatnonzero(found.row > len(days) - 1 - RULES.memory)[::-1].tolist():
        reached: list[tuple[Stage, int]] = [
            ("undone", int(found.undone[place])),
            ("held", int(found.held[place])),
            ("retested", int(found.returned[place])),
            ("broken", int(found.row[place])),
        ]
        stage, row = next(each for each in reached if each[1] >= 0)
        drawn.append(
            DrawnBreak(
                session=days[found.row[place]],
                side="support" if found.kind[place] == SUPPORT else "resistance",
                price=float(found.price[place]),
                touches=int(found.touches[place]),
                stage=stage,
                stage_since=days[row],
            )
        )
    return tuple(drawn)
