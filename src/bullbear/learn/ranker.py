"""LightGBM's lambdarank over cross-sections: trees that learn the order of the companies within each decision.

A company's grade is the quantile of its label within its decision, so neither the level of the market nor its
volatility reaches the fit. The gain of a grade is linear: the worst companies matter as much as the best, because the
portfolios at both ends are judged. One thread and fixed seeds: the same bits on every run.

References
----------
Burges (2010), From RankNet to LambdaRank to LambdaMART, MSR-TR-2010-82; Poh, Lim, Zohren and Roberts (2021), Building
cross-sectional systematic strategies by learning to rank, doi:10.3905/jfds.2021.1.060
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bullbear.definitions.picker import Boosted
from bullbear.errors import FitError
from bullbear.statistics.overlap import Array

if TYPE_CHECKING:
    import lightgbm


@dataclass(frozen=True)
class FittedRanker:
    """A booster as LightGBM's own text, which keeps every bit."""

    text: str
    features: tuple[str, ...]

    @cached_property
    def _booster(self) -> lightgbm.Booster:
        import lightgbm

        return lightgbm.Booster(model_str=self.text)

    def scores(self, X: Array) -> Array:
        """A score for each row of shape (n, n_features): only the order within a decision has a meaning."""
        return np.asarray(self._booster.predict(_single(X), raw_score=True, num_threads=1))

    def contributions(self, X: Array) -> Array:
        """SHAP values in the unit of the scores, shape (n, n_features)."""
        return np.asarray(self._booster.predict(_single(X), pred_contrib=True, num_threads=1))[:, :-1]


def fit_ranker(
    X: Array, grade: Array, sizes: Sequence[int], features: Sequence[str], settings: Boosted
) -> FittedRanker:
    """Fit to companies whose decisions follow each other.

    Parameters
    ----------
    X
        Shape (n, n_features); NaN where unknown.
    grade
        Whole numbers from 0 (worst), shape (n,).
    sizes
        How many rows each decision has, in their order.

    Raises
    ------
    FitError
        LightGBM refuses the data, such as a decision of more than 10,000 companies.
    """
    import lightgbm

    shared: dict[str, Any] = {
        "max_bin": settings.max_bin,
        "feature_pre_filter": False,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        "seed": settings.seed,
    }
    parameters: dict[str, Any] = {
        **shared,
        "objective": "lambdarank",
        "num_iterations": settings.num_iterations,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.num_leaves,
        "min_data_in_leaf": settings.min_data_in_leaf,
        "feature_fraction": settings.feature_fraction,
        "bagging_fraction": settings.bagging_fraction,
        "bagging_freq": 1 if settings.bagging_fraction < 1 else 0,
        "bagging_by_query": settings.bagging_fraction < 1,
        "lambda_l2": settings.lambda_l2,
        "lambdarank_truncation_level": settings.truncation,
        "label_gain": list(range(int(grade.max()) + 1)) if len(grade) else [0],
    }
    try:
        bins = lightgbm.Dataset(
            _single(X),
            grade.astype(np.int32),
            group=np.asarray(sizes, dtype=np.int32),
            feature_name=list(features),
            params=shared,
        )
        booster = lightgbm.train(parameters, bins)
    except lightgbm.basic.LightGBMError as bad:
        raise FitError(" ".join(str(bad).split())) from bad
    return FittedRanker(booster.model_to_string(), tuple(features))


def _single(X: Array) -> Array:
    # No split can fall between two numbers that differ by rounding alone.
    return np.asarray(X.astype(np.float32).astype(np.float64))
