"""The two agents: a Bull with a base allocation from the forecast, and a Bear that hedges broken supports in tiers.

The rule is `decide.agents`, functions of numbers alone. Here a state is packed into its inputs, and its decision said
in words: sleeves, stops, triggers and the trend. docs/agents.md specifies the rule in full.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, ValidationInfo, field_validator

from bullbear.decide.agents import bear as bears
from bullbear.decide.agents.bull import no_overlay
from bullbear.decide.agents.document import from_document, to_document
from bullbear.decide.agents.inputs import Fund, Funds, Inputs
from bullbear.decide.agents.kernel import Decision, Memory, decide, first_memory
from bullbear.decide.agents.parameters import (
    BearTable,
    BullTable,
    OutlookTable,
    OverlayTable,
    ReversalTable,
    StopsTable,
    TrendTable,
)
from bullbear.decide.agents.reasons import (
    BASE_MADE_ROOM,
    BEAR_KEPT,
    NO_OVERLAY,
    TIER_OPENED,
    priced,
    sentence,
)
from bullbear.decide.agents.rules import Rules
from bullbear.decide.agents.trend import BREAKDOWN, DOWNTREND, RETEST, STATES, Trend, declining
from bullbear.decide.agents.volatility import implied_volatility
from bullbear.decide.instruments import Cash, Instrument
from bullbear.decide.options.call_spread import CallSpread
from bullbear.decide.policy import (
    POLICIES,
    Forecast,
    Needs,
    Policy,
    Sleeve,
    Slot,
    Stance,
    State,
    Stop,
    TrendState,
    Trigger,
    named_as_sold,
)
from bullbear.definitions import Definition, Question
from bullbear.wording import percent

FACTORS = {
    "atr_ratio": "agents_atr_ratio",
    "sma_gap": "agents_sma_gap",
    "sma": "agents_sma",
    "rsi": "agents_rsi",
    "volume": "agents_volume",
    "short_volume": "agents_short_volume",
    "short_interest": "agents_short_interest",
    "sector_weakness": "agents_sector_weakness",
}
"""Factors of the feature set `agents` by the input that they are; those of `_LEVELS` are ratios to the close."""
_LEVELS = {"support": "agents_support", "channel": "agents_channel"}
_NO_FUND = Fund(math.nan, math.nan, 0.0, 0.0, 0.0, False)
_HORIZON = 21 / 252
_NORMAL = NormalDist()
_VOLATILITY_WINDOW, _ATR_WINDOW = 21, 14
D = TypeVar("D", bound=Definition)
_UNKNOWN = Forecast(math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class AgentsMemory:
    """What the agents remember, the day on which the trend's state began, and whose prices they are.

    `fund` is the Bear's, "" for none; `spread` the call spread of the overlay, as long as it is held or ordered.
    """

    memory: Memory
    since: str
    ticker: str
    fund: str = ""
    spread: CallSpread | None = None

    @property
    def tickers(self) -> tuple[str, ...]:
        """Those with a level."""
        return (self.ticker, self.fund) if self.fund else (self.ticker,)

    def rescaled(self, scales: Mapping[str, float]) -> Self:
        """Levels in prices that are `scales` times as high."""
        own, of_fund = scales.get(self.ticker, 1.0), scales.get(self.fund, 1.0)
        trend, bear, overlay, allocation = self.memory
        d = trend.decline
        decline = d._replace(origin=d.origin * own, broken=d.broken * own, atr=d.atr * own, low=d.low * own)
        note = trend.note._replace(x=trend.note.x * own) if priced(trend.note.code) else trend.note
        return type(self)(
            Memory(
                trend._replace(level=trend.level * own, decline=decline, note=note),
                bear._replace(peak=bear.peak * of_fund, stop=bear.stop * of_fund),
                overlay._replace(entry=overlay.entry * own, stop=overlay.stop * own, peak=overlay.peak * own),
                allocation,
            ),
            self.since,
            self.ticker,
            self.fund,
            self.spread,
        )

    def to_json(self) -> dict[str, Any]:
        """A document that `TwoAgents.recall` reads."""
        return {
            "since": self.since,
            "ticker": self.ticker,
            "fund": self.fund,
            "spread": None if self.spread is None else self.spread.model_dump(mode="json"),
            "memory": to_document(self.memory),
        }


@POLICIES.register
class TwoAgents(Policy):
    """Trend detection, a Bear in tiers and a Bull with a base allocation and an overlay; docs/agents.md.

    `forecast = false` reads base rates and trailing volatility in place of forecasts.

    Example
    -------
    >>> TwoAgents().bull.target_volatility
    0.15
    """

    kind: Literal["two_agents"] = "two_agents"
    forecast: bool = True
    outlook: OutlookTable = OutlookTable()
    trend: TrendTable = TrendTable()
    reversal: ReversalTable = ReversalTable()
    bull: BullTable = Field(default_factory=dict, validate_default=True)
    bear: BearTable = Field(default_factory=dict, validate_default=True)
    overlay: OverlayTable = Field(default_factory=lambda found: _overlay_beside(found.get("bear")))
    stops: StopsTable = StopsTable()

    @field_validator("bear")
    @classmethod
    def _of_one_index(cls, value: BearTable, info: ValidationInfo) -> BearTable:
        bull = info.data.get("bull")
        if bull is None or not value.enabled:
            return value
        own = bull.instrument.ticker
        for fund in value.instruments:
            model = fund.model_fund
            if model is not None and model.tracks != own:
                raise ValueError(f"inverse funds of the Bull's fund {own}, but {fund.ticker} is one of {model.tracks}")
        return value

    @field_validator("overlay")
    @classmethod
    def _beside_a_bear(cls, value: OverlayTable, info: ValidationInfo) -> OverlayTable:
        bear = info.data.get("bear")
        if bear is not None and value.enabled and not bear.enabled:
            raise ValueError(
                "an overlay with enabled = false where [bear] is not enabled: its size is a share of the hedge"
            )
        bull = info.data.get("bull")
        if bull is not None and value.call_spread is not None:
            underlying, own = value.call_spread.underlying, bull.instrument.ticker
            if underlying != own:
                raise ValueError(
                    f"a call spread on the Bull's fund {own}, not on {underlying} (check volatility and "
                    "volatility_ratio, too: they are those of a fund)"
                )
        return value

    @property
    def needs(self) -> Needs:
        """The question `up`, those of the outlook where they are forecast, the factors of `agents`, and the funds."""
        widths = tuple(self.outlook.volatility) if self.forecast and self.bull.rule != "constant" else ()
        read = (self.outlook.dip, *self.outlook.volatility) if self.forecast and self.bear.enabled else widths
        return Needs(
            funds=(self.bull.instrument.ticker, *(each.ticker for each in self._funds)),
            questions=("up",),
            optional=read,
            factors=(*_LEVELS.values(), *FACTORS.values(), *self._implied),
            volatility_window=_VOLATILITY_WINDOW,
            atr_window=_ATR_WINDOW,
        )

    def misread(self, question: Question) -> tuple[tuple[str, ...], str] | None:
        """A dip that is none, or a volatility beyond another threshold than `[outlook]` says."""
        if question.name == self.outlook.dip and question.kind != "dip":
            return ("outlook", "dip"), "a question of the kind dip"
        level = self.outlook.volatility.get(question.name)
        if level is not None and (question.kind != "volatility" or not math.isclose(question.threshold, level)):
            return ("outlook", "volatility"), f"a question of the kind volatility with the threshold {level:g}"
        return None

    @property
    def rules(self) -> Rules:
        """The definition as the kernel reads it."""
        return Rules(
            self.forecast,
            self.trend.rules,
            self.reversal.rules,
            self.bull.rules,
            self.bear.rules,
            self.overlay.rules,
            self.stops.rules,
        )

    @property
    def _funds(self) -> tuple[Instrument, ...]:
        return tuple(self.bear.instruments) if self.bear.enabled else ()

    @property
    def _implied(self) -> tuple[str, ...]:
        """The factor that prices the overlay, if it is a call spread."""
        spread = self.overlay.call_spread
        return (spread.volatility,) if self.overlay.enabled and spread is not None else ()

    def without(self) -> dict[str, Policy]:
        """The policy with one part switched off at a time, by the part's name; parts that are off already are left out.

        `forecast` reads base rates, `sizing` holds constant sizes, `tiers` opens the whole hedge at once, `stops` has
        none, `overlay` and `bear` leave an agent's part away (without a Bear there is no overlay).
        """
        constant, unsized = _with(self.bull, rule="constant"), _with(self.bear, sizing=False)
        no_overlay = _with(self.overlay, enabled=False)
        parts: dict[str, dict[str, Definition | bool]] = {}
        if self.forecast:
            parts["forecast"] = {"forecast": False}
        parts["sizing"] = {"bull": constant, "bear": unsized}
        if self.bear.enabled:
            if self.bear.tiers:
                parts["tiers"] = {"bear": _with(self.bear, tiers=False)}
            if self.stops.enabled:
                parts["stops"] = {"stops": _with(self.stops, enabled=False)}
            if self.overlay.enabled:
                parts["overlay"] = {"overlay": no_overlay}
            parts["bear"] = {"bear": _with(self.bear, enabled=False), "overlay": no_overlay}
        return {name: _with(self, **changes) for name, changes in parts.items()}

    def idle(self) -> Mapping[str, str]:
        """The Bear where it is switched off."""
        off = "it is switched off: [bear] of the policy has enabled = false"
        return {} if self.bear.enabled or not self.bear.instruments else {"bear": off}

    def bull_only(self) -> Policy:
        """Without the Bear, and so without its overlay."""
        off = {"enabled": False, "call_spread": None}
        bear = self.bear.model_copy(update={"enabled": False, "instruments": ()})
        return self.model_copy(update={"bear": bear, "overlay": self.overlay.model_copy(update=off)})

    def recall(self, document: Mapping[str, Any]) -> AgentsMemory:
        """The memory that `AgentsMemory.to_json` wrote; that of another fund is none."""
        ticker = self.bull.instrument.ticker
        if not document or document["ticker"] != ticker:
            return AgentsMemory(first_memory(), "", ticker)
        fund = str(document["fund"])
        memory = from_document(Memory, document["memory"])
        tickers = [each.ticker for each in self._funds]
        if fund and fund not in tickers:  # the definition has changed: what it no longer knows is sold
            memory, fund = memory._replace(bear=bears.no_bear()), ""
        elif fund:
            memory = memory._replace(bear=memory.bear._replace(fund=tickers.index(fund) + 1))
        dumped = document.get("spread")  # an older version wrote none
        spread = CallSpread.model_validate(dumped) if dumped is not None and self._implied else None
        if (dumped is None) == bool(self._implied):  # the definition has changed: what is held is sold
            memory = memory._replace(overlay=memory.overlay if math.isnan(memory.overlay.entry) else no_overlay())
        return AgentsMemory(memory, date.fromisoformat(document["since"]).isoformat(), ticker, fund, spread)

    def inputs(self, state: State, spread: CallSpread | None = None) -> Inputs:
        """The kernel's inputs at a close; what is not in the state is NaN.

        `spread` is the one that is held or that could be opened, of an overlay that is a call spread.
        """
        ticker = self.bull.instrument.ticker
        close, nan = state.closes.get(ticker, math.nan), math.nan
        levels = {name: close * (1.0 + state.factors.get(factor, nan)) for name, factor in _LEVELS.items()}
        up = state.forecasts["up"]
        dip = state.forecasts.get(self.outlook.dip, _UNKNOWN)
        funds = [self._fund(each, state) for each in self._funds]
        overlay = Slot(ticker if spread is None else spread.ticker, "overlay", "bull")
        return Inputs(
            close=close,
            atr=state.atrs.get(ticker, nan),
            **levels,
            **{name: state.factors.get(factor, nan) for name, factor in FACTORS.items()},
            p_up=up.p,
            p_up_base=up.climatology,
            score_up=_score(up.p),
            score_up_base=_score(up.climatology),
            p_dip=dip.p,
            p_dip_base=dip.climatology,
            volatility=state.volatility,
            volatility_forecast=self._volatility(state),
            horizon=_HORIZON,
            overlay_multiple=nan if spread is None else spread.multiple,
            base_held=state.held.get(Slot(ticker, "bull", "bull"), 0.0),
            overlay_held=state.held.get(overlay, 0.0),
            overlay_stopped=overlay in state.stopped,
            bears=Funds(*(funds + [_NO_FUND] * 3)[:3]),
        )

    def decide(self, state: State, memory: AgentsMemory) -> tuple[Stance, AgentsMemory]:
        """The stance for the next open.

        Raises
        ------
        InputError
            The state holds a number that no rule can use, such as a probability outside 0..1.
        """
        state.check()
        spread = self._spread(state) if math.isnan(memory.memory.overlay.entry) else memory.spread
        inputs = self.inputs(state, spread)
        decision = decide(inputs, memory.memory, self.rules)
        if math.isnan(decision.memory.overlay.entry):  # none, or closed; it may wait for an open to be sold
            held = memory.spread is not None and state.weight(memory.spread.ticker) > 0.0
            spread = memory.spread if held else None
        trend, bear = decision.memory.trend, decision.memory.bear
        today = state.decided_at.date()
        since = today if trend.age == 0 or not memory.since else date.fromisoformat(memory.since)
        ticker = self.bull.instrument.ticker
        unit = state.units.get(ticker, 1.0)
        sleeves = (
            self._base(state, decision, unit),
            *self._overlay(state, decision, unit, spread),
            *self._bear(state, decision),
        )
        stance = Stance(
            state.decided_at,
            sleeves,
            tuple(named_as_sold(state, [sleeve.instrument.ticker for sleeve in sleeves])),
            tuple(self._triggers(state, inputs, decision, unit)),
            TrendState(STATES[trend.state], since, sentence(trend.note, unit), trend.age == 0),
        )
        fund = self._funds[bear.fund - 1].ticker if bear.fund else ""
        return stance, AgentsMemory(decision.memory, since.isoformat(), ticker, fund, spread)

    def _spread(self, state: State) -> CallSpread | None:
        """The call spread that could be opened at this close; None where the overlay is none, or has no price."""
        terms = self.overlay.call_spread
        return terms.made(state) if self.overlay.enabled and terms is not None else None

    def _fund(self, fund: Instrument, state: State) -> Fund:
        slot = Slot(fund.ticker, "bear", "bear")
        return Fund(
            close=state.closes.get(fund.ticker, math.nan),
            atr=state.atrs.get(fund.ticker, math.nan),
            multiple=fund.multiple,
            expense=float(getattr(fund, "expense_ratio", 0.0)),
            held=state.held.get(slot, 0.0),
            stopped=slot in state.stopped,
        )

    def _volatility(self, state: State) -> float:
        (low, low_level), (high, high_level) = self.outlook.volatility.items()
        return implied_volatility(
            low_level,
            state.forecasts.get(low, _UNKNOWN).p,
            high_level,
            state.forecasts.get(high, _UNKNOWN).p,
            log_sd=self.outlook.log_sd,
            clip=self.outlook.clip,
            trailing=state.volatility,
        )

    def _base(self, state: State, decision: Decision, unit: float) -> Sleeve:
        fund = self.bull.instrument
        reasons = (self._allocated(decision), sentence(decision.base))
        if decision.base.code == BASE_MADE_ROOM:  # what decides comes first
            reasons = reasons[::-1]
        held = state.held.get(Slot(fund.ticker, "bull", "bull"), 0.0)
        shown = fund.ticker in state.closes or held > 0.0
        return Sleeve("bull", "bull", fund, decision.weights.base, reasons, priced=shown)

    def _allocated(self, decision: Decision) -> str:
        """Why the Bull wants what it wants, from the forecast to the weight, in one sentence."""
        seen, table = decision.outlook, self.bull
        known = seen.volatility > 0.0
        volatility = f"a volatility of {percent(seen.volatility)} a year" if known else "a volatility that is unknown"
        if table.rule == "constant":
            why = "a constant share"
        elif table.rule == "volatility_target":
            why = f"{volatility} against a target of {percent(table.target_volatility, 0)}"
        else:
            why = (
                f"P(up) {percent(_NORMAL.cdf(seen.score))}, {volatility} and a risk aversion of {table.risk_aversion:g}"
            )
        allocation, said = decision.memory.allocation, f"{why} makes {percent(decision.allocated)} of equity"
        if percent(allocation) != percent(decision.allocated):
            said += f"; approached over {table.smoothing_sessions} sessions, it is {percent(allocation)} so far"
        if decision.wanted != allocation:
            said += f"; trend {STATES[decision.memory.trend.state]}: cut to {percent(decision.wanted)}"
        return said

    def _overlay(self, state: State, decision: Decision, unit: float, spread: CallSpread | None) -> tuple[Sleeve, ...]:
        fund, overlay, weight = self.bull.instrument, decision.memory.overlay, decision.weights.overlay
        if self._implied:
            said: tuple[str, ...] = (sentence(overlay.note, unit),)
            if spread is None:
                return (Sleeve("overlay", "bull", Cash(), 0.0, said, priced=False),)
            if overlay.note.code == NO_OVERLAY:
                said = (*said, f"{spread.ticker}: sold at the next open that has a price for it")
            return (Sleeve("overlay", "bull", spread, weight, said),)
        held = state.held.get(Slot(fund.ticker, "overlay", "bull"), 0.0)
        if not self.overlay.enabled and not held:
            return ()
        reasons = tuple(filter(None, [sentence(overlay.note, unit)]))
        stop = self._stop(fund, overlay.stop if weight > 0.0 else math.nan, self.stops.overlay_atr, state)
        return (Sleeve("overlay", "bull", fund, weight, reasons, stop[0], stop=stop[1]),)

    def _bear(self, state: State, decision: Decision) -> tuple[Sleeve, ...]:
        bear, weights = decision.memory.bear, decision.weights[2:]
        place = bear.fund or bears.chosen(
            self.inputs(state).bears, self.bear.exposure, decision.outlook.volatility, self.rules.bear
        )
        found = []
        for at, fund in enumerate(self._funds, start=1):
            held, weight = state.held.get(Slot(fund.ticker, "bear", "bear"), 0.0), weights[at - 1]
            if at != (place or 1) and not held and not weight:
                continue
            own = at == (place or 1)
            reasons = (
                self._bear_reasons(decision, state) if own else (f"{fund.ticker} is not the fund of this hedge: sold",)
            )
            stop = self._stop(fund, bear.stop if weight > 0.0 else math.nan, self.stops.bear_atr, state)
            shown = fund.ticker in state.closes or held > 0.0
            found.append(
                Sleeve("bear", "bear", fund, weight, reasons, stop[0], bear.tier if own else 0, shown, stop[1])
            )
        return tuple(found)

    def _bear_reasons(self, decision: Decision, state: State) -> tuple[str, ...]:
        bear, size = decision.memory.bear, decision.memory.bear.size
        unit = state.units.get(self._funds[bear.fund - 1].ticker, 1.0) if bear.fund else 1.0
        said = sentence(bear.note, unit)
        if bear.note.code in (BEAR_KEPT, TIER_OPENED):
            said += (
                f"; all tiers together would hedge {percent(size.exposure)}, which is {percent(self.bear.exposure, 0)} "
                f"x {size.depth:.2f} for the depth of the break x {size.volatility:.2f} for volatility x "
                f"{size.outlook:.2f} for the outlook"
            )
        reasons = [said]
        if decision.memory.trend.vetoed:
            reasons.append("a support is broken, but shorts and sectors speak against it")
        return tuple(reasons)

    def _stop(
        self, fund: Instrument, level: float, multiple: float, state: State
    ) -> tuple[tuple[Stop, ...], float | None]:
        atr, unit = state.atrs.get(fund.ticker), state.units.get(fund.ticker, 1.0)
        if math.isnan(level):
            return (), None
        shown = 0.0 if atr is None else atr * unit
        return (Stop(fund.ticker, level * unit, shown, multiple, "exit", resting=True),), level

    def _triggers(self, state: State, x: Inputs, decision: Decision, unit: float) -> list[Trigger]:
        """What would come next, in prices of the day; empty without a price or an ATR."""
        if not x.close > 0.0 or not x.atr > 0.0:
            return []
        trend, bear, overlay, _ = decision.memory
        ticker, margin = self.bull.instrument.ticker, self.trend.breach_atr * x.atr
        found = []
        if self.bear.enabled:
            found += self._bear_triggers(ticker, trend, bear, x.atr, margin, unit)
        if not math.isnan(bear.stop):
            fund = self._funds[bear.fund - 1].ticker
            level = bear.stop * state.units.get(fund, 1.0)
            found.append(Trigger("bear", "stop", fund, "trades at or below", level))
        if not math.isnan(overlay.entry):
            target = overlay.entry + self.overlay.target_atr * x.atr
            found.append(Trigger("bull", "overlay profit", ticker, "close above", target * unit))
            if not math.isnan(overlay.stop):
                found.append(Trigger("bull", "overlay stop", ticker, "trades at or below", overlay.stop * unit))
        return found

    def _bear_triggers(
        self, ticker: str, trend: Trend, bear: bears.Bear, atr: float, margin: float, unit: float
    ) -> list[Trigger]:
        found, d = [], trend.decline
        if not declining(trend.state) and not math.isnan(trend.level):
            left = max(1, self.trend.breach_sessions - trend.runs.breach)
            found.append(Trigger("bear", "tier 1", ticker, "close below", (trend.level - margin) * unit, closes=left))
        if declining(trend.state) and bear.tier > 0:
            if bear.tier < 3 and trend.state in (BREAKDOWN, RETEST, DOWNTREND):
                level = bears.trigger(bear.tier + 1, d, atr, self.rules.bear)
                if level <= d.broken:
                    action = f"tier {bear.tier + 1}"
                    found.append(Trigger("bear", action, ticker, "close above", level * unit, d.low * unit))
            left = max(1, self.reversal.reclaim_sessions - trend.runs.reclaim)
            found.append(Trigger("bear", "exit", ticker, "close above", (d.broken + margin) * unit, closes=left))
        return found


def _overlay_beside(bear: BearTable | None) -> OverlayTable:
    """What a definition without `[overlay]` means: one as usual, but none without a Bear."""
    return OverlayTable(enabled=bear is None or bear.enabled)


def _with(definition: D, **changes: Any) -> D:
    """The same definition but for some fields, checked again."""
    return type(definition)(**{**dict(definition), **changes})


def _score(p: float) -> float:
    """Standard normal quantile of a probability, finite at 0 and 1; NaN of NaN."""
    return math.nan if math.isnan(p) else _NORMAL.inv_cdf(min(max(p, 1e-6), 1.0 - 1e-6))
