"""What companies are rated by, against hand-made figures and plain pandas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.group.filings import facts

from bullbear.data.companies.panel import Panel, panel_from
from bullbear.errors import InputError
from bullbear.group.characteristics import CHARACTERISTICS, Characteristics, characteristics
from bullbear.group.price_characteristics import price_characteristics
from bullbear.group.shares import shares_outstanding

FILED = [
    *[
        ("A", concept, f"{year + 1}-03-08", f"{year}-01-01/{year}-12-31", value)
        for year, values in ((2017, (800, 60, 40, 50, 300)), (2018, (1000, 90, 30, 70, 400)))
        for concept, value in zip(
            ("revenue", "operating_income", "net_income", "cfo", "gross_profit"), values, strict=True
        )
    ],
    ("A", "total_assets", "2018-03-08", "2017-12-31", 1000),
    ("A", "total_assets", "2019-03-08", "2018-12-31", 2000),
    ("A", "equity", "2019-03-08", "2018-12-31", 500),
    ("A", "shares_outstanding", "2019-03-08", "2018-12-31", 100),
]
EXPECTED = {
    "earnings_yield": 30 / 400,
    "book_yield": 500 / 400,
    "sales_yield": 1000 / 400,
    "cash_flow_yield": 70 / 400,
    "sales_growth": 0.25,
    "operating_income_growth": 0.03,
    "earnings_growth": -0.01,
    "gross_profitability": 0.2,
    "operating_profitability": 0.045,
    "cash_profitability": 0.035,
    "cash_over_income": 0.02,
    "leverage": 0.75,  # (2000 - 500) / 2000, as the liabilities are not filed
    "short_share": 5 / 100,
    "days_to_cover": 2.5,
}


def flat(sessions: int = 60, **options: object) -> Panel:
    """A and B at four dollars from 2 January 2019 on; of each one share is traded a session."""
    close = np.full((sessions, 2), 4.0)
    return panel_from(close, volume=close / 4, companies=["A", "B"], first="2019-01-02", **options)  # type: ignore[arg-type]


def short(**changes: object) -> pd.DataFrame:
    row = {
        "company": "A",
        "event_date": pd.Timestamp("2019-02-15"),
        "known_at": pd.Timestamp("2019-02-27 22:00", tz="UTC"),
        "shares_short": 5.0,
        "avg_daily_volume": 2.0,
        "days_to_cover": np.nan,
    }
    return pd.DataFrame([row | changes])


def at(panel: Panel, day: str, filed: pd.DataFrame | None = None, sold: pd.DataFrame | None = None) -> dict[str, float]:
    """The figures of company A on a day."""
    session = pd.DatetimeIndex([day]).as_unit("us")
    found = characteristics(panel, facts(*FILED) if filed is None else filed, session, short_interest=sold)
    return dict(zip(found.names, found.values[0, 0].tolist(), strict=True))


def test_figures_by_hand() -> None:
    found = at(flat(), "2019-03-11", sold=short())
    assert {name: found[name] for name in EXPECTED} == pytest.approx(EXPECTED)
    assert np.isnan(found["price_momentum_12_1"])  # no year of bars


def test_nothing_filed_is_missing() -> None:
    session = pd.DatetimeIndex(["2019-03-11"]).as_unit("us")
    found = characteristics(flat(), facts(*FILED), session, short_interest=short())
    assert np.isnan(found.values[0, 1]).all()
    assert found.values.shape == (1, 2, len(CHARACTERISTICS))


def test_a_filing_counts_from_the_session_after_its_day() -> None:
    early = at(flat(), "2019-03-08")
    assert np.isnan(early["earnings_yield"])  # no count of shares was filed before
    assert early["operating_profitability"] == pytest.approx(60 / 1000)
    assert at(flat(), "2019-03-11")["operating_profitability"] == pytest.approx(0.045)


def test_equity_that_is_not_positive_gives_no_book_yield() -> None:
    owing = [row if row[1] != "equity" else (*row[:4], -500) for row in FILED]
    found = at(flat(), "2019-03-11", facts(*owing))
    assert np.isnan(found["book_yield"])
    assert found["leverage"] == pytest.approx(1.25)


def test_a_loss_is_a_yield_and_a_year_without_sales_gives_no_growth() -> None:
    losing = [row if row[1] != "net_income" else (*row[:4], -20) for row in FILED]
    assert at(flat(), "2019-03-11", facts(*losing))["earnings_yield"] == pytest.approx(-20 / 400)
    none = [row if row[:3] != ("A", "revenue", "2018-03-08") else (*row[:4], 0) for row in FILED]
    assert np.isnan(at(flat(), "2019-03-11", facts(*none))["sales_growth"])


def test_cash_and_income_of_different_years_are_not_compared() -> None:
    early = [row for row in FILED if row[1:3] != ("cfo", "2019-03-08")]
    found = at(flat(), "2019-03-11", facts(*early))
    assert np.isnan(found["cash_over_income"])
    assert found["cash_flow_yield"] == pytest.approx(50 / 400)  # that of 2017 is still the latest known


def test_restated_prices_have_no_market_value() -> None:
    found = at(flat(restated=[True, False]), "2019-03-11", sold=short())
    assert all(np.isnan(found[name]) for name in CHARACTERISTICS if name.endswith("_yield"))
    assert found["sales_growth"] == pytest.approx(0.25)
    # A hundredth of what was paid: the turnover is that of the price, and says nothing about the count.
    divided = replace(flat(restated=[True, False]), volume=np.full((60, 2), 100.0))
    assert at(divided, "2019-03-11", sold=short())["short_share"] == pytest.approx(0.05)


@pytest.mark.parametrize(("day", "factor"), [("2019-03-08", 1.0), ("2019-03-11", 2.0)])
def test_splits_since_the_filing_multiply_the_count(day: str, factor: float) -> None:
    """One on the day of the filing is in the count filed that evening; one the session after is not."""
    panel = flat()
    split = np.ones(panel.shape)
    split[panel.sessions.get_loc(pd.Timestamp(day)), 0] = 2.0
    found = at(replace(panel, split=split), "2019-03-11", sold=short())
    assert found["earnings_yield"] == pytest.approx(30 / 400 / factor)
    # The shares sold short were counted before either; the share of them is the same only if both counts are split.
    assert found["short_share"] == pytest.approx(5 / 100 * 2 / factor)


def test_short_interest_is_the_newest_published_and_not_too_old() -> None:
    later = short(event_date=pd.Timestamp("2019-02-28"), known_at=pd.Timestamp("2019-03-12 22:00", tz="UTC"))
    both = pd.concat([later.assign(shares_short=8.0), short()])
    assert at(flat(), "2019-03-12", sold=both)["short_share"] == pytest.approx(0.05)
    assert at(flat(), "2019-03-13", sold=both)["short_share"] == pytest.approx(0.08)
    corrected = pd.concat([both, short(known_at=pd.Timestamp("2019-03-14 12:00", tz="UTC"), shares_short=50.0)])
    assert at(flat(), "2019-03-15", sold=corrected)["short_share"] == pytest.approx(0.08)
    assert np.isnan(at(flat(120), "2019-05-01", sold=both)["short_share"])
    assert at(flat(), "2019-03-12", sold=short(days_to_cover=7.0))["days_to_cover"] == 7.0


def market(sessions: int = 300, companies: int = 8) -> Panel:
    draws = np.random.default_rng(5)
    close = 20 * np.exp(np.cumsum(0.02 * draws.standard_normal((sessions, companies)), axis=0))
    close[40:44, 1] = np.nan  # a halt
    close[:200, 2] = np.nan  # young
    close[-3:, 3] = np.nan  # gone
    split = np.ones(close.shape)
    split[150, 4] = 2.0
    close[150:, 4] /= 2.0
    dividend = np.zeros(close.shape)
    dividend[200, 5] = 0.5
    return panel_from(close, split=split, dividend=dividend)


def test_price_figures_against_pandas() -> None:
    panel = market()
    rows = np.array([100, 280, 299])
    found = price_characteristics(panel, rows)
    price = pd.DataFrame(panel.close * np.cumprod(panel.split, axis=0))
    # One dividend: what the owner has is worth a constant more after its day.
    worth = price.copy()
    worth.iloc[200:, 5] *= 1 + 0.5 / price.iloc[200, 5]
    daily = np.log(worth / worth.shift(1, fill_value=np.nan))
    group = daily.mean(axis=1)
    held = price.ffill(limit=5)
    expected = {
        "price_momentum_12_1": held.shift(21) / held.shift(252) - 1,
        "nearness_to_high": price / price.rolling(252, min_periods=202).max(),
        "log_volatility_63": daily.rolling(63, min_periods=51).std(),
        "log_volatility_252": daily.rolling(252, min_periods=202).std(),
    }
    for name, table in expected.items():
        wanted = table.to_numpy()[rows]
        wanted[:1] = wanted[:1] if name == "log_volatility_63" else np.nan  # row 100 has no year behind it
        np.testing.assert_allclose(found[name], wanted, rtol=1e-9, err_msg=name)
    for row in rows[1:]:
        for company in range(panel.shape[1]):
            pair = pd.concat([daily[company], group], axis=1).iloc[row - 251 : row + 1].dropna()
            slope = np.polyfit(pair.iloc[:, 1], pair.iloc[:, 0], 1)[0] if len(pair) >= 202 else np.nan
            assert found["log_beta_252"][rows == row][0, company] == pytest.approx(slope, nan_ok=True)


def test_the_group_that_betas_refer_to_is_the_members() -> None:
    panel = market()
    member = np.zeros(panel.shape, dtype=bool)
    member[:, 0] = True
    found = price_characteristics(panel, np.array([299]), member)["log_beta_252"][0]
    assert found[0] == pytest.approx(1.0)
    assert abs(found[6]) < 0.5


def test_later_bars_and_filings_change_nothing() -> None:
    panel, sold = market(), short(company="C000", known_at=pd.Timestamp("2015-06-01", tz="UTC"))
    sold["event_date"] = pd.Timestamp("2015-05-15")
    rows = [row if row[0] == "B" else ("C000", *row[1:]) for row in FILED]
    filed = facts(*[(*row[:2], row[2].replace("2018", "2015").replace("2019", "2016"), *row[3:]) for row in rows])
    filed["event_date"] -= pd.DateOffset(years=3)
    filed["start_date"] -= pd.DateOffset(years=3)
    days = panel.sessions[[120, 200, 260]]
    whole = characteristics(panel, filed, days, short_interest=sold)
    for row, day in enumerate(days):
        known = filed[filed["known_at"] < day.tz_localize("UTC") + pd.Timedelta(hours=20)]
        cut: Characteristics = characteristics(panel.until(day), known, days[row : row + 1], short_interest=sold)
        np.testing.assert_array_equal(cut.values[0], whole.values[row])
    assert np.isfinite(whole.of("operating_profitability")[:, 0]).all()


def test_sessions_must_lie_in_the_panel() -> None:
    with pytest.raises(InputError, match="sessions: got '2018-12-31'; allowed: sessions of the panel"):
        at(flat(), "2018-12-31")


def counted(*counts: tuple[str, str, float], split: tuple[str, float] | None = None, day: str = "2019-05-20") -> float:
    """Shares of company A on a day, from (day filed, day counted, number)."""
    panel = flat(150)
    if split is not None:
        panel.split[panel.sessions.get_loc(pd.Timestamp(split[0])), 0] = split[1]
    filed = facts(*[("A", "shares_outstanding", filed, day, count) for filed, day, count in counts])
    rows = panel.sessions.get_indexer(pd.DatetimeIndex([day]))
    return float(shares_outstanding(filed, panel, rows)[0, 0])


BEFORE = ("2019-02-10", "2018-12-31", 100.0)


@pytest.mark.parametrize(("filed", "found"), [(210.0, 210.0), (105.0, 210.0)])
def test_a_split_before_the_filing_is_in_the_count_or_is_not(filed: float, found: float) -> None:
    assert counted(BEFORE, ("2019-05-07", "2019-03-31", filed), split=("2019-04-10", 2.0)) == found


def test_a_first_count_includes_the_splits_before_its_filing() -> None:
    assert counted(("2019-05-07", "2019-03-31", 210.0), split=("2019-04-10", 2.0)) == 210.0
    assert counted(BEFORE, split=("2019-04-10", 2.0)) == 200.0


def test_a_count_far_off_waits_for_a_second() -> None:
    wrong = ("2019-05-07", "2019-03-31", 2.5)
    assert counted(BEFORE, wrong) == 100.0
    assert counted(BEFORE, wrong, ("2019-05-08", "2019-03-31", 104.0)) == 104.0
    assert counted(BEFORE, wrong, ("2019-05-14", "2019-04-30", 2.6)) == 2.6
    assert counted(BEFORE, wrong, ("2019-05-14", "2019-04-30", 2.6), day="2019-05-13") == 100.0


def test_counts_in_thousands_and_millions_are_read_on_the_scale_that_is_plausible() -> None:
    first, later = ("2019-02-10", "2018-12-31"), ("2019-05-07", "2019-03-31")
    assert counted((*first, 4_000_000.0), (*later, 4_100.0)) == 4_100_000.0
    assert counted((*first, 4_000_000.0), (*later, 4_100.0), ("2019-05-14", "2019-04-30", 4_200.0)) == 4_200_000.0
    assert counted((*first, 4_000.0), (*later, 4_100_000.0)) == 4_100_000.0
    assert counted((*first, 4.0e9), (*later, 4.1e12)) == 4.1e9
    assert counted((*first, 40_000_000_000.0), (*later, 41_000_000.0)) == 41_000_000.0


def test_an_earlier_count_filed_again_changes_nothing() -> None:
    again = ("2019-05-14", "2018-12-31", 150.0)
    assert counted(BEFORE, ("2019-05-07", "2019-03-31", 104.0), again) == 104.0
