"""What each label of a training set counts: less, the more other labels span the same sessions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.dataset.examples import uniqueness_at
from bullbear.statistics import independent_number


def label_weights(
    decided_at: pd.DatetimeIndex, asset: np.ndarray, calendar: pd.DatetimeIndex, horizon: int
) -> np.ndarray:
    """Weights of overlapping labels: the uniqueness of each among those of its asset, shared out within its session.

    They sum to the number of independent labels that the sessions are worth for one asset. Assets move together, so a
    session counts once, however many have a label in it: its labels share what one alone would count.

    Parameters
    ----------
    decided_at, asset
        Of each label, shape (n,); sessions whose label is missing have none.
    calendar
        The decisions of all sessions, those without a label too, in any order.
    horizon
        Sessions that a label spans.

    Returns
    -------
    ndarray
        Shape (n,).
    """
    instants = decided_at.as_unit("us").asi8
    session = np.searchsorted(np.unique(calendar.as_unit("us").asi8), instants)
    weights = np.zeros(len(instants))
    for name in np.unique(asset):
        own = asset == name
        weights[own] = uniqueness_at(session[own], horizon)
    sessions, place, labels = np.unique(instants, return_inverse=True, return_counts=True)
    weights /= labels[place]
    weights *= independent_number(len(sessions), horizon) / weights.sum()
    return weights
