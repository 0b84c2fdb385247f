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
_SMALLEST = 1e-5  # of the price: no smaller dividend is read from adj_close


@dataclass
class Loaded:
    """Rows to append by kind, and what was done."""

    now: pd.Timestamp
    parts: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    quarantined: int = 0
    revised: int = 0

    def add(self, kind: str, company: str, rows: pd.DataFrame) -> None:
        """Add rows of one company."""
        self.add_all(kind, rows.assign(series=company))

    def add_all(self, kind: str, rows: pd.DataFrame) -> None:
        """Add rows of any companies, with their column `series`."""
        if len(rows):
            self.parts.setdefault(kind, []).append(rows)

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
        return {kind: pd.concat(self.parts[kind], ignore_index=True) for kind in order if kind in self.parts}


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
        bars = _sound(loaded, company, files["prices"])
        implied = implied_dividends(bars) if "adj_close" in bars and "dividends" not in files else None
        factor = 1.0 if splits is None else later_splits(splits, bars["event_date"])
        bars = bars.assign(**{name: bars[name] * factor for name in PRICES}, volume=bars["volume"] / factor)
        scale, shares = _scale(stored.get("bars"), bars) if restated else (1.0, 1.0)
        if scale != 1.0:
            bars = bars.assign(**{name: bars[name] * scale for name in PRICES}, volume=bars["volume"] * shares)
        if implied is not None:
            on = 1.0 if splits is None else later_splits(splits, implied["event_date"])
            _dividends(loaded, company, implied.assign(amount=implied["amount"] * on * scale), stored)
        known = publication.bars_known_at(company, pd.DatetimeIndex(bars["event_date"]))
        rows = bars[["event_date", *BARS]].assign(known_at=known, restated=float(restated))
        _append(loaded, "bars", company, rows, stored, [*BARS, "restated"], TOLERANCE)
    if splits is not None:
        ex = publication.dividends_known_at(pd.DatetimeIndex(splits["event_date"]))
        _append(loaded, "splits", company, splits.assign(known_at=ex), stored, ["ratio"], 1e-6)
    if "dividends" in files:
        paid = files["dividends"]
        paid = paid[paid["amount"].notna() & (paid["amount"] != 0)].reset_index(drop=True)
        reasons = np.where(paid["amount"] < 0, quality_checks.NEGATIVE_AMOUNT, "").astype(object)
        paid = _summed(loaded.set_aside("dividends", company, paid, reasons), "amount")
        _dividends(loaded, company, paid, stored)
    if "short_interest" in files:
        _short_interest(loaded, company, files["short_interest"], stored)


def implied_dividends(bars: pd.DataFrame) -> pd.DataFrame:
    """The dividends by which adj_close was lowered: event_date (the ex-date), amount per share of `close`.

    With f = adj_close / close, a dividend D on the session t lowers all earlier f: f(t-1) / f(t) = 1 - D / close(t-1).
    What rounding of the two prices could give is no dividend, nor is a rise.

    Example
    -------
    >>> days = pd.DatetimeIndex(["2019-12-30", "2019-12-31"])
    >>> implied_dividends(pd.DataFrame({"event_date": days, "close": [50.0, 49.0], "adj_close": [49.0, 49.0]}))
      event_date  amount
    0 2019-12-31     1.0
    """
    known = bars[(bars["close"] > 0) & (bars["adj_close"] > 0)]
    close, adjusted = known["close"].to_numpy(), known["adj_close"].to_numpy()
    rounding = _unit(close) / 2 / close + _unit(adjusted) / 2 / adjusted
    share = 1.0 - (adjusted / close)[:-1] / (adjusted / close)[1:]
    paid = np.flatnonzero(share > _SMALLEST + rounding[:-1] + rounding[1:])
    amount = share[paid] * close[:-1][paid]
    return pd.DataFrame({"event_date": known["event_date"].to_numpy()[1:][paid], "amount": amount})


def later_splits(splits: pd.DataFrame, days: pd.Series) -> np.ndarray:
    """By how much prices of each day were divided for the splits that followed; (n_days,)."""
    ordered = splits.sort_values("event_date")
    after = np.append(np.cumprod(ordered["ratio"].to_numpy()[::-1])[::-1], 1.0)
    factors: np.ndarray = after[np.searchsorted(ordered["event_date"].to_numpy(), days.to_numpy(), side="right")]
    return factors


def _sound(loaded: Loaded, company: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The bars without empty, impossible and unfinished ones."""
    rows = rows[rows[list(PRICES)].notna().any(axis=1).to_numpy()].reset_index(drop=True)
    reasons = np.full(len(rows), "", dtype=object)
    for wrong, reason in (
        (~publication.is_session(rows["event_date"]), quality_checks.NO_SESSION),
        ((rows["high"] < rows["low"]).to_numpy(), CROSSED),
        ((rows["volume"] < 0).to_numpy(), NEGATIVE_VOLUME),
    ):
        reasons[wrong & (reasons == "")] = reason
    rows = loaded.set_aside("bars", company, rows, reasons)
    running = publication.bars_known_at(company, pd.DatetimeIndex(rows["event_date"])) > loaded.now
    if running.any():
        first = rows["event_date"][running].iloc[0].date()
        loaded.notes.append(f"prices/{company}.csv: {int(running.sum())} rows from {first} left out, session not over")
    return rows[~running].reset_index(drop=True)


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
    old, new = (rows.set_index("event_date")[["close", "volume"]] for rows in (stored, bars))
    both = old.index.intersection(new.index)[-_TAIL:]
    price, volume = (_ratio(old.loc[both, name], new.loc[both, name]) for name in ("close", "volume"))
    # Most providers restate volume at a split, some do not: the overlap shows which.
    return price, 1.0 if volume == 1.0 else 1.0 / price


def _ratio(old: pd.Series, new: pd.Series) -> float:
    ratios = (old / new).to_numpy()
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
        names = ["event_date", "known_at", *values]
        rows, revised = additions(before, rows[names].reset_index(drop=True), values, loaded.now, tolerance)
        loaded.revised += revised
    loaded.add(kind, company, rows)


def _unit(prices: np.ndarray) -> float:
    """The last decimal place that prices are written in, as a power of ten."""
    for places in range(2, 7):
        if np.allclose(prices, np.round(prices, places), rtol=1e-9, atol=0.0):
            return 10.0**-places
    return 1e-7
