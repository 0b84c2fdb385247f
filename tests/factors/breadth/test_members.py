"""Breadth factors: equal to those of a store cut at the close, and to a plain pandas version; missing where unknown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.factors.breadth.fund import CORRECTED, SESSIONS, Fund, filled

from bullbear import sessions
from bullbear.data import Store
from bullbear.factors import compute, load
from bullbear.group.marks import marks_of, plausible
from bullbear.group.membership import fund_universe

ROOT = Path(__file__).resolve().parents[3]


def table(store: Store, instant: pd.Timestamp | None = None) -> pd.DataFrame:
    versions = store.as_of(instant).arrays("breadth", "IWM")
    return pd.DataFrame(dict(versions.numbers), index=pd.DatetimeIndex(versions.event_date.view("datetime64[us]")))


def close(day: pd.Timestamp) -> pd.Timestamp:
    return sessions.closes(pd.DatetimeIndex([day]))[0]


@pytest.mark.parametrize("row", [120, 201, 260, 330, 341, 345, 401, 421, 505, 520])
def test_a_row_is_what_the_store_cut_at_its_close_gives(
    tmp_path: Path, fund: Fund, fund_store: Store, row: int
) -> None:
    instant = close(SESSIONS[row])
    cut = filled(tmp_path / "cut", fund.until(instant))
    # To the last bit: nothing known later, a list, a bar, a correction or a name, has moved an earlier row.
    pd.testing.assert_frame_equal(table(cut), table(fund_store, instant), check_exact=True)
    specs = load([ROOT / "features" / "breadth.toml"])[0].factor
    whole = compute(fund_store.as_of(), specs, SESSIONS[: row + 1], "IWM")
    then = compute(cut.as_of(), specs, SESSIONS[: row + 1], "IWM")
    pd.testing.assert_frame_equal(whole, then, check_exact=True)


def test_corrected_bars_count_from_their_correction_on(fund: Fund, fund_store: Store, tmp_path: Path) -> None:
    first = Fund(
        {**fund.companies, "bars": fund.companies["bars"][lambda rows: rows["known_at"] != CORRECTED]}, fund.market
    )
    uncorrected, whole = table(filled(tmp_path / "first", first)), table(fund_store)
    moved = (uncorrected["average_1"] != whole["average_1"]) & uncorrected["average_1"].notna()
    assert not moved.any()  # of the corrected sessions, the figures of their own close stand
    later = (uncorrected["weighted_21"] != whole["weighted_21"]) & uncorrected["weighted_21"].notna()
    days = pd.DatetimeIndex(whole.index[later])
    assert len(days)
    assert days[0] > CORRECTED.tz_localize(None)


def test_figures_are_those_of_a_plain_version(fund: Fund, fund_store: Store) -> None:
    day = SESSIONS[310]
    universe = fund_universe(fund_store.as_of(), "IWM")
    members = universe.at(close(day))
    assert members is not None
    assert "C03.2" in members.companies or "C03" not in members.tickers
    known = fund.companies["bars"][lambda rows: rows["known_at"] <= close(day)]
    rows = known.sort_values("known_at").drop_duplicates(["series", "event_date"], keep="last")
    prices = rows.pivot_table(index="event_date", columns="series", values="close").reindex(SESSIONS[:311])
    prices["C05"] = prices["C05"].where(prices.index >= SESSIONS[200], prices["C05"] / 2.0)
    own = prices[list(members.companies)]
    daily = own.iloc[-1] / own.iloc[-2] - 1.0
    month = (own.iloc[-1] / own.iloc[-22] - 1.0).dropna()
    found = table(fund_store).loc[day]
    assert found["members"] == len(members)
    assert found["priced"] == daily.notna().sum()
    assert found["advances"] == pytest.approx((daily.dropna() > 0).mean())
    assert found["average_1"] == pytest.approx(daily.mean())
    assert found["median_21"] == pytest.approx(month.median())
    spread = (month.quantile(0.75) - month.quantile(0.25)) / 1.3489795
    assert found["dispersion_21"] == pytest.approx(spread)
    earlier = universe.at(close(SESSIONS[310 - 21]))  # what has grown weighs more by now
    assert earlier is not None
    weights = pd.Series(earlier.weights, earlier.companies).reindex(month.index).dropna()
    month = month[weights.index]
    assert found["weighted_21"] == pytest.approx((month * weights).sum() / weights.sum())  # none beyond the limit
    average, count = own.rolling(200, min_periods=1).mean().iloc[-1], own.rolling(200, min_periods=1).count().iloc[-1]
    long = own.iloc[-1].notna() & (count >= 160)
    assert found["above_200"] == pytest.approx((own.iloc[-1] > average)[long].mean())


def test_without_a_valid_list_of_holdings_factors_are_missing_not_zero(fund_store: Store) -> None:
    specs = load([ROOT / "features" / "breadth.toml"])[0].factor
    X = compute(fund_store.as_of(), specs, SESSIONS, "IWM")
    assert X.loc[:"2016-02-29"].isna().all().all()  # before the first list
    assert X.loc["2018-01-02":"2018-02-15", "members_above_50"].isna().all()  # the newest list is over 100 days old
    assert X.loc["2017-03-01":"2017-11-01", "members_above_50"].notna().mean() > 0.97


def test_a_store_without_companies_has_no_breadth(tmp_path: Path, fund: Fund) -> None:
    store = filled(tmp_path / "data", Fund({}, fund.market))
    specs = load([ROOT / "features" / "breadth.toml"])[0].factor
    assert not store.as_of().has("breadth", "IWM")
    assert compute(store.as_of(), specs, SESSIONS, "IWM").isna().all().all()


def test_too_few_prices_are_no_sample_of_the_others(tmp_path: Path, fund: Fund) -> None:
    bars = fund.companies["bars"]
    few = filled(tmp_path / "few", Fund({"bars": bars[bars["series"] < "C06"]}, fund.market))
    assert table(few)["advances"].isna().all()
    assert table(few)["priced"].max() <= 6.0


def test_an_evening_adds_rows_and_moves_none(tmp_path: Path, fund: Fund) -> None:
    store = filled(tmp_path / "data", fund.until(close(SESSIONS[400])))
    before = table(store)
    rest = fund.until(close(SESSIONS[401]))
    for append, frames in ((store.append_all, rest.market), (store.companies.append_all, rest.companies)):
        append({kind: rows for kind, rows in frames.items() if len(rows)})
    after = table(store)
    assert len(after) == len(before) + 1
    pd.testing.assert_frame_equal(after.iloc[:-1], before, check_exact=True)


def test_marks_do_not_depend_on_the_stretch_or_the_other_companies(fund_store: Store) -> None:
    panel = fund_store.as_of().companies.panel()
    whole = marks_of(panel)
    part = panel.take(["C00", "C05", "C07"]).since(SESSIONS[100])
    alone = marks_of(part, 256)
    columns = [panel.companies.index(name) for name in part.companies]
    for name in ("growth_63", "above_200", "high", "rising_volume"):
        np.testing.assert_array_equal(getattr(whole, name)[356:, columns], getattr(alone, name))


def test_a_split_is_no_fall_and_a_misprint_no_high(fund_store: Store) -> None:
    panel = fund_store.as_of().companies.panel()
    marks = marks_of(panel)
    split, wrong = panel.companies.index("C05"), panel.companies.index("C07")
    assert abs(marks.growth_1[200, split]) < 0.1
    assert np.isnan(marks.growth_1[320, wrong])
    assert np.nanmax(np.abs(marks.growth_21[:, wrong])) < 1.0
    assert not np.isnan(plausible(panel.close, panel.split)[200, split])
