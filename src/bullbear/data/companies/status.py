"""What a store holds of companies, in numbers: one line for people, not one for each of thousands of series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from bullbear.data.companies.kinds import DELISTED, PREFIX
from bullbear.data.companies.view import CompanyView


@dataclass(frozen=True)
class CompanyStatus:
    """Of all companies with a bar.

    `rows` counts the stored rows of each kind, corrections among them; `reasons` says why rows are set aside.
    """

    companies: int
    delisted: int
    first: pd.Timestamp
    last: pd.Timestamp
    rows: dict[str, int]
    reasons: dict[str, int]

    @property
    def line(self) -> str:
        """For people.

        Example
        -------
        >>> day = pd.Timestamp("2019-12-31")
        >>> CompanyStatus(2, 1, day, day, {"bars": 9, "facts": 1200}, {"high below low": 3}).line
        '2 companies (1 delisted): 9 bars from 2019-12-31 to 2019-12-31, 1,200 facts; 3 rows set aside (high below low)'
        """
        gone = f" ({self.delisted:,} delisted)" if self.delisted else ""
        bars = f"{self.rows['bars']:,} bars from {self.first.date()} to {self.last.date()}"
        other = [f"{count:,} {kind.replace('_', ' ')}" for kind, count in self.rows.items() if count and kind != "bars"]
        aside = sum(self.reasons.values())
        doubtful = f"; {aside:,} rows set aside ({', '.join(self.reasons)})" if aside else ""
        return f"{self.companies:,} companies{gone}: {', '.join([bars, *other])}{doubtful}"

    @property
    def document(self) -> dict[str, Any]:
        """For programs: a line like those of series, for all companies together."""
        return {
            "kind": f"{PREFIX}bars",
            "series": f"{self.companies} companies",
            "first": self.first,
            "last": self.last,
            "rows": self.rows["bars"],
            "quarantined": sum(self.reasons.values()),
            "reasons": "; ".join(f"{reason} ({count})" for reason, count in self.reasons.items()),
            "delisted": self.delisted,
        }


def company_status(view: CompanyView) -> CompanyStatus | None:
    """The state of the companies in a view; None where it has no bars of any."""
    if view.first_session is None or view.last_session is None:
        return None
    now = view.listings().drop_duplicates("company", keep="last")
    aside = view.quarantine()["reason"].value_counts().sort_index()
    counts = view.rows_by_kind()
    counts.pop("quarantine", None)
    return CompanyStatus(
        companies=len(view.names),
        delisted=int((now["status"] == DELISTED).sum()),
        first=view.first_session,
        last=view.last_session,
        rows=counts,
        reasons={str(reason): int(count) for reason, count in aside.items()},
    )
