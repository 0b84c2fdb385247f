"""How fresh every series was at a close, what the champions read first."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bullbear.data.status import status
from bullbear.data.view import View
from bullbear.forecasting.staleness import mark_needed
from bullbear.home import Home
from bullbear.report.sections.freshness import Freshness


def freshness(home: Home, view: View) -> tuple[Freshness, ...]:
    """Every series known at the view's instant, and those that a champion reads and that are absent.

    What a champion reads stands first, and there what is stale.
    """
    table = mark_needed(status(view), home)
    rows = [
        Freshness(
            kind=str(row.kind),
            series=str(row.series),
            first=_known(row.first),
            last=_known(row.last),
            last_known_at=_known(row.last_known_at),
            age_days=_whole(row.age_days),
            max_age_days=_whole(row.max_age_days),
            stale=bool(row.stale),
            needed=bool(row.needed),
        )
        for row in table.itertuples()
    ]
    return tuple(sorted(rows, key=lambda row: (not row.needed, not (row.needed and row.stale))))


def _known(value: Any) -> pd.Timestamp | None:
    return None if pd.isna(value) else pd.Timestamp(value)


def _whole(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)
