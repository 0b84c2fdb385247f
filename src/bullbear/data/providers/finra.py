"""FINRA: consolidated short interest twice a month, and Reg SHO's daily short-sale volume.

Short interest is asked by POST at `consolidatedShortInterest`, page by page (header `Record-Total`); exchange-listed
names are there from June 2021. The answer does not tell when a row was published: the rule of publication does. A row
with `revisionFlag` R replaces an earlier one in place; if both are listed, the revised one is kept.

Reg SHO's file `CNMSshvolYYYYMMDD.txt` holds one day of off-exchange trades, all symbols, and ends with the number
of its rows, so that a file cut short shows. A day without a file is answered by 403. The file is the sum over FINRA's
facilities, and its column Market lists their letters: `B,Q,N`. Should a symbol come once per facility, the lines are
summed, as the consolidated file does; lines that share a letter and differ contradict each other, and the day is left
out until the file is corrected.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from bullbear.data.providers.delivery import Delivery, Frames, checked, days, numbers, table, tidy
from bullbear.data.providers.http import RETRY_LATER, Ask, Client
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
    """All settlement dates of `ticker`.

    Raises
    ------
    FetchError
        They did not come, or cannot be used.

    References
    ----------
    https://developer.finra.org/docs#query_api-equity-equity_short_interest_standardized
    """
    rows: list[_Position] = []
    before: bytes | None = None
    for _ in range(MOST_PAGES):
        equal = {"compareType": "EQUAL", "fieldName": "symbolCode", "fieldValue": ticker}
        query = {"limit": PAGE, "offset": len(rows), "compareFilters": [equal]}
        ask = Ask(
            "finra",
            ticker,
            f"{url}/data/group/otcMarket/name/consolidatedShortInterest",
            headers={"Accept": "application/json"},
            json=query,
            remedies={204: _ABSENT},
        )
        answer = client.get(ask)
        page = parsed(answer, list[_Position])
        rows += page
        total = whole_number(answer.headers.get("record-total", ""))
        # Without the header a full page may have followers, a short one is the last.
        if not page or (len(page) < PAGE if total is None else len(rows) >= total):
            break
        if answer.body == before:
            raise ask.fault("the same page twice", RETRY_LATER)
        before = answer.body
    else:
        raise ask.fault(f"more than {MOST_PAGES} pages", RETRY_LATER)
    if not rows:
        raise ask.fault("no rows", _ABSENT)
    cells = columns_of(ask, rows, ("settlementDate", "symbolCode", *_SHORT_INTEREST))
    frame = cells[list(_SHORT_INTEREST)].rename(columns=_SHORT_INTEREST)
    frame.insert(0, "settlement_date", days(ask, cells["settlementDate"]))
    frame["is_revised"] = [str(row.revisionFlag).strip().upper() == "R" for row in rows]
    notes: list[str] = []
    own = frame[cells["symbolCode"].str.upper() == ticker.upper()]
    frames: Frames = {("short_interest", ticker): tidy(ask, "short_interest", own, notes, later=("is_revised",))}
    return Delivery(checked(ask, frames), answer.served_at, notes)


def fetch_short_volume(client: Client, url: str, tickers: tuple[str, ...], day: date) -> Delivery:
    """The short-sale volume of `tickers` on one day.

    Raises
    ------
    FetchError
        The file is not there (status 403), did not come, or cannot be used.

    References
    ----------
    https://www.finra.org/finra-data/browse-catalog/short-sale-volume-data/daily-short-sale-volume-files
    """
    ask = Ask(
        "regsho",
        f"{'/'.join(tickers)} {day}",
        f"{url}/equity/regsho/daily/CNMSshvol{day:%Y%m%d}.txt",
        remedies={403: "the day has no file, or not yet; the next fetch asks again"},
    )
    answer = client.get(ask)
    lines = answer.text.strip().splitlines()
    told = whole_number(lines[-1].strip()) if lines else None
    body = lines[:-1] if told is not None else lines
    cells = table(answer, _REGSHO, delimiter="|", text="\n".join(body))
    if told is not None and told != len(cells):
        raise ask.fault(f"{len(cells)} rows, the file says {told}", RETRY_LATER)
    notes: list[str] = []
    frames: Frames = {}
    fault = ask.fault("no row of the ticker", "check the ticker")
    for ticker in tickers:
        own = cells[cells["Symbol"].str.strip() == ticker]
        if own.empty:
            continue
        if not (own["Date"].str.strip() == f"{day:%Y%m%d}").all():
            raise ask.fault("rows of another day", RETRY_LATER)
        frame = pd.DataFrame(
            {
                "date": days(ask, own["Date"], "%Y%m%d"),
                "short_volume": numbers(ask, own["ShortVolume"]),
                "total_volume": numbers(ask, own["TotalVolume"]),
            }
        )
        frame = _summed(ask, frame, own["Market"], notes)
        try:
            frames["short_volume", ticker] = tidy(ask, "short_volume", frame, notes)
        except FetchError as unusable:
            fault = unusable  # the other tickers of the day may be sound
    if not frames:
        raise fault
    return Delivery(checked(ask, frames), answer.served_at, notes)


def whole_number(text: str) -> int | None:
    """A count as text; None if it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _summed(ask: Ask, frame: pd.DataFrame, markets: pd.Series, notes: list[str]) -> pd.DataFrame:
    """One row, if the lines are those of different facilities; else `frame` as it is."""
    once = ~frame.assign(market=markets).duplicated()
    letters = [letter.strip() for market in markets[once] for letter in market.split(",")]
    if once.sum() < 2 or len(set(letters)) < len(letters) or "" in letters:
        return frame
    notes.append(f"{ask.provider} {ask.series}: {int(once.sum())} lines of different facilities summed")
    summed = frame[once].sum(numeric_only=True, skipna=False)
    return frame[:1].assign(**summed)
