"""Whether a provider's prices are adjusted for the splits that it lists, and for the same splits as the stored ones.

A provider lists a split and divides the prices before it, sometimes days apart. Between the two its prices before the
split are wrong by the ratio, and so are rows stored from such a response. Within a response this shows as a price step
at the split other than the listed ratio. Against the store it shows as a constant ratio between two splits: a
consistent response then restates the stored rows. A ratio that no split explains refuses the response.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from bullbear.errors import InputError

_RESCALED = 1e-3  # how close to the common ratio a rescaled price lies
_EXPLAINED = 5e-3  # how close to the ratio of a split a common ratio lies
_TOGETHER = 0.8  # the share of sessions that stand at the common ratio
_FEW = 3  # sessions; fewer are single revisions
_SMALLEST = np.log(1.2)  # the step of a smaller split is no larger than a day's return
_NEWEST = 4  # splits whose combinations are tried


def before_misfit(priced: pd.DataFrame, splits: pd.DataFrame) -> pd.Timestamp | None:
    """The newest split that the prices before it contain twice or not at all; these prices are wrong.

    Parameters
    ----------
    priced:
        Columns event_date (ascending), close, unadjusted.
    splits:
        Columns event_date, ratio, from the same response.
    """
    known = priced[priced["close"].notna()]
    days, close = known["event_date"].to_numpy(), known["close"].to_numpy()
    for day, ratio in splits.sort_values("event_date", ascending=False).itertuples(index=False):
        place = int(np.searchsorted(days, np.datetime64(day)))
        if not 0 < place < len(days) or abs(np.log(ratio)) < _SMALLEST:
            continue
        unexplained = np.log(close[place] / close[place - 1] * ratio)
        if abs(abs(unexplained) - abs(np.log(ratio))) <= min(0.2, abs(np.log(ratio)) / 4):
            return pd.Timestamp(day)
    return None


def withdrawn(priced: pd.DataFrame, splits: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """The `stored` splits within the response that it does not list and its prices do not show."""
    known = priced[priced["close"].notna()]
    days, close = known["event_date"].to_numpy(), known["close"].to_numpy()
    gone = []
    for day, ratio in stored[["event_date", "ratio"]].itertuples(index=False):
        place = int(np.searchsorted(days, np.datetime64(day)))
        covered = 0 < place < len(days) and ratio != 1.0 and not (splits["event_date"] == day).any()
        step = np.log(close[place] / close[place - 1]) if covered else 0.0
        gone.append(covered and abs(step) < abs(step + np.log(ratio)))
    found: pd.DataFrame = stored[np.array(gone, dtype=bool)]
    return found


def restatement(
    ticker: str, raw: pd.DataFrame, priced: pd.DataFrame, splits: pd.DataFrame, gone: pd.DataFrame
) -> pd.Series:
    """By how much the stored raw prices are to be multiplied, by event_date; only those that change.

    Parameters
    ----------
    raw:
        The latest stored raw bars, by event_date.
    priced:
        The answer's bars: columns event_date, close; it agrees with itself.
    splits, gone:
        Columns event_date, ratio: what the answer lists, and what the store holds and the answer does not.

    Raises
    ------
    InputError
        The prices have another scale than the stored ones and no split explains it.
    """
    factors = pd.Series(1.0, index=raw.index)
    common = priced[priced["event_date"].isin(raw.index) & priced["close"].notna()]
    stored = raw["close"].loc[common["event_date"]].to_numpy()
    ratios, days = common["close"].to_numpy() / stored, common["event_date"].to_numpy()
    days, ratios = days[np.isfinite(ratios)], ratios[np.isfinite(ratios)]
    every = pd.concat([splits[["event_date", "ratio"]], gone.assign(ratio=1 / gone["ratio"])[["event_date", "ratio"]]])
    every = every.sort_values("event_date", ignore_index=True)
    stretch = np.searchsorted(every["event_date"].to_numpy(), days, side="right")
    for number in np.unique(stretch)[::-1].tolist():
        own = ratios[stretch == number]
        middle = float(np.median(own))
        if abs(middle - 1) <= _RESCALED or np.mean(np.abs(own / middle - 1) <= _RESCALED) < _TOGETHER:
            continue
        later = every["ratio"].to_numpy()[number:]
        if not _is_explained(middle, later):
            if len(own) < _FEW:
                continue
            raise InputError(
                f"prices of {ticker}",
                f"{middle:.6g} times the stored ones on {len(own)} sessions",
                "the stored prices, or a split that explains the ratio",
                "fetch again when the provider lists the split; the stored bars are untouched",
            )
        inside = raw.index < every["event_date"].iloc[number]
        if number > stretch.min():  # rows before the response take the factor of its first stretch
            inside &= raw.index >= every["event_date"].iloc[number - 1]
        factors[inside] = middle
    return factors[factors != 1.0]


def _is_explained(ratio: float, splits: np.ndarray) -> bool:
    newest = splits[:_NEWEST]
    for powers in product((-1, 0, 1), repeat=len(newest)):
        if any(powers) and abs(ratio / np.prod(newest ** np.array(powers)) - 1) <= _EXPLAINED:
            return True
    return False
