"""From the files that hold all companies to rows of the store: facts as filed, listings, and lists of members.

A filing of which only the day is known counts as known at 22:00 New York, when EDGAR closes. Of two values for one
period filed on one day the amended one counts, then that of the annual report, then the last in the file.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.data import publication, quality_checks
from bullbear.data.companies.kinds import LISTED
from bullbear.data.companies.loading import Loaded
from bullbear.data.companies.view import CompanyView

FILED = "22:00"  # New York: EDGAR takes filings until then
_IDENTITY = ["series", "event_date", "concept", "start_date", "unit"]
_LISTED = ["ticker", "name", "cik", "exchange", "sector", "status"]


def load_facts(loaded: Loaded, rows: pd.DataFrame, stored: pd.DataFrame) -> None:
    """Add facts.

    Parameters
    ----------
    rows:
        As `files.read_facts` gives them.
    stored:
        Every version in the store, with `company`.
    """
    texts = {name: rows.get(name, "") for name in ("unit", "form")}
    start = rows["start_date"] if "start_date" in rows else pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]")
    filed = rows["known_at"].to_numpy().astype("datetime64[D]")
    facts = pd.DataFrame(
        {
            "series": rows["ticker"].str.strip().str.upper(),
            "event_date": rows["end_date"],
            "known_at": publication.at(filed, FILED),
            "concept": rows["concept"].str.strip(),
            "value": rows["value"],
            "start_date": start,
            "filed": rows["known_at"],
        }
    ).assign(**texts)
    facts = facts[facts["value"].notna() & (facts["known_at"] <= loaded.now)]
    facts = facts.fillna({"unit": "", "form": ""}).reset_index(drop=True)
    early = (facts["filed"] < facts["event_date"]).to_numpy()
    for company, aside in facts[early].groupby("series"):
        reasons = np.full(len(aside), quality_checks.IMPOSSIBLE, dtype=object)
        loaded.set_aside("facts", str(company), aside.drop(columns=["series", "known_at"]), reasons)
    facts = facts[~early].drop(columns="filed")
    rank = facts["form"].str.endswith("/A") * 2 + facts["form"].str.startswith("10-K") * 1
    key = [*_IDENTITY, "known_at"]
    facts = facts.assign(rank=rank).sort_values("rank", kind="stable")
    several = facts.drop_duplicates([*key, "value"]).duplicated(key).sum()
    if several:
        loaded.notes.append(
            f"filed_facts.csv: {several} values left out, another of the same period was filed that day"
        )
    facts = facts.drop_duplicates(key, keep="last").drop(columns="rank")
    _add(loaded, "facts", facts, stored.rename(columns={"company": "series"}), _IDENTITY, ["value"])


def load_listings(loaded: Loaded, rows: pd.DataFrame, stored: pd.DataFrame) -> None:
    """Add the rows of `listings.csv`, known at the open of their day where the file does not say when."""
    frame = pd.DataFrame({"event_date": rows["date"], "ticker": rows["ticker"].str.strip().str.upper()})
    for name in _LISTED[1:]:
        frame[name] = rows[name].fillna("").str.strip() if name in rows else ""
    frame["status"] = frame["status"].str.lower().where(frame["status"] != "", LISTED)
    own = rows["company"].fillna("").str.strip().str.upper() if "company" in rows else frame["ticker"]
    frame["series"] = own.where(own != "", frame["ticker"])
    opened = publication.at(rows["date"].to_numpy().astype("datetime64[D]"), "09:30")
    given = rows["known_at"] if "known_at" in rows else pd.Series(pd.NaT, index=rows.index, dtype=opened.dtype)
    frame["known_at"] = given.fillna(pd.Series(opened, index=rows.index))
    frame = frame[frame["known_at"] <= loaded.now].drop_duplicates(["series", "event_date"], keep="last")
    _add(loaded, "listings", frame, stored.rename(columns={"company": "series"}), ["series", "event_date"], _LISTED)


def list_members(loaded: Loaded, members: pd.DataFrame, view: CompanyView) -> None:
    """Add names, sectors and exchanges of a fund's members as listings from the list's day on, where they are new.

    Parameters
    ----------
    members:
        As `files.read_members` gives them, of one day.
    view:
        What is stored.
    """
    stored = view.listings()
    equity = members[members["is_equity"] & (members["ticker"] != "-")].reset_index(drop=True)
    known = publication.holdings_known_at(pd.DatetimeIndex(equity["as_of"]))
    frame = pd.DataFrame({"event_date": equity["as_of"], "ticker": equity["ticker"].str.upper(), "known_at": known})
    own = view.companies_of(frame["ticker"], members["as_of"].iloc[0]) if len(frame) else []
    frame["series"] = [company or ticker for company, ticker in zip(own, frame["ticker"], strict=True)]
    for name in ("name", "exchange", "sector"):
        frame[name] = equity[name]
    frame = frame.assign(cik="", status=LISTED)[(known <= loaded.now)]
    before = stored[stored["event_date"] <= frame["event_date"].max()] if len(frame) else stored
    latest = before.drop_duplicates("company", keep="last").set_index("company")
    described = ["ticker", "name", "exchange", "sector"]
    held = latest.reindex(frame["series"])[described]
    frame["cik"] = latest["cik"].reindex(frame["series"]).fillna("").to_numpy()
    fresh = frame[(held.to_numpy() != frame[described].to_numpy()).any(axis=1)]
    loaded.add_all("listings", fresh.drop_duplicates("series", keep="last"))


def _add(
    loaded: Loaded, kind: str, rows: pd.DataFrame, stored: pd.DataFrame, identity: list[str], values: list[str]
) -> None:
    """Add the rows that are not stored; a value that contradicts the one stored for its instant is known from now."""
    if stored.empty:
        loaded.add_all(kind, rows)
        return
    key = [*identity, "known_at"]
    old = stored[[*key, *values]].rename(columns={name: f"{name}_old" for name in values})
    both = rows.merge(old, on=key, how="left", indicator=True)
    is_known = (both["_merge"] == "both").to_numpy()
    names = [f"{name}_old" for name in values]
    differs = is_known & (both[values].to_numpy() != both[names].to_numpy()).any(axis=1)
    # Corrected before: what the file says is then the version stored last.
    latest = stored.drop_duplicates(identity, keep="last")[[*identity, *values]]
    again = both[[*identity, *values]].merge(latest, on=[*identity, *values], how="left", indicator=True)
    differs &= (again["_merge"] == "left_only").to_numpy()
    loaded.revised += int(differs.sum())
    both["known_at"] = both["known_at"].where(~differs, loaded.now)
    loaded.add_all(kind, both[~is_known | differs][[name for name in rows if name in both]])
