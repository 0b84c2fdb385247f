"""A home with a fund, its companies and a misprint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from tests.group import plants
from tests.group.conftest import SmallMarket, small_market

from bullbear import sessions as exchange
from bullbear.data import Store

SESSIONS, COMPANIES = 150, 30


def market() -> SmallMarket:
    return small_market(6, sessions=SESSIONS, companies=COMPANIES)


def fill(root: Path) -> None:
    """A home with a fund of 28 of the 30 companies, one misprint in the last session, and a list fixed later."""
    small = market()
    panel = plants.multiplied(small.panel, SESSIONS - 1, 4, plants.PRICES, 10.0)
    closes = exchange.closes(panel.sessions)
    bars = [
        pd.DataFrame(
            {
                "series": company,
                "event_date": panel.sessions,
                "known_at": closes,
                **{name: getattr(panel, name)[:, column] for name in (*plants.PRICES, "volume")},
                "restated": float(column == 3),
            }
        )
        for column, company in enumerate(panel.companies)
    ]
    rows, columns = np.nonzero(panel.split != 1)
    opens = exchange.opens(panel.sessions)
    splits = pd.DataFrame(
        {
            "series": [panel.companies[column] for column in columns],
            "event_date": panel.sessions[rows],
            "known_at": opens[rows],
            "ratio": panel.split[rows, columns],
        }
    )
    facts = small.facts.rename(columns={"company": "series"}).iloc[2:]
    store = Store(root / "data")
    store.companies.append_all({"bars": pd.concat(bars), "splits": splits, "facts": facts}, closes[-1])
    day = panel.sessions[100]
    holdings = pd.DataFrame(
        {
            "series": "IWM",
            "event_date": day,
            "known_at": exchange.closes(pd.DatetimeIndex([day]))[0],
            "ticker": [*panel.companies[:28], "GONE"],
            "name": [f"Company {column}" for column in range(28)] + ["Gone Inc"],
            "sector": [*small.sectors[:28], "Energy"],
            "weight": 1.0 / 29,
        }
    )
    store.append_all({"holdings": holdings}, closes[-1])
    (root / "models").mkdir()
    (root / "models" / "groups.toml").write_text(
        '[three]\nfixed_on = 2026-05-05\ntickers = ["C000", "C001", "C002"]\n'
        '[typo]\nfixed_on = 2026-05-05\ntickers = ["C000", "ZZY"]\n'
        '[strangers]\nfixed_on = 2026-05-05\ntickers = ["ZZZ"]\n'
    )
