"""The forecasts and the fits of a run made again from what was known then, to be compared with those that it kept."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd

from bullbear.audit.changes import Noise
from bullbear.audit.result import Leak
from bullbear.audit.subject import Subject
from bullbear.data.store import Store
from bullbear.data.view import View
from bullbear.dataset import build
from bullbear.dataset.predictions import COMBINED
from bullbear.definitions import UP
from bullbear.errors import HistoryError, NoDataError
from bullbear.factors.engine.registry import renew
from bullbear.forecasting.bundle import Bundle
from bullbear.forecasting.champions import Asked, question_of
from bullbear.forecasting.close import Close, close_of
from bullbear.forecasting.today import Answered, Today, forecasts_on
from bullbear.learn import FoldModel, continue_training
from bullbear.sessions import closes, day

NUMBERS = ("p", "p_low", "p_high", "climatology")


def reported_sessions(subject: Subject) -> pd.DatetimeIndex:
    """The sessions of the run's own forecasts of the fund by its first question; empty without a run or its models."""
    for bundle in subject.bundles.values():
        if bundle.is_walk_forward and bundle.trained_through():
            return days_of(bundle.predictions.select(asset=subject.ticker, member=COMBINED).table["decided_at"])
    return pd.DatetimeIndex([])


def days_of(instants: pd.Series) -> pd.DatetimeIndex:
    """The sessions of some closes."""
    return pd.DatetimeIndex([day(each) for each in pd.DatetimeIndex(instants)])


def replayed(subject: Subject, store: Store, session: pd.Timestamp) -> Today | None:
    """Every question's forecast at a close, by the run's models of that day on another store; None if it has no close.

    As `forecasting.forecast` makes the forecast of a day.
    """
    try:
        at = close_of(store, subject.targets[0], str(session.date()))
    except NoDataError:
        return None
    return forecasts_from(subject, at, at.view) if at.session == session else None


def forecasts_from(subject: Subject, at: Close, view: View) -> Today | None:
    """The forecasts at a close from the factors of a view, which may know more; None without a model of that day."""
    if not all(bundle.is_walk_forward for bundle in subject.bundles.values()):
        return None  # a combinatorial training keeps no models
    asked = [Asked(question_of(bundle), bundle) for bundle in subject.bundles.values()]
    renew()
    try:
        return forecasts_on(view, at.labels_of, subject.ticker, pd.DatetimeIndex([at.session]), asked)
    except HistoryError:  # before the first model
        return None


def forecast_leaks(subject: Subject, today: Today, session: pd.Timestamp, why: str) -> list[Leak]:
    """How the forecasts of a close differ from those that the run issued in its walk-forward, by any bit."""
    found = []
    for answered, issued in compared(subject, today):
        name, said = answered.asked.question.name, answered.forecast
        now = (said.p, said.p_low, said.p_high, said.climatology)
        differing = [place for place in range(len(NUMBERS)) if not _same(issued[place], now[place])]
        if differing:
            place = differing[0]
            found.append(
                Leak(
                    f"the forecast of {name}",
                    f"{session:%Y-%m-%d}",
                    abs(issued[place] - now[place]),
                    f"the forecast of {name}: {NUMBERS[place]} {issued[place]:.10g} of {session:%Y-%m-%d} in the run, "
                    f"but {now[place]:.10g} {why}",
                )
            )
    return found


def compared(subject: Subject, today: Today) -> list[tuple[Answered, tuple[float, ...]]]:
    """The answers of a close that the run issued, too, each with the numbers that it issued."""
    # Probabilities are projected onto coherent ones, those of all questions together; `up` alone stays as it is.
    together = all(set(bundle.questions) <= set(subject.bundles) for bundle in subject.bundles.values())
    found = []
    for answered in today.answers:
        name = answered.asked.question.name
        if not together and name != UP.name:
            continue
        issued = _issued(subject.bundles[name], subject.ticker).get(today.decided_at[-1])
        if issued is not None:
            found.append((answered, issued))
    return found


def _issued(bundle: Bundle, ticker: str) -> Mapping[pd.Timestamp, tuple[float, ...]]:
    """The numbers that a run issued at each close."""
    table = bundle.predictions.select(asset=ticker, member=COMBINED).table
    values = table[list(NUMBERS)].to_numpy()
    return {at: tuple(row) for at, row in zip(table["decided_at"], values.tolist(), strict=True)}


def _same(one: float, other: float) -> bool:
    return one == other or bool(np.isnan(one) and np.isnan(other))


def fit_leak(subject: Subject, bundle: Bundle, fit: str) -> Leak | None:
    """How the model fitted at the close of a day differs from the same fit made anew from what was known there.

    A fit is made when the session after it asks for a forecast; that session's rows are noise.
    """
    fits = bundle.trained_through()
    place = fits.index(fit)
    instant = closes(pd.DatetimeIndex([fit]))[0]
    later = subject.index[subject.index > pd.Timestamp(fit)]
    if place == 0 or not len(later):
        return None
    view = subject.changed(Noise(instant)).as_of(closes(later[:1])[0])
    signals = bundle.signals
    continuation = continue_training(
        bundle.definition,
        bundle.feature_sets,
        build(view, bundle.feature_sets, bundle.definition.target),
        signals=signals[signals.index <= instant],
        fitted_through=bundle.model_named(fits[place - 1]).trained_through,
        model_for=bundle.model_for,
        start=bundle.meta.get("start"),
    )
    made = {str(day(model.trained_through).date()): model for model in continuation.models}.get(fit)
    kept = bundle.model_named(fit)
    what = f"the fit of {bundle.question}"
    if made is None:
        return Leak(what, fit, np.nan, f"{what}: made at {fit} in the run, but not from what was known then")
    part = differing_part(kept, made)
    if part is None:
        return None
    return Leak(what, fit, np.nan, f"{what}: {part} of {fit} differ from a fit on what was known then")


def differing_part(one: FoldModel, other: FoldModel) -> str | None:
    """The first part in which two models differ by any bit; None if they are the same."""
    states = one.state(), other.state()
    named = {"n_train": "the training examples", "members": "the learners", "weights": "the members' weights"}
    for key in states[0]:
        if _text(states[0][key]) != _text(states[1][key]):
            return named.get(key, f"the {key}")
    return None


def _text(state: object) -> str:
    return json.dumps(state, sort_keys=True)
