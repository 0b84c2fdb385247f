"""Rates, spreads, economic releases and short positions of the simulated market: noisy observations of the tide.

Each series sees a smoothed copy of the tide (an exponential average with a half-life of about a week) plus its own
persistent noise, about one part to one. Spreads and volatility indices also rise with volatility and after falls
(`stress`, a decaying sum of past losses), which adds no information about the future. Every value depends on the past
only; rows not published by the end of the sample are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from bullbear.data.simulated_prices import TYPICAL_VOLATILITY
from bullbear.data.simulated_process import Floats, Path, stream
from bullbear.sessions import NEW_YORK, closes

SMOOTHING, STRESS_DECAY = 0.90, 0.95
# Sessions from settlement to publication of short interest: seven after it, one more in the years of T+2.
SHORT_INTEREST_LAG = 8


@dataclass(frozen=True)
class Climate:
    """The states that the macro series observe, one entry per session."""

    tide: Floats
    volatility: Floats
    stress: Floats


@dataclass(frozen=True)
class Release:
    """A monthly series: its values from monthly mean tides, and its publication in the month after the period.

    `day` is a day of that month, moved to Monday from a weekend; 0 means the first Friday, -1 the last Friday of the
    period's own month.
    """

    values: Callable[[Floats, Floats], Floats]
    day: int
    time: str
    persistence: float = 0.0
    decimals: int = 1


MONTHLY = {
    "UNRATE": Release(lambda x, e: 5.7 - 0.7 * _trail(x, 0.7) + 0.8 * e, 0, "08:30", 0.97, 1),
    "PAYEMS": Release(lambda x, e: 130_000 + np.cumsum(110 + 110 * x + 60 * e), 0, "08:30", 0.0, 0),
    "INDPRO": Release(lambda x, e: 92.0 * np.exp(np.cumsum(0.0012 + 0.0022 * x + 0.005 * e)), 16, "09:15", 0.0, 4),
    "CPIAUCSL": Release(lambda x, e: 169.3 * np.exp(np.cumsum(0.0018 + 0.0004 * x + 0.002 * e)), 13, "08:30", 0.3, 3),
    "UMCSENT": Release(lambda x, e: 87.0 + 5.0 * x + 6.0 * e, -1, "10:00", 0.85, 1),
    "HOUST": Release(lambda x, e: 1350.0 * np.exp(0.06 * x + 0.12 * e), 18, "08:30", 0.9, 0),
}


def climate(path: Path) -> Climate:
    """The smoothed tide, log volatility and stress."""
    drive = path.tide * (1.0 - SMOOTHING)
    drive[0] = path.tide[0]
    tide = lfilter([1.0], [1.0, -SMOOTHING], drive)
    stress = lfilter([1.0], [1.0, -STRESS_DECAY], -path.returns)
    return Climate(np.asarray(tide), np.log(path.volatility / TYPICAL_VOLATILITY), np.asarray(stress))


def daily(seen: Climate, path: Path, seed: int) -> dict[str, Floats]:
    """Daily series, per cent or index points, one value per session; yields in per cent per year."""
    n = len(path.returns)
    x, v, s = seen.tide, seen.volatility, seen.stress

    def noise(name: str, persistence: float, size: float) -> Floats:
        return size * _autoregression(seed, name, n, persistence)

    bills = np.maximum(2.4 + noise("bills", 0.9997, 1.4), 0.05)
    two = np.maximum(bills + 0.35 + 0.05 * x + noise("two years", 0.99, 0.15), 0.10)
    ten = np.maximum(two + 1.0 + 0.35 * x - 0.5 * s + noise("curve", 0.997, 0.45), 0.30)
    baa = np.maximum(2.5 - 0.35 * x + 0.30 * v + 2.5 * s + noise("BAA10Y", 0.995, 0.30), 0.9)
    aaa = np.clip(1.3 - 0.12 * x + 0.10 * v + 0.8 * s + noise("AAA10Y", 0.995, 0.18), 0.3, baa - 0.2)
    junk = 4.8 * np.exp(-0.20 * x + 0.20 * v + 1.8 * s + noise("junk", 0.995, 0.20))
    vix = 17.5 * np.exp(0.60 * v + 2.5 * s - 0.10 * x + noise("VIX", 0.97, 0.08))
    far = vix * np.exp(0.05 + 0.05 * x - 0.35 * np.log(vix / 18.0) + noise("VIX3M", 0.6, 0.03))
    # The further the horizon, the less of an excursion is expected to last; a future settles to the VIX.
    excursion = np.log(vix / 18.0)
    half_year = vix * np.exp(0.07 + 0.05 * x - 0.47 * excursion + noise("VIX6M", 0.6, 0.03))
    year = vix * np.exp(0.09 + 0.04 * x - 0.57 * excursion + noise("VIX1Y", 0.6, 0.03))
    first = vix * np.exp(0.03 + 0.02 * x - 0.15 * excursion + noise("VX_M1", 0.8, 0.03))
    second = vix * np.exp(0.05 + 0.04 * x - 0.27 * excursion + noise("VX_M2", 0.8, 0.03))
    # Fear buys puts, first of all on indices, where they insure.
    fear = 1.2 * s + 0.08 * v - 0.02 * x
    oil = 45.0 * np.exp(noise("oil", 0.999, 0.45) - 0.8 * s)
    levels = {
        "DGS3MO": bills,
        "DGS2": two,
        "DGS10": ten,
        "DFF": np.maximum(bills + 0.08 + noise("DFF", 0.9, 0.04), 0.04),
        "BAA10Y": baa,
        "AAA10Y": aaa,
        "BAMLH0A0HYM2": junk,
        "T10YIE": 2.1 + 0.12 * x - 1.5 * s + noise("T10YIE", 0.995, 0.25),
        "DCOILWTICO": oil,
        "VIXCLS": vix,
        "CBOE_VIX3M": far,
        "CBOE_VIX6M": half_year,
        "CBOE_VIX1Y": year,
        "VX_M1": first,
        "VX_M2": second,
        "CBOE_PC_TOTAL": 0.93 * np.exp(fear + noise("CBOE_PC_TOTAL", 0.4, 0.11)),
        "CBOE_PC_EQUITY": 0.63 * np.exp(fear + noise("CBOE_PC_EQUITY", 0.6, 0.12)),
        "CBOE_PC_INDEX": 1.18 * np.exp(0.4 * fear + noise("CBOE_PC_INDEX", 0.3, 0.22)),
    }
    rounded = {name: np.round(level, 2) for name, level in levels.items()}
    rounded["DTWEXBGS"] = np.round(100.0 * np.exp(noise("dollar", 0.9985, 0.08) + 0.15 * s), 4)
    rounded["T10Y2Y"] = np.round(rounded["DGS10"] - rounded["DGS2"], 2)
    rounded["T10Y3M"] = np.round(rounded["DGS10"] - rounded["DGS3MO"], 2)
    return rounded


def bond_returns(rates: dict[str, Floats]) -> dict[str, Floats]:
    """Log returns of TLT, LQD and HYG: carry minus duration times the change of yield and spread."""
    ten, baa, junk = (rates[name] / 100.0 for name in ("DGS10", "BAA10Y", "BAMLH0A0HYM2"))

    def change(level: Floats) -> Floats:
        return np.diff(level, prepend=level[0])

    return {
        "TLT": (ten + 0.003) / 252.0 - 14.0 * change(ten),
        "LQD": (ten + 0.6 * baa) / 252.0 - 7.0 * change(ten) - 3.5 * change(baa),
        "HYG": (ten + 0.6 * junk) / 252.0 - 2.0 * change(junk),
    }


def series(path: Path, sessions: pd.DatetimeIndex, seed: int) -> tuple[dict[str, pd.DataFrame], dict[str, Floats]]:
    """Every macro series as `date, value, known_at`, and the daily levels as arrays."""
    seen = climate(path)
    rates = daily(seen, path, seed)
    end = closes(sessions[-1:])[0]
    morning = _instants(sessions[1:], "09:00")
    frames = {name: _published(sessions[:-1], values[:-1], morning, end) for name, values in rates.items()}
    frames |= _weekly(seen, sessions, seed, end) | _surveys(seen, sessions, seed, end)
    frames |= _monthly(seen, rates, sessions, seed, end)
    frames["GDPC1"] = _quarterly(seen, sessions, seed, end)
    return frames, rates


def short_interest(path: Path, sessions: pd.DatetimeIndex, volume: Floats, seed: int) -> pd.DataFrame:
    """IWM's short interest at mid-month and month-end settlements, published eight sessions later.

    The share of the fund sold short rises as the tide falls (Rapach, Ringgenberg and Zhou, 2016,
    doi:10.1016/j.jfineco.2016.03.004).
    """
    n = len(sessions)
    tide = climate(path).tide
    outstanding = np.round(180e6 * np.exp(0.25 * _autoregression(seed, "outstanding", n, 0.999)), -4)
    ratio = 0.28 * np.exp(-0.20 * tide + 0.20 * _autoregression(seed, "short interest", n, 0.99))
    places = settlements(sessions)
    known = _instants(sessions[places + SHORT_INTEREST_LAG], "18:00")
    # Average volume of the half-month up to the settlement.
    average = pd.Series(volume).rolling(10, min_periods=1).mean().to_numpy()[places]
    short = np.round((ratio * outstanding)[places])
    return pd.DataFrame(
        {
            "settlement_date": sessions[places],
            "shares_short": short,
            "known_at": known,
            "avg_daily_volume": np.round(average),
            "days_to_cover": np.round(np.maximum(short / average, 1.0), 2),
            "shares_outstanding": outstanding[places],
        }
    )


def short_volume(path: Path, sessions: pd.DatetimeIndex, volume: Floats, seed: int) -> pd.DataFrame:
    """The day's off-exchange short sales and volume of IWM; their ratio leans against the tide, faintly."""
    n = len(sessions)
    total = np.round(volume * np.clip(0.42 + 0.04 * _autoregression(seed, "venues", n, 0.98), 0.2, 0.7))
    lean = 0.55 - 0.015 * climate(path).tide + 0.05 * _autoregression(seed, "short volume", n, 0.3)
    return pd.DataFrame(
        {"date": sessions, "short_volume": np.round(total * np.clip(lean, 0.2, 0.9)), "total_volume": total}
    )


def _weekly(seen: Climate, sessions: pd.DatetimeIndex, seed: int, end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    fridays = sessions.to_series().dt.to_period("W-FRI").dt.end_time.dt.normalize().dt.as_unit("us")
    table = pd.DataFrame({"x": seen.tide, "v": seen.volatility, "s": seen.stress, "week": fridays.to_numpy()})
    means = table.groupby("week").mean()
    weeks, n = pd.DatetimeIndex(means.index), len(means)
    x, v, s = (means[c].to_numpy() for c in ("x", "v", "s"))
    financial = -0.35 - 0.28 * x + 0.22 * v + 1.5 * s + 0.28 * _autoregression(seed, "NFCI", n, 0.98)
    claims = 330_000 * np.exp(-0.10 * _trail(x, 0.8) + 0.10 * _autoregression(seed, "ICSA", n, 0.97))
    claims = claims * np.exp(0.02 * stream(seed, "ICSA week").standard_normal(n))
    # The index describes the week to Friday and appears on Wednesday; claims, the week to Saturday, on Thursday.
    wednesday, thursday = weeks + pd.Timedelta(days=5), weeks + pd.Timedelta(days=6)
    return {
        "NFCI": _published(weeks, np.round(financial, 3), _instants(wednesday, "08:30"), end),
        "ICSA": _published(weeks + pd.Timedelta(days=1), np.round(claims, -3), _instants(thursday, "08:30"), end),
    }


def _surveys(seen: Climate, sessions: pd.DatetimeIndex, seed: int, end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Polls of the week to Wednesday: opinion follows the tide and past losses, with much noise of its own."""
    wednesdays = sessions.to_series().dt.to_period("W-WED").dt.end_time.dt.normalize().dt.as_unit("us")
    table = pd.DataFrame({"x": seen.tide, "s": seen.stress, "week": wednesdays.to_numpy()})
    means = table.groupby("week").mean()
    weeks, n = pd.DatetimeIndex(means.index), len(means)
    x, s = means["x"].to_numpy(), means["s"].to_numpy()
    bullish = 38.0 + 3.0 * x - 60.0 * s + 7.0 * _autoregression(seed, "AAII_BULLISH", n, 0.75)
    bullish = np.clip(bullish, 8.0, 80.0).round(1)
    bearish = 31.0 - 2.5 * x + 60.0 * s + 6.0 * _autoregression(seed, "AAII_BEARISH", n, 0.75)
    bearish = np.clip(bearish, 5.0, 95.0 - bullish).round(1)
    exposure = 65.0 + 8.0 * x - 220.0 * s + 14.0 * _autoregression(seed, "NAAIM", n, 0.85)
    thursday, friday = weeks + pd.Timedelta(days=1), weeks + pd.Timedelta(days=2)
    morning = _instants(friday, "09:30")
    return {
        "AAII_BULLISH": _published(thursday, bullish, morning, end),
        "AAII_NEUTRAL": _published(thursday, (100.0 - bullish - bearish).round(1), morning, end),
        "AAII_BEARISH": _published(thursday, bearish, morning, end),
        "NAAIM": _published(weeks, np.clip(exposure, -100.0, 160.0).round(2), _instants(friday, "18:00"), end),
    }


def _monthly(
    seen: Climate, rates: dict[str, Floats], sessions: pd.DatetimeIndex, seed: int, end: pd.Timestamp
) -> dict[str, pd.DataFrame]:
    start = _period_start(sessions, "M")
    table = pd.DataFrame({"x": seen.tide, "start": start, "BAA": rates["DGS10"] + rates["BAA10Y"]})
    table["AAA"] = rates["DGS10"] + rates["AAA10Y"]
    means = table.groupby("start").mean()
    # A survey published within its month covers only the first twenty days.
    early = table[sessions.day <= 20].groupby("start").mean()
    months, n = pd.DatetimeIndex(means.index).as_unit("us"), len(means)
    frames = {}
    for name, release in MONTHLY.items():
        heard = early if release.day < 0 else means
        values = release.values(heard["x"].to_numpy(), _autoregression(seed, name, n, release.persistence))
        known = _instants(_release_days(months, release.day), release.time)
        frames[name] = _published(months, np.round(values, release.decimals), known, end)
    first = _instants(_release_days(months, 1), "16:15")
    for name in ("BAA", "AAA"):
        frames[name] = _published(months, np.round(means[name].to_numpy(), 2), first, end)
    return frames


def _quarterly(seen: Climate, sessions: pd.DatetimeIndex, seed: int, end: pd.Timestamp) -> pd.DataFrame:
    means = pd.Series(seen.tide).groupby(_period_start(sessions, "Q")).mean()
    quarters = pd.DatetimeIndex(means.index).as_unit("us")
    growth = 0.0055 + 0.0035 * means.to_numpy() + 0.004 * stream(seed, "GDPC1").standard_normal(len(means))
    # The advance estimate comes four weeks after the quarter.
    release = _weekday(quarters + pd.DateOffset(months=3) + pd.Timedelta(days=28))
    return _published(quarters, np.round(12_900 * np.exp(np.cumsum(growth)), 3), _instants(release, "08:30"), end)


def _published(
    event_date: pd.DatetimeIndex, values: Floats, known_at: pd.DatetimeIndex, end: pd.Timestamp
) -> pd.DataFrame:
    frame = pd.DataFrame({"date": event_date, "value": values, "known_at": known_at})
    return frame[frame["known_at"] <= end].reset_index(drop=True)


def _release_days(months: pd.DatetimeIndex, release_day: int) -> pd.DatetimeIndex:
    following = months + pd.DateOffset(months=1)
    if release_day == 0:
        return following + pd.to_timedelta((4 - following.day_of_week) % 7, unit="D")
    if release_day == -1:
        last = following - pd.Timedelta(days=1)
        return last - pd.to_timedelta((last.day_of_week - 4) % 7, unit="D")
    return _weekday(following + pd.Timedelta(days=release_day - 1))


def _weekday(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return days + pd.to_timedelta(np.where(days.day_of_week >= 5, 7 - days.day_of_week, 0), unit="D")


def _instants(days: pd.DatetimeIndex, time: str) -> pd.DatetimeIndex:
    local = pd.DatetimeIndex(days) + pd.Timedelta(f"{time}:00")
    return local.tz_localize(NEW_YORK).tz_convert("UTC").as_unit("us")


def settlements(sessions: pd.DatetimeIndex) -> np.ndarray:
    """Positions of the last session up to the 15th, and of each month, that are published within the sample."""
    half = (sessions.year * 24 + (sessions.month - 1) * 2 + (sessions.day > 15)).to_numpy()
    last = np.flatnonzero(half[1:] != half[:-1])
    return np.asarray(last[last + SHORT_INTEREST_LAG < len(sessions) - 1])


def _period_start(sessions: pd.DatetimeIndex, freq: str) -> pd.Series:
    return sessions.to_series().dt.to_period(freq).dt.start_time.reset_index(drop=True)


def _trail(values: Floats, decay: float) -> Floats:
    """Exponential average, starting at the first value."""
    drive = values * (1.0 - decay)
    drive[0] = values[0]
    return np.asarray(lfilter([1.0], [1.0, -decay], drive), dtype=np.float64)


def _autoregression(seed: int, name: str, count: int, persistence: float) -> Floats:
    """A stationary AR(1) of unit variance."""
    innovations = stream(seed, f"{name} noise").standard_normal(count)
    innovations[1:] *= np.sqrt(1.0 - persistence**2)
    return np.asarray(lfilter([1.0], [1.0, -persistence], innovations), dtype=np.float64)
