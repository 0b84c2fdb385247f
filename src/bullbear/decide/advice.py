"""The advice of an evening: the account as it stands, one decision of the policy, and the trades that follow.

`advise` takes up the account where the last advice left it, carries it over every session since then, decides at the
last one and hands back the account to be kept. Day after day it walks the very steps that `backtest` walks at once, so
both give the same weights, equity and memory to the last bit. The account survives a change of policy: what the new
one has no place for is sold, and the trades say so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from bullbear.dataset.predictions import Predictions
from bullbear.decide.book import Book
from bullbear.decide.instruments import Instrument, instruments_in
from bullbear.decide.kept_walk import KeptBooks, walk_digest
from bullbear.decide.market import Market, View, read_market
from bullbear.decide.policy import Forecast, Memory, Policy, Stance, State, all_needs
from bullbear.decide.statement import Statement, statement
from bullbear.decide.step import Step, step
from bullbear.errors import DefinitionError, Found, HistoryError, InputError
from bullbear.sessions import day, days
from bullbear.user_code import call, place_of

Forecasts = Mapping[str, Forecast]
"""By question."""


@dataclass(frozen=True, slots=True)
class Trade:
    """A weight to be changed at the next open; `weight_before` is held at the close of the decision."""

    ticker: str
    weight_before: float
    weight_after: float

    @property
    def change(self) -> float:
        """Fraction of equity bought, negative where sold."""
        return self.weight_after - self.weight_before

    def to_json(self) -> dict[str, Any]:
        """A record of the ledger."""
        return {
            "ticker": self.ticker,
            "weight_before": self.weight_before,
            "weight_after": self.weight_after,
            "change": self.change,
        }


@dataclass(frozen=True)
class Advice:
    """The stance, the account after it, to be kept for the next advice, and what it went through since the last one.

    `since` is None where there was no earlier account, or none of an earlier session; of several closes, the last one
    has it.
    """

    stance: Stance
    book: Book
    since: Statement | None = None

    @property
    def trades(self) -> tuple[Trade, ...]:
        """The orders that now stand, by ticker."""
        held = self.book.weights
        return tuple(Trade(t, held.get(t, 0.0), target) for t, target in self.book.targets.items())


def advise(
    view: View,
    policy: Policy,
    decided_at: pd.Timestamp,
    forecasts: Forecasts,
    *,
    ticker: str = "IWM",
    before: Book | None = None,
    factors: pd.DataFrame | None = None,
) -> Advice:
    """The policy's stance at one close, from the positions that the account really holds.

    Parameters
    ----------
    view
        Everything known at that close.
    decided_at
        The close of a session.
    forecasts
        By question: those that the policy needs, and others, of which it sees those that it declares as optional.
    before
        The account as the last advice left it, perhaps under another policy; None starts in cash. Advice at the same
        close replaces the earlier one: its orders have not been filled yet.
    factors
        What the policy and modelled instruments read, columns by session; each row must have been known at its close.

    Raises
    ------
    InputError
        The close does not come after `before`, a forecast or a factor that the policy needs is missing, or a number is
        one that no rule can use.
    NoDataError
        The ticker has no bar on that day.
    HistoryError
        The decision stands before a whole volatility window.
    """
    market = _market(view, policy, ticker, before, factors)
    market.place(day(decided_at))
    return next(_each(market, policy, {decided_at: forecasts}, before))


def advise_each(
    view: View,
    policy: Policy,
    forecasts: Mapping[pd.Timestamp, Forecasts],
    *,
    ticker: str = "IWM",
    before: Book | None = None,
    factors: pd.DataFrame | None = None,
) -> tuple[Advice, ...]:
    """`advise` on one close after the other, each from the account that the one before it left.

    As in `backtest`, a close on whose session `ticker` has no bar is passed over.
    """
    if not forecasts:
        return ()
    market = _market(view, policy, ticker, before, factors)
    return tuple(_each(market, policy, _decidable(market, forecasts), before))


def advise_last(
    view: View,
    policy: Policy,
    predictions: Predictions,
    *,
    ticker: str = "IWM",
    before: Book | None = None,
    factors: pd.DataFrame | None = None,
    kept: KeptBooks | None = None,
) -> Advice:
    """The last advice of `advise_each`, without holding those that lead to it.

    Parameters
    ----------
    predictions
        Out-of-sample forecasts in order of time, of whose last close the advice is given.
    kept
        Where the account of an earlier walk over the very same numbers may be found, and this one is kept. The advice
        is the same to the last bit with it and without.
    """
    market = _market(view, policy, ticker, before, factors)
    digest = None if kept is None or before is not None else walk_digest(market, policy, predictions)
    if kept is not None and digest is not None and (book := kept.read(digest)) is not None:
        at = predictions.table["decided_at"]
        forecasts = forecasts_by_close(predictions.where((at == at.max()).to_numpy()))
        (found,) = _each(market, policy, forecasts, book)
        return found
    decidable = _decidable(market, forecasts_by_close(predictions))
    if not decidable:
        raise HistoryError("advice", Found("no forecast on a session with a bar"), "at least one", "choose a later day")
    walk = _each(market, policy, decidable, before)
    last, before_last = next(walk), None
    for advice in walk:
        before_last, last = last, advice
    if kept is not None and digest is not None and before_last is not None:
        kept.write(digest, before_last.book)
    return last


def _decidable(market: Market, forecasts: Mapping[pd.Timestamp, Forecasts]) -> dict[pd.Timestamp, Forecasts]:
    """The forecasts of closes on whose session the market has a bar."""
    rows = market.sessions.get_indexer(days(pd.DatetimeIndex(list(forecasts)).as_unit("us")))
    return {at: each for (at, each), row in zip(forecasts.items(), rows, strict=True) if row >= 0}


def forecasts_by_close(predictions: Predictions) -> dict[pd.Timestamp, dict[str, Forecast]]:
    """Out-of-sample forecasts as policies read them: by `decided_at`, then by question."""
    found: dict[pd.Timestamp, dict[str, Forecast]] = {}
    names = ("question", "decided_at", "p", "p_low", "p_high", "climatology")
    for question, at, *numbers in zip(*(predictions.table[name].to_list() for name in names), strict=True):
        found.setdefault(at, {})[question] = Forecast(*map(float, numbers))
    return found


def take(
    market: Market, row: int, book: Book, policy: Policy, decided_at: pd.Timestamp, forecasts: Forecasts
) -> tuple[State, Stance, Book]:
    """The decision at the close of session number `row`: what the policy saw, its stance, the account after it."""
    state = state_at(market, row, book, policy, decided_at, forecasts)
    state.check()
    stance, memory = _decided(policy, state, book.recalled(policy))
    stance = stance.telling([s.instrument.ticker for s in stance.sleeves if s.instrument.is_modelled(market, row)])
    return state, stance, book.followed(stance, memory, policy.kind, state.closes)


def _decided(policy: Policy, state: State, memory: Memory) -> tuple[Stance, Memory]:
    what = f"policy {policy.kind}"
    found: Any = call(what, policy.decide, state, memory)
    if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], Stance)):
        where = f"{place_of(policy.decide)} ({what})"
        raise DefinitionError(where, type(found).__name__, "a stance and a memory", "return Stance(...), NoMemory()")
    return found[0], found[1]


def state_at(
    market: Market, row: int, book: Book, policy: Policy, decided_at: pd.Timestamp, forecasts: Forecasts
) -> State:
    """What `policy` sees at the close of session number `row`.

    Raises
    ------
    InputError
        A question that it needs is not there.
    HistoryError
        There are fewer bars before it than the volatility window needs.
    """
    needs, volatility, held = policy.needs, market.volatility[row], book.held
    if needs.volatility_window and volatility != volatility:
        raise HistoryError(
            f"volatility of {market.ticker}",
            str(market.days[row].date()),
            "a session with a whole volatility window before it",
            "decide later or shorten volatility_window",
        )
    for name in needs.questions:
        _needed("question", name, forecasts, on=market.days[row])
    asked = dict.fromkeys((*needs.questions, *needs.optional))
    others = sorted({slot.ticker for slot in held if slot.ticker not in market.modelled})
    return State(
        decided_at=decided_at,
        forecasts={name: forecasts[name] for name in asked if name in forecasts},
        factors={
            **{name: column[row] for name, column in market.signals.items()},
            **{name: market.factor(name, row, "close") for name in needs.factors},
        },
        volatility=volatility if needs.volatility_window else float("nan"),
        closes=market.known(row, "close"),
        atrs=market.known(row, "atr") if needs.atr_window else {},
        month_closes={t: market.month_closes(t, row, needs.month_ends) for t in needs.funds if t in market.bars}
        if needs.month_ends
        else {},
        units=market.known(row, "unit"),
        held=held,
        stopped=book.stopped,
        modelled=(
            *[t for t in market.modelled if market.is_modelled(t, row)],
            *[t for t in others if book.instruments[t].is_modelled(market, row)],
        ),
    )


def _needed(
    what: str, name: str, given: Iterable[str], *, who: str = "policy's", on: pd.Timestamp | None = None
) -> str:
    if name not in given:
        allowed = f"those given{'' if on is None else f' on {on.date()}'}: {', '.join(sorted(given)) or 'none'}"
        raise InputError(f"{who} {what}", name, allowed, f"give that {what}, or choose another policy")
    return name


def _market(view: View, policy: Policy, ticker: str, before: Book | None, factors: pd.DataFrame | None) -> Market:
    held = before.instruments.values() if before else ()
    return market_for(view, policy, ticker, held=held, tickers=before.tickers if before else (), factors=factors)


def market_for(
    view: View,
    policy: Policy,
    ticker: str,
    *,
    held: Collection[Instrument] = (),
    tickers: Iterable[str] = (),
    factors: pd.DataFrame | None = None,
) -> Market:
    """The market that `policy` and its instruments need, with the instruments `held` and other `tickers` besides.

    Raises
    ------
    InputError
        A factor that one of them needs is not given.
    """
    given = [] if factors is None else [str(name) for name in factors.columns]
    for each in held:
        for name in each.factors:
            _needed("factor", name, given, who=f"{each.ticker} held:")
    needs = all_needs(policy, held)
    models = {each.ticker: each.model_fund for each in (*instruments_in(policy), *held)}
    chosen = [_needed("factor", name, given) for name in needs.factors]
    market = read_market(
        view,
        ticker,
        tickers=(*needs.funds, *tickers),
        volatility_window=needs.volatility_window,
        atr_window=needs.atr_window,
        models={name: fund for name, fund in models.items() if fund is not None},
        factors=None if factors is None else factors[chosen],
    )
    return replace(market, signals=policy.signals(market))


def _each(
    market: Market, policy: Policy, forecasts: Mapping[pd.Timestamp, Forecasts], before: Book | None
) -> Iterator[Advice]:
    book = None if before is None else before.in_prices_of(market, policy)
    sessions = days(pd.DatetimeIndex(list(forecasts)).as_unit("us"))
    rows = market.sessions.get_indexer(sessions).tolist()
    for place, ((decided_at, each), session, row) in enumerate(zip(forecasts.items(), sessions, rows, strict=True)):
        if book is None:
            book = Book(session=market.days[row])
            carried = row
        elif book.session > session:
            raise InputError(
                "decided_at",
                str(session.date()),
                f"a session from {book.session.date()} on, the account's last",
                "decide on a later day, or from the account as it stood before that day",
            )
        elif not place:
            carried = int(market.sessions.searchsorted(book.session, side="right")) - 1
        opened, steps = book, list[Step]()
        for at in range(carried + 1, row + 1):
            steps.append(step(book, market, at))
            book = steps[-1].book
        carried = row
        # Nobody reads the statements of the closes that lead to the last one, and a replay has thousands of them.
        is_last = place == len(forecasts) - 1
        since = statement(opened, steps, market) if steps and is_last else None
        _, stance, book = take(market, row, book, policy, decided_at, each)
        yield Advice(stance, book, since)
