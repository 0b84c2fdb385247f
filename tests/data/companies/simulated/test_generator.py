"""The rows of a simulated index: reproducible, point in time, and consistent with each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear.data.companies.simulated.generator import Block
from bullbear.data.simulator import Simulation, simulate
from bullbear.errors import InputError
from bullbear.sessions import days, opens


def first_block(**arguments: int) -> Block:
    companies = simulate(seed=4, signal=1.0, **arguments).companies
    assert companies is not None
    return next(companies.blocks())


def test_the_same_arguments_give_the_same_rows(simulation: Simulation, block: Block) -> None:
    again = first_block(years=4, companies=30)
    for kind, frame in block.frames.items():
        pd.testing.assert_frame_equal(again.frames[kind], frame, check_exact=True)
    pd.testing.assert_frame_equal(again.truth.expected, block.truth.expected, check_exact=True)
    pd.testing.assert_frame_equal(again.truth.misprints, block.truth.misprints, check_exact=True)


def test_a_larger_market_has_the_companies_of_a_smaller_one(block: Block) -> None:
    larger = first_block(years=4, companies=45)
    assert set(block.truth.expected) < set(larger.truth.expected)
    for kind, frame in block.frames.items():
        rows = larger.frames[kind]
        same = rows[rows["series"].isin(block.truth.expected.columns)].reset_index(drop=True)
        pd.testing.assert_frame_equal(same, frame, check_exact=True)


def test_a_shorter_market_is_the_beginning_of_a_longer_one(block: Block) -> None:
    shorter = first_block(years=3, companies=30)
    end = pd.Timestamp("2002-11-15", tz="UTC")
    for kind in ("bars", "splits", "dividends", "facts", "short_interest", "listings"):
        short, long = (each.frames[kind] for each in (shorter, block))
        short, long = (rows[rows["known_at"] < end].reset_index(drop=True) for rows in (short, long))
        assert len(short) > 0
        pd.testing.assert_frame_equal(short, long, check_exact=True)


def test_the_series_of_the_index_do_not_depend_on_its_companies(simulation: Simulation) -> None:
    alone = simulate(seed=4, signal=1.0, years=4)
    assert alone.companies is None
    assert list(alone.frames) == list(simulation.frames)
    for name, frame in alone.frames.items():
        pd.testing.assert_frame_equal(simulation.frames[name], frame, check_exact=True)
    pd.testing.assert_frame_equal(simulation.truth, alone.truth, check_exact=True)


def test_rows_are_sorted_and_unique(block: Block) -> None:
    for kind, frame in block.frames.items():
        keys = ["series", "known_at", "event_date"]
        ordered = frame.sort_values(keys, kind="stable", ignore_index=True)
        pd.testing.assert_frame_equal(ordered[keys], frame[keys])
        extra = ["concept", "start_date", "unit"] if kind == "facts" else []
        assert not frame.duplicated([*keys, *extra]).any()


def test_nothing_is_known_before_it_happened(block: Block) -> None:
    frames = block.frames
    for kind in ("bars", "facts", "short_interest"):
        assert (days(pd.DatetimeIndex(frames[kind]["known_at"])) >= frames[kind]["event_date"]).all()
    for kind in ("splits", "dividends"):
        event = pd.DatetimeIndex(frames[kind]["event_date"])
        assert (pd.DatetimeIndex(frames[kind]["known_at"]) == opens(event)).all()


def test_bars_lie_within_a_life_and_in_order(block: Block) -> None:
    bars = block.frames["bars"]
    wrong = block.truth.misprints
    assert (bars["low"] <= bars[["open", "close"]].min(axis=1)).all()
    assert (bars["high"] >= bars[["open", "close"]].max(axis=1)).all()
    assert (bars["volume"] > 0).all()
    assert (bars["close"] > 0).sum() >= len(bars) - len(wrong)
    listed = block.frames["listings"].groupby("series")["event_date"].min()
    assert (bars.groupby("series")["event_date"].min() == listed).all()


def test_deaths_have_a_last_bar_and_a_row_that_says_so(block: Block) -> None:
    listings, bars = block.frames["listings"], block.frames["bars"]
    gone = listings[listings["status"] == "delisted"].set_index("series")["event_date"]
    last = bars.groupby("series")["event_date"].max()
    assert len(gone) >= 3
    assert (last[gone.index] < gone).all()
    assert ((gone - last[gone.index]).dt.days <= 4).all()
    assert (last.drop(gone.index) >= pd.Timestamp("2003-12-31")).all()
    births = listings.drop_duplicates("series").set_index("series")["event_date"]
    assert (births > pd.Timestamp("2000-01-03")).any()


def test_facts_are_filed_late_and_the_years_add_up(block: Block) -> None:
    facts = block.frames["facts"]
    lag = (days(pd.DatetimeIndex(facts["known_at"])) - pd.DatetimeIndex(facts["event_date"])).days
    lag = pd.Series(lag, index=facts.index)
    quarterly, yearly, amended = (facts["form"] == form for form in ("10-Q", "10-K", "10-K/A"))
    assert lag[quarterly].between(25, 48).all()
    assert lag[yearly].between(45, 93).all()
    assert (lag[amended] > 100).all()
    assert amended.any()
    sales = facts[(facts["concept"] == "revenue") & quarterly]
    months = ((sales["event_date"] - sales["start_date"]).dt.days / 30.4).round().astype(int)
    table = sales.assign(months=months).pivot_table(index=["series", "event_date"], columns="months", values="value")
    half = table.dropna(subset=[6])
    before = half.index.set_levels(half.index.levels[1] - pd.offsets.QuarterEnd(1), level=1)
    earlier = table[3].reindex(before).to_numpy()
    known = np.isfinite(earlier)
    assert known.sum() > 20
    np.testing.assert_allclose(half[6].to_numpy()[known], (half[3].to_numpy() + earlier)[known], atol=2000)


def test_an_amended_report_changes_values_of_the_same_period(block: Block) -> None:
    facts = block.frames["facts"]
    keys = ["series", "concept", "event_date", "start_date", "unit"]
    amended = facts[facts["form"] == "10-K/A"]
    first = facts[facts["form"] == "10-K"].merge(amended, on=keys, suffixes=("", "_again"))
    assert len(first) == len(amended)
    assert (first["known_at_again"] > first["known_at"]).all()
    assert (first["value_again"] != first["value"]).mean() > 0.9


def test_companies_file_only_while_they_are_listed(block: Block) -> None:
    facts, bars = block.frames["facts"], block.frames["bars"].groupby("series")["event_date"]
    filed = days(pd.DatetimeIndex(facts["known_at"]))
    assert (filed > bars.min().reindex(facts["series"]).to_numpy()).all()
    assert (filed <= bars.max().reindex(facts["series"]).to_numpy()).all()


def test_every_list_of_holdings_sums_to_a_hundred(simulation: Simulation, block: Block) -> None:
    assert simulation.companies is not None
    lists = simulation.companies.holdings([block.candidates])
    by_day = lists.groupby("as_of")
    np.testing.assert_allclose(by_day["weight"].sum(), 100.0, atol=1e-9)
    assert not lists.duplicated(["as_of", "ticker"]).any()
    names = by_day["ticker"].agg(set)
    # 80 % of 30 places in June, fewer from then on: nobody joins in between.
    assert len(names[pd.Timestamp("2001-06-29")]) == 24
    for day, before in zip(names.index[1:], names.index[:-1], strict=True):
        if day.month != 6:
            renamed = len(names[day] - names[before])
            assert renamed <= 1
            assert len(names[day]) <= len(names[before])
    close = (
        block.frames["bars"].drop_duplicates(["series", "event_date"], keep="last").set_index(["series", "event_date"])
    )
    one = lists[lists["as_of"] == pd.Timestamp("2000-06-30")].iloc[0]
    assert one["market_value"] == pytest.approx(one["shares"] * close.loc[(one["ticker"], one["as_of"]), "close"])


@pytest.mark.parametrize("companies", [-1, 2501, 1.5, True])
def test_a_wrong_number_of_companies_is_refused(companies: object) -> None:
    with pytest.raises(InputError, match="companies: got"):
        simulate(companies=companies)  # type: ignore[arg-type]
