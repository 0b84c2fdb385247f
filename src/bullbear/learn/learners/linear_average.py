"""The mean of linear rules that err in different ways.

A linear rule on many factors can be wrong in two ways: it fits noise, or it assumes too much. Each rule here makes
another compromise, on standardised factors z, and the mean of their log-odds is steadier than any of them:

- `logistic`: a penalised logistic regression, which tells the factors apart as far as the labels allow;
- `partial_least_squares`: one component. Factor j has the weight of its covariance with the answer, and the weighted
  sum is the only regressor, so that the factors are taken for noisy views of one driver and their noise averages out;
- `signs`: equal weights with the sign that theory gives. Nothing is fitted, so it errs as much with ten labels as with
  a thousand: the rule of the first years.

References
----------
Kelly and Pruitt (2013), Market expectations in the cross-section of present values, doi:10.1111/jofi.12060 (one
component). Dawes (1979), The robust beauty of improper linear models, doi:10.1037/0003-066X.34.7.571 (equal weights).
Campbell and Thompson (2008), doi:10.1093/rfs/hhm055 (signs).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from bullbear.learn.learner import LEARNERS, Learner, TrainingSet
from bullbear.learn.learners.logistic import LinearModel, Logistic, standardisation, standardise

Rule = Literal["logistic", "partial_least_squares", "signs"]


@LEARNERS.register
class LinearAverage(Learner):
    """`[learner] kind = "linear_average"`: the mean of `rules`.

    `penalty` is that of the logistic regression, in independent labels. `strength` is what one standard deviation of
    the signed sum is worth in log-odds. `signs` has no part where theory says nothing of any factor.
    """

    libraries: ClassVar[tuple[str, ...]] = ("sklearn.linear_model",)

    kind: Literal["linear_average"]
    rules: tuple[Rule, ...] = Field(default=("logistic", "partial_least_squares", "signs"), min_length=1, strict=False)
    penalty: float = Field(default=300.0, gt=0)
    strength: float = Field(default=0.5, gt=0)
    clip: float = Field(default=3.0, gt=0)

    @field_validator("rules")
    @classmethod
    def _each_once(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        if len(set(rules)) < len(rules):
            raise ValueError("each rule once")
        return rules

    def imports(self) -> tuple[str, ...]:
        """Only the logistic regression has a library of its own."""
        return self.libraries if "logistic" in self.rules else ()

    def fit(self, training: TrainingSet) -> LinearModel:
        """The mean of the rules' coefficients, which is the rule of the mean."""
        center, scale = standardisation(training.X)
        Z = standardise(training.X, center, scale, self.clip)
        found = [each for rule in self.rules if (each := self._coefficients(rule, training, Z)) is not None]
        coefficients = sum(found[1:], found[0]) / len(found) if found else np.zeros(len(center))
        return LinearModel(center, scale, coefficients, self.clip)

    def restore(self, state: Mapping[str, Any]) -> LinearModel:
        """From `state()`."""
        return LinearModel.restore(state)

    def _coefficients(self, rule: Rule, training: TrainingSet, Z: np.ndarray) -> np.ndarray | None:
        """Log-odds per standard deviation of each factor, shape (k,); None for a rule without an opinion."""
        match rule:
            case "logistic":
                return Logistic(kind="logistic", penalty=self.penalty, clip=self.clip).fit(training).coefficients
            case "partial_least_squares":
                return one_component(Z, training.y, training.weights)
            case "signs":
                return signed_sum(Z, np.array(training.signs, dtype=np.float64), training.weights, self.strength)


def one_component(Z: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The coefficients of partial least squares with one component, in log-odds.

    d_j = cov(z_j, y);    b = d cov(u, y) / (var(u) m (1 - m)),    u = sum over j of d_j z_j,    m the mean of y

    The slope of the answer on u is one of probability; around the mean a step of m (1 - m) in probability is one of
    log-odds.

    Parameters
    ----------
    Z, y, weights
        Standardised factors (n, k), answers of 0 or 1 and what each row counts, shape (n,).

    Returns
    -------
    ndarray
        Shape (k,); zeros where nothing varies.

    Example
    -------
    >>> Z = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> one_component(Z, np.array([1.0, 1.0, 1.0, 0.0]), np.ones(4)).round(3).tolist()
    [1.333, 1.333]
    """
    share = weights / weights.sum()
    mean = float(share @ y)
    away, answer = Z - share @ Z, share * (y - mean)
    covariances = away.T @ answer
    component = away @ covariances
    spread = float((share * component) @ component)
    if spread <= 0.0 or not 0.0 < mean < 1.0:
        return np.zeros(Z.shape[1])
    return np.asarray(covariances * (float(answer @ component) / (spread * mean * (1.0 - mean))))


def signed_sum(Z: np.ndarray, signs: np.ndarray, weights: np.ndarray, strength: float) -> np.ndarray | None:
    """Coefficients with the signs given and equal size, so that the sum's standard deviation is worth `strength`.

    Parameters
    ----------
    Z, weights
        Standardised factors (n, k), and what each row counts, shape (n,).
    signs
        Of each factor, shape (k,); 0 leaves it out.

    Returns
    -------
    ndarray or None
        Shape (k,); None where no factor has a sign, or the signed ones never varied.
    """
    total = Z @ signs
    share = weights / weights.sum()
    spread = float(np.sqrt(share @ (total - share @ total) ** 2))
    return signs * (strength / spread) if spread > 0.0 else None
