"""Which audits the report shows."""

from __future__ import annotations

import json

from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.workflows.audit_log import DOCUMENT
from bullbear.workflows.report_data.audit import audits
from bullbear.workflows.reuse import provenance


def test_the_audit_of_the_champions_training_or_else_the_last_of_the_home(home: Home) -> None:
    runs = Runs(home)
    none = audits(home, runs)
    assert (none.found, none.notes) == ((), ("The champion of up was not audited. `bullbear audit` makes one.",))
    other = {"model": "other", "runs": {}, "checks": []}
    home.reports.mkdir(exist_ok=True)
    (home.reports / DOCUMENT).write_text(json.dumps([other]))
    shown = audits(home, runs)
    assert (shown.found, shown.of_others, shown.notes) == ((other,), True, none.notes)
    run = runs.find("champion")
    own = {"model": "small", "runs": {"up": run.run_id}, "checks": [], "at": "2026-11-27T20:00:00+00:00"}
    tracked = runs.find(run.run_id).artifacts / DOCUMENT
    tracked.write_text(json.dumps({**own, **provenance(home)}))
    assert (audits(home, runs).found[0]["model"], audits(home, runs).notes) == ("small", ())
    tracked.write_text(json.dumps(own))
    (note,) = audits(home, runs).notes
    assert note.startswith("The audit of small is of other data or other code")
