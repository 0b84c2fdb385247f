"""What a decision says: sleeves, stops, what would change its mind, and the trend that it sees."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Literal, Self

import pandas as pd

from bullbear.decide.instruments import CASH, Instrument
from bullbear.decide.state import Slot
from bullbear.errors import InputError

_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_ROUNDING = 1e-9  # weights are quotients of floats; their sum may miss one by as much


@dataclass(frozen=True, slots=True)
class Stop:
    """A level in prices of the day: a close below an exit sells, one at a re-entry buys.

    `multiple` is a distance in ATRs: that of an exit from the highest close, the least of a re-entry from the lowest.
    An exit that is `resting` is an order in the market and sells as soon as the price trades there.
    """

    ticker: str
    level: float
    atr: float
    multiple: float
    side: Literal["exit", "reentry"]
    resting: bool = False


_ACTIONS = {
    "exit": "sells",
    "re-entry": "buys back",
    "stop": "is stopped out",
    "overlay profit": "takes the profit of its overlay",
    "overlay stop": "is stopped out of its overlay",
    **{f"tier {tier}": f"opens tier {tier} of its hedge" for tier in (1, 2, 3)},
}


@dataclass(frozen=True, slots=True)
class Trigger:
    """What an agent would do next, and at which price of the day: `action` on `side` of `level`.

    `invalid` is the price beyond which the plan lapses, on the side of `level` from which it lies; None for none.
    `closes` in a row it takes.
    """

    agent: str
    action: str
    ticker: str
    side: Literal["close above", "close below", "trades at or below"]
    level: float
    invalid: float | None = None
    closes: int = 1

    @property
    def sentence(self) -> str:
        """In words.

        >>> Trigger("bear", "tier 2", "IWM", "close above", 193.4, 187.2).sentence
        'The Bear opens tier 2 of its hedge on a close of IWM above 193.40, unless one below 187.20 comes first'
        >>> Trigger("bear", "tier 1", "IWM", "close below", 150.0, closes=2).sentence
        'The Bear opens tier 1 of its hedge on the second close of IWM in a row below 150.00'
        """
        side = self.side.removeprefix("close ")
        if self.side == "trades at or below":
            when = f"when {self.ticker} trades at or below"
        elif self.closes == 1:
            when = f"on a close of {self.ticker} {side}"
        else:
            when = f"on the {_ordinal(self.closes)} close of {self.ticker} in a row {side}"
        said = f"The {self.agent.capitalize()} {_ACTIONS.get(self.action, self.action)} {when} {self.level:.2f}"
        if self.invalid is None:
            return said
        return f"{said}, unless one {'below' if self.invalid < self.level else 'above'} {self.invalid:.2f} comes first"

    def to_json(self) -> dict[str, Any]:
        """Its fields and its `sentence`."""
        return {**asdict(self), "sentence": self.sentence}


@dataclass(frozen=True, slots=True)
class TrendState:
    """The trend that a policy sees: its state, the session since which it lasts, and why it was entered.

    `changed` is true at the close that entered it.
    """

    name: str
    since: date
    reason: str
    changed: bool = False

    def to_json(self) -> dict[str, Any]:
        """Its fields, the day as YYYY-MM-DD."""
        return {**asdict(self), "since": self.since.isoformat()}


@dataclass(frozen=True, slots=True)
class Sleeve:
    """A position that one agent wants from the next open on, and why.

    `weight` is a fraction of equity, `tier` how far its agent has stepped in; `priced` is False where the instrument
    has no price and the sleeve stays in cash. Two sleeves may hold the same instrument. `stop` is a resting order that
    sells all of the sleeve: a total-return price, in the market from the next open until the next decision; None for
    none. `stops` show levels in prices of the day and trade nothing.
    """

    name: str
    agent: str
    instrument: Instrument
    weight: float
    reasons: tuple[str, ...] = ()
    stops: tuple[Stop, ...] = ()
    tier: int = 0
    priced: bool = True
    stop: float | None = None

    @property
    def slot(self) -> Slot:
        """Its place in the account."""
        return Slot(self.instrument.ticker, self.name, self.agent)


@dataclass(frozen=True, slots=True)
class Stance:
    """A decision: all sleeves, those that want nothing included; what they leave is cash.

    `sold` are the tickers held that no sleeve names: they are sold at the next open. `triggers` say what would come
    next; `trend` is the state of the trend under a policy that has one.
    """

    decided_at: pd.Timestamp
    sleeves: tuple[Sleeve, ...]
    sold: tuple[str, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    trend: TrendState | None = None

    @property
    def positions(self) -> dict[str, float]:
        """Target weights by ticker, and CASH; together they make one."""
        found: dict[str, float] = {}
        for sleeve in self.sleeves:
            if sleeve.instrument.ticker != CASH:
                found[sleeve.instrument.ticker] = found.get(sleeve.instrument.ticker, 0.0) + sleeve.weight
        cash = 1.0
        for weight in found.values():
            cash -= weight
        return {**found, **dict.fromkeys(self.sold, 0.0), CASH: max(0.0, cash)}

    @property
    def stops(self) -> tuple[Stop, ...]:
        """The exits that stand."""
        return tuple(stop for sleeve in self.sleeves for stop in sleeve.stops if stop.side == "exit")

    def telling(self, modelled: Collection[str]) -> Self:
        """The same stance; what is wanted of tickers with a modelled price says so among its reasons."""
        if not modelled:
            return self
        told = [
            replace(each, reasons=(*each.reasons, each.instrument.modelled_reason))
            if each.instrument.ticker in modelled and each.weight > 0.0
            else each
            for each in self.sleeves
        ]
        return replace(self, sleeves=tuple(told))

    @property
    def reentries(self) -> tuple[Stop, ...]:
        """The levels at which a stopped position returns."""
        return tuple(stop for sleeve in self.sleeves for stop in sleeve.stops if stop.side == "reentry")

    @property
    def tier(self) -> int:
        """The Bear's tier."""
        return max((sleeve.tier for sleeve in self.sleeves if sleeve.agent == "bear"), default=0)

    def to_json(self) -> dict[str, Any]:
        """The keys `agents`, `positions`, `stops`, `reentries`, `triggers` and `trend` of `forecast --json`."""
        names = dict.fromkeys(("bull", "bear", *(sleeve.agent for sleeve in self.sleeves)))
        return {
            "agents": {name: self._agent(name) for name in names},
            "positions": self.positions,
            "stops": self._levels("exit"),
            "reentries": self._levels("reentry"),
            "triggers": [trigger.to_json() for trigger in self.triggers],
            "trend": None if self.trend is None else self.trend.to_json(),
        }

    def _levels(self, side: str) -> list[dict[str, Any]]:
        return [
            {**asdict(stop), "sleeve": sleeve.name, "agent": sleeve.agent}
            for sleeve in self.sleeves
            for stop in sleeve.stops
            if stop.side == side
        ]

    def _agent(self, name: str) -> dict[str, Any]:
        own = [sleeve for sleeve in self.sleeves if sleeve.agent == name]
        shown = [sleeve.instrument.ticker for sleeve in own if sleeve.priced] or [CASH]
        return {
            "weight": sum((sleeve.weight for sleeve in own), 0.0),
            "instrument": " + ".join(dict.fromkeys(shown)),
            **({} if name == "bull" else {"tier": max((sleeve.tier for sleeve in own), default=0)}),
            "reasons": [reason for sleeve in own for reason in sleeve.reasons],
            "sleeves": [
                {
                    "name": sleeve.name,
                    "ticker": sleeve.instrument.ticker,
                    "weight": sleeve.weight,
                    "tier": sleeve.tier,
                    "reasons": list(sleeve.reasons),
                }
                for sleeve in own
                if sleeve.priced
            ],
        }

    def targets(self) -> dict[Slot, float]:
        """Weights by slot.

        Raises
        ------
        InputError
            Two sleeves have one name and agent, a weight is negative or NaN, or all together exceed one.
        """
        found = {sleeve.slot: sleeve.weight for sleeve in self.sleeves}
        if len(found) < len(self.sleeves):
            raise InputError("stance.sleeves", "two of one name", "one sleeve for each name", "rename one")
        for sleeve in self.sleeves:
            if not 0.0 <= sleeve.weight < math.inf:
                raise InputError(f"stance.{sleeve.name}", sleeve.weight, "a weight from 0", "correct the policy")
        total = sum(found.values())
        if total > 1.0 + _ROUNDING:
            raise InputError("stance.sleeves", total, "weights that sum to at most 1", "correct the policy")
        return found

    def resting(self) -> dict[Slot, float]:
        """The resting stops, by slot.

        Raises
        ------
        InputError
            One is no finite price above 0.
        """
        found = {sleeve.slot: sleeve.stop for sleeve in self.sleeves if sleeve.stop is not None}
        for slot, stop in found.items():
            if not 0.0 < stop < math.inf:
                raise InputError(f"stance.{slot.sleeve}.stop", stop, "a finite price above 0", "correct the policy")
        return found


def _ordinal(number: int) -> str:
    return _ORDINALS[number - 1] if number <= len(_ORDINALS) else f"{number}th"
