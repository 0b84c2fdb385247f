"""From a probability to two positions: bands, a volatility cap, a trailing stop, and no trade that is not worth it.

The Bull holds the long fund, the Bear the inverse fund, cash the rest; at most one of them stands in the market.
`BandPolicy.decide` is a pure function of the `State`: no clock, no store, no memory. The backtest and the daily
forecast call this one object, so on the same state they answer alike to the last bit. What the state cannot support is
refused (a NaN probability) or said (a fund without a price), never guessed. The rule is meant to be dull: with a
forecast that stays near climatology it stays near its neutral weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any, Literal, Self

import pandas as pd
from pydantic import ConfigDict, Field, model_validator

from bullbear.decide.instruments import CASH, INSTRUMENTS
from bullbear.definitions import Definition, Source, validate
from bullbear.errors import InputError

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

    def scaled(self, factor: float) -> Level:
        """The same level for prices that are `factor` times as high."""
        sold_below = None if self.sold_below is None else self.sold_below * factor
        return Level(self.side, self.level * factor, sold_below)


@dataclass(frozen=True, slots=True)
class State:
    """All that a decision may know, at the close `decided_at`.

    `volatility` is annualised (a fraction); `closes` and `atrs` are total-return prices; `weights` are the fractions of
    equity held at this close; `levels` those that the previous decision left standing. `units` turns a total-return
    price into one of the day, for display; 1 where absent. A ticker without a price has no key in `closes`.
    """

    decided_at: pd.Timestamp
    p_up: float
    p_low: float
    p_high: float
    climatology: float
    volatility: float
    closes: Mapping[str, float]
    atrs: Mapping[str, float]
    weights: Mapping[str, float]
    levels: Mapping[str, Level] = field(default_factory=dict)
    units: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stop:
    """A `Level` in the prices of the day, with what made it: trades follow at the open after the close that meets it.

    `multiple` is a distance in ATRs: that of an exit from the highest close, the least of a re-entry from the lowest.
    """

    ticker: str
    level: float
    atr: float
    multiple: float
    side: Literal["exit", "reentry"]


@dataclass(frozen=True, slots=True)
class Agent:
    """What one agent holds from the next open on, and why."""

    weight: float
    instrument: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stance:
    """The decision: both agents, the weights (with cash they make one) and the levels now standing.

    `stops` (exits) and `reentries` are in the prices of the day, `levels` the same in total-return prices. An agent's
    `instrument` is CASH where its fund has no price; `bull_fund` and `bear_fund` are always the policy's.
    """

    decided_at: pd.Timestamp
    bull: Agent
    bear: Agent
    tier: Tier
    positions: Mapping[str, float]
    stops: tuple[Stop, ...]
    reentries: tuple[Stop, ...]
    levels: Mapping[str, Level]
    bull_fund: str
    bear_fund: str

    def to_json(self) -> dict[str, Any]:
        """The keys `agents`, `positions`, `stops` and `reentries` of `forecast --json`."""
        bull, bear = self.bull, self.bear
        return {
            "agents": {
                "bull": {"weight": bull.weight, "instrument": bull.instrument, "reasons": list(bull.reasons)},
                "bear": {
                    "weight": bear.weight,
                    "instrument": bear.instrument,
                    "tier": int(self.tier),
                    "reasons": list(bear.reasons),
                },
            },
            "positions": dict(self.positions),
            "stops": [asdict(stop) for stop in self.stops],
            "reentries": [asdict(stop) for stop in self.reentries],
        }


class BandPolicy(Definition):
    """The `[policy]` table of a model.

    Bull band `p >= bull_above`: `bull_weight` of the bull fund. Bear band `p <= bear_below`: half of `bear_weight` of
    the bear fund, all of it from `bear_step` deeper. Between them `neutral_weight` of the bull fund. Then, per leg:
    weight * |multiple| * volatility is capped at `volatility_cap`; a close below the trailing stop (highest close less
    `stop_atr_multiple` ATRs, 0 for none) empties the leg; and a change smaller than `rebalance_threshold` is not
    traded, unless to zero.

    A stopped leg comes back at a close at the re-entry level: the level that sold it or, once the price has fallen
    further, `stop_atr_multiple` ATRs above the lowest close since, but never less than `reentry_atr_multiple` ATRs
    above that low. The last clause is the hysteresis: the close after an exit often regains the exit level, and to buy
    there buys noise back at a higher price. A session's standard deviation is some 0.7 ATRs, two of them over a week
    some 3.2: a rise of 3 from the low is more than a week's noise. A re-entry level follows the low down and never
    rises. A leg that its band does not want keeps no level: when the band wants it again, that is a new signal.

    Example
    -------
    >>> BandPolicy(bull_above=0.58).band(0.58)
    'bull'
    """

    model_config = ConfigDict(allow_inf_nan=False)

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
    bull_instrument: str = "IWM"
    bear_instrument: str = "TWM"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.bear_below >= self.bull_above:
            raise ValueError(f"bear_below {self.bear_below} must be under bull_above {self.bull_above}")
        if self.neutral_weight > self.bull_weight:
            raise ValueError(f"neutral_weight {self.neutral_weight} must not exceed bull_weight {self.bull_weight}")
        for key, ticker, sign in (("bull", self.bull_instrument, 1), ("bear", self.bear_instrument, -1)):
            allowed = [t for t, fund in INSTRUMENTS.items() if fund.multiple * sign > 0]
            if ticker not in allowed:
                raise ValueError(f"{key}_instrument {ticker!r} must be one of {', '.join(allowed)}")
        return self

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

    def decide(self, state: State) -> Stance:
        """The stance for the next open.

        Raises
        ------
        InputError
            The state holds a number that no rule can use: a probability outside 0..1, a NaN or negative volatility, a
            negative weight or price.
        """
        _check(state)
        p, band, tier = state.p_up, self.band(state.p_up), self.tier(state.p_up)
        bull_wanted = {"bull": self.bull_weight, "neutral": self.neutral_weight, "bear": 0.0}[band]
        bear_wanted = self.bear_weight * (0.0, 0.5, 1.0)[tier]
        evidence = _evidence(state)
        bull_reasons = [f"P(up) {p:.3f} is in the {band} band {self._range(band)}: {bull_wanted:.2f} wanted", evidence]
        bear_reasons = [
            f"P(up) {p:.3f} against bear_below {self.bear_below:.2f}: tier {int(tier)}, {bear_wanted:.2f} wanted",
            evidence,
        ]
        bull_weight, bull_level = self._leg(self.bull_instrument, bull_wanted, state, bull_reasons)
        bear_weight, bear_level = self._leg(self.bear_instrument, bear_wanted, state, bear_reasons)
        # A leg held for want of a price may meet a new one: the new one gives way, weights never pass one.
        if bull_weight + bear_weight > 1.0 + _ROUNDING:
            if bear_wanted > 0:
                bull_weight = min(1.0, bull_weight)
                bear_weight = 1.0 - bull_weight
            else:
                bear_weight = min(1.0, bear_weight)
                bull_weight = 1.0 - bear_weight
        positions = {self.bull_instrument: bull_weight, self.bear_instrument: bear_weight}
        for ticker in sorted(set(state.weights) - set(positions)):
            if state.weights[ticker] > 0.0:
                reasons = bear_reasons if INSTRUMENTS[ticker].multiple < 0 else bull_reasons
                reasons.append(f"{ticker} is no fund of this policy: {state.weights[ticker]:.3f} is sold")
                positions[ticker] = 0.0
        levels = {
            ticker: level
            for ticker, level in ((self.bull_instrument, bull_level), (self.bear_instrument, bear_level))
            if level is not None
        }
        stops = [self._shown_level(ticker, level, state) for ticker, level in levels.items()]
        return Stance(
            decided_at=state.decided_at,
            bull=Agent(bull_weight, self._shown(self.bull_instrument, state), tuple(bull_reasons)),
            bear=Agent(bear_weight, self._shown(self.bear_instrument, state), tuple(bear_reasons)),
            tier=tier,
            positions={**positions, CASH: max(0.0, 1.0 - bull_weight - bear_weight)},
            stops=tuple(stop for stop in stops if stop.side == "exit"),
            reentries=tuple(stop for stop in stops if stop.side == "reentry"),
            levels=levels,
            bull_fund=self.bull_instrument,
            bear_fund=self.bear_instrument,
        )

    def _leg(self, ticker: str, wanted: float, state: State, reasons: list[str]) -> tuple[float, Level | None]:
        """Weight and standing level of one leg, appending what happened to `reasons`."""
        held, close = state.weights.get(ticker, 0.0), state.closes.get(ticker)
        if close is None:
            return self._unpriced(ticker, wanted, held, state, reasons)
        if wanted == 0.0:
            return 0.0, None
        target = self._capped(ticker, wanted, state.volatility, reasons)
        level = self._level(ticker, close, held, state, reasons)
        if level is not None and level.side == "reentry":
            return 0.0, level
        if abs(target - held) < self.rebalance_threshold:
            if held != target:
                reasons.append(f"{held:.3f} held: the change is under the threshold {self.rebalance_threshold:.3f}")
            target = held
        return target, level if target > 0.0 else None

    def _unpriced(
        self, ticker: str, wanted: float, held: float, state: State, reasons: list[str]
    ) -> tuple[float, Level | None]:
        stopped = self.stop_atr_multiple > 0.0 and ticker in state.atrs
        level = state.levels.get(ticker) if stopped else None
        if held > 0.0:
            reasons.append(f"{ticker} has no price on this day: {held:.3f} stays held")
            return held, level
        if wanted > 0.0:
            reasons.append(f"{ticker} has no price on this day (listed {INSTRUMENTS[ticker].inception}): cash instead")
            return 0.0, level
        return 0.0, None

    def _capped(self, ticker: str, wanted: float, volatility: float, reasons: list[str]) -> float:
        risk = abs(INSTRUMENTS[ticker].multiple) * volatility
        if wanted * risk <= self.volatility_cap:
            return wanted
        capped = self.volatility_cap / risk
        reasons.append(
            f"volatility {volatility:.3f} a year: {wanted:.2f} cut to {capped:.3f} by the cap {self.volatility_cap:.2f}"
        )
        return capped

    def _level(self, ticker: str, close: float, held: float, state: State, reasons: list[str]) -> Level | None:
        before, atr, unit = state.levels.get(ticker), state.atrs.get(ticker), state.units.get(ticker, 1.0)
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
            reasons.append(f"{seen}: out until a close at {back * unit:.2f} or above")
            return Level("reentry", back, sold_below)
        # Only a level under a held position ratchets; on entry the distance counts from this close.
        trailing = before.level if before is not None and before.side == "exit" and held > 0.0 else 0.0
        return Level("exit", max(trailing, close - self.stop_atr_multiple * atr))

    def _shown_level(self, ticker: str, level: Level, state: State) -> Stop:
        unit = state.units.get(ticker, 1.0)
        multiple = self.stop_atr_multiple if level.side == "exit" else self.reentry_atr_multiple
        return Stop(ticker, level.level * unit, state.atrs[ticker] * unit, multiple, level.side)

    def _range(self, band: str) -> str:
        return {
            "bull": f"[{self.bull_above:.2f}, 1]",
            "neutral": f"({self.bear_below:.2f}, {self.bull_above:.2f})",
            "bear": f"[0, {self.bear_below:.2f}]",
        }[band]

    def _shown(self, ticker: str, state: State) -> str:
        return ticker if ticker in state.closes or state.weights.get(ticker, 0.0) > 0.0 else CASH


def load_policy(table: Mapping[str, Any], source: Source) -> BandPolicy:
    """The policy of a model file's `[policy]` table; missing keys take their defaults.

    Raises
    ------
    DefinitionError
        An unknown key, a value out of range, or thresholds that contradict each other; with file and line.
    """
    return validate(table, BandPolicy, source, below=("policy",))


def _evidence(state: State) -> str:
    low, high, base = state.p_low, state.p_high, state.climatology
    if math.isnan(low) or math.isnan(high):
        return f"climatology is {base:.3f}; the forecast has no interval"
    if low <= base <= high:
        return f"the interval [{low:.3f}, {high:.3f}] holds the climatology {base:.3f}: no evidence against it"
    return f"the interval [{low:.3f}, {high:.3f}] excludes the climatology {base:.3f}"


def _check(state: State) -> None:
    for name, value in (("p_up", state.p_up), ("climatology", state.climatology)):
        if not 0.0 <= value <= 1.0:  # false for NaN too
            raise InputError(f"state.{name}", value, "a probability, 0 to 1", "do not decide without a forecast")
    for name, value in (("p_low", state.p_low), ("p_high", state.p_high)):
        if value < 0.0 or value > 1.0:  # NaN passes: the interval may be unknown
            raise InputError(f"state.{name}", value, "a probability, 0 to 1, or NaN", "check the interval")
    if not 0.0 <= state.volatility < math.inf:
        raise InputError(
            "state.volatility", state.volatility, "a finite number from 0", "give more price history before deciding"
        )
    levels = {t: each.level for t, each in state.levels.items()}
    sold = {t: each.sold_below for t, each in state.levels.items() if each.sold_below is not None}
    for kind, numbers in (
        ("closes", state.closes), ("atrs", state.atrs), ("levels", levels), ("levels", sold), ("units", state.units),
        ("weights", state.weights),
    ):  # fmt: skip
        for ticker, value in numbers.items():
            if not 0.0 <= value < math.inf:
                raise InputError(f"state.{kind}[{ticker}]", value, "a finite number from 0", "leave an unknown one out")
