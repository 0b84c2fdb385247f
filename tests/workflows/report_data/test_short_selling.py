"""Short interest as each publication first showed it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd

from bullbear.workflows.report_data.short_selling import short_selling


def _view(rows: list[tuple[str, str, float]]) -> Any:
    columns = pd.DataFrame(rows, columns=["event_date", "known_at", "shares_short"])
    versions = columns.assign(
        event_date=pd.to_datetime(columns["event_date"]),
        known_at=pd.to_datetime(columns["known_at"], utc=True),
        avg_daily_volume=10.0,
        days_to_cover=1.0,
        shares_outstanding=100.0,
    )
    return SimpleNamespace(
        instant=pd.Timestamp("2019-12-31 21:00", tz="UTC"),
        has=lambda kind, ticker: kind == "short_interest",
        versions=lambda kind, ticker: versions,
    )


def test_a_revision_is_not_shown_as_the_first_publication() -> None:
    old = ("2014-11-28", "2014-12-10", 20.0)
    new = ("2019-11-29", "2019-12-10", 30.0)
    revised = [("2014-11-28", "2019-12-11", 25.0), ("2019-11-29", "2019-12-12", 35.0)]
    found = short_selling(_view([old, new, *revised]), "IWM")
    assert found.interest is not None
    assert found.interest["shares_short"].to_dict() == {pd.Timestamp("2019-11-29"): 30.0}
    assert found.revised == 1
