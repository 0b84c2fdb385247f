"""Market values: one figure for a group's table and for its ratings, with the same counts set aside."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.group.conftest import NAN, SmallMarket

from bullbear.data.companies import panel_from
from bullbear.group.characteristics import characteristics
from bullbear.group.market_value import market_values
from bullbear.group.screening import screen
from bullbear.group.statistics import group_figures

WRONG = 7


def filed(market: SmallMarket) -> pd.DataFrame:
    """Counts of shares, one of them ten thousand times too small, and equity of 100 million dollars each."""
    counts = market.facts.copy()
    counts.loc[WRONG, "value"] /= 10_000
    return pd.concat([counts, counts.assign(concept="equity", unit="USD", value=1e8)], ignore_index=True)


def test_a_count_that_the_group_sets_aside_is_in_no_rating(market: SmallMarket) -> None:
    facts = filed(market)
    of_group = group_figures(market.panel, np.ones(60, dtype=bool), market.sectors, facts).values
    assert np.flatnonzero(of_group.doubted).tolist() == [WRONG]
    panel, last = screen(market.panel).clean, market.panel.sessions[-1:]
    sold = pd.DataFrame(
        {"company": panel.companies, "event_date": panel.sessions[-20], "shares_short": 1e5, "avg_daily_volume": 1e5}
    ).assign(known_at=(panel.sessions[-10] + pd.Timedelta(hours=22)).tz_localize("UTC"), days_to_cover=NAN)
    found = characteristics(panel, facts, last, short_interest=sold, names=("book_yield", "short_share"))
    np.testing.assert_allclose(found.of("book_yield")[0], 1e8 / of_group.value)
    assert np.flatnonzero(np.isnan(found.of("short_share")[0])).tolist() == [WRONG]


def test_the_value_of_a_row_is_that_of_the_panel_cut_there(market: SmallMarket) -> None:
    facts, rows = filed(market), np.array([275, 290, 329])
    whole = market_values(market.panel, facts, rows)
    for place, row in enumerate(rows):
        cut = market_values(market.panel.until(market.panel.sessions[row]), facts, rows[place : place + 1])
        for name in ("value", "shares", "doubted"):
            np.testing.assert_array_equal(getattr(cut, name)[0], getattr(whole, name)[place], err_msg=name)


@pytest.mark.parametrize(("days", "doubted"), [(10, False), (60, True)])
def test_a_fortnight_of_extraordinary_volume_casts_no_doubt(days: int, doubted: bool) -> None:
    volume = np.full((100, 1), 1e4)
    volume[-days:] = 5e5
    panel = panel_from(np.full((100, 1), 10.0), volume=volume, companies=["A"], first="2019-01-02")
    count = pd.DataFrame({"company": ["A"], "concept": "shares_outstanding", "event_date": pd.Timestamp("2018-12-31")})
    count = count.assign(start_date=pd.NaT, known_at=pd.Timestamp("2019-02-01", tz="UTC"), value=1e6, unit="shares")
    found = market_values(panel, count.assign(form="10-K"), np.array([99]))
    assert found.doubted.tolist() == [[doubted]]
    assert found.value[0, 0] == pytest.approx(NAN if doubted else 1e7, nan_ok=True)
