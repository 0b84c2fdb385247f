"""What a provider's answer adds to the stored bars of a company: new sessions, revisions, splits and dividends.

Most answers repeat the stored bars and add a session; arrays do for them. An answer that overlaps the stored bars at
another scale is read again as a whole (`Restated`): the provider has divided by a split since, or has ceased to.
Without a split that explains the scale it is refused. Corrections are known from now on, and so is a bar, split or
dividend of a day before the last stored one. Misprints are stored as they come; only what cannot be is set aside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear.data import anchoring, corporate_actions, quality_checks
from bullbear.data.companies.batch import Batch, Clock, Instants, micros, naive, utc
from bullbear.data.companies.panel import BARS, Panel

TOLERANCE = 1e-5  # relative; what differs by less is rounding
CROSSED = "high below low"
_RESCALED, _FEW = 1e-3, 3
_CLOSE = BARS.index("close")


class Restated(Exception):
    """The answer has another scale than the stored bars: ask for the whole history."""


@dataclass(frozen=True)
class Held:
    """The stored bars of a company on the sessions that an answer may repeat.

    Attributes
    ----------
    days, bars
        Shapes (n,) and (n, 5): open, high, low, close, volume as traded.
    splits, dividends
        By day.
    restated
        Whether the levels are those of a file that was divided by later splits.
    """

    days: Instants
    bars: NDArray[np.float64]
    splits: Mapping[int, float]
    dividends: Mapping[int, float]
    restated: bool = False

    @classmethod
    def of(cls, panel: Panel, company: str) -> Held:
        """From a panel that has the company."""
        column = panel.companies.index(company) if company in panel.companies else None
        if column is None:
            return NOTHING
        days = panel.sessions.as_unit("us").asi8
        rows = np.flatnonzero(~np.isnan(panel.close[:, column]))
        split, paid = panel.split[:, column], panel.dividend[:, column]
        return cls(
            days[rows],
            np.column_stack([getattr(panel, name)[rows, column] for name in BARS]),
            {int(days[row]): float(split[row]) for row in np.flatnonzero(split != 1.0)},
            {int(days[row]): float(paid[row]) for row in np.flatnonzero(paid != 0.0)},
            bool(panel.restated[column]),
        )

    @property
    def last(self) -> int | None:
        """The last day with a bar."""
        return int(self.days[-1]) if len(self.days) else None


_NO_SPLITS = pd.DataFrame({"event_date": pd.Series(dtype="datetime64[us]"), "ratio": pd.Series(dtype="float64")})
_NO_DIVIDENDS = _NO_SPLITS.rename(columns={"ratio": "amount"})
NOTHING = Held(np.empty(0, dtype=np.int64), np.empty((0, len(BARS))), {}, {})


def read_answer(
    batch: Batch, company: str, held: Held, frame: pd.DataFrame, clock: Clock, *, whole: bool = False
) -> None:
    """Add to `batch` what the answer brings.

    Parameters
    ----------
    frame
        Columns date (ascending), open, high, low, close, volume as traded, dividend, split, and perhaps `doubt`, as
        `yahoo.fetch` gives them.
    whole
        The answer is the whole history, and `held` all that is stored: differences of scale are revisions.

    Raises
    ------
    Restated
        The answer must be asked for as a whole.
    InputError
        It has another scale than the stored bars, and no split explains it.
    """
    notes: list[str] = []
    splits, dividends = _listed(company, frame, clock, notes)
    days, bars, reasons = _on_sessions(frame, clock)
    aside, sound = reasons != "", reasons == ""
    misprinted = days[aside], bars[aside], reasons[aside]
    days, bars = days[sound], bars[sound]
    undone = np.empty(0, dtype=np.int64)
    if len(held.days) and len(days) and not whole:
        days, bars = _at_the_stored_scale(company, held, days, bars, splits)
    elif whole and held.splits:
        priced = pd.DataFrame({"event_date": naive(days), "close": bars[:, _CLOSE]})
        gone = anchoring.withdrawn(priced, splits, _held_splits(held))["event_date"]
        undone = gone.to_numpy().astype("datetime64[us]").view(np.int64)
    # Nothing is added before all is known to be sound.
    batch.notes += notes
    batch.add("splits", company, undone, np.full(len(undone), clock.now), ratio=1.0)
    _set_aside(batch, company, *misprinted, clock)
    _add_actions(batch, company, "splits", "ratio", held, splits, clock)
    _add_actions(batch, company, "dividends", "amount", held, dividends, clock)
    if len(days):
        _add_bars(batch, company, held, days, bars, clock)


def _add_bars(batch: Batch, company: str, held: Held, days: Instants, bars: NDArray[np.float64], clock: Clock) -> None:
    places = np.searchsorted(held.days, days)
    known = np.zeros(len(days), dtype=bool)
    inside = places < len(held.days)
    known[inside] = held.days[places[inside]] == days[inside]
    closes = clock.closes[np.searchsorted(clock.days, days)]
    late = np.zeros(len(days), dtype=bool) if held.last is None else days < held.last
    fresh = ~known
    batch.add_bars(company, days[fresh], np.where(late, np.maximum(closes, clock.now), closes)[fresh], bars[fresh])
    if held.last is None:
        batch.first[company] = (naive(days[:1])[0], utc(closes[:1])[0])
    before, after = held.bars[places[known]], bars[known]
    after = np.where(np.isnan(after), before, after)
    with np.errstate(invalid="ignore"):
        differs = (np.abs(after - before) > TOLERANCE * np.abs(before)) | (np.isnan(before) & ~np.isnan(after))
    changed = differs.any(axis=1) | held.restated
    if changed.any():
        batch.revised += int(changed.sum())
        # A correction follows what it corrects, also if our clock is behind.
        since = np.maximum(closes[known][changed] + 1, clock.now)
        batch.add_bars(company, days[known][changed], since, after[changed])


def _listed(company: str, frame: pd.DataFrame, clock: Clock, notes: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Splits and dividends of days that are over, on sessions."""
    if not ((frame["split"].to_numpy() != 1.0).any() or (frame["dividend"].to_numpy() != 0.0).any()):
        return _NO_SPLITS, _NO_DIVIDENDS
    named = frame.rename(columns={"date": "event_date"})
    splits = corporate_actions.listed_splits(company, named, notes)
    dividends = corporate_actions.listed_dividends(company, named, splits, notes)
    last = naive(clock.days[-1:])[0]
    return splits[splits["event_date"] <= last], dividends[dividends["event_date"] <= last]


def _on_sessions(frame: pd.DataFrame, clock: Clock) -> tuple[Instants, NDArray[np.float64], NDArray[np.object_]]:
    """Days and bars of sessions that are over, and the reason why a bar is impossible, or an empty text."""
    days = frame["date"].to_numpy().astype("datetime64[us]").view(np.int64)
    bars = np.column_stack([frame[name].to_numpy(np.float64) for name in BARS])
    places = np.minimum(np.searchsorted(clock.days, days), len(clock.days) - 1)
    kept = (clock.days[places] == days) & ~np.isnan(bars[:, _CLOSE])
    days, bars = days[kept], bars[kept]
    reasons = np.full(len(days), "", dtype=object)
    if "doubt" in frame:
        reasons[:] = frame["doubt"].to_numpy(object)[kept]
    with np.errstate(invalid="ignore"):
        reasons[bars[:, 1] < bars[:, 2] * (1 - quality_checks.ROUNDING)] = CROSSED
        reasons[(bars[:, : _CLOSE + 1] <= 0).any(axis=1)] = quality_checks.NOT_POSITIVE
    return days, bars, reasons


def _set_aside(
    batch: Batch, company: str, days: Instants, bars: NDArray[np.float64], reasons: NDArray[np.object_], clock: Clock
) -> None:
    rows = [json.dumps(dict(zip(BARS, bar.tolist(), strict=True))) for bar in bars]
    known = np.minimum(clock.closes[np.searchsorted(clock.days, days)], clock.now)
    batch.add("quarantine", company, days, known, kind="bars", reason=reasons, row=rows)


def _add_actions(
    batch: Batch, company: str, kind: str, value: str, held: Held, listed: pd.DataFrame, clock: Clock
) -> None:
    if listed.empty:
        return
    stored = held.splits if kind == "splits" else held.dividends
    days, values = listed["event_date"].to_numpy().astype("datetime64[us]").view(np.int64), listed[value].to_numpy()
    before = np.array([stored.get(int(day), np.nan) for day in days])
    with np.errstate(invalid="ignore"):
        changed = ~(np.abs(values - before) <= TOLERANCE * np.abs(before))
    days, values, corrected = days[changed], values[changed], ~np.isnan(before[changed])
    known = clock.opens[np.searchsorted(clock.days, days)]
    late = corrected | (False if held.last is None else days <= held.last)
    batch.revised += int(corrected.sum())
    batch.add(kind, company, days, np.where(late, np.maximum(known + 1, clock.now), known), **{value: values})


def _at_the_stored_scale(
    company: str, held: Held, days: Instants, bars: NDArray[np.float64], splits: pd.DataFrame
) -> tuple[Instants, NDArray[np.float64]]:
    """The rows that can be compared with the stored ones; see `anchoring`."""
    if held.restated:
        raise Restated
    both, ours, theirs = np.intersect1d(held.days, days, assume_unique=True, return_indices=True)
    ratio = bars[theirs, _CLOSE] / held.bars[ours, _CLOSE]
    if not len(splits) and (np.abs(ratio - 1) > _RESCALED).sum() < min(_FEW, len(both)):
        return days, bars
    priced = pd.DataFrame({"event_date": naive(days), "close": bars[:, _CLOSE]})
    gone = anchoring.withdrawn(priced, splits, _held_splits(held))
    misfit = anchoring.before_misfit(priced, splits)
    if misfit is not None:
        kept = days >= micros(misfit)
        days, bars, priced = days[kept], bars[kept], priced[kept]
    stored = pd.DataFrame({"event_date": naive(held.days), "close": held.bars[:, _CLOSE]})
    if len(anchoring.restatement(company, stored.set_index("event_date"), priced, splits, gone)):
        raise Restated
    return days, bars


def _held_splits(held: Held) -> pd.DataFrame:
    days = np.array(list(held.splits), dtype=np.int64)
    return pd.DataFrame({"event_date": naive(days), "ratio": np.array(list(held.splits.values()), dtype=np.float64)})
