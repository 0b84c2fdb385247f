"""What companies are rated by: figures of each at the close of a session, from facts, bars and short interest.

A figure is raw and signed as its name says: high leverage is a large number. `CHARACTERISTICS` says of which rating it
is a part and which end is the better one. Whatever is not known at the close is NaN, and so is what needs the level of
a price that was delivered divided by later splits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear import sessions as exchange
from bullbear.data.companies.panel import Array, BoolArray, Panel
from bullbear.errors import InputError
from bullbear.group.fundamentals import ITEMS, Fundamentals, fundamentals, fundamentals_at
from bullbear.group.market_value import market_values
from bullbear.group.price_characteristics import price_characteristics
from bullbear.group.short_characteristics import short_characteristics


@dataclass(frozen=True)
class Characteristic:
    """One figure: the `rating` it is a part of, whether `high` values are the good ones, and what it is."""

    rating: str
    high: bool
    text: str


_LSV = "Lakonishok, Shleifer and Vishny 1994, doi:10.1111/j.1540-6261.1994.tb04772.x"
_QMJ = "Asness, Frazzini and Pedersen 2019, doi:10.1007/s11142-018-9470-2"

CHARACTERISTICS: Mapping[str, Characteristic] = {
    "earnings_yield": Characteristic("value", True, f"net income of twelve months / market value ({_LSV})"),
    "book_yield": Characteristic(
        "value",
        True,
        "equity / market value; missing if equity is not positive (Fama and French 1992, "
        "doi:10.1111/j.1540-6261.1992.tb04398.x)",
    ),
    "sales_yield": Characteristic("value", True, f"revenue of twelve months / market value ({_LSV})"),
    "cash_flow_yield": Characteristic("value", True, f"operating cash flow of twelve months / market value ({_LSV})"),
    "sales_growth": Characteristic(
        "growth", True, "revenue of twelve months / that a year before, less 1; missing where that is not positive"
    ),
    "operating_income_growth": Characteristic(
        "growth", True, f"change of operating income in a year / total assets a year before ({_QMJ})"
    ),
    "earnings_growth": Characteristic(
        "growth", True, f"change of net income in a year / total assets a year before ({_QMJ})"
    ),
    "gross_profitability": Characteristic(
        "quality",
        True,
        "gross profit of twelve months / total assets (Novy-Marx 2013, doi:10.1016/j.jfineco.2013.01.003)",
    ),
    "operating_profitability": Characteristic(
        "quality",
        True,
        "operating income of twelve months / total assets (Ball, Gerakos, Linnainmaa and Nikolaev 2015, "
        "doi:10.1016/j.jfineco.2015.02.004)",
    ),
    "cash_profitability": Characteristic(
        "quality", True, f"operating cash flow of twelve months / total assets ({_QMJ})"
    ),
    "cash_over_income": Characteristic(
        "quality",
        True,
        "operating cash flow less net income, of the same twelve months, / total assets: low accruals (Sloan 1996, "
        "The Accounting Review 71, 289-315)",
    ),
    "leverage": Characteristic("quality", False, f"total liabilities / total assets ({_QMJ})"),
    "price_momentum_12_1": Characteristic(
        "momentum",
        True,
        "growth of the price, without dividends, over 252 sessions without the last 21 (Jegadeesh and Titman 1993, "
        "doi:10.1111/j.1540-6261.1993.tb04702.x)",
    ),
    "nearness_to_high": Characteristic(
        "momentum",
        True,
        "close / highest close of 252 sessions, without dividends (George and Hwang 2004, "
        "doi:10.1111/j.1540-6261.2004.00695.x)",
    ),
    "log_volatility_63": Characteristic(
        "low_risk",
        False,
        "standard deviation of 63 daily log returns, not annualised (Ang, Hodrick, Xing and Zhang 2006, "
        "doi:10.1111/j.1540-6261.2006.00836.x)",
    ),
    "log_volatility_252": Characteristic(
        "low_risk", False, "standard deviation of 252 daily log returns, not annualised"
    ),
    "log_beta_252": Characteristic(
        "low_risk",
        False,
        "slope of 252 daily log returns on the mean of the members' (Frazzini and Pedersen 2014, "
        "doi:10.1016/j.jfineco.2013.10.005)",
    ),
    "short_share": Characteristic(
        "short_interest",
        False,
        "shares sold short / shares outstanding (Boehmer, Jones and Zhang 2008, doi:10.1111/j.1540-6261.2008.01324.x)",
    ),
    "days_to_cover": Characteristic(
        "short_interest",
        False,
        "shares sold short / average daily volume (Hong, Li, Ni, Scheinkman and Yan 2015, doi:10.3386/w21166)",
    ),
}
"""By name, in the order of the last axis of `characteristics`."""

FROM_PRICES = ("momentum", "low_risk")
"""Ratings whose parts need no facts."""

FIGURES = {
    name: ITEMS[name]
    for name in (
        "revenue",
        "gross_profit",
        "operating_income",
        "net_income",
        "cfo",
        "total_assets",
        "total_liabilities",
        "equity",
    )
}
CONCEPTS = tuple(concept for name in (*FIGURES, "shares_outstanding") for concept in ITEMS[name].concepts)
"""What must be read of the facts."""

LOOK_BACK = 380
"""Sessions before the first one asked for that a panel should hold: of returns, and of splits since a filing."""


@dataclass(frozen=True)
class Characteristics:
    """`values` of shape (n_sessions, n_companies, n_names); NaN where not known at the session's close."""

    sessions: pd.DatetimeIndex
    companies: tuple[str, ...]
    names: tuple[str, ...]
    values: Array

    def of(self, name: str) -> Array:
        """One of them, shape (n_sessions, n_companies)."""
        return np.asarray(self.values[:, :, self.names.index(name)])


def characteristics(
    panel: Panel,
    facts: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    *,
    short_interest: pd.DataFrame | None = None,
    member: BoolArray | None = None,
    splits: Array | None = None,
    names: Sequence[str] = tuple(CHARACTERISTICS),
) -> Characteristics:
    """`CHARACTERISTICS` of the panel's companies at the closes of `sessions`.

    All but `log_beta_252` are equal to the last bit whatever other companies the panel holds.

    Parameters
    ----------
    panel
        Bars without misprints (`screen(panel).clean`), from `LOOK_BACK` sessions before the first asked for.
    facts
        Every version known (`companies.facts()`).
    sessions
        Ascending, each one of the panel's.
    short_interest
        Every version known: company, event_date, known_at, shares_short, avg_daily_volume, days_to_cover.
    member
        Who belonged to the group at each session of the panel, shape (n_panel_sessions, n_companies), for the group's
        return that betas refer to; all by default.
    splits
        See `shares_outstanding`.
    names
        Of those wanted, in this order.

    Raises
    ------
    InputError
        A session is not one of the panel's, or there is no characteristic of a name.
    """
    if unknown := [name for name in names if name not in CHARACTERISTICS]:
        raise InputError("characteristics", unknown, ", ".join(CHARACTERISTICS), "use these names")
    rows = panel.sessions.get_indexer(sessions)
    if (rows < 0).any():
        first = sessions[rows < 0][0]
        raise InputError("sessions", str(first.date()), "sessions of the panel", "give a panel that covers them")
    instants = exchange.closes(pd.DatetimeIndex(sessions))
    one = len(instants) == 1  # of which the latest versions are enough
    filed = (
        fundamentals_at(facts, instants[0], panel.companies, FIGURES)
        if one
        else fundamentals(facts, instants, panel.companies, FIGURES)
    )
    market = market_values(panel, facts, rows, splits)
    found = _of_facts(filed, np.where(panel.restated, np.nan, market.value))
    found |= short_characteristics(short_interest, instants, market.shares, panel, rows)
    if any(CHARACTERISTICS[name].rating in FROM_PRICES for name in names):
        found |= price_characteristics(panel, rows, member)
    traded = panel.traded[rows]
    values = np.stack([np.where(traded, found[name], np.nan) for name in names], axis=2)
    return Characteristics(pd.DatetimeIndex(sessions), panel.companies, tuple(names), values)


def _of_facts(filed: Fundamentals, worth: Array) -> dict[str, Array]:
    assets, income = filed["total_assets"], filed["net_income"]
    operating, sales, cash = filed["operating_income"], filed["revenue"], filed["cfo"]
    equity = filed["equity"].value
    liabilities = filed["total_liabilities"].value
    liabilities = np.where(np.isnan(liabilities), assets.value - equity, liabilities)
    size, size_before = _positive(assets.value), _positive(assets.year_ago)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "earnings_yield": income.value / worth,
            "book_yield": _positive(equity) / worth,
            "sales_yield": sales.value / worth,
            "cash_flow_yield": cash.value / worth,
            "sales_growth": sales.value / _positive(sales.year_ago) - 1.0,
            "operating_income_growth": (operating.value - operating.year_ago) / size_before,
            "earnings_growth": (income.value - income.year_ago) / size_before,
            "gross_profitability": filed["gross_profit"].value / size,
            "operating_profitability": operating.value / size,
            "cash_profitability": cash.value / size,
            "cash_over_income": np.where(cash.end == income.end, cash.value - income.value, np.nan) / size,
            "leverage": liabilities / size,
        }


def _positive(values: Array) -> Array:
    return np.where(values > 0.0, values, np.nan)
