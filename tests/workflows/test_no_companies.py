"""Why there are no members: each reason is named as it is."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bullbear import sessions as exchange
from bullbear.data.store import Store
from bullbear.group.membership import fund_universe
from bullbear.workflows.no_companies import no_members

DAY = pd.Timestamp("2019-12-31").as_unit("us")


@pytest.mark.parametrize(
    ("tickers", "reason"),
    [
        (("USD", "XTSLA"), "group IWM: its list of 2019-12-31 has no line that is a company; allowed: a list of comp"),
        (
            ("USD", "GONE"),
            "group IWM: no company of its list of 2019-12-31 in the store at the close of .*: GONE",
        ),
    ],
)
def test_a_list_of_cash_alone_is_not_called_unknown(tmp_path: Path, tickers: tuple[str, ...], reason: str) -> None:
    closed = exchange.closes(pd.DatetimeIndex([DAY]))[0]
    store = Store(tmp_path / "data")
    sectors = ["Cash and/or Derivatives" if ticker != "GONE" else "Energy" for ticker in tickers]
    rows = {"series": "IWM", "event_date": DAY, "known_at": closed, "ticker": tickers, "name": tickers}
    store.append_all({"holdings": pd.DataFrame({**rows, "sector": sectors, "weight": 0.5})}, closed)
    view = store.as_of(closed)
    universe = fund_universe(view, "IWM")
    with pytest.raises(Exception, match=reason):
        raise no_members(universe, view, "IWM", DAY, universe.at(closed))
