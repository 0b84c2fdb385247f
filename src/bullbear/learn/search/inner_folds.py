"""The past of a fold, cut into inner folds on which the parameters of a trial are scored.

A search at a close may use what the fit at that close may use: the fold's training rows, whose labels had resolved by
then. Their sessions are cut into stretches of about equal length; each but the first is forecast by a fit at the close
before it, on the labels that had resolved by that close, less the splitter's embargo. This is the walk-forward of the
training, repeated within its past.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bullbear.dataset import Fold


def inner_folds(
    fold: Fold,
    decided_at: pd.DatetimeIndex,
    resolved_at: pd.DatetimeIndex,
    n: int,
    *,
    min_train: int,
    embargo: int,
) -> list[Fold]:
    """The inner folds of a fold, at most `n`, in order of time.

    Parameters
    ----------
    fold
        Of the training: nothing but its training rows appears in what is returned.
    decided_at, resolved_at
        Of all examples, in order of decision.
    n
        Stretches to forecast.
    min_train
        Rows to train on without which a stretch is left out, as the walk-forward leaves out its first sessions.
    embargo
        Sessions between training labels and the stretch.

    Returns
    -------
    list
        Empty where the past is too short.
    """
    decided = decided_at.as_unit("us").asi8[fold.train]
    resolved = resolved_at.as_unit("us").asi8[fold.train]
    closes = np.unique(decided)
    found = []
    for stretch in np.array_split(np.arange(len(closes)), n + 1)[1:]:
        if not len(stretch):
            continue
        fitted = max(stretch[0] - 1, 0)
        train = fold.train[resolved <= closes[max(fitted - embargo, 0)]]
        test = fold.train[(decided >= closes[stretch[0]]) & (decided <= closes[stretch[-1]])]
        if len(train) >= min_train:
            through = pd.Timestamp(int(closes[fitted]), unit="us", tz="UTC").as_unit("us")
            found.append(Fold(train, test, through, np.zeros(len(test), dtype=np.int64)))
    return found
