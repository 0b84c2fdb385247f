"""The ledger as of a close: every forecast with its outcome, the live score, and calibration so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bullbear.forecasting.ledger import LIVE
from bullbear.forecasting.scoring import score_ledger
from bullbear.home import Home

if TYPE_CHECKING:
    from bullbear.report.sections.ledger import Chance, LedgerRecord

EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def ledger_record(home: Home, decided_at: pd.Timestamp) -> LedgerRecord:
    """The forecasts of closes up to `decided_at`, with the outcomes that were known then."""
    from bullbear.report.sections.ledger import LedgerRecord

    document = score_ledger(home, decided_at)
    due = [each for each in document["forecasts"] if each["kind"] == LIVE and each["counts"] and each["y"] is not None]
    return LedgerRecord(document, _means(due), _chances(due))


def _means(due: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for question in dict.fromkeys(each["question"] for each in due):
        of = [each for each in due if each["question"] == question]
        found[question] = (sum(each["p"] for each in of) / len(of), sum(each["y"] for each in of) / len(of))
    return found


def _chances(due: list[dict[str, Any]]) -> tuple[Chance, ...]:
    """Live forecasts that have resolved, by their probability; empty ranges are left out."""
    from bullbear.report.sections.ledger import Chance

    p, y = (np.array([each[key] for each in due], dtype=float) for key in ("p", "y"))
    place = np.clip(np.searchsorted(EDGES, p, side="right") - 1, 0, len(EDGES) - 2)
    return tuple(
        Chance(
            EDGES[bucket],
            EDGES[bucket + 1],
            int((place == bucket).sum()),
            float(p[place == bucket].mean()),
            float(y[place == bucket].mean()),
        )
        for bucket in sorted(set(place.tolist()))
    )
