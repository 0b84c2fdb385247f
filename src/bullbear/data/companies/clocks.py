"""The closes of many days at once, as plain arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bullbear import sessions as exchange

_DAY = 86_400_000_000
_WEEKS = 14 * _DAY  # the exchange was never closed for so long


def session_closes(days: NDArray[np.datetime64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Whether each day is a session, and the close of that session or of the next, in microseconds since 1970 (UTC).

    Example
    -------
    >>> is_session, closes = session_closes(np.array(["2019-12-24", "2019-12-25"], dtype="datetime64[us]"))
    >>> is_session.tolist(), closes.view("datetime64[us]").astype(str).tolist()
    ([True, False], ['2019-12-24T18:00:00.000000', '2019-12-26T21:00:00.000000'])
    """
    asked = days.astype("datetime64[us]").view(np.int64)
    if not len(asked):
        return np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64)
    first, last = (pd.Timestamp(day, unit="us").as_unit("us") for day in (int(asked.min()), int(asked.max()) + _WEEKS))
    opened, closed = exchange.clock(first, last)
    places = np.searchsorted(opened, asked)
    return opened[places] == asked, closed[places]
