"""Rules of publication against dates that were printed, and against the real-time vintages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bullbear import sessions
from bullbear.data import publication
from bullbear.data.publication import RULES, observations_known_at, rule_of, short_interest_known_at
from bullbear.errors import InputError

YORK = "America/New_York"


def known(series: str, *event_dates: str) -> list[str]:
    instants = observations_known_at(series, pd.DatetimeIndex(event_dates).as_unit("us"))
    assert str(instants.dtype) == "datetime64[us, UTC]"
    return instants.tz_convert(YORK).strftime("%Y-%m-%d %H:%M").tolist()


@pytest.mark.parametrize(
    ("series", "event_date", "expected"),
    [
        ("DGS10", "2019-12-24", "2019-12-26 16:15"),  # Christmas between
        ("DGS10", "2019-10-11", "2019-10-15 16:15"),  # Columbus Day: stocks traded, H.15 was not posted
        ("T10Y2Y", "2019-07-05", "2019-07-08 16:15"),
        ("VIXCLS", "2019-12-31", "2020-01-02 09:30"),
        ("CBOE_VIX6M", "2019-12-24", "2019-12-26 09:30"),
        ("CBOE_VIX1Y", "2019-12-30", "2019-12-31 09:30"),
        ("CBOE_RVX", "2019-12-30", "2019-12-31 09:30"),
        ("CBOE_PC_EQUITY", "2019-12-27", "2019-12-30 09:30"),
        ("VX_M1", "2019-12-31", "2020-01-02 09:30"),
        ("AAII_BULLISH", "2019-12-19", "2019-12-20 09:30"),  # printed early that Thursday
        ("AAII_BEARISH", "2019-07-03", "2019-07-05 09:30"),  # dated Wednesday before a holiday
        ("NAAIM", "2019-12-18", "2019-12-20 18:00"),  # printed on Thursday
        ("NAAIM", "2014-03-18", "2014-03-20 18:00"),  # dated Tuesday, printed on Thursday
        ("ICSA", "2019-12-14", "2019-12-19 08:30"),
        ("CCSA", "2019-12-07", "2019-12-19 08:30"),
        ("NFCI", "2019-12-13", "2019-12-18 08:30"),
        ("NFCI", "2019-05-24", "2019-05-30 08:30"),  # Memorial Day: Thursday
        ("NFCI", "2008-10-10", "2011-06-01 08:30"),  # the index did not exist
        ("WALCL", "2019-12-18", "2019-12-19 16:30"),
        ("PAYEMS", "2019-11-01", "2019-12-11 08:30"),  # printed on 2019-12-06
        ("CPIAUCSL", "2005-01-01", "2005-02-24 08:30"),  # printed on 2005-02-23, the latest day of all
        ("INDPRO", "2019-11-01", "2019-12-18 09:15"),  # printed on 2019-12-17
        ("RSXFS", "2018-12-01", "2019-03-19 08:30"),  # printed on 2019-02-14, after the shutdown
        ("HOUST", "2013-09-01", "2014-01-06 08:30"),  # printed on 2013-12-18 only, after the shutdown
        ("GDPC1", "2019-07-01", "2019-11-04 08:30"),  # printed on 2019-10-30
        ("GACDISA066MSFRBNY", "2019-12-01", "2019-12-23 08:30"),  # printed on 2019-12-16
        ("GACDFSA066MSFRBPHI", "2019-12-01", "2019-12-23 10:00"),  # printed on 2019-12-19
        ("NAPM", "2016-04-01", "2016-05-04 10:00"),  # printed on 2016-05-02
        ("USREC", "2007-12-01", "2009-12-30 16:15"),  # the peak was announced on 2008-12-01
    ],
)
def test_literal_releases(series: str, event_date: str, expected: str) -> None:
    assert known(series, event_date)[0] == expected


def test_every_trough_and_peak_was_announced_before_the_rule_says() -> None:
    announced = {"1990-07": "1991-04-25", "1991-03": "1992-12-22", "2001-03": "2001-11-26", "2001-11": "2003-07-17"}
    announced |= {"2007-12": "2008-12-01", "2009-06": "2010-09-20", "2020-02": "2020-06-08", "2020-04": "2021-07-19"}
    for month, day in announced.items():
        assert known("USREC", f"{month}-01")[0] > day


@pytest.mark.parametrize(
    ("settlement", "public"),
    [
        ("2025-11-14", "2025-11-25"),
        ("2025-12-15", "2025-12-24"),
        ("2025-12-31", "2026-01-12"),
        ("2026-01-15", "2026-01-27"),
        ("2019-11-29", "2019-12-11"),  # T+2: the 8th session
        ("2024-05-15", "2024-05-28"),
    ],
)
def test_short_interest_calendar(settlement: str, public: str) -> None:
    instant = short_interest_known_at(pd.DatetimeIndex([settlement]))[0].tz_convert(YORK)
    assert str(instant.date()) == public
    assert instant.hour == 18


def test_nothing_but_a_bar_is_known_by_rule_at_a_close() -> None:
    days = sessions.between("2015-01-01", "2020-12-31")
    closes = set(sessions.closes(days))
    starts = {"day": days, "week": pd.date_range("2015-01-02", "2020-11-30", freq="D")}
    starts |= {"month": pd.date_range("2015-01-01", "2020-06-01", freq="MS")}
    starts |= {"quarter": pd.date_range("2015-01-01", "2020-06-01", freq="QS"), "year": starts["month"]}
    rules = RULES | {f"no rule, {period}": rule for period, rule in publication._DEFAULTS.items()}
    assert {rule.period for rule in rules.values()} == set(starts)
    instants = {name: observations_known_at(name, starts[rule.period], rule) for name, rule in rules.items()}
    instants |= {
        "holdings": publication.holdings_known_at(days),
        "short interest": short_interest_known_at(days[:-20]),
        "short volume": publication.short_volume_known_at(days),
        "dividends": publication.dividends_known_at(days),
        "vintages": publication.vintages_known_at(days),
        "^VIX": publication.bars_known_at("^VIX", days),
    }
    assert [name for name, known_at in instants.items() if not closes.isdisjoint(known_at)] == []


def test_short_interest_of_a_half_day_is_known_after_the_close() -> None:
    # The 7th session after 2025-12-15 is Christmas Eve, which closes at 13:00.
    known_at = short_interest_known_at(pd.DatetimeIndex(["2025-12-15"]))[0]
    assert known_at > publication.bars_known_at("IWM", pd.DatetimeIndex(["2025-12-24"]))[0]
    assert known_at < publication.bars_known_at("IWM", pd.DatetimeIndex(["2025-12-26"]))[0]


def test_bars_at_early_closes() -> None:
    days = pd.DatetimeIndex(["2019-12-24", "2019-12-26"])
    assert publication.bars_known_at("IWM", days).strftime("%H:%M").tolist() == ["18:00", "21:00"]
    assert publication.bars_known_at("^VIX", days).strftime("%H:%M").tolist() == ["18:15", "21:15"]
    with pytest.raises(InputError, match="session: got '2019-12-25'"):
        publication.bars_known_at("IWM", pd.DatetimeIndex(["2019-12-25"]))


@pytest.mark.parametrize(
    ("frequency", "period"), [("B", "day"), ("W-FRI", "week"), ("MS", "month"), ("QS", "quarter"), ("YS", "year")]
)
def test_an_unknown_series_is_judged_by_its_spacing(frequency: str, period: str) -> None:
    days = pd.date_range("2010-01-01", periods=12, freq=frequency)
    assert rule_of("SOMETHING", days).period == period


def test_one_lonely_observation_waits_like_a_quarter() -> None:
    assert rule_of("SOMETHING", pd.DatetimeIndex(["2010-01-01"])).period == "quarter"


def test_the_unknown_wait_longer_than_any_known_series_of_their_frequency() -> None:
    special = {"USREC"}
    days = pd.DatetimeIndex(["2015-01-01"])
    for series, rule in RULES.items():
        if series in special or rule.first_published or rule.period in ("day",):
            continue
        index = pd.date_range(
            "2015-01-02", periods=5, freq={"week": "W-FRI", "month": "MS", "quarter": "QS"}[rule.period]
        )
        assert (observations_known_at("SOMETHING", index) >= observations_known_at(series, index)).all(), series
    assert rule_of("DGS10", days).period == "day"


def test_every_rule_has_its_source_and_a_limit_of_age() -> None:
    for series, rule in RULES.items():
        assert len(rule.source) > 20, series
        # At the moment before the next release the last value must not look stale.
        step = {"day": 1, "week": 7, "month": 31, "quarter": 92}[rule.period]
        if rule.first_published:
            continue
        start = pd.date_range(
            "2014-01-01", "2018-06-01", freq={"day": "B", "week": "7D", "month": "MS", "quarter": "QS"}[rule.period]
        )
        arrives = observations_known_at(series, start).tz_localize(None)
        age = (arrives[1:] - start[:-1]).days
        assert age.max() <= rule.max_age_days, series
        assert rule.max_age_days >= step


def test_known_at_never_goes_back_over_the_years() -> None:
    months = pd.date_range("1990-01-01", "2019-12-01", freq="MS")
    for series in ("PAYEMS", "HOUST", "GACDISA066MSFRBNY", "PCEPILFE"):
        instants = observations_known_at(series, months)
        pushed = np.diff(instants.asi8) < 0
        assert pushed.sum() <= 12, series  # only releases that a shutdown delayed may be overtaken


# First prints in the vintages, and the events that a rule calls known before the vintage that first holds them.
FIRST_PRINTS = {
    "CLAIMSx": 245, "CPIAUCSL": 245, "EMPLOY": 420, "HOUST": 245, "INDPRO": 245, "PAYEMS": 245, "ROUTPUT": 140,
    "UMCSENT": 245, "UNRATE": 245,
}  # fmt: skip
# Michigan published them in time; the source's files of 2015 leave the series out.
LEFT_OUT = {"UMCSENT": pd.period_range("2014-12", "2015-10", freq="M")}


@pytest.mark.parametrize("series", FIRST_PRINTS)
def test_a_value_stands_in_the_vintage_of_the_month_in_which_it_is_said_to_be_known(
    snapshot_dir: Path, series: str
) -> None:
    rows = pd.read_csv(snapshot_dir / "vintages" / f"{series}.csv", parse_dates=["vintage", "date"])
    newest = rows.groupby("vintage")["date"].max()
    first = rows.groupby("date")["vintage"].min()
    first = first[first.index >= newest.iloc[0]]
    instants = observations_known_at(series, pd.DatetimeIndex(first.index)).tz_convert(YORK).tz_localize(None)
    # Real output has a vintage a quarter; that of February 1996 lacks the quarter that a shutdown delayed.
    label = "Q" if series == "ROUTPUT" else "M"
    early = instants.to_period(label) < pd.DatetimeIndex(first).to_period(label)
    assert len(first) == FIRST_PRINTS[series]
    assert first.index[early].to_period("M").tolist() == list(LEFT_OUT.get(series, []))


@pytest.mark.parametrize(
    ("series", "month", "vintage"),
    [
        ("PAYEMS", "2013-09-01", "2013-10-31"),  # printed on 2013-10-22, after the shutdown
        ("HOUST", "2013-09-01", "2013-12-31"),
        ("HOUST", "2018-12-01", "2019-02-28"),
        ("EMPLOY", "1995-12-01", "1996-01-20"),  # printed on 1996-01-19, after the shutdown
    ],
)
def test_months_whose_release_a_shutdown_delayed(snapshot_dir: Path, series: str, month: str, vintage: str) -> None:
    rows = pd.read_csv(snapshot_dir / "vintages" / f"{series}.csv", parse_dates=["vintage", "date"])
    assert str(rows["vintage"][rows["date"] == month].min().date()) == vintage
    assert known(series, month)[0] > vintage[:7]


@pytest.mark.parametrize(("series", "printed"), [("AAII_BULLISH", "09:30"), ("NAAIM", "16:00")])
def test_a_survey_is_served_after_the_thursday_of_its_week(snapshot_dir: Path, series: str, printed: str) -> None:
    days = pd.DatetimeIndex(pd.read_csv(snapshot_dir / "macro" / f"{series}.csv", parse_dates=["date"])["date"])
    local = observations_known_at(series, days).tz_convert(YORK).tz_localize(None)
    thursday = days - pd.to_timedelta(days.day_of_week - 3, unit="D")
    assert (local >= thursday + pd.Timedelta(f"{printed}:00")).all()
    assert (local > days + pd.Timedelta(hours=16)).all()  # never at the close of its own day
    assert (local - days).max() < pd.Timedelta(days=6)
