"""From a probability to two positions: bands, a volatility cap, a trailing stop, and no trade that is not worth it.

The Bull holds the long fund, the Bear the inverse fund, cash the rest; at most one of them stands in the market. With a
forecast that stays near the base rate the rule stays near its neutral weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from bullbear.decide.instruments import CASH, Cash, Instrument, Tradable, exposed
from bullbear.decide.policy import (
    POLICIES,
    Forecast,
    Needs,
    Policy,
    Sleeve,
    Stance,
    State,
    Stop,
    Trigger,
    named_as_sold,
)
from bullbear.errors import InputError
from bullbear.wording import percent, points

_ROUNDING = 1e-9  # weights are quotients of floats; their sum may miss one by as much


class Tier(IntEnum):
    """How deep the probability stands below the Bear's threshold."""

    NONE = 0
    HALF = 1
    FULL = 2


@dataclass(frozen=True, slots=True)
class Level:
    """A level judged at closes, in total-return prices: a close below an `exit` sells, one at a `reentry` buys.

    A `reentry` remembers the exit level that sold.
    """

    side: Literal["exit", "reentry"]
    level: float
    sold_below: float | None = None

    def __post_init__(self) -> None:
        if self.side not in ("exit", "reentry"):
            raise ValueError(f"{self.side!r} is neither exit nor reentry")
        for value in (self.level, self.sold_below):
            if value is not None and not 0.0 <= value < math.inf:
                raise ValueError(f"the level {value} is no finite number from 0")

    def to_json(self) -> dict[str, Any]:
        """A document of plain values."""
        return {"side": self.side, "level": self.level, "sold_below": self.sold_below}

    def scaled(self, factor: float) -> Level:
        """The same level for prices that are `factor` times as high."""
        sold_below = None if self.sold_below is None else self.sold_below * factor
        return Level(self.side, self.level * factor, sold_below)


@dataclass(frozen=True)
class BandMemory:
    """The levels that stand, by ticker, and the Bear's tier."""

    levels: Mapping[str, Level] = field(default_factory=dict)
    tier: Tier = Tier.NONE

    @property
    def tickers(self) -> tuple[str, ...]:
        """Those with a level."""
        return tuple(self.levels)

    def rescaled(self, scales: Mapping[str, float]) -> Self:
        """Levels in prices that are `scales` times as high."""
        return type(self)({t: each.scaled(scales.get(t, 1.0)) for t, each in self.levels.items()}, self.tier)

    def to_json(self) -> dict[str, Any]:
        """A document that `BandPolicy.recall` reads."""
        return {"levels": {t: each.to_json() for t, each in self.levels.items()}, "tier": int(self.tier)}


@POLICIES.register
class BandPolicy(Policy):
    """Three bands of P(up).

    Bull band `p >= bull_above`: `bull_weight` of the bull fund. Bear band `p <= bear_below`: half of `bear_weight` of
    the bear fund, all of it from `bear_step` deeper. Between them `neutral_weight` of the bull fund. Then, per leg:
    weight * |multiple| * volatility is capped at `volatility_cap`; a close below the trailing stop (highest close less
    `stop_atr_multiple` ATRs, 0 for none) empties the leg; and a change smaller than `rebalance_threshold` is not
    traded, unless to zero.

    A stopped leg comes back at a close at the re-entry level: the level that sold it or, once the price has fallen
    further, `stop_atr_multiple` ATRs above the lowest close since, but never less than `reentry_atr_multiple` ATRs
    above that low: the close after an exit often regains the exit level, and to buy there buys noise back at a higher
    price. A session's standard deviation is some 0.7 ATRs, two of them over a week some 3.2. A re-entry level follows
    the low down and never rises. A leg that its band does not want keeps no level.

    Example
    -------
    >>> BandPolicy(bull_above=0.58).band(0.58)
    'bull'
    """

    kind: Literal["band"] = "band"
    bull_above: float = Field(default=0.60, gt=0, lt=1)
    bear_below: float = Field(default=0.45, gt=0, lt=1)
    bear_step: float = Field(default=0.05, ge=0, lt=1)
    bull_weight: float = Field(default=1.0, ge=0, le=1)
    neutral_weight: float = Field(default=0.6, ge=0, le=1)
    bear_weight: float = Field(default=0.30, ge=0, le=1)
    volatility_cap: float = Field(default=0.20, gt=0)
    volatility_window: int = Field(default=21, ge=2, le=504)
    stop_atr_multiple: float = Field(default=3.0, ge=0)
    reentry_atr_multiple: float = Field(default=3.0, gt=0)
    atr_window: int = Field(default=14, ge=2, le=252)
    rebalance_threshold: float = Field(default=0.05, ge=0, lt=1)
    bull_instrument: Annotated[Tradable, exposed(1)] = Field(default="IWM", validate_default=True)
    bear_instrument: Annotated[Tradable, exposed(-1, or_cash=True)] = Field(default="TWM", validate_default=True)
    """Cash where there is no Bear."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.bear_below >= self.bull_above:
            raise ValueError(f"bear_below {self.bear_below} must be under bull_above {self.bull_above}")
        if self.neutral_weight > self.bull_weight:
            raise ValueError(f"neutral_weight {self.neutral_weight} must not exceed bull_weight {self.bull_weight}")
        if self.bear_instrument.ticker == CASH and self.bear_weight > 0.0:
            raise ValueError(f"bear_weight {self.bear_weight} must be 0 without an inverse fund")
        return self

    @property
    def needs(self) -> Needs:
        """The question `up`, both funds, volatility and ATR."""
        return Needs(
            funds=tuple(each.ticker for each in (self.bull_instrument, self.bear_instrument) if each.ticker != CASH),
            questions=("up",),
            volatility_window=self.volatility_window,
            atr_window=self.atr_window,
        )

    def band(self, p_up: float) -> Literal["bull", "neutral", "bear"]:
        """The band of a probability; both thresholds belong to the outer bands."""
        if p_up >= self.bull_above:
            return "bull"
        return "bear" if p_up <= self.bear_below else "neutral"

    def tier(self, p_up: float) -> Tier:
        """The Bear's tier: 0 above `bear_below`, 1 at or below it, 2 from `bear_step` below it."""
        if p_up > self.bear_below:
            return Tier.NONE
        return Tier.FULL if p_up <= self.bear_below - self.bear_step else Tier.HALF

    def without(self) -> dict[str, Policy]:
        """Without the volatility cap (`sizing`), the stops, the Bear, or the threshold under which nothing trades."""
        off: dict[str, dict[str, float]] = {
            "sizing": {"volatility_cap": math.inf},
            "stops": {"stop_atr_multiple": 0.0},
            "bear": {"bear_weight": 0.0},
            "threshold": {"rebalance_threshold": 0.0},
        }
        return {
            part: self.model_copy(update=fields)
            for part, fields in off.items()
            if any(getattr(self, name) != value for name, value in fields.items())
        }

    def bull_only(self) -> Policy:
        """With cash in the place of the inverse fund, and no weight for it."""
        return self.model_copy(update={"bear_instrument": Cash(), "bear_weight": 0.0})

    def recall(self, document: Mapping[str, Any]) -> BandMemory:
        """The memory that `BandMemory.to_json` wrote."""
        if not document:
            return BandMemory()
        return BandMemory({t: Level(**each) for t, each in document["levels"].items()}, Tier(document["tier"]))

    def decide(self, state: State, memory: BandMemory) -> tuple[Stance, BandMemory]:
        """The stance for the next open, from two legs.

        Raises
        ------
        InputError
            The state holds a number that no rule can use: a probability outside 0..1, a NaN or negative volatility, a
            negative weight or price.
        """
        _check(state)
        forecast = state.forecasts["up"]
        p, band, tier = forecast.p, self.band(forecast.p), self.tier(forecast.p)
        bull_wanted = {"bull": self.bull_weight, "neutral": self.neutral_weight, "bear": 0.0}[band]
        bear_wanted = self.bear_weight * (0.0, 0.5, 1.0)[tier]
        evidence = _evidence(forecast)
        wanted = f"{percent(bull_wanted, 0)} wanted" if bull_wanted else "no position"
        bull_reasons = [f"P(up) {percent(p)} is in the {band} band, {self._range(band)}: {wanted}", evidence]
        bear_reasons = [f"P(up) {percent(p)} is above {percent(self.bear_below)}: no hedge"]
        if tier:
            deep = f"P(up) {percent(p)} is at or below {percent(self.bear_below)}"
            bear_reasons = [f"{deep}: tier {int(tier)} of 2, {percent(bear_wanted, 0)} wanted", evidence]
        bull, bear = self.bull_instrument, self.bear_instrument
        bull_weight, bull_level = self._leg(bull, bull_wanted, state, memory, bull_reasons)
        bear_weight, bear_level = self._leg(bear, bear_wanted, state, memory, bear_reasons)
        # A leg held for want of a price may meet a new one: the new one gives way, weights never pass one.
        if bull_weight + bear_weight > 1.0 + _ROUNDING:
            if bear_wanted > 0:
                bull_weight = min(1.0, bull_weight)
                bear_weight = 1.0 - bull_weight
            else:
                bear_weight = min(1.0, bear_weight)
                bull_weight = 1.0 - bear_weight
        sold = named_as_sold(state, (bull.ticker, bear.ticker))
        for ticker, (agent, weight) in sold.items():
            reasons = bear_reasons if agent == "bear" else bull_reasons
            reasons.append(f"{ticker} is no fund of this policy: {percent(weight)} is sold")
        sleeves = (
            self._sleeve("bull", bull, bull_weight, bull_level, bull_reasons, state, Tier.NONE),
            self._sleeve("bear", bear, bear_weight, bear_level, bear_reasons, state, tier),
        )
        standing = ((bull.ticker, bull_level), (bear.ticker, bear_level))
        levels = {ticker: level for ticker, level in standing if level is not None}
        triggers = tuple(_trigger(sleeve.agent, stop) for sleeve in sleeves for stop in sleeve.stops)
        return Stance(state.decided_at, sleeves, tuple(sold), triggers), BandMemory(levels, tier)

    def _sleeve(
        self,
        agent: str,
        fund: Instrument,
        weight: float,
        level: Level | None,
        reasons: list[str],
        state: State,
        tier: Tier,
    ) -> Sleeve:
        ticker = fund.ticker
        priced = ticker in state.closes or state.weight(ticker) > 0.0
        stops: tuple[Stop, ...] = ()
        if level is not None:
            unit = state.units.get(ticker, 1.0)
            multiple = self.stop_atr_multiple if level.side == "exit" else self.reentry_atr_multiple
            stops = (Stop(ticker, level.level * unit, state.atrs[ticker] * unit, multiple, level.side),)
        return Sleeve(agent, agent, fund, weight, tuple(reasons), stops, int(tier), priced)

    def _leg(
        self, fund: Instrument, wanted: float, state: State, memory: BandMemory, reasons: list[str]
    ) -> tuple[float, Level | None]:
        """Weight and standing level of one leg, appending what happened to `reasons`."""
        held, close = state.weight(fund.ticker), state.closes.get(fund.ticker)
        if close is None:
            return self._unpriced(fund, wanted, held, state, memory, reasons)
        if wanted == 0.0:
            return 0.0, None
        target = self._capped(fund, wanted, state.volatility, reasons)
        level = self._level(fund.ticker, close, held, state, memory, reasons)
        if level is not None and level.side == "reentry":
            return 0.0, level
        if abs(target - held) < self.rebalance_threshold:
            if held != target:
                reasons.append(f"{percent(held)} is held: no trade for less than {points(self.rebalance_threshold)}")
            target = held
        return target, level if target > 0.0 else None

    def _unpriced(
        self, fund: Instrument, wanted: float, held: float, state: State, memory: BandMemory, reasons: list[str]
    ) -> tuple[float, Level | None]:
        stopped = self.stop_atr_multiple > 0.0 and fund.ticker in state.atrs
        level = memory.levels.get(fund.ticker) if stopped else None
        if held > 0.0:
            reasons.append(f"{fund.ticker} has no price on this day: {percent(held)} stays held")
            return held, level
        if wanted > 0.0:
            listed = getattr(fund, "inception", None)
            since = f" (listed {listed})" if listed else ""
            reasons.append(f"{fund.ticker} has no price on this day{since}: cash instead")
            return 0.0, level
        return 0.0, None

    def _capped(self, fund: Instrument, wanted: float, volatility: float, reasons: list[str]) -> float:
        risk = abs(fund.multiple) * volatility
        if wanted * risk <= self.volatility_cap:
            return wanted
        capped = self.volatility_cap / risk
        reasons.insert(  # what decides comes first
            0,
            f"volatility {percent(volatility)} a year, at most {percent(self.volatility_cap, 0)} allowed: "
            f"{percent(wanted, 0)} wanted, cut to {percent(capped)}",
        )
        return capped

    def _level(
        self, ticker: str, close: float, held: float, state: State, memory: BandMemory, reasons: list[str]
    ) -> Level | None:
        before, atr, unit = memory.levels.get(ticker), state.atrs.get(ticker), state.units.get(ticker, 1.0)
        if self.stop_atr_multiple == 0.0:
            return None
        if atr is None:
            reasons.append(f"{ticker} is too young for an ATR of {self.atr_window} sessions: no stop")
            return None
        if before is not None and close < before.level:
            sold_below = before.level if before.sold_below is None else before.sold_below
            back = max(
                min(sold_below, close + self.stop_atr_multiple * atr), close + self.reentry_atr_multiple * atr
            )  # fmt: skip
            seen = f"{ticker} closed at {close * unit:.2f}"
            if before.side == "exit":
                seen = f"{seen}, below the stop {before.level * unit:.2f}"
            else:
                back = min(before.level, back)
            reasons.insert(0, f"{seen}: out until a close at {back * unit:.2f} or above")
            return Level("reentry", back, sold_below)
        # Only a level under a held position ratchets; on entry the distance counts from this close.
        trailing = before.level if before is not None and before.side == "exit" and held > 0.0 else 0.0
        return Level("exit", max(trailing, close - self.stop_atr_multiple * atr))

    def _range(self, band: str) -> str:
        return {
            "bull": f"{percent(self.bull_above)} or more",
            "neutral": f"between {percent(self.bear_below)} and {percent(self.bull_above)}",
            "bear": f"{percent(self.bear_below)} or less",
        }[band]


def _trigger(agent: str, stop: Stop) -> Trigger:
    if stop.side == "exit":
        return Trigger(agent, "exit", stop.ticker, "close below", stop.level)
    return Trigger(agent, "re-entry", stop.ticker, "close above", stop.level)


def _evidence(forecast: Forecast) -> str:
    low, high, base = forecast.p_low, forecast.p_high, forecast.climatology
    if math.isnan(low) or math.isnan(high):
        return f"the base rate is {percent(base)}; the forecast has no interval"
    interval = f"the interval {percent(low)} to {percent(high)}"
    if low <= base <= high:
        return f"{interval} contains the base rate {percent(base)}: no evidence against it"
    return f"{interval} does not contain the base rate {percent(base)}"


def _check(state: State) -> None:
    state.check()
    if not 0.0 <= state.volatility < math.inf:
        raise InputError(
            "state.volatility", state.volatility, "a finite number from 0", "give more price history before deciding"
        )
