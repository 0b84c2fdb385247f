"""What a live provider's response adds to the store: unadjusted bars, splits and dividends.

Responses overlap the stored bars, and the overlap shows whether both have the same split adjustment (see `anchoring`):
rows before a split that does not fit the prices are quarantined, stored rows whose ratio a split explains are restated,
and an unexplained common ratio refuses the response. Single differences are revisions, known from now on. After a
snapshot only later rows are stored; a difference on the overlap beyond the tolerance is quarantined.

A dividend, split or bar of a day before the last stored one was not visible to earlier views: its `known_at` is now.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bullbear.data import anchoring, corporate_actions, publication, quality_checks
from bullbear.data.adjusting import PRICES, split_factor, unit_of
from bullbear.data.jumps import Market
from bullbear.data.reconcile import ANCHOR_TOLERANCE, additions
from bullbear.data.view import View
from bullbear.errors import InputError

VALUES = ["open", "high", "low", "close", "volume", "scale"]
DISAGREEMENT = 0.005  # between a snapshot and a provider, relative
_TAIL = 21
_SEAM = 21  # stored bars before the response's first, from which the usual volume is taken

_MICROSECOND = pd.Timedelta(1, "us")


@dataclass
class RawAdditions:
    """Rows to append and doubtful rows with their reasons, by kind and without `series`; notes for the user."""

    rows: dict[str, pd.DataFrame] = field(default_factory=dict)
    doubtful: list[tuple[str, pd.DataFrame, np.ndarray]] = field(default_factory=list)
    revised: int = 0
    notes: list[str] = field(default_factory=list)

    def quarantine(self, kind: str, rows: pd.DataFrame, reasons: np.ndarray | str) -> None:
        """Mark `rows` as doubtful."""
        why = np.broadcast_to(np.asarray(reasons, dtype=object), len(rows))
        self.doubtful.append((kind, rows.reset_index(drop=True), why))


@dataclass(frozen=True)
class _Stored:
    ticker: str
    bars: pd.DataFrame | None  # as shown
    raw: pd.DataFrame | None
    splits: pd.DataFrame
    dividends: pd.DataFrame
    aside: pd.Series
    floor: pd.Timestamp | None  # the last day that only a snapshot holds

    @classmethod
    def of(cls, view: View, ticker: str) -> _Stored:
        bars = view.bars(ticker) if view.has("bars", ticker) else None
        raw = view.raw_bars(ticker) if view.has("raw_bars", ticker) else None
        splits = view.splits(ticker).reset_index() if view.has("splits", ticker) else _nothing("ratio")
        dividends = view.dividends(ticker).reset_index() if view.has("dividends", ticker) else _nothing("amount")
        quarantine = view.quarantine()
        aside = quarantine["event_date"][(quarantine["series"] == ticker) & (quarantine["kind"] == "bars")]
        days = pd.DatetimeIndex(view.snapshot_bars(ticker)["event_date"].unique())
        days = days if raw is None else days.difference(pd.DatetimeIndex(raw.index))
        return cls(ticker, bars, raw, splits, dividends, aside, pd.Timestamp(days.max()) if len(days) else None)

    @property
    def last(self) -> pd.Timestamp | None:
        return None if self.bars is None else pd.Timestamp(self.bars.index[-1])

    @property
    def unit(self) -> float:
        return 1.0 if self.raw is None else unit_of(self.raw.reset_index())

    def after_floor(self, facts: pd.DataFrame) -> pd.DataFrame:
        return facts if self.floor is None else facts[facts["event_date"] > self.floor]


def _nothing(value: str) -> pd.DataFrame:
    types = {"event_date": "datetime64[us]", "known_at": "datetime64[us, UTC]", value: "float64"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})


def raw_additions(stored: View, ticker: str, frame: pd.DataFrame, now: pd.Timestamp, market: Market) -> RawAdditions:
    """What the response `frame` adds.

    Parameters
    ----------
    frame:
        Columns event_date (ascending), open, high, low, close, volume (unadjusted), dividend (dollars per share on its
        ex-date, else 0) and split (new shares for an old one, else 1); prices are NaN on a day with a dividend or split
        only. Optional: `doubt`, the reason to quarantine a row, or an empty text.

    Raises
    ------
    InputError
        The prices have another scale than the stored ones and no split explains it.
    """
    found = RawAdditions()
    own = _Stored.of(stored, ticker)
    splits = corporate_actions.listed_splits(ticker, frame, found.notes)
    dividends = corporate_actions.listed_dividends(ticker, frame, splits, found.notes)
    priced = frame[frame[list(PRICES)].notna().any(axis=1)].reset_index(drop=True)
    misfit = anchoring.before_misfit(priced, splits)
    if misfit is not None:
        priced = _without_misfits(own, priced, splits, misfit, found)
        dividends = dividends[dividends["event_date"] >= misfit]  # on the same shares as the prices of their day
    gone = anchoring.withdrawn(priced, splits, own.after_floor(own.splits))
    factors = pd.Series(dtype="float64")
    if own.raw is not None:
        factors = anchoring.restatement(ticker, own.raw, priced, splits, gone)
    scale = _scale(own, priced, splits, own.unit / _first_factor(own, factors), found)
    rows = own.after_floor(priced).assign(scale=scale).reset_index(drop=True)
    rows, settled = _without_doubtful(own, rows, splits, gone, factors, market, found)
    days = pd.DatetimeIndex(rows["event_date"])
    known, settled_at = (publication.bars_known_at(ticker, each) for each in (days, settled))
    rows = rows.assign(known_at=known.where(known >= settled_at, settled_at))
    running = rows["known_at"] > now
    if running.any():
        found.notes.append(f"{ticker}: {int(running.sum())} bars left out, session not over")
        rows = rows[~running]
    late = pd.Series(False, index=rows.index) if own.last is None else rows["event_date"] <= own.last
    late |= rows["event_date"].isin(own.aside)
    # Rows older than all stored ones are not late: no earlier view covered their days.
    first = pd.Timestamp.min.as_unit("us") if own.bars is None else pd.Timestamp(own.bars.index[0])
    rows = rows.assign(known_at=rows["known_at"].where(~late | (rows["event_date"] < first), now))
    _add_splits(own, splits, gone, rows, now, found)
    _add_dividends(own, dividends, splits, priced, now, found)
    rows = rows[["event_date", "known_at", *VALUES]]
    if own.raw is not None:
        rows, found.revised = additions(own.raw.reset_index(), rows, VALUES, now, ANCHOR_TOLERANCE)
        rows = pd.concat([rows, _restated(own, factors, rows, now, found)], ignore_index=True)
    found.rows["raw_bars"] = rows
    return found


def to_stored_shares(rows: pd.DataFrame, splits: pd.DataFrame, unit: float) -> pd.DataFrame:
    """Undo the split adjustment of bars, to the shares on which the store keeps prices."""
    factor = split_factor(splits, rows["event_date"]) * unit
    restored = rows.assign(**{name: rows[name].to_numpy() * factor for name in PRICES})
    return restored.assign(volume=rows["volume"].to_numpy() / factor)


def _without_misfits(
    own: _Stored, priced: pd.DataFrame, splits: pd.DataFrame, misfit: pd.Timestamp, found: RawAdditions
) -> pd.DataFrame:
    """`priced` from the day `misfit` on, whose split does not fit the prices before it."""
    before = priced["event_date"] < misfit
    early = priced[before]
    if own.raw is not None:
        common = early[early["event_date"].isin(own.raw.index)]
        ratios = common["close"].to_numpy() / own.raw["close"].loc[common["event_date"]].to_numpy()
        if len(ratios) and abs(float(np.nanmedian(ratios)) - 1) <= DISAGREEMENT:
            ratio = splits["ratio"][splits["event_date"] == misfit].iloc[0]
            raise InputError(
                f"splits of {own.ticker}",
                f"{ratio:g} new shares for an old one on {misfit.date()}",
                "a split that the prices before and after it show",
                "fetch again when the provider has corrected it; the stored bars are untouched",
            )
    served = early["event_date"].isin([] if own.bars is None else own.bars.index)
    found.notes.append(f"{own.ticker}: {len(early)} bars before the split of {misfit.date()} do not fit it")
    found.quarantine("bars", early[["event_date", *PRICES, "volume"]][~served], quality_checks.OTHER_SHARES)
    return priced[~before].reset_index(drop=True)


def _scale(own: _Stored, priced: pd.DataFrame, splits: pd.DataFrame, unit: float, found: RawAdditions) -> float:
    """The factor that makes raw prices continue the stored ones; `unit` unless a snapshot came last."""
    ticker = own.ticker
    if own.bars is None or own.floor is None or (own.raw is not None and own.raw.index[-1] > own.floor):
        return unit
    common = priced[priced["event_date"].isin(own.bars.index) & (priced["event_date"] <= own.floor)]
    if common.empty:
        found.notes.append(f"{ticker}: no session in common with the store, anchor not verified")
        return unit
    # The snapshot's prices are adjusted for all splits but those that the store holds after its last bar.
    later = float(np.prod(own.after_floor(own.splits)["ratio"].to_numpy()))
    shown = own.bars["close"].loc[common["event_date"]].to_numpy() * later * own.unit
    within = splits[splits["event_date"] <= own.floor]
    ratios = shown / (common["close"].to_numpy() / split_factor(within, common["event_date"]))
    usable = ratios[np.isfinite(ratios) & (ratios > 0)]
    if not len(usable):
        return unit
    scale = float(np.median(usable[-_TAIL:]))
    scale = unit if abs(scale / unit - 1) <= ANCHOR_TOLERANCE else scale
    if scale != unit:
        found.notes.append(f"{ticker}: raw prices x {scale:.7g} continue the stored snapshot")
    off = np.abs(ratios / scale - 1)
    differs = np.isfinite(off) & (off > DISAGREEMENT)
    if differs.any():
        found.quarantine("bars", common[["event_date", *PRICES, "volume"]][differs], quality_checks.DISAGREES)
    return scale


def _add_splits(
    own: _Stored,
    splits: pd.DataFrame,
    gone: pd.DataFrame,
    rows: pd.DataFrame,
    now: pd.Timestamp,
    found: RawAdditions,
) -> None:
    known = _actions_known(own, own.after_floor(splits), now)
    known, revised = additions(own.splits, known, ["ratio"], now, 1e-4) if len(own.splits) else (known, 0)
    found.revised += revised
    # A withdrawn split becomes one of 1:1, known from the first bar without it.
    for day, at in gone[["event_date", "known_at"]].itertuples(index=False):
        after = rows["known_at"][rows["event_date"] >= day]
        moment = max(min([now, *after]), at + _MICROSECOND)
        found.notes.append(f"{own.ticker}: split of {day.date()} withdrawn")
        line = pd.DataFrame({"event_date": [day], "known_at": [moment], "ratio": [1.0]})
        known = pd.concat([known, line.astype(known.dtypes.to_dict())], ignore_index=True)
    found.rows["splits"] = known[["event_date", "known_at", "ratio"]]


def _add_dividends(
    own: _Stored,
    dividends: pd.DataFrame,
    splits: pd.DataFrame,
    priced: pd.DataFrame,
    now: pd.Timestamp,
    found: RawAdditions,
) -> None:
    listed = own.after_floor(dividends).reset_index(drop=True)
    closes = priced[["event_date", "close"]]
    if own.raw is not None:
        older = own.raw[own.raw.index < closes["event_date"].min()] if len(closes) else own.raw
        closes = pd.concat([older.reset_index()[["event_date", "close"]], closes], ignore_index=True)
    too_large = corporate_actions.not_below_price(listed, closes, splits)
    unseen = corporate_actions.without_price_drop(listed, closes, splits) & ~too_large
    for doubtful, reason in ((too_large, quality_checks.EXCEEDS_PRICE), (unseen, quality_checks.NO_FALL)):
        if doubtful.any():
            found.quarantine("dividends", listed[doubtful], reason)
    known = _actions_known(own, listed[~(too_large | unseen)], now)
    known, revised = additions(own.dividends, known, ["amount"], now, 1e-4) if len(own.dividends) else (known, 0)
    found.revised += revised
    found.rows["dividends"] = known[["event_date", "known_at", "amount"]]


def _actions_known(own: _Stored, listed: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    rows = listed.assign(known_at=publication.dividends_known_at(pd.DatetimeIndex(listed["event_date"])))
    rows = rows[rows["known_at"] <= now].reset_index(drop=True)
    if own.last is not None:
        rows["known_at"] = rows["known_at"].where(rows["event_date"] > own.last, now)
    return rows


def _first_factor(own: _Stored, factors: pd.Series) -> float:
    """The factor of the oldest raw bar; every `scale` is divided by it, so that adj_close does not change."""
    return 1.0 if own.raw is None else float(factors.get(own.raw.index[0], 1.0))


def _restated(
    own: _Stored, factors: pd.Series, rows: pd.DataFrame, now: pd.Timestamp, found: RawAdditions
) -> pd.DataFrame:
    """Restate stored raw bars before the response, whose split adjustment differs from the response's."""
    assert own.raw is not None
    if factors.empty:
        return rows.iloc[:0]
    stored = own.raw[~own.raw.index.isin(rows["event_date"])].reset_index()
    by = factors.reindex(stored["event_date"]).fillna(1.0).to_numpy()
    scale = stored["scale"].to_numpy() / _first_factor(own, factors)
    again = stored.assign(**{name: stored[name].to_numpy() * by for name in PRICES}, scale=scale)
    again = again.assign(volume=stored["volume"].to_numpy() / by)[(by != 1.0) | (scale != stored["scale"].to_numpy())]
    found.notes.append(f"{own.ticker}: {len(factors)} stored bars restated, a split explains their ratio to the answer")
    found.revised += len(again)
    known = again["known_at"] + _MICROSECOND
    later: pd.DataFrame = again.assign(known_at=known.where(known > now, now))[rows.columns]
    return later


def _without_doubtful(
    own: _Stored,
    rows: pd.DataFrame,
    splits: pd.DataFrame,
    gone: pd.DataFrame,
    factors: pd.Series,
    market: Market,
    found: RawAdditions,
) -> tuple[pd.DataFrame, pd.DatetimeIndex]:
    """The rows that pass the checks on split-adjusted prices, and the session that confirms each of them."""
    if rows.empty:
        return rows, pd.DatetimeIndex(rows["event_date"])
    kept = own.splits[~own.splits["event_date"].isin(gone["event_date"])][["event_date", "ratio"]]
    every = pd.concat([part for part in (kept, own.after_floor(splits)) if len(part)] or [splits])
    every = every.drop_duplicates("event_date", keep="last")
    checked = _divided(rows, split_factor(every, rows["event_date"]))
    seam = 0
    if own.bars is not None and len(before := own.bars[own.bars.index < rows["event_date"].iloc[0]].tail(_SEAM)):
        last = before.reset_index()
        ratio = split_factor(every, last["event_date"]) / split_factor(own.splits, last["event_date"])
        ratio = ratio * rows["scale"].iloc[-1] / own.unit
        if own.raw is not None:
            lifted = _first_factor(own, factors) / factors.reindex(before.index).fillna(1.0).to_numpy()
            ratio = ratio * np.where(before.index.isin(own.raw.index), lifted, 1.0)
        checked = pd.concat([_divided(last, ratio)[checked.columns], checked], ignore_index=True)
        seam = len(last)
    days = pd.concat([checked["event_date"]])
    session = np.concatenate([np.full(seam, True), publication.is_session(rows["event_date"])])
    reasons, settled = quality_checks.check_bars(own.ticker, checked, session, market(own.ticker, checked))
    live = quality_checks.check_quotes(own.ticker, checked)
    reasons[reasons == ""] = live[reasons == ""]
    reasons, settled = reasons[seam:], settled[seam:]
    if "doubt" in rows:
        reasons[reasons == ""] = rows["doubt"].to_numpy(dtype=object)[reasons == ""]
    odd = reasons != ""
    if odd.any():
        found.quarantine("bars", rows[["event_date", *PRICES, "volume"]][odd], reasons[odd])
    sound: pd.DataFrame = rows[~odd].reset_index(drop=True)
    return sound, pd.DatetimeIndex(days.to_numpy()[settled[~odd]])


def _divided(rows: pd.DataFrame, factor: np.ndarray) -> pd.DataFrame:
    columns = {name: rows[name].to_numpy() / factor for name in PRICES}
    columns["adj_close"] = columns["close"]
    listed = pd.DataFrame(columns).assign(volume=rows["volume"].to_numpy() * factor)
    return listed.assign(event_date=rows["event_date"].to_numpy())
