"""Which forecasts are scored together: the resolved rows of one question, horizon, member and path.

A forecast without an outcome is left out; one with an outcome but without a base rate is an error, because dropping it
would let a model choose the days on which it is judged. Rows of several assets on one session are one observation of
the market: intervals draw whole sessions, tests average over them, and effective numbers count them once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear.dataset.predictions import Predictions
from bullbear.errors import Found, HistoryError, InputError
from bullbear.statistics.overlap import Array, Rows


@dataclass(frozen=True)
class Sample:
    """Resolved forecasts as arrays of shape (n,), in order of session and asset.

    `session` numbers the session of every row from 0; it is None where each session has one row.
    """

    question: str
    member: str
    horizon: int
    decided_at: pd.DatetimeIndex
    n_sessions: int
    session: Rows | None
    asset: NDArray[np.str_]
    y: Array
    p: Array
    climatology: Array

    @classmethod
    def of(cls, predictions: Predictions, name: str = "predictions") -> Sample:
        """The resolved rows of `predictions`; an error, as `evaluate` lists them, calls them `name`."""
        table = predictions.table
        for column in ("question", "horizon", "member", "path"):
            found = table[column].unique()
            if len(found) > 1:
                raise InputError(f"{name}.{column}", ", ".join(map(str, found)), "one value", "select one")
        horizon = int(table["horizon"].iloc[0]) if len(table) else 1
        rows = predictions.resolved().table
        sessions, session = np.unique(pd.DatetimeIndex(rows["decided_at"]).asi8, return_inverse=True)
        least = max(20, 4 * horizon)
        if len(sessions) < least:
            allowed = f"at least {least}"
            raise HistoryError(name, f"{len(sessions)} resolved rows", allowed, "wait, or evaluate over a longer span")
        absent = rows["climatology"].isna().to_numpy()
        if absent.any():
            where = f"{name}.climatology of {rows['decided_at'].iloc[int(absent.argmax())]:%Y-%m-%d}"
            raise InputError(where, Found("missing"), "a value in every resolved row", "fill it in")
        _require_horizon(rows.drop_duplicates("decided_at"), horizon)
        y, p, climatology = (rows[column].to_numpy(dtype=np.float64) for column in ("y", "p", "climatology"))
        first = rows.iloc[0]
        return cls(
            question=str(first["question"]),
            member=str(first["member"]),
            horizon=horizon,
            decided_at=pd.DatetimeIndex(rows["decided_at"]),
            n_sessions=len(sessions),
            session=session.astype(np.int64) if len(sessions) < len(rows) else None,
            asset=rows["asset"].to_numpy(dtype=np.str_),
            y=y,
            p=p,
            climatology=climatology,
        )


def _require_horizon(rows: pd.DataFrame, horizon: int) -> None:
    """Refuse labels that span clearly more rows than `horizon`, which would make every interval too narrow.

    The overlap is counted from the instants; half as much again is allowed for calendars unlike the exchange's.
    """
    if horizon < 1:
        raise InputError("horizon", horizon, "at least 1", "count it in sessions")
    decided, due = (pd.DatetimeIndex(rows[column]) for column in ("decided_at", "resolved_at"))
    due = due[due < decided[-1]]
    overlap = int(np.median(decided.searchsorted(due) - np.arange(len(due)))) if len(due) else 0
    if overlap > 1.5 * horizon + 1:
        raise InputError("horizon", horizon, f"about {overlap}, the rows a label spans", "give the model's horizon")
