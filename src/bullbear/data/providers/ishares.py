"""iShares: the constituents of a fund, with sectors and weights, and its shares outstanding.

The file opens with a preamble of varying length (`Fund Holdings as of`, `Shares Outstanding`), then the table from the
line that begins with `Ticker,`, then a blank line and legal text. `Shares` is sometimes called `Quantity`. An empty
page has a table without rows and `-` as its day.
"""

from __future__ import annotations

import pandas as pd

from bullbear.data.csv_files import LAYOUTS
from bullbear.data.providers.delivery import Delivery, Frames, cells_of, checked, numbers, plausible, table
from bullbear.data.providers.http import RETRY_LATER, Client, Request
from bullbear.data.providers.wire import FORMAT_CHANGED

# Product page of each fund that is supported.
FUNDS = {
    "IWM": "239710/ishares-russell-2000-etf",
    "IWN": "239712/ishares-russell-2000-value-etf",
    "IWO": "239709/ishares-russell-2000-growth-etf",
}
_FILE = "1467271812596.ajax"
SMALLEST = 10  # a page with fewer lines is broken


def fetch(client: Client, url: str, fund: str) -> Delivery:
    """The latest list of `fund`."""
    request = Request(
        "ishares",
        fund,
        f"{url}/us/products/{FUNDS.get(fund, fund)}/{_FILE}",
        {"fileType": "csv", "fileName": f"{fund}_holdings", "dataType": "fund"},
    )
    if fund not in FUNDS:
        raise request.error("no such fund", f"name one of {', '.join(FUNDS)}")
    response = client.get(request)
    lines = response.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    start = next((place for place, line in enumerate(lines) if line.lstrip().startswith("Ticker,")), None)
    if start is None:
        raise request.error("no line that begins with `Ticker,`", FORMAT_CHANGED)
    stop = next((place for place in range(start, len(lines)) if not lines[place].strip(' ,"\xa0')), len(lines))
    above = cells_of(request, "\n".join(lines[:start]))
    preamble = {cells[0].strip(): cells[1].strip() for cells in above if len(cells) > 1}
    day = _day(request, preamble.get("Fund Holdings as of", ""))
    cells = table(
        response, ("Ticker", "Name", "Sector", "Weight (%)", "Market Value"), text="\n".join(lines[start:stop])
    )
    shares = next((name for name in ("Shares", "Quantity") if name in cells), None)
    if shares is None:
        raise request.error("no column Shares or Quantity", FORMAT_CHANGED)
    if len(cells) < SMALLEST:
        raise request.error(f"a list of {len(cells)} lines", RETRY_LATER)
    frame = pd.DataFrame(
        {
            "as_of": day,
            "ticker": cells["Ticker"].str.strip(),
            "name": cells["Name"].str.strip(),
            "sector": cells["Sector"].str.strip(),
            "weight": _plain(request, cells["Weight (%)"]),
            "market_value": _plain(request, cells["Market Value"]),
            "shares": _plain(request, cells[shares]),
        }
    ).astype({"as_of": "datetime64[us]"})
    notes: list[str] = []
    once = plausible(request, frame.drop_duplicates(), notes)
    if len(once) < len(frame):
        notes.append(request.note(f"{len(frame) - len(once)} repeated rows left out"))
    nameless = once["ticker"].eq("") & once["name"].eq("")
    if nameless.any():
        notes.append(request.note(f"{int(nameless.sum())} lines without ticker and name left out"))
        once = once[~nameless]
    # Lots of one instrument, such as two futures of one name, are merged; cash has no ticker.
    once = once.assign(ticker=once["ticker"].where(once["ticker"] != "", "-"))
    grouped = once.groupby(["as_of", "ticker", "name"], sort=True)
    merged = grouped[["weight", "market_value", "shares"]].sum(min_count=1)
    merged.insert(0, "sector", grouped["sector"].first())
    merged = merged.reset_index()
    weights = float(merged["weight"].sum())
    if not 95 <= weights <= 105:
        raise request.error(f"weights that add up to {weights:.1f} %", RETRY_LATER)
    frames: Frames = {("holdings", fund): merged}
    outstanding = preamble.get("Shares Outstanding", "")
    if outstanding:
        value = _plain(request, pd.Series([outstanding], name="Shares Outstanding"))
        observed = pd.DataFrame({"date": [day], "value": value}).astype({"date": "datetime64[us]"})
        observed = plausible(request, observed, notes).dropna(subset="value")
        if len(observed):
            frames["macro", f"{fund}_SHARES_OUTSTANDING"] = observed
    return Delivery(checked(request, frames), response.served_at, notes)


def _day(request: Request, text: str) -> pd.Timestamp:
    day = pd.to_datetime(pd.Series([text]), format="%b %d, %Y", errors="coerce")
    first, last = map(pd.Timestamp, LAYOUTS["holdings"].span)
    if not day.between(first, last).all():
        raise request.error(f"{text[:40]!r} after `Fund Holdings as of` is not a date", FORMAT_CHANGED)
    return pd.Timestamp(day.iloc[0]).as_unit("us")


def _plain(request: Request, column: pd.Series) -> pd.Series:
    return numbers(request, column.str.replace(",", "").rename(str(column.name)))
