"""Which rows of a predictions frame may be scored.

A forecast without an outcome is left out; one with an outcome but without a probability is an error, because dropping
it would let a model choose the days on which it is judged.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.errors import HistoryError, InputError

COLUMNS = ("decided_at", "resolved_at", "p", "climatology", "y")


def resolved(predictions: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of a predictions frame whose outcome is known, checked, with a fresh index.

    Parameters
    ----------
    predictions
        Columns `decided_at`, `resolved_at`, `p`, `climatology`, `y`; others are ignored.
    name
        What an error calls the frame.

    Returns
    -------
    The five columns of the rows with `y`.

    Raises
    ------
    InputError
        A column is missing, rows are unsorted or doubled, or a row with an outcome lacks an instant or a probability.

    Example
    -------
    >>> at = pd.to_datetime(["2024-01-02 21:00", "2024-01-03 21:00"], utc=True)
    >>> due = at + pd.Timedelta(days=1)
    >>> frame = pd.DataFrame({"decided_at": at, "resolved_at": due, "p": 0.6, "climatology": 0.5, "y": [1.0, None]})
    >>> len(resolved(frame, "predictions"))
    1
    """
    missing = [column for column in COLUMNS if column not in predictions.columns]
    if missing:
        raise InputError(
            name, f"no column {missing[0]}", ", ".join(COLUMNS), "give the columns of `bullbear predictions`"
        )
    for column in ("decided_at", "resolved_at"):
        if not isinstance(predictions[column].dtype, pd.DatetimeTZDtype):
            kind = str(predictions[column].dtype)
            raise InputError(
                f"{name}.{column}", kind, "instants with a time zone", "read it with pd.to_datetime(utc=True)"
            )
    decided = pd.DatetimeIndex(predictions["decided_at"])
    if decided.hasnans or not decided.is_monotonic_increasing or not decided.is_unique:
        raise InputError(f"{name}.decided_at", "unsorted or doubled", "one row per session in order", "sort the frame")
    rows = predictions.loc[predictions["y"].notna(), list(COLUMNS)].reset_index(drop=True)
    for column in ("resolved_at", "p", "climatology"):
        absent = rows[column].isna().to_numpy()
        if absent.any():
            at = rows["decided_at"].iloc[int(absent.argmax())]
            raise InputError(
                f"{name}.{column} of {at:%Y-%m-%d}", "nothing", "a value in every resolved row", "fill it in"
            )
    backward = (rows["resolved_at"] <= rows["decided_at"]).to_numpy()
    if backward.any():
        at = rows.iloc[int(backward.argmax())]
        where, value = f"{name}.resolved_at of {at['decided_at']:%Y-%m-%d}", f"{at['resolved_at']:%Y-%m-%d}"
        raise InputError(where, value, "later than decided_at", "an outcome cannot be known before its forecast")
    return rows


def require(rows: pd.DataFrame, horizon: int, name: str) -> None:
    """Refuse rows too few for an interval, or labels that span clearly more rows than `horizon`.

    The overlap is counted from the instants, because a horizon given too short would make every interval too narrow;
    half as much again is allowed for calendars that are not quite the exchange's.
    """
    if horizon < 1:
        raise InputError("horizon", horizon, "at least 1", "count it in sessions")
    n, least = len(rows), max(20, 4 * horizon)
    if n < least:
        raise HistoryError(name, f"{n} resolved rows", f"at least {least}", "wait, or evaluate over a longer span")
    decided, due = (pd.DatetimeIndex(rows[column]) for column in ("decided_at", "resolved_at"))
    within = decided.searchsorted(due[due < decided[-1]]) - np.arange(int((due < decided[-1]).sum()))
    overlap = int(np.median(within)) if len(within) else 0
    if overlap > 1.5 * horizon + 1:
        raise InputError("horizon", horizon, f"about {overlap}, the rows a label spans", "give the model's horizon")
