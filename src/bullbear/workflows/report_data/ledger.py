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
    return LedgerRecord(document, _chances(document["forecasts"]))


def _chances(records: list[dict[str, Any]]) -> tuple[Chance, ...]:
    """Live forecasts of all questions that have resolved, by their probability; empty ranges are left out."""
    from bullbear.report.sections.ledger import Chance

    due = [each for each in records if each["kind"] == LIVE and each["counts"] and each["y"] is not None]
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
