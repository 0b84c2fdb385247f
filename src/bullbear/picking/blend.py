"""A declared blend of percentiles: no parameter is estimated, so only the percentiles could look ahead."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bullbear.definitions.picker import Blend, normalised
from bullbear.picking.cross_section import Array

LEAST_WEIGHT = 0.5
"""The share of the weight that must be known for a score."""


def blended(rule: Blend, ranked: Mapping[str, Array]) -> Array:
    """Scores from -1 (worst) to 1 (best) from percentiles from 0 to 1, by characteristic; NaN where too few are known.

    sum of w (2 p - 1) over the known parts, over the sum of their |w|
    """
    total: Array | None = None
    for part, weight in zip(contributions(rule, ranked).values(), normalised(list(rule.weights.values())), strict=True):
        known = np.isfinite(part)
        if total is None:
            total, weights = np.zeros(part.shape), np.zeros(part.shape)
        total += np.where(known, part, 0.0)
        weights += np.where(known, abs(weight), 0.0)
    assert total is not None  # a blend has a part
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weights >= LEAST_WEIGHT - 1e-12, total / weights, np.nan)


def contributions(rule: Blend, ranked: Mapping[str, Array]) -> dict[str, Array]:
    """What each part adds to a score in which no part is missing; NaN where it is."""
    weights = normalised(list(rule.weights.values()))
    return {name: weight * (2.0 * ranked[name] - 1.0) for name, weight in zip(rule.weights, weights, strict=True)}
