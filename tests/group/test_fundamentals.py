"""Facts as they were known: trailing years by hand, versions, age, and three ways to the same figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.group.filings import evening, facts, filing, plainly

from bullbear import sessions
from bullbear.errors import InputError
from bullbear.group.fundamentals import ITEMS, Figure, Fundamentals, fundamentals, fundamentals_at
from bullbear.group.reported_periods import last_day, month_end

PARTS = ("value", "year_ago", "end", "known")
YEAR_2018 = [
    ("A", "revenue", "2018-05-08", "2018-01-01/2018-03-31", 10),
    ("A", "revenue", "2018-08-07", "2018-04-01/2018-06-30", 20),
    ("A", "revenue", "2018-11-06", "2018-07-01/2018-09-30", 30),
    ("A", "revenue", "2018-11-06", "2018-01-01/2018-09-30", 60),
    ("A", "revenue", "2019-03-08", "2018-01-01/2018-12-31", 100),
]


def known(rows: pd.DataFrame, day: str, item: str = "revenue", company: str = "A") -> tuple[float, float]:
    figure = fundamentals_at(rows, evening(day), [company])[item]
    return float(figure.value[0, 0]), float(figure.year_ago[0, 0])


def same(one: Fundamentals, other: Fundamentals, row: int, of: int = 0) -> None:
    for item in one.figures:
        for part in PARTS:
            expected = getattr(other[item], part)[of]
            np.testing.assert_array_equal(getattr(one[item], part)[row], expected, err_msg=f"{item} {part}")


def test_a_year_is_known_on_the_day_of_its_filing() -> None:
    rows = facts(*YEAR_2018)
    assert np.isnan(known(rows, "2019-03-07")[0])
    assert known(rows, "2019-03-08")[0] == 100.0


def test_the_fourth_quarter_is_the_year_less_nine_months() -> None:
    rows = facts(*YEAR_2018, ("A", "revenue", "2019-05-07", "2019-01-01/2019-03-31", 13))
    # 20 + 30 + (100 - 60) + 13, and the same as 100 + 13 - 10.
    assert known(rows, "2019-05-07")[0] == 103.0
    no_first_quarter = rows[~rows["event_date"].eq("2018-03-31")]
    assert known(no_first_quarter, "2019-05-07")[0] == 103.0


def test_four_quarters_make_a_year_where_no_year_is_filed() -> None:
    rows = facts(
        *YEAR_2018[:3],
        ("A", "revenue", "2019-03-08", "2018-10-01/2018-12-31", 41),
        ("A", "revenue", "2019-05-07", "2019-01-01/2019-03-31", 13),
    )
    assert known(rows, "2019-03-08")[0] == 101.0
    assert known(rows, "2019-05-07")[0] == 104.0


def test_cash_flows_are_filed_for_the_year_to_date() -> None:
    rows = facts(
        ("A", "cfo", "2018-08-07", "2018-01-01/2018-06-30", 12),
        ("A", "cfo", "2019-03-08", "2018-01-01/2018-12-31", 40),
        ("A", "cfo", "2019-08-06", "2019-01-01/2019-06-30", 17),
    )
    assert known(rows, "2019-08-05", "cfo")[0] == 40.0
    assert known(rows, "2019-08-06", "cfo")[0] == 45.0


def test_fiscal_years_of_52_and_53_weeks_meet() -> None:
    rows = facts(
        ("A", "revenue", "2018-02-27", "2016-12-26/2017-12-31", 1783),  # 53 weeks
        ("A", "revenue", "2018-05-08", "2016-12-26/2017-03-26", 449),
        ("A", "revenue", "2018-05-08", "2018-01-01/2018-04-01", 427),
        ("A", "revenue", "2019-03-08", "2018-01-01/2018-12-30", 1573),
        ("A", "revenue", "2019-05-07", "2018-12-31/2019-03-31", 398),
    )
    assert known(rows, "2018-05-08")[0] == 1783 + 427 - 449
    assert known(rows, "2019-05-07") == (1573 + 398 - 427, 1783 + 427 - 449)


def test_quarters_of_sixteen_weeks() -> None:
    rows = facts(
        ("A", "revenue", "2018-02-20", "2017-01-02/2017-12-31", 100),
        ("A", "revenue", "2018-05-20", "2017-01-02/2017-04-23", 30),
        ("A", "revenue", "2018-05-20", "2018-01-01/2018-04-22", 34),
    )
    assert known(rows, "2018-05-20")[0] == 104.0


def test_a_restatement_counts_from_its_own_filing() -> None:
    later = facts(("A", "revenue", "2019-05-07", "2018-01-01/2018-12-31", 90), form="10-K/A")
    rows = pd.concat([facts(*YEAR_2018), later])
    assert known(rows, "2019-05-06")[0] == 100.0
    assert known(rows, "2019-05-07")[0] == 90.0


def test_a_filing_counts_from_its_very_instant() -> None:
    filed = evening("2019-03-08")
    instants = pd.DatetimeIndex([filed - pd.Timedelta(microseconds=1), filed])
    found = fundamentals(facts(*YEAR_2018), instants, ["A"])["revenue"].value[:, 0]
    assert found.tolist() == pytest.approx([np.nan, 100.0], nan_ok=True)


def test_an_amendment_of_the_same_evening_counts() -> None:
    amended = facts(("A", "revenue", "2019-03-08", "2018-01-01/2018-12-31", 90), form="10-K/A")
    original = facts(*YEAR_2018, form="10-K")
    for rows in (pd.concat([original, amended]), pd.concat([amended, original])):
        assert known(rows, "2019-03-08")[0] == 90.0


def test_the_year_before_is_as_known_now() -> None:
    yearly = [
        ("A", "revenue", "2018-03-08", "2017-01-01/2017-12-31", 80),
        ("A", "revenue", "2019-03-08", "2018-01-01/2018-12-31", 100),
    ]
    recast = ("A", "revenue", "2019-03-08", "2017-01-01/2017-12-31", 70)
    assert known(facts(*yearly), "2019-03-08") == (100.0, 80.0)
    assert known(facts(*yearly, recast), "2019-03-08") == (100.0, 70.0)
    assert known(facts(*yearly, recast), "2019-03-07")[0] == 80.0


def test_a_company_that_stopped_filing_has_no_facts() -> None:
    rows = facts(*YEAR_2018, ("A", "total_assets", "2019-03-08", "2018-12-31", 500))
    closes = pd.DatetimeIndex(["2020-05-14 20:00", "2020-05-15 20:00"], tz="UTC")  # 500 and 501 days after the year
    found = fundamentals(rows, closes, ["A"])
    assert found["revenue"].value[:, 0].tolist() == pytest.approx([100.0, np.nan], nan_ok=True)
    assert found["total_assets"].value[:, 0].tolist() == pytest.approx([500.0, np.nan], nan_ok=True)


def test_a_yearly_filer_is_never_without_facts() -> None:
    rows = facts(
        ("A", "revenue", "2018-04-30", "2017-01-01/2017-12-31", 80),
        ("A", "revenue", "2019-04-30", "2018-01-01/2018-12-31", 100),
        form="20-F",
    )
    assert known(rows, "2019-04-29")[0] == 80.0


def test_a_year_that_can_be_summed_is_preferred_to_a_later_quarter() -> None:
    rows = facts(*YEAR_2018, ("A", "revenue", "2019-11-06", "2019-07-01/2019-09-30", 35))
    assert known(rows, "2019-11-06")[0] == 100.0


def test_revenue_from_contracts_stands_in_for_revenue() -> None:
    contracts = ("A", "revenue_contracts", "2019-03-08", "2018-01-01/2018-12-31", 70)
    assert known(facts(contracts), "2019-03-08")[0] == 70.0
    assert known(facts(contracts, *YEAR_2018), "2019-03-08")[0] == 100.0


def test_a_balance_is_the_latest_one_and_says_when_it_was_first_filed() -> None:
    rows = facts(
        ("A", "shares_outstanding", "2018-03-08", "2017-12-31", 40),
        ("A", "shares_outstanding", "2019-03-08", "2018-12-31", 50),
        ("A", "shares_outstanding", "2019-05-07", "2018-12-31", 50),
    )
    assert known(rows, "2019-05-07", "shares_outstanding") == (50.0, 40.0)
    found = fundamentals_at(rows, evening("2019-05-07"), ["A"])["shares_outstanding"]
    assert found.known[0, 0] == evening("2019-03-08").value // 1000


def test_other_units_and_ends_after_the_filing_are_no_facts() -> None:
    rows = facts(
        ("A", "equity", "2013-03-07", "2012-12-31", 7),
        ("A", "equity", "2013-03-07", "2013-12-31", 9),  # a debt that falls due, say
    )
    assert known(rows, "2013-03-07", "equity")[0] == 7.0
    assert np.isnan(known(rows.assign(unit="EUR"), "2013-03-07", "equity")[0])


def test_no_facts_at_all() -> None:
    nothing = facts(*YEAR_2018)[:0]
    instants = pd.DatetimeIndex([evening("2019-03-08")])
    assert np.isnan(fundamentals(nothing, instants, ["A", "B"])["revenue"].value).all()
    assert np.isnan(fundamentals_at(nothing, instants[0], ["A", "B"])["revenue"].value).all()


def test_mistakes_are_named() -> None:
    rows = facts(*YEAR_2018)
    with pytest.raises(InputError, match=r"facts: got.*start_date.*allowed: the columns company"):
        fundamentals_at(rows.drop(columns="start_date"), evening("2019-03-08"), ["A"])
    with pytest.raises(InputError, match="instants: got 'without a time zone'"):
        fundamentals(rows, pd.DatetimeIndex(["2019-03-08"]), ["A"])
    with pytest.raises(InputError, match="instants: got 'not ascending'"):
        fundamentals(rows, pd.DatetimeIndex([evening("2019-03-08"), evening("2019-03-07")]), ["A"])


def test_boundaries_go_to_their_nearest_month_end() -> None:
    days = np.array(["2019-01-15", "2019-01-16", "2019-02-28", "1969-12-31"], "M8[D]")
    assert month_end(days).tolist() == [12 * 49 - 1, 12 * 49, 12 * 49 + 1, -1]
    assert last_day(np.array([0.0, np.nan])).tolist() == pytest.approx([30.0, np.nan], nan_ok=True)


# Quarters from 2014 on, as they may be filed: single quarters, years to date, years, comparatives, restatements.
FILED = st.tuples(
    st.sampled_from("AB"),
    st.sampled_from(["revenue", "revenue_contracts", "equity"]),
    st.integers(0, 15),  # quarter
    st.sampled_from([3, 3, 6, 9, 12]),  # months
    st.sampled_from([0, 0, 12]),  # months back, of a comparative
    st.sampled_from([20, 40, 400]),  # days until filed
    st.integers(-5, 2),  # days after the end of the month
    st.integers(-50, 50),
    st.sampled_from(["10-Q", "10-K", "10-K/A"]),
)


def frame(filed: list[tuple[str, str, int, int, int, int, int, int, str]]) -> pd.DataFrame:
    rows = []
    for company, concept, quarter, length, back, lag, shift, value, form in filed:
        month = pd.Period("2014-03", "M") + 3 * quarter - back
        last = month.end_time.normalize() + pd.Timedelta(days=shift)
        first = (month - length).end_time.normalize() + pd.Timedelta(days=1 + shift)
        filed_on = (month + back).end_time.normalize() + pd.Timedelta(days=lag)
        period = f"{last.date()}" if concept == "equity" else f"{first.date()}/{last.date()}"
        rows.append(filing(company, concept, str(filed_on.date()), period, value, form))
    return pd.DataFrame(rows)


SMALL = {name: ITEMS[name] for name in ("revenue", "equity")}
INSTANTS = pd.date_range("2014-06-01 21:00", "2019-06-01", freq="97D", tz="UTC")


@examples(max_examples=15)
@given(st.lists(FILED, min_size=1, max_size=60))
def test_panel_point_and_plain_rules_agree(filed: list) -> None:
    rows = frame(filed)
    panel = fundamentals(rows.sample(frac=1.0, random_state=3), INSTANTS, ["B", "A"], SMALL)
    for place in range(0, len(INSTANTS), 4):
        same(panel, fundamentals_at(rows, INSTANTS[place], ["B", "A"], SMALL), place)
        for item in SMALL:
            for column, company in enumerate(["B", "A"]):
                value, before, end = plainly(rows, INSTANTS[place], company, SMALL[item])
                figure = panel[item]
                found = figure.value[place, column], figure.year_ago[place, column], figure.end[place, column]
                np.testing.assert_array_equal(found, (value, before, end))


@examples(max_examples=25)
@given(st.lists(FILED, min_size=1, max_size=60), st.integers(0, len(INSTANTS) - 1))
def test_later_filings_change_nothing_before_them(filed: list, place: int) -> None:
    rows = frame(filed)
    earlier = rows[rows["known_at"] <= INSTANTS[place]]
    whole = fundamentals(rows, INSTANTS, ["A", "B"], SMALL)
    cut = fundamentals(earlier, INSTANTS[: place + 1], ["A", "B"], SMALL)
    for row in range(place + 1):
        same(cut, whole, row, row)


def test_real_filings_agree_with_the_plain_rules(snapshot_dir: Path) -> None:
    """Three companies with restatements, a fiscal year of weeks, and a change of the concept of revenue."""
    place = snapshot_dir.parent / "constituents" / "filed_facts.csv"
    if not place.is_file():
        pytest.skip(f"{place.name} not found beside the real snapshot")
    filed = pd.read_csv(place, parse_dates=["known_at", "end_date", "start_date"])
    filed = filed.rename(columns={"ticker": "company", "end_date": "event_date"})
    names = ["DJCO", "IART", "PZZA"]
    filed = filed[filed["company"].isin(names)].copy()
    filed["known_at"] = filed["known_at"].dt.tz_localize("UTC") + pd.Timedelta(days=1, hours=3)
    instants = sessions.closes(sessions.between("2013-01-01", "2019-12-31"))[::252]
    panel = fundamentals(filed, instants, names)
    seen = 0
    for row in range(len(instants)):
        same(panel, fundamentals_at(filed, instants[row], names), row)
        for item in ("revenue", "cfo", "net_income", "equity"):
            for column, company in enumerate(names):
                figure: Figure = panel[item]
                value, before, _ = plainly(filed, instants[row], company, ITEMS[item])
                found = figure.value[row, column], figure.year_ago[row, column]
                np.testing.assert_allclose(found, (value, before), rtol=1e-12)
                seen += np.isfinite(value)
    assert seen > 40
