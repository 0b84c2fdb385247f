"""From the columns of each file to the rows of the store: by which rules a row is doubted, dated and continued.

What a row is then worth, a new event, a revision, a doubt or nothing, is decided alike for all files; see `gathering`.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data import actions, doubts, foresight, jumps, publication
from bullbear.data.adjusting import PRICES, unit_of
from bullbear.data.gathering import Gathering
from bullbear.data.raw_bars import raw_additions, undivided
from bullbear.data.reconcile import ANCHOR_TOLERANCE, additions, is_restated, reanchored, seam
from bullbear.data.segments import KINDS

_SEAM = 21  # stored bars before the file's first, for the usual volume
_NO_SPLITS = pd.DataFrame(
    {
        "event_date": pd.Series(dtype="datetime64[us]"),
        "known_at": pd.Series(dtype="datetime64[us, UTC]"),
        "ratio": pd.Series(dtype="float64"),
    }
)


class Loader(Gathering):
    """The rows that an ingest is about to append; see `Gathering`."""

    def __post_init__(self) -> None:
        super().__post_init__()
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
