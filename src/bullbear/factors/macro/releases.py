"""Macro factors of statistics that are revised: growth, trends and turning points within one vintage.

A function here sees one series as one instant knew it, row by row in the order of its periods. Growth over a year then
compares two numbers of the same vintage: a new base year, a change of units or a benchmark revision cannot pose as a
change of the economy, as it would if the number published today were compared with the one published a year ago.

Missing data: a window that skips a period (a survey not held, a release that was cancelled) is missing, since "12
rows ago" is then not a year ago; `step` states the months from one row to the next.
"""

from __future__ import annotations

import numpy as np

from bullbear.data.versions import Versions
from bullbear.factors.engine import trailing, windows
from bullbear.factors.engine.inputs import level_max_ages, release_spans, release_states
from bullbear.factors.engine.registry import Array, Releases, factor, input_kind

_ROWS = (1, 120)


def _unbroken(releases: Releases, rows: int, step: int) -> Array:
    """The values, missing where the `rows` rows that end there are not `rows` consecutive periods."""
    months = releases.event_date.astype("datetime64[M]").astype(np.int64).astype(np.float64)
    return np.where(months - windows.lagged(months, rows - 1) == (rows - 1) * step, releases.value, np.nan)


@factor(unit="log growth per year", lookback=lambda periods: periods + 1, windowed=True)
def release_growth(releases: Releases, *, periods: int = 12, step: int = 1) -> Array:
    """Annualised logarithmic growth over `periods` releases: 12 / (periods step) ln(x[i] / x[i - periods]).

    Example
    -------
    >>> months = np.array(["2019-01", "2019-02", "2019-03"], dtype="datetime64[M]")
    >>> release_growth(Releases(months, np.array([100.0, 101.0, 102.0])), periods=2).round(4)
    array([   nan,    nan, 0.1188])
    """
    logs = trailing.log_positive(releases.value)
    growth = (logs - windows.lagged(logs, periods)) * (12 / (periods * step))
    return np.where(np.isnan(_unbroken(releases, periods + 1, step)), np.nan, growth)


@factor(
    unit="log growth per year",
    lookback=lambda short, long: max(short, long) + 1,
    limits={"short": _ROWS, "long": _ROWS},
    windowed=True,
)
def release_acceleration(releases: Releases, *, short: int = 3, long: int = 12, step: int = 1) -> Array:
    """Annualised growth over the last `short` releases less that over the last `long` ones.

    Example
    -------
    >>> months = np.array(["2019-01", "2019-02", "2019-03"], dtype="datetime64[M]")
    >>> release_acceleration(Releases(months, np.array([100.0, 100.0, 101.0])), short=1, long=2).round(4)
    array([   nan,    nan, 0.0597])
    """
    return release_growth(releases, periods=short, step=step) - release_growth(releases, periods=long, step=step)


@factor(unit="unit of the series", lookback=lambda periods: periods + 1, windowed=True)
def release_change(releases: Releases, *, periods: int = 3, step: int = 1) -> Array:
    """Change over `periods` releases: x[i] - x[i - periods].

    Example
    -------
    >>> months = np.array(["2019-01", "2019-02", "2019-04"], dtype="datetime64[M]")
    >>> release_change(Releases(months, np.array([4.0, 3.5, 3.75])), periods=1)
    array([ nan, -0.5,  nan])
    """
    return _unbroken(releases, periods + 1, step) - windows.lagged(releases.value, periods)


@factor(unit="standard deviations", limits={"window": (3, 120)}, windowed=True)
def release_zscore(releases: Releases, *, window: int = 36, step: int = 1) -> Array:
    """Distance from the mean of the last `window` releases, in their standard deviations (n - 1).

    Example
    -------
    >>> months = np.array(["2019-01", "2019-02", "2019-03"], dtype="datetime64[M]")
    >>> release_zscore(Releases(months, np.array([90.0, 95.0, 100.0])), window=3)
    array([nan, nan,  1.])
    """
    score = windows.standard_score(releases.value, window)
    return np.where(np.isnan(_unbroken(releases, window, step)), np.nan, score)


@factor(
    unit="log ratio",
    lookback=lambda short, long: max(short, long),
    limits={"short": _ROWS, "long": _ROWS},
    windowed=True,
)
def release_trend(releases: Releases, *, short: int = 3, long: int = 12, step: int = 1) -> Array:
    """Mean of the last `short` releases against that of the last `long` ones: ln(mean_short / mean_long).

    Example
    -------
    >>> months = np.array(["2019-01", "2019-02", "2019-03"], dtype="datetime64[M]")
    >>> release_trend(Releases(months, np.array([200.0, 200.0, 260.0])), short=1, long=3).round(4)
    array([   nan,    nan, 0.1671])
    """
    ratio = windows.ratio(windows.mean(releases.value, short), windows.mean(releases.value, long))
    return np.where(np.isnan(_unbroken(releases, max(short, long), step)), np.nan, trailing.log_positive(ratio))


@factor(unit="log ratio", lookback=lambda average, window: average + window, limits={"window": _ROWS}, windowed=True)
def release_rise(releases: Releases, *, average: int = 3, window: int = 12, step: int = 1) -> Array:
    """Rise of the moving average above its low of the `window` releases before, in logarithms.

    ln(m[i] / min(m[i - window .. i - 1])), m the mean of the last `average` releases. It is the Sahm rule's shape for a
    series without a natural scale, such as jobless claims: labour markets turn by rising off a low.

    Example
    -------
    >>> months = np.array(["2019-01", "2019-02", "2019-03"], dtype="datetime64[M]")
    >>> release_rise(Releases(months, np.array([220.0, 200.0, 230.0])), average=1, window=2).round(4)
    array([   nan,    nan, 0.1398])
    """
    logs = trailing.log_positive(windows.mean(releases.value, average))
    low = windows.lagged(trailing.lowest(logs, window), 1)
    return np.where(np.isnan(_unbroken(releases, average + window, step)), np.nan, logs - low)


@factor(
    unit="log ratio",
    lookback=lambda average, window: average + window - 1,
    bounds=(float("-inf"), 0.0),
    limits={"window": _ROWS},
    windowed=True,
)
def release_drawdown(releases: Releases, *, average: int = 3, window: int = 24, step: int = 1) -> Array:
    """Distance of the moving average below its high of the last `window` releases, in logarithms.

    ln(m[i] / max(m[i - window + 1 .. i])), m the mean of the last `average` releases. Housing starts fall for a year or
    more before a recession, which this shows earlier than growth over a year.

    References
    ----------
    Leamer (2007), "Housing IS the business cycle", doi:10.3386/w13428.

    Example
    -------
    >>> months = np.array(["2019-01", "2019-02", "2019-03"], dtype="datetime64[M]")
    >>> release_drawdown(Releases(months, np.array([1200.0, 1500.0, 1350.0])), average=1, window=3).round(4)
    array([    nan,     nan, -0.1054])
    """
    logs = trailing.log_positive(windows.mean(releases.value, average))
    gap = logs - trailing.highest(logs, window)
    return np.where(np.isnan(_unbroken(releases, average + window - 1, step)), np.nan, gap)


@factor(unit="percentage points", lookback=15, windowed=True)
def sahm_gap(unemployment: Releases) -> Array:
    """The Sahm rule: unemployment's three-month mean less the lowest such mean of the twelve months before.

    m[i] - min(m[i - 12 .. i - 1]), m the mean of the last three months. At 0.5 points and above a recession has
    begun in every case since 1970.

    Parameters
    ----------
    unemployment
        The monthly unemployment rate, per cent.

    References
    ----------
    Sahm (2019), "Direct stimulus payments to individuals", in Recession Ready, The Hamilton Project and Washington
    Center for Equitable Growth.

    Example
    -------
    >>> months = np.arange("2019-01", "2020-05", dtype="datetime64[M]")
    >>> rate = np.r_[np.full(13, 3.6), 3.9, 4.2, 4.5]
    >>> sahm_gap(Releases(months, rate)).round(2)[-2:]
    array([0.3, 0.6])
    """
    mean = windows.mean(unemployment.value, 3)
    gap = mean - windows.lagged(trailing.lowest(mean, 12), 1)
    return np.where(np.isnan(_unbroken(unemployment, 15, 1)), np.nan, gap)


HALF_YEAR_CHANGE = "half_year_change"


@input_kind(HALF_YEAR_CHANGE, stored="observations")
def half_year_change(versions: Versions, series: str, decided: np.ndarray) -> Array:
    """The last value of a monthly series less the value six months before in the same vintage, at each decision.

    A kind of input, not a factor: the difference of two levels would compare numbers of two vintages.
    """
    spans = release_spans(versions, int(decided[0]), int(decided[-1]))
    states = release_states(spans, lambda releases: release_change(releases, periods=6))
    return states.at(decided, level_max_ages(series, versions))
