"""The ratings of a group's members at one session, from what a view knew at its close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from bullbear import sessions as exchange
from bullbear.data.view import View
from bullbear.group.characteristics import CONCEPTS, LOOK_BACK, Characteristics, characteristics
from bullbear.group.fundamentals import MEMORY_DAYS
from bullbear.group.membership import Members
from bullbear.group.ratings import COMPOSITE, FEWEST, LEAST_RATINGS, WEIGHTS, Ratings, rate
from bullbear.group.screening import screen

Within = Literal["group", "sector"]


@dataclass(frozen=True)
class RatedGroup:
    """Ratings of `members` at the close of `session`.

    Attributes
    ----------
    figures
        What they rest on.
    within
        Whom a company is compared with.
    restated
        Members without a value rating because their prices were delivered divided by later splits.
    """

    session: pd.Timestamp
    members: Members
    figures: Characteristics
    ratings: Ratings
    within: Within
    weights: Mapping[str, float]
    restated: int

    def rows(self, sector: str | None = None) -> list[dict[str, Any]]:
        """One for each member, the best composite first, those without one last; a missing rating is None.

        Parameters
        ----------
        sector
            Only those of this sector; whom they are compared with does not change.
        """
        columns = {company: column for column, company in enumerate(self.ratings.companies)}
        members = zip(
            self.members.companies, self.members.tickers, self.members.names, self.members.sectors, strict=True
        )
        found = []
        for company, ticker, name, own in members:
            if sector is not None and own != sector:
                continue
            column = columns[company]
            rated = {each: values[-1, column] for each, values in self.ratings.values.items()}
            found.append(
                {
                    "ticker": ticker,
                    "name": name or None,
                    "sector": own or None,
                    **{each: None if np.isnan(value) else int(value) for each, value in rated.items()},
                    "parts": int(self.ratings.parts[-1, column]),
                }
            )
        return sorted(found, key=lambda row: (row[COMPOSITE] or 101, row["ticker"]))

    @property
    def notes(self) -> tuple[str, ...]:
        """What limits them."""
        notes = []
        if self.restated:
            notes.append(
                f"{self.restated} of {len(self.members)} members have no value rating: their prices were delivered "
                "divided by later splits, so that what they cost was not known"
            )
        if len(self.members) < FEWEST:
            notes.append(f"a group of {len(self.members)}: fewer than {FEWEST} companies are not ranked")
        return tuple(notes)

    def as_dict(self, sector: str | None = None) -> dict[str, Any]:
        """The key `ratings` of `group --json`."""
        return {
            "within": self.within,
            "weights": dict(self.weights),
            "fewest": FEWEST,
            "least_ratings": LEAST_RATINGS,
            "companies": self.rows(sector),
            "notes": list(self.notes),
        }


def rate_members(
    view: View,
    members: Members,
    session: pd.Timestamp,
    *,
    within: Within = "group",
    weights: Mapping[str, float] = WEIGHTS,
) -> RatedGroup:
    """Rate the members of a group at the close of a session.

    Parameters
    ----------
    view
        The store as of that close.
    members
        Those known then (`Universe.at`).
    within
        See `ratings`.

    Raises
    ------
    InputError
        A wrong weight, see `rate`.
    """
    companies = view.companies
    panel = companies.panel(members.companies, first=exchange.offset(session, -LOOK_BACK), last=session)
    screened = screen(panel)
    facts = companies.facts(CONCEPTS, members.companies, since=session - pd.Timedelta(days=MEMORY_DAYS))
    figures = characteristics(
        screened.clean,
        facts,
        panel.sessions[-1:],
        short_interest=companies.short_interest(members.companies),
        # What corrects a wrong start of the prices has changed no number of shares.
        splits=np.asarray(screened.clean.split / screened.rebased),
    )
    sector_of = dict(zip(members.companies, members.sectors, strict=True))
    ratings = rate(
        figures,
        np.ones((1, len(panel.companies)), dtype=bool),
        sectors=[sector_of[company] for company in panel.companies],
        within=within,
        weights=weights,
    )
    restated = int(np.count_nonzero(panel.restated))
    return RatedGroup(session, members, figures, ratings, within, weights, restated)
