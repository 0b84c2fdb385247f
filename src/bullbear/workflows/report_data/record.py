"""The out-of-sample record of every champion up to a close, with its calibration and its skill as it grew."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pandas as pd

from bullbear import sessions
from bullbear.errors import BullbearError
from bullbear.evaluate.cumulative import cumulative_band
from bullbear.evaluate.reliability import calibration_table
from bullbear.evaluate.sample import Sample
from bullbear.evaluate.scores import losses
from bullbear.forecasting.bundle import Bundle
from bullbear.forecasting.card.sources import Sources
from bullbear.report.sections.record import QuestionRecord
from bullbear.statistics.long_run import effective_number, session_means
from bullbear.workflows.outlook_pictures import champions_of, known_at


def records_of(sources: Sources) -> list[QuestionRecord]:
    """Of each champion that the entry's forecast asks; too short a record is left out."""
    entry, found = sources.entry, []
    simulated = bool(entry["data"].get("simulated"))
    champions = champions_of(sources.home, str(entry["ticker"]), simulated=simulated)
    said = {row["question"]: str(row["statement"]) for row in entry.get("outlook", ())}
    for question, bundle in champions.items():
        with suppress(BullbearError):
            found.append(_record(question, said.get(question, question), bundle, sources.decided_at))
    return found


def _record(question: str, statement: str, bundle: Bundle, decided_at: pd.Timestamp) -> QuestionRecord:
    made = known_at(decided_at, bundle.predictions.select(asset=bundle.definition.ticker))
    rows = Sample.of(made)
    gain = session_means(losses(rows.y, rows.climatology, "brier") - losses(rows.y, rows.p, "brier"), rows.session)
    effective = effective_number(rows.n_sessions, rows.horizon, gain)
    table = made.table.sort_values("decided_at", kind="stable")
    p, base, y = (table[name].to_numpy(dtype=np.float64) for name in ("p", "climatology", "y"))
    return QuestionRecord(
        question=question,
        statement=statement,
        model=bundle.definition.name,
        days=sessions.days(pd.DatetimeIndex(table["decided_at"])),
        p=p,
        climatology=base,
        y=y,
        calibration=calibration_table(rows.y, rows.p, n_effective=effective),
        share=float(rows.y.mean()),
        cumulative=cumulative_band(made),
    )
