"""The evaluation of the distributions that a walk-forward training would have forecast out of sample.

A day has the distribution of the model that forecast it. Beside it stands climatology's: the quantiles of the returns,
and the mean of the log volatilities, that had resolved by the close of that day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bullbear.data.view import View
from bullbear.dataset import Examples, Labels
from bullbear.definitions import UP, Question
from bullbear.definitions.questions import Volatility
from bullbear.evaluate.distribution import DistributionEvaluation, evaluate_distribution
from bullbear.evaluate.distribution_scores import climatological_mean, climatological_quantiles
from bullbear.learn import Training
from bullbear.learn.distribution import FAN_LEVELS, DistributionForecast


@dataclass(frozen=True)
class PastDistributions:
    """Distributions forecast out of sample, of consecutive decisions of one ticker.

    Attributes
    ----------
    decided_at
        Shape (n,).
    levels, quantiles, volatility
        Those of `DistributionForecast`; shapes (k,), (n, k) and (n,).
    """

    ticker: str
    horizon: int
    decided_at: pd.DatetimeIndex
    levels: np.ndarray
    quantiles: np.ndarray
    volatility: np.ndarray


def past_distributions(training: Training, examples: Examples, ticker: str) -> PastDistributions | None:
    """The distribution of every reported forecast; None if no member knows one, or none walked forward."""
    if not training.models:
        return None
    decided = pd.DatetimeIndex(training.predictions.select(asset=ticker, path=0).table["decided_at"])
    own = np.flatnonzero(examples.asset == ticker)
    rows = own[pd.DatetimeIndex(examples.decided_at[own]).get_indexer(decided)]
    fitted = pd.DatetimeIndex([model.trained_through for model in training.models])
    which = fitted.searchsorted(decided, side="left") - 1  # a model is used from the session after its fit on
    parts: list[DistributionForecast] = []
    for number in np.unique(which):
        found = training.models[number].distribution(examples.X.iloc[rows[which == number]])
        if found is None:
            return None
        parts.append(found)
    if not parts:
        return None
    return PastDistributions(
        ticker=ticker,
        horizon=examples.horizon,
        decided_at=decided,
        levels=np.asarray(parts[0].levels),
        quantiles=np.concatenate([each.quantiles for each in parts]),
        volatility=np.concatenate([each.volatility for each in parts]),
    )


def evaluate_distributions(view: View, past: PastDistributions) -> DistributionEvaluation:
    """Score past distributions on the final outcomes that `view` knows.

    Days without an outcome yet, and those at which too little had resolved for a climatology, are left out.

    Raises
    ------
    HistoryError
        Fewer than four horizons of resolved days.
    """
    labels = Labels(view, past.ticker)
    up = UP.model_copy(update={"horizon": past.horizon})
    wild = Volatility(
        name="volatility", kind="volatility", threshold=0.2, horizon=past.horizon, sentence="The realised volatility."
    )
    returns, climatology = _outcomes(labels, up, past)
    quantiles = climatological_quantiles(*climatology, past.decided_at, past.levels)
    volatility, (values, resolved_at) = _outcomes(labels, wild, past)
    # A volatility of zero, of a price that stood still, has no logarithm.
    logs = np.log(np.where(values > 0.0, values, np.nan))
    mean = climatological_mean(logs, resolved_at, past.decided_at)
    scored = np.isfinite(returns) & (volatility > 0.0) & np.isfinite(mean) & np.isfinite(quantiles).all(axis=1)
    return evaluate_distribution(
        returns[scored],
        past.quantiles[scored],
        quantiles[scored],
        past.levels,
        horizon=past.horizon,
        volatility=(volatility[scored], past.volatility[scored], mean[scored]),
    )


def usual_fan(view: View, ticker: str, horizon: int) -> np.ndarray:
    """The quantiles `FAN_LEVELS` of the return after 1 to `horizon` sessions, over all paths known to `view`.

    Returns
    -------
    Shape (5, horizon); NaN where no path is known.
    """
    returns = Labels(view, ticker).paths(horizon).known_by(view.instant)
    known = returns[~np.isnan(returns).any(axis=1)]
    if not len(known):
        return np.full((len(FAN_LEVELS), horizon), np.nan)
    return np.asarray(np.quantile(np.expm1(np.cumsum(known, axis=1)), FAN_LEVELS, axis=0))


def _outcomes(
    labels: Labels, question: Question, past: PastDistributions
) -> tuple[np.ndarray, tuple[np.ndarray, pd.DatetimeIndex]]:
    """The final outcome of each decision, and all outcomes as they were known, with the instants of that."""
    final = labels.resolve(question, final=True).set_index("decided_at")["value"]
    known = labels.resolve(question)
    return (
        final.reindex(past.decided_at).to_numpy(dtype=np.float64),
        (known["value"].to_numpy(dtype=np.float64), pd.DatetimeIndex(known["resolved_at"])),
    )
