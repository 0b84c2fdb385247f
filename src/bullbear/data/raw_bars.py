"""What a live provider's bars add to the store: raw prices, splits and dividends as facts, or a refusal.

A provider is asked for an overlap with what is stored. On it the anchor is verified: if nearly all prices stand at one
common ratio to the stored raw ones, the provider has rescaled its history without telling the split, and nothing is
stored until it does. Single differences are revisions, known from now on. Where the store holds a snapshot, only what
lies after it is stored; a difference on the overlap beyond the tolerance is set aside as a disagreement of two sources.

What is told late is known late: a dividend, split or bar for a day that the store had already passed could not be seen
by the views of yesterday, so its `known_at` is now.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bullbear.data import doubts, publication
from bullbear.data.adjusting import PRICES, split_factor
from bullbear.data.reconcile import ANCHOR_TOLERANCE, additions
from bullbear.data.view import View
from bullbear.errors import InputError

VALUES = ["open", "high", "low", "close", "volume", "scale"]
DISAGREEMENT = 0.005  # between a snapshot and a provider, relative
_RESCALED = 1e-3  # how close to the common ratio a rescaled price lies
_TAIL = 21


@dataclass
class RawAdditions:
    """Rows to append, by kind and without `series`; doubtful bars with their reasons; what there is to tell."""

    rows: dict[str, pd.DataFrame] = field(default_factory=dict)
    doubtful: pd.DataFrame = field(default_factory=pd.DataFrame)
    reasons: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=object))
    revised: int = 0
    notes: list[str] = field(default_factory=list)


def raw_additions(stored: View, ticker: str, frame: pd.DataFrame, now: pd.Timestamp) -> RawAdditions:
    """What `frame` adds.

    Parameters
    ----------
    frame:
        Columns event_date (ascending), open, high, low, close, volume as traded, dividend (dollars per share on its
        ex-date, else 0) and split (new shares for an old one, else 1); prices are NaN on a day with an action alone.
        Optionally `doubt`: why a row is to be set aside, or an empty text.

    Raises
    ------
    InputError
        The prices stand at another scale than the stored ones and no split explains it.
    """
    found = RawAdditions()
    raw = stored.raw_bars(ticker) if stored.has("raw_bars", ticker) else None
    bars = stored.bars(ticker) if stored.has("bars", ticker) else None
    floor = _last_of_snapshot(bars, raw)
    earlier = pd.Series(False, index=frame.index) if floor is None else frame["event_date"] <= floor
    splits = _actions(frame, "split", "ratio")
    scale = _scale(ticker, frame, bars, raw, splits, floor, found)
    priced = frame[frame[list(PRICES)].notna().any(axis=1)]
    if raw is not None:
        _verify_anchor(ticker, raw, priced)
    rows = priced[~earlier[priced.index]].assign(scale=scale).reset_index(drop=True)
    last = None if bars is None else bars.index[-1]
    _add_actions(stored, ticker, "splits", splits, floor, last, now, found)
    _add_actions(stored, ticker, "dividends", _actions(frame, "dividend", "amount"), floor, last, now, found)
    rows = _without_doubtful(stored, ticker, rows, bars, splits, floor, found)
    days = pd.DatetimeIndex(rows["event_date"])
    rows = rows.assign(known_at=publication.bars_known_at(ticker, days))
    running = rows["known_at"] > now
    if running.any():
        found.notes.append(f"{ticker}: {int(running.sum())} bars left out, session not over")
        rows = rows[~running]
    late = pd.Series(False, index=rows.index) if last is None else rows["event_date"] <= last
    late |= rows["event_date"].isin(_set_aside_days(stored, ticker))
    rows = rows.assign(known_at=rows["known_at"].where(~late | (rows["event_date"] < _first(bars)), now))
    rows = rows[["event_date", "known_at", *VALUES]]
    if raw is not None:
        rows, found.revised = additions(raw.reset_index(), rows, VALUES, now, ANCHOR_TOLERANCE)
    found.rows["raw_bars"] = rows
    return found


def undivided(rows: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Split-adjusted bars brought back to the shares on which the store keeps them."""
    factor = split_factor(splits, rows["event_date"])
    restored = rows.assign(**{name: rows[name].to_numpy() * factor for name in PRICES})
    return restored.assign(volume=rows["volume"].to_numpy() / factor)


def _last_of_snapshot(bars: pd.DataFrame | None, raw: pd.DataFrame | None) -> pd.Timestamp | None:
    if bars is None:
        return None
    before = bars.index if raw is None else bars.index[bars.index < raw.index[0]]
    return pd.Timestamp(before[-1]) if len(before) else None


def _first(bars: pd.DataFrame | None) -> pd.Timestamp:
    """History from before all that is stored comes late to nobody."""
    return pd.Timestamp.min.as_unit("us") if bars is None else pd.Timestamp(bars.index[0])


def _actions(frame: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
    neutral = 1.0 if column == "split" else 0.0
    told = frame[frame[column].notna() & (frame[column] != neutral)]
    return told[["event_date", column]].set_axis(["event_date", value], axis=1).reset_index(drop=True)


def _scale(
    ticker: str,
    frame: pd.DataFrame,
    bars: pd.DataFrame | None,
    raw: pd.DataFrame | None,
    splits: pd.DataFrame,
    floor: pd.Timestamp | None,
    found: RawAdditions,
) -> float:
    if raw is not None:
        return float(raw["scale"].iloc[-1])
    if bars is None or floor is None:
        return 1.0
    common = frame[frame["event_date"].isin(bars.index)]
    if common.empty:
        found.notes.append(f"{ticker}: no session in common with the store, anchor not verified")
        return 1.0
    within = splits[splits["event_date"] <= floor]
    own = bars["close"].loc[common["event_date"]].to_numpy()
    ratios = own / (common["close"].to_numpy() / split_factor(within, common["event_date"]))
    usable = ratios[np.isfinite(ratios) & (ratios > 0)]
    if not len(usable):
        return 1.0
    scale = float(np.median(usable[-_TAIL:]))
    scale = 1.0 if abs(scale - 1) <= ANCHOR_TOLERANCE else scale
    if scale != 1.0:
        found.notes.append(f"{ticker}: raw prices x {scale:.7g} continue the stored snapshot")
    off = np.abs(ratios / scale - 1)
    differs = np.isfinite(off) & (off > DISAGREEMENT)
    if differs.any():
        _doubt(found, common[differs], doubts.DISAGREES)
    return scale


def _verify_anchor(ticker: str, raw: pd.DataFrame, priced: pd.DataFrame) -> None:
    common = priced[priced["event_date"].isin(raw.index)]
    ratios = common["close"].to_numpy() / raw["close"].loc[common["event_date"]].to_numpy()
    ratios = ratios[np.isfinite(ratios)]
    if len(ratios) < 3:
        return
    middle = float(np.median(ratios))
    together = np.mean(np.abs(ratios / middle - 1) <= _RESCALED)
    if abs(middle - 1) > _RESCALED and together >= 0.8:
        raise InputError(
            f"prices of {ticker}",
            f"{middle:.6g} times the stored ones on {len(ratios)} sessions",
            "the stored prices, or a split that explains the ratio",
            "fetch again when the provider lists the split; the stored bars are untouched",
        )


def _add_actions(
    stored: View,
    ticker: str,
    kind: str,
    told: pd.DataFrame,
    floor: pd.Timestamp | None,
    last: pd.Timestamp | None,
    now: pd.Timestamp,
    found: RawAdditions,
) -> None:
    value = told.columns[1]
    if floor is not None:
        told = told[told["event_date"] > floor]
    session = publication.is_session(told["event_date"])
    if not session.all():
        found.notes.append(f"{ticker}: {int((~session).sum())} {kind} left out, no session on their day")
    known = publication.dividends_known_at(pd.DatetimeIndex(told["event_date"][session]))
    rows = told[session].assign(known_at=known)
    rows = rows[rows["known_at"] <= now].reset_index(drop=True)
    if last is not None:
        rows["known_at"] = rows["known_at"].where(rows["event_date"] > last, now)
    if stored.has(kind, ticker):
        before = getattr(stored, kind)(ticker).reset_index()
        rows, revised = additions(before, rows, [value], now, 1e-4)
        found.revised += revised
    found.rows[kind] = rows[["event_date", "known_at", value]]


def _without_doubtful(
    stored: View,
    ticker: str,
    rows: pd.DataFrame,
    bars: pd.DataFrame | None,
    splits: pd.DataFrame,
    floor: pd.Timestamp | None,
    found: RawAdditions,
) -> pd.DataFrame:
    """The rows that nothing speaks against, judged on the shares after the last split."""
    if rows.empty:
        return rows
    own = stored.splits(ticker).reset_index() if stored.has("splits", ticker) else splits.iloc[:0]
    fresh = splits if floor is None else splits[splits["event_date"] > floor]
    every = pd.concat([own[["event_date", "ratio"]], fresh]).drop_duplicates("event_date", keep="last")
    checked = _divided(rows, split_factor(every, rows["event_date"]) / rows["scale"].to_numpy())
    seam = 0
    if bars is not None and len(before := bars[bars.index < rows["event_date"].iloc[0]].tail(1)):
        last = before.reset_index()
        ratio = split_factor(every, last["event_date"]) / split_factor(own, last["event_date"])
        checked = pd.concat([_divided(last, ratio)[checked.columns], checked], ignore_index=True)
        seam = 1
    session = np.concatenate([np.full(seam, True), publication.is_session(rows["event_date"])])
    reasons = doubts.bar_doubts(ticker, checked, session)
    live = doubts.quote_doubts(ticker, checked)
    reasons[reasons == ""] = live[reasons == ""]
    reasons = reasons[seam:]
    if "doubt" in rows:
        reasons[reasons == ""] = rows["doubt"].to_numpy(dtype=object)[reasons == ""]
    if (reasons != "").any():
        _doubt(found, rows[reasons != ""], reasons[reasons != ""])
    sound: pd.DataFrame = rows[reasons == ""].reset_index(drop=True)
    return sound


def _divided(rows: pd.DataFrame, factor: np.ndarray) -> pd.DataFrame:
    columns = {name: rows[name].to_numpy() / factor for name in PRICES}
    columns["adj_close"] = columns["close"]
    return pd.DataFrame(columns).assign(volume=rows["volume"].to_numpy() * factor)


def _set_aside_days(stored: View, ticker: str) -> pd.Series:
    aside = stored.quarantine()
    own: pd.Series = aside["event_date"][(aside["series"] == ticker) & (aside["kind"] == "bars")]
    return own


def _doubt(found: RawAdditions, rows: pd.DataFrame, reasons: np.ndarray | str) -> None:
    told = rows[["event_date", *PRICES, "volume"]]
    found.doubtful = pd.concat([found.doubtful, told], ignore_index=True)
    why = np.asarray(reasons, dtype=object)
    found.reasons = np.concatenate([found.reasons, np.broadcast_to(why, len(told))])
