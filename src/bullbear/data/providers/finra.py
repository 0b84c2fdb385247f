"""FINRA: consolidated short interest twice a month, and Reg SHO's daily short-sale volume.

Short interest is requested by POST at `consolidatedShortInterest`, page by page (header `Record-Total`);
exchange-listed names are there from June 2021. The response has no publication dates: the publication rule gives them.
A row with `revisionFlag` R replaces an earlier one; if both are listed, the revised one is kept.

Reg SHO's file `CNMSshvolYYYYMMDD.txt` holds one day of off-exchange trades of all symbols, and ends with its number of
rows, so that a truncated file is noticed. A day without a file has status 403. The file is the sum over FINRA's
facilities, whose letters stand in the column Market (`B,Q,N`). Lines of one symbol from different facilities are
summed; lines that share a letter and differ contradict each other, and the day is left out until the file is corrected.

References
----------
https://developer.finra.org/docs#query_api-equity-equity_short_interest_standardized
https://www.finra.org/finra-data/browse-catalog/short-sale-volume-data/daily-short-sale-volume-files
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from bullbear.data.providers.delivery import Delivery, Frames, checked, days, numbers, table, tidy
from bullbear.data.providers.http import RETRY_LATER, Client, Request
from bullbear.data.providers.wire import Number, Text, Wire, columns_of, parsed
from bullbear.errors import FetchError

PAGE = 5000
MOST_PAGES = 100
_SHORT_INTEREST = {
    "currentShortPositionQuantity": "shares_short",
    "averageDailyVolumeQuantity": "avg_daily_volume",
    "daysToCoverQuantity": "days_to_cover",
}
_ABSENT = "check the ticker; exchange-listed names are there from June 2021"
_REGSHO = ("Date", "Symbol", "ShortVolume", "ShortExemptVolume", "TotalVolume", "Market")


class _Position(Wire):
    settlementDate: Text = ""  # noqa: N815
    symbolCode: Text = ""  # noqa: N815
    currentShortPositionQuantity: Number = np.nan  # noqa: N815
    averageDailyVolumeQuantity: Number = np.nan  # noqa: N815
    daysToCoverQuantity: Number = np.nan  # noqa: N815
    revisionFlag: Any = None  # noqa: N815


def fetch_short_interest(client: Client, url: str, ticker: str) -> Delivery:
    """All settlement dates of `ticker`."""
    rows: list[_Position] = []
    before: bytes | None = None
    for _ in range(MOST_PAGES):
        equal = {"compareType": "EQUAL", "fieldName": "symbolCode", "fieldValue": ticker}
        query = {"limit": PAGE, "offset": len(rows), "compareFilters": [equal]}
        request = Request(
            "finra",
            ticker,
            f"{url}/data/group/otcMarket/name/consolidatedShortInterest",
            headers={"Accept": "application/json"},
            json=query,
            remedies={204: _ABSENT},
        )
        response = client.get(request)
        page = parsed(response, list[_Position])
        rows += page
        total = whole_number(response.headers.get("record-total", ""))
        # Without the header a full page may have followers, a short one is the last.
        if not page or (len(page) < PAGE if total is None else len(rows) >= total):
            break
        if response.body == before:
            raise request.error("the same page twice", RETRY_LATER)
        before = response.body
    else:
        raise request.error(f"more than {MOST_PAGES} pages", RETRY_LATER)
    if not rows:
        raise request.error("no rows", _ABSENT)
    cells = columns_of(request, rows, ("settlementDate", "symbolCode", *_SHORT_INTEREST))
    frame = cells[list(_SHORT_INTEREST)].rename(columns=_SHORT_INTEREST)
    frame.insert(0, "settlement_date", days(request, cells["settlementDate"]))
    frame["is_revised"] = [str(row.revisionFlag).strip().upper() == "R" for row in rows]
    notes: list[str] = []
    own = frame[cells["symbolCode"].str.upper() == ticker.upper()]
    frames: Frames = {("short_interest", ticker): tidy(request, "short_interest", own, notes, later=("is_revised",))}
    return Delivery(checked(request, frames), response.served_at, notes)


def fetch_short_volume(client: Client, url: str, tickers: tuple[str, ...], day: date) -> Delivery:
    """The short-sale volume of `tickers` on one day; a FetchError with status 403 where there is no file."""
    request = Request(
        "regsho",
        f"{'/'.join(tickers)} {day}",
        f"{url}/equity/regsho/daily/CNMSshvol{day:%Y%m%d}.txt",
        remedies={403: "the day has no file, or not yet; the next fetch asks again"},
    )
    response = client.get(request)
    lines = response.text.strip().splitlines()
    stated = whole_number(lines[-1].strip()) if lines else None
    body = lines[:-1] if stated is not None else lines
    cells = table(response, _REGSHO, delimiter="|", text="\n".join(body))
    if stated is not None and stated != len(cells):
        raise request.error(f"{len(cells)} rows, the file says {stated}", RETRY_LATER)
    notes: list[str] = []
    frames: Frames = {}
    unusable = request.error("no row of the ticker", "check the ticker")
    for ticker in tickers:
        own = cells[cells["Symbol"].str.strip() == ticker]
        if own.empty:
            continue
        if not (own["Date"].str.strip() == f"{day:%Y%m%d}").all():
            raise request.error("rows of another day", RETRY_LATER)
        frame = pd.DataFrame(
            {
                "date": days(request, own["Date"], "%Y%m%d"),
                "short_volume": numbers(request, own["ShortVolume"]),
                "total_volume": numbers(request, own["TotalVolume"]),
            }
        )
        frame = _summed(request, frame, own["Market"], notes)
        try:
            frames["short_volume", ticker] = tidy(request, "short_volume", frame, notes)
        except FetchError as bad:
            unusable = bad  # the other tickers of the day may be sound
    if not frames:
        raise unusable
    return Delivery(checked(request, frames), response.served_at, notes)


def whole_number(text: str) -> int | None:
    """Text as a count; None if it is not one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _summed(request: Request, frame: pd.DataFrame, markets: pd.Series, notes: list[str]) -> pd.DataFrame:
    """The sum of lines of different facilities as one row; else `frame`."""
    once = ~frame.assign(market=markets).duplicated()
    letters = [letter.strip() for market in markets[once] for letter in market.split(",")]
    if once.sum() < 2 or len(set(letters)) < len(letters) or "" in letters:
        return frame
    notes.append(request.note(f"{int(once.sum())} lines of different facilities summed"))
    summed = frame[once].sum(numeric_only=True, skipna=False)
    return frame[:1].assign(**summed)
