"""The champions' forecasts at a close: the factors of a session, and the session's own models on them.

Usually that is one session. A replay of a day after a champion's last refit also needs those since, because its account
was decided on each of them. A factor that several champions read is computed once. The champions know nothing of each
other, so their probabilities are projected onto the nearest coherent ones, with `up` as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bullbear.data.view import View
from bullbear.dataset.labels import climatology
from bullbear.decide import Forecast
from bullbear.definitions import UP, FactorSpec, Question
from bullbear.definitions.coherence import project
from bullbear.errors import HistoryError
from bullbear.factors import compute, registered
from bullbear.forecasting.bundle import Bundle
from bullbear.forecasting.champions import Asked
from bullbear.forecasting.close import Close
from bullbear.learn import FoldModel
from bullbear.learn.calibrators.shrinkage import of_base_rate
from bullbear.learn.combining import predict
from bullbear.learn.distribution import DistributionForecast
from bullbear.learn.learner import factor_matrix
from bullbear.statistics import independent_number

DRIVERS = 8


@dataclass(frozen=True)
class Answered:
    """The forecasts of one question and the factors behind them, by session; the last session's model, if any.

    `labels` are all of the question's as known at the close.
    """

    asked: Asked
    labels: pd.DataFrame
    forecasts: tuple[Forecast, ...]
    X: pd.DataFrame
    model: FoldModel | None

    @property
    def forecast(self) -> Forecast:
        """That of the close."""
        return self.forecasts[-1]

    @property
    def factors(self) -> pd.DataFrame:
        """The factors of the close, one row."""
        return self.X.iloc[[-1]]


@dataclass(frozen=True)
class Today:
    """What is forecast at `decided_at`, the closes of some sessions: `up` first, then the other questions.

    `answers` are coherent; `apart` are the same as each champion gave them.
    """

    decided_at: pd.DatetimeIndex
    answers: tuple[Answered, ...]
    apart: tuple[Answered, ...]

    @property
    def up(self) -> Answered:
        """The answer to `up`."""
        return self.answers[0]

    @property
    def model(self) -> FoldModel:
        """The model of `up` at the close."""
        assert self.up.model is not None  # its champion is no base rate
        return self.up.model

    def distribution(self) -> tuple[Answered, DistributionForecast] | None:
        """The distribution of the close by the first question whose model knows one, and that question's answer.

        Only one over the horizon of `up` counts, which is the forecast's: of any other a reader would take the numbers
        for those of that horizon.
        """
        for each in self.answers:
            if each.model is None or each.asked.question.horizon != self.up.asked.question.horizon:
                continue
            if (found := each.model.distribution(each.factors)) is not None:
                return each, found
        return None

    def drivers(self) -> list[dict[str, Any]]:
        """The factors that move the forecast of `up` most, in log-odds after calibration."""
        model, factors = self.model, self.up.factors
        X = factor_matrix(factors, model.factors)
        contributions = model.contributions(factors, np.array([self.up.forecast.climatology]))[0]
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


def forecast_close(at: Close, bundle: Bundle, others: Sequence[Asked] = ()) -> Today:
    """Forecast the session of a close.

    Parameters
    ----------
    bundle
        The champion of `up`.
    others
        The other questions; one of which no label has resolved yet is left out.

    Raises
    ------
    HistoryError
        The close lies before the first reported forecast of `up`'s champion, or before its first model.
    """
    if at.session < bundle.first_session:
        raise HistoryError(
            "--as-of",
            str(at.session.date()),
            f"days from {bundle.first_session.date()}, the champion's first out-of-sample forecast",
            "choose a later day: an earlier one would look ahead",
        )
    asked = (Asked(bundle.definition.target.question, bundle), *others)
    return forecasts_on(at.view, at.labels_of, at.target.ticker, pd.DatetimeIndex(at.labels.index[-1:]), asked)


def forecasts_on(
    view: View,
    labels_of: Callable[[Question], pd.DataFrame],
    ticker: str,
    index: pd.DatetimeIndex,
    asked: Sequence[Asked],
) -> Today:
    """The forecasts of several questions on the sessions `index`, each with what was known at its close.

    Parameters
    ----------
    labels_of
        The labels of a question, as known to `view`.

    Raises
    ------
    HistoryError
        The champion of `up` has no model for a session; any other question then has the base rate.
    """
    tables = factor_tables(view, [each.bundle for each in asked], index, ticker)
    answers = []
    decided_at = pd.DatetimeIndex([])
    for each, X in zip(asked, tables, strict=True):
        every = labels_of(each.question)
        decided_at = pd.DatetimeIndex(every["decided_at"].loc[index])
        answer = _answer(each, every, decided_at, X, must=each.question.name == UP.name)
        if answer is not None:
            answers.append(answer)
    return Today(decided_at, _coherent(answers), tuple(answers))


def _coherent(answers: Sequence[Answered]) -> tuple[Answered, ...]:
    p = np.array([[said.p for said in each.forecasts] for each in answers]).T
    nearest = project([each.asked.question for each in answers], p)
    return tuple(
        replace(each, forecasts=tuple(_moved(*pair) for pair in zip(each.forecasts, nearest[:, place], strict=True)))
        for place, each in enumerate(answers)
    )


def _moved(said: Forecast, p: float) -> Forecast:
    """The forecast with another probability, which its interval still contains."""
    if said.p == p:
        return said
    return Forecast(float(p), min(said.p_low, float(p)), max(said.p_high, float(p)), said.climatology)


def _answer(
    asked: Asked, labels: pd.DataFrame, decided_at: pd.DatetimeIndex, X: pd.DataFrame, *, must: bool
) -> Answered | None:
    y, resolved_at, horizon = labels["y"].to_numpy(), pd.DatetimeIndex(labels["resolved_at"]), asked.question.horizon
    share, n_resolved = climatology(y, resolved_at, decided_at)
    if np.isnan(share).any() and not must:
        return None
    forecasts = []
    for row, session in enumerate(X.index):
        n_independent = independent_number(n_resolved[[row]], horizon)
        model = None
        if asked.bundle is not None:
            try:
                model = asked.bundle.model_for(session)
            except HistoryError:
                if must:
                    raise
        if model is None:
            known = y[np.asarray(resolved_at <= decided_at[row]) & ~np.isnan(y)]
            answer = predict(of_base_rate(known, horizon), np.zeros(1), share[[row]], n_independent)
        else:
            answer = model.forecast(X.iloc[[row]], share[[row]], n_independent)
        forecasts.append(Forecast(**answer.iloc[0]))
    return Answered(asked, labels, tuple(forecasts), X, model)


def factor_tables(
    view: View, bundles: Sequence[Bundle | None], index: pd.DatetimeIndex, ticker: str
) -> list[pd.DataFrame]:
    """The factors of each champion on the sessions `index`, computed once where they mean the same.

    Each row knows what was known at its own close; there are no columns for the base rate.
    """
    specs: list[FactorSpec] = []
    place: dict[tuple[Any, ...], int] = {}
    columns = []
    for bundle in bundles:
        named = {}
        for spec in bundle.factors() if bundle is not None else ():
            meaning = _meaning(spec, ticker)
            if meaning not in place:
                place[meaning] = len(specs)
                specs.append(spec)
            named[spec.name] = place[meaning]
        columns.append(named)
    values = compute(view, specs, index, ticker).to_numpy()
    return [
        pd.DataFrame(values[:, list(named.values())], pd.DatetimeIndex(index, name="session"), list(named))
        for named in columns
    ]


def _meaning(spec: FactorSpec, ticker: str) -> tuple[Any, ...]:
    settled = registered()[spec.function].settled(spec.params)
    return spec.function, tuple(sorted(spec.inputs_for(ticker).items())), tuple(sorted(settled.items()))
