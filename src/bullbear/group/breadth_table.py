"""Figures of a fund's members for every session, each as it was known at the session's close: the kind `breadth`.

Who is a member comes from the list of holdings known at the close, prices from the bars known at the close. A session
is missing where membership was not known, or too few of the members have prices: never zero, and never the members of
a later list. Bars that were corrected later are read in the version of the close.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from bullbear import sessions as exchange
from bullbear.data.companies.kinds import PREFIX
from bullbear.data.companies.panel import Array, BoolArray
from bullbear.data.derived import DerivedKind, register
from bullbear.data.versions import History
from bullbear.data.view import View
from bullbear.group.breadth import QUARTILES, quartiles
from bullbear.group.marks import LOOKBACK, Marks, marks_of
from bullbear.group.membership import Universe, fund_universe

KIND = "breadth"
FIGURES = (
    "members",
    "priced",
    "advances",
    "declines",
    "above_50",
    "above_200",
    "highs",
    "lows",
    "rising_volume",
    "dispersion_5",
    "dispersion_21",
    "median_21",
    "weighted_21",
    "median_63",
    "weighted_63",
    "average_1",
    "square_1",
)
"""Members and how many of them have a price; shares of those that have what is asked; growth as fractions."""
WEIGHTED = (21, 63)
"""Spans of growth that are weighted."""
FEWEST = 10
"""Names below which a share or a median says nothing."""
COVERED = 0.5
"""Share of the members that must have what a figure is made of: the half with prices is no sample of the other."""
BLOCK = 252
"""Sessions at once: bounds the memory, changes no result."""
_CLIP = 0.5
_PRICES = ("bars", "splits", "dividends")
_DAY = 86_400_000_000


def breadth_of(view: View, fund: str) -> History:
    """The figures of a fund, a row a session from the first list of holdings on; empty where there is none."""
    universe, companies = fund_universe(view, fund), view.companies
    first, begin = universe.first_known_at, companies.first_session
    if first is None or begin is None:
        return _history(pd.DatetimeIndex([]), np.empty((0, len(FIGURES))))
    start, last = max(exchange.day(first), begin), exchange.last_closed(max(view.instant, companies.instant))
    sessions = exchange.between(start, last) if start <= last else pd.DatetimeIndex([])
    names = universe.companies()
    late = _Late(view, names)
    blocks = [sessions[place : place + BLOCK] for place in range(0, len(sessions), BLOCK)]
    rows = np.concatenate(
        [np.empty((0, len(FIGURES))), *(_block(view, universe, names, block, late) for block in blocks)]
    )
    # Without any price the session before is the newest row; where membership is unknown, nothing is.
    kept = rows[:, FIGURES.index("priced")] != 0.0
    return _history(sessions[kept], rows[kept])


def _history(sessions: pd.DatetimeIndex, rows: Array) -> History:
    columns = {
        "event_date": sessions.to_numpy("datetime64[us]"),
        "known_at": exchange.closes(sessions).tz_localize(None).to_numpy("datetime64[us]"),
    }
    return History({**columns, **{name: rows[:, place].copy() for place, name in enumerate(FIGURES)}})


def _block(view: View, universe: Universe, names: tuple[str, ...], sessions: pd.DatetimeIndex, late: _Late) -> Array:
    known, member = universe.mask(sessions, names, point_in_time=True)
    rows = np.full((len(sessions), len(FIGURES)), np.nan)
    if known.any():
        marks = late.corrected(_marks(view, names, sessions), sessions)
        weights = {window: universe.weights(_earlier(sessions, window), names) for window in WEIGHTED}
        for row in np.flatnonzero(known):
            own = {window: each[row] for window, each in weights.items()}
            rows[row] = figures(marks, int(row), member[row], own)
    return rows


def _earlier(sessions: pd.DatetimeIndex, count: int) -> pd.DatetimeIndex:
    """The session so many sessions before each of some that follow each other."""
    return exchange.between(exchange.offset(sessions[0], -count), sessions[-1])[: len(sessions)]


def _marks(view: View, names: tuple[str, ...], sessions: pd.DatetimeIndex) -> Marks:
    begin = exchange.offset(sessions[0], -(LOOKBACK - 1))
    panel = view.companies.panel(names, first=begin, last=sessions[-1])
    return marks_of(panel, LOOKBACK - 1)


class _Late:
    """What became known after the close of its session, and the marks as they were before.

    A late row of a company changes what was known of the sessions between its own and its publication, as far as marks
    look back.
    """

    def __init__(self, view: View, names: tuple[str, ...]) -> None:
        self._view, self._names = view, names
        self._place = {name: place for place, name in enumerate(names)}
        parts = {kind: view.companies.late([kind]) for kind in _PRICES}
        rows = pd.concat([part.assign(lacked=part["lacked"] & (kind == "bars")) for kind, part in parts.items()])
        rows = rows[rows["company"].isin(self._place)]
        self._lacked = rows["lacked"].to_numpy(bool)
        self._columns = np.array([self._place[name] for name in rows["company"]], dtype=np.int64)
        self._event, self._known = (
            rows[name].to_numpy("datetime64[us]").view(np.int64) for name in ("event_date", "known_at")
        )
        self._instants = np.unique(self._known)

    def corrected(self, marks: Marks, sessions: pd.DatetimeIndex) -> Marks:
        """The marks of some sessions as they were known at each close."""
        days, closes = sessions.as_unit("us").asi8, exchange.closes(sessions).as_unit("us").asi8
        marks = self._without_bars(marks, days)
        for rows, columns in self._stretches(days, closes):
            instant = pd.Timestamp(int(closes[rows[-1]]), unit="us", tz="UTC").as_unit("us")
            names = tuple(self._names[column] for column in columns)
            then = _marks(self._view.until(instant), names, sessions[rows[0] : rows[-1] + 1])
            marks = marks.replaced(rows, columns, then)
        return marks

    def _without_bars(self, marks: Marks, days: np.ndarray) -> Marks:
        """The marks without those of sessions whose bar was not known at the close."""
        place = np.minimum(np.searchsorted(days, self._event), len(days) - 1)
        inside = self._lacked & (days[place] == self._event)
        return marks.without(place[inside], self._columns[inside]) if inside.any() else marks

    def _stretches(self, days: np.ndarray, closes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Runs of sessions within which nothing late became known, and the companies whose marks differ there."""
        if not len(self._event):
            return
        # The first session that a late row belongs to, and the first that knew it; LOOKBACK covers calendar days too.
        begins = np.searchsorted(days, self._event) + (self._lacked & np.isin(self._event, days))
        stops = np.searchsorted(closes, self._known)
        touched = (begins < stops) & (self._event > days[0] - 2 * LOOKBACK * _DAY)
        if not touched.any():
            return
        epochs = np.searchsorted(self._instants, closes, side="right")
        for epoch in np.unique(epochs):
            rows = np.flatnonzero(epochs == epoch)
            inside = touched & (begins <= rows[-1]) & (stops > rows[0])
            if inside.any():
                some = rows[(rows >= begins[inside].min()) & (rows < stops[inside].max())]
                if len(some):
                    yield some, np.unique(self._columns[inside])


def figures(marks: Marks, row: int, member: BoolArray, weights: Mapping[int, Array]) -> Array:
    """The figures of one session, in the order of `FIGURES`.

    `weights` are those of the list known where each span of growth begins: later ones would favour what has grown. All
    figures follow from the members' marks in the order of their names, and so do not depend on which other companies
    the store holds.
    """
    members = np.flatnonzero(member)
    fewest = max(FEWEST, COVERED * len(members))

    def of(name: str) -> Array:
        return np.asarray(getattr(marks, name)[row, members])

    def share(values: Array) -> float:
        known = values[~np.isnan(values)]
        return float(known.mean()) if len(known) >= fewest else np.nan

    daily = of("growth_1")
    priced = ~np.isnan(daily)
    moved = np.where(priced, daily, 0.0)
    clipped = np.where(priced, np.clip(moved, -_CLIP, _CLIP), np.nan)
    found = {
        "members": float(len(members)),
        "priced": float(np.count_nonzero(priced)),
        "advances": share(np.where(priced, moved > 0.0, np.nan)),
        "declines": share(np.where(priced, moved < 0.0, np.nan)),
        "above_50": share(of("above_50")),
        "above_200": share(of("above_200")),
        "highs": share(of("high")),
        "lows": share(of("low")),
        "rising_volume": share(of("rising_volume")),
        "average_1": share(clipped),
        "square_1": share(clipped * clipped),
    }
    for window in (5, 21, 63):
        growth = of(f"growth_{window}")
        known = np.flatnonzero(~np.isnan(growth))
        enough = len(known) >= fewest
        low, middle, high = quartiles(growth[known]) if enough else (np.nan, np.nan, np.nan)
        spread = (high - low) / QUARTILES
        found[f"dispersion_{window}"], found[f"median_{window}"] = spread, middle
        # What lies beyond five dispersions counts as that far: one wrong price must not make the average.
        limited = np.clip(growth[known], middle - 5.0 * spread, middle + 5.0 * spread)
        if window in WEIGHTED:
            found[f"weighted_{window}"] = _weighted(limited, weights[window][members][known]) if enough else np.nan
    return np.array([found[name] for name in FIGURES])


def _weighted(values: Array, weights: Array) -> float:
    weighty = weights > 0.0
    total = float(weights[weighty].sum())
    return float((values[weighty] * weights[weighty]).sum()) / total if total > 0.0 else np.nan


def _reads(view: View, fund: str) -> Iterable[tuple[str, str]]:
    yield "holdings", fund
    for name in view.companies.names:
        for kind in (*_PRICES, "listings"):
            yield PREFIX + kind, name


register(DerivedKind(KIND, breadth_of, _reads))
