"""Filed facts: quarterly reports through which the hidden score shows, with noise and late.

Sales grow faster, margins and equity are higher when the score is high; sales follow the market value over some years,
so that ratios to the price stay within bounds. A 10-Q gives the figures of the quarter and of the fiscal year so far
(cash flows of the year so far alone), the 10-K those of the year. A twentieth of the 10-Ks is amended months later:
the 10-K/A gives other values for the same period. Nothing is filed before a company is listed, or after its end is
announced.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.data.companies.simulated.bars import Bars
from bullbear.data.companies.simulated.lives import Integers, Lives, keys_of
from bullbear.data.companies.simulated.market import Market
from bullbear.data.companies.simulated.traits import Traits
from bullbear.data.publication import at
from bullbear.data.simulated_process import Floats, stream

GROWTH, PROFITABILITY, STRENGTH = 0.020, 0.60, 0.22
"""What one standard deviation of the score adds to a quarter's growth of sales, to the margin (a multiple of it), and
to the logarithm of equity over sales."""
NOISE = (0.020, 0.45, 0.08)
"""Standard deviations of the noise in the same three."""
PULL = 0.10
"""Share of the gap between market value and sales that sales close in a quarter."""
LAGS_10Q, LAGS_10K = (25, 46), (45, 91)
"""Days from the end of the period to the filing, the end excluded."""
AMENDED, AMENDMENT = 0.05, (60, 251)
"""Share of the 10-Ks amended, and days until then."""
QUARTERLY = ("revenue", "gross_profit", "net_income", "operating_income", "shares_diluted")
CUMULATIVE = ("cfo", "capex", "cff")
INSTANTS = (
    "equity",
    "total_assets",
    "total_liabilities",
    "current_assets",
    "current_liabilities",
    "cash",
    "long_term_debt",
    "current_debt",
    "shares_outstanding",
)
RESTATED = ("net_income", "operating_income", "equity", "total_liabilities")
_SHARES = ("shares_diluted", "shares_outstanding")


@dataclass(frozen=True)
class _Calendar:
    """Quarter ends from a year before the first session on; `rows` is the last session up to each (-1: before)."""

    ends: pd.DatetimeIndex
    rows: Integers

    @property
    def starts(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(self.ends - pd.offsets.MonthBegin(3)).as_unit("us")


def facts_of(market: Market, lives: Lives, traits: Traits, bars: Bars, number: int) -> pd.DataFrame:
    """The filed facts of block `number`: company (its number), concept, event_date, start_date, known_at, value, unit,
    form, in the order of company, known_at and event_date."""
    calendar = _calendar(market.sessions)
    shape = (len(calendar.ends), lives.count)
    # A stream for each quarter, and in it a row for each company that may be born: a longer market adds to both.
    most, quarters = keys_of(len(market.sessions)), range(len(calendar.ends))
    streams = [
        [stream(market.seed, f"companies {number} {name} {q}") for q in quarters] for name in ("facts", "filings")
    ]
    z = np.stack([draws.standard_normal((most, 8))[lives.key] for draws in streams[0]])
    u = np.stack([draws.random((most, 3))[lives.key] for draws in streams[1]])
    values = _values(lives, traits, bars, calendar, z)
    fiscal = (calendar.ends.month.to_numpy()[:, None] - traits.fiscal_month[None, :] - 1) % 12 // 3 + 1
    annual = fiscal == 4
    low, high = (np.where(annual, k, q) for q, k in zip(LAGS_10Q, LAGS_10K, strict=True))
    lag = low + (u[..., 0] * (high - low)).astype(np.int64)
    filed = _business(calendar.ends.to_numpy().astype("datetime64[D]")[:, None] + lag.astype("timedelta64[D]"))
    days = market.sessions.to_numpy().astype("datetime64[D]")
    born, gone = days[lives.first], days[np.minimum(lives.last, lives.news - 1)]

    def reached(day: np.ndarray) -> np.ndarray:
        return np.asarray((day > born) & (day <= gone))

    q, k = np.nonzero(reached(filed))
    form = np.where(annual[q, k], "10-K", "10-Q")
    starts = calendar.starts
    year_start = starts[np.maximum(q - fiscal[q, k] + 1, 0)]
    everything, single = np.ones(len(q), dtype=bool), ~annual[q, k]
    parts = []

    def add(concept: str, value: Floats, start: pd.DatetimeIndex | None, where: np.ndarray) -> None:
        shares = concept in _SHARES
        parts.append(
            pd.DataFrame(
                {
                    "company": k[where],
                    "quarter": q[where],
                    "day": filed[q, k][where],
                    "event_date": calendar.ends[q[where]],
                    "start_date": pd.NaT if start is None else start[where],
                    "concept": concept,
                    "value": np.round(value[where], 0 if shares else -3),
                    "unit": "shares" if shares else "USD",
                    "form": form[where],
                }
            ).astype({"start_date": "datetime64[us]"})
        )

    for concept in INSTANTS:
        add(concept, values[concept][q, k], None, everything)
    for concept in (*QUARTERLY, *CUMULATIVE):
        total = np.concatenate([np.zeros((1, shape[1])), np.cumsum(values[concept], axis=0)])
        so_far = total[q + 1, k] - total[np.maximum(q + 1 - fiscal[q, k], 0), k]
        if concept == "shares_diluted":
            so_far = so_far / fiscal[q, k]  # an average over the period
        if concept in QUARTERLY:
            add(concept, values[concept][q, k], starts[q], single)
        add(concept, so_far, year_start, fiscal[q, k] > 1 if concept in QUARTERLY else everything)
    table = pd.concat(parts, ignore_index=True)
    amended = annual & reached(filed) & (u[..., 1] < AMENDED)
    wait = AMENDMENT[0] + (u[..., 2] * (AMENDMENT[1] - AMENDMENT[0])).astype(np.int64)
    again = _business(filed + wait.astype("timedelta64[D]"))
    amended &= reached(again)
    rows = table[amended[table["quarter"], table["company"]] & table["concept"].isin(RESTATED)].copy()
    q, k = rows["quarter"].to_numpy(), rows["company"].to_numpy()
    rows["value"] = np.round(rows["value"] * (0.96 + 0.06 * z[q, k, 7]), -3)
    rows["day"], rows["form"] = again[q, k], "10-K/A"
    table = pd.concat([table, rows], ignore_index=True)
    table["known_at"] = at(table.pop("day").to_numpy().astype("datetime64[D]"), "22:00")
    table = table.drop(columns="quarter")
    ordered: pd.DataFrame = table.sort_values(["company", "known_at", "event_date"], kind="stable", ignore_index=True)
    return ordered


def _values(lives: Lives, traits: Traits, bars: Bars, calendar: _Calendar, z: Floats) -> dict[str, Floats]:
    """Each concept for single quarters, and at their ends; (n_quarters, n_companies), in dollars and shares."""
    count = len(calendar.ends)
    rows = calendar.rows[:, None]
    inside = np.clip(rows, lives.first, lives.last)
    worth = np.log(bars.value[inside, lives.place])
    shares = bars.shares[inside, lives.place]
    score = _quarterly_score(lives, calendar)
    sales = np.empty_like(worth)
    level = np.log(traits.price_to_sales)
    sales[0] = worth[0] - level + 0.2 * z[0, :, 0]
    for q in range(1, count):
        gap = worth[q - 1] - sales[q - 1] - level
        sales[q] = sales[q - 1] + 0.005 + GROWTH * score[q] + PULL * gap + NOISE[0] * z[q, :, 0]
    revenue = np.exp(sales) / 4.0
    net = revenue * traits.margin * (1.0 + PROFITABILITY * score + NOISE[1] * z[..., 1])
    equity = 4.0 * revenue * traits.book_to_sales * np.exp(STRENGTH * score + NOISE[2] * z[..., 2])
    liabilities = equity * traits.leverage * np.exp(0.06 * z[..., 3])
    debt = 0.5 * liabilities
    cfo = net + 0.05 * revenue * (1.0 + 0.6 * z[..., 4])
    capex = 0.05 * revenue * np.exp(0.3 * z[..., 5])
    return {
        "revenue": revenue,
        "gross_profit": 0.25 * revenue + 1.1 * net,
        "net_income": net,
        "operating_income": 1.3 * net + 0.01 * debt,
        "shares_diluted": 1.02 * shares,
        "cfo": cfo,
        "capex": capex,
        "cff": -0.7 * (cfo - capex) + 0.03 * revenue * z[..., 6],
        "equity": equity,
        "total_assets": equity + liabilities,
        "total_liabilities": liabilities,
        "current_assets": 0.4 * (equity + liabilities),
        "current_liabilities": 0.35 * liabilities,
        "cash": 0.12 * (equity + liabilities) * np.exp(0.2 * z[..., 6]),
        "long_term_debt": debt,
        "current_debt": 0.06 * liabilities,
        "shares_outstanding": shares,
    }


def _quarterly_score(lives: Lives, calendar: _Calendar) -> Floats:
    """The mean score of each company over each quarter, also before it was listed."""
    drawn = lives.score * np.where(lives.who >= 0, lives.signs[lives.who], 1.0)
    total = np.concatenate([np.zeros((1, drawn.shape[1])), np.cumsum(drawn, axis=0)])
    stop = calendar.rows + 1
    start = np.concatenate([[0], stop[:-1]])
    mean = (total[stop] - total[start]) / np.maximum(stop - start, 1)[:, None]
    mean[stop == start] = drawn[0]
    return np.asarray(mean[:, lives.place] * lives.signs, dtype=np.float64)


def _calendar(sessions: pd.DatetimeIndex) -> _Calendar:
    ends = pd.date_range(sessions[0] - pd.DateOffset(months=13), sessions[-1], freq="QE").as_unit("us")
    return _Calendar(ends, np.asarray(sessions.searchsorted(ends, side="right") - 1, dtype=np.int64))


def _business(days: np.ndarray) -> np.ndarray:
    return np.asarray(np.busday_offset(days, 0, roll="forward"))
