"""The daily forecast: one probability, two agents, and everything that made them, at one close.

It runs the champion's bundle and the policy object of the backtest on what was known at the decision. For a day inside
the training's out-of-sample span it uses the model of that day, so that it repeats the walk-forward forecast bit for
bit; before the first model it is refused, because any model would look ahead; after the last one the champion is
refitted as the walk-forward would have been.

A forecast decides on a session whose bar was known at its close. One issued before the next open is live: its positions
continue those advised on the evening before, whoever was champion then, so that the last advice of an evening counts
and the earlier ones leave no trace. Any other is a replay: its positions are those of the champion's own backtest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.dataset.examples import fingerprint
from bullbear.dataset.labels import climatology, resolve
from bullbear.decide import Advice, Book, advise, backtest, forecasts_by_close
from bullbear.errors import HistoryError, InputError, NoDataError
from bullbear.factors import compute
from bullbear.factors.regime.phase import phase_of
from bullbear.forecasting.bundle import Bundle, read_bundle
from bullbear.forecasting.ledger import LIVE, Ledger, kind_of, stamped
from bullbear.forecasting.refitting import model_age, refit_champion, refit_overdue
from bullbear.forecasting.staleness import check_budget, stale_series
from bullbear.home import Home
from bullbear.learn import FoldModel, predict
from bullbear.learn.learners import factor_matrix
from bullbear.settings import settings_of
from bullbear.statistics import independent_number

DRIVERS = 8
SAME = ("ticker", "decided_at", "model.run_id", "data.fingerprint")
"""What makes two forecasts one. A live one is the same only if its account is, too, and what it replaces: a bar of the
inverse fund or a promotion may come between two questions of one evening."""
ADVISED, HYPOTHETICAL = "advised", "hypothetical"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Close:
    """The close at which a forecast is decided, what was known then, and every label up to it."""

    session: pd.Timestamp
    decided_at: pd.Timestamp
    view: View
    labels: pd.DataFrame


@dataclass(frozen=True)
class _Past:
    """The champion's forecasts up to the day, and the factors of those that are new."""

    predictions: pd.DataFrame
    X: pd.DataFrame


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
    ledger = Ledger(home.forecasts / "ledger.jsonl")
    bundle = read_bundle(home.champion)
    store = home.filled_store()
    if bool(bundle.meta["simulated"]) != store.is_simulated:
        trained = "the simulated market" if bundle.meta["simulated"] else "real data"
        raise InputError(
            "champion", f"trained on {trained}", "a champion of this store's own data", "train and promote one here"
        )
    target, stored = bundle.definition.target, store.last_stored_at
    # What is fetched from now on is not looked at: the entry replays from what was stored when it began.
    at = close_of(store, target.ticker, target.horizon, as_of, stored=stored)
    asked = pd.Timestamp.now("UTC") if now is None else now
    if at.decided_at > asked:  # a refit must not see an unfinished bar, either
        allowed = f"a session that has closed by {_iso(asked)}"
        raise InputError("--as-of", str(at.session.date()), allowed, "ask after its close")
    if refit and bundle.keeps_signals and refit_overdue(bundle, at.labels):
        bundle = refit_champion(home, bundle, at.view, progress)
    # Read after the refit, which may take minutes: a forecast that is ready after the next open is not live.
    now = pd.Timestamp.now("UTC") if now is None else now
    is_live = kind_of(at.decided_at, now) == LIVE
    given = _advice_given(ledger.entries(), target.ticker, store.is_simulated, _iso(at.decided_at)) if is_live else []
    made = forecast_at(at, bundle, simulated=store.is_simulated, is_advised=is_live, before=_book_before(given, at))
    made["data"] |= {
        "stored_through": _iso(stored, "us"),
        "sessions_behind": len(sessions.between(at.session, sessions.last_closed(now))) - 1,
    }
    check_budget(
        made,
        bundle,
        settings_of(home.root).staleness,
        is_fed=store.as_of(stored=stored).has("raw_bars", target.ticker),
        is_today=as_of is None,
    )
    if not is_live:
        return ledger.append(stamped(made, now), same=SAME)
    _say_what_is_replaced(made, given)
    return ledger.append(stamped(made, now), same=(*SAME, "account"))


def forecast(store: Store, bundle: Bundle, as_of: str | None = None) -> dict[str, Any]:
    """The replay at the close of `as_of` (default: the last session stored), JSON-ready, without the ledger's keys.

    Raises
    ------
    HistoryError
        The day lies before the champion's first model, or before its first reported forecast.
    NoDataError
        The store cannot answer for that day.
    """
    target = bundle.definition.target
    return forecast_at(close_of(store, target.ticker, target.horizon, as_of), bundle, simulated=store.is_simulated)


def forecast_at(
    at: Close, bundle: Bundle, *, simulated: bool, is_advised: bool = False, before: Book | None = None
) -> dict[str, Any]:
    """The forecast of `bundle` at one close.

    Parameters
    ----------
    is_advised
        Whether its positions continue the account of what was advised, `before` (None: it starts in cash), instead of
        the bundle's own backtest.
    """
    definition = bundle.definition
    ticker, horizon = definition.target.ticker, definition.target.horizon
    past = _read_past(at, bundle)
    today = past.predictions.iloc[-1]
    advice = _advice(at, bundle, past.predictions, is_advised=is_advised, before=before)
    model = bundle.model_for(at.session)
    row = past.X.iloc[[-1]]
    labels = at.labels
    return {
        "ticker": ticker,
        "decided_at": _iso(at.decided_at),
        "resolves_on": str(sessions.offset(at.session, horizon).date()),
        "horizon_sessions": horizon,
        "p_up": float(today["p"]),
        "p_low": float(today["p_low"]),
        "p_high": float(today["p_high"]),
        "climatology": float(today["climatology"]),
        "regime": phase_of(at.view.bars(ticker)),
        **advice.stance.to_json(),
        "account": {
            "kind": ADVISED if is_advised else HYPOTHETICAL,
            "trades": [trade.to_json() for trade in advice.trades],
            "book": advice.book.to_json(),
        },
        "drivers": _drivers(model, row),
        "model": {
            "name": definition.name,
            "run_id": bundle.meta["run_id"],
            "definition_hash": bundle.meta["definition_hash"],
            "trained_through": str(sessions.day(model.trained_through).date()),
            "age_sessions": model_age(bundle, at.session),
            "refit_overdue_sessions": refit_overdue(bundle, labels),
        },
        "data": {
            "fingerprint": fingerprint(row, labels["y"].to_numpy(), pd.DatetimeIndex(labels["resolved_at"])),
            "last_known_at": _iso(at.view.bars(ticker)["known_at"].iloc[-1]),
            "stale": stale_series(at.view, bundle, at.session),
            "simulated": simulated,
        },
    }


def close_of(
    store: Store, ticker: str, horizon: int, as_of: str | None, *, stored: pd.Timestamp | None = None
) -> Close:
    """The close to decide at: that of `as_of`, or the last one at which its session's bar was known.

    Parameters
    ----------
    stored
        Leave out what this machine stored later; None for everything.

    Raises
    ------
    NoDataError
        The session of `as_of` has no bar, or one that came after its close. A day without a session is answered from
        the last session before it.
    """
    bars = store.as_of(stored=stored).bars(ticker)
    if as_of is None:
        # A bar that came late serves the next decision; rarely is there more than one.
        candidates = bars.index[::-1]
    else:
        candidates = pd.DatetimeIndex([_last_session(sessions.day(as_of), bars.index, ticker)])
    for session in candidates:
        if not sessions.is_session(session):
            continue  # the exchange announced late that it would be closed
        decided_at = sessions.closes(pd.DatetimeIndex([session]))[0]
        view = store.as_of(decided_at, stored=stored)
        if not view.has("bars", ticker):
            break
        labels = resolve(view, ticker, horizon)
        if labels.index[-1] == session and labels["decidable"].iloc[-1]:
            return Close(session, decided_at, view, labels)
    day = "the last session" if as_of is None else str(candidates[0].date())
    raise NoDataError(
        "--as-of",
        day,
        f"sessions whose bar of {ticker} was known at their close, {bars.index[0].date()} to {bars.index[-1].date()}",
        "choose another day, or fetch the missing bar",
    )


def _advice_given(entries: list[dict[str, Any]], ticker: str, simulated: bool, decided_at: str) -> list[dict[str, Any]]:
    """The live advice on `ticker` up to that decision, in the order of the ledger."""
    return [
        entry
        for entry in entries
        if entry["ticker"] == ticker
        and bool(entry["data"].get("simulated")) == simulated
        and entry.get("kind") == LIVE
        and entry.get("account", {}).get("kind") == ADVISED
        and entry["decided_at"] <= decided_at
    ]


def _book_before(given: list[dict[str, Any]], at: Close) -> Book | None:
    """The account after the last advice of an earlier close; None before the first one.

    What was advised earlier at this very close has not been traded: it must not move a stop or a tier.
    """
    earlier = [entry for entry in given if entry["decided_at"] < _iso(at.decided_at)]
    return Book.from_json(earlier[-1]["account"]["book"]) if earlier else None


def _say_what_is_replaced(made: dict[str, Any], given: list[dict[str, Any]]) -> None:
    """Name the entry that other advice at the same close replaces; asked again, say what the last one said."""
    if not given or given[-1]["decided_at"] != made["decided_at"]:
        return
    last = given[-1]
    replaced = last["account"].get("replaces")
    account = made["account"] if replaced is None else made["account"] | {"replaces": replaced}
    says_the_same = last["account"] == account and all(
        last[group][key] == made[group][key] for group, key in (("model", "run_id"), ("data", "fingerprint"))
    )
    made["account"] = account if says_the_same else made["account"] | {"replaces": last["ledger"]["index"]}


def _last_session(day: pd.Timestamp, days: pd.Index, ticker: str) -> pd.Timestamp:
    last = days[-1] + pd.Timedelta(days=14)
    found = sessions.between(days[0], day) if days[0] <= day <= last else pd.DatetimeIndex([])
    if not len(found) or found[-1] > days[-1]:
        raise NoDataError(
            "--as-of",
            str(day.date()),
            f"{days[0].date()} to {days[-1].date()}, the bars of {ticker} in the store",
            "fetch newer data or choose another day",
        )
    return pd.Timestamp(found[-1])


def _read_past(at: Close, bundle: Bundle) -> _Past:
    """The champion's forecasts before the session, continued with the models of each day up to it."""
    labels = at.labels
    decided = pd.DatetimeIndex(labels["decided_at"])
    reported = bundle.predictions
    first = reported["decided_at"].iloc[0]
    if decided[-1] < first:
        raise HistoryError(
            "--as-of",
            str(at.session.date()),
            f"days from {sessions.day(first).date()}, the champion's first out-of-sample forecast",
            "choose a later day: an earlier one would look ahead",
        )
    known = reported[reported["decided_at"] < decided[-1]]
    reached = known["decided_at"].iloc[-1] if len(known) else first - pd.Timedelta(days=1)
    missing = labels[(decided > reached) & labels["decidable"].to_numpy()]
    X = compute(at.view, bundle.factors(), pd.DatetimeIndex(missing.index))
    share, n_resolved = climatology(
        labels["y"].to_numpy(), pd.DatetimeIndex(labels["resolved_at"]), pd.DatetimeIndex(missing["decided_at"])
    )
    new = [_forecast_row(bundle, missing, X, share, n_resolved, row) for row in range(len(missing))]
    return _Past(pd.concat([known, *new], ignore_index=True), X)


def _forecast_row(
    bundle: Bundle, labels: pd.DataFrame, X: pd.DataFrame, share: np.ndarray, n_resolved: np.ndarray, row: int
) -> pd.DataFrame:
    """The forecast of one session, by the model of that day."""
    model = bundle.model_for(pd.Timestamp(labels.index[row]))
    signals = model.fitted().signals(factor_matrix(X.iloc[[row]], model.factors))
    answer = predict(model.calibrator, signals, share[[row]], independent_number(n_resolved[[row]], model.horizon))
    label = labels.iloc[row]
    return answer.assign(decided_at=label["decided_at"], resolved_at=label["resolved_at"], y=np.nan)


def _advice(at: Close, bundle: Bundle, predictions: pd.DataFrame, *, is_advised: bool, before: Book | None) -> Advice:
    ticker, policy = bundle.definition.target.ticker, bundle.policy
    if is_advised:
        today = forecasts_by_close(predictions.iloc[[-1]])[at.decided_at]
        return advise(at.view, policy, at.decided_at, today, ticker=ticker, before=before)
    return backtest(predictions, at.view, policy, ticker=ticker, baselines={}).advice


def _drivers(model: FoldModel, row: pd.DataFrame) -> list[dict[str, Any]]:
    """The factors that move today's forecast most, in log-odds after calibration."""
    if not model.factors or model.calibrator.slope == 0.0:
        return []
    X = factor_matrix(row, model.factors)
    contributions = model.calibrator.slope * model.fitted().contributions(X)[0]
    order = np.argsort(-np.abs(contributions), kind="stable")[:DRIVERS]
    return [
        {
            "factor": model.factors[place],
            "value": None if np.isnan(X[0, place]) else float(X[0, place]),
            "contribution": float(contributions[place]),
        }
        for place in order
        if contributions[place] != 0.0
    ]


def _iso(instant: pd.Timestamp, unit: Literal["s", "us"] = "s") -> str:
    text = "%Y-%m-%dT%H:%M:%SZ" if unit == "s" else "%Y-%m-%dT%H:%M:%S.%fZ"
    return pd.Timestamp(instant).tz_convert("UTC").strftime(text)
