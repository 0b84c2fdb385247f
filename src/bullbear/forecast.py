"""The daily forecast: one probability, two agents, and everything that made them, at one close.

It runs the champion's bundle and the policy object of the backtest on what was known at the decision. For a day inside
the training's out-of-sample span it uses the model of that day, so that it repeats the walk-forward forecast bit for
bit; before the first model it is refused, because any model would look ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.bundle import Bundle, read_bundle
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.dataset.examples import fingerprint
from bullbear.dataset.labels import climatology, resolve
from bullbear.decide.backtest import backtest
from bullbear.decide.policy import Stance
from bullbear.errors import GateError, HistoryError, InputError, NoDataError
from bullbear.factors import compute, registered
from bullbear.factors.inputs import SHORT_INTEREST_MAX_AGE_DAYS, SHORT_VOLUME_MAX_AGE_DAYS, level_max_age
from bullbear.factors.phase import phase_of
from bullbear.factors.registry import OBSERVED
from bullbear.home import Home
from bullbear.learn import FoldModel, predict
from bullbear.learn.learners import factor_matrix
from bullbear.ledger import Ledger
from bullbear.settings import settings_of
from bullbear.statistics import independent_number

DRIVERS = 8
_MAX_AGE_DAYS = {"bars": 7, "short_volume": SHORT_VOLUME_MAX_AGE_DAYS, "short_interest": SHORT_INTEREST_MAX_AGE_DAYS}


@dataclass(frozen=True)
class _Past:
    """What one view holds for the champion: every label, the forecasts up to the day, and the factors of new ones."""

    labels: pd.DataFrame
    predictions: pd.DataFrame
    X: pd.DataFrame


def issue(home: Home, as_of: str | None = None) -> dict[str, Any]:
    """The champion's forecast, appended to the ledger; asked again, the same entry.

    Raises
    ------
    RunError
        There is no champion.
    InputError
        The champion was trained on the simulated market and the store is real, or the other way round.
    GateError
        What the champion reads is staler than `[staleness]` in bullbear.toml allows.
    """
    bundle = read_bundle(home.champion)
    store = home.filled_store()
    if bool(bundle.meta["simulated"]) != store.is_simulated:
        trained = "the simulated market" if bundle.meta["simulated"] else "real data"
        raise InputError(
            "champion", f"trained on {trained}", "a champion of this store's own data", "train and promote one here"
        )
    made = forecast(store, bundle, as_of)
    _check_staleness(home, store, bundle, made, is_today=as_of is None)
    return Ledger(home.forecasts / "ledger.jsonl").append(
        made, same=("ticker", "decided_at", "model.run_id", "data.fingerprint")
    )


def forecast(store: Store, bundle: Bundle, as_of: str | None = None) -> dict[str, Any]:
    """The forecast at the close of `as_of` (default: the last session stored), JSON-ready but for the ledger stamp.

    Raises
    ------
    HistoryError
        The day lies before the champion's first model, or before its first reported forecast.
    NoDataError
        The store holds no bar of the target on that day.
    """
    definition = bundle.definition
    ticker, horizon = definition.target.ticker, definition.target.horizon
    session = _session(store, ticker, as_of)
    decided_at = sessions.closes(pd.DatetimeIndex([session]))[0]
    view = store.as_of(decided_at)
    past = _read_past(view, bundle, session)
    today = past.predictions.iloc[-1]
    stance = _stance(past.predictions, view, bundle, ticker)
    model = bundle.model_for(session)
    row = past.X.iloc[[-1]]
    return {
        "ticker": ticker,
        "decided_at": _iso(decided_at),
        "resolves_on": str(sessions.offset(session, horizon).date()),
        "horizon_sessions": horizon,
        "p_up": float(today["p"]),
        "p_low": float(today["p_low"]),
        "p_high": float(today["p_high"]),
        "climatology": float(today["climatology"]),
        "regime": phase_of(view.bars(ticker)),
        **stance.to_json(),
        "drivers": _drivers(model, row),
        "model": {
            "name": definition.name,
            "run_id": bundle.meta["run_id"],
            "definition_hash": bundle.meta["definition_hash"],
            "trained_through": str(model.trained_through.tz_convert(sessions.NEW_YORK).date()),
        },
        "data": {
            "fingerprint": fingerprint(row, past.labels["y"].to_numpy(), pd.DatetimeIndex(past.labels["resolved_at"])),
            "last_known_at": _iso(view.bars(ticker)["known_at"].iloc[-1]),
            "stale": stale_series(view, bundle, session),
            "simulated": store.is_simulated,
        },
    }


def stale_series(view: View, bundle: Bundle, session: pd.Timestamp) -> list[str]:
    """Series read by the champion's factors that are absent, or whose last value is older than its rule allows."""
    return sorted({series for kind, series in series_read(bundle) if is_stale(view, kind, series, session)})


def series_read(bundle: Bundle) -> set[tuple[str, str]]:
    """The inputs of the champion's factors, as (kind of input, series)."""
    known = registered()
    return {
        (kind, spec.inputs[name]) for spec in bundle.factors() for name, kind in known[spec.function].inputs.items()
    }


def mark_needed(table: pd.DataFrame, home: Home) -> pd.DataFrame:
    """A table of `data.status` with a column `needed`: what the champion reads, absent series included.

    Without a champion nothing is needed.
    """
    read = set()
    if (home.champion / "bundle.json").exists():
        read = {(_stored(kind), series) for kind, series in series_read(read_bundle(home.champion))}
    present = set(zip(table["kind"], table["series"], strict=True))
    marked = table.assign(needed=[pair in read for pair in zip(table["kind"], table["series"], strict=True)])
    absent = sorted(read - present)
    if not absent:
        return marked
    blank = {"rows": 0, "stale": True, "quarantined": 0, "reasons": "not in the store", "rewritten": 0, "needed": True}
    lines = pd.DataFrame([{"kind": kind, "series": series, **blank} for kind, series in absent])
    joined = pd.concat([marked, lines.reindex(columns=marked.columns)], ignore_index=True)
    counted = ("gaps", "age_days", "max_age_days")  # whole numbers, which joining has turned into fractions
    return joined.astype({name: marked[name].dtype for name in (*blank, *counted)})


def _stored(kind: str) -> str:
    return "observations" if kind in OBSERVED else kind


def is_stale(view: View, kind: str, series: str, session: pd.Timestamp) -> bool:
    """Whether an input of that kind is absent at `session`, or older than its rule allows."""
    stored = _stored(kind)
    if not view.has(stored, series):
        return True
    versions = view.versions(stored, series)
    allowed = level_max_age(series, versions) if stored == "observations" else _MAX_AGE_DAYS[stored]
    return bool((session - versions["event_date"].max()).days > allowed)


def _check_staleness(home: Home, store: Store, bundle: Bundle, made: dict[str, Any], *, is_today: bool) -> None:
    budget = settings_of(home.root).staleness
    stale, read = made["data"]["stale"], {series for _, series in series_read(bundle)}
    decided_at = pd.Timestamp(made["decided_at"])
    if len(stale) > budget.max_share * len(read):
        raise GateError(
            "staleness budget",
            f"{len(stale)} of {len(read)} series that {made['model']['name']} reads are absent or stale on "
            f"{decided_at.date()} ({', '.join(stale[:5])}{', ...' if len(stale) > 5 else ''})",
            "run `bullbear fetch`, or raise max_share in [staleness] of bullbear.toml",
        )
    # Only a store that is fed every day can have fallen behind; a snapshot ends where it ends.
    if is_today and store.as_of().has("raw_bars", made["ticker"]):
        last = sessions.last_closed(pd.Timestamp.now("UTC"))
        behind = len(sessions.between(pd.Timestamp(decided_at.date()), last)) - 1
        if behind > budget.max_sessions_behind:
            raise GateError(
                "staleness budget",
                f"the last bar of {made['ticker']} is {behind} sessions old",
                "run `bullbear fetch`, or name the day that is meant with --as-of",
            )


def _session(store: Store, ticker: str, as_of: str | None) -> pd.Timestamp:
    everything = store.as_of()
    bars = everything.bars(ticker)
    last = pd.Timestamp(bars.index[-1])
    if as_of is None:
        return last
    day = sessions.day(as_of)
    # A day without a session is answered from the last close before it, as a reader of that evening would have it.
    earlier = bars.index[bars.index <= day]
    if not len(earlier) or day > last + pd.Timedelta(days=7):
        raise NoDataError("--as-of", str(day.date()), f"{bars.index[0].date()} to {last.date()}", "fetch newer data")
    return pd.Timestamp(earlier[-1])


def _read_past(view: View, bundle: Bundle, session: pd.Timestamp) -> _Past:
    """The champion's reported forecasts before `session`, continued with the models of each day to that day."""
    target = bundle.definition.target
    labels = resolve(view, target.ticker, target.horizon)
    labels = labels[labels.index <= session]
    decided = pd.DatetimeIndex(labels["decided_at"])
    reported = bundle.predictions
    first = reported["decided_at"].iloc[0]
    if decided[-1] < first:
        raise HistoryError(
            "--as-of",
            str(session.date()),
            f"days from {first.tz_convert(sessions.NEW_YORK).date()}, the champion's first out-of-sample forecast",
            "choose a later day: an earlier one would look ahead",
        )
    known = reported[reported["decided_at"] < decided[-1]]
    reached = known["decided_at"].iloc[-1] if len(known) else first - pd.Timedelta(days=1)
    missing = labels[decided > reached]
    X = compute(view, bundle.factors(), pd.DatetimeIndex(missing.index))
    share, n_resolved = climatology(
        labels["y"].to_numpy(), pd.DatetimeIndex(labels["resolved_at"]), pd.DatetimeIndex(missing["decided_at"])
    )
    new = [_forecast_row(bundle, missing, X, share, n_resolved, row) for row in range(len(missing))]
    return _Past(labels, pd.concat([known, *new], ignore_index=True), X)


def _forecast_row(
    bundle: Bundle, labels: pd.DataFrame, X: pd.DataFrame, share: np.ndarray, n_resolved: np.ndarray, row: int
) -> pd.DataFrame:
    """The forecast of one session, by the model of that day."""
    model = bundle.model_for(pd.Timestamp(labels.index[row]))
    signals = model.fitted().signals(factor_matrix(X.iloc[[row]], model.factors))
    answer = predict(model.calibrator, signals, share[[row]], independent_number(n_resolved[[row]], model.horizon))
    label = labels.iloc[row]
    return answer.assign(decided_at=label["decided_at"], resolved_at=label["resolved_at"], y=np.nan)


def _stance(predictions: pd.DataFrame, view: View, bundle: Bundle, ticker: str) -> Stance:
    """The policy's answer today, with the positions and stops to which its own past decisions have led."""
    return backtest(predictions, view, bundle.policy, ticker=ticker, baselines=False).stances[-1]


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


def _iso(instant: pd.Timestamp) -> str:
    return pd.Timestamp(instant).tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
