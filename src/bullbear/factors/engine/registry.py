"""The registry: what a factor is, and the arrays that it reads.

A factor is a pure function from aligned arrays to one array of the same length, shape (n_rows,): a row a session, or a
row a release where it reads `Releases`. Row `i` depends on rows up to `i` only; NaN means missing. Its decorator states
the unit, the look-back, and the bounds where there are any; everything else is read from the function:

- the family from the folder of its module,
- the kind of each input from its annotation,
- the limits and the description of a parameter from the table in `parameters`, unless the factor states its own.

See `technical.momentum.roc` for one of average length.

The engine (`matrix`) feeds a factor what was known at each decision and masks whatever its look-back does not cover. A
function that is not registered, a parameter that it does not have or an input of the wrong kind is refused when the
TOML is loaded.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bullbear.data.versions import Versions
from bullbear.factors.engine.parameter_groups import flattened, packed
from bullbear.factors.engine.parameters import described, limits_of
from bullbear.user_code import Registry

Array = NDArray[np.float64]
F = TypeVar("F", bound=Callable[..., Array])

OWN = "own"
"""The family of a factor in the user's home that names none."""


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

    @property
    def presence(self) -> Array:
        """Missing where the report is."""
        return self.total


@dataclass(frozen=True)
class ShortInterest:
    """Last published short interest at each decision; shape (n_sessions,).

    `shares_short`, `avg_daily_volume` and `shares_outstanding` are in shares, `days_to_cover` in days.
    """

    shares_short: Array
    avg_daily_volume: Array
    days_to_cover: Array
    shares_outstanding: Array

    @property
    def presence(self) -> Array:
        """Missing where the report is."""
        return self.shares_short


Align = Callable[[Versions, str, NDArray[np.int64]], Any]


@dataclass(frozen=True)
class InputKind:
    """A kind of input: what the store calls it, how it is aligned to decisions, and when it is too old.

    `align(versions, series, decided_at)` gives the argument of the factor, a row for each decision (microseconds);
    None for bars and releases, which define the rows of a factor themselves. `max_age_days` is None where each series
    has a rule of its own.
    """

    name: str
    stored: str
    align: Align | None = None
    max_age_days: int | None = None


_KINDS: dict[str, InputKind] = {}
_KIND_OF: dict[str, str] = {}


def input_kind(
    name: str, *, stored: str, annotation: Any = None, max_age_days: int | None = None
) -> Callable[[Align], Align]:
    """Register a function as the reader of a kind of input, in whichever module knows how to read it.

    `name`, `stored` and `max_age_days` are those of `InputKind`; `annotation` is that of an argument of this kind.
    """

    def register(align: Align) -> Align:
        _add_kind(InputKind(name, stored, align, max_age_days), annotation)
        return align

    return register


def _add_kind(kind: InputKind, annotation: Any) -> None:
    _KINDS[kind.name] = kind
    if annotation is not None:
        _KIND_OF[_text(annotation)] = kind.name


def _text(annotation: Any) -> str:
    """An annotation as it is written; it is text already in modules that defer their evaluation."""
    if isinstance(annotation, str):
        return annotation
    return "Array" if annotation == Array else getattr(annotation, "__name__", "")


def kind_of(name: str) -> InputKind:
    """The kind of input registered as `name`."""
    return _KINDS[name]


_add_kind(InputKind("bars", "bars", max_age_days=7), Bars)
_add_kind(InputKind("releases", "observations"), Releases)


@dataclass(frozen=True, eq=False)
class Factor:
    """A registered function and what it declares about itself.

    `parameters` are what a definition may set, with the defaults (`inspect.Parameter.empty` where one is required);
    `groups` are the keywords of the function that are groups of parameters (see `parameter_groups`), with the names in
    each; `defaults` is what the function is called with if a definition sets nothing.
    """

    name: str
    function: Callable[..., Array]
    family: str
    inputs: Mapping[str, str]
    unit: str
    bounds: tuple[float, float] | None
    lookback: Callable[..., int]
    parameters: Mapping[str, Any]
    limits: Mapping[str, tuple[float, float]]
    choices: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, tuple[str, ...]]
    defaults: Mapping[str, Any]
    windowed: Callable[..., bool]

    def rows_needed(self, params: Mapping[str, Any]) -> int:
        """Rows, the current one included, before which the factor is missing."""
        return _rows_needed(self, tuple(params), *params.values())

    def is_windowed(self, params: Mapping[str, Any]) -> bool:
        """Whether a row follows from the last `rows_needed` rows alone, to the last bit."""
        return _is_windowed(self, tuple(params), *params.values())

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

    def describe(self, name: str) -> str:
        """What a parameter or an input means."""
        group = next((group for group, names in self.groups.items() if name in names), None)
        if group is not None:
            return described(type(self.defaults[group]), name)
        arguments = inspect.signature(self.function).parameters
        if name not in arguments:  # one of those that `*sectors` takes
            name = next(each.name for each in arguments.values() if each.kind is each.VAR_POSITIONAL)
        return described(self.function, name)


# Asked for each factor of each forecast, and some look-backs are searches (see `settles`). A factor is known by its
# identity, a value by its type too: 14.0 and True must not be answered with what holds for 14 and 1.
@lru_cache(maxsize=4096, typed=True)
def _rows_needed(factor: Factor, names: tuple[str, ...], *values: Any) -> int:
    return int(factor.lookback(**factor.complete(dict(zip(names, values, strict=True)))))


@lru_cache(maxsize=4096, typed=True)
def _is_windowed(factor: Factor, names: tuple[str, ...], *values: Any) -> bool:
    return bool(factor.windowed(**factor.complete(dict(zip(names, values, strict=True)))))


def _forget_rows() -> None:
    # A look-back may ask for that of another factor, which may have been replaced.
    _rows_needed.cache_clear()
    _is_windowed.cache_clear()


_FACTORS = Registry[Factor]("factor", "factors", _forget_rows)


def factor(
    *,
    unit: str,
    lookback: int | Callable[..., int] | None = None,
    family: str | None = None,
    inputs: Mapping[str, str] | None = None,
    bounds: tuple[float, float] | None = None,
    limits: Mapping[str, tuple[float, float]] | None = None,
    choices: Mapping[str, Sequence[str]] | None = None,
    windowed: bool | Callable[..., bool] = False,
) -> Callable[[F], F]:
    """Register a function as a factor under its own name.

    Parameters
    ----------
    unit
        Unit of the result, as shown to a user ("ratio", "standard deviations", "percentage points").
    lookback
        The rows needed, the current one included: a number, or a function of those parameters that it names. By default
        `window`, or 1 where there is none. A recursive indicator declares the length beyond which its start weighs less
        than 1e-12.
    family
        The family it is listed under; by default the folder of its module.
    inputs
        Argument name to kind of input, in the order of the function's positional arguments; by default as the arguments
        are annotated. `*bars` takes all inputs that are left.
    bounds
        Closed range of the result, where it has one.
    limits
        Parameter name to its allowed closed range; by default that of the table in `parameters`. The parameters of a
        group bring their own.
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
        if "releases" in kinds.values() and len(kinds) > 1:
            raise TypeError(f"{where}: releases cannot be combined with other inputs")
        parameters, bounded, groups = flattened(where, keywords)
        for what, given in (("limits", limits or {}), ("choices", choices or {})):
            if unknown := set(given) - set(parameters):
                raise TypeError(f"{where}: {what} of unknown parameters {sorted(unknown)}")
        shared = {name: found for name in keywords if (found := limits_of(name)) is not None}
        new = Factor(
            name=function.__name__,
            function=function,
            family=family or function.__module__.rpartition(".")[0].rpartition(".")[2] or OWN,
            inputs=kinds,
            unit=unit,
            bounds=bounds,
            lookback=_of_keywords(lookback or (_window if "window" in keywords else 1)),
            parameters=parameters,
            limits={**shared, **bounded, **(limits or {})},
            choices={name: tuple(allowed) for name, allowed in (choices or {}).items()},
            groups=groups,
            defaults={name: value for name, value in keywords.items() if value is not inspect.Parameter.empty},
            windowed=_of_keywords(windowed),
        )
        _FACTORS.add(new.name, new, function.__module__)
        return function

    return register


def _window(window: int) -> int:
    return window


def _of_keywords(declared: Any) -> Callable[..., Any]:
    """`declared`, a constant or a function of some parameters, as a function of all parameters."""
    if not callable(declared):
        return lambda **_: declared
    asked = inspect.signature(declared).parameters.values()
    names = [each.name for each in asked if each.default is each.empty]
    if any(each.kind is each.VAR_KEYWORD for each in asked):
        return lambda **keywords: declared(**keywords)
    return lambda **keywords: declared(**{name: keywords[name] for name in names})


def _kinds(where: str, arguments: Sequence[inspect.Parameter], inputs: Mapping[str, str] | None) -> dict[str, str]:
    """The kind of each positional argument, as `inputs` or its annotation says."""
    named = [each for each in arguments if each.kind is not each.VAR_POSITIONAL]
    positional = [each.name for each in named]
    if inputs is None:
        if unknown := [each.name for each in arguments if each not in named or _text(each.annotation) not in _KIND_OF]:
            raise TypeError(f"{where}: neither inputs nor annotations say what {unknown} are")
        return {each.name: _KIND_OF[_text(each.annotation)] for each in named}
    if positional != (list(inputs) if len(named) == len(arguments) else list(inputs)[: len(named)]):
        raise TypeError(f"{where}: arguments {positional} are not the inputs {list(inputs)}")
    if unknown := sorted(set(inputs.values()) - set(_KINDS)):
        raise TypeError(f"{where}: {unknown} are no kinds of input; allowed: {', '.join(_KINDS)}")
    return dict(inputs)


def registered() -> Mapping[str, Factor]:
    """Every registered factor by name: those shipped, and those of the home in use.

    A DefinitionError names file and line of what cannot be loaded from the home's `factors/`.
    """
    return _FACTORS.entries()


def renew() -> None:
    """Let the factors of the home in use forget what their files remember of earlier calls, such as a memo.

    Every computation that is compared with another must begin with it: the second would else be answered from what the
    first has left behind. DefinitionError as `registered`.
    """
    _FACTORS.renew()
