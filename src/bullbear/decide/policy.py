"""What a policy is: the state that it sees, the stance that it takes, and the memory between two decisions.

`Policy.decide` is a pure function of state and memory: no clock, no store. The backtest and the daily forecast call the
same object, so on the same state they answer alike to the last bit. What the state cannot support is refused (a NaN
probability) or said (a fund without a price), never guessed.

A policy is a kind of the registry `POLICIES`: a module of `decide/policies/`, or a file in a home's `policies/`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, Self

import pandas as pd

from bullbear.decide.instruments import CASH, Instrument, instruments_in
from bullbear.definitions import Definition, Kinds, Source
from bullbear.errors import DefinitionError, InputError

if TYPE_CHECKING:
    from bullbear.decide.market import Market
    from bullbear.definitions import Question

_ROUNDING = 1e-9  # weights are quotients of floats; their sum may miss one by as much


class Slot(NamedTuple):
    """A place in the account: what one sleeve of one agent holds of one instrument."""

    ticker: str
    sleeve: str
    agent: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """The probability that a question's answer is yes, its interval (NaN where unknown) and the base rate."""

    p: float
    p_low: float
    p_high: float
    climatology: float


class Memory(Protocol):
    """What a policy remembers from one decision to the next: a frozen value.

    Levels are kept in total-return prices of `tickers`; `rescaled` moves them to a store that serves other multiples.
    """

    @property
    def tickers(self) -> Iterable[str]:
        """Those whose prices it holds."""
        ...

    def rescaled(self, scales: Mapping[str, float]) -> Self:
        """The same memory for prices that are `scales` times as high."""
        ...

    def to_json(self) -> dict[str, Any]:
        """A document of plain values, which `Policy.recall` reads back to the last bit."""
        ...


@dataclass(frozen=True, slots=True)
class NoMemory:
    """The memory of a policy that needs none."""

    tickers: tuple[str, ...] = ()

    def rescaled(self, scales: Mapping[str, float]) -> Self:
        """The same."""
        return self

    def to_json(self) -> dict[str, Any]:
        """Nothing."""
        return {}


@dataclass(frozen=True, slots=True)
class Needs:
    """What a policy must be given; a window of 0 is not needed.

    `funds` are the tickers whose bars it reads, `questions` and `factors` what must be forecast and computed for it. An
    `optional` question is in the state where it was forecast at that close, see `forecasting.policy_forecasts`.
    `volatility_window` and `atr_window` count sessions, `month_ends` closes at the ends of months. A policy `by_month`
    changes its mind at month ends only; it is asked then, first of all, and while an order waits.
    """

    funds: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    volatility_window: int = 0
    atr_window: int = 0
    month_ends: int = 0
    by_month: bool = False

    def read(self, questions: Iterable[str]) -> set[str]:
        """Those of `questions` that a decision reads."""
        return {*self.questions, *self.optional} & set(questions)


@dataclass(frozen=True, slots=True)
class State:
    """All that a decision may know, at the close `decided_at`; what its policy needs, and the account.

    `forecasts` by question, `factors` by name (NaN where unknown), `volatility` annualised (a fraction). `closes`,
    `atrs` and `month_closes` (oldest first) are total-return prices by ticker, without the unknown ones; `units` turns
    them into prices of the day, for display. `held` are the fractions of equity at this close, by slot; `stopped` the
    slots that a resting stop has sold since the last decision, with the price of the last such sale. `modelled` are the
    tickers, those held among them, whose price at this close is a model's, for want of a real one.
    """

    decided_at: pd.Timestamp
    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    volatility: float = math.nan
    closes: Mapping[str, float] = field(default_factory=dict)
    atrs: Mapping[str, float] = field(default_factory=dict)
    month_closes: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    units: Mapping[str, float] = field(default_factory=dict)
    held: Mapping[Slot, float] = field(default_factory=dict)
    stopped: Mapping[Slot, float] = field(default_factory=dict)
    modelled: tuple[str, ...] = ()

    def weight(self, ticker: str) -> float:
        """Fraction of equity held of a ticker, by all sleeves."""
        return sum((weight for slot, weight in self.held.items() if slot.ticker == ticker), 0.0)

    def check(self) -> None:
        """Refuse what no rule can use.

        Raises
        ------
        InputError
            A probability outside 0..1, a negative or infinite price, weight or volatility.
        """
        for name, each in self.forecasts.items():
            for key, value in (("p", each.p), ("climatology", each.climatology)):
                if not 0.0 <= value <= 1.0:  # false for NaN too
                    raise InputError(
                        f"state.{name}.{key}", value, "a probability, 0 to 1", "do not decide without a forecast"
                    )
            for key, value in (("p_low", each.p_low), ("p_high", each.p_high)):
                if value < 0.0 or value > 1.0:  # NaN passes: the interval may be unknown
                    raise InputError(f"state.{name}.{key}", value, "a probability, 0 to 1, or NaN", "check it")
        named = [("closes", *each) for each in self.closes.items()]
        named += [("atrs", *each) for each in self.atrs.items()]
        named += [("units", *each) for each in self.units.items()]
        named += [("held", slot.ticker, weight) for slot, weight in self.held.items()]
        for kind, ticker, value in named:
            if not 0.0 <= value < math.inf:
                raise InputError(f"state.{kind}[{ticker}]", value, "a finite number from 0", "leave an unknown one out")


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


@dataclass(frozen=True, slots=True)
class Trigger:
    """What an agent would do next, and at which price of the day: `action` on `side` of `level`.

    `invalid` is the price beyond which the plan lapses, on the side of `level` from which it lies; None for none.
    """

    agent: str
    action: str
    ticker: str
    side: Literal["close above", "close below", "trades at or below"]
    level: float
    invalid: float | None = None

    @property
    def sentence(self) -> str:
        """In words.

        >>> Trigger("bear", "tier 2", "IWM", "close above", 193.4, 187.2).sentence
        'Bear tier 2 on a close of IWM above 193.40; invalid below 187.20'
        """
        if self.side == "trades at or below":
            when = f"when {self.ticker} trades at or below"
        else:
            when = f"on a close of {self.ticker} {self.side.removeprefix('close ')}"
        said = f"{self.agent.capitalize()} {self.action} {when} {self.level:.2f}"
        if self.invalid is None:
            return said
        return f"{said}; invalid {'below' if self.invalid < self.level else 'above'} {self.invalid:.2f}"

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
                {"name": sleeve.name, "ticker": sleeve.instrument.ticker, "weight": sleeve.weight, "tier": sleeve.tier}
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


class Policy(Definition):
    """A policy file, or the `[policy]` table of a model: a frozen record with the rule.

    A subclass has the field `kind: Literal["its name"]` and is registered with `POLICIES.register`. Fields of type
    `Tradable` name instruments.
    """

    kind: str

    @property
    def needs(self) -> Needs:
        """What its decisions must be given."""
        raise NotImplementedError

    def signals(self, market: Market) -> Mapping[str, Sequence[float]]:
        """Numbers by name, one for each session of the market, that `State.factors` has beside the factors.

        The number of a session follows from its row and those before it, NaN where it is unknown.
        """
        return {}

    def decide(self, state: State, memory: Any) -> tuple[Stance, Memory]:
        """The stance for the next open, and what to remember."""
        raise NotImplementedError

    def misread(self, question: Question) -> tuple[tuple[str, ...], str] | None:
        """Where the policy takes a question for another than it is, as a key path, and what it may be there."""
        return None

    def without(self) -> Mapping[str, Policy]:
        """The same policy with one part switched off, by the part's name; a backtest shows what each is worth."""
        return {}

    def recall(self, document: Mapping[str, Any]) -> Memory:
        """The memory that `to_json` wrote; that of a first decision from an empty document.

        Raises
        ------
        KeyError, TypeError, ValueError
            The document is no such memory.
        """
        return NoMemory()


def all_needs(policy: Policy, held: Iterable[Instrument] = ()) -> Needs:
    """The needs of a policy together with those of the instruments in its fields, and of those `held` besides.

    `funds` are then all tickers whose bars are read.
    """
    needs = policy.needs
    instruments = (*instruments_in(policy), *held)
    funds = (*needs.funds, *(ticker for each in instruments for ticker in each.priced_by))
    factors = (*needs.factors, *(name for each in instruments for name in each.factors))
    return replace(needs, funds=tuple(dict.fromkeys(funds)), factors=tuple(dict.fromkeys(factors)))


POLICIES = Kinds[Policy]("policy", package="bullbear.decide.policies", folder="policies", default="band")


def load_policy(
    table: Mapping[str, Any],
    source: Source | None = None,
    instruments: Mapping[str, Instrument] | None = None,
    *,
    below: tuple[str, ...] = ("policy",),
    named_at: str | None = None,
    questions: Iterable[str] = ("up",),
    factors: Iterable[str] = (),
    known: Mapping[str, Question] | None = None,
) -> Policy:
    """The policy of a table with its kind and fields; missing keys take their defaults.

    Parameters
    ----------
    instruments
        Those that it may name, by ticker; the packaged ones without.
    below
        Where the table stands in `source`.
    named_at
        Where a model or a command names the policy, which a refused need cites; None for `below`.
    questions, factors
        What is forecast and computed for it.
    known
        Every question that is defined, by name, one of which an optional question must be; None does not check.

    Raises
    ------
    DefinitionError
        An unknown kind, key or ticker, a value out of range, or a need (of the policy or an instrument in it) for a
        question or a factor that it is not given, or an optional question that is not defined, or that asks something
        else than the policy reads in it; with file and line.
    """
    place = source or Source.nowhere("policy")
    policy = POLICIES.read(table, place, below=below, context={"instruments": instruments})
    at = below or ("kind",)
    where = f"{place.where(*at)} ({'.'.join(at)})"
    needs = all_needs(policy)
    for what, needed, given in (("question", needs.questions, questions), ("factor", needs.factors, factors)):
        if missing := sorted(set(needed) - set(given)):
            raise DefinitionError(
                named_at or where,
                f"{policy.kind}, which needs the {what} {missing[0]}",
                f"a policy that needs no {what} but {', '.join(sorted(given)) or 'none'}",
                f"choose another policy, or give the model that {what}",
            )
    if known is not None and (unknown := sorted(set(needs.optional) - set(known))):
        raise DefinitionError(
            where,
            f"{policy.kind}, which reads the question {unknown[0]}",
            f"one of {', '.join(known)} (models/questions.toml)",
            "correct the policy's needs, or define that question",
        )
    for question in (known or {}).values():
        if question.name in needs.optional and (wrong := policy.misread(question)):
            key, allowed = wrong
            path = (*below, *key)
            asks = f"{question.name}, a {question.kind} beyond {question.threshold:g}"
            raise DefinitionError(
                f"{place.where(*path)} ({'.'.join(path)})", asks, allowed, "correct it, or models/questions.toml"
            )
    return policy


def read_policy(document: Mapping[str, Any]) -> Policy:
    """The policy of which `document` is the dump; its instruments are in it.

    Raises
    ------
    DefinitionError
        It is not one of this version.
    """
    return POLICIES.read(document)


def named_as_sold(state: State, tickers: Sequence[str]) -> dict[str, tuple[str, float]]:
    """By ticker, the agent and the weight of what is held besides `tickers`."""
    found: dict[str, tuple[str, float]] = {}
    for slot in sorted(state.held):
        if slot.ticker not in tickers and state.held[slot] > 0.0:
            found[slot.ticker] = (slot.agent, state.weight(slot.ticker))
    return found
