"""How a daily-reset model follows the real fund, year by year, and why a geared fund is not its multiple of the index.

Two closes are seldom struck at one instant: a fund's last trade may lie minutes before its index's, and in 2007 and
2008 the exchanges closed trading in such funds at 16:15. Such noise is gone a day later, so it fills the error of daily
returns and cancels over a month. Hence three figures: `daily`; `monthly` over spans of 21 sessions, with the noise of
two closes in it; and `lasting`, from both, without it: if a difference of log returns over k sessions is what lasts and
the noise of its two ends, its variance is k e + 2 n, so that e = (V_21 - V_1) / 20, the two-scale estimator of Zhang,
Mykland and Ait-Sahalia (2005).

Over a year the log return of a fund that resets daily to L times its index is

    L log(index) - L (L - 1) / 2 * sum of squared log returns of the index + carry + rest

(Avellaneda and Zhang 2010): the second term, negative for L < 0 and L > 1, is the decay.

References
----------
Avellaneda, M. and Zhang, S. (2010), SIAM Journal on Financial Mathematics 1, doi:10.1137/090760805.
Zhang, L., Mykland, P. and Ait-Sahalia, Y. (2005), A tale of two time scales, Journal of the American Statistical
Association 100, doi:10.1198/016214505000000169.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from bullbear.decide.daily_reset import Floats, ResetFund
from bullbear.errors import Found, NoDataError

SPAN = 21
"""Sessions of a monthly return."""
_YEAR = 252
_FEWEST = 42  # sessions of a year below which its monthly error would rest on hardly more than one month


@dataclass(frozen=True)
class Tracking:
    """The real fund against its model in one year, or in all (`year` None). Returns and errors are fractions.

    `fund`, `model` and `index` are the returns of the span, and `difference` the fund's less the model's, a year, in
    logs. `daily` and `monthly` are the standard deviations of the difference of log returns over one and over 21
    sessions, annualised, and `lasting` that without the noise of closes. `correlation` is that of daily returns. With
    fewer than 42 sessions, `difference`, `monthly` and `lasting` are NaN.

    `multiple_of_index`, `decay`, `carry` and `rest` sum to the log return of the fund.
    """

    year: int | None
    sessions: int
    fund: float
    model: float
    index: float
    difference: float
    daily: float
    monthly: float
    lasting: float
    correlation: float
    multiple_of_index: float
    decay: float
    carry: float
    rest: float


class Fit(NamedTuple):
    """Least-squares multiple and financing spread (a fraction a year) of the overlap up to the end of `year`."""

    year: int
    multiple: float
    financing_spread: float


class Overlap(NamedTuple):
    """Total-return closes of a fund, its model and its index at sessions at which all are known, and the bill rates."""

    sessions: pd.DatetimeIndex
    fund: Floats
    model: Floats
    tracked: Floats
    rates: Floats


def tracking(fund: ResetFund, overlap: Overlap) -> tuple[Tracking, ...]:
    """One record a year and, last, one of the whole overlap.

    Raises
    ------
    NoDataError
        The overlap has fewer than three sessions.
    """
    if len(overlap.sessions) < 3:
        what = f"{len(overlap.sessions)} sessions in common with its index"
        raise NoDataError(f"a fund on {fund.tracks}", Found(what), "three or more", "fetch its prices")
    logs = {name: np.log(getattr(overlap, name)) for name in ("fund", "model", "tracked")}
    years = overlap.sessions.year.to_numpy()[1:]
    carry = np.log1p(fund.carry(overlap.rates[:-1], _days(overlap)))
    spans = [(int(year), years == year) for year in np.unique(years)]
    return tuple([_record(fund, year, at, logs, carry) for year, at in [*spans, (None, np.ones(len(years), bool))]])


def _record(fund: ResetFund, year: int | None, at: np.ndarray, logs: dict[str, Floats], carry: Floats) -> Tracking:
    steps = {name: np.diff(each)[at] for name, each in logs.items()}
    sums = {name: float(each.sum()) for name, each in steps.items()}
    difference = steps["fund"] - steps["model"]
    n = len(difference)
    # A span belongs to a year if all its sessions do.
    monthly = np.convolve(difference, np.ones(SPAN), "valid") if n >= _FEWEST else np.array([np.nan])
    decay = -0.5 * fund.multiple * (fund.multiple - 1.0) * float((steps["tracked"] ** 2).sum())
    held = float(carry[at].sum())
    returns = [np.expm1(steps[name]) for name in ("fund", "model")]
    return Tracking(
        year=year,
        sessions=n,
        fund=float(np.expm1(sums["fund"])),
        model=float(np.expm1(sums["model"])),
        index=float(np.expm1(sums["tracked"])),
        difference=float(difference.mean() * _YEAR) if n >= _FEWEST else float("nan"),
        daily=_deviation(difference) * _YEAR**0.5,
        monthly=_deviation(monthly) * (_YEAR / SPAN) ** 0.5,
        lasting=lasting_error(_deviation(difference), _deviation(monthly)),
        correlation=float(np.corrcoef(*returns)[0, 1]) if n > 2 else float("nan"),
        multiple_of_index=fund.multiple * sums["tracked"],
        decay=decay,
        carry=held,
        rest=sums["fund"] - fund.multiple * sums["tracked"] - decay - held,
    )


def lasting_error(daily: float, monthly: float) -> float:
    """Deviation a year of what lasts, from those of differences over one and over 21 sessions.

    Example
    -------
    >>> noise, lasts = 0.004, 0.0005
    >>> daily, monthly = (lasts**2 + 2 * noise**2) ** 0.5, (21 * lasts**2 + 2 * noise**2) ** 0.5
    >>> round(lasting_error(daily, monthly) / 252**0.5, 6)
    0.0005
    """
    # Below zero where the sample's months happen to vary less than its days allow.
    return float(np.sqrt(np.fmax((monthly**2 - daily**2) / (SPAN - 1), 0.0 * monthly) * _YEAR))


def _deviation(values: Floats) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _days(overlap: Overlap) -> Floats:
    days: Floats = np.diff(overlap.sessions.to_numpy()) / np.timedelta64(1, "D")
    return days


def fits(fund: ResetFund, overlap: Overlap) -> tuple[Fit, ...]:
    """What the overlap up to each year's end would have said of the multiple and the spread; for information only.

    Least squares of the daily excess return after fee on that of the index and on time. Noise in the index's closes
    draws the multiple towards zero by its share of the variance, some tenths of a per cent.
    """
    days = _days(overlap) / 365.0
    bill = overlap.rates[:-1] * days
    excess = overlap.fund[1:] / overlap.fund[:-1] - 1.0 - bill + fund.expense_ratio * days
    design = np.column_stack([overlap.tracked[1:] / overlap.tracked[:-1] - 1.0 - bill, -fund.financed * days])
    years = overlap.sessions.year.to_numpy()[1:]
    found = []
    for year in np.unique(years):
        known = years <= year
        multiple, spread = np.linalg.lstsq(design[known], excess[known], rcond=None)[0]
        found.append(Fit(int(year), float(multiple), float(spread)))
    return tuple(found)
