"""The store with other publications: every one a release later, or the latest revision in the place of the first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.audit.changes import among
from bullbear.data.companies.kinds import PREFIX, layout_of
from bullbear.factors.engine.inputs import microseconds

UNSHIFTED = frozenset({"quarantine", "splits", "dividends", "listings"})
"""Kinds that stay: a split, a dividend or another ticker is announced before it takes effect."""
_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Later:
    """Every row known one release later: of a daily series a session, of a monthly one a month.

    A release is the first publication of an event or, where whole vintages are stored, of a vintage. A row is known
    when the next release after its own was; after the last one the usual time between two passes. Values stay.

    Parameters
    ----------
    series
        The (kind, series) that are moved; None for all.
    """

    series: frozenset[tuple[str, str]] | None = None

    def touches(self, kind: str, series: str) -> bool:
        """Whether the series is moved."""
        return kind.removeprefix(PREFIX) not in UNSHIFTED and among(self.series, kind, series)

    def rows(self, kind: str, series: str, frame: pd.DataFrame) -> pd.DataFrame:
        """The moved rows; see `data.changed.Change`."""
        moved = frame.assign(known_at=next_release(frame, frame["known_at"]))
        # Two corrections between two releases are now one.
        return moved.drop_duplicates(["event_date", "known_at", *layout_of(kind).extra_key], keep="last")


@dataclass(frozen=True)
class Revised:
    """Every event in its latest revision, known when its first value was: what a file of today's values would give.

    Of a series with vintages the newest that holds the event. Vintages may hold the last years alone, in another base
    year each: an older one is brought to the level of the newer by the median ratio of what both hold.

    Parameters
    ----------
    series
        The (kind, series) that are replaced.
    """

    series: frozenset[tuple[str, str]]

    def touches(self, kind: str, series: str) -> bool:
        """Whether the series is replaced."""
        return among(self.series, kind, series)

    def rows(self, kind: str, series: str, frame: pd.DataFrame) -> pd.DataFrame:
        """The replaced rows; see `data.changed.Change`."""
        first = frame.groupby("event_date")["known_at"].min()
        newest = frame
        if has_vintages(frame):
            newest = _linked(frame)
        identity = ["event_date", *(name for name in layout_of(kind).extra_key if name != "vintage")]
        newest = newest.drop_duplicates(identity, keep="last")
        return newest.assign(known_at=newest["event_date"].map(first))


def _linked(frame: pd.DataFrame) -> pd.DataFrame:
    """One row an event, without a vintage, at the level of the newest vintage."""
    rows = frame.drop_duplicates(["event_date", "vintage"], keep="last").sort_values("vintage", kind="stable")
    vintage, given = rows["vintage"].to_numpy(), rows["value"].to_numpy(np.float64)
    _, last, place = np.unique(rows["event_date"].to_numpy()[::-1], return_index=True, return_inverse=True)
    place = place[::-1]
    value = np.full(len(last), np.nan)
    ends = [*np.flatnonzero(vintage[1:] != vintage[:-1]) + 1, len(rows)]  # rows without one come last
    for begin, end in reversed(list(zip([0, *ends[:-1]], ends, strict=True))):
        events, own = place[begin:end], given[begin:end]
        both = value[events] / own
        ratios = both[np.isfinite(both) & (both > 0)]
        ratio = float(np.median(ratios)) if len(ratios) else 1.0
        value[events] = np.where(np.isnan(value[events]), own * ratio, value[events])
    unknown = np.full(len(last), np.datetime64("NaT"), dtype=vintage.dtype)
    return rows.iloc[len(rows) - 1 - last].assign(value=value, vintage=unknown)


def has_vintages(frame: pd.DataFrame) -> bool:
    """Whether versions of a series are whole vintages."""
    return "vintage" in frame and bool(frame["vintage"].notna().any())


def releases(frame: pd.DataFrame) -> pd.DatetimeIndex:
    """The instants of first publications, of events or of vintages, each once."""
    return _instants(_first_known(frame))


def _first_known(frame: pd.DataFrame) -> np.ndarray:
    """In microseconds, ascending, each once."""
    event = frame["vintage" if has_vintages(frame) else "event_date"].to_numpy("datetime64[us]").view(np.int64)
    known = microseconds(frame["known_at"])
    order = np.lexsort((known, event))
    first = np.append(True, event[order][1:] != event[order][:-1])
    return np.unique(known[order][first])


def _instants(at: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(at.view("datetime64[us]")).tz_localize("UTC")


def next_release(frame: pd.DataFrame, known_at: pd.Series) -> pd.DatetimeIndex:
    """The first release after each instant."""
    instants, known = _first_known(frame), microseconds(known_at)
    usual = int(spacing(_instants(instants)) / pd.Timedelta(microseconds=1))
    following = np.append(instants, instants[-1] + usual)[instants.searchsorted(known, side="right")]
    return _instants(np.where(following > known, following, known + usual))  # a correction after the last release


def spacing(instants: pd.DatetimeIndex) -> pd.Timedelta:
    """The usual time between two releases; a day where there is one only."""
    return pd.Timedelta(np.median(np.diff(instants.asi8)), unit=instants.unit) if len(instants) > 1 else _DAY
