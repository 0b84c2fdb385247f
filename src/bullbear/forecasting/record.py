"""What a forecast's ledger entries say, from the steps that made it: one entry a question.

That of `up` holds the keys of `forecast --json`: the outlook over all questions, the positions and the account. Those
of the other questions hold what their scoring needs, the question itself included: an edit of questions.toml changes
no outcome of what was forecast.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.dataset.examples import fingerprint
from bullbear.decide import Advice
from bullbear.definitions import UP
from bullbear.definitions.questions import Volatility
from bullbear.factors.regime.market_phase import phase_of
from bullbear.forecasting.bundle import Bundle
from bullbear.forecasting.close import Close
from bullbear.forecasting.refitting import refit_overdue
from bullbear.forecasting.staleness import model_age, stale_series
from bullbear.forecasting.today import Answered, Today
from bullbear.learn import FoldModel

_REALISED = Volatility(
    name="realised", kind="volatility", threshold=0.2, sentence="Realised volatility over the horizon."
)
"""Asked for its outcome, not its answer."""
_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the quantiles that are written: a distribution may know a hundred, more than anybody reads."""


def document(
    at: Close, bundle: Bundle, today: Today, advice: Advice, *, account: str, overdue: int, simulated: bool
) -> dict[str, Any]:
    """The forecast of `up` with the outlook as a JSON document, without the keys that the ledger adds."""
    up = today.up
    return {
        "question": UP.name,
        **_decision(at, up),
        "p_up": up.forecast.p,
        "p_low": up.forecast.p_low,
        "p_high": up.forecast.p_high,
        "climatology": up.forecast.climatology,
        "outlook": [_outlook(at, each) for each in today.answers],
        "distribution": distribution_document(at, today),
        "regime": phase_of(at.view.bars(at.target.ticker)),
        **_stance(bundle, advice),
        "account": {
            "kind": account,
            "trades": [trade.to_json() for trade in advice.trades],
            "book": advice.book.to_json(),
            "since": None if advice.since is None else advice.since.to_json(),
        },
        "drivers": today.drivers(),
        "model": _model(at, bundle, today.model, overdue),
        "data": _data(at, up, simulated=simulated),
    }


def _stance(bundle: Bundle, advice: Advice) -> dict[str, Any]:
    """What was decided, and why an agent that is switched off holds nothing."""
    document = advice.stance.to_json()
    for agent, reason in bundle.policy.idle().items():
        if agent in document["agents"] and not document["agents"][agent]["reasons"]:
            document["agents"][agent]["reasons"] = [reason]
    return document


def question_document(at: Close, answer: Answered, *, simulated: bool) -> dict[str, Any]:
    """The forecast of another question than `up`, likewise; `model` holds nulls where the base rate answers."""
    said, bundle = answer.forecast, answer.asked.bundle
    if bundle is None or answer.model is None:
        model = dict.fromkeys(("name", "run_id", "definition_hash", "trained_through"))
    else:
        model = _model(at, bundle, answer.model, refit_overdue(bundle, answer.labels))
    return {
        "question": answer.asked.question.name,
        "asks": answer.asked.question.model_dump(mode="json"),
        **_decision(at, answer),
        "p": said.p,
        "p_low": said.p_low,
        "p_high": said.p_high,
        "climatology": said.climatology,
        "model": model,
        "data": _data(at, answer, simulated=simulated),
    }


def _outlook(at: Close, answer: Answered) -> dict[str, Any]:
    said, bundle = answer.forecast, answer.asked.bundle
    if bundle is None or answer.model is None:
        answerer: dict[str, Any] = {"skill": 0.0, "skill_low": None, "skill_high": None, "model": None, "run_id": None}
    else:
        answerer = {
            **bundle.skill_known_at(at.decided_at),
            "model": bundle.definition.name,
            "run_id": bundle.meta["run_id"],
        }
    return {
        "question": answer.asked.question.name,
        "statement": answer.asked.question.sentence,
        "p": said.p,
        "p_low": said.p_low,
        "p_high": said.p_high,
        "climatology": said.climatology,
        "lift": said.p / said.climatology if said.climatology > 0 else None,
        **answerer,
    }


def distribution_document(at: Close, today: Today) -> dict[str, Any] | None:
    """Quantiles of the return by level and the volatility of the coming sessions, beside what is usual: the geometric
    mean over the past, as volatilities are skewed; None without a champion that knows a distribution."""
    if (found := today.distribution()) is None:
        return None
    answer, said = found
    horizon = answer.asked.question.horizon
    realised = at.labels_of(_REALISED.model_copy(update={"horizon": horizon}))["value"].to_numpy()
    known = np.log(realised[realised > 0])
    return {
        "quantiles": {
            f"{level:g}": float(value)
            for level, value in zip(said.levels, said.quantiles[0], strict=True)
            if np.isclose(level, _LEVELS).any()
        },
        "volatility": float(said.volatility[0]),
        "volatility_climatology": float(np.exp(known.mean())) if len(known) else None,
    }


def _decision(at: Close, answer: Answered) -> dict[str, Any]:
    horizon = answer.asked.question.horizon
    return {
        "ticker": at.target.ticker,
        "decided_at": iso(at.decided_at),
        "resolves_on": str(sessions.offset(at.session, horizon).date()),
        "horizon_sessions": horizon,
    }


def _model(at: Close, bundle: Bundle, model: FoldModel, overdue: int) -> dict[str, Any]:
    return {
        "name": bundle.definition.name,
        "run_id": bundle.meta["run_id"],
        "definition_hash": bundle.meta["definition_hash"],
        "trained_through": str(sessions.day(model.trained_through).date()),
        "age_sessions": model_age(model, at.session),
        "refit_overdue_sessions": overdue,
    }


def _data(at: Close, answer: Answered, *, simulated: bool) -> dict[str, Any]:
    labels, bundle = answer.labels, answer.asked.bundle
    return {
        "fingerprint": fingerprint(answer.factors, labels["y"].to_numpy(), pd.DatetimeIndex(labels["resolved_at"])),
        "last_known_at": iso(at.view.bars(at.target.ticker)["known_at"].iloc[-1]),
        "stale": [] if bundle is None else stale_series(at.view, bundle, at.session),
        "simulated": simulated,
    }


def iso(instant: pd.Timestamp, unit: Literal["s", "us"] = "s") -> str:
    """An instant in UTC, as entries write it."""
    text = "%Y-%m-%dT%H:%M:%SZ" if unit == "s" else "%Y-%m-%dT%H:%M:%S.%fZ"
    return pd.Timestamp(instant).tz_convert("UTC").strftime(text)
