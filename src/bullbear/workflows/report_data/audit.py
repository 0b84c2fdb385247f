"""The newest audit of each champion's training; where there is none, the last that was made in the home."""

from __future__ import annotations

from typing import Any

from bullbear.home import Home
from bullbear.report.sections.audit import Audits
from bullbear.tracking import Runs
from bullbear.tracking.run_list import champion_runs
from bullbear.workflows.audit_log import is_current, kept_with, last_of_home

_MAKE = "`bullbear audit` makes one."


def audits(home: Home, runs: Runs) -> Audits:
    """What the report shows of audits, with notes on champions without one and on those that are out of date."""
    found: list[dict[str, Any]] = []
    lacking: list[str] = []
    notes: list[str] = []
    for question, run_id in champion_runs(home).items():
        if any(run_id in each["runs"].values() for each in found):
            continue
        document = kept_with(runs, run_id)
        if document is None:
            lacking.append(question)
        else:
            found.append(document)
            if not is_current(home, document):
                notes.append(
                    f"The audit of {document['model']} is of other data or other code; "
                    "`bullbear audit` makes a new one."
                )
    if lacking:
        notes.insert(0, f"The champion of {', '.join(lacking)} was not audited. {_MAKE}")
    other = [] if found else last_of_home(home)
    return Audits(tuple(found or other), tuple(notes), of_others=bool(other))
