"""A policy about another fund: its instruments replaced by those of a pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bullbear.decide.instruments import Instrument
from bullbear.decide.policy import POLICIES, Policy
from bullbear.errors import DefinitionError, Found


def on_pair(policy: Policy, bull: Instrument, bears: Sequence[Instrument]) -> Policy:
    """The same policy with `bull` for every long fund and, for every inverse one, that of `bears` nearest in gearing.

    Without `bears` it is the policy's `bull_only`.

    Raises
    ------
    DefinitionError
        The policy cannot hold these instruments, for example because none is geared enough for its exposure.
    """
    held = policy if bears else policy.bull_only()
    return POLICIES.read(_replaced(held.model_dump(mode="json"), bull, bears))


def _replaced(value: Any, bull: Instrument, bears: Sequence[Instrument]) -> Any:
    if isinstance(value, Mapping):
        if _is_instrument(value):
            return _counterpart(value, bull, bears)
        return {key: _replaced(each, bull, bears) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        new = [_replaced(each, bull, bears) for each in value]
        # Two funds may have one counterpart; a list that names it twice would be refused.
        return [each for place, each in enumerate(new) if not (_is_instrument(each) and each in new[:place])]
    return value


def _is_instrument(value: Any) -> bool:
    return isinstance(value, Mapping) and {"ticker", "multiple"} <= value.keys()


def _counterpart(dumped: Mapping[str, Any], bull: Instrument, bears: Sequence[Instrument]) -> dict[str, Any]:
    multiple = float(dumped["multiple"])
    if multiple == 0.0:
        return dict(dumped)
    if multiple < 0.0 and not bears:
        raise DefinitionError("pair", Found("no inverse fund"), f"one in the place of {dumped['ticker']}", "add it")
    new = bull if multiple > 0.0 else min(bears, key=lambda bear: abs(bear.multiple - multiple))
    return new.model_dump(mode="json")
