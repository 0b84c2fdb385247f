"""The refusal of a user's factor that looks ahead; shipped ones are checked by the tests of the package."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from bullbear import user_code
from bullbear.audit.factors.finding import Finding
from bullbear.audit.factors.look_back import look_backs
from bullbear.audit.factors.perturbation import perturbation
from bullbear.audit.factors.truncation import truncation
from bullbear.data.store import Store
from bullbear.definitions import FactorSpec
from bullbear.errors import DefinitionError
from bullbear.factors.engine.feature_sets import functions_of
from bullbear.factors.engine.matrix import compute
from bullbear.factors.engine.registry import registered, renew


def require_causal(store: Store, specs: Sequence[FactorSpec], index: pd.DatetimeIndex, asset: str) -> None:
    """Refuse a user's factor whose rows depend on later sessions; see `truncation`, `perturbation`, `look_backs`.

    Raises
    ------
    DefinitionError
        A factor reads later sessions, or a windowed one more rows than it declares; the message names file and line,
        factor, day and both values.
    """
    own = [spec for spec in specs if _users_functions(spec)]
    if not own or not len(index):
        return
    renew()
    whole = compute(store.as_of(), own, index, asset)
    found = (
        truncation(store, own, index, asset, whole=whole)
        or perturbation(store, own, index, asset, whole=whole)
        or look_backs(store.as_of(), own, index, asset)
    )
    if found:
        raise _refusal(found[0], next(spec for spec in own if spec.name == found[0].factor))


def _users_functions(spec: FactorSpec) -> list[Callable[..., object]]:
    """The functions of users' files that a factor runs, itself or by a parameter such as `of`."""
    return [function for function in functions_of([spec]) if user_code.digests([function])]


def _refusal(finding: Finding, spec: FactorSpec) -> DefinitionError:
    where = f"{user_code.place_of(_users_functions(spec)[0])} ({spec.name})"
    if finding.check == "look-back":
        rows = registered()[spec.function].rows_needed(spec.params)
        given = f"{finding.sentence} of {rows} rows"
        allowed, remedy = (
            "the same bits, as the factor is declared windowed",
            "declare a longer lookback, or windowed=False",
        )
        return DefinitionError(where, given, allowed, remedy)
    allowed = "the same value: a row depends on the rows up to it only"
    return DefinitionError(where, finding.sentence, allowed, "remove what looks ahead")
