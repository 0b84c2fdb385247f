"""Noninterference: what a fit may not know is replaced, and nothing that was fitted by then may change by a bit.

A program keeps a secret if no change of the secret changes what an observer sees. Here the secret at the close of a fit
is every label that had not resolved and every row of factors decided later; the observer sees whatever was fitted or
forecast by that close. So no part of the pipeline needs to be known by name.

A leak shows only where it changes a number, and a choice that stays the same hides it. So three replacements are made:

- `extreme`: every label is the opposite, every factor lies beyond all that it was;
- `obliging`: labels are as the model forecasts them, and where it makes no forecast the factor decides that went least
  with the past; factors stay;
- `contrary`: labels are the opposite of what the model forecasts, random elsewhere; factors are random values of the
  same kind.

References
----------
Goguen and Meseguer (1982), Security policies and security models, doi:10.1109/SP.1982.10014
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from bullbear.dataset import Examples, Paths

Kind = Literal["labels", "factors"]
KINDS: tuple[Kind, ...] = ("labels", "factors")
Values = Literal["extreme", "obliging", "contrary"]
VALUES: tuple[Values, ...] = ("extreme", "obliging", "contrary")
_FEW = 12
"""A factor with fewer values than this is a state: its replacement is one of them."""


@dataclass(frozen=True)
class Taint:
    """What is replaced in the examples of each question.

    Attributes
    ----------
    labels
        Of each question the rows whose label, path and final label are replaced; shape (n,).
    factors
        The rows whose factors, base rate and weights are replaced, the same for all questions; shape (n,).
    values
        By what.
    signals
        What the model forecasts of each question, above 0 for yes, NaN where it makes no forecast; shape (n,).
    """

    labels: tuple[np.ndarray, ...]
    factors: np.ndarray
    values: Values
    signals: tuple[np.ndarray, ...]

    @classmethod
    def after(
        cls, examples: Sequence[Examples], instant: pd.Timestamp, values: Values, signals: Sequence[np.ndarray]
    ) -> Taint:
        """All that is not known at an instant: labels that resolve later, and factors of later decisions."""
        labels = tuple(np.asarray(each.resolved_at > instant) for each in examples)
        return cls(labels, np.asarray(examples[0].decided_at > instant), values, tuple(signals))

    def only(self, kind: Kind, rows: np.ndarray | None = None) -> Taint:
        """Of one kind alone, and of some rows alone, shape (n,) of booleans."""
        chosen = np.ones(len(self.factors), dtype=bool) if rows is None else rows
        none = np.zeros(len(self.factors), dtype=bool)
        if kind == "factors":
            return replace(self, labels=tuple(none for _ in self.labels), factors=self.factors & chosen)
        return replace(self, labels=tuple(each & chosen for each in self.labels), factors=none)

    def of(self, kind: Kind) -> np.ndarray:
        """The rows of a kind that are replaced, of any question; shape (n,)."""
        return self.factors if kind == "factors" else np.any(self.labels, axis=0)

    def applied(self, examples: Sequence[Examples]) -> list[Examples]:
        """The examples with the values replaced; rows that stay keep every bit."""
        X = _factors(examples[0].X, self.factors, self.values)
        return [
            replace(_question(each, rows, self.factors, self.values, self.signals[number], number), X=X)
            for number, (each, rows) in enumerate(zip(examples, self.labels, strict=True))
        ]


def _factors(X: pd.DataFrame, rows: np.ndarray, values: Values) -> pd.DataFrame:
    if not rows.any() or not X.shape[1] or values == "obliging":
        return X
    draw, changed = np.random.default_rng(11), X.to_numpy(dtype=np.float64, copy=True)
    for place in range(changed.shape[1]):
        column = changed[:, place]
        known = column[~np.isnan(column)]
        if not len(known):
            continue
        if values == "contrary":
            column[rows] = draw.choice(known, int(rows.sum()))
            continue
        low, high = known.min(), known.max()
        far = column[rows] < (low + high) / 2
        beyond = 0.0 if len(np.unique(known[:2000])) < _FEW else 3.0 * (high - low)
        column[rows] = np.where(far, high + beyond, low - beyond)
    return pd.DataFrame(changed, index=X.index, columns=X.columns)


def _question(
    examples: Examples, labels: np.ndarray, later: np.ndarray, values: Values, signal: np.ndarray, number: int
) -> Examples:
    draw, n = np.random.default_rng([7, number]), len(examples)
    is_random = values != "extreme"

    def answers(y: np.ndarray) -> np.ndarray:
        if values == "extreme":
            other = 1.0 - y
        elif values == "obliging":
            other = np.where(np.isnan(signal), _by_the_least(examples, ~labels), signal > 0.0)
        else:
            other = np.where(np.isnan(signal), draw.integers(0, 2, n), signal <= 0.0)
        return np.where(labels & ~np.isnan(y), other, y)

    paths = examples.paths
    if paths is not None and labels.any():
        others = paths.returns[draw.integers(0, n, n)] if is_random else -4.0 * paths.returns
        # A label that reads two closes may resolve before its path; a path that is missing stays missing.
        fits = labels[:, None] & ~np.isnan(paths.returns) & ~np.isnan(others)
        paths = Paths(np.where(fits, others, paths.returns), paths.known_at)
    share, count, weights = examples.climatology, examples.n_resolved, examples.weights
    rate = draw.uniform(0.05, 0.95, n) if is_random else np.where(share < 0.5, 0.99, 0.01)
    changed: dict[str, Any] = {
        "y": answers(examples.y),
        "y_final": answers(examples.y_final),
        "paths": paths,
        "climatology": np.where(later & ~np.isnan(share), rate, share),
        "n_resolved": np.where(later & (count > 0), draw.integers(1, n + 1, n) if is_random else 1, count),
        "weights": np.where(later, draw.uniform(0.01, 1.0, n) if is_random else 10.0, weights),
    }
    return replace(examples, **changed)


def _by_the_least(examples: Examples, known: np.ndarray) -> np.ndarray:
    """Whether the factor that went least with the known labels is above its median; shape (n,)."""
    X, y = examples.X.to_numpy(dtype=np.float64), examples.y
    least, found = np.inf, np.ones(len(y))
    for column in X.T:
        both = known & ~np.isnan(y) & ~np.isnan(column)
        if both.sum() < _FEW or np.ptp(column[both]) == 0.0 or np.ptp(y[both]) == 0.0:
            continue
        fit = abs(float(np.corrcoef(column[both], y[both])[0, 1]))
        if fit < least:
            least, found = fit, np.where(np.isnan(column), 0.0, column > np.median(column[both]))
    return found
