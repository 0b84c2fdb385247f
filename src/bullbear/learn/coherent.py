"""Forecasts of several questions about the same decisions, moved to what the questions imply about each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bullbear.dataset import Predictions
from bullbear.definitions import Question
from bullbear.definitions.coherence import project

_DECISION = ["decided_at", "asset", "path"]


def coherent(questions: Sequence[Question], predictions: Sequence[Predictions]) -> list[Predictions]:
    """The nearest coherent forecasts of each decision; `up` stays as it is, an interval grows to hold its forecast.

    Parameters
    ----------
    predictions
        Of each question, from one training.
    """
    if len(questions) == 1:
        return list(predictions)
    tables = [each.table.set_index(_DECISION) for each in predictions]
    issued = pd.concat([table["p"] for table in tables], axis=1)
    moved = pd.DataFrame(project(questions, issued.to_numpy()), index=issued.index)
    found = []
    for number, (each, table) in enumerate(zip(predictions, tables, strict=True)):
        p = moved[number].reindex(table.index).to_numpy()
        low, high = np.minimum(table["p_low"].to_numpy(), p), np.maximum(table["p_high"].to_numpy(), p)
        found.append(Predictions(each.table.assign(p=p, p_low=low, p_high=high)))
    return found
