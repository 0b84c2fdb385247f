"""Many variants of a policy over the same forecasts: one call, every variant counted as tried.

The best of many variants looks better than it is. Two answers stand beside it: the deflated Sharpe ratio, which knows
how many were tried, and the walk-forward choice, which takes for each year the variant that was best before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.decide.engine import outcomes
from bullbear.decide.grid import Variant
from bullbear.decide.instruments import Instrument, instruments_in
from bullbear.decide.market import Floats, View
from bullbear.decide.outcome import FIGURES, Outcome
from bullbear.decide.performance.figures import sharpe
from bullbear.decide.policy import Needs, Policy
from bullbear.definitions import Question
from bullbear.errors import HistoryError, InputError
from bullbear.statistics.sharpe import deflated_sharpe
from bullbear.statistics.volatility import SESSIONS_PER_YEAR

LEAST_YEARS = 3
"""Whole years of the past by which a variant is chosen; a Sharpe ratio over fewer has an error of more than 0.6."""


@dataclass(frozen=True)
class WalkForward:
    """The variant of each year (its number), and the daily excess returns of following them, from the first choice on.

    `static` are those of the policy itself on the same days.
    """

    chosen: Mapping[int, int]
    excess: pd.Series
    static: pd.Series

    @property
    def sharpe(self) -> float:
        """Annual ratio of the chosen variants."""
        return sharpe(self.excess.to_numpy())

    @property
    def static_sharpe(self) -> float:
        """That of the policy itself."""
        return sharpe(self.static.to_numpy())


@dataclass(frozen=True)
class Sweep:
    """What each variant achieved.

    `table` has one row for each variant: the changed fields, `cagr`, `volatility`, `sharpe`, `max_drawdown`,
    `turnover`, `trades`. `excess`, by session, has a column for each, in the same order. `deflated` is the probability
    that the best variant's true Sharpe ratio is above that of the best of `trials` without skill.
    """

    variants: tuple[Variant, ...]
    table: pd.DataFrame
    excess: pd.DataFrame
    walk_forward: WalkForward | None
    trials: int
    deflated: float

    @property
    def best(self) -> int:
        """The number of the variant with the highest Sharpe ratio."""
        ratios = self.table["sharpe"].to_numpy(dtype=float)
        return int(np.nanargmax(ratios)) if np.isfinite(ratios).any() else 0


class Together(Policy):
    """What several policies read, as one policy; it decides nothing."""

    kind: str = "together"
    policies: tuple[Policy, ...]

    @property
    def needs(self) -> Needs:
        """What any of them needs."""
        every = [policy.needs for policy in self.policies]

        def any_of(name: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(each for needs in every for each in getattr(needs, name)))

        return Needs(any_of("funds"), any_of("questions"), any_of("optional"), any_of("factors"))

    def misread(self, question: Question) -> tuple[tuple[str, ...], str] | None:
        """What the first that reads the question takes it for, if it is another."""
        reading = [each for each in self.policies if question.name in each.needs.optional]
        return next(filter(None, (each.misread(question) for each in reading)), None)


def sweep(
    predictions: Predictions,
    view: View,
    variants: Sequence[Variant],
    own: Variant,
    *,
    ticker: str = "IWM",
    factors: pd.DataFrame | None = None,
    others: Sequence[float] = (),
    trials: int = 0,
    say: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Sweep:
    """Walk every variant over the same forecasts.

    Parameters
    ----------
    own
        The policy without a change; the walk-forward choice is shown against it.
    others, trials
        Annual Sharpe ratios of what was tried besides, as far as they are known, and its number.
    say, progress
        See `engine.outcomes`.

    Raises
    ------
    InputError
        There is no variant.
    """
    if not variants:
        raise InputError("variants", 0, "at least one", "give the grid a field")
    everything = (own, *variants)
    first, *found = outcomes(
        predictions,
        view,
        [each.policy for each in everything],
        ticker=ticker,
        factors=factors,
        say=say,
        progress=progress,
    )
    table = pd.DataFrame([_row(*each) for each in zip(variants, found, strict=True)])
    excess = pd.DataFrame({number: each.excess for number, each in enumerate(found)}, index=first.sessions[1:])
    try:
        walked = walk_forward(found, [each.policy for each in variants], first)
    except HistoryError:
        walked = None
    ratios = [float(ratio) for ratio in (*table["sharpe"], *others) if math.isfinite(ratio)]
    total = len({variant.digest for variant in everything}) + trials
    return Sweep(tuple(variants), table, excess, walked, total, _deflated(excess, table, ratios, total))


def _row(variant: Variant, outcome: Outcome) -> dict[str, Any]:
    return {**variant.changes, **{name: getattr(outcome, name) for name in FIGURES}}


def walk_forward(
    outcomes: Sequence[Outcome], policies: Sequence[Policy], own: Outcome, *, least_years: int = LEAST_YEARS
) -> WalkForward:
    """For each year the variant with the best Sharpe ratio over all sessions before it, ties to the first.

    A change of variant is paid for: what the two hold differently at the last close of the old year is traded at the
    costs of the funds.

    Raises
    ------
    HistoryError
        No year has `least_years` whole years before it.
    """
    first, sessions = own.sessions[0], own.sessions[1:]
    excess = np.column_stack([each.excess for each in outcomes])
    years = [year for year in sorted(set(sessions.year)) if pd.Timestamp(year - least_years, 1, 1) >= first - _FEW_DAYS]
    years = [year for year in years if (sessions.year < year).any()]
    if not years:
        raise HistoryError(
            "account", f"from {first.date()}", f"more than {least_years} years", "backtest a longer span"
        )
    funds: dict[str, Instrument] = {each.ticker: each for policy in policies for each in instruments_in(policy)}
    chosen: dict[int, int] = {}
    found = np.full(len(sessions), math.nan)
    for year in years:
        past, own_rows = sessions.year < year, sessions.year == year
        ratios = np.array([sharpe(column) for column in excess[past].T])
        # What never took a risk has no ratio and is worth cash.
        chosen[year] = int(np.argmax(np.where(np.isfinite(ratios), ratios, 0.0)))
        found[own_rows] = excess[own_rows, chosen[year]]
        before = chosen.get(year - 1)
        if before is not None and before != chosen[year]:
            held, wanted = (outcomes[number].year_ends[year - 1] for number in (before, chosen[year]))
            found[np.flatnonzero(own_rows)[0]] -= _cost_of_switch(held, wanted, funds)
    begins = sessions.year >= years[0]
    static = pd.Series(own.excess[begins], sessions[begins])
    return WalkForward(chosen, pd.Series(found[begins], sessions[begins]), static)


_FEW_DAYS = pd.Timedelta(days=7)
"""A year whose first sessions are missing, for holidays or a first decision at a close, is whole."""


def _cost_of_switch(held: Mapping[str, float], wanted: Mapping[str, float], funds: Mapping[str, Instrument]) -> float:
    """Of the equity: the difference of the weights at a close times what a trade of each fund costs at least."""
    cost = 0.0
    for ticker in {*held, *wanted}:
        if ticker in funds:
            fund = funds[ticker]
            rate = (fund.half_spread_bp + fund.slippage_bp) / 1e4 + fund.commission
            cost += rate * abs(wanted.get(ticker, 0.0) - held.get(ticker, 0.0))
    return cost


def _deflated(excess: pd.DataFrame, table: pd.DataFrame, ratios: Sequence[float], trials: int) -> float:
    from scipy.stats import kurtosis, skew  # takes a second, and a sweep is the only one to need it here

    values = table["sharpe"].to_numpy(dtype=float)
    if not np.isfinite(values).any():
        return math.nan
    best: Floats = excess[int(np.nanargmax(values))].to_numpy(dtype=float)
    n = len(best)
    spread = float(np.var(ratios, ddof=1)) if len(ratios) > 1 else SESSIONS_PER_YEAR / n
    return deflated_sharpe(
        sharpe(best) / math.sqrt(SESSIONS_PER_YEAR),
        n,
        trials=trials,
        variance=spread / SESSIONS_PER_YEAR,
        skewness=float(skew(best)),
        kurtosis=float(kurtosis(best, fisher=False)),
    )
