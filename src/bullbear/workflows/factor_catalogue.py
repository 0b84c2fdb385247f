"""The catalogue of factors: what each one is, what it reads, and its first day in this store."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import pandas as pd

from bullbear.audit import require_causal
from bullbear.definitions import FactorSpec, FeatureSet, Scalar
from bullbear.errors import DefinitionError, InputError
from bullbear.factors import compute, factor, load, registered
from bullbear.factors.engine.feature_sets import functions_of
from bullbear.factors.engine.parameters import SHARED
from bullbear.home import Home
from bullbear.sessions import closes
from bullbear.user_code import broken_files, digests

_FAMILY_ORDER = (
    "technical",
    "volatility",
    "levels",
    "positioning",
    "breadth",
    "sentiment",
    "macro",
    "sectors",
    "regime",
)
"""Families listed first, in this order."""
FEATURE_SETS_APART = ("odds",)
"""Files in `features/` that define events, not factors."""
_MOST_OFFERED = 6
_LONG = 10
"""Numbered factors in a run beyond which a list shows only the first and the last."""


@dataclass(frozen=True)
class Entry:
    """One declared factor; `first` is the first session with a value, `missing` the share of later ones without.

    `params` are complete, defaults included; `latest` is the value at the last session, None where it is missing.
    """

    name: str
    feature_set: str
    family: str
    function: str
    params: dict[str, Scalar]
    inputs: dict[str, str]
    lookback: int
    unit: str
    sign: int
    summary: str
    first: pd.Timestamp | None
    missing: float | None
    latest: float | None


def families() -> tuple[str, ...]:
    """Every family of a registered factor, in the order in which they are listed."""
    found = {each.family for each in registered().values()}
    return (*(each for each in _FAMILY_ORDER if each in found), *sorted(found - set(_FAMILY_ORDER)))


def feature_sets(home: Home) -> tuple[FeatureSet, ...]:
    """Every feature set that this home sees; two may declare the same name, as long as no model reads both."""
    names = [name for name in home.names("features") if name not in FEATURE_SETS_APART]
    return tuple(load([home.find("features", name)])[0] for name in names)


def names_of(home: Home) -> set[str]:
    """The names of all registered functions and of all declared factors that can be used."""
    return set(registered()) | {spec.name for _, spec in _declared(home, home.ticker)[0]}


def catalogue(
    home: Home,
    ticker: str = "IWM",
    *,
    names: Sequence[str] | None = None,
    family: str | None = None,
    say: Callable[[str], None] | None = None,
) -> list[Entry]:
    """The declared factors by family; `first` and `missing` are None while the store holds no bar of `ticker`.

    Parameters
    ----------
    home
        Whose feature sets and store are read.
    ticker
        Whose sessions are the rows.
    names, family
        Only these factors, only those of a family; nothing else is computed.
    say
        Told of each feature set that cannot be used and each factor of the home that fails, which are passed over.
        Without, a factor that fails is refused.

    Raises
    ------
    InputError
        There is no such factor or family.
    DefinitionError
        There is none, but a file that cannot be used might have it; or a factor of the home fails.
    """
    declared, unusable = _declared(home, ticker)
    if say is not None:
        for bad in unusable:
            say(str(bad))
    specs = [each for each in declared if names is None or each[1].name in names]
    for name in names or ():
        if name not in [spec.name for _, spec in specs]:
            raise _unknown(home, name, ticker)
    if family is not None:
        if family not in families():
            if unusable:
                raise unusable[0]
            raise InputError("--family", family, ", ".join(families()), "choose one of them")
        specs = [each for each in specs if _family(each[1]) == family]
    values = _values(home, [spec for _, spec in specs], ticker, say)
    columns = [None] * len(specs) if values is None else [values[place] for place in range(len(specs))]
    return [_entry(name, spec, column, ticker) for (name, spec), column in zip(specs, columns, strict=True)]


def values_of(home: Home, name: str, ticker: str = "IWM") -> tuple[Entry, pd.Series]:
    """One factor's values at every session of `ticker`.

    Raises
    ------
    InputError
        No feature set declares it, two declare it differently, or the store is empty.
    DefinitionError
        It is a user's factor and fails or looks ahead; see `require_causal`.
    """
    found = [each for each in _declared(home, ticker)[0] if each[1].name == name]
    if not found:
        raise _unknown(home, name, ticker)
    if len(found) > 1:
        files = " and ".join(f"features/{feature_set}.toml" for feature_set, _ in found)
        raise InputError("factor", name, f"a name with one meaning; {files} differ", "rename one of them")
    home.filled_store()
    ((feature_set, spec),) = found
    values = _values(home, [spec], ticker)
    if values is None:
        raise InputError("store", f"no bars of {ticker}", "a store with them", "ingest its prices first")
    require_causal(home.store(), [spec], pd.DatetimeIndex(values.index), ticker)
    return _entry(feature_set, spec, values[0], ticker), values[0].rename(name)


def page(home: Home) -> str:
    """The documentation page, from the definitions and the docstrings of the functions."""
    known = registered()
    lines = [
        "# Factors",
        "",
        "Generated by `make docs` from `features/*.toml` and the functions' docstrings; a test keeps it current.",
        "Look-back is in rows (sessions, or releases for macro factors), the current one included.",
    ]
    for each in feature_sets(home):
        lines += ["", f"## {each.name}", "", each.why, "", "| factor | function | inputs | look-back | unit | what |"]
        lines.append("| --- | --- | --- | --- | --- | --- |")
        for spec in ends_of_runs(each.factor):
            if spec is None:
                lines.append("| ... |  |  |  |  |  |")
                continue
            found = known[spec.function]
            params = ", ".join(f"{key}={value}" for key, value in spec.params.items())
            inputs = _inputs(spec.inputs)
            rows = found.rows_needed(spec.params)
            what = spec.why or found.summary
            lines.append(f"| `{spec.name}` | `{spec.function}({params})` | {inputs} | {rows} | {found.unit} | {what} |")
    used = {spec.function for each in feature_sets(home) for spec in each.factor}
    lines += ["", "## Functions", ""]
    for name in sorted(used):
        lines += [f"### {name}", "", "```text", inspect.getdoc(known[name].function) or "", "```", ""]
    lines += [
        "## Parameters",
        "",
        "What a parameter or an input of this name means where a function does not say more.",
        "",
    ]
    lines += ["| name | meaning | limits |", "| --- | --- | --- |"]
    for name, shared in SHARED.items():
        limits = "" if shared.limits is None else "{:g} to {:g}".format(*shared.limits)
        lines.append(f"| `{name}` | {shared.text} | {limits} |")
    lines.append("")
    options = inspect.getdoc(factor) or ""
    lines += ["## Options of @factor", "", "```text", options, "```", ""]
    groups = {type(known[name].defaults[group]) for name in used for group in known[name].groups}
    lines += ["## Rules", "", "Parameters that functions share. A definition sets them like a function's own.", ""]
    for rules in sorted(groups, key=lambda group: str(group.__name__)):
        lines += [f"### {rules.__name__}", "", "```text", inspect.getdoc(rules) or "", "```", ""]
    return "\n".join(lines).rstrip() + "\n"


class Declared(Protocol):
    """What a factor of a definition and one of the catalogue share."""

    @property
    def name(self) -> str:
        """Of the factor."""

    @property
    def function(self) -> str:
        """The registered function."""

    @property
    def inputs(self) -> Mapping[str, str]:
        """Input to series."""


F = TypeVar("F", bound=Declared)


def ends_of_runs(factors: Sequence[F]) -> list[F | None]:
    """Each factor, but of a run of more than ten of one function with successive numbers the ends, and None between."""
    shown: list[F | None] = []
    for _, each in groupby(factors, _of_one_table):
        run = list(each)
        shown += [run[0], None, run[-1]] if len(run) > _LONG and _is_numbered(run) else run
    return shown


def _of_one_table(found: Declared) -> tuple[object, ...]:
    """What the factors of a table with `each` have in common."""
    return found.function, tuple(found.inputs.items()), found.name.rpartition("_")[0]


def _is_numbered(run: Sequence[Declared]) -> bool:
    """Whether the names end in successive numbers, as those of a table with `each` do."""
    stem, _, first = run[0].name.rpartition("_")
    if not first.isdigit():
        return False
    return [found.name for found in run] == [f"{stem}_{int(first) + place}" for place in range(len(run))]


def write_page(path: Path, home: Home) -> None:
    """Write the documentation page."""
    path.write_text(page(home), encoding="utf-8")


def _declared(home: Home, ticker: str) -> tuple[list[tuple[str, FactorSpec]], list[DefinitionError]]:
    """Each factor with the name of its feature set, by family; in a family the set that bears its name comes first.

    A factor that several sets declare alike is listed once. What cannot be used is the second part.
    """
    specs: list[tuple[str, FactorSpec]] = []
    unusable: list[DefinitionError] = []
    for name in home.names("features"):
        if name in FEATURE_SETS_APART:
            continue
        try:
            specs += [(each.name, spec) for each in load([home.find("features", name)]) for spec in each.factor]
        except DefinitionError as bad:
            unusable.append(bad)
    unusable += [bad for bad in broken_files() if str(bad) not in map(str, unusable)]
    order = families()
    specs.sort(key=lambda each: (order.index(_family(each[1])), each[0] != _family(each[1])))
    listed: dict[str, tuple[str, FactorSpec]] = {}
    for feature_set, spec in specs:
        meaning = repr(
            (spec.name, spec.function, sorted(_params(spec).items()), sorted(spec.inputs_for(ticker).items()))
        )
        listed.setdefault(meaning, (feature_set, spec))
    return list(listed.values()), unusable


def _params(spec: FactorSpec) -> dict[str, Scalar]:
    """The parameters of a factor, those included that its definition leaves to the function."""
    parameters = registered()[spec.function].parameters
    defaults = {key: value for key, value in parameters.items() if value is not inspect.Parameter.empty}
    return {**defaults, **spec.params}


def _family(spec: FactorSpec) -> str:
    return registered()[spec.function].family


def _unknown(home: Home, name: str, ticker: str) -> InputError:
    """The error for an unknown factor, with similar names."""
    declared, unusable = _declared(home, ticker)
    if unusable:
        return unusable[0]
    known = [spec.name for _, spec in declared]
    holding = sorted(
        (each for each in known if name.lower() in each), key=lambda each: not each.startswith(name.lower())
    )
    near = holding or get_close_matches(name.lower(), known, n=_MOST_OFFERED, cutoff=0.6)
    offered = ", ".join(near[:_MOST_OFFERED])
    if len(near) > _MOST_OFFERED:
        offered += f", or one of {len(near) - _MOST_OFFERED} others with this in the name"
    remedy = (
        f"{name} is a family: `bullbear factors --family {name}`" if name in families() else "see `bullbear factors`"
    )
    return InputError("factor", name, offered or "a factor of features/*.toml", remedy)


def _values(
    home: Home, specs: list[FactorSpec], ticker: str, say: Callable[[str], None] | None = None
) -> pd.DataFrame | None:
    """The factors at every session of `ticker`, a column for each place in `specs`: names may recur.

    With `say` a factor of the home that fails is told, and missing.
    """
    view = home.store().as_of()
    if not view.has("bars", ticker):
        return None
    index = pd.DatetimeIndex(view.bars(ticker).index)
    known = index[closes(index) <= view.instant]
    own = [] if say is None else [place for place, spec in enumerate(specs) if digests(functions_of([spec]))]
    others = [place for place in range(len(specs)) if place not in own]
    values = compute(view, [specs[place] for place in others], known, ticker).set_axis(others, axis="columns")
    for place in own:
        try:
            values[place] = compute(view, [specs[place]], known, ticker).iloc[:, 0]
        except DefinitionError as bad:
            assert say is not None
            say(str(bad))
            values[place] = np.nan
    return values[list(range(len(specs)))]


def _entry(feature_set: str, spec: FactorSpec, values: pd.Series | None, ticker: str) -> Entry:
    found = registered()[spec.function]
    first, missing, latest = None, None, None
    if values is not None:
        present = values.notna().to_numpy()
        if present.any():
            start = int(np.argmax(present))
            first, missing = pd.Timestamp(values.index[start]), float(1 - present[start:].mean())
            latest = float(values.iloc[-1]) if present[-1] else None
    return Entry(
        name=spec.name,
        feature_set=feature_set,
        family=found.family,
        function=spec.function,
        params=_params(spec),
        inputs=spec.inputs_for(ticker),
        lookback=found.rows_needed(spec.params),
        unit=found.unit,
        sign=spec.sign,
        summary=spec.why or found.summary,
        first=first,
        missing=missing,
        latest=latest,
    )


def _inputs(inputs: dict[str, str]) -> str:
    return ", ".join(dict.fromkeys(inputs.values()))
