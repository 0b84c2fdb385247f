"""What is stored of companies, and in which partition a row lies.

A company is a security with an identity that outlives its ticker: its first ticker, followed by `.2`, `.3` where
another company had used that ticker before. Bars and facts are partitioned by the year of the event and by a hash of
the company, so that neither an evening's update nor a reader of some months touches more than it needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np
import pandas as pd

from bullbear.data.segments import KINDS, Kind

BUCKETS = 8
PREFIX = "company_"
"""How a change of data names the kinds of companies: `company_bars`, beside `bars` of the market."""

COMPANY_KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        # As traded. `restated` is 1 where prices were delivered already divided by later splits.
        Kind("bars", ("open", "high", "low", "close", "volume", "restated")),
        Kind("splits", ("ratio",)),
        Kind("dividends", ("amount",)),
        # The event is the end of the period reported on, or the instant; `start_date` is missing for an instant.
        Kind(
            "facts",
            ("value",),
            texts=("concept", "unit", "form"),
            days=("start_date",),
            extra_key=("concept", "start_date", "unit"),
        ),
        KINDS["short_interest"],
        # The event is the first day for which the row holds.
        Kind("listings", texts=("ticker", "name", "cik", "exchange", "sector", "status")),
        KINDS["quarantine"],
    )
}

LISTED, DELISTED = "listed", "delisted"

_BY_YEAR = {"bars": BUCKETS, "facts": BUCKETS, "short_interest": 1}  # buckets a year; all others lie in one partition


@dataclass(frozen=True)
class Partition:
    """A folder of segments: the rows of one year and one bucket of companies; a year of None: all years."""

    name: str
    year: int | None
    bucket: int
    buckets: int

    def may_hold(self, companies: Iterable[str] | None) -> bool:
        """Whether a row of these companies may lie here; None: all."""
        return (
            self.buckets == 1
            or companies is None
            or any(bucket(each, self.buckets) == self.bucket for each in companies)
        )

    @classmethod
    def named(cls, name: str) -> Partition | None:
        """The partition of a folder, from its name; None for any other folder."""
        if name == "all":
            return cls(name, None, 0, 1)
        year, _, place = name.partition("-")
        own, _, buckets = place.partition("of")
        if not (year.isdigit() and own.isdigit() and buckets.isdigit()):
            return None
        return cls(name, int(year), int(own), int(buckets))


@lru_cache(maxsize=100_000)
def bucket(company: str, buckets: int) -> int:
    """The bucket of a company; the same on every machine."""
    return crc32(company.encode()) % buckets


def partitions_of(kind: str, rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """The places of the rows of each partition, by its name; from their columns series and event_date."""
    buckets = _BY_YEAR.get(kind)
    if buckets is None or rows.empty:
        return {"all": np.arange(len(rows))} if len(rows) else {}
    codes, names = pd.factorize(rows["series"])
    places = np.array([bucket(str(name), buckets) for name in names], dtype=np.int64)
    keys = rows["event_date"].dt.year.to_numpy(np.int64) * buckets + places[codes]
    order = np.argsort(keys, kind="stable")
    found, begins = np.unique(keys[order], return_index=True)
    texts = [f"{key // buckets}-{key % buckets}of{buckets}" for key in found]
    return dict(zip(texts, np.split(order, begins[1:]), strict=True))


def layout_of(kind: str) -> Kind:
    """The layout of a kind of the market, or of one of companies with its prefix."""
    return COMPANY_KINDS[kind.removeprefix(PREFIX)] if kind.startswith(PREFIX) else KINDS[kind]
