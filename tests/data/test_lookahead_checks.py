"""What cannot have been known, by the calendar."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bullbear.data.lookahead_checks import day_begins, earliest_known_at, settled_at, too_early
from bullbear.data.publication import RULES, observations_known_at, rule_of

YORK = "America/New_York"


@pytest.mark.parametrize(
    ("series", "event_date", "expected"),
    [
        ("GDPC1", "2019-10-01", "2019-12-31 16:00"),
        ("PAYEMS", "2019-11-01", "2019-11-29 16:00"),  # the month ends on a Saturday
        ("PAYEMS", "2019-10-01", "2019-10-31 16:00"),
        ("ICSA", "2019-12-14", "2019-12-14 00:00"),  # a week to Saturday
        ("NFCI", "2019-12-13", "2019-12-13 16:00"),
        ("DGS10", "2019-12-12", "2019-12-12 16:00"),
        ("DGS10", "2019-12-25", "2019-12-25 00:00"),  # a holiday
        ("MORTGAGE30US", "2019-12-12", "2019-12-12 00:00"),
        ("UMCSENT", "2019-12-01", "2019-12-01 00:00"),
        ("GACDFSA066MSFRBPHI", "2019-12-01", "2019-12-01 00:00"),
    ],
)
def test_literal_bounds(series: str, event_date: str, expected: str) -> None:
    bound = earliest_known_at(RULES[series], pd.DatetimeIndex([event_date]))
    assert bound.tz_convert(YORK).strftime("%Y-%m-%d %H:%M").tolist() == [expected]


def test_no_rule_of_publication_is_too_early() -> None:
    for series, rule in RULES.items():
        frequency = {"day": "B", "week": "W-FRI", "month": "MS", "quarter": "QS"}[rule.period]
        days = pd.date_range("2012-01-01", "2019-12-01", freq=frequency)
        known_at = observations_known_at(series, days)
        assert not too_early(rule, days, pd.Series(known_at)).any(), series
        assert (earliest_known_at(rule, days) >= day_begins(days)).all(), series


def test_the_fast_judgement_is_the_plain_one() -> None:
    rng = np.random.default_rng(0)
    for frequency in ("B", "W-FRI", "MS", "QS", "YS"):
        days = pd.date_range("1970-01-01", "2019-12-01", freq=frequency)
        days = days[rng.integers(0, len(days), 2000)].sort_values()
        for rule in (RULES["DGS10"], RULES["PAYEMS"], RULES["GDP"], rule_of("X", days.unique())):
            bound = earliest_known_at(rule, days)
            # Around the bound, to the minute and to the day.
            for unit in ("min", "D"):
                known_at = bound + pd.to_timedelta(rng.integers(-3, 4, len(days)), unit=unit)
                plain = np.asarray(known_at < bound)
                np.testing.assert_array_equal(too_early(rule, days, pd.Series(known_at)), plain)
                assert 0.3 < plain.mean() < 0.6


def test_short_interest_waits_for_its_settlement() -> None:
    assert str(settled_at(pd.DatetimeIndex(["2019-12-13"])).tz_convert(YORK)[0]) == "2019-12-13 16:00:00-05:00"
