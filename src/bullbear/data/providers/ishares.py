"""iShares: the constituents of a fund, with sectors and weights, and its shares outstanding.

The file opens with a preamble of varying length (`Fund Holdings as of`, `Shares Outstanding`), then the table from the
line that begins with `Ticker,`, then a blank line and legal text. `Shares` is called `Quantity` at times. An empty page
of the fund has a table without rows and `-` for its day.
"""

from __future__ import annotations

import csv

import pandas as pd

from bullbear.data.providers.delivery import FORMAT_CHANGED, Delivery, Frames, checked, numbers, table
from bullbear.data.providers.http import RETRY_LATER, Ask, Client

# Product page of each fund that is supported.
FUNDS = {
    "IWM": "239710/ishares-russell-2000-etf",
    "IWN": "239712/ishares-russell-2000-value-etf",
    "IWO": "239709/ishares-russell-2000-growth-etf",
}
_FILE = "1467271812596.ajax"
SMALLEST = 10  # a fund of fewer lines is a page that went wrong


def fetch(client: Client, url: str, fund: str) -> Delivery:
    """The latest list of `fund`.

    Raises
    ------
    FetchError
        It did not come, or cannot be used.
    """
    ask = Ask(
        "ishares",
        fund,
        f"{url}/us/products/{FUNDS.get(fund, fund)}/{_FILE}",
        {"fileType": "csv", "fileName": f"{fund}_holdings", "dataType": "fund"},
    )
    if fund not in FUNDS:
        raise ask.fault("no such fund", f"name one of {', '.join(FUNDS)}")
    answer = client.get(ask)
    lines = answer.text.splitlines()
    start = next((place for place, line in enumerate(lines) if line.lstrip().startswith("Ticker,")), None)
    if start is None:
        raise ask.fault("no line that begins with `Ticker,`", FORMAT_CHANGED)
    stop = next((place for place in range(start, len(lines)) if not lines[place].strip(' ,"\xa0')), len(lines))
    preamble = {cells[0].strip(): cells[1].strip() for cells in csv.reader(lines[:start]) if len(cells) > 1}
    day = _day(ask, preamble.get("Fund Holdings as of", ""))
    cells = table(answer, ("Ticker", "Name", "Sector", "Weight (%)", "Market Value"), text="\n".join(lines[start:stop]))
    shares = next((name for name in ("Shares", "Quantity") if name in cells), None)
    if shares is None:
        raise ask.fault("no column Shares or Quantity", FORMAT_CHANGED)
    if len(cells) < SMALLEST:
        raise ask.fault(f"a list of {len(cells)} lines", RETRY_LATER)
    frame = pd.DataFrame(
        {
            "as_of": day,
            "ticker": cells["Ticker"].str.strip(),
            "name": cells["Name"].str.strip(),
            "sector": cells["Sector"].str.strip(),
            "weight": _plain(ask, cells["Weight (%)"]),
            "market_value": _plain(ask, cells["Market Value"]),
            "shares": _plain(ask, cells[shares]),
        }
    ).astype({"as_of": "datetime64[us]"})
    notes: list[str] = []
    once = frame.drop_duplicates()
    if len(once) < len(frame):
        notes.append(f"ishares {fund}: {len(frame) - len(once)} repeated rows left out")
    # Lots of one instrument, such as two futures of a name, are one line of the list.
    merged = once.groupby(["as_of", "ticker", "name"], sort=True, as_index=False).agg(
        {"sector": "first", "weight": "sum", "market_value": "sum", "shares": "sum"}
    )
    weights = float(merged["weight"].sum())
    if not 95 <= weights <= 105:
        raise ask.fault(f"weights that add up to {weights:.1f} %", RETRY_LATER)
    frames: Frames = {("holdings", fund): merged}
    outstanding = preamble.get("Shares Outstanding", "")
    if outstanding:
        value = _plain(ask, pd.Series([outstanding], name="Shares Outstanding"))
        frames["macro", f"{fund}_SHARES_OUTSTANDING"] = pd.DataFrame({"date": [day], "value": value}).astype(
            {"date": "datetime64[us]"}
        )
    return Delivery(checked(ask, frames), answer.served_at, notes)


def _day(ask: Ask, text: str) -> pd.Timestamp:
    try:
        return pd.Timestamp(pd.to_datetime(text, format="%b %d, %Y")).as_unit("us")
    except ValueError:
        raise ask.fault(f"{text[:40]!r} after `Fund Holdings as of` is no day", FORMAT_CHANGED) from None


def _plain(ask: Ask, column: pd.Series) -> pd.Series:
    return numbers(ask, column.str.replace(",", "").rename(str(column.name)))
