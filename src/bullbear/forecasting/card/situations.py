"""The past closes at which the market looked most like today, and what followed: an illustration, not evidence.

A state is the factors of `features/states.toml`, the same that the analogue model reads. Each is centred by its median
and scaled by its interquartile range over all closes up to today; the distance of two closes is the root of the mean
squared difference. From the nearest on, closes are taken whose following month has been seen to its end by today, each
at least a quarter away from those taken before and from today: neighbouring days are one situation.

Three cases cannot tell an effect from luck, which the note says.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear import sessions
from bullbear.data.view import View
from bullbear.definitions.questions import Dip, ReturnAbove, Volatility
from bullbear.errors import BullbearError
from bullbear.factors import compute
from bullbear.factors.engine.feature_sets import load
from bullbear.forecasting.card.sources import Sources

STATES = "states"
NEAREST = 3
APART = 63
"""Sessions between two situations, and between a situation and today."""
LEAST = 504
"""Past values without which a factor is left out: a scale needs some history."""
_NORMAL = 1.349
"""The interquartile range of a normal distribution, in standard deviations."""
_WORDS = {
    "state_trend": "distance from the 200-day average",
    "state_month": "return over 21 sessions",
    "state_year": "return over 252 sessions",
    "state_below_high": "distance from the 52-week high",
    "state_realised": "realised volatility over 21 sessions",
    "state_implied": "VIX",
    "state_curve": "ten-year yield less three-month yield",
    "state_credit": "yield of Baa bonds less that of Treasuries",
    "state_small_over_large": "small caps against large caps over 63 sessions",
}
Array = NDArray[np.float64]
_RETURN = ReturnAbove(name="return", kind="return_above", threshold=0.0, sentence="The return over the horizon.")
_LOW = Dip(name="low", kind="dip", threshold=-0.05, sentence="The lowest close within the horizon.")
_VOLATILITY = Volatility(name="vol", kind="volatility", threshold=0.2, sentence="The volatility within the horizon.")
"""All three are asked for their outcomes, not their answers."""


def situations_of(sources: Sources) -> dict[str, Any]:
    """The key `situations`.

    Returns
    -------
    `nearest`, each with `date`, `distance` and `then` (`return`, `low`, `volatility`, `up` over the forecast's horizon;
    `low` is the lowest close against that of the day); `measured_on`, in words; `typical_distance`, the median of all
    past closes; `note`. Where states cannot be read or compared, `nearest` is empty and the note says why.
    """
    ticker, horizon = sources.entry["ticker"], sources.entry["horizon_sessions"]
    try:
        (states,) = load([sources.home.find("features", STATES)])
        index, close = _closes(sources.view, ticker)
        table = compute(sources.view, states.factor, index[~np.isnan(close)], ticker).reindex(index)
    except BullbearError as bad:
        return {"nearest": [], "measured_on": [], "typical_distance": None, "note": f"No similar situations: {bad}."}
    names, X = _scaled(table)
    distance = _distances(X)
    paths = _paths(close, horizon)
    distance[np.isnan(paths).any(axis=1)] = np.nan  # what followed is not known, or not whole
    distance[max(len(index) - APART, 0) :] = np.nan
    places = _nearest(distance)
    found = [_situation(index[place], distance[place], paths[[place]]) for place in places]
    return {
        "nearest": found,
        "measured_on": [_WORDS.get(name, name) for name in names],
        "typical_distance": float(np.nanmedian(distance)) if places else None,
        "note": _note(found, horizon),
    }


def _closes(view: View, ticker: str) -> tuple[pd.DatetimeIndex, Array]:
    """Sessions from the first bar to the last, and the dividend-adjusted closes, NaN where there is no bar."""
    bars = view.bars(ticker)
    traded = pd.DatetimeIndex(bars.index)
    index = sessions.between(traded[0], traded[-1])
    return index, bars["adj_close"].reindex(index).to_numpy(dtype=np.float64)


def _scaled(table: pd.DataFrame) -> tuple[list[str], Array]:
    """The factors known today that have history enough and are not constant, in robust deviations."""
    names, columns = [], []
    for name in table.columns:
        values = table[name].to_numpy(dtype=np.float64)
        known = values[~np.isnan(values)]
        if len(known) < LEAST or np.isnan(values[-1]):
            continue
        low, middle, high = np.quantile(known, (0.25, 0.5, 0.75))
        if high > low:
            names.append(str(name))
            columns.append((values - middle) / ((high - low) / _NORMAL))
    return names, np.column_stack(columns) if columns else np.empty((len(table), 0))


def _distances(X: Array) -> Array:
    """The distance of every row from the last; NaN where a factor is missing, or where there is none."""
    if not X.shape[1]:
        return np.full(len(X), np.nan)
    return np.asarray(np.sqrt(((X - X[-1]) ** 2).mean(axis=1)))


def _paths(close: Array, horizon: int) -> Array:
    """The closes from each session to the end of its horizon, NaN where that lies ahead; (n, horizon + 1)."""
    ahead = np.concatenate([close, np.full(horizon, np.nan)])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(ahead, horizon + 1))


def _nearest(distance: Array) -> list[int]:
    """The rows of the smallest distances, each `APART` from those before; of equal ones the latest."""
    left, found = distance.copy(), list[int]()
    while len(found) < NEAREST and not np.isnan(left).all():
        place = len(left) - 1 - int(np.nanargmin(left[::-1]))
        found.append(place)
        left[max(place - APART + 1, 0) : place + APART] = np.nan
    return found


def _situation(day: pd.Timestamp, distance: float, path: Array) -> dict[str, Any]:
    change = float(_RETURN.outcome(path)[0])
    return {
        "date": str(day.date()),
        "distance": float(distance),
        "then": {
            "return": change,
            "low": float(_LOW.outcome(path)[0]),
            "volatility": float(_VOLATILITY.outcome(path)[0]),
            "up": change > 0.0,
        },
    }


def _note(found: list[dict[str, Any]], horizon: int) -> str:
    if not found:
        return "No past close can be compared with this one: too little history, or no state is known."
    ups = sum(each["then"]["up"] for each in found)
    count = {1: "The nearest past situation", 2: "The two nearest past situations"}.get(
        len(found), "The three nearest past situations"
    )
    return (
        f"{count}: the price stood higher {horizon} sessions later after {ups} of {len(found)}. So few cases are an "
        "illustration, not evidence: they show what may follow, not how likely it is."
    )
