"""Ratings from 1 (best) to 100 (worst): where a company stands among the members of its group, as known at a close.

A rating is a percentile of percentiles. Each part (`CHARACTERISTICS`) is ranked among the members that have it; a
company's standing is the mean of the parts it has, if it has enough of them; and that mean is ranked among the members
again. So a rating depends on the order of the figures alone, no outlier weighs more than a place, and of 100 or more
companies the same number, but for one, has each rating. Of fewer, each stands in the middle of its share: the best of
ten has 6, the worst 96.

- Ties share the mean of their places.
- What is missing stays missing. It is neither the middle nor the worst: a company without a filed balance has no
  quality. Fewer than `FEWEST` companies are not ranked.
- A loss is a poor yield, worse than none. Equity that is not positive gives no book yield, since then a smaller market
  value would make the company look dearer; a year before that is not positive gives no growth of sales. Growth of
  income is a change over assets, which is defined for losses too.
- `within="sector"` rates a company among those of its sector alone, where at least `FEWEST` of them can be rated, else
  among all.
- The composite ranks the weighted mean of the ratings' percentiles, of those that a company has, if at least
  `LEAST_RATINGS`; `parts` says how many those are.

References
----------
Asness, Frazzini and Pedersen (2019), doi:10.1007/s11142-018-9470-2, for scores that are means of ranks; sources of the
parts are named in `CHARACTERISTICS`. Equal weights after DeMiguel, Garlappi and Uppal (2009), doi:10.1093/rfs/hhm075.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bullbear.data.companies.panel import Array, BoolArray
from bullbear.errors import InputError
from bullbear.group.characteristics import CHARACTERISTICS, Characteristics

FEWEST = 10
"""Companies with a figure, below which nobody is ranked by it."""
LEAST_PARTS: Mapping[str, int] = {
    "value": 2,
    "growth": 2,
    "quality": 2,
    "momentum": 1,
    "low_risk": 2,
    "short_interest": 1,
}
"""The ratings, and how many of its parts a company must have."""
COMPOSITE = "composite"
WEIGHTS: Mapping[str, float] = dict.fromkeys(LEAST_PARTS, 1.0)
LEAST_RATINGS = 3


@dataclass(frozen=True)
class Ratings:
    """Ratings of companies at sessions.

    Attributes
    ----------
    values
        By name, the composite last; shape (n_sessions, n_companies), whole numbers from 1 (best) to 100 (worst), NaN
        where missing.
    parts
        How many ratings the composite rests on; same shape.
    """

    sessions: pd.DatetimeIndex
    companies: tuple[str, ...]
    values: Mapping[str, Array]
    parts: Array

    def __getitem__(self, name: str) -> Array:
        return self.values[name]


def rate(
    figures: Characteristics,
    member: BoolArray,
    *,
    sectors: Sequence[str] | None = None,
    within: Literal["group", "sector"] = "group",
    weights: Mapping[str, float] = WEIGHTS,
    fewest: int = FEWEST,
) -> Ratings:
    """Rate the members of a group at each session.

    Parameters
    ----------
    member
        Who is rated, and against whom; shape (n_sessions, n_companies).
    sectors
        Of each company, for `within="sector"`; an empty text is no sector.
    weights
        Of the ratings in the composite: not negative, not all zero.
    fewest
        Fewer companies with a figure are not ranked by it.

    Raises
    ------
    InputError
        Weights of something that is no rating, or negative ones, or shapes that do not match.
    """
    _check(figures, member, sectors, within, weights)
    scores, parts = _scores(figures, member, weights, fewest)
    if within == "sector":
        names = np.array(sectors, dtype=object)
        for sector in sorted(set(names) - {""}):
            own, own_parts = _scores(figures, member & (names == sector), weights, fewest)
            parts = np.where(np.isnan(own[COMPOSITE]), parts, own_parts)
            scores = {name: np.where(np.isnan(own[name]), score, own[name]) for name, score in scores.items()}
    values = {name: np.floor(_settled(100.0 * score)) + 1.0 for name, score in scores.items()}
    return Ratings(figures.sessions, figures.companies, values, parts)


def _scores(
    figures: Characteristics, member: BoolArray, weights: Mapping[str, float], fewest: int
) -> tuple[dict[str, Array], Array]:
    """Standings by rating among the members, and how many the composite rests on."""
    scores: dict[str, Array] = {}
    for rating, least in LEAST_PARTS.items():
        places = [
            standing(figures.of(name) if part.high else -figures.of(name), member, fewest)
            for name, part in CHARACTERISTICS.items()
            if part.rating == rating
        ]
        mean, count = _mean(places, [1.0] * len(places))
        scores[rating] = standing(-np.where(count >= least, mean, np.nan), member, fewest)
    mean, parts = _mean(list(scores.values()), [weights.get(rating, 0.0) for rating in scores])
    scores[COMPOSITE] = standing(-np.where(parts >= LEAST_RATINGS, mean, np.nan), member, fewest)
    return scores, parts


def standing(values: Array, member: BoolArray, fewest: int = FEWEST) -> Array:
    """Share of the members, from 0 to 1, that stand before the middle of each one's place; the highest value is first.

    (place - 1/2) / number, with ties on the mean of their places; shape (n_sessions, n_companies). NaN where missing,
    and for all where fewer than `fewest` members have a value.

    Example
    -------
    >>> standing(np.array([[5.0, 7.0, 5.0, np.nan]]), np.ones((1, 4), dtype=bool), fewest=2).round(4).tolist()
    [[0.6667, 0.1667, 0.6667, nan]]
    """
    from scipy.stats import rankdata

    found = np.full(values.shape, np.nan)
    for row, ranked in enumerate(member & np.isfinite(values)):
        if (count := int(ranked.sum())) >= fewest:
            found[row, ranked] = (rankdata(-values[row, ranked]) - 0.5) / count
    return found


def _mean(places: Sequence[Array], weights: Sequence[float]) -> tuple[Array, Array]:
    """Weighted mean of what is there, and how many those are; one without weight does not count."""
    total, weight, count = (np.zeros(places[0].shape) for _ in range(3))
    for place, own in zip(places, weights, strict=True):
        there = ~np.isnan(place) & (own > 0.0)
        total += np.where(there, own * np.nan_to_num(place), 0.0)
        weight += own * there
        count += there
    return _settled(np.where(weight > 0.0, total / np.where(weight > 0.0, weight, 1.0), np.nan)), count


def _settled(values: Array) -> Array:
    """Without the last bits, in which sums differ that are equal: a tie stays one."""
    return np.round(values, 10)


def _check(
    figures: Characteristics,
    member: BoolArray,
    sectors: Sequence[str] | None,
    within: str,
    weights: Mapping[str, float],
) -> None:
    shape = figures.values.shape[:2]
    if member.shape != shape:
        raise InputError("member", member.shape, f"shape {shape}", "say of each company and session who is a member")
    if within not in ("group", "sector"):
        raise InputError("within", within, "group or sector", "choose one of them")
    if within == "sector" and (sectors is None or len(sectors) != shape[1]):
        given = "none" if sectors is None else len(sectors)
        raise InputError("sectors", given, f"one for each of {shape[1]} companies", "give the sector of each company")
    if unknown := sorted(set(weights) - set(LEAST_PARTS)):
        raise InputError("weights", unknown, ", ".join(LEAST_PARTS), "choose among these ratings")
    if not all(weight >= 0.0 and np.isfinite(weight) for weight in weights.values()) or not any(weights.values()):
        raise InputError("weights", dict(weights), "numbers of 0 or more, one above 0", "correct the weights")
