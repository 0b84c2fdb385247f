"""Scoring the ledger: what became of the forecasts that were really made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bullbear.dataset.labels import resolve
from bullbear.evaluate.scores import brier, brier_skill, log_loss, log_loss_skill
from bullbear.home import Home
from bullbear.ledger import Ledger
from bullbear.sessions import NEW_YORK


def score_ledger(home: Home) -> dict[str, Any]:
    """Resolve every ledger entry whose label is known in the store, and score them.

    Forecasts of the simulated market are scored on a simulated store only, real ones on a real store only.

    Returns
    -------
    dict
        entries, resolved, pending; brier, brier_climatology, bss, log_loss, log_loss_skill (None without a resolved
        entry, and bss and skill None where climatology was perfect); `forecasts`, one record per entry with its y.

    Raises
    ------
    LedgerError
        The chain does not verify.
    """
    entries = Ledger(home.forecasts / "ledger.jsonl").entries()
    store = home.filled_store()
    view = store.as_of()
    entries = [entry for entry in entries if bool(entry["data"].get("simulated")) == store.is_simulated]
    outcomes: dict[tuple[str, int], pd.Series] = {}
    records = []
    for entry in entries:
        key = (entry["ticker"], entry["horizon_sessions"])
        if key not in outcomes:
            outcomes[key] = resolve(view, *key)["y"]
        session = pd.Timestamp(entry["decided_at"]).tz_convert(NEW_YORK).tz_localize(None).normalize().as_unit("us")
        y = float(outcomes[key].get(session, np.nan))
        records.append(
            {
                "decided_at": entry["decided_at"],
                "resolves_on": entry["resolves_on"],
                "model": entry["model"]["name"],
                "p_up": entry["p_up"],
                "climatology": entry["climatology"],
                "y": None if np.isnan(y) else int(y),
            }
        )
    return {"simulated": store.is_simulated, "entries": len(entries), **_scores(records), "forecasts": records}


def _scores(records: list[dict[str, Any]]) -> dict[str, Any]:
    due = [record for record in records if record["y"] is not None]
    counts = {"resolved": len(due), "pending": len(records) - len(due)}
    names = ("brier", "brier_climatology", "bss", "log_loss", "log_loss_skill")
    if not due:
        return {**counts, **dict.fromkeys(names)}
    y, p, base = (np.array([record[key] for record in due], dtype=float) for key in ("y", "p_up", "climatology"))
    values = (brier(y, p), brier(y, base), brier_skill(y, p, base), log_loss(y, p), log_loss_skill(y, p, base))
    return {
        **counts,
        **{name: value if np.isfinite(value) else None for name, value in zip(names, values, strict=True)},
    }
