"""The ledger as of a close: every forecast with its outcome, the live score, and calibration so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bullbear.forecasting.ledger import LIVE
from bullbear.forecasting.ledger_history import calibration_of, resolved
from bullbear.forecasting.scoring import score_ledger
from bullbear.home import Home
from bullbear.report.sections.ledger import Chance, LedgerRecord

EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def ledger_record(home: Home, decided_at: pd.Timestamp) -> LedgerRecord:
    """The forecasts of closes up to `decided_at`, with the outcomes that were known then."""
    document = score_ledger(home, decided_at)
    records = document["forecasts"]
    means = {
        row["question"]: (row["said"], row["happened"])
        for row in calibration_of(document["questions"], records)
        if row["kind"] == LIVE
    }
    return LedgerRecord(document, means, _chances(resolved(records, LIVE)))


def _chances(due: Sequence[Mapping[str, Any]]) -> tuple[Chance, ...]:
    """Live forecasts that have resolved, by their probability; empty ranges are left out."""
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
