"""The rank of each company among the members of its decision."""

from __future__ import annotations

import numpy as np

from bullbear.picking.history import Array, BoolArray


def percentiles(values: Array, member: BoolArray) -> Array:
    """Ranks among the members of each decision, from 0 (lowest) to 1; ties share their mean rank, NaN stays NaN.

    Parameters
    ----------
    values
        Shape (n_decisions, n_companies, ...).
    member
        Shape (n_decisions, n_companies).

    Example
    -------
    >>> percentiles(np.array([[3.0, 1.0, 2.0, 9.0, np.nan]]), np.array([[True, True, True, False, True]])).tolist()
    [[1.0, 0.0, 0.5, nan, nan]]
    """
    found = np.full(values.shape, np.nan)
    for row, chosen in enumerate(member):
        found[row, chosen] = _ranked(values[row, chosen])
    return found


def _ranked(values: Array) -> Array:
    """Ranks along the first axis."""
    order = np.argsort(values, axis=0, kind="stable")  # NaN last
    ordered = np.take_along_axis(values, order, axis=0)
    places = np.broadcast_to(np.arange(len(values)).reshape(-1, *[1] * (values.ndim - 1)), values.shape)
    is_new = np.ones(values.shape, dtype=bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    first = np.maximum.accumulate(np.where(is_new, places, 0), axis=0)
    is_last = np.ones(values.shape, dtype=bool)
    is_last[:-1] = is_new[1:]
    last = np.minimum.accumulate(np.where(is_last, places, len(values))[::-1], axis=0)[::-1]
    others = np.isfinite(values).sum(axis=0) - 1
    scaled = np.where(others > 0, (first + last) / 2 / np.maximum(others, 1), 0.5)
    found = np.empty(values.shape)
    np.put_along_axis(found, order, np.where(np.isfinite(ordered), scaled, np.nan), axis=0)
    return found
