"""Adjusted bars, derived on read from the raw bars, splits and dividends known at an instant.

Open, high, low, close and volume are split-adjusted *backwards*, as charts showed them at the instant of the view.
`adj_close` grows *forwards* from the oldest bar,

    adj_i = close_i * S_i * prod over ex-dates up to i of 1 / (1 - D / P),

with S_i the splits up to day i, D the dividend and P the close before its ex-date on the same shares (the factor of
CRSP and Yahoo). Its level has no meaning, but no later dividend or split changes an earlier value, not even in the last
bit: a forecast repeated years later reads the same numbers.

Raw bars after a snapshot continue the snapshot's own `adj_close`. Splits in the store are those that no stored price
contains yet. A snapshot may be adjusted for splits after its last bar: `scale` of the raw bars that follow is the
ratio, and all prices are then shown in units of the raw bars. A snapshot that restates an earlier one counts as a split
on its first new session.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

PRICES = ("open", "high", "low", "close")


def split_factor(splits: pd.DataFrame, days: pd.Series | pd.DatetimeIndex) -> np.ndarray:
    """The divisor that adjusts prices of `days` for all later `splits`; (n_days,).

    Example
    -------
    >>> two = pd.DataFrame({"event_date": [pd.Timestamp("2005-06-09")], "ratio": [2.0]})
    >>> split_factor(two, pd.DatetimeIndex(["2005-06-08", "2005-06-09"])).tolist()
    [2.0, 1.0]
    """
    ordered = splits.sort_values("event_date", kind="stable")
    products = np.concatenate([np.cumprod(ordered["ratio"].to_numpy()[::-1])[::-1], [1.0]])
    factors: np.ndarray = products[np.searchsorted(ordered["event_date"].to_numpy(), np.asarray(days), side="right")]
    return factors


def unit_of(raw: pd.DataFrame) -> float:
    """The `scale` of the newest raw bar: a current price times it continues the stored ones."""
    return 1.0 if raw.empty else float(raw.sort_values(["event_date", "known_at"])["scale"].iloc[-1])


def adjusted_versions(
    bars: pd.DataFrame, raw: pd.DataFrame, splits: pd.DataFrame, dividends: pd.DataFrame, *, on_screen: bool = True
) -> pd.DataFrame:
    """Every version of the bars of one ticker, sorted by (known_at, event_date), in the columns of `bars`.

    A corrected dividend or raw price changes later adjusted closes: these become new versions, known from the
    correction on.

    Parameters
    ----------
    bars, raw, splits, dividends:
        All versions known at the view's instant, in the columns of their kinds without `series`, sorted likewise.
    on_screen:
        Whether to adjust prices for the splits known at the instant. If not, `adj_close / close` never changes, not
        even in the last bit.
    """
    if bars.empty and raw.empty:
        return bars
    shown = _latest(splits)
    rows = pd.concat([part for part in (raw.assign(adj_close=np.nan), bars.assign(scale=np.nan)) if len(part)])
    # Of a snapshot's bar and a raw one with the same known_at, the snapshot's comes last and is served.
    rows = rows.sort_values(["known_at", "event_date"], kind="stable", ignore_index=True)
    cuts = _rewritings(rows, dividends, splits)
    served: pd.DataFrame | None = None
    parts = []
    for start, stop in zip([None, *cuts], [*cuts, None], strict=True):
        known = rows if stop is None else rows[rows["known_at"] < stop]
        paid = dividends if stop is None else dividends[dividends["known_at"] < stop]
        since = splits if stop is None else splits[splits["known_at"] < stop]
        now = _adjusted(_latest(known), _latest(since), _latest(paid))
        parts.append(now if served is None else _changed(served, now, start))
        served = now
    versions = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)
    versions = _on_shares(versions, shown, unit_of(raw) if on_screen else 1.0, on_screen)
    names = list(bars.columns)
    return versions.sort_values(["known_at", "event_date"], kind="stable", ignore_index=True)[names]


def _rewritings(rows: pd.DataFrame, *actions: pd.DataFrame) -> list[pd.Timestamp]:
    """The instants at which a row, split or dividend is corrected, or becomes known late."""
    seen = rows["event_date"].cummax().shift(fill_value=pd.Timestamp.min.as_unit("us"))
    again = set(rows["known_at"][rows["event_date"] <= seen])
    first = rows.drop_duplicates("event_date").sort_values("event_date")
    days = first["event_date"].to_numpy()
    for facts in actions:
        # Late: known after the first bar that it changes, which was served without it.
        places = np.searchsorted(days, facts["event_date"].to_numpy())
        known = facts["known_at"][places < len(first)]
        read = first["known_at"].iloc[places[places < len(first)]]
        again |= set(known[known.array > read.array])
    return sorted(again)


def _changed(served: pd.DataFrame, now: pd.DataFrame, since: pd.Timestamp | None) -> pd.DataFrame:
    """Rows of `now` that are new or differ from `served`; those that differ are known from `since` on."""
    before = served.set_index("event_date").reindex(now["event_date"])
    same = np.ones(len(now), dtype=bool)
    for name in (*PRICES, "adj_close", "volume", "scale"):
        old, new = (each[name].to_numpy() for each in (before, now))
        if name == "scale":
            old, new = (np.nan_to_num(each, nan=1.0) for each in (old, new))
        same &= (old == new) | (np.isnan(old) & np.isnan(new))
    restated = before["close"].notna().to_numpy() & ~same
    changed = now.assign(known_at=now["known_at"].where(~restated, since))
    return changed[~same]


def _latest(versions: pd.DataFrame) -> pd.DataFrame:
    latest = versions.drop_duplicates("event_date", keep="last")
    return latest.sort_values("event_date", kind="stable", ignore_index=True)


def _adjusted(rows: pd.DataFrame, splits: pd.DataFrame, dividends: pd.DataFrame) -> pd.DataFrame:
    days = rows["event_date"].to_numpy()
    is_raw = rows["scale"].notna().to_numpy()
    scale = np.where(is_raw, rows["scale"].to_numpy(), 1.0)
    close = rows["close"].to_numpy() * scale
    forward = _forward_splits(splits, days)
    growth = forward * np.cumprod(_reinvested(days, close, scale, forward, dividends))
    anchors = np.flatnonzero(~is_raw & rows["adj_close"].notna().to_numpy() & ~np.isnan(close))
    place = np.searchsorted(anchors, np.arange(len(rows))) - 1
    anchor = anchors[np.maximum(place, 0)] if len(anchors) else np.zeros(len(rows), dtype=np.int64)
    base = rows["adj_close"].to_numpy()[anchor] / close[anchor] / growth[anchor]
    adjusted = close * growth * np.where(place >= 0, base, 1.0)
    return rows.assign(adj_close=np.where(is_raw, adjusted, rows["adj_close"].to_numpy()))


def _on_shares(rows: pd.DataFrame, splits: pd.DataFrame, unit: float, on_screen: bool) -> pd.DataFrame:
    """Adjust volume for `splits`, and prices too if `on_screen`."""
    scale = rows["scale"].fillna(1.0).to_numpy() / unit
    backward = split_factor(splits, rows["event_date"])
    shared = {name: rows[name].to_numpy() * scale / (backward if on_screen else 1.0) for name in PRICES}
    return rows.assign(**shared, volume=rows["volume"].to_numpy() / scale * backward)


def _forward_splits(splits: pd.DataFrame, days: np.ndarray) -> np.ndarray:
    products = np.concatenate([[1.0], np.cumprod(splits["ratio"].to_numpy())])
    since = splits["event_date"].to_numpy()
    if len(days):  # splits before the first bar are in every price
        products = products / products[np.searchsorted(since, days[0], side="right")]
    forward: np.ndarray = products[np.searchsorted(since, days, side="right")]
    return forward


def _reinvested(
    days: np.ndarray, close: np.ndarray, scale: np.ndarray, forward: np.ndarray, dividends: pd.DataFrame
) -> np.ndarray:
    """1 / (1 - D / P) on the first bar at or after each ex-date, else 1."""
    steps = np.ones(len(days))
    priced = np.maximum.accumulate(np.where(np.isnan(close), -1, np.arange(len(close))))
    places = np.searchsorted(days, dividends["event_date"].to_numpy())
    for place, amount in zip(places.tolist(), dividends["amount"].tolist(), strict=True):
        last = priced[place - 1] if 0 < place < len(days) else -1
        if last >= 0:
            before = close[last] * forward[last] / forward[place]
            # A dividend of the whole price is an error of the provider.
            if 0 < amount * scale[place] < before:
                steps[place] /= 1 - amount * scale[place] / before
    return steps
