"""From the columns of a snapshot to the rows of the store: what is set aside, when it is known, what is new.

A `Loader` holds what the store knew when an ingest began and gathers what the ingest adds, kind by kind, so that each
kind is appended at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data import actions, doubts, foresight, jumps, publication
from bullbear.data.adjusting import PRICES, unit_of
from bullbear.data.csv_files import LAYOUTS
from bullbear.data.raw_bars import raw_additions, undivided
from bullbear.data.reconcile import ANCHOR_TOLERANCE, additions, is_restated, reanchored, seam
from bullbear.data.segments import KINDS
from bullbear.data.view import View

_ASIDE = ["kind", "event_date", "reason", "row"]
_SEAM = 21  # stored bars before the file's first, for the usual volume
_NO_SPLITS = pd.DataFrame(
    {
        "event_date": pd.Series(dtype="datetime64[us]"),
        "known_at": pd.Series(dtype="datetime64[us, UTC]"),
        "ratio": pd.Series(dtype="float64"),
    }
)


@dataclass
class Loader:
    """The rows that an ingest is about to append, by kind and series; `stored` is what the store held when it began."""

    stored: View
    now: pd.Timestamp
    notes: list[str] = field(default_factory=list)
    parts: dict[str, list[tuple[str, pd.DataFrame]]] = field(default_factory=dict)
    quarantined: int = 0
    revised: int = 0

    def __post_init__(self) -> None:
        self._is_first = self.stored.is_empty
        self._waiting: list[tuple[str, str, pd.DataFrame]] = []

    def add(self, folder: str, name: str, frame: pd.DataFrame) -> None:
        """Gather what one file adds."""
        if folder == "dividends" or (folder == "prices" and _jumps(name, frame)):
            # A jump is judged by the rest of the market, a dividend by the price before it.
            self._waiting.append((folder, name, frame))
        elif folder == "prices":
            self._bars(name, frame)
        elif folder == "raw_bars":
            self._raw_bars(name, frame)
        elif folder == "vintages":
            self._vintages(name, frame)
        elif folder == "macro":
            self._macro(name, frame)
        elif folder == "holdings":
            self._holdings(name, frame)
        else:
            self._daily(folder, name, frame)

    def gathered(self) -> dict[str, pd.DataFrame]:
        """What is to be appended, by kind, in that order."""
        for folder, name, frame in sorted(self._waiting, key=lambda each: each[0], reverse=True):
            if folder == "prices":
                self._bars(name, frame)
            else:
                self._daily(folder, name, frame)
        self._waiting = []
        return {kind: _together(parts) for kind, parts in self.parts.items()}

    def market(self, ticker: str, bars: pd.DataFrame) -> np.ndarray:
        """The log change of the rest of the market over the session of each of `bars`; see `jumps.Market`."""
        if not _jumps(ticker, bars):
            return np.full(len(bars), np.nan)
        fresh = {name: rows for kind in ("bars", "raw_bars") for name, rows in self.parts.get(kind, [])}
        known: set[str] = set()
        if not self._is_first:
            catalogue = self.stored.catalogue()
            known = set(catalogue["series"][catalogue["kind"] == "bars"])
        names = sorted(name for name in known | set(fresh) if name != ticker and not name.startswith("^"))
        each = (fresh[name] if name in fresh else self.stored.versions("bars", name) for name in names)
        return jumps.market_change(bars, each)

    def _bars(self, ticker: str, frame: pd.DataFrame) -> None:
        file = self._without_blanks("prices", ticker, _dated(frame, "date"), ("volume",))
        if file.empty:
            return
        stored = self._latest("bars", ticker)
        rows, before, price = file, file.iloc[:0], 1.0
        if stored is not None:
            rows, price, adjusted = reanchored(stored, file)
            if price != 1.0 or adjusted != 1.0:
                ratios = f"prices x {1 / price:.7g}, adj_close x {1 / adjusted:.7g}"
                self.notes.append(f"prices/{ticker}.csv: brought to the stored anchor ({ratios})")
            if not stored.index.isin(rows["event_date"]).any():
                self.notes.append(f"prices/{ticker}.csv: no session in common with the store, anchor not verified")
            before = stored[stored.index < rows["event_date"].iloc[0]].tail(_SEAM).reset_index()[rows.columns]
        # The last stored bars before the file show a jump at the seam too.
        known = np.concatenate([np.full(len(before), True), publication.is_session(rows["event_date"])])
        judged = pd.concat([before, rows], ignore_index=True) if len(before) else rows
        reasons, settled = doubts.bar_doubts(ticker, judged, known, self.market(ticker, judged))
        sound = reasons[len(before) :] == ""
        settled_on = pd.DatetimeIndex(judged["event_date"].to_numpy()[settled[len(before) :][sound]])
        rows = self._set_aside("bars", ticker, rows, reasons[len(before) :])
        days = pd.DatetimeIndex(rows["event_date"])
        at, settled_at = (publication.bars_known_at(ticker, each) for each in (days, settled_on))
        rows = self._closed("prices", ticker, rows.assign(known_at=at.where(at >= settled_at, settled_at)))
        if stored is None:
            if self._has("splits", ticker):
                rows = undivided(rows, self.stored.splits(ticker).reset_index(), 1.0)
            self._append("bars", ticker, rows, None, ANCHOR_TOLERANCE)
        else:
            self._continued(ticker, rows, file, stored, price)

    def _continued(
        self, ticker: str, rows: pd.DataFrame, file: pd.DataFrame, stored: pd.DataFrame, price: float
    ) -> None:
        """Bars of a file that continues or restates stored ones, on the shares on which the store keeps them."""
        splits = self.stored.splits(ticker).reset_index() if self._has("splits", ticker) else _NO_SPLITS
        raw = self.stored.raw_bars(ticker).reset_index() if self._has("raw_bars", ticker) else None
        unit = 1.0 if raw is None else unit_of(raw)
        values = list(KINDS["bars"].numbers)
        rows, revised = additions(
            stored.reset_index(), rows[["event_date", "known_at", *values]], values, self.now, ANCHOR_TOLERANCE
        )
        self.revised += revised
        is_later = rows["event_date"] > stored.index[-1]
        older, later = undivided(rows[~is_later], splits, unit), rows[is_later]
        # Only a file that reaches the end of what is stored says how a screen shows it now.
        if file["event_date"].iloc[-1] >= stored.index[-1]:
            implied = seam(stored, later, price, splits, self.now)
            if len(implied):
                self._gather("splits", ticker, implied)
                splits = pd.concat([splits[implied.columns], implied], ignore_index=True)
                splits = splits.sort_values("known_at", kind="stable").drop_duplicates("event_date", keep="last")
            if is_restated(price):
                shown = file.set_index("event_date").loc[later["event_date"]]
                later = later.assign(**{name: shown[name].to_numpy() for name in (*PRICES, "volume")})
        rows = pd.concat([older, undivided(later, splits, unit)], ignore_index=True)
        if len(rows):
            self._gather("bars", ticker, rows)

    def _raw_bars(self, ticker: str, frame: pd.DataFrame) -> None:
        """Bars as traded, with their dividends and splits."""
        found = raw_additions(self.stored, ticker, _dated(frame, "date"), self.now, self.market)
        self.notes += found.notes
        self.revised += found.revised
        for kind, rows, reasons in found.doubtful:
            self._set_aside(kind, ticker, rows, reasons)
        # Actions first: a process killed in between leaves no bar whose split is missing.
        for kind in ("splits", "dividends", "raw_bars"):
            if not found.rows[kind].empty:
                self._gather(kind, ticker, found.rows[kind])

    def _daily(self, folder: str, name: str, frame: pd.DataFrame) -> None:
        """Short volume, dividends and short interest: dated by sessions."""
        rows = _dated(frame, "settlement_date" if folder == "short_interest" else "date")
        rows = self._without_blanks(folder, name, rows, ())
        if folder == "dividends":
            rows = self._booked(name, rows)
        known = publication.is_session(rows["event_date"])
        if folder == "dividends":
            reasons = self._dividend_doubts(name, rows)
        elif folder == "short_volume":
            reasons = doubts.short_volume_doubts(rows, known)
        else:
            reasons = np.where(known, "", doubts.NO_SESSION).astype(object)
        rows = self._set_aside(folder, name, rows, reasons)
        days = pd.DatetimeIndex(rows["event_date"])
        if folder == "short_volume":
            rows = self._closed(folder, name, rows.assign(known_at=publication.short_volume_known_at(days)))
        elif folder == "dividends":
            rows = rows.assign(known_at=publication.dividends_known_at(days))
        else:
            published = self._published(rows, publication.short_interest_known_at(days))
            early = published["known_at"].array < foresight.settled_at(days).array
            by_rule = publication.short_interest_known_at
            rows = self._without_foresight(folder, name, rows, published, np.asarray(early), by_rule)
        self._append(folder, name, rows, self._latest(folder, name), 0.0)

    def _booked(self, ticker: str, rows: pd.DataFrame) -> pd.DataFrame:
        """Dividends without those of zero, each on a session, several of one session together."""
        notes: list[str] = []
        rows = actions.on_sessions(f"dividends/{ticker}.csv", rows[rows["amount"] != 0], "amount", notes)
        self.notes += notes
        return rows.groupby("event_date")[["amount"]].sum().reset_index()

    def _dividend_doubts(self, ticker: str, rows: pd.DataFrame) -> np.ndarray:
        reasons = np.full(len(rows), "", dtype=object)
        bars = dict(self.parts.get("bars", [])).get(ticker)
        if bars is None and self._has("bars", ticker):
            bars = self.stored.bars(ticker).reset_index()
        if bars is not None:
            reasons[actions.not_below_price(rows, bars, _NO_SPLITS)] = doubts.EXCEEDS_PRICE
        reasons[rows["amount"].to_numpy() < 0] = doubts.NEGATIVE_AMOUNT
        return reasons

    def _macro(self, series: str, frame: pd.DataFrame) -> None:
        rows = self._without_blanks("macro", series, _dated(frame, "date"), ())
        stored = self._latest("observations", series)
        if stored is not None and self._has_vintages(series):
            self._new_vintage(series, rows, stored)
            return
        days = pd.DatetimeIndex(rows["event_date"])
        rule = publication.rule_of(series, days if stored is None else days.union(pd.DatetimeIndex(stored.index)))
        by_rule = partial(publication.observations_known_at, series, rule=rule)
        published = self._published(rows, by_rule(days))
        early = foresight.too_early(rule, days, published["known_at"])
        rows = self._without_foresight("observations", series, rows, published, early, by_rule)
        self._append("observations", series, rows, stored, 0.0)

    def _new_vintage(self, series: str, rows: pd.DataFrame, latest: pd.DataFrame) -> None:
        rows = self._without_unfinished(series, rows[["event_date", "value"]], pd.Series(self.now, index=rows.index))
        if rows.empty:
            return
        tail = rows[["event_date", "value"]].tail(len(latest))
        if tail.to_numpy().tolist() == latest.reset_index()[["event_date", "value"]].to_numpy().tolist():
            return
        moment = self._after(latest["known_at"].max())
        today = sessions.day(moment)
        self.notes.append(f"macro/{series}.csv: stored as the vintage of {today.date()}")
        vintage = rows[["event_date", "value"]].assign(vintage=today, known_at=moment)
        self._gather("observations", series, vintage)

    def _vintages(self, series: str, frame: pd.DataFrame) -> None:
        rows = self._without_blanks("vintages", series, _dated(frame, "date"), ())
        # A label of a file says the day; a provider of releases also says the hour.
        if "known_at" not in rows:
            rows = rows.assign(known_at=publication.vintages_known_at(pd.DatetimeIndex(rows["vintage"])))
        rows = self._without_unfinished(series, rows, rows["known_at"])
        if self._has("observations", series):
            old = self.stored.versions("observations", series)
            moment = self._after(old["known_at"].max())
            old = old.drop_duplicates(["event_date", "vintage"], keep="last")
            both = rows.merge(old, on=["event_date", "vintage"], how="left", suffixes=("", "_old"))
            changed = both["value_old"].notna() & (both["value"] != both["value_old"])
            self.revised += int(changed.sum())
            rows = rows.assign(known_at=both["known_at"].where(~changed, moment))
            rows = rows[(both["value_old"].isna() | changed).to_numpy()]
        self._gather("observations", series, rows)

    def _without_unfinished(self, series: str, rows: pd.DataFrame, known_at: pd.Series) -> pd.DataFrame:
        """Leave out periods that a vintage lists before they are over."""
        days = pd.DatetimeIndex(rows["event_date"])
        rule = publication.rule_of(series, days.unique().sort_values())
        early = foresight.too_early(rule, days, known_at)
        by_rule = partial(publication.observations_known_at, series, rule=rule)
        return self._without_foresight("observations", series, rows, rows, early, by_rule)

    def _without_foresight(
        self,
        kind: str,
        series: str,
        rows: pd.DataFrame,
        published: pd.DataFrame,
        early: np.ndarray,
        by_rule: Callable[[pd.DatetimeIndex], pd.DatetimeIndex],
    ) -> pd.DataFrame:
        """The `published` rows but those of `rows` that claim, or turn out, to be known before they can have been."""
        if not early.any():
            return published
        known = by_rule(pd.DatetimeIndex(rows["event_date"][early]))
        self._set_aside(kind, series, rows, np.where(early, doubts.IMPOSSIBLE, ""), known)
        kept: pd.DataFrame = published[~early].reset_index(drop=True)
        return kept

    def _after(self, stored: pd.Timestamp) -> pd.Timestamp:
        """`now`, unless the clock runs behind what is stored: a correction follows what it corrects."""
        return max(self.now, stored + pd.Timedelta(1, "us"))

    def _holdings(self, fund: str, frame: pd.DataFrame) -> None:
        rows = _dated(frame, "as_of")
        days = pd.DatetimeIndex(rows["event_date"])
        published = self._published(rows, publication.holdings_known_at(days))
        early = np.asarray(published["known_at"].array < foresight.day_begins(days).array)
        rows = self._without_foresight("holdings", fund, rows, published, early, publication.holdings_known_at)
        layout = KINDS["holdings"]
        rows = rows.reindex(columns=["event_date", "known_at", *layout.values])
        rows = rows.astype(dict.fromkeys(layout.texts, "str") | dict.fromkeys(layout.numbers, "float64"))
        stored = self.stored.holdings(fund).reset_index() if self._has("holdings", fund) else None
        for day, lines in rows.groupby("event_date"):
            if stored is not None and (stored["event_date"] == day).any():
                old = stored[stored["event_date"] == day]
                if _same_list(old, lines, layout.values):
                    continue
                # A list is known as a whole: a correction of one line restates all of it.
                self.revised += 1
                lines = lines.assign(known_at=self._after(old["known_at"].max()))
            self._gather("holdings", fund, lines)

    def _append(
        self, kind: str, series: str, rows: pd.DataFrame, stored: pd.DataFrame | None, tolerance: float
    ) -> None:
        if stored is not None:
            values = [name for name in KINDS[kind].numbers if name in rows]
            rows = rows[["event_date", "known_at", *values]]
            rows, revised = additions(stored.reset_index(), rows, values, self.now, tolerance)
            self.revised += revised
        if rows.empty:
            return
        self._gather(kind, series, rows)

    def _gather(self, kind: str, series: str, rows: pd.DataFrame) -> None:
        self.parts.setdefault(kind, []).append((series, rows))

    def _set_aside(
        self,
        kind: str,
        series: str,
        rows: pd.DataFrame,
        reasons: np.ndarray,
        known_at: pd.DatetimeIndex | None = None,
    ) -> pd.DataFrame:
        """The rows without a reason; the others are kept in quarantine, once.

        They are known from `known_at` (one for each of them; by default the end of their day) or from now, whichever
        comes first: what is set aside is listed at once.
        """
        doubtful = reasons != ""
        if not doubtful.any():
            return rows
        aside = rows[doubtful]
        shown = aside.assign(event_date=aside["event_date"].dt.strftime("%Y-%m-%d"))
        texts = [json.dumps(_json(record), default=str) for record in shown.to_dict("records")]
        self.quarantined += len(aside)
        days = pd.DatetimeIndex(aside["event_date"])
        known = publication.vintages_known_at(days) if known_at is None else known_at
        told = pd.DataFrame({"event_date": days, "known_at": known.where(known <= self.now, self.now)})
        told = told.assign(kind=kind, reason=reasons[doubtful], row=texts)
        before = self._aside[self._aside["series"] == series]
        again = pd.MultiIndex.from_frame(told[_ASIDE]).isin(pd.MultiIndex.from_frame(before[_ASIDE]))
        if not again.all():
            self._gather("quarantine", series, told[~again])
        kept: pd.DataFrame = rows[~doubtful].reset_index(drop=True)
        return kept

    @cached_property
    def _aside(self) -> pd.DataFrame:
        return self.stored.quarantine()

    def _closed(self, folder: str, name: str, rows: pd.DataFrame) -> pd.DataFrame:
        """Leave out sessions that are not over at `now`: their bar is still moving."""
        running = rows["known_at"] > self.now
        if running.any():
            first = rows["event_date"][running].iloc[0].date()
            self.notes.append(f"{folder}/{name}.csv: {int(running.sum())} rows from {first} left out, session not over")
            rows = rows[~running].reset_index(drop=True)
        return rows

    def _published(self, rows: pd.DataFrame, by_rule: pd.DatetimeIndex) -> pd.DataFrame:
        """The file's own known_at where it has one; else the rule's, or `now` if the value is here before that."""
        early = by_rule > self.now
        ruled = by_rule.where(~early, self.now) if early.any() else by_rule
        if "known_at" not in rows:
            return rows.assign(known_at=ruled)
        return rows.assign(known_at=rows["known_at"].fillna(pd.Series(ruled, index=rows.index)))

    def _without_blanks(self, folder: str, name: str, rows: pd.DataFrame, beside: tuple[str, ...]) -> pd.DataFrame:
        blank = np.ones(len(rows), dtype=bool)
        for column in LAYOUTS[folder].numbers:
            if column not in beside and blank.any():
                blank &= np.isnan(rows[column].to_numpy())
        if blank.any():
            self.notes.append(f"{folder}/{name}.csv: {int(blank.sum())} empty rows left out")
            rows = rows[~blank].reset_index(drop=True)
        return rows

    def _latest(self, kind: str, series: str) -> pd.DataFrame | None:
        if not self._has(kind, series):
            return None
        readers = {"bars": self.stored.bars, "observations": self.stored.observations}
        readers |= {"dividends": self.stored.dividends, "short_interest": self.stored.short_interest}
        readers |= {"short_volume": self.stored.short_volume}
        latest: pd.DataFrame = readers[kind](series)
        return latest

    def _has(self, kind: str, series: str) -> bool:
        # Most rows ever loaded come into an empty store, where looking for each series takes longer than judging it.
        return not self._is_first and self.stored.has(kind, series)

    def _has_vintages(self, series: str) -> bool:
        return bool(self.stored.versions("observations", series)["vintage"].notna().any())


def _together(parts: list[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    parts = sorted(parts, key=lambda part: part[0])  # the store sorts rows, and is done at once where they are
    # Names are spread over all rows at once: a column of text for each part takes longer than its numbers.
    names = pd.Series([series for series, _ in parts], dtype="str").array
    places = np.repeat(np.arange(len(parts)), [len(rows) for _, rows in parts])
    return pd.concat([rows for _, rows in parts], ignore_index=True).assign(series=names.take(places))


def _jumps(ticker: str, bars: pd.DataFrame) -> bool:
    """Whether a ticker's bars make a split-like step; indices do not split."""
    if ticker.startswith("^"):
        return False
    with np.errstate(divide="ignore", invalid="ignore"):
        return bool(len(jumps.candidates(bars["close"].to_numpy())))


def _dated(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    return frame.set_axis(["event_date" if name == column else name for name in frame.columns], axis=1)


def _same_list(old: pd.DataFrame, new: pd.DataFrame, values: list[str]) -> bool:
    if len(old) != len(new):
        return False
    by = ["ticker", "name"]
    return old.sort_values(by)[values].reset_index(drop=True).equals(new.sort_values(by)[values].reset_index(drop=True))


def _json(record: Mapping[str, object]) -> dict[str, object]:
    return {key: None if pd.isna(value) else value for key, value in record.items()}  # type: ignore[call-overload]
