"""The cross-section in memory: bars of many companies on the same sessions, as plain arrays.

Prices are as traded. Splits and dividends lie beside them, each on the session on which it took effect, so no price
depends on what happened later. A session without a bar is NaN; nothing is filled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bullbear import sessions as exchange
from bullbear.errors import InputError, NoDataError

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

BARS = ("open", "high", "low", "close", "volume")
TABLES = (*BARS, "split", "dividend")


@dataclass(frozen=True)
class Panel:
    """Bars of `companies` (sorted) on `sessions`; each table has shape (n_sessions, n_companies).

    Parameters
    ----------
    sessions:
        Naive days: sessions of the exchange, ascending, without gaps.
    companies:
        Identities of securities (see `kinds`), sorted.
    open, high, low, close, volume:
        As traded, in dollars and shares; NaN where there is no bar.
    split:
        New shares per old one, effective that session; 1 where there is none.
    dividend:
        Dollars per share as paid, ex that session; 0 where there is none.
    restated:
        Shape (n_companies,): whether prices were delivered already divided by later splits. Their returns are right;
        their levels were not known at the time.
    """

    sessions: pd.DatetimeIndex
    companies: tuple[str, ...]
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array
    split: Array
    dividend: Array
    restated: BoolArray

    def __post_init__(self) -> None:
        shape = self.shape
        for name in TABLES:
            if getattr(self, name).shape != shape:
                raise InputError(f"panel {name}", getattr(self, name).shape, f"shape {shape}", "give one cell per bar")
        if self.restated.shape != shape[1:]:
            raise InputError("panel restated", self.restated.shape, f"shape {shape[1:]}", "give one flag per company")
        if any(one >= other for one, other in zip(self.companies, self.companies[1:], strict=False)):
            raise InputError("panel companies", list(self.companies)[:6], "sorted names, each once", "sort them")

    @property
    def shape(self) -> tuple[int, int]:
        """Sessions, companies."""
        return len(self.sessions), len(self.companies)

    @property
    def traded(self) -> BoolArray:
        """Whether there is a bar with a close, shape (n_sessions, n_companies)."""
        return ~np.isnan(self.close)

    def take(self, companies: Iterable[str]) -> Panel:
        """The panel of some of its companies, in sorted order.

        Raises
        ------
        NoDataError
            It has no company of that name.
        """
        asked = sorted(set(companies))
        places = {name: place for place, name in enumerate(self.companies)}
        for name in asked:
            if name not in places:
                raise NoDataError("company", name, f"one of the panel's {len(places)}", "choose one of `companies`")
        columns = [places[name] for name in asked]
        tables = {name: getattr(self, name)[:, columns] for name in TABLES}
        return replace(self, companies=tuple(asked), restated=self.restated[columns], **tables)

    def since(self, day: str | pd.Timestamp) -> Panel:
        """The sessions from `day` on."""
        return self._rows(slice(int(self.sessions.searchsorted(exchange.day(day))), None))

    def until(self, day: str | pd.Timestamp) -> Panel:
        """The sessions up to `day`, included."""
        return self._rows(slice(None, int(self.sessions.searchsorted(exchange.day(day), side="right"))))

    def last(self, count: int) -> Panel:
        """The last `count` sessions, or all if there are fewer."""
        return self._rows(slice(max(len(self.sessions) - count, 0), None))

    def _rows(self, rows: slice) -> Panel:
        # Views of the same arrays: a panel is not written to.
        return replace(self, sessions=self.sessions[rows], **{name: getattr(self, name)[rows] for name in TABLES})


def panel_from(
    close: ArrayLike,
    *,
    companies: Sequence[str] | None = None,
    first: str | pd.Timestamp = "2015-01-02",
    sessions: pd.DatetimeIndex | None = None,
    open: ArrayLike | None = None,
    high: ArrayLike | None = None,
    low: ArrayLike | None = None,
    volume: ArrayLike | float = 1e6,
    split: ArrayLike | float = 1.0,
    dividend: ArrayLike | float = 0.0,
    restated: ArrayLike | bool = False,
) -> Panel:
    """A panel of closes, by default with bars that open, peak and bottom at the close.

    Parameters
    ----------
    close:
        Shape (n_sessions, n_companies), or (n_sessions,) for one company; NaN where there is no bar.
    companies:
        In the order of the columns; by default C000, C001, ...
    first:
        The first session, from which those of the exchange follow, unless `sessions` are given.
    volume, split, dividend, restated:
        Tables or one value for all; there is no volume where there is no close.

    Example
    -------
    >>> panel = panel_from([[10.0, 20.0], [11.0, float("nan")]], companies=["A", "B"])
    >>> panel.shape, panel.take(["B"]).volume.tolist()
    ((2, 2), [[1000000.0], [nan]])
    """
    closes = np.asarray(close, dtype=float)
    closes = closes[:, None] if closes.ndim == 1 else closes
    names = [f"C{place:03d}" for place in range(closes.shape[1])] if companies is None else list(companies)
    order = np.argsort(np.array(names, dtype=object), kind="stable")

    def table(values: ArrayLike | None) -> Array:
        given = closes if values is None else np.asarray(values, dtype=float)
        given = given[:, None] if given.ndim == 1 else given
        return np.array(np.broadcast_to(given, closes.shape)[:, order])

    if sessions is None:
        start = exchange.day(first)
        beyond = start + pd.Timedelta(days=len(closes) * 7 // 4 + 14)  # more than enough for the holidays
        sessions = exchange.between(start, beyond)[: len(closes)]
    return Panel(
        sessions=sessions,
        companies=tuple(names[place] for place in order),
        open=table(open),
        high=table(high),
        low=table(low),
        close=table(None),
        volume=np.where(np.isnan(closes[:, order]), np.nan, table(volume)),
        split=table(split),
        dividend=table(dividend),
        restated=np.broadcast_to(np.asarray(restated, dtype=bool), closes.shape[1:])[order].copy(),
    )
