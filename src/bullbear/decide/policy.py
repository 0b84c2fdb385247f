"""What a policy is: the state that it sees, the stance that it takes, and the memory between two decisions.

`Policy.decide` is a pure function of state and memory: no clock, no store. The backtest and the daily forecast call the
same object, so on the same state they answer alike to the last bit. What the state cannot support is refused (a NaN
probability) or said (a fund without a price), never guessed.

A policy is a kind of the registry `POLICIES`: a module of `decide/policies/`, or a file in a home's `policies/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, Self

from bullbear.decide.instruments import Instrument, instruments_in
from bullbear.decide.stance import Sleeve, Stance, Stop, TrendState, Trigger
from bullbear.decide.state import Forecast, Slot, State
from bullbear.definitions import Definition, Kinds, Source
from bullbear.errors import DefinitionError

if TYPE_CHECKING:
    from bullbear.decide.market import Market
    from bullbear.definitions import Question

__all__ = [
    "POLICIES",
    "Forecast",
    "Memory",
    "Needs",
    "NoMemory",
    "Policy",
    "Sleeve",
    "Slot",
    "Stance",
    "State",
    "Stop",
    "TrendState",
    "Trigger",
    "all_needs",
    "load_policy",
    "named_as_sold",
    "read_policy",
]


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

    def idle(self) -> Mapping[str, str]:
        """Agents that this policy never lets hold anything, with the reason; a forecast shows it."""
        return {}

    def bull_only(self) -> Policy:
        """The same policy without its inverse funds, for a fund that has none; itself where it cannot do without."""
        return self

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
