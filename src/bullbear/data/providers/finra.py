"""FINRA: consolidated short interest twice a month, and Reg SHO's daily short-sale volume.

Short interest is asked by POST at `consolidatedShortInterest`, page by page (header `Record-Total`); exchange-listed
names are there from June 2021. The answer does not tell when a row was published: the rule of publication does. A row
with `revisionFlag` R replaces an earlier one in place; if both are listed, the revised one counts.

Reg SHO's file `CNMSshvolYYYYMMDD.txt` holds one day of off-exchange trades, all symbols, and ends with the number
of its rows, so that a file cut short shows. A day without a file is answered by 403.
"""

from __future__ import annotations

from datetime import date

import pandas as pd

from bullbear.data.providers.delivery import FORMAT_CHANGED, Delivery, Frames, checked, days, numbers, table, tidy
from bullbear.data.providers.http import RETRY_LATER, Ask, Client

PAGE = 5000
_SHORT_INTEREST = {
    "currentShortPositionQuantity": "shares_short",
    "averageDailyVolumeQuantity": "avg_daily_volume",
    "daysToCoverQuantity": "days_to_cover",
}
_REGSHO = ("Date", "Symbol", "ShortVolume", "ShortExemptVolume", "TotalVolume", "Market")


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
    rows: list[dict[str, object]] = []
    while True:
        equal = {"compareType": "EQUAL", "fieldName": "symbolCode", "fieldValue": ticker}
        query = {"limit": PAGE, "offset": len(rows), "compareFilters": [equal]}
        ask = Ask(
            "finra",
            ticker,
            f"{url}/data/group/otcMarket/name/consolidatedShortInterest",
            headers={"Accept": "application/json"},
            json=query,
            remedies={204: "check the ticker; exchange-listed names are there from June 2021"},
        )
        answer = client.get(ask)
        page = answer.json
        if not isinstance(page, list) or not all(isinstance(row, dict) for row in page):
            raise ask.fault("no list of rows", FORMAT_CHANGED)
        rows += page
        total = answer.headers.get("record-total", "")
        # Without the header a full page may have followers, a short one is the last.
        if not page or (len(rows) >= int(total) if total.isdigit() else len(page) < PAGE):
            break
    if not rows:
        raise ask.fault("no rows", "check the ticker; exchange-listed names are there from June 2021")
    cells = pd.DataFrame(rows)
    missing = [name for name in ("settlementDate", "symbolCode", *_SHORT_INTEREST) if name not in cells]
    if missing:
        raise ask.fault(f"no {', '.join(missing)} in the rows", FORMAT_CHANGED)
    cells = cells[cells["symbolCode"] == ticker]
    cells = cells.assign(settlement_date=days(ask, cells["settlementDate"].astype("str")))
    if "revisionFlag" in cells:
        cells = _revised_only(cells)
    frame = cells[["settlement_date"]].copy()
    for name, ours in _SHORT_INTEREST.items():
        frame[ours] = numbers(ask, cells[name])
    notes: list[str] = []
    frames: Frames = {("short_interest", ticker): tidy(ask, frame, ["settlement_date"], notes)}
    return Delivery(checked(ask, frames), answer.served_at, notes)


def _revised_only(cells: pd.DataFrame) -> pd.DataFrame:
    is_revised = cells["revisionFlag"].astype("str").str.strip().str.upper() == "R"
    replaced = cells["settlement_date"].isin(cells["settlement_date"][is_revised]) & ~is_revised
    kept: pd.DataFrame = cells[~replaced]
    return kept


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
    told = int(lines[-1]) if lines[-1].strip().isdigit() else None
    body = lines[:-1] if told is not None else lines
    cells = table(answer, _REGSHO, delimiter="|", text="\n".join(body))
    if told is not None and told != len(cells):
        raise ask.fault(f"{len(cells)} rows, the file says {told}", RETRY_LATER)
    if not (cells["Date"] == f"{day:%Y%m%d}").all():
        raise ask.fault("rows of another day", RETRY_LATER)
    notes: list[str] = []
    frames: Frames = {}
    for ticker in tickers:
        own = cells[cells["Symbol"] == ticker]
        if own.empty:
            continue
        frame = pd.DataFrame(
            {
                "date": days(ask, own["Date"], "%Y%m%d"),
                "short_volume": numbers(ask, own["ShortVolume"]),
                "total_volume": numbers(ask, own["TotalVolume"]),
            }
        )
        frames["short_volume", ticker] = tidy(ask, frame, ["date"], notes)
    if not frames:
        raise ask.fault("no row of the ticker", "check the ticker")
    return Delivery(checked(ask, frames), answer.served_at, notes)
