"""Parts of a skill against plain sums, and what is left without the best year."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.errors import InputError
from bullbear.evaluate.breakdown import breakdown, terciles
from bullbear.evaluate.scores import brier_skill, log_loss_skill
from bullbear.evaluate.summary import evaluate

HORIZON = 5


@pytest.fixture(scope="module")
def made(market) -> Predictions:
    found = market(1000, np.random.default_rng(4), 0.08, HORIZON)
    days = pd.bdate_range("2010-01-04 21:00", periods=1000 + HORIZON, tz="UTC")
    return Predictions.of(
        decided_at=days[:-HORIZON], resolved_at=days[HORIZON:], asset="IWM", horizon=HORIZON,
        p=found.truth, climatology=found.climatology, y=found.y,
    )  # fmt: skip


def test_every_part_is_scored_like_a_sample_of_its_own(made):
    table = made.table
    days = pd.DatetimeIndex(table["decided_at"])
    state = pd.Series(np.where(np.arange(1000) % 7 < 3, "calm", "wild"), days)
    found = breakdown(made, {"regime": state}, resamples=200)
    parts = {
        **{("year", str(year)): days.year == year for year in (2010, 2011, 2012, 2013)},
        ("half", "first"): np.arange(1000) < 500,
        ("half", "second"): np.arange(1000) >= 500,
        ("regime", "calm"): (state == "calm").to_numpy(),
        ("regime", "wild"): (state == "wild").to_numpy(),
    }
    assert {(name, part.label) for name in ("year", "half", "regime") for part in found[name]} == set(parts)
    for (name, label), inside in parts.items():
        (part,) = [each for each in found[name] if each.label == label]
        y, p, c = (table.loc[inside, column].to_numpy() for column in ("y", "p", "climatology"))
        assert part.n == inside.sum()
        assert part.bss == pytest.approx(brier_skill(y, p, c), rel=1e-9)
        assert part.log_loss_skill == pytest.approx(log_loss_skill(y, p, c), rel=1e-9)
        assert part.bss_low < part.bss < part.bss_high


def test_a_part_that_is_everything_has_the_interval_of_the_whole(made):
    whole = evaluate(made, resamples=300)
    (part,) = breakdown(made, {"all": pd.Series("day", made.table["decided_at"])}, resamples=300)["all"]
    assert (part.bss, part.bss_low, part.bss_high) == pytest.approx((whole.bss, whole.bss_low, whole.bss_high))


def test_the_best_year_is_the_one_with_the_largest_sum_of_gains(made):
    table = made.table
    year = table["decided_at"].dt.year
    gain = (table["climatology"] - table["y"]) ** 2 - (table["p"] - table["y"]) ** 2
    best = gain.groupby(year).sum().idxmax()
    (rest,) = breakdown(made, resamples=100)["without_best_year"]
    kept = table[year != best]
    assert rest.label == str(best)
    assert rest.n == len(kept)
    assert rest.bss == pytest.approx(brier_skill(kept["y"], kept["p"], kept["climatology"]))
    assert rest.bss < brier_skill(table["y"], table["p"], table["climatology"])


def test_numbers_are_cut_into_terciles_and_unknown_states_left_out(made):
    days = made.table["decided_at"]
    width = pd.Series(np.arange(1000.0), days)
    width.iloc[:100] = np.nan
    found = breakdown(made, {"width": width, "none": pd.Series(np.nan, days[:0])}, resamples=100)
    assert [(part.label, part.n) for part in found["width"]] == [("low", 300), ("middle", 300), ("high", 300)]
    assert found["none"] == ()


def test_a_year_of_few_days_has_an_interval_or_says_that_it_has_none(made):
    few = made.where((made.table["decided_at"] < pd.Timestamp("2013-01-10", tz="UTC")).to_numpy())
    last = breakdown(few, resamples=200)["year"][-1]
    assert (last.label, last.n) == ("2013", 7)
    assert np.isnan(last.bss_low) or last.bss_low <= last.bss <= last.bss_high


def test_terciles_of_equal_values_are_one():
    assert terciles([2.0, 2.0, 2.0]).tolist() == ["low"] * 3
    with pytest.raises(InputError, match=r"x: got 'shape \(1, 1\)'; allowed: a one-dimensional array"):
        terciles([[1.0]])
