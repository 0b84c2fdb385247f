"""Models and policies about another fund than the one that the definitions name: what a pair puts in whose place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bullbear.decide.instruments import Instrument
from bullbear.decide.pairs import on_pair
from bullbear.decide.policy import Policy
from bullbear.definitions import ModelDefinition, Source
from bullbear.definitions.models import Subject
from bullbear.definitions.pairs import PlacedPair
from bullbear.errors import DefinitionError

USUAL = Subject().ticker
"""The fund that definitions are about where nothing else is said."""


def definition_on_pair(
    definition: ModelDefinition,
    source: Source,
    placed: PlacedPair | None,
    pairs: Callable[[], Mapping[str, PlacedPair]],
) -> ModelDefinition:
    """The model about the fund of a pair; without one as it is.

    Raises
    ------
    DefinitionError
        Its `[target]` names another fund than the pair's, or without a pair another than the usual: nothing built on
        its forecasts would be about that fund.
    """
    own = definition.ticker
    if placed is None:
        if own != USUAL:
            name = pair_about(definition, source, pairs())
            raise DefinitionError(
                _place(source), own, f"{USUAL}, unless the command is about another fund", f"add --pair {name}"
            )
        return definition
    if own not in (USUAL, placed.pair.bull):
        raise DefinitionError(
            _place(source), own, f"{placed.pair.bull}, the fund of --pair {placed.pair.name}", "leave --pair out"
        )
    subject = Subject(ticker=placed.pair.bull, horizon=definition.subject.horizon)
    return definition.model_copy(update={"subject": subject})


def pair_about(definition: ModelDefinition, source: Source, pairs: Mapping[str, PlacedPair]) -> str | None:
    """The name of the pair whose fund a model is about: of several the one named like the fund; None for the usual.

    Raises
    ------
    DefinitionError
        No pair is about it, or several that are named otherwise.
    """
    own = definition.ticker
    if own == USUAL:
        return None
    found = [name for name, each in pairs.items() if each.pair.bull == own]
    if own in found or len(found) == 1:
        return own if own in found else found[0]
    if found:
        raise DefinitionError(_place(source), own, f"a fund of one pair, not of {', '.join(found)}", "add --pair NAME")
    allowed = ", ".join(dict.fromkeys([USUAL, *(each.pair.bull for each in pairs.values())]))
    raise DefinitionError(_place(source), own, f"the fund of a pair: {allowed}", f"add one: `bullbear new pair {own}`")


def policy_on_pair(policy: Policy, placed: PlacedPair, known: Mapping[str, Instrument]) -> Policy:
    """The policy about a pair.

    Raises
    ------
    DefinitionError
        A fund of the pair is no instrument of the right sign, or the policy cannot hold them.
    """
    for ticker, sign in ((placed.pair.bull, 1), *((bear, -1) for bear in placed.pair.bear)):
        fitting = [name for name, each in known.items() if each.multiple * sign > 0]
        if ticker not in fitting:
            allowed = f"an instrument with a {'positive' if sign > 0 else 'negative'} multiple: {', '.join(fitting)}"
            remedy = f"correct the pair, or add it with `bullbear new instrument {ticker}`"
            raise DefinitionError(placed.where, ticker, allowed, remedy)
    try:
        return on_pair(policy, known[placed.pair.bull], [known[bear] for bear in placed.pair.bear])
    except DefinitionError as bad:
        key = bad.where.partition(" ")[2]  # the place is that of a document, not of a file
        where = f"{placed.where}, policy {policy.kind} {key}".rstrip()
        raise DefinitionError(where, bad.value, bad.allowed, "choose another policy for this pair") from bad


def _place(source: Source) -> str:
    return f"{source.where('target', 'ticker')} (target.ticker)"
