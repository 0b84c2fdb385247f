"""What a forecast's ledger entry says: the keys of `forecast --json`, from the steps that made it."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd

from bullbear import sessions
from bullbear.dataset.examples import fingerprint
from bullbear.decide import Advice
from bullbear.factors.regime.market_phase import phase_of
from bullbear.forecasting.bundle import Bundle
from bullbear.forecasting.close import Close
from bullbear.forecasting.staleness import stale_series
from bullbear.forecasting.today import Today, model_age


def document(
    at: Close, bundle: Bundle, today: Today, advice: Advice, *, account: str, refit_overdue: int, simulated: bool
) -> dict[str, Any]:
    """The forecast as a JSON document, without the keys that the ledger adds."""
    definition, labels = bundle.definition, at.labels
    ticker, horizon = definition.target.ticker, definition.target.horizon
    bars = at.view.bars(ticker)
    return {
        "ticker": ticker,
        "decided_at": iso(at.decided_at),
        "resolves_on": str(sessions.offset(at.session, horizon).date()),
        "horizon_sessions": horizon,
        "p_up": today.forecast.p,
        "p_low": today.forecast.p_low,
        "p_high": today.forecast.p_high,
        "climatology": today.forecast.climatology,
        "regime": phase_of(bars),
        **advice.stance.to_json(),
        "account": {
            "kind": account,
            "trades": [trade.to_json() for trade in advice.trades],
            "book": advice.book.to_json(),
        },
        "drivers": today.drivers(),
        "model": {
            "name": definition.name,
            "run_id": bundle.meta["run_id"],
            "definition_hash": bundle.meta["definition_hash"],
            "trained_through": str(sessions.day(today.model.trained_through).date()),
            "age_sessions": model_age(today.model, at.session),
            "refit_overdue_sessions": refit_overdue,
        },
        "data": {
            "fingerprint": fingerprint(
                today.factors, labels["y"].to_numpy(), pd.DatetimeIndex(labels["resolved_at"])
            ),
            "last_known_at": iso(bars["known_at"].iloc[-1]),
            "stale": stale_series(at.view, bundle, at.session),
            "simulated": simulated,
        },
    }  # fmt: skip


def iso(instant: pd.Timestamp, unit: Literal["s", "us"] = "s") -> str:
    """An instant in UTC, as entries write it."""
    text = "%Y-%m-%dT%H:%M:%SZ" if unit == "s" else "%Y-%m-%dT%H:%M:%S.%fZ"
    return pd.Timestamp(instant).tz_convert("UTC").strftime(text)
