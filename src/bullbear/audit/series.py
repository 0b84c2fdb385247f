"""The series that a model reads, and who reads each: its factors, those of its policy, and its labels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from bullbear.audit.changes import EVERY
from bullbear.audit.subject import Subject
from bullbear.data.companies.kinds import PREFIX
from bullbear.definitions import FactorSpec
from bullbear.factors import registered, universe
from bullbear.factors.engine.registry import kind_of
from bullbear.group.breadth_table import KIND as BREADTH

Series = tuple[str, str]
"""The kind of the store and the series."""

MADE_OF = {"bars": ("bars", "raw_bars", "splits", "dividends")}
"""The kinds of the store that are served as one."""
_INSIDE = frozenset((f"{PREFIX}{kind}", EVERY) for kind in ("bars", "splits", "dividends", "listings"))
"""What breadth is computed from beside the lists of holdings."""


def assets_of(subject: Subject) -> list[str]:
    """The fund, and the other assets that rows are about."""
    return sorted({subject.ticker, *universe(subject.feature_sets, subject.ticker)})


def readers_of(subject: Subject) -> Mapping[Series, list[FactorSpec]]:
    """The factors by the series that they read; the bars of the fund are there, even if no factor reads them."""
    found: dict[Series, list[FactorSpec]] = {("bars", asset): [] for asset in assets_of(subject)}
    for spec in subject.specs:
        for series in dict.fromkeys(each for asset in assets_of(subject) for each in read_by(spec, asset)):
            found.setdefault(series, []).append(spec)
    return dict(sorted(found.items()))


def read_by(spec: FactorSpec, asset: str) -> list[Series]:
    """The series that a factor reads, each once."""
    kinds, names = registered()[spec.function].inputs, spec.inputs_for(asset)
    return list(dict.fromkeys((_stored(kind), names[name]) for name, kind in kinds.items()))


@cache
def _stored(kind: str) -> str:
    return kind_of(kind).stored


def stored_as(series: Series) -> frozenset[Series]:
    """What is changed in the store to change a series; bars may be derived from others, breadth always is."""
    kind, name = series
    if kind == BREADTH:
        return _INSIDE | {("holdings", name)}
    return frozenset((each, name) for each in MADE_OF.get(kind, (kind,)))
