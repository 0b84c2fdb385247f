"""From the files of one company to rows of the store: as traded where the splits are given, else marked as restated.

Files of the usual kind hold prices already divided by later splits, and adj_close divided by later dividends, too. With
the splits the prices are brought back to what was traded; without them their returns are right and their levels are
not, and the rows say so. The dividends follow from adj_close where no file gives them. Only impossible rows are set
aside: a misprint is found later, by what was known on its day.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bullbear.data import lookahead_checks, publication, quality_checks
from bullbear.data.companies.clocks import session_closes
from bullbear.data.companies.implied import implied_dividends, later_splits
from bullbear.data.companies.panel import BARS
from bullbear.data.corporate_actions import booked
from bullbear.data.reconcile import additions

CROSSED = "high below low"
NEGATIVE_VOLUME = "negative volume"
NOT_A_RATIO = "split not positive"

PRICES = ("open", "high", "low", "close")
TOLERANCE = 1e-5  # relative; what differs by less is rounding
_RESTATED = 1e-3  # a constant ratio of new and stored prices beyond rounding
_TAIL = 21


@dataclass
class Loaded:
    """Rows to append by kind, and what was done."""

    now: pd.Timestamp
    parts: dict[str, list[tuple[str | None, pd.DataFrame]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    quarantined: int = 0
    revised: int = 0

    def add(self, kind: str, company: str, rows: pd.DataFrame) -> None:
        """Add rows of one company."""
        if len(rows):
            self.parts.setdefault(kind, []).append((company, rows))

    def add_all(self, kind: str, rows: pd.DataFrame) -> None:
        """Add rows of any companies, with their column `series`."""
        if len(rows):
            self.parts.setdefault(kind, []).append((None, rows))

    def set_aside(self, kind: str, company: str, rows: pd.DataFrame, reasons: np.ndarray) -> pd.DataFrame:
        """Quarantine the rows that have a reason; the others."""
        doubtful = reasons != ""
        if not doubtful.any():
            return rows
        aside = rows[doubtful]
        shown = aside.assign(event_date=aside["event_date"].dt.strftime("%Y-%m-%d"))
        known = publication.vintages_known_at(pd.DatetimeIndex(aside["event_date"]))
        table = pd.DataFrame({"event_date": aside["event_date"].to_numpy(), "kind": kind, "reason": reasons[doubtful]})
        table["known_at"] = known.where(known <= self.now, self.now)
        table["row"] = [json.dumps(record, default=str) for record in shown.to_dict("records")]
        self.quarantined += len(aside)
        self.add("quarantine", company, table)
        kept: pd.DataFrame = rows[~doubtful].reset_index(drop=True)
        return kept

    def frames(self) -> dict[str, pd.DataFrame]:
        """The rows by kind: what explains a bar before the bar."""
        order = ("quarantine", "listings", "splits", "dividends", "short_interest", "facts", "bars")
        return {kind: _together(self.parts[kind]) for kind in order if kind in self.parts}


def _together(parts: list[tuple[str | None, pd.DataFrame]]) -> pd.DataFrame:
    own = [(company, rows) for company, rows in parts if company is not None]
    frames = [rows for company, rows in parts if company is None]
    if own:
        # One text column for all rows: one for each part takes longer than its numbers.
        names = pd.Series([company for company, _ in own], dtype="str").array
        places = np.repeat(np.arange(len(own)), [len(rows) for _, rows in own])
        frames.append(pd.concat([rows for _, rows in own], ignore_index=True).assign(series=names.take(places)))
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def load_company(
    loaded: Loaded,
    company: str,
    files: dict[str, pd.DataFrame],
    stored: dict[str, pd.DataFrame],
    *,
    knows_splits: bool,
) -> None:
    """Add what the files of a company bring.

    Parameters
    ----------
    files:
        By folder, each with `event_date` and its layout's columns.
    stored:
        The company's latest versions in the store, by kind.
    knows_splits:
        Whether a company without a file of splits had none.
    """
    splits = _splits(loaded, company, files.get("splits"))
    if "prices" in files:
        restated = splits is None and not knows_splits
        bars, known = _sound(loaded, company, files["prices"])
        implied = implied_dividends(bars) if "adj_close" in bars and "dividends" not in files else None
        price: float | np.ndarray = 1.0
        shares: float | np.ndarray = 1.0
        paid: float | np.ndarray = 1.0
        if splits is not None and len(splits):
            price = later_splits(splits, bars["event_date"])
            shares = 1.0 / price
            paid = 1.0 if implied is None else later_splits(splits, implied["event_date"])
        elif restated:
            price, shares = _scale(stored.get("bars"), bars)
            paid = price
        if implied is not None and len(implied):
            _dividends(loaded, company, implied.assign(amount=implied["amount"] * paid), stored)
        scales = {**dict.fromkeys(PRICES, price), "volume": shares}
        columns = {name: bars[name].to_numpy() * scale for name, scale in scales.items()}
        rows = pd.DataFrame({"event_date": bars["event_date"], "known_at": known, **columns})
        _append(loaded, "bars", company, rows.assign(restated=float(restated)), stored, [*BARS, "restated"], TOLERANCE)
    if splits is not None and len(splits):
        ex = publication.dividends_known_at(pd.DatetimeIndex(splits["event_date"]))
        _append(loaded, "splits", company, splits.assign(known_at=ex), stored, ["ratio"], 1e-6)
    if "dividends" in files:
        listed = files["dividends"]
        listed = listed[listed["amount"].notna() & (listed["amount"] != 0)].reset_index(drop=True)
        reasons = np.where(listed["amount"] < 0, quality_checks.NEGATIVE_AMOUNT, "").astype(object)
        _dividends(loaded, company, _summed(loaded.set_aside("dividends", company, listed, reasons), "amount"), stored)
    if "short_interest" in files:
        _short_interest(loaded, company, files["short_interest"], stored)


def _sound(loaded: Loaded, company: str, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DatetimeIndex]:
    """The bars without empty, impossible and unfinished ones, and when each was known."""
    days = rows["event_date"].to_numpy("datetime64[us]")
    is_session, closes = session_closes(days)
    prices = rows[list(PRICES)].to_numpy()
    blank = np.isnan(prices).all(axis=1)
    crossed, negative = prices[:, 1] < prices[:, 2], rows["volume"].to_numpy() < 0
    running = ~blank & (closes > loaded.now.value // 1000)
    if not (blank | ~is_session | crossed | negative | running).any():
        return rows, _instants(closes)
    reasons = np.full(len(rows), "", dtype=object)
    for wrong, reason in (
        (~is_session, quality_checks.NO_SESSION),
        (crossed, CROSSED),
        (negative, NEGATIVE_VOLUME),
    ):
        reasons[wrong & ~blank & ~running & (reasons == "")] = reason
    if running.any():
        first = rows["event_date"][running].iloc[0].date()
        loaded.notes.append(f"prices/{company}.csv: {int(running.sum())} rows from {first} left out, session not over")
    shown = ~blank & ~running
    kept = loaded.set_aside("bars", company, rows[shown].reset_index(drop=True), reasons[shown])
    return kept, _instants(closes[shown & (reasons == "")])


def _instants(closes: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(closes.view("datetime64[us]")).tz_localize("UTC")


def _splits(loaded: Loaded, company: str, rows: pd.DataFrame | None) -> pd.DataFrame | None:
    if rows is None:
        return None
    rows = rows[rows["ratio"].notna() & (rows["ratio"] != 1)].reset_index(drop=True)
    reasons = np.where(rows["ratio"] > 0, "", NOT_A_RATIO).astype(object)
    rows = loaded.set_aside("splits", company, rows, reasons)
    over = publication.dividends_known_at(pd.DatetimeIndex(booked(rows["event_date"]))) <= loaded.now
    return _summed(rows[over], "ratio")


def _summed(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Events on sessions, those of one session together."""
    moved = rows.assign(event_date=booked(rows["event_date"])).groupby("event_date")[[column]]
    return (moved.prod() if column == "ratio" else moved.sum()).reset_index()


def _dividends(loaded: Loaded, company: str, rows: pd.DataFrame, stored: dict[str, pd.DataFrame]) -> None:
    known = publication.dividends_known_at(pd.DatetimeIndex(rows["event_date"]))
    rows = rows.assign(known_at=known)[known <= loaded.now]
    # Implied from rounded prices: the same dividend differs a little with each new file.
    _append(loaded, "dividends", company, rows, stored, ["amount"], 0.01)


def _short_interest(loaded: Loaded, company: str, rows: pd.DataFrame, stored: dict[str, pd.DataFrame]) -> None:
    days = pd.DatetimeIndex(rows["event_date"])
    by_rule = publication.short_interest_known_at(days) if len(rows) else pd.DatetimeIndex([], tz="UTC")
    given = rows["known_at"] if "known_at" in rows else pd.Series(pd.NaT, index=rows.index, dtype=by_rule.dtype)
    known = pd.DatetimeIndex(given.fillna(pd.Series(by_rule, index=rows.index)))
    early = np.asarray(known < lookahead_checks.settled_at(days)) if len(rows) else np.zeros(0, dtype=bool)
    reasons = np.where(early, quality_checks.IMPOSSIBLE, "").astype(object)
    rows = loaded.set_aside("short_interest", company, rows.assign(known_at=known), reasons)
    rows = rows[(rows["known_at"] <= loaded.now).to_numpy()]
    values = [str(name) for name in rows if name not in ("event_date", "known_at")]
    _append(loaded, "short_interest", company, rows, stored, values, 0.0)


def _scale(stored: pd.DataFrame | None, bars: pd.DataFrame) -> tuple[float, float]:
    """What brings restated prices and volumes to the stored ones, after a split in between; 1 if nothing does."""
    if stored is None or stored.empty:
        return 1.0, 1.0
    before, now = _common(stored, bars)
    before, now = before[-_TAIL:], now[-_TAIL:]
    price, volume = (
        _ratio(stored[name].to_numpy()[before], bars[name].to_numpy()[now]) for name in ("close", "volume")
    )
    # Most providers restate volume at a split, some do not: the overlap shows which.
    return price, 1.0 if volume == 1.0 else 1.0 / price


def _common(stored: pd.DataFrame, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The places of the days that both have, in the one and in the other; days ascend in both."""
    old, new = (each["event_date"].to_numpy("datetime64[us]") for each in (stored, rows))
    places = np.minimum(np.searchsorted(old, new), len(old) - 1)
    both = np.flatnonzero(old[places] == new)
    return places[both], both


def _ratio(old: np.ndarray, new: np.ndarray) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = old / new
    ratios = ratios[np.isfinite(ratios) & (ratios > 0)]
    middle = float(np.median(ratios)) if len(ratios) else 1.0
    return middle if abs(middle - 1) > _RESTATED else 1.0


def _append(
    loaded: Loaded,
    kind: str,
    company: str,
    rows: pd.DataFrame,
    stored: dict[str, pd.DataFrame],
    values: list[str],
    tolerance: float,
) -> None:
    """Add new rows; what differs from a stored row is a correction, known from now."""
    before = stored.get(kind)
    if before is not None and len(before):
        if _is_repeated(before, rows, values, tolerance):
            return
        names = ["event_date", "known_at", *values]
        rows, revised = additions(before, rows[names].reset_index(drop=True), values, loaded.now, tolerance)
        loaded.revised += revised
    loaded.add(kind, company, rows)


def _is_repeated(stored: pd.DataFrame, rows: pd.DataFrame, values: list[str], tolerance: float) -> bool:
    """Whether all rows are stored as they are: what a file that was loaded before mostly holds."""
    places, both = _common(stored, rows)
    if len(both) < len(rows):
        return False
    old, new = stored[values].to_numpy(np.float64)[places], rows[values].to_numpy(np.float64)
    return bool(((np.abs(new - old) <= tolerance * np.abs(old)) | np.isnan(new)).all())
