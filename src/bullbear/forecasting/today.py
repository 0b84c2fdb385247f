"""The champion's forecasts at a close: the factors of the sessions to decide, and each session's own model on them.

Usually that is one session. A replay of a day after the champion's last refit also needs those since, because its
account was decided on each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.dataset.labels import climatology
from bullbear.decide import Forecast
from bullbear.errors import HistoryError
from bullbear.factors import compute
from bullbear.forecasting.bundle import Bundle
from bullbear.forecasting.close import Close
from bullbear.learn import FoldModel
from bullbear.learn.learner import factor_matrix
from bullbear.statistics import independent_number

DRIVERS = 8


@dataclass(frozen=True)
class Today:
    """Forecasts by close and question and factors by session, of the sessions to decide; the last close's model."""

    forecasts: dict[pd.Timestamp, dict[str, Forecast]]
    model: FoldModel
    X: pd.DataFrame

    @property
    def earlier(self) -> dict[pd.Timestamp, dict[str, Forecast]]:
        """The forecasts before that of the close."""
        return dict(list(self.forecasts.items())[:-1])

    @property
    def outlook(self) -> dict[str, Forecast]:
        """The forecasts of the close, by question."""
        return self.forecasts[next(reversed(self.forecasts))]

    @property
    def forecast(self) -> Forecast:
        """The forecast of the close."""
        return self.outlook["up"]

    @property
    def factors(self) -> pd.DataFrame:
        """The factors of the close, one row."""
        return self.X.iloc[[-1]]

    def drivers(self) -> list[dict[str, Any]]:
        """The factors that move the forecast most, in log-odds after calibration."""
        model = self.model
        X = factor_matrix(self.factors, model.factors)
        contributions = model.contributions(self.factors)[0]
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


def forecast_sessions(at: Close, bundle: Bundle, after: pd.Timestamp | None) -> Today:
    """Forecast every decidable session after `after` (None: the close's own) up to the close.

    Raises
    ------
    HistoryError
        The close lies before the champion's first reported forecast, or before its first model.
    """
    if at.session < bundle.first_session:
        raise HistoryError(
            "--as-of",
            str(at.session.date()),
            f"days from {bundle.first_session.date()}, the champion's first out-of-sample forecast",
            "choose a later day: an earlier one would look ahead",
        )
    due = at.labels.iloc[[-1]] if after is None else at.decidable_after(after)
    X = compute(at.view, bundle.factors(), pd.DatetimeIndex(due.index), bundle.definition.target.ticker)
    decided_at = pd.DatetimeIndex(due["decided_at"])
    share, n_resolved = climatology(
        at.labels["y"].to_numpy(), pd.DatetimeIndex(at.labels["resolved_at"]), decided_at
    )  # fmt: skip
    forecasts = {}
    for row, session in enumerate(due.index):
        model = bundle.model_for(session)
        n_independent = independent_number(n_resolved[[row]], model.horizon)
        answer = model.forecast(X.iloc[[row]], share[[row]], n_independent)
        forecasts[decided_at[row]] = {"up": Forecast(**answer.iloc[0])}
    return Today(forecasts, model, X)


def model_age(model: FoldModel, session: pd.Timestamp) -> int:
    """Sessions from the fit of a model to `session`."""
    return len(sessions.between(sessions.day(model.trained_through), session)) - 1
