"""Event definitions: `features/odds.toml`, checked when it is loaded.

An event is a moment in the life of one registered factor of the ticker: it passes a level, or has stayed beyond one for
so many sessions. The file says which factor, which rule, and which direction traders read from it, so that a bearish
event is judged by falls. Factors that need a series other than the ticker's own bars, short interest or short volume
are refused: an event must mean the same for every ticker.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from bullbear.definitions import Definition, FactorSpec, Name, Scalar, Sentence, Source, read
from bullbear.errors import DefinitionError, Found, InputError
from bullbear.factors.engine.feature_sets import check
from bullbear.factors.engine.registry import registered

Direction = Literal["bullish", "bearish"]
Rule = Literal["rises_through", "falls_through", "stays_above", "stays_below"]
OWN_KINDS = ("bars", "short_interest", "short_volume")
"""Kinds of input that belong to a ticker."""


class EventSpec(Definition):
    """One event: a factor, the rule by which it makes an event, and what is said about it."""

    name: Name
    indicator: Annotated[str, StringConstraints(min_length=2)]
    """The indicator as traders write it, e.g. "MACD(12, 26, 9)"; events of one indicator supersede each other.
    One whose opposite is not defined is active until its horizon is over, too."""
    direction: Direction
    """What traders expect to follow: rises (bullish) or falls (bearish)."""
    function: Name
    params: dict[str, Scalar] = Field(default_factory=dict)
    rule: Rule
    level: float
    sessions: int | None = Field(default=None, ge=2, le=252)
    """For the `stays` rules: the session, counted from the first beyond the level, at which the event happens."""
    says: Sentence
    """The clause that a statement begins with: "the MACD histogram turned positive"."""
    why: str = ""

    def factor(self, ticker: str) -> FactorSpec:
        """The factor of `ticker` on which the event is seen."""
        inputs = registered()[self.function].inputs
        return FactorSpec(
            name=self.name, function=self.function, params=self.params, inputs={name: ticker for name in inputs}
        )


class EventSet(Definition):
    """`features/odds.toml`: the events, and one sentence of why."""

    name: Name
    why: Sentence
    event: tuple[EventSpec, ...] = Field(min_length=1, strict=False)  # TOML has lists, no tuples

    def named(self, names: list[str]) -> tuple[EventSpec, ...]:
        """The events of those names (InputError if one is unknown), in the file's order; all if none is named."""
        known = [event.name for event in self.event]
        for name in names:
            if name not in known:
                raise InputError("event", name, ", ".join(known), "choose one of them, or define it in odds.toml")
        return tuple(event for event in self.event if not names or event.name in names)


def load(path: Path, *, only: Collection[str] | None = None) -> EventSet:
    """The event set of a TOML file, checked against the registry of factors; a DefinitionError names file and line.

    `only` are the names of the events that are taken, None for all.
    """
    events, source = read(path, EventSet)
    if events.name != path.stem:
        raise DefinitionError(source.where("name"), events.name, f"the file's name, {path.stem}", "rename one")
    seen: dict[str, str] = {}
    for place, event in enumerate(events.event):
        where = source.where("event", place, "name")
        if event.name in seen:
            raise DefinitionError(where, event.name, f"a new name (it is used at {seen[event.name]})", "rename one")
        seen[event.name] = where
        if only is None or event.name in only:
            _check(event, source, place)
    taken = tuple(event for event in events.event if only is None or event.name in only)
    return events.model_copy(update={"event": taken})


def _check(event: EventSpec, source: Source, place: int) -> None:
    known = registered().get(event.function)
    stub = FactorSpec(
        name=event.name,
        function=event.function,
        params=event.params,
        inputs={name: "TICKER" for name in known.inputs} if known else {},
    )
    found = check(stub, source, place, table="event")
    for name, kind in found.inputs.items():
        if kind not in OWN_KINDS:
            raise DefinitionError(
                f"{source.where('event', place, 'function')} ({event.name})",
                f"{event.function}, which reads {name} ({kind})",
                f"factors of {', '.join(OWN_KINDS)} alone",
                "choose a factor of the ticker itself",
            )
    stays = event.rule.startswith("stays")
    if stays != (event.sessions is not None):
        allowed = f"sessions with {event.rule}" if stays else f"no sessions with {event.rule}"
        where = source.where("event", place, "sessions" if event.sessions is not None else "rule")
        raise DefinitionError(
            f"{where} ({event.name})",
            Found("sessions is missing") if event.sessions is None else event.sessions,
            allowed,
            "add sessions = n" if stays else "remove the key",
        )
