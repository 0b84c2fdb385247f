"""From the columns of each kind of file to rows of the store: which checks apply, and what `known_at` a row gets.

Whether a row is then new, a revision, quarantined or known already is decided in `ingest_batch`, the same way for all.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data import corporate_actions, jumps, lookahead_checks, publication, quality_checks
from bullbear.data.adjusting import PRICES, unit_of
from bullbear.data.ingest_batch import IngestBatch
from bullbear.data.raw_bars import raw_additions, to_stored_shares
from bullbear.data.reconcile import ANCHOR_TOLERANCE, additions, is_restated, reanchored, seam
from bullbear.data.segments import KINDS

_SEAM = 21  # stored bars before the file's first, from which the usual volume is taken
_NO_SPLITS = pd.DataFrame(
    {
        "event_date": pd.Series(dtype="datetime64[us]"),
        "known_at": pd.Series(dtype="datetime64[us, UTC]"),
        "ratio": pd.Series(dtype="float64"),
    }
)


class Loader(IngestBatch):
    """An `IngestBatch` that knows the kinds of files."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._deferred: list[tuple[str, str, pd.DataFrame]] = []

    def add(self, folder: str, name: str, frame: pd.DataFrame) -> None:
        """Add the rows of one file."""
        if folder == "dividends" or (folder == "prices" and _jumps(name, frame)):
            # A jump is compared with the rest of the market, a dividend with the price before it: both come last.
            self._deferred.append((folder, name, frame))
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

    def rows_by_kind(self) -> dict[str, pd.DataFrame]:
        """The rows to append, by kind, in order."""
        for folder, name, frame in sorted(self._deferred, key=lambda each: each[0], reverse=True):
            if folder == "prices":
                self._bars(name, frame)
            else:
                self._daily(folder, name, frame)
        self._deferred = []
        return {kind: _concatenated(parts) for kind, parts in self.parts.items()}

    def market(self, ticker: str, bars: pd.DataFrame) -> np.ndarray:
        """See `jumps.Market`."""
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
        # With the last stored bars before the file, a jump between store and file shows too.
        known = np.concatenate([np.full(len(before), True), publication.is_session(rows["event_date"])])
        judged = pd.concat([before, rows], ignore_index=True) if len(before) else rows
        reasons, settled = quality_checks.check_bars(ticker, judged, known, self.market(ticker, judged))
        sound = reasons[len(before) :] == ""
        settled_on = pd.DatetimeIndex(judged["event_date"].to_numpy()[settled[len(before) :][sound]])
        rows = self._quarantine("bars", ticker, rows, reasons[len(before) :])
        days = pd.DatetimeIndex(rows["event_date"])
        at, settled_at = (publication.bars_known_at(ticker, each) for each in (days, settled_on))
        rows = self._closed("prices", ticker, rows.assign(known_at=at.where(at >= settled_at, settled_at)))
        if stored is None:
            if self._has("splits", ticker):
                rows = to_stored_shares(rows, self.stored.splits(ticker).reset_index(), 1.0)
            self._append("bars", ticker, rows, None, ANCHOR_TOLERANCE)
        else:
            self._continued(ticker, rows, file, stored, price)

    def _continued(
        self, ticker: str, rows: pd.DataFrame, file: pd.DataFrame, stored: pd.DataFrame, price: float
    ) -> None:
        """Add bars of a file that continues or restates stored ones, on the shares of the stored ones."""
        splits = self.stored.splits(ticker).reset_index() if self._has("splits", ticker) else _NO_SPLITS
        raw = self.stored.raw_bars(ticker).reset_index() if self._has("raw_bars", ticker) else None
        unit = 1.0 if raw is None else unit_of(raw)
        values = list(KINDS["bars"].numbers)
        rows, revised = additions(
            stored.reset_index(), rows[["event_date", "known_at", *values]], values, self.now, ANCHOR_TOLERANCE
        )
        self.revised += revised
        is_later = rows["event_date"] > stored.index[-1]
        older, later = to_stored_shares(rows[~is_later], splits, unit), rows[is_later]
        # Only a file that reaches the last stored bar shows the split adjustment of today.
        if file["event_date"].iloc[-1] >= stored.index[-1]:
            implied = seam(stored, later, price, splits, self.now)
            if len(implied):
                self._add_rows("splits", ticker, implied)
                splits = pd.concat([splits[implied.columns], implied], ignore_index=True)
                splits = splits.sort_values("known_at", kind="stable").drop_duplicates("event_date", keep="last")
            if is_restated(price):
                shown = file.set_index("event_date").loc[later["event_date"]]
                later = later.assign(**{name: shown[name].to_numpy() for name in (*PRICES, "volume")})
        rows = pd.concat([older, to_stored_shares(later, splits, unit)], ignore_index=True)
        if len(rows):
            self._add_rows("bars", ticker, rows)

    def _raw_bars(self, ticker: str, frame: pd.DataFrame) -> None:
        found = raw_additions(self.stored, ticker, _dated(frame, "date"), self.now, self.market)
        self.notes += found.notes
        self.revised += found.revised
        for kind, rows, reasons in found.doubtful:
            self._quarantine(kind, ticker, rows, reasons)
        # Splits and dividends first: a process killed in between leaves no bar without its split.
        for kind in ("splits", "dividends", "raw_bars"):
            if not found.rows[kind].empty:
                self._add_rows(kind, ticker, found.rows[kind])

    def _daily(self, folder: str, name: str, frame: pd.DataFrame) -> None:
        """Short volume, dividends and short interest."""
        rows = _dated(frame, "settlement_date" if folder == "short_interest" else "date")
        rows = self._without_blanks(folder, name, rows, ())
        if folder == "dividends":
            rows = self._booked(name, rows)
        known = publication.is_session(rows["event_date"])
        if folder == "dividends":
            reasons = self._dividend_doubts(name, rows)
        elif folder == "short_volume":
            reasons = quality_checks.check_short_volume(rows, known)
        else:
            reasons = np.where(known, "", quality_checks.NO_SESSION).astype(object)
        rows = self._quarantine(folder, name, rows, reasons)
        days = pd.DatetimeIndex(rows["event_date"])
        if folder == "short_volume":
            rows = self._closed(folder, name, rows.assign(known_at=publication.short_volume_known_at(days)))
        elif folder == "dividends":
            rows = rows.assign(known_at=publication.dividends_known_at(days))
        else:
            published = self._published(rows, publication.short_interest_known_at(days))
            early = published["known_at"].array < lookahead_checks.settled_at(days).array
            by_rule = publication.short_interest_known_at
            rows = self._without_lookahead(folder, name, rows, published, np.asarray(early), by_rule)
        self._append(folder, name, rows, self._latest(folder, name), 0.0)

    def _booked(self, ticker: str, rows: pd.DataFrame) -> pd.DataFrame:
        """Dividends other than zero, moved to sessions and summed by session."""
        notes: list[str] = []
        rows = corporate_actions.on_sessions(f"dividends/{ticker}.csv", rows[rows["amount"] != 0], "amount", notes)
        self.notes += notes
        return rows.groupby("event_date")[["amount"]].sum().reset_index()

    def _dividend_doubts(self, ticker: str, rows: pd.DataFrame) -> np.ndarray:
        reasons = np.full(len(rows), "", dtype=object)
        bars = dict(self.parts.get("bars", [])).get(ticker)
        if bars is None and self._has("bars", ticker):
            bars = self.stored.bars(ticker).reset_index()
        if bars is not None:
            reasons[corporate_actions.not_below_price(rows, bars, _NO_SPLITS)] = quality_checks.EXCEEDS_PRICE
        reasons[rows["amount"].to_numpy() < 0] = quality_checks.NEGATIVE_AMOUNT
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
        doubts = quality_checks.check_observations(series, rows["value"].to_numpy())
        if (doubts != "").any():
            rows = self._quarantine("observations", series, rows, doubts, by_rule(days[doubts != ""]))
            days = pd.DatetimeIndex(rows["event_date"])
        published = self._published(rows, by_rule(days))
        early = lookahead_checks.too_early(rule, days, published["known_at"])
        rows = self._without_lookahead("observations", series, rows, published, early, by_rule)
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
        self._add_rows("observations", series, vintage)

    def _vintages(self, series: str, frame: pd.DataFrame) -> None:
        rows = self._without_blanks("vintages", series, _dated(frame, "date"), ())
        # A file gives the day of a vintage; a live provider also gives the hour.
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
        self._add_rows("observations", series, rows)

    def _without_unfinished(self, series: str, rows: pd.DataFrame, known_at: pd.Series) -> pd.DataFrame:
        """Leave out periods that a vintage lists before they have ended."""
        days = pd.DatetimeIndex(rows["event_date"])
        rule = publication.rule_of(series, days.unique().sort_values())
        early = lookahead_checks.too_early(rule, days, known_at)
        by_rule = partial(publication.observations_known_at, series, rule=rule)
        return self._without_lookahead("observations", series, rows, rows, early, by_rule)

    def _holdings(self, fund: str, frame: pd.DataFrame) -> None:
        rows = _dated(frame, "as_of")
        days = pd.DatetimeIndex(rows["event_date"])
        published = self._published(rows, publication.holdings_known_at(days))
        early = np.asarray(published["known_at"].array < lookahead_checks.day_begins(days).array)
        rows = self._without_lookahead("holdings", fund, rows, published, early, publication.holdings_known_at)
        layout = KINDS["holdings"]
        rows = rows.reindex(columns=["event_date", "known_at", *layout.values])
        rows = rows.astype(dict.fromkeys(layout.texts, "str") | dict.fromkeys(layout.numbers, "float64"))
        stored = self.stored.holdings(fund).reset_index() if self._has("holdings", fund) else None
        for day, lines in rows.groupby("event_date"):
            if stored is not None and (stored["event_date"] == day).any():
                old = stored[stored["event_date"] == day]
                if _same_list(old, lines, layout.values):
                    continue
                # A list has one known_at: a correction of one line stores all of it again.
                self.revised += 1
                lines = lines.assign(known_at=self._after(old["known_at"].max()))
            self._add_rows("holdings", fund, lines)


def _concatenated(parts: list[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    parts = sorted(parts, key=lambda part: part[0])  # spares the store sorting the rows
    # One text column for all rows: one for each part takes longer than its numbers.
    names = pd.Series([series for series, _ in parts], dtype="str").array
    places = np.repeat(np.arange(len(parts)), [len(rows) for _, rows in parts])
    return pd.concat([rows for _, rows in parts], ignore_index=True).assign(series=names.take(places))


def _jumps(ticker: str, bars: pd.DataFrame) -> bool:
    """Whether a ticker's bars contain a split-like step; indices do not split."""
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
