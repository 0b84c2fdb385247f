"""Publication rules: the `known_at` of a value by its `event_date`.

Rules err on the late side: a value a week late costs a little, a day early is look-ahead. Rules of macro series count
from the end of the period (FRED dates a period by its start). Where history is re-estimated on later data,
`first_published` says when values first existed. A series without a rule gets a long lag by its frequency.

Times are New York's. A decision falls at the close (16:00, or 13:00 on a half day), so a value of 16:15 serves the next
one. Only a bar is known at the close itself; what is published after it, or at an unknown hour, is known that evening.
The earliest possible instant of a value is in `lookahead_checks`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd
from pandas.tseries.holiday import USFederalHolidayCalendar

from bullbear import sessions
from bullbear.errors import InputError
from bullbear.sessions import NEW_YORK

Period = Literal["day", "week", "month", "quarter", "year"]

_LENGTH = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
# Days that a release may be overdue before its last value is stale: about one missed release.
_GRACE = {"day": 7, "week": 10, "month": 40, "quarter": 100, "year": 400}

# Index options trade and are quoted until 16:15, so the day's last value is not known at the equity close.
CBOE_INDICES = frozenset(
    {"^VIX", "^VIX9D", "^VIX3M", "^VIX6M", "^VIX1Y", "^VVIX", "^SKEW", "^RVX", "^VXN", "^OVX", "^GVZ"}
)

AAII = ("AAII_BULLISH", "AAII_NEUTRAL", "AAII_BEARISH")
PUT_CALL = ("CBOE_PC_TOTAL", "CBOE_PC_EQUITY", "CBOE_PC_INDEX")
VIX_FUTURES = ("VX_M1", "VX_M2")

SNAPSHOT_ONLY = frozenset(
    {*AAII, "NAAIM", *VIX_FUTURES, "FINRA_MARGIN_DEBT", "CLAIMSx", "EMPLOY", "ROUTPUT"}
    | {"NAPM", "NAPMEI", "NAPMII", "NAPMNOI", "NAPMPI", "NAPMPRI", "NAPMSDI"}
)
"""Series that no live provider brings: they have no free file that a program may fetch, or were withdrawn."""

EVENING = "18:00"  # after every close


@dataclass(frozen=True)
class Rule:
    """Known `calendar_days` after the period's end, rolled to a business day, `business_days` further, at `time`.

    Attributes
    ----------
    agency
        Whose releases a government shutdown delays.
    revised
        Whether later values differ from the first print.
    from_start
        Count from the period's start (surveys published within their month).
    first_published
        The first day on which the series existed.
    within_period
        Whether a value may appear before its period ends.
    """

    period: Period
    calendar_days: int
    business_days: int
    time: str
    source: str
    agency: str = ""
    revised: bool = False
    from_start: bool = False
    first_published: str = ""
    within_period: bool = False

    @property
    def max_age_days(self) -> int:
        """Days after `event_date` from which the last value is stale, about one release missed."""
        period = _LENGTH[self.period]
        described = 0 if self.from_start or self.period in ("day", "week") else period
        business = self.business_days * 7 // 5 + 2 if self.business_days else 0
        return described + self.calendar_days + business + period + _GRACE[self.period]


def _h15(business_days: int = 1) -> Rule:
    return Rule("day", 0, business_days, "16:15", "Federal Reserve H.15: posted the next business day about 16:15")


def _payrolls(days: int, source: str) -> Rule:
    return Rule("month", days, 0, "08:30", source, agency="BLS", revised=True)


_ISM = Rule(
    "month", 0, 3, "10:00", "ISM Report on Business: 10:00 on the first business day after the month; two spare"
)
_MONTHLY_YIELD = Rule(
    "month", 0, 3, "16:15", "Federal Reserve H.15 monthly averages: first business days after the month"
)
_CBOE = Rule("day", 0, 1, "09:30", "Cboe: disseminated to 16:15, history file that evening; served the next session")
_AAII = Rule(
    "week",
    0,
    1,
    "09:30",
    "AAII: polled to Wednesday 23:59, published early on the Thursday of its date; a business day spare, since some "
    "weeks are dated Wednesday",
    within_period=True,
)
_NAAIM = Rule(
    "week",
    0,
    2,
    EVENING,
    "NAAIM: exposure at Wednesday's close, published on Thursday at no stated hour; a business day spare, since some "
    "weeks are dated Tuesday; recalculated since 2006 when its method was corrected",
    revised=True,
)
_PUT_CALL = Rule(
    "day", 0, 1, "09:30", "Cboe daily market statistics: volumes to 16:15, file that evening; served the next session"
)
_VIX_FUTURE = Rule(
    "day", 0, 1, "09:30", "Cboe Futures Exchange: settled at or after the close of stocks; served the next session"
)
_SURVEY = "second or third week of the month that it describes; seasonal factors revised each January"
_EMPIRE = Rule("month", 20, 0, "08:30", f"New York Fed Empire State survey: {_SURVEY}", revised=True, from_start=True)
_PHILLY = Rule(
    "month", 22, 0, "10:00", f"Philadelphia Fed survey, third Thursday: {_SURVEY}", revised=True, from_start=True
)
_NFCI = Rule(
    "week",
    0,
    3,
    "08:30",
    "Chicago Fed: Wednesday 08:30 after the Friday described, Thursday in holiday weeks; re-estimated every week; "
    "published since spring 2011 (Brave and Butters 2011)",
    revised=True,
    first_published="2011-06-01",
)
_GDP = Rule("quarter", 33, 0, "08:30", "BEA advance estimate: about 30 days after the quarter", "BEA", revised=True)
_HOUSING = Rule(
    "month", 23, 0, "08:30", "Census New Residential Construction: 16th to 21st of next month", "Census", True
)
_CPI = Rule("month", 24, 0, "08:30", "BLS: 10th to 23rd of next month (latest for January)", "BLS", revised=True)
_MICHIGAN = Rule(
    "month",
    35,
    0,
    "10:00",
    "University of Michigan: final in the month's last weeks, on FRED one month later by contract",
    within_period=True,
)
_MOODYS = Rule("day", 0, 2, "16:15", "Moody's yield less the H.15 Treasury yield: next business day; one spare")

RULES: dict[str, Rule] = {
    **dict.fromkeys(("DGS3MO", "DGS1", "DGS2", "DGS5", "DGS10", "DGS30", "DFII10"), _h15()),
    **dict.fromkeys(("T10Y2Y", "T10Y3M", "T10YIE"), _h15()),
    **dict.fromkeys(("AAA10Y", "BAA10Y"), _MOODYS),
    "DFF": _h15(2),
    "BAMLH0A0HYM2": Rule("day", 0, 1, "16:15", "ICE BofA index: on FRED the next morning"),
    **dict.fromkeys(("VIXCLS", "CBOE_VIX3M", "CBOE_VIX6M", "CBOE_VIX1Y", "CBOE_RVX", "CBOE_SKEW"), _CBOE),
    **dict.fromkeys(PUT_CALL, _PUT_CALL),
    **dict.fromkeys(VIX_FUTURES, _VIX_FUTURE),
    **dict.fromkeys(AAII, _AAII),
    "NAAIM": _NAAIM,
    "DCOILWTICO": Rule("day", 8, 1, "16:15", "EIA spot prices: Wednesdays, through the Monday before"),
    "DTWEXBGS": Rule("day", 7, 1, "16:15", "Federal Reserve H.10: Mondays 16:15 for the week to Friday", revised=True),
    "ICSA": Rule("week", 5, 0, "08:30", "DOL: Thursday 08:30 after the week ending Saturday", revised=True),
    "CCSA": Rule("week", 12, 0, "08:30", "DOL: Thursday 08:30, one week after initial claims", revised=True),
    **dict.fromkeys(("NFCI", "ANFCI"), _NFCI),
    "STLFSI4": Rule(
        "week",
        0,
        5,
        "11:00",
        "St. Louis Fed: the week after the Friday described; version 4 (history re-estimated) since November 2022",
        revised=True,
        first_published="2022-11-18",
    ),
    "MORTGAGE30US": Rule(
        "week", 0, 0, "16:15", "Freddie Mac survey: Thursday noon, the day of its date", within_period=True
    ),
    "WALCL": Rule("week", 0, 1, "16:30", "Federal Reserve H.4.1: Thursday 16:30 for Wednesday's level"),
    "PAYEMS": _payrolls(11, "BLS Employment Situation: 1st to 10th of next month"),
    "UNRATE": _payrolls(11, "BLS Employment Situation: 1st to 10th of next month"),
    "SAHMREALTIME": _payrolls(12, "from the unemployment rate as first published; named in 2019"),
    **dict.fromkeys(("CPIAUCSL", "CPILFESL"), _CPI),
    "INDPRO": Rule("month", 18, 0, "09:15", "Federal Reserve G.17: 14th to 17th of next month", "G17", revised=True),
    **dict.fromkeys(("UMCSENT", "MICH"), _MICHIGAN),
    "JTSJOL": Rule("month", 50, 0, "10:00", "BLS JOLTS: 35 to 50 days after the month", "BLS", revised=True),
    "DGORDER": Rule("month", 30, 0, "08:30", "Census advance report: 23 to 28 days after the month", "Census", True),
    **dict.fromkeys(("HOUST", "PERMIT"), _HOUSING),
    "RSXFS": Rule("month", 18, 0, "08:30", "Census advance retail sales: 12th to 17th of next month", "Census", True),
    "PCEPILFE": Rule(
        "month", 35, 0, "08:30", "BEA Personal Income and Outlays: 22 to 33 days after the month", "BEA", True
    ),
    "M2SL": Rule(
        "month", 30, 0, "16:30", "Federal Reserve H.6: second Thursday, fourth Tuesday since 2021", revised=True
    ),
    "FEDFUNDS": _MONTHLY_YIELD,
    **dict.fromkeys(("AAA", "BAA", "TB3MS"), _MONTHLY_YIELD),
    "FINRA_MARGIN_DEBT": Rule(
        "month", 35, 0, "16:15", "FINRA (before 2018: NYSE): three to four weeks after the month"
    ),
    **dict.fromkeys(("GACDISA066MSFRBNY", "NOCDISA066MSFRBNY"), _EMPIRE),
    **dict.fromkeys(("GACDFSA066MSFRBPHI", "GAFDFSA066MSFRBPHI", "NOCDFSA066MSFRBPHI"), _PHILLY),
    **dict.fromkeys(("NAPM", "NAPMEI", "NAPMII", "NAPMNOI", "NAPMPI", "NAPMPRI", "NAPMSDI"), _ISM),
    **dict.fromkeys(("GDP", "GDPC1"), _GDP),
    "USREC": Rule(
        "month", 730, 0, "16:15", "NBER dates turning points 4 to 21 months later; two years are safe", revised=True
    ),
    "CBOE_VVIX": _CBOE,
    "IWM_SHARES_OUTSTANDING": Rule(
        "day", 0, 1, EVENING, "iShares fund page: by the next business day, at an hour that it does not state"
    ),
    # Known only as vintages: these rules serve for staleness alone.
    "CLAIMSx": Rule("month", 31, 0, "16:15", "FRED-MD: monthly mean of weekly claims", revised=True),
    "EMPLOY": _payrolls(20, "Philadelphia Fed real-time data set, monthly vintages of mid-month"),
    "ROUTPUT": Rule(
        "quarter", 50, 0, "16:15", "Philadelphia Fed real-time data set, mid-quarter vintages", "BEA", True
    ),
}

_DEFAULTS: dict[Period, Rule] = {
    # Fixings and polls appear on their own day, and some weeks are dated by their first day.
    "day": Rule("day", 7, 0, "16:15", "no rule for this series: a week", within_period=True),
    "week": Rule("week", 21, 0, "16:15", "no rule for this series: three weeks", within_period=True),
    "month": Rule("month", 62, 0, "16:15", "no rule for this series: two months after the period", revised=True),
    "quarter": Rule("quarter", 124, 0, "16:15", "no rule for this series: four months after the period", revised=True),
    "year": Rule("year", 366, 0, "16:15", "no rule for this series: a year after the period", revised=True),
}

# The period of a single value is unknown: it gets the lag of a quarter, and may appear from its own day on.
_ALONE = replace(_DEFAULTS["quarter"], within_period=True)

# First day, last day, who was closed, and the longest delay in days of releases due until 45 days after.
_SHUTDOWNS: tuple[tuple[str, str, frozenset[str], int], ...] = (
    ("1995-11-14", "1996-01-06", frozenset({"BLS", "Census", "BEA", "G17"}), 60),
    ("2013-10-01", "2013-10-17", frozenset({"BLS", "Census", "BEA", "G17"}), 75),
    ("2018-12-22", "2019-01-25", frozenset({"Census", "BEA"}), 60),
    ("2025-10-01", "2025-11-12", frozenset({"BLS", "Census", "BEA", "G17"}), 90),
)


def rule_of(series: str, event_dates: pd.DatetimeIndex) -> Rule:
    """The rule of a macro series; by default a long lag by the spacing of its `event_dates`."""
    if series in RULES:
        return RULES[series]
    if len(event_dates) < 2:
        return _ALONE
    spacing = float(np.median(np.diff(event_dates.to_numpy()) / np.timedelta64(1, "D")))
    limits: tuple[tuple[float, Period], ...] = ((4.0, "day"), (13.0, "week"), (45.0, "month"), (120.0, "quarter"))
    period: Period = next((name for limit, name in limits if spacing <= limit), "year")
    return _DEFAULTS[period]


def max_age_days(kind: str, series: str, event_dates: pd.DatetimeIndex) -> int:
    """Days after its `event_date` from which the last value of a series is stale.

    Example
    -------
    >>> max_age_days("observations", "NAPM", pd.DatetimeIndex([]))
    108
    """
    if kind == "observations":
        return rule_of(series, event_dates).max_age_days
    # A long weekend for daily rows; two half-months, publication and a spare week for short interest.
    return {"bars": 6, "short_volume": 6, "short_interest": 50, "holdings": 10, "dividends": 200}[kind]


def observations_known_at(series: str, event_dates: pd.DatetimeIndex, rule: Rule | None = None) -> pd.DatetimeIndex:
    """When observations of a macro series were public, by default by `rule_of`.

    Example
    -------
    >>> known = observations_known_at("PAYEMS", pd.DatetimeIndex(["2019-11-01"]))
    >>> str(known.tz_convert("America/New_York")[0])
    '2019-12-11 08:30:00-05:00'
    """
    rule = rule or rule_of(series, event_dates)
    start = event_dates.to_numpy().astype("datetime64[D]")
    base = start if rule.from_start else period_end(start, rule.period)
    published = _business(base + rule.calendar_days, rule.business_days)
    if rule.first_published:
        published = np.maximum(published, np.datetime64(rule.first_published))
    for first, last, closed, late in _SHUTDOWNS:
        if rule.agency in closed:
            due = (published >= np.datetime64(first)) & (published <= np.datetime64(last) + 45)
            published = np.where(due, published + late, published)
    return at(published, rule.time)


def bars_known_at(ticker: str, event_dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The close of each session; for Cboe's volatility indices 15 minutes later, so after that session's decision."""
    known = _session_instants(event_dates, "close")
    return known + pd.Timedelta(minutes=15) if ticker in CBOE_INDICES else known


def short_volume_known_at(event_dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """18:00 New York on the session, for Reg SHO daily files."""
    return at(event_dates.to_numpy().astype("datetime64[D]"), "18:00")


def dividends_known_at(event_dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The open of the ex-date: dividends are declared earlier, and the price has then fallen by them."""
    return _session_instants(event_dates, "open")


def holdings_known_at(event_dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The evening of the next business day; iShares does not state the hour."""
    return at(_business(event_dates.to_numpy().astype("datetime64[D]"), 1), EVENING)


def vintages_known_at(vintages: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The end of the vintage's day."""
    return at(vintages.to_numpy().astype("datetime64[D]"), "23:59")


def short_interest_known_at(settlement_dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The evening of the 7th session after settlement, the 8th before the T+1 cycle of 2024-05-28.

    FINRA Rule 4560 calendar, released after 16:00. Eight is exact for T+2 (from 2017-09-05) and a session late for T+3.

    Example
    -------
    >>> str(short_interest_known_at(pd.DatetimeIndex(["2025-11-14"])).tz_convert("America/New_York")[0])
    '2025-11-25 18:00:00-05:00'
    """
    table = clock(settlement_dates.min())
    lag = np.where(settlement_dates >= pd.Timestamp("2024-05-28"), 7, 8)
    places = table.index.searchsorted(settlement_dates, side="right") - 1 + lag
    return at(table.index.to_numpy()[places].astype("datetime64[D]"), EVENING)


def at(days: np.ndarray, time: str) -> pd.DatetimeIndex:
    """The instants (UTC) of `days` (datetime64[D]) at a New York time of day such as "16:15"."""
    hours, minutes = (int(part) for part in time.split(":"))
    local = days.astype("datetime64[us]") + np.timedelta64(hours * 60 + minutes, "m")
    # No release falls into the hour that daylight saving repeats or skips.
    return pd.DatetimeIndex(local).tz_localize(NEW_YORK).tz_convert("UTC").as_unit("us")


def clock(earliest: pd.Timestamp) -> pd.DataFrame:
    """Sessions from before `earliest` on: columns open and close in naive UTC."""
    if earliest.year < 1900:
        raise InputError("session", str(earliest.date()), "a day from 1900 on", "drop older rows")
    return _clock(1990 if earliest.year >= 1990 else 1950 if earliest.year >= 1950 else 1900)


def is_session(days: pd.Series) -> np.ndarray:
    """Whether the exchange was open on each of `days`; (n_days,) of bool."""
    if days.empty:
        return np.zeros(0, dtype=bool)
    known, asked = clock(days.min()).index.to_numpy(), days.to_numpy()
    places = np.minimum(known.searchsorted(asked), len(known) - 1)
    found: np.ndarray = known[places] == asked
    return found


@lru_cache(maxsize=4)
def _clock(first_year: int) -> pd.DataFrame:
    days = sessions.between(f"{first_year}-01-01", f"{sessions.LAST_YEAR}-12-31")
    opens, closes = sessions.opens(days), sessions.closes(days)
    return pd.DataFrame({"open": opens.tz_localize(None), "close": closes.tz_localize(None)}, index=days)


@lru_cache(maxsize=1)
def business_days() -> pd.DatetimeIndex:
    """Days on which both the exchange and the federal government are open; before 1990 all weekdays."""
    federal = USFederalHolidayCalendar().holidays("1990-01-01", f"{sessions.LAST_YEAR}-12-31")
    recent = clock(pd.Timestamp("1990-01-01")).index.difference(federal)
    early = pd.bdate_range("1850-01-01", "1989-12-31")
    return pd.DatetimeIndex(np.concatenate([early.to_numpy("datetime64[us]"), recent.to_numpy("datetime64[us]")]))


def period_end(start: np.ndarray, period: Period) -> np.ndarray:
    """The last days (datetime64[D]) of the periods that begin on `start`."""
    if period in ("day", "week"):
        return start  # FRED dates a week by its last day
    months = {"month": 1, "quarter": 3, "year": 12}[period]
    ends: np.ndarray = (start.astype("datetime64[M]") + months).astype("datetime64[D]") - 1
    return ends


def last_business_day(days: np.ndarray) -> np.ndarray:
    """The last business days at or before `days` (datetime64[D])."""
    table = _business_table()
    found: np.ndarray = table[np.maximum(table.searchsorted(days, side="right") - 1, 0)]
    return found


@lru_cache(maxsize=1)
def _business_table() -> np.ndarray:
    return business_days().to_numpy().astype("datetime64[D]")


def _business(days: np.ndarray, further: int) -> np.ndarray:
    """`days` rolled forward to a business day (if `further` is 0), or the `further`-th business day after them."""
    table = _business_table()
    if further == 0:
        places = table.searchsorted(days, side="left")
    else:
        places = table.searchsorted(days, side="right") + further - 1
    if len(places) and places.max() >= len(table):
        raise InputError("event_date", str(days.max()), f"days before {sessions.LAST_YEAR}", "correct the date")
    rolled: np.ndarray = table[places]
    return rolled


def _session_instants(days: pd.DatetimeIndex, column: str) -> pd.DatetimeIndex:
    if days.empty:
        return pd.DatetimeIndex([], dtype="datetime64[us, UTC]")
    table = clock(days.min())
    known, asked = table.index.to_numpy(), days.to_numpy()
    places = np.minimum(known.searchsorted(asked), len(known) - 1)
    if (known[places] != asked).any():
        bad = days[known[places] != asked][0]
        raise InputError("session", str(bad.date()), "days on which the exchange is open", "drop that day")
    return pd.DatetimeIndex(table[column].to_numpy()[places]).tz_localize("UTC")
