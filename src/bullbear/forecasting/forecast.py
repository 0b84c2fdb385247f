"""The daily forecast: a probability for each question, two agents, and everything that made them, at one close.

It goes down once: the close and what was known there (`close`), who answers each question (`champions`), the factors
and forecasts of the sessions to decide (`today`), one decision of the policy (`decide.advise`), the entries (`record`,
`ledger`). A day inside the champion's
out-of-sample span is answered by the model of that day, so it repeats the walk-forward to the last bit; a day before
the first model is refused, since any model would look ahead; after the last one the champion is refitted first, as the
walk-forward would have been.

A forecast issued before the next open is live: its positions continue what was advised on the evening before, whoever
was champion then. Any other is a replay: its positions are those of a backtest of the present champions up to that day.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from bullbear import sessions
from bullbear.data.store import Store
from bullbear.decide import advise_last
from bullbear.decide.kept_walk import KeptBooks
from bullbear.definitions import FactorSpec
from bullbear.errors import InputError, LedgerError, MissingExtraError
from bullbear.forecasting.account_factors import account_factors, priced_by
from bullbear.forecasting.advised import ADVISED, HYPOTHETICAL, Advised, advised
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.forecasting.champions import Asked, Others, others_of, question_of
from bullbear.forecasting.close import Close, close_of
from bullbear.forecasting.holdout import lock_of_bundle
from bullbear.forecasting.kept_documents import KeptAccounts, KeptDocuments
from bullbear.forecasting.ledger import LIVE, Ledger, kind_of, warn, with_provenance
from bullbear.forecasting.policy_forecasts import given, read_by, spoken
from bullbear.forecasting.record import document, iso, question_document
from bullbear.forecasting.refitting import HeldBack, due_refits, refit_champion, refit_overdue
from bullbear.forecasting.staleness import Freshness
from bullbear.forecasting.today import forecast_close
from bullbear.forecasting.tracked_anchor import tracked_anchor
from bullbear.home import Home
from bullbear.settings import settings_of

IDENTITY = ("decided_at", "question", "ticker", "model.run_id", "data.fingerprint")
"""What makes two forecasts of a question one. That of `up` is the same only if its outlook is, too, and a live one if
its account is, and what it replaces: a bar of the inverse fund or a promotion may come between two questions of one
evening."""
_OTHER = (*IDENTITY, "asks.kind", "asks.threshold", "horizon_sessions", "p", "model.trained_through")
"""That of another question: a refit, a fall-back to the base rate or a promotion elsewhere changes the answer of the
same run at the same close, and each that was shown is kept. The first of a model and day counts in the score. An edit
of questions.toml may ask something else of which history knows the same answers."""
Progress = Callable[[int, int], None]


def issue(
    home: Home,
    as_of: str | None = None,
    *,
    now: pd.Timestamp | None = None,
    refit: bool = True,
    progress: Progress | None = None,
    say: Callable[[str], None] = warn,
    store: Store | None = None,
) -> dict[str, Any]:
    """The champions' forecast, appended to the ledger; asked again, the same entry.

    Each question is an entry of its own, and those of one evening are appended together; that of `up` is returned. A
    question whose champion cannot be used, is refused a refit or staler than allowed, falls back to the base rate.

    Parameters
    ----------
    as_of
        The day to decide on; None for the last session whose bar was known at its close.
    now
        The clock; None for this machine's, read when the refits are made.
    refit
        Whether to make the refits of the champions that are due.
    progress
        Called with fits done and fits in all of each champion.
    say
        Called with a note for each question that falls back, and each refit that cannot be made.
    store
        The home's store, if it is open already.

    Raises
    ------
    RunError
        `up` has no champion.
    InputError
        Its champion was trained on the simulated market and the store is real, or the other way round; or the session
        has not closed yet, although a row for it is stored.
    NoDataError
        The store cannot answer for that day.
    GateError
        What its champion reads, or the champion itself, is staler than `[staleness]` in bullbear.toml allows.
    """
    bundle, store = read_bundle(home.champion), home.filled_store() if store is None else store
    _refuse_other_market(bundle, store)
    target, simulated = bundle.definition.target, store.is_simulated
    stored = store.last_stored_at  # what is fetched from now on is not looked at: the entry can be replayed
    at = close_of(store, target, as_of, stored=stored)
    asked = pd.Timestamp.now("UTC") if now is None else now
    if at.decided_at > asked:  # a refit must not see an unfinished bar, either
        allowed = f"a session that has closed by {iso(asked)}"
        raise InputError("--as-of", str(at.session.date()), allowed, "ask after its close")
    others = usable(at, others_of(home, bundle))
    if refit:
        held = HeldBack()
        others = others.through(lambda each: _refitted(home, each, at, progress, held, say))
        bundle = _refitted(home, bundle, at, progress, held, say)
        for note in held.notes():
            say(note)
    overdue = refit_overdue(bundle, at.labels)
    # Read after the refit, which may take minutes: a forecast that is ready after the next open is not live.
    now = pd.Timestamp.now("UTC") if now is None else now
    fresh = Freshness(
        budget=settings_of(home.root).staleness,
        sessions_behind=len(sessions.between(at.session, sessions.last_closed(now))) - 1,
        is_fed=store.as_of(stored=stored).has("raw_bars", target.ticker),
        is_today=as_of is None,
    )
    believed = others.through(lambda each: fresh.checked(each, at, _overdue(home, each, at)))
    ledger = Ledger(home.forecasts / "ledger.jsonl")
    _note_lost_entries(home, ledger, say)
    account: Advised | None = None
    if kind_of(at.decided_at, now) == LIVE:
        account = advised(
            ledger.entries(),
            target.ticker,
            simulated=simulated,
            decided_at=iso(at.decided_at),
            instruments=home.instruments(),
        )
    # What is too stale moves no money; a replay holds what the backtest held, which had it in time.
    read, unread = read_by(bundle.policy, bundle, (others if account is None else believed).asked)
    documents = forecasts_at(
        at,
        bundle,
        account,
        believed.asked,
        read=read,
        refit_overdue=overdue,
        simulated=simulated,
        kept=KeptAccounts(KeptDocuments(home.forecasts / ".accounts")),
    )
    fresh.checked(bundle, at, _overdue(home, bundle, at))
    for note in (*believed.notes, *unread):
        say(note)
    origin = {"stored_through": iso(stored, "us"), "sessions_behind": fresh.sessions_behind}
    for each in documents:
        each["data"] |= origin
    made = documents[0]
    if account is not None:
        made["account"] = account.marked(made)
    identities = [(*IDENTITY, "outlook", *(["account"] if account else [])), *[_OTHER] * (len(documents) - 1)]
    stamped = [with_provenance(each, now) for each in documents]
    return ledger.append_all(list(zip(stamped, identities, strict=True)))[0]


def replay(store: Store, bundle: Bundle, as_of: str | None = None, *, others: Others | None = None) -> dict[str, Any]:
    """The replay at the close of `as_of` (default: the last session stored), JSON-ready, without the ledger's keys.

    Parameters
    ----------
    bundle
        The champion of `up`.
    others
        The other questions of the outlook; None for none.

    Raises
    ------
    HistoryError
        The day lies before the champion's first model, or before its first reported forecast.
    NoDataError
        The store cannot answer for that day.
    """
    target = bundle.definition.target
    at = close_of(store, target, as_of)
    overdue, asked = refit_overdue(bundle, at.labels), usable(at, others or Others()).asked
    return forecast_at(at, bundle, others=asked, refit_overdue=overdue, simulated=store.is_simulated)


def usable(at: Close, others: Others) -> Others:
    """The other questions; whose champion this version and this home cannot use at the close falls back."""

    def opened(bundle: Bundle) -> Bundle:
        bundle.factors()
        for session in at.decidable_after(bundle.last_session).index:  # a policy may read them all
            bundle.model_for(session)
        bundle.model_for(at.session)
        return bundle

    return others.through(opened)


def forecast_at(
    at: Close,
    bundle: Bundle,
    account: Advised | None = None,
    *,
    others: Sequence[Asked] = (),
    refit_overdue: int = 0,
    simulated: bool,
) -> dict[str, Any]:
    """The forecast of `up` at one close, with the outlook; see `forecasts_at`."""
    return forecasts_at(at, bundle, account, others, refit_overdue=refit_overdue, simulated=simulated)[0]


def forecasts_at(
    at: Close,
    bundle: Bundle,
    account: Advised | None,
    others: Sequence[Asked],
    *,
    read: Sequence[Asked] | None = None,
    refit_overdue: int = 0,
    simulated: bool,
    kept: KeptBooks | None = None,
) -> list[dict[str, Any]]:
    """The forecast of `up` by its champion `bundle` at one close, then those of the other questions.

    Parameters
    ----------
    account
        What was advised before; its positions are continued. None for a replay, whose account is walked anew from the
        champion's first reported forecast.
    others
        The other questions of the outlook.
    read
        Who answers what the policy reads (`read_by`); None for those of `others`.
    kept
        Where the accounts of replays are kept; see `decide.advise_last`.
    """
    policy, ticker = bundle.policy, at.target.ticker
    today = forecast_close(at, bundle, others)
    read = read_by(policy, bundle, others)[0] if read is None else read
    before, kind, since = None, HYPOTHETICAL, None
    carried: tuple[FactorSpec, ...] = ()
    if account is not None:
        before, carried, kind, since = account.before, account.factors, ADVISED, at.decided_at
    closes = at.decidable_after(None)["decided_at"]
    later = spoken(
        at.view, at.labels_of, ticker, read, closes if since is None else closes.iloc[[-1]], today.apart
    )  # fmt: skip
    decided_on = given(
        read, at.labels_of, ticker, policy=policy, later=later, since=since, through=at.decided_at
    )  # fmt: skip
    first = at.session if account is not None else bundle.first_session
    factors = account_factors(at.view, bundle.rule, bundle.feature_sets, ticker, before, first, carried)
    advice = advise_last(at.view, policy, decided_on, ticker=ticker, before=before, factors=factors, kept=kept)
    shown = document(at, bundle, today, advice, account=kind, overdue=refit_overdue, simulated=simulated)
    if pricing := priced_by(bundle.rule, bundle.feature_sets, advice.book, carried):
        shown["account"]["factors"] = [spec.model_dump(mode="json") for spec in pricing]
    return [shown, *(question_document(at, each, simulated=simulated) for each in today.answers[1:])]


def _note_lost_entries(home: Home, ledger: Ledger, say: Callable[[str], None]) -> None:
    """Say so if the tracking store recorded more entries than there are; `score` and `ledger verify` look closer."""
    head = ledger.head()
    if head is None and ledger.path.exists():  # written by a version without heads
        return
    try:
        seen = tracked_anchor(home.runs)
    except LedgerError as bad:
        say(str(bad))
        return
    except sqlite3.Error:  # `ledger verify` tells it
        return
    count = 0 if head is None else head.count
    if seen is not None and count < seen.count:
        say(
            f"the ledger has {count} entries and the MLflow store recorded {seen.count}: entries were lost; run "
            "`bullbear ledger verify`, and restore forecasts/ledger.jsonl from a copy"
        )


def _refitted(
    home: Home,
    bundle: Bundle,
    at: Close,
    progress: Progress | None,
    held: HeldBack,
    say: Callable[[str], None],
) -> Bundle:
    """The bundle with the refits that are due; without a library that they need, as it is, and `say` is told."""
    lock, labels = lock_of_bundle(home, bundle), at.labels_of(question_of(bundle))
    try:
        if due_refits(bundle, labels, lock):
            bundle = refit_champion(home, bundle, lock.view(at.view), progress)
        held.add(bundle, labels, lock)
        return bundle
    except MissingExtraError as bad:
        through = bundle.trained_through()[-1]
        say(f"{bundle.question} is answered by the model fitted through {through}, whose refit is overdue: {bad}")
        return bundle


def _overdue(home: Home, bundle: Bundle, at: Close) -> int:
    """How long a refit has been overdue that could be made: one that a hold-out forbids is no oversight."""
    return due_refits(bundle, at.labels_of(question_of(bundle)), lock_of_bundle(home, bundle))


def _refuse_other_market(bundle: Bundle, store: Store) -> None:
    if bool(bundle.meta["simulated"]) != store.is_simulated:
        trained = "the simulated market" if bundle.meta["simulated"] else "real data"
        raise InputError(
            "champion", f"trained on {trained}", "a champion of this store's own data", "train and promote one here"
        )
