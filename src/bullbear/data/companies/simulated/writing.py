"""A simulated index as a directory of companies, as a provider would deliver it on the last evening.

Prices are divided by later splits and volumes multiplied, as in files of the usual kind; `splits/` brings them back. Of
a bar that was corrected only the correction is left.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from bullbear.data.companies.simulated.generator import Block, Companies, Frames
from bullbear.data.simulated_prices import significant
from bullbear.sessions import days

PRICES = ("open", "high", "low", "close")
_FACTS = ("known_at", "ticker", "concept", "value", "end_date", "start_date", "form", "unit")


def write_companies(companies: Companies, directory: Path) -> None:
    """Write prices/, splits/, dividends/, short_interest/ and holdings/, filed_facts.csv and listings.csv."""
    facts, listings, candidates = [], [], []
    for block in companies.blocks():
        _write_each(block, directory)
        facts.append(_facts(block.frames["facts"]))
        listings.append(block.frames["listings"].rename(columns={"series": "company", "event_date": "date"}))
        candidates.append(block.candidates)
    _csv(pd.concat(facts).sort_values("known_at", kind="stable"), directory / "filed_facts.csv")
    _csv(pd.concat(listings).sort_values("date", kind="stable"), directory / "listings.csv")
    _csv(companies.holdings(candidates), directory / "holdings" / "IWM.csv")


def _write_each(block: Block, directory: Path) -> None:
    splits = dict(iter(block.frames["splits"].groupby("series")))
    for name, bars in _latest(block.frames).groupby("series"):
        own = splits.get(name)
        later = np.ones(len(bars)) if own is None else _later(own, bars["event_date"])
        restated = {price: significant(bars[price].to_numpy() / later, 10) for price in PRICES}
        shares = bars["volume"].to_numpy() * later
        table = pd.DataFrame({"date": bars["event_date"], **restated, "volume": significant(shares, 12)})
        _csv(table, directory / "prices" / f"{name}.csv")
    for kind, columns in (
        ("splits", ["ratio"]),
        ("dividends", ["amount"]),
        ("short_interest", ["shares_short", "avg_daily_volume", "days_to_cover", "shares_outstanding", "known_at"]),
    ):
        day = "settlement_date" if kind == "short_interest" else "date"
        for name, rows in block.frames[kind].rename(columns={"event_date": day}).groupby("series"):
            _csv(rows[[day, *columns]], directory / kind / f"{name}.csv")


def _latest(frames: Frames) -> pd.DataFrame:
    return frames["bars"].drop_duplicates(["series", "event_date"], keep="last").sort_values(["series", "event_date"])


def _later(splits: pd.DataFrame, sessions: pd.Series) -> np.ndarray:
    """New shares per old one over all splits after each session."""
    after = np.append(np.cumprod(splits["ratio"].to_numpy()[::-1])[::-1], 1.0)
    return np.asarray(after[np.searchsorted(splits["event_date"].to_numpy(), sessions.to_numpy(), side="right")])


def _facts(rows: pd.DataFrame) -> pd.DataFrame:
    filed = days(pd.DatetimeIndex(rows["known_at"]))
    named = rows.rename(columns={"series": "ticker", "event_date": "end_date"}).assign(known_at=filed)
    return named[list(_FACTS)]


def _csv(rows: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_csv(path, index=False)
