"""What a factor may see at each decision: stored versions turned into aligned arrays, by `known_at` and nothing else.

Values that are published now and then are turned into *states*: from which instant on which value was the newest one
known. A decision sees the state in force at its close. A published value that has grown older than its series' rule
allows is missing, not carried on: NAPM ended in 2016 and must not speak in 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from bullbear.data.publication import RULES, rule_of
from bullbear.data.versions import Columns, Versions, newest_rows, versions_of
from bullbear.factors.engine.registry import Array, Bars, Releases, ShortInterest, ShortVolume, input_kind

_DAY = 86_400_000_000
_NEVER = np.iinfo(np.int64).max
_LONG_AGO = -(2**62)


@dataclass(frozen=True)
class States:
    """From `known_at[i]` on `value[i]` was the newest, describing `event_date[i]`; instants in microseconds, sorted."""

    known_at: np.ndarray
    event_date: np.ndarray
    value: np.ndarray

    def at(self, decided_at: np.ndarray, max_age_days: float | Ages) -> np.ndarray:
        """The value in force at each decision, NaN before the first and when too old; shape (n, ...) as `value`."""
        days = max_age_days.at(decided_at) if isinstance(max_age_days, Ages) else max_age_days
        place = np.searchsorted(self.known_at, decided_at, side="right") - 1
        found = np.where(place >= 0, place, 0)
        if not len(self.known_at):
            return np.full((len(decided_at), *self.value.shape[1:]), np.nan)
        fresh = (place >= 0) & (decided_at - self.event_date[found] <= days * _DAY)
        result = self.value[found].astype(np.float64)
        result[~fresh] = np.nan
        return result


def microseconds(index: pd.DatetimeIndex | pd.Series) -> np.ndarray:
    """Instants or days as int64 microseconds since 1970 (UTC)."""
    return pd.DatetimeIndex(index).as_unit("us").asi8


def last_known(versions: Versions) -> States:
    """The newest event's newest version after each row; of a series with vintages, within the vintage in force.

    The value has one column for each number of the versions, in their order; shape (n, n_numbers).
    """
    return States(versions.known_at, *versions.causal(_newest_values))


def _newest_values(versions: Versions) -> Columns:
    (row,) = newest_rows(versions)
    return versions.event_date[row], np.column_stack([column[row] for column in versions.numbers.values()])


@dataclass(frozen=True)
class Span:
    """A stretch of time without revisions: publication instants, the newest release at each, the releases."""

    instants: np.ndarray
    newest: np.ndarray
    releases: Releases


def release_states(spans: Sequence[Span], function: Callable[[Releases], Array]) -> States:
    """States of a factor computed on releases: its newest value after each publication or revision.

    Between two revisions a series only grows, so one causal pass serves the whole span; at each revision (and for each
    vintage) the factor is computed anew on the series as it was known from then on.
    """
    parts = [(span, function(span.releases)) for span in spans]
    events = [span.releases.event_date.view("int64")[span.newest] for span, _ in parts]
    return States(
        np.concatenate([span.instants for span, _ in parts]),
        np.concatenate(events),
        np.concatenate([values[span.newest] for span, values in parts]),
    )


def release_spans(versions: Versions, first: int = _LONG_AGO, last: int = _NEVER) -> list[Span]:
    """The spans of a series that can matter to decisions from `first` to `last` (microseconds), in order of time.

    Each vintage, where there are any, makes spans of its own. It is in force from its first row until the first row of
    any newer one, as `View.observations` serves it; what is stored without a vintage counts as older than all. A
    correction counts from its own `known_at` on.
    """
    known = versions.known_at
    (in_force,) = versions.causal(_vintage_in_force)
    begin = max(int(np.searchsorted(known, first, side="right")) - 1, 0)
    end = max(int(np.searchsorted(known, last, side="right")), begin + 1)
    spans: list[Span] = []
    for vintage in np.unique(in_force[begin:end]):
        # A vintage that is ever in force is so from its first row on, so all of its rows lie behind that one.
        start = int(np.searchsorted(in_force, vintage))
        stop = int(np.searchsorted(in_force, vintage, side="right"))
        until = _NEVER
        if stop < len(known):
            until = known[stop]
            stop = int(np.searchsorted(known, until))
        rows = np.flatnonzero(versions.vintage[start:stop] == vintage) + start
        if len(rows):  # none, if a newer vintage came at the same instant
            events, values = versions.event_date[rows], versions.numbers["value"][rows]
            spans += _spans_of_vintage(events, known[rows], values, first, last)
    return spans


def _vintage_in_force(versions: Versions) -> Columns:
    return (np.maximum.accumulate(versions.vintage),)


def _spans_of_vintage(events: np.ndarray, known: np.ndarray, values: np.ndarray, first: int, last: int) -> list[Span]:
    if known[0] == known[-1]:  # a vintage is mostly published as a whole
        return [Span(known[:1], np.array([len(events) - 1]), _releases(events, values))]
    spans = []
    for start, stop in revision_spans(events, known):
        if stop <= first or (start > last and start > known[0]):
            continue
        seen = np.flatnonzero(known < stop)
        # The last version of each event: rows are sorted by known_at, so the later one of equal events wins.
        order = seen[np.argsort(events[seen], kind="stable")]
        latest = order[np.append(events[order][1:] != events[order][:-1], True)]
        instants = np.unique(known[(known >= start) & (known < stop)])
        # The newest event at each instant: the running maximum of events over everything known by then.
        newest = np.maximum.accumulate(events)[np.searchsorted(known, instants, side="right") - 1]
        spans.append(Span(instants, np.searchsorted(events[latest], newest), _releases(events[latest], values[latest])))
    return spans


def _releases(events: np.ndarray, values: np.ndarray) -> Releases:
    return Releases(events.view("datetime64[us]"), values)


def revision_spans(events: np.ndarray, known: np.ndarray) -> list[tuple[int, int]]:
    """Half-open spans of instants within which no event that was already passed is written again.

    `events` and `known` are event_date and known_at of every version in microseconds, sorted by (known, events).

    Example
    -------
    >>> spans = revision_spans(np.array([1, 2, 1, 3]), np.array([10, 20, 25, 30]))
    >>> [(a, b) for a, b in spans if b < 99] + [spans[-1][0]]
    [(10, 25), 25]
    """
    if not len(events):
        return []
    cuts = np.unique(known[_written_again(events, known)])
    starts = np.concatenate([[known[0]], cuts[cuts > known[0]]])
    stops = np.concatenate([starts[1:], [_NEVER]])
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


def _written_again(events: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Whether a row's event is no newer than one that was known before its instant."""
    first_of_instant = np.searchsorted(known, known, side="left")
    ceiling = np.concatenate([[np.iinfo(np.int64).min], np.maximum.accumulate(events)])[first_of_instant]
    return np.asarray(events <= ceiling)


@dataclass(frozen=True)
class DatedBars:
    """Adjusted bars of one ticker, their sessions and the instant at which each was known, in microseconds."""

    bars: Bars
    days: np.ndarray
    known: np.ndarray

    def at(self, rows: slice | np.ndarray) -> DatedBars:
        """Some of the rows."""
        columns = [getattr(self.bars, name)[rows] for name in _COLUMNS]
        return DatedBars(Bars(*columns), self.days[rows], self.known[rows])


def bar_spans(versions: Versions) -> list[tuple[int, int]]:
    """`revision_spans` of bars."""
    *_, revised = versions.causal(_adjusted)
    if len(versions) and not revised[-1]:
        return [(int(versions.known_at[0]), _NEVER)]
    return revision_spans(versions.event_date, versions.known_at)


def dated_bars(versions: Versions, stop: int = _NEVER) -> DatedBars:
    """The latest version known before `stop` (microseconds) of every complete bar, in order of sessions.

    A row without a complete set of prices is left out; every price is scaled by adj_close / close.
    """
    seen = int(np.searchsorted(versions.known_at, stop, side="left"))
    opened, high, low, complete, lacking, shuffled, _ = (column[:seen] for column in versions.causal(_adjusted))
    rows: slice | np.ndarray = slice(0, seen)
    if seen and shuffled[-1]:
        order = np.argsort(versions.event_date[:seen], kind="stable")  # of equal events the later version comes last
        latest = order[np.append(np.diff(versions.event_date[order]) > 0, True)]
        rows = latest[complete[latest]]
    elif seen and lacking[-1]:
        rows = np.flatnonzero(complete)
    days = versions.event_date[rows]
    close, volume = versions.numbers["adj_close"][rows], versions.numbers["volume"][rows]
    bars = Bars(days.view("datetime64[us]"), opened[rows], high[rows], low[rows], close, volume)
    return DatedBars(bars, days, versions.known_at[rows])


def _adjusted(versions: Versions) -> Columns:
    """Adjusted open, high and low; whether the row is complete, whether one up to it is not; whether one up to it is
    out of the order of sessions, and whether one writes a session again.
    """
    prices = versions.numbers
    with np.errstate(divide="ignore", invalid="ignore"):  # a price of zero is no price
        ratio = prices["adj_close"] / prices["close"]
        adjusted = [prices[name] * ratio for name in ("open", "high", "low")]
    complete = np.asarray(np.isfinite(adjusted).all(axis=0))
    events = versions.event_date
    again = _written_again(events, versions.known_at)
    shuffled = np.zeros(len(events), dtype=bool)
    shuffled[1:] = events[1:] <= np.maximum.accumulate(events)[:-1]
    since = [np.asarray(np.logical_or.accumulate(flags)) for flags in (~complete, shuffled, again)]
    return *adjusted, complete, *since


def joint(parts: Sequence[DatedBars]) -> tuple[list[Bars], np.ndarray]:
    """Bars of several tickers on the sessions on which all of them traded, and when each row was known.

    The second result is the instant from which a row and all rows before it were known, in microseconds; shape
    (n_sessions,).
    """
    if all(len(part.days) for part in parts):
        begin = max(part.days[0] for part in parts)
        parts = [_from_day(part, begin) for part in parts]
    days = parts[0].days
    for part in parts[1:]:
        if not np.array_equal(days, part.days):
            days = np.intersect1d(days, part.days, assume_unique=True)
    parts = [part if len(part.days) == len(days) else part.at(np.searchsorted(part.days, days)) for part in parts]
    known = parts[0].known
    for part in parts[1:]:
        known = np.maximum(known, part.known)
    return [part.bars for part in parts], np.maximum.accumulate(known)


def since(parts: Sequence[DatedBars], decided: int, rows: int) -> Sequence[DatedBars]:
    """`parts` from a common day on, from which each has `rows` rows or more up to an instant; all if one has fewer.

    For bars of one span without revisions: what came before that day was then known before what came after it.
    """
    begins = [int(np.searchsorted(part.days, decided)) - rows for part in parts]
    if min(begins) <= 0:
        return parts
    day = min(part.days[begin] for part, begin in zip(parts, begins, strict=True))
    return [_from_day(part, day) for part in parts]


def _from_day(part: DatedBars, day: int) -> DatedBars:
    if part.days[0] >= day:
        return part
    return part.at(slice(int(np.searchsorted(part.days, day)), None))


_COLUMNS = tuple(field.name for field in fields(Bars))


def joint_bars(frames: Sequence[pd.DataFrame]) -> tuple[list[Bars], np.ndarray]:
    """`joint` of frames as `View.bars` serves them."""
    return joint([dated_bars(versions_of(frame.reset_index())) for frame in frames])


_FIRST_VERSIONS = 50


@dataclass(frozen=True)
class Ages:
    """From `known_at[i]` on a value of a series was stale after `days[i]`; instants in microseconds, sorted."""

    known_at: np.ndarray
    days: np.ndarray

    def at(self, decided_at: np.ndarray) -> np.ndarray:
        """Days in force at each decision, shape (n,)."""
        return self.days[np.maximum(np.searchsorted(self.known_at, decided_at, side="right") - 1, 0)]


def level_max_ages(series: str, versions: Versions) -> float | Ages:
    """Days after which the last published value of `series` is no longer used, as one could judge at each instant.

    A series without a rule is judged by the spacing of its first periods, of those only that were known.
    """
    if series in RULES:
        return float(RULES[series].max_age_days)
    return Ages(versions.known_at, *versions.causal(_ages_by_spacing))


def _ages_by_spacing(versions: Versions) -> Columns:
    events = _first_events(versions)
    days = [_age_by_spacing(events[: i + 1]) for i in range(len(events))]
    return (np.array(days + days[-1:] * (len(versions) - len(days))),)


def _first_events(versions: Versions) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(versions.event_date[:_FIRST_VERSIONS].view("datetime64[us]"))


def _age_by_spacing(events: pd.DatetimeIndex) -> float:
    return float(rule_of("", events.unique().sort_values()).max_age_days)


def level_max_age(series: str, versions: Versions) -> float:
    """Days after which the last published value of `series` is no longer used, judged by all of `versions`."""
    if series in RULES:
        return float(RULES[series].max_age_days)
    return _age_by_spacing(_first_events(versions))


@input_kind("level", stored="observations", annotation=Array)
def level(versions: Versions, series: str, decided: np.ndarray) -> Array:
    """The last value published by each decision, missing once it is older than the series' rule allows."""
    return last_known(versions).at(decided, level_max_ages(series, versions))[:, 0]


@input_kind("short_volume", stored="short_volume", annotation=ShortVolume, max_age_days=7)
def short_volume(versions: Versions, series: str, decided: np.ndarray) -> ShortVolume:
    """The last daily short-sale volume published by each decision."""
    columns = _columns(versions, decided, 7)
    return ShortVolume(columns["short_volume"], columns["total_volume"])


@input_kind("short_interest", stored="short_interest", annotation=ShortInterest, max_age_days=45)
def short_interest(versions: Versions, series: str, decided: np.ndarray) -> ShortInterest:
    """The last short interest published by each decision."""
    return ShortInterest(**_columns(versions, decided, 45))


def _columns(versions: Versions, decided: np.ndarray, max_age_days: int) -> dict[str, Array]:
    values = last_known(versions).at(decided, max_age_days)
    return dict(zip(versions.numbers, values.T.copy(), strict=True))
