"""Feature sets: TOML files of factors, checked against the registry when they are loaded.

A file in the user's own `features/` wins over the packaged one of the same name. What is wrong with a factor - an
unknown function or parameter, an input that is not named, a window out of range, a text that is none of the choices, a
duplicate name - is refused here, with file and line, before any data is read.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from math import inf
from pathlib import Path
from typing import Any

from bullbear.definitions import ASSET, FactorSpec, FeatureSet, Source, Universe, read
from bullbear.definitions.models import FeatureFile
from bullbear.errors import DefinitionError, Found
from bullbear.factors.engine.registry import Factor, kind_of, registered
from bullbear.settings import VINTAGES

KEPT_BY_VINTAGE = frozenset(VINTAGES) | {"CLAIMSx", "EMPLOY", "ROUTPUT"}
"""Series that are stored as whole vintages: revised statistics, whose newest value and older one may not be compared
unless both stand in the same vintage."""


def load(paths: Sequence[Path]) -> tuple[FeatureSet, ...]:
    """The feature sets of `paths`, in order, every factor checked, no name used twice, and one universe for all.

    A DefinitionError names file and line of what cannot be used.
    """
    sets: list[FeatureSet] = []
    seen: dict[str, str] = {}
    for path in paths:
        file, source = read(path, FeatureFile)
        if file.name != path.stem:
            raise DefinitionError(source.where("name"), file.name, f"the file's name, {path.stem}", "rename one")
        specs: list[FactorSpec] = []
        for place, entry in enumerate(file.factor):
            where = source.where("factor", place, "name")
            for spec in entry.specs():
                if spec.name in seen:
                    allowed = f"a new name (it is used at {seen[spec.name]})"
                    raise DefinitionError(where, spec.name, allowed, "rename one")
                seen[spec.name] = where
                check(spec, source, place)
                specs.append(spec)
        feature_set = FeatureSet(name=file.name, why=file.why, universe=file.universe, factor=tuple(specs))
        sets.append(feature_set)
        if feature_set.universe.assets and feature_set.universe != (first := _universe(sets)):
            where = source.where("universe", "assets")
            allowed = f"the same assets as the sets before it, {', '.join(first.assets)}"
            raise DefinitionError(where, ", ".join(feature_set.universe.assets), allowed, "make them equal")
    return tuple(sets)


def _universe(sets: Sequence[FeatureSet]) -> Universe:
    return next((each.universe for each in sets if each.universe.assets), Universe())


def universe(sets: Sequence[FeatureSet], ticker: str) -> tuple[str, ...]:
    """The assets that rows are computed for: those of the sets, else the target's ticker alone.

    Example
    -------
    >>> universe((), "IWM")
    ('IWM',)
    """
    return _universe(sets).assets or (ticker,)


def functions_of(specs: Sequence[FactorSpec]) -> list[Callable[..., object]]:
    """The functions that `specs` run, those that are not registered left out.

    A parameter may name a factor too, as `of` of `event_lift` does.
    """
    known = registered()
    named = {name for spec in specs for name in (spec.function, *map(str, spec.params.values()))}
    return [known[name].function for name in sorted(named & set(known))]


def check(spec: FactorSpec, source: Source, place: int, *, table: str = "factor") -> Factor:
    """The registered factor that `spec`, the `place`-th `[[table]]` of its file, asks for, or a refusal."""
    known = registered()
    if spec.function not in known:
        close = " or ".join(get_close_matches(spec.function, known, n=3))
        raise DefinitionError(
            f"{source.where(table, place, 'function')} ({spec.name})",
            spec.function,
            "a registered factor",
            f"did you mean {close}?" if close else "`bullbear factors` lists them",
        )
    found = known[spec.function]
    _check_inputs(spec, found, f"{source.where(table, place, 'inputs')} ({spec.name})")
    where = f"{source.where(table, place, 'params')} ({spec.name})"
    for name, value in spec.params.items():
        if name not in found.parameters:
            allowed = ", ".join(found.parameters) or "no parameters"
            raise DefinitionError(where, name, allowed, "remove or rename the parameter")
        _check_value(found, name, value, where)
    for name, default in found.parameters.items():
        if default is inspect.Parameter.empty and name not in spec.params:
            raise DefinitionError(where, Found(f"{name} is missing"), f"a value for {name}", "add the parameter")
    try:
        rows = found.rows_needed(spec.params)
    except Exception as bad:
        raise DefinitionError(where, dict(spec.params), "parameters that fit together", str(bad)) from bad
    if rows < 1:
        raise DefinitionError(where, dict(spec.params), "a look-back of at least one row", "correct the windows")
    if rows > 1:
        _refuse_across_vintages(spec, found, f"{source.where(table, place, 'inputs')} ({spec.name})")
    return found


def _check_inputs(spec: FactorSpec, found: Factor, where: str) -> None:
    needed = ", ".join(f"{name} ({kind})" for name, kind in found.inputs.items())
    for name in spec.inputs:
        if name not in found.inputs:
            raise DefinitionError(where, name, needed, "remove or rename the input")
    for name, kind in found.inputs.items():
        series = spec.inputs.get(name)
        if not series:
            raise DefinitionError(where, Found(f"no series for {name}"), needed, f"name a series for {name}")
        if series.startswith("$") and (series != ASSET or kind_of(kind).stored == "observations"):
            allowed = "a series" if series == ASSET else f"{ASSET} or a series"
            raise DefinitionError(where, f"{name} = {series!r}", allowed, "correct the input")


def _refuse_across_vintages(spec: FactorSpec, found: Factor, where: str) -> None:
    """A window over the levels of a series with vintages would take a revision for a change of the economy."""
    for name, kind in found.inputs.items():
        if kind == "level" and spec.inputs[name] in KEPT_BY_VINTAGE:
            raise DefinitionError(
                where,
                f"{name} = {spec.inputs[name]!r}",
                "a series that is never revised, since its values are compared over time",
                "use a factor of releases (release_change, release_growth, release_zscore)",
            )


def _check_value(found: Factor, name: str, value: Any, where: str) -> None:
    default = found.parameters[name]
    if default is not inspect.Parameter.empty:
        number = isinstance(default, (int, float)) and not isinstance(default, bool)
        whole = isinstance(default, int) and not isinstance(default, bool)
        fits = (
            (isinstance(value, int) and not isinstance(value, bool))
            if whole
            else (isinstance(value, (int, float)) and not isinstance(value, bool))
            if number
            else isinstance(value, type(default))
        )
        if not fits:
            kind = "a whole number" if whole else "a number" if number else type(default).__name__
            raise DefinitionError(where, f"{name} = {value!r}", f"{name} as {kind}", "correct the value")
    allowed = found.choices.get(name)
    if allowed is not None and value not in allowed:
        raise DefinitionError(where, f"{name} = {value!r}", f"one of {', '.join(allowed)}", "choose one of them")
    # A window needs at least one row even where its function sets no narrower limit.
    low, high = found.limits.get(name, (1 if name.endswith("window") else -inf, inf))
    if isinstance(value, (int, float)) and not low <= value <= high:
        raise DefinitionError(where, f"{name} = {value!r}", f"{name} from {low:g} to {high:g}", "choose a value inside")
