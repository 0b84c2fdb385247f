"""Leaks of the backtest: fills that nobody could have had, and decisions that read the next bar."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from tests.audit.mutants import Bench, mutant

from bullbear.audit.subject import Effort, Subject
from bullbear.decide import daily_reset as resets
from bullbear.decide import market, step
from bullbear.decide.account import Account
from bullbear.decide.instruments import Instrument
from bullbear.decide.market import Bars, Market
from bullbear.decide.policies.two_agents import TwoAgents
from bullbear.decide.policy import Slot

FILLS = Effort(cuts=0, series_cuts=1, years=2, seeds=1)
NOISE = Effort(cuts=3, series_cuts=1, years=2, seeds=1)


def bear_policy(subject: Subject, **bear: Any) -> Subject:
    """The subject under both agents, with resting stops, volatility target and bands."""
    asked = {"up", "vol20", "vol30", "dip8"}
    rule = subject.home.rule("two_agents_bear", named_at="a test", questions=asked, feature_sets=subject.feature_sets)
    policy = rule.policy
    assert isinstance(policy, TwoAgents)
    if bear:
        funds = subject.home.instruments()
        named = {"instruments": tuple(funds[t] for t in bear["instruments"])}
        table = policy.bear.model_copy(update=named)
        rule = replace(rule, policy=policy.model_copy(update={"bear": table}))
    return replace(subject, rule=rule)


@dataclass(frozen=True)
class Listed:
    """A change of the store: the bars of some funds begin in the middle of the account."""

    funds: tuple[str, ...]

    def touches(self, kind: str, series: str) -> bool:
        return kind == "bars" and series in self.funds

    def rows(self, kind: str, series: str, frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["event_date"] >= pd.Timestamp("2007-09-03")]


def _of_bars(bench: Bench, change: Callable[[Bars], Bars]) -> Subject:
    real = market._bars
    bench.patch.setattr(market, "_bars", lambda *given: change(real(*given)))
    return bear_policy(bench.subject)


def _later(values: list[float], by: int) -> list[float]:
    """Each value as it will be `by` rows later."""
    column = pd.Series(values, dtype=float).shift(-by).ffill().bfill()
    return [float(each) for each in column]


@mutant("execution", says=r"order of \w+, decided .* where the open was", effort=FILLS)
def filled_at_the_close_of_the_decision(bench: Bench) -> Subject:
    def change(bars: Bars) -> Bars:
        return replace(bars, open=_later(bars.close, -1), raw_open=_later([c * u for c, u in _pairs(bars)], -1))

    return _of_bars(bench, change)


def _pairs(bars: Bars) -> list[tuple[float, float]]:
    return list(zip(bars.close, bars.unit, strict=True))


@mutant("execution", says=r"order of \w+, decided .* where the open was", effort=FILLS)
def bought_at_the_low_of_the_day(bench: Bench) -> Subject:
    def change(bars: Bars) -> Bars:
        shown = [low * unit for low, unit in zip(bars.low, bars.unit, strict=True)]
        return replace(bars, open=bars.low, raw_open=shown)

    return _of_bars(bench, change)


@mutant(
    "execution",
    says=r"account \w+ on .*order of \w+, decided .*equity is .* from its trades and the bars",
    effort=FILLS,
)
def filled_at_the_low_but_shown_at_the_open(bench: Bench) -> Subject:
    real = step._fill

    def fill(book: Any, at: Market, row: int) -> Any:
        bars = {name: replace(each, open=each.low) for name, each in at.bars.items()}
        cheap = _values_at(book, at, bars, row)
        cash, values, orders, fills = real(cheap, at, row)
        back = {slot: value * _ratio(at, slot, row) for slot, value in values.items()}
        return cash, back, orders, fills

    bench.patch.setattr(step, "_fill", fill)
    return bear_policy(bench.subject)


def _ratio(at: Market, slot: Slot, row: int) -> float:
    bars = at.bars[slot.ticker]
    return bars.open[row] / bars.low[row]


def _values_at(book: Any, at: Market, bars: Mapping[str, Bars], row: int) -> Any:
    return replace(book, values={slot: value / _ratio(at, slot, row) for slot, value in book.values.items()})


@mutant("execution", says=r"executed before or at its decision", effort=FILLS)
def executed_at_the_close_that_decides(bench: Bench) -> Subject:
    real = Account.__init__

    def init(self: Account, daily: pd.DataFrame, positions: pd.DataFrame, trades: pd.DataFrame, *more: Any) -> None:
        real(self, daily, positions, trades.assign(executed_at=trades["decided_at"]), *more)

    bench.patch.setattr(Account, "__init__", init)
    return bench.subject


@mutant("execution", says=r"stop of \w+, decided .* its bar allows", effort=FILLS)
def stop_filled_at_its_level_below_the_open(bench: Bench) -> Subject:
    def filled(stop: float, opened: float, low: float, close: float) -> float | None:
        return stop if 0.0 < low <= stop else None

    bench.patch.setattr(step, "stop_price", filled)
    return bear_policy(bench.subject)


@mutant("execution", says=r"stop of \w+, decided .* was never reached", effort=FILLS)
def stop_filled_though_never_reached(bench: Bench) -> Subject:
    def filled(stop: float, opened: float, low: float, close: float) -> float | None:
        if 0.0 < opened <= stop:
            return opened
        return stop if 0.0 < low <= stop * 1.02 else None

    bench.patch.setattr(step, "stop_price", filled)
    return bear_policy(bench.subject)


@mutant("execution", says=r"stop of \w+, decided .* its bar allows", effort=FILLS)
def stop_filled_at_the_best_price_of_the_day(bench: Bench) -> Subject:
    real = step.stop_price

    def filled(stop: float, opened: float, low: float, close: float) -> float | None:
        return None if real(stop, opened, low, close) is None else max(opened, close)

    bench.patch.setattr(step, "stop_price", filled)
    return bear_policy(bench.subject)


@mutant("execution", says=r"stop of \w+, decided .* its bar allows|the stop of \w+ at .* was reached", effort=FILLS)
def stop_judged_at_the_close_alone(bench: Bench) -> Subject:
    def filled(stop: float, opened: float, low: float, close: float) -> float | None:
        return close if 0.0 < close <= stop else None

    bench.patch.setattr(step, "stop_price", filled)
    return bear_policy(bench.subject)


@mutant("execution", says=r"(stop of \w+, decided .*(its bar allows|never reached)|did not sell)", effort=FILLS)
def stop_moved_by_the_range_of_its_own_day(bench: Bench) -> Subject:
    real = step._stopped

    def stopped(book: Any, at: Market, row: int, *given: Any) -> Any:
        stops = {}
        for slot, level in book.stops.items():
            atr = at.bars[slot.ticker].atr
            stops[slot] = level + 4.0 * (atr[row - 1] - atr[row])
        return real(replace(book, stops=stops), at, row, *given)

    bench.patch.setattr(step, "_stopped", stopped)
    return bear_policy(bench.subject)


@mutant("execution", says=r"the decision of \d{4}.* changes with noise in what became known after", effort=NOISE)
def volatility_of_the_next_session(bench: Bench) -> Subject:
    real = market.zero_mean_volatility

    def shifted(close: np.ndarray, window: int) -> np.ndarray:
        known = real(close, window)
        return np.append(known[1:], known[-1])

    bench.patch.setattr(market, "zero_mean_volatility", shifted)
    return bench.subject  # its policy, the bands, has a volatility cap


@mutant("execution", says=r"the decision of \d{4}.* changes with noise in what became known after", effort=NOISE)
def decision_on_the_close_of_the_next_bar(bench: Bench) -> Subject:
    real = Market.known

    def known(self: Market, row: int, name: Any) -> dict[str, float]:
        return real(self, min(row + 1, len(self.sessions) - 1), name)

    bench.patch.setattr(Market, "known", known)
    return bench.subject


@mutant(
    "execution",
    says=r"account volatility_target: the order of IWM, decided .* with noise in what became known after",
    effort=NOISE,
)
def baseline_with_a_centred_volatility(bench: Bench) -> Subject:
    def centred(close: np.ndarray, window: int) -> np.ndarray:
        squares = pd.Series(np.log(close)).diff() ** 2
        return np.sqrt(squares.rolling(window, center=True).mean() * 252).to_numpy()

    bench.patch.setattr("bullbear.decide.policies.volatility_target.zero_mean_volatility", centred)
    return bench.subject


@mutant("execution", says=r"what cash earned since the close before is", effort=FILLS)
def cash_at_the_rate_of_the_following_day(bench: Bench) -> Subject:
    real = market.bill_rate
    bench.patch.setattr(market, "bill_rate", lambda *given: _later(real(*given), 1))
    return bench.subject


@mutant("execution", says=r"(account \w+ on .*equity is|order of SRTY, decided .* where the open was)", effort=FILLS)
def modelled_fund_with_the_return_of_the_next_session(bench: Bench) -> Subject:
    real = resets.daily_reset

    def shifted(fund: Any, index: resets.Prices, *given: Any) -> resets.Prices:
        later = resets.Prices(*(np.array(_later(column.tolist(), 1)) for column in index))
        return real(fund, later, *given)

    bench.patch.setattr(market, "daily_reset", shifted)
    subject = bear_policy(bench.subject, instruments=["SRTY"])
    return replace(subject, store=subject.changed(Listed(("SRTY",))))


@mutant("execution", says=r"order of \w+, decided .* has a cost below zero", effort=FILLS)
def costs_with_the_wrong_sign(bench: Bench) -> Subject:
    real = Instrument.cost
    bench.patch.setattr(Instrument, "cost", lambda *given: -real(*given))
    return bench.subject


@mutant("execution", says=r"order of \w+, decided .* pays .* where its instrument declares", effort=FILLS)
def impact_by_the_volume_of_the_day_itself(bench: Bench) -> Subject:
    real = Market.usual_volume

    def volume(self: Market, ticker: str, row: int) -> float:
        own = self.bars[ticker].dollar_volume[row]
        return own if not math.isnan(own) else real(self, ticker, row)

    bench.patch.setattr(Market, "usual_volume", volume)
    return bench.subject


@mutant(
    "execution", says=r"order of \w+, decided .* (has no open on that session|could have been filled)", effort=FILLS
)
def fund_of_today_held_before_its_listing(bench: Bench) -> Subject:
    real = market._bars

    def filled(frame: pd.DataFrame, *given: Any) -> Bars:
        bars = real(frame, *given)
        return replace(bars, open=_later(bars.open, 0), close=_later(bars.close, 0), raw_open=_later(bars.raw_open, 0))

    bench.patch.setattr(market, "_bars", filled)
    subject = bear_policy(bench.subject)
    policy = subject.rule.policy
    assert isinstance(policy, TwoAgents)
    funds = tuple(each.model_copy(update={"model": None}) for each in policy.bear.instruments)
    table = policy.bear.model_copy(update={"instruments": funds})
    rule = replace(subject.rule, policy=policy.model_copy(update={"bear": table}))
    return replace(subject, rule=rule, store=subject.changed(Listed(("RWM", "TWM"))))
