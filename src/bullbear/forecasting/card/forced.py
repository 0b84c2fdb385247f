"""Which champions behind a forecast were promoted although the gate refused them, and why."""

from __future__ import annotations

from typing import Any

from bullbear.forecasting.card.sources import Sources
from bullbear.forecasting.champion_history import forced, meta_at
from bullbear.wording import short_date


def forced_of(sources: Sources) -> list[dict[str, Any]]:
    """The key `forced`: question, model, run_id, at, reason, refused and a `sentence` for each; usually none."""
    found = []
    for row in sources.entry.get("outlook") or [{"question": "up", "run_id": sources.entry["model"]["run_id"]}]:
        meta = meta_at(sources.home.champion_of(row["question"]))
        record = forced(meta)
        if record is None or meta.get("run_id") != row.get("run_id"):  # another one is champion by now
            continue
        named = {"question": row["question"], "model": str(meta["definition"]["name"]), "run_id": row["run_id"]}
        sentence = (
            f"The champion of {named['question']}, {named['model']} {str(named['run_id'])[:8]}, was promoted against "
            f"the gate on {short_date(record['at'])}: {record['reason']}"
        )
        found.append({**named, **record, "sentence": sentence})
    return found
