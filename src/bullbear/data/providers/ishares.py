"""iShares: the constituents of a fund, with sectors and weights, and its shares outstanding.

The file opens with a preamble of varying length (`Fund Holdings as of`, `Shares Outstanding`), then the table from the
line that begins with `Ticker,`, then a blank line and legal text. `Shares` is called `Quantity` at times. An empty page
of the fund has a table without rows and `-` for its day.
"""

from __future__ import annotations

import pandas as pd

from bullbear.data.csv_files import LAYOUTS
from bullbear.data.providers.delivery import Delivery, Frames, believed, cells_of, checked, numbers, table
from bullbear.data.providers.http import RETRY_LATER, Ask, Client
from bullbear.data.providers.wire import FORMAT_CHANGED

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
    lines = answer.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    start = next((place for place, line in enumerate(lines) if line.lstrip().startswith("Ticker,")), None)
    if start is None:
        raise ask.fault("no line that begins with `Ticker,`", FORMAT_CHANGED)
    stop = next((place for place in range(start, len(lines)) if not lines[place].strip(' ,"\xa0')), len(lines))
    above = cells_of(ask, "\n".join(lines[:start]))
    preamble = {cells[0].strip(): cells[1].strip() for cells in above if len(cells) > 1}
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
    once = believed(ask, frame.drop_duplicates(), notes)
    if len(once) < len(frame):
        notes.append(f"ishares {fund}: {len(frame) - len(once)} repeated rows left out")
    nameless = once["ticker"].eq("") & once["name"].eq("")
    if nameless.any():
        notes.append(f"ishares {fund}: {int(nameless.sum())} lines without ticker and name left out")
        once = once[~nameless]
    # Lots of one instrument, such as two futures of a name, are one line of the list; cash has no ticker.
    once = once.assign(ticker=once["ticker"].where(once["ticker"] != "", "-"))
    grouped = once.groupby(["as_of", "ticker", "name"], sort=True)
    merged = grouped[["weight", "market_value", "shares"]].sum(min_count=1)
    merged.insert(0, "sector", grouped["sector"].first())
    merged = merged.reset_index()
    weights = float(merged["weight"].sum())
    if not 95 <= weights <= 105:
        raise ask.fault(f"weights that add up to {weights:.1f} %", RETRY_LATER)
    frames: Frames = {("holdings", fund): merged}
    outstanding = preamble.get("Shares Outstanding", "")
    if outstanding:
        value = _plain(ask, pd.Series([outstanding], name="Shares Outstanding"))
        told = pd.DataFrame({"date": [day], "value": value}).astype({"date": "datetime64[us]"})
        told = believed(ask, told, notes).dropna(subset="value")
        if len(told):
            frames["macro", f"{fund}_SHARES_OUTSTANDING"] = told
    return Delivery(checked(ask, frames), answer.served_at, notes)


def _day(ask: Ask, text: str) -> pd.Timestamp:
    day = pd.to_datetime(pd.Series([text]), format="%b %d, %Y", errors="coerce")
    first, last = map(pd.Timestamp, LAYOUTS["holdings"].span)
    if not day.between(first, last).all():
        raise ask.fault(f"{text[:40]!r} after `Fund Holdings as of` is no day", FORMAT_CHANGED)
    return pd.Timestamp(day.iloc[0]).as_unit("us")


def _plain(ask: Ask, column: pd.Series) -> pd.Series:
    return numbers(ask, column.str.replace(",", "").rename(str(column.name)))
