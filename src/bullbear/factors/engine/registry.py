"""The registry: what a factor is, and the arrays it may look at.

A factor is a pure function from aligned arrays to one array of the same length, row `i` of which depends on rows up to
`i` only. It declares its family, what kind of input each argument is, its unit, its bounds and its look-back; the
engine (`matrix`) feeds it what was known at each decision and masks whatever the look-back does not yet cover. A
function that is not registered, a parameter it does not have or an input of the wrong kind is refused when the TOML is
loaded.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from bullbear.factors.engine.parameter_groups import flattened, packed

Array = NDArray[np.float64]
Kind = Literal["bars", "level", "half_year_change", "releases", "short_volume", "short_interest"]
"""`level` is the last value published by each row, `half_year_change` that of a monthly series less the value six
months before in the same vintage: the difference of two levels would compare numbers of two vintages."""
OBSERVED: tuple[Kind, ...] = ("level", "half_year_change", "releases")
"""Kinds that are read from a macro series."""
Family = Literal["technical", "volatility", "levels", "positioning", "macro", "sectors", "regime"]
F = TypeVar("F", bound=Callable[..., Array])


@dataclass(frozen=True)
class Bars:
    """Daily bars of one ticker on the sessions it traded (joint ones, if a factor reads several tickers).

    Every array has shape (n_sessions,). Prices are adjusted for splits and dividends, so ratios are total returns;
    their level has no meaning. `volume` is in shares, NaN where the provider has none.
    """

    sessions: NDArray[np.datetime64]
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array


@dataclass(frozen=True)
class Releases:
    """One series in the order of its periods, in the version known at one instant; shape (n_releases,)."""

    event_date: NDArray[np.datetime64]
    value: Array


@dataclass(frozen=True)
class ShortVolume:
    """Last published daily short-sale volume at each decision, in shares; shape (n_sessions,)."""

    short: Array
    total: Array


@dataclass(frozen=True)
class ShortInterest:
    """Last published short interest at each decision; shape (n_sessions,).

    `shares_short`, `avg_daily_volume` and `shares_outstanding` are in shares, `days_to_cover` in days.
    """

    shares_short: Array
    avg_daily_volume: Array
    days_to_cover: Array
    shares_outstanding: Array


@dataclass(frozen=True, eq=False)
class Factor:
    """A registered function and what it declares about itself."""

    name: str
    function: Callable[..., Array]
    family: Family
    inputs: Mapping[str, Kind]
    unit: str
    bounds: tuple[float, float] | None
    lookback: Callable[..., int]
    parameters: Mapping[str, Any]
    """What a definition may set, with its defaults (`inspect.Parameter.empty` where required)."""
    limits: Mapping[str, tuple[float, float]]
    choices: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, tuple[str, ...]]
    """Keywords of the function that are groups of parameters (see `parameter_groups`), with the names in each."""
    defaults: Mapping[str, Any]
    """What the function is called with if a definition sets nothing."""
    windowed: bool | Callable[..., bool]

    def rows_needed(self, params: Mapping[str, Any]) -> int:
        """Rows, the current one included, before which the factor is missing."""
        return _rows_needed(self, tuple(params), *params.values())

    def is_windowed(self, params: Mapping[str, Any]) -> bool:
        """Whether a row follows from the last `rows_needed` rows alone, to the last bit."""
        return self.windowed if isinstance(self.windowed, bool) else _is_windowed(self, tuple(params), *params.values())

    def complete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The keywords of a call: `params` with the defaults filled in and the groups put together."""
        keywords = {**self.defaults, **params}
        for group, names in self.groups.items():
            changed = {name: keywords.pop(name) for name in names if name in keywords}
            keywords[group] = packed(keywords[group], changed)
        return keywords

    def settled(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Every parameter as a definition may set it, defaults filled in; `2` for a fraction is `2.0`."""
        values = {name: params.get(name, default) for name, default in self.parameters.items()}
        fractions = {name for name, default in self.parameters.items() if isinstance(default, float)}
        return {name: float(value) if name in fractions else value for name, value in values.items()}

    @property
    def summary(self) -> str:
        """The first sentence of the docstring."""
        return (inspect.getdoc(self.function) or "").split("\n\n")[0].replace("\n", " ")


# Asked for each factor of each forecast, and some look-backs are searches (see `settles`). A factor is known by its
# identity, a value by its type too: 14.0 and True must not be answered with what holds for 14 and 1.
@lru_cache(maxsize=4096, typed=True)
def _rows_needed(factor: Factor, names: tuple[str, ...], *values: Any) -> int:
    return int(factor.lookback(**factor.complete(dict(zip(names, values, strict=True)))))


@lru_cache(maxsize=4096, typed=True)
def _is_windowed(factor: Factor, names: tuple[str, ...], *values: Any) -> bool:
    told = factor.windowed
    return told if isinstance(told, bool) else told(**factor.complete(dict(zip(names, values, strict=True))))


_FACTORS: dict[str, Factor] = {}
# As text: annotations are not evaluated in modules that defer them, and ours all do.
_KINDS: Mapping[str, Kind] = {
    "Bars": "bars",
    "Array": "level",
    "Releases": "releases",
    "ShortVolume": "short_volume",
    "ShortInterest": "short_interest",
}


def factor(
    *,
    family: Family,
    unit: str,
    lookback: Callable[..., int],
    inputs: Mapping[str, Kind] | None = None,
    bounds: tuple[float, float] | None = None,
    limits: Mapping[str, tuple[float, float]] | None = None,
    choices: Mapping[str, Sequence[str]] | None = None,
    windowed: bool | Callable[..., bool] = False,
) -> Callable[[F], F]:
    """Register a function as a factor under its own name.

    Parameters
    ----------
    family
        The family it is listed under.
    unit
        Unit of the result, as shown to a user ("ratio", "standard deviations", "percentage points").
    lookback
        From the function's keywords to the rows needed, the current one included. A recursive indicator declares the
        length beyond which its start weighs less than 1e-12.
    inputs
        Argument name to kind of input, in the order of the function's positional arguments; as the arguments are
        annotated unless said. `*bars` takes all inputs that are left.
    bounds
        Closed range of the result, where it has one.
    limits
        Parameter name to its allowed closed range; the parameters of a group bring their own.
    choices
        Parameter name to the texts it may be.
    windowed
        Whether the last row of any stretch of look-back length or longer is, to the last bit, that row of the whole
        history; or a function that says so from the parameters, as `lookback` does. A daily update then computes that
        stretch instead of all; only a recursive indicator, whose start fades but never ends, cannot say so.

    Raises
    ------
    TypeError
        The function's arguments do not fit the declaration; a mistake of its author.
    """

    def register(function: F) -> F:
        where = f"factor {function.__name__}"
        signature = inspect.signature(function).parameters.values()
        keywords = {p.name: p.default for p in signature if p.kind is p.KEYWORD_ONLY}
        kinds = _kinds(where, [p for p in signature if p.kind is not p.KEYWORD_ONLY], inputs)
        earlier = _FACTORS.get(function.__name__)
        # A test runner may load the same module a second time under its own name.
        if earlier is not None and earlier.function.__code__.co_filename != function.__code__.co_filename:
            raise TypeError(f"{where} is registered twice")
        if "releases" in kinds.values() and len(kinds) > 1:
            raise TypeError(f"{where}: releases cannot be combined with other inputs")
        parameters, bounded, groups = flattened(where, keywords)
        for what, given in (("limits", limits or {}), ("choices", choices or {})):
            if unknown := set(given) - set(parameters):
                raise TypeError(f"{where}: {what} of unknown parameters {sorted(unknown)}")
        # A look-back may ask for that of another factor, which this one may replace.
        _rows_needed.cache_clear()
        _FACTORS[function.__name__] = Factor(
            name=function.__name__,
            function=function,
            family=family,
            inputs=kinds,
            unit=unit,
            bounds=bounds,
            lookback=lookback,
            parameters=parameters,
            limits={**bounded, **(limits or {})},
            choices={name: tuple(allowed) for name, allowed in (choices or {}).items()},
            groups=groups,
            defaults={name: value for name, value in keywords.items() if value is not inspect.Parameter.empty},
            windowed=windowed,
        )
        return function

    return register


def _kinds(where: str, arguments: Sequence[inspect.Parameter], inputs: Mapping[str, Kind] | None) -> dict[str, Kind]:
    """The kind of each positional argument, as `inputs` or its annotation says."""
    named = [each for each in arguments if each.kind is not each.VAR_POSITIONAL]
    positional = [each.name for each in named]
    if inputs is None:
        if unknown := [each.name for each in arguments if each not in named or each.annotation not in _KINDS]:
            raise TypeError(f"{where}: neither inputs nor annotations say what {unknown} are")
        return {each.name: _KINDS[each.annotation] for each in named}
    if positional != (list(inputs) if len(named) == len(arguments) else list(inputs)[: len(named)]):
        raise TypeError(f"{where}: arguments {positional} are not the inputs {list(inputs)}")
    return dict(inputs)


def registered() -> Mapping[str, Factor]:
    """Every registered factor by name; importing `bullbear.factors` fills it."""
    return MappingProxyType(_FACTORS)


def settles(*ratios: float, tolerance: float = 1e-12) -> int:
    """Rows after which a cascade of exponential smoothers has forgotten its start.

    A smoother that keeps the share `r` of its past weighs its start by r**n after n rows; of a cascade the slowest
    dominates, and every further stage of the same speed adds a power of n, hence the search.

    Parameters
    ----------
    ratios
        For each stage the share kept from one row to the next: 1 - 2 / (window + 1) for an EMA, 1 - 1 / window for
        Wilder's smoothing.
    tolerance
        The weight below which the start counts as forgotten.

    Example
    -------
    >>> settles(0.5)
    40
    """
    slowest = max(ratios)
    stages = len(ratios)
    rows = 1
    while True:
        # A negative-binomial tail bounds the start's weight in a cascade of equal stages from above.
        weight = sum(_choose(rows, k) * slowest ** (rows - k) * (1 - slowest) ** k for k in range(stages))
        if weight < tolerance:
            return rows
        rows += 1


def _choose(n: int, k: int) -> float:
    result = 1.0
    for i in range(k):
        result = result * (n - i) / (i + 1)
    return result


def names(factors: Sequence[Factor]) -> list[str]:
    """The names of `factors`, sorted."""
    return sorted(f.name for f in factors)
