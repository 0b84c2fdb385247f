"""The daily forecast: one probability, two agents, and everything that made them, at one close.

It goes down once: the close and what was known there (`close`), the factors and forecasts of the sessions to decide
(`today`), one decision of the policy (`decide.advise`), the entry (`record`, `ledger`). A day inside the champion's
out-of-sample span is answered by the model of that day, so it repeats the walk-forward to the last bit; a day before
the first model is refused, since any model would look ahead; after the last one the champion is refitted first, as the
walk-forward would have been.

A forecast issued before the next open is live: its positions continue what was advised on the evening before, whoever
was champion then. Any other is a replay: its positions continue the champion's own backtest, whose account after each
decision is in the bundle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from bullbear import sessions
from bullbear.data.store import Store
from bullbear.decide import advise, advise_each
from bullbear.errors import InputError
from bullbear.forecasting.account_factors import account_factors
from bullbear.forecasting.advised import ADVISED, HYPOTHETICAL, Advised, advised
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.forecasting.close import Close, close_of
from bullbear.forecasting.ledger import LIVE, Ledger, kind_of, with_provenance
from bullbear.forecasting.record import document, iso
from bullbear.forecasting.refitting import refit_champion, refit_overdue
from bullbear.forecasting.staleness import check_budget
from bullbear.forecasting.today import forecast_sessions
from bullbear.home import Home
from bullbear.settings import settings_of

IDENTITY = ("ticker", "decided_at", "model.run_id", "data.fingerprint")
"""What makes two forecasts one. A live one is the same only if its account is, too, and what it replaces: a bar of the
inverse fund or a promotion may come between two questions of one evening."""
Progress = Callable[[int, int], None]


def issue(
    home: Home,
    as_of: str | None = None,
    *,
    now: pd.Timestamp | None = None,
    refit: bool = True,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The champion's forecast, appended to the ledger; asked again, the same entry.

    Parameters
    ----------
    as_of
        The day to decide on; None for the last session whose bar was known at its close.
    now
        The clock; None for this machine's, read when the refits are made.
    refit
        Whether to make the refits of the champion that are due.

    Raises
    ------
    RunError
        There is no champion.
    InputError
        The champion was trained on the simulated market and the store is real, or the other way round; or the session
        has not closed yet, although a row for it is stored.
    NoDataError
        The store cannot answer for that day.
    GateError
        What the champion reads, or the champion itself, is staler than `[staleness]` in bullbear.toml allows.
    """
    bundle, store = read_bundle(home.champion), home.filled_store()
    _refuse_other_market(bundle, store)
    target, simulated = bundle.definition.target, store.is_simulated
    stored = store.last_stored_at  # what is fetched from now on is not looked at: the entry can be replayed
    at = close_of(store, target, as_of, stored=stored)
    asked = pd.Timestamp.now("UTC") if now is None else now
    if at.decided_at > asked:  # a refit must not see an unfinished bar, either
        allowed = f"a session that has closed by {iso(asked)}"
        raise InputError("--as-of", str(at.session.date()), allowed, "ask after its close")
    overdue = refit_overdue(bundle, at.labels)
    if refit and overdue:
        bundle = refit_champion(home, bundle, at.view, progress)
        overdue = refit_overdue(bundle, at.labels)
    # Read after the refit, which may take minutes: a forecast that is ready after the next open is not live.
    now = pd.Timestamp.now("UTC") if now is None else now
    ledger = Ledger(home.forecasts / "ledger.jsonl")
    account: Advised | None = None
    if kind_of(at.decided_at, now) == LIVE:
        account = advised(
            ledger.entries(),
            target.ticker,
            simulated=simulated,
            decided_at=iso(at.decided_at),
            instruments=home.instruments(),
        )
    made = forecast_at(at, bundle, account, refit_overdue=overdue, simulated=simulated)
    made["data"] |= {
        "stored_through": iso(stored, "us"),
        "sessions_behind": len(sessions.between(at.session, sessions.last_closed(now))) - 1,
    }
    check_budget(
        made,
        bundle,
        settings_of(home.root).staleness,
        is_fed=store.as_of(stored=stored).has("raw_bars", target.ticker),
        is_today=as_of is None,
    )
    if account is None:
        return ledger.append(with_provenance(made, now), identity=IDENTITY)
    made["account"] = account.marked(made)
    return ledger.append(with_provenance(made, now), identity=(*IDENTITY, "account"))


def replay(store: Store, bundle: Bundle, as_of: str | None = None) -> dict[str, Any]:
    """The replay at the close of `as_of` (default: the last session stored), JSON-ready, without the ledger's keys.

    Raises
    ------
    HistoryError
        The day lies before the champion's first model, or before its first reported forecast.
    NoDataError
        The store cannot answer for that day.
    """
    target = bundle.definition.target
    at = close_of(store, target, as_of)
    return forecast_at(at, bundle, refit_overdue=refit_overdue(bundle, at.labels), simulated=store.is_simulated)


def forecast_at(
    at: Close, bundle: Bundle, account: Advised | None = None, *, refit_overdue: int = 0, simulated: bool
) -> dict[str, Any]:
    """The forecast of `bundle` at one close.

    Parameters
    ----------
    account
        What was advised before; its positions are continued. None for a replay, which continues the bundle's own
        account.
    """
    ticker = bundle.definition.target.ticker
    if account is None:
        before, kind = bundle.book_before(at.session), HYPOTHETICAL
        today = forecast_sessions(at, bundle, after=None if before is None else before.session)
        factors = account_factors(at.view, bundle, bundle.policy, before, at.session)
        since = advise_each(
            at.view, bundle.policy, today.earlier, ticker=ticker, before=before, factors=factors
        )  # fmt: skip
        before = since[-1].book if since else before
    else:
        before, kind = account.before, ADVISED
        today = forecast_sessions(at, bundle, after=None)
        factors = account_factors(at.view, bundle, bundle.policy, before, at.session)
    advice = advise(
        at.view, bundle.policy, at.decided_at, today.outlook, ticker=ticker, before=before, factors=factors
    )  # fmt: skip
    return document(
        at,
        bundle,
        today,
        advice,
        account=kind,
        refit_overdue=refit_overdue,
        simulated=simulated,
    )


def _refuse_other_market(bundle: Bundle, store: Store) -> None:
    if bool(bundle.meta["simulated"]) != store.is_simulated:
        trained = "the simulated market" if bundle.meta["simulated"] else "real data"
        raise InputError(
            "champion", f"trained on {trained}", "a champion of this store's own data", "train and promote one here"
        )
