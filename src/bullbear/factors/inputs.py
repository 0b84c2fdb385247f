"""What a factor may see at each decision: stored rows turned into aligned arrays, by `known_at` and nothing else.

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
from bullbear.factors.registry import Array, Bars, Releases

_DAY = 86_400_000_000
_NAT = np.iinfo(np.int64).min
_NEVER = np.iinfo(np.int64).max
SHORT_VOLUME_MAX_AGE_DAYS = 7
SHORT_INTEREST_MAX_AGE_DAYS = 45


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


def last_known(versions: pd.DataFrame, columns: list[str]) -> States:
    """The newest event and its newest version, as they became known.

    Parameters
    ----------
    versions
        Rows with event_date, known_at and `columns`, sorted by (known_at, event_date).
    """
    events, known = microseconds(versions["event_date"]), microseconds(versions["known_at"])
    # A correction of an older event is news about the past, not the newest value.
    newest = events >= np.maximum.accumulate(events)
    return States(known[newest], events[newest], versions.loc[newest, columns].to_numpy(dtype=np.float64))


@dataclass(frozen=True)
class Span:
    """A stretch of time without revisions: publication instants, the newest release at each, the releases."""

    instants: np.ndarray
    newest: np.ndarray
    releases: Releases


def spans_in_force(spans: Sequence[Span], first: int, last: int) -> Sequence[Span]:
    """The spans that can matter to decisions from `first` to `last` (microseconds): exact, and few for one day."""
    starts = [int(span.instants[0]) for span in spans]
    begin = max(int(np.searchsorted(starts, first, side="right")) - 1, 0)
    return spans[begin : max(int(np.searchsorted(starts, last, side="right")), begin + 1)]


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


def release_spans(versions: pd.DataFrame) -> list[Span]:
    """The spans of a series' versions; each vintage, where it has them, makes spans of its own.

    A vintage is in force from its first row until the first row of any newer one, as `View.observations` serves it;
    what is stored without a vintage counts as older than all. A correction counts from its own `known_at` on.
    """
    events, known = microseconds(versions["event_date"]), microseconds(versions["known_at"])
    values = versions["value"].to_numpy(dtype=np.float64)
    vintages = microseconds(versions["vintage"]) if "vintage" in versions else np.full(len(events), _NAT)
    order = np.argsort(vintages, kind="stable")  # within a vintage still by (known_at, event_date)
    groups = np.split(order, np.flatnonzero(np.diff(vintages[order])) + 1)
    spans: list[Span] = []
    stop = np.iinfo(np.int64).max
    for rows in reversed(groups):
        if known[rows[0]] < stop:
            seen = rows[: np.searchsorted(known[rows], stop)]
            spans[:0] = _spans_of_vintage(events[seen], known[seen], values[seen])
            stop = known[rows[0]]
    return spans


def _spans_of_vintage(events: np.ndarray, known: np.ndarray, values: np.ndarray) -> list[Span]:
    if known[0] == known[-1]:  # a vintage is mostly published as a whole
        return [Span(known[:1], np.array([len(events) - 1]), _releases(events, values))]
    spans = []
    for start, stop in revision_spans(events, known):
        seen = np.flatnonzero(known < stop)
        # The last version of each event: rows are sorted by known_at, so the later one of equal events wins.
        order = seen[np.argsort(events[seen], kind="stable")]
        last = order[np.append(events[order][1:] != events[order][:-1], True)]
        instants = np.unique(known[(known >= start) & (known < stop)])
        # The newest event at each instant: the running maximum of events over everything known by then.
        newest = np.maximum.accumulate(events)[np.searchsorted(known, instants, side="right") - 1]
        spans.append(Span(instants, np.searchsorted(events[last], newest), _releases(events[last], values[last])))
    return spans


def _releases(events: np.ndarray, values: np.ndarray) -> Releases:
    return Releases(events.view("datetime64[us]"), values)


def revision_spans(events: np.ndarray, known: np.ndarray) -> list[tuple[int, int]]:
    """Half-open spans of instants within which no event that was already passed is written again.

    Parameters
    ----------
    events, known
        event_date and known_at of every version in microseconds, sorted by (known, events); shape (n,).

    Example
    -------
    >>> spans = revision_spans(np.array([1, 2, 1, 3]), np.array([10, 20, 25, 30]))
    >>> [(a, b) for a, b in spans if b < 99] + [spans[-1][0]]
    [(10, 25), 25]
    """
    if not len(events):
        return []
    first_of_instant = np.searchsorted(known, known, side="left")
    ceiling = np.concatenate([[np.iinfo(np.int64).min], np.maximum.accumulate(events)])[first_of_instant]
    cuts = np.unique(known[events <= ceiling])
    starts = np.concatenate([[known[0]], cuts[cuts > known[0]]])
    stops = np.concatenate([starts[1:], [np.iinfo(np.int64).max]])
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


@dataclass(frozen=True)
class DatedBars:
    """Adjusted bars of one ticker, their sessions and the instant at which each was known, in microseconds."""

    bars: Bars
    days: np.ndarray
    known: np.ndarray


def dated_bars(versions: pd.DataFrame, stop: int = _NEVER) -> DatedBars:
    """The latest version known before `stop` (microseconds) of every complete bar, in order of sessions.

    A row without a complete set of prices is left out; every price is scaled by adj_close / close.

    Parameters
    ----------
    versions
        Rows with event_date, known_at and prices, sorted by (known_at, event_date).
    """
    events, known = microseconds(versions["event_date"]), microseconds(versions["known_at"])
    seen = int(np.searchsorted(known, stop, side="left"))
    rows = np.arange(seen)
    if (np.diff(events[:seen]) <= 0).any():
        order = np.argsort(events[:seen], kind="stable")  # of equal events the later version comes last
        rows = order[np.append(np.diff(events[order]) > 0, True)]
    prices = versions[["open", "high", "low", "close", "adj_close"]].to_numpy(dtype=np.float64)[rows]
    complete = ~np.isnan(prices).any(axis=1)
    rows, (opened, high, low, close, adjusted) = rows[complete], prices[complete].T
    ratio = adjusted / close
    volume = versions["volume"].to_numpy(dtype=np.float64)[rows]
    days = events[rows].view("datetime64[us]")
    bars = Bars(days, opened * ratio, high * ratio, low * ratio, adjusted.copy(), volume)
    return DatedBars(bars, events[rows], known[rows])


def joint(parts: Sequence[DatedBars]) -> tuple[list[Bars], np.ndarray]:
    """Bars of several tickers on the sessions on which all of them traded, and when each row was known.

    The second result is the instant from which a row and all rows before it were known, in microseconds; shape
    (n_sessions,).
    """
    days = parts[0].days
    for part in parts[1:]:
        if not np.array_equal(days, part.days):
            days = np.intersect1d(days, part.days, assume_unique=True)
    bars, known = [], np.full(len(days), np.iinfo(np.int64).min)
    for part in parts:
        rows = slice(None) if len(part.days) == len(days) else np.searchsorted(part.days, days)
        bars.append(Bars(*(getattr(part.bars, field.name)[rows] for field in fields(Bars))))
        known = np.maximum(known, part.known[rows])
    return bars, np.maximum.accumulate(known)


def joint_bars(frames: Sequence[pd.DataFrame]) -> tuple[list[Bars], np.ndarray]:
    """`joint` of frames as `View.bars` serves them."""
    return joint([dated_bars(frame.reset_index()) for frame in frames])


_FIRST_VERSIONS = 50


@dataclass(frozen=True)
class Ages:
    """From `known_at[i]` on a value of a series was stale after `days[i]`; instants in microseconds, sorted."""

    known_at: np.ndarray
    days: np.ndarray

    def at(self, decided_at: np.ndarray) -> np.ndarray:
        """Days in force at each decision, shape (n,)."""
        return self.days[np.maximum(np.searchsorted(self.known_at, decided_at, side="right") - 1, 0)]


def level_max_ages(series: str, versions: pd.DataFrame) -> Ages:
    """Days after which the last published value of `series` is no longer used, as one could judge at each instant.

    A series without a rule is judged by the spacing of its first periods, of those only that were known.
    """
    known = microseconds(versions["known_at"].iloc[:_FIRST_VERSIONS])
    last = 1 if series in RULES else len(known)
    return Ages(known[:last], np.array([level_max_age(series, versions.iloc[: i + 1]) for i in range(last)]))


def level_max_age(series: str, versions: pd.DataFrame) -> float:
    """Days after which the last published value of `series` is no longer used, judged by all of `versions`."""
    earliest = pd.DatetimeIndex(versions["event_date"].iloc[:_FIRST_VERSIONS].unique()).sort_values()
    return float(rule_of(series, earliest).max_age_days)
