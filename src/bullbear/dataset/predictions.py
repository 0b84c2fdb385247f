"""Predictions: out-of-sample probabilities of any assets, questions, horizons and members in one checked table.

The one place where the columns are spelt. A row is one forecast: what was decided when, by whom, about what, beside the
base rate of the same asset and question, and what became of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd

from bullbear.errors import Found, InputError

KEY = ("decided_at", "asset", "question", "horizon", "member", "path")
"""The unique key, by which tables are sorted."""
INSTANTS = ("decided_at", "resolved_at")
NAMES = ("asset", "question", "member")
COUNTS = ("horizon", "path")
NUMBERS = ("p", "p_low", "p_high", "climatology", "y")
COLUMNS = (*INSTANTS, "asset", "question", "horizon", "member", "path", *NUMBERS)
INTERFACE = (*INSTANTS, *NUMBERS)
"""The columns of `bullbear predictions`."""
COMBINED = "combined"
"""The member that is issued."""
_ROUNDING = 1e-12  # pooled and moved probabilities may pass the end of their interval by as much


@dataclass(frozen=True, eq=False)
class Predictions:
    """A table of predictions, checked when it is made.

    `table` has the columns `COLUMNS`, unique in `KEY` and sorted by it, with a fresh index. `decided_at` and
    `resolved_at` are UTC instants in microseconds. `member` is an expert's name, or "combined" for what is issued;
    `path` numbers the paths of a combinatorial splitter and is 0 for walk-forward. `p` is the probability of a yes,
    `p_low` and `p_high` its interval, `climatology` the base rate at the decision, NaN where there is none; `y` is 1 or
    0, NaN until it resolves.

    Raises
    ------
    InputError
        A column is missing or of another type, two rows have the same key, rows are unsorted, an instant or `p` is
        missing, a probability is outside 0..1, `p` outside its interval, or an outcome neither 0, 1 nor unknown.

    Example
    -------
    >>> at = pd.DatetimeIndex(["2024-01-02 21:00", "2024-01-03 21:00"], tz="UTC")
    >>> due = at + pd.Timedelta(days=30)
    >>> made = Predictions.of(decided_at=at, resolved_at=due, asset="IWM", p=[0.6, 0.7], y=[1.0, np.nan])
    >>> len(made), len(made.resolved()), made.table["member"].unique().tolist()
    (2, 1, ['combined'])
    """

    table: pd.DataFrame

    def __post_init__(self) -> None:
        missing = [name for name in COLUMNS if name not in self.table.columns]
        if missing:
            raise InputError("predictions", f"no column {missing[0]}", ", ".join(COLUMNS), "add the column")
        _check(self.table)
        object.__setattr__(self, "table", self.table[list(COLUMNS)].reset_index(drop=True))

    def __len__(self) -> int:
        return len(self.table)

    @classmethod
    def of(
        cls,
        *,
        decided_at: Any,
        resolved_at: Any,
        asset: Any,
        p: Any,
        question: Any = "up",
        horizon: Any = 21,
        member: Any = COMBINED,
        path: Any = 0,
        p_low: Any = np.nan,
        p_high: Any = np.nan,
        climatology: Any = np.nan,
        y: Any = np.nan,
    ) -> Predictions:
        """From columns of n rows each, or one value for all rows; sorted here."""
        given = dict(
            decided_at=decided_at, resolved_at=resolved_at, asset=asset, question=question, horizon=horizon,
            member=member, path=path, p=p, p_low=p_low, p_high=p_high, climatology=climatology, y=y,
        )  # fmt: skip
        instants = {name: pd.DatetimeIndex(given.pop(name)).as_unit("us") for name in INSTANTS}
        values = {name: value if np.isscalar(value) else np.asarray(value) for name, value in given.items()}
        table = pd.DataFrame({**instants, **values}, index=range(len(instants["decided_at"])))
        return cls(_sorted(_typed(table)))

    @classmethod
    def concat(cls, parts: Iterable[Predictions]) -> Predictions:
        """All rows of some predictions; none of no part."""
        tables = [part.table for part in parts if len(part)]
        return cls(_sorted(pd.concat(tables, ignore_index=True))) if tables else cls.none()

    @classmethod
    def none(cls) -> Predictions:
        """An empty table."""
        never = pd.DatetimeIndex([], tz="UTC")
        return cls.of(decided_at=never, resolved_at=never, asset=[], p=[])

    def select(
        self,
        *,
        asset: str | None = None,
        question: str | None = None,
        horizon: int | None = None,
        member: str | None = None,
        path: int | None = None,
    ) -> Predictions:
        """The rows with the given values; None is any."""
        wanted = {"asset": asset, "question": question, "horizon": horizon, "member": member, "path": path}
        keep = np.ones(len(self), dtype=bool)
        for name, value in wanted.items():
            if value is not None:
                keep &= (self.table[name] == value).to_numpy()
        return self.where(keep)

    def where(self, keep: np.ndarray) -> Predictions:
        """The rows of a mask of shape (n,)."""
        return Predictions(self.table[keep])

    def resolved(self) -> Predictions:
        """The rows whose outcome is known."""
        return self.where(self.table["y"].notna().to_numpy())

    def known_at(self, instant: pd.Timestamp) -> Predictions:
        """The rows whose outcome was known at an instant, or is due by then."""
        return self.where((self.table["resolved_at"] <= instant).to_numpy())

    def to_csv(self) -> str:
        """All columns as CSV; `from_csv` brings back the same bits."""
        return _csv(self.table, "%Y-%m-%dT%H:%M:%S.%fZ")

    @classmethod
    def from_csv(cls, text: str) -> Predictions:
        """The inverse of `to_csv`.

        Raises
        ------
        InputError
            A column is missing, or the table is not one of predictions.
        ValueError
            A cell does not parse.
        """
        # Since pandas 3.1 the parser keeps the last bit of a float. "NA" may be a ticker.
        table = pd.read_csv(
            StringIO(text),
            dtype={**dict.fromkeys((*INSTANTS, *NAMES), "str"), **dict.fromkeys(COUNTS, "int64")},
            keep_default_na=False,
            na_values={name: [""] for name in NUMBERS},
        )
        for name in set(INSTANTS) & set(table.columns):
            table[name] = pd.to_datetime(table[name], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
        return cls(_typed(table))

    def interface_csv(self) -> str:
        """The columns of `bullbear predictions`; of one asset, question, horizon, member and path.

        Raises
        ------
        InputError
            Rows of several are mixed.
        """
        for name in KEY[1:]:
            found = self.table[name].unique()
            if len(found) > 1:
                raise InputError(f"predictions.{name}", ", ".join(map(str, found)), "one value", "select one")
        return _csv(self.table[list(INTERFACE)], "%Y-%m-%dT%H:%M:%SZ")


def _csv(table: pd.DataFrame, form: str) -> str:
    shown = table.copy()
    for name in INSTANTS:
        shown[name] = pd.DatetimeIndex(shown[name]).strftime(form)
    shown["y"] = shown["y"].map({0.0: "0", 1.0: "1"}).fillna("")
    return shown.to_csv(index=False)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    types = {
        **dict.fromkeys(NAMES, "str"),
        **dict.fromkeys(COUNTS, "int64"),
        **dict.fromkeys(NUMBERS, "float64"),
    }
    return table.astype({name: kind for name, kind in types.items() if name in table.columns})


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values(list(KEY), kind="stable")


def _check(table: pd.DataFrame) -> None:
    for name in INSTANTS:
        if table[name].dtype != "datetime64[us, UTC]":
            kind = str(table[name].dtype)
            raise InputError(
                f"predictions.{name}", kind, "datetime64[us, UTC]", "read it with pd.to_datetime(utc=True)"
            )
    decided, resolved = (pd.DatetimeIndex(table[name]) for name in INSTANTS)
    absent = np.asarray(decided.isna()) | np.asarray(resolved.isna())
    p, y = table["p"].to_numpy(), table["y"].to_numpy()
    _refuse(table, absent, "resolved_at", "an instant in every row", "fill it in")
    _refuse(
        table,
        np.asarray(resolved <= decided),
        "resolved_at",
        "later than decided_at",
        "no outcome precedes its forecast",
    )
    _refuse(table, ~((p >= 0.0) & (p <= 1.0)), "p", "a probability from 0 to 1", "give every row one")
    for name in ("p_low", "p_high", "climatology"):
        other = table[name].to_numpy()
        # False for NaN: an interval or a base rate may be unknown.
        _refuse(table, (other < 0.0) | (other > 1.0), name, "a probability from 0 to 1, or nothing", "correct it")
    outside = (p < table["p_low"].to_numpy() - _ROUNDING) | (p > table["p_high"].to_numpy() + _ROUNDING)
    _refuse(table, outside, "p", "a probability from p_low to p_high", "correct it")
    _refuse(table, ~(np.isnan(y) | (y == 0.0) | (y == 1.0)), "y", "0, 1 or nothing", "correct it")
    if not (decided.is_monotonic_increasing and decided.is_unique):
        keys = table[list(KEY)]
        if not _sorted(keys).index.equals(keys.index):
            raise InputError("predictions", "unsorted rows", f"rows sorted by {', '.join(KEY)}", "sort them")
        _refuse(table, keys.duplicated().to_numpy(), "key", f"one row for each {', '.join(KEY)}", "drop one")


def _refuse(table: pd.DataFrame, bad: np.ndarray, column: str, allowed: str, remedy: str) -> None:
    if bad.any():
        row = table.iloc[int(np.argmax(bad))]
        value = "a second row" if column == "key" else row[column]
        at = f" of {row['decided_at']:%Y-%m-%d}" if pd.notna(row["decided_at"]) else ""
        raise InputError(
            f"predictions.{column}{at}", Found("missing") if pd.isna(value) else str(value), allowed, remedy
        )
