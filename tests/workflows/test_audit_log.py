"""Which audit of a run is kept, and whether it is about the present code and data."""

from __future__ import annotations

import pandas as pd
import pytest

from bullbear.audit.auditing import audit_all
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.workflows.audit_log import document_of, is_current, outcome, replaces
from bullbear.workflows.auditing import subjects_of
from bullbear.workflows.reuse import provenance

FULL = {"quick": False, "whole": True, "passed": True, "code": "c", "store": "s", "at": "2026-11-27T20:00:00+00:00"}
QUICK = {**FULL, "quick": True}
PART = {**FULL, "whole": False}
FAILED = {"passed": False, "checks": [{"name": "noise", "verdict": "failed"}, {"name": "splits", "verdict": "passed"}]}


@pytest.mark.parametrize(
    ("new", "old", "taken"),
    [
        (QUICK, None, True),
        (QUICK, FULL, False),
        (QUICK, {**FULL, "store": "before"}, True),
        (QUICK, {**FULL, "code": "before"}, True),
        (QUICK, QUICK, True),
        (FULL, QUICK, True),
        (FULL, FULL, True),
        (QUICK, {**FULL, **FAILED}, False),
        (QUICK, {**QUICK, **FAILED}, False),
        (QUICK, {**PART, "quick": True, **FAILED}, False),
        (QUICK, {**QUICK, **FAILED, "code": "before"}, True),
        (FULL, {**QUICK, **FAILED}, True),
        (PART, {**FULL, **FAILED}, False),
        ({**QUICK, **FAILED}, FULL, True),
        (PART, None, False),
        (PART, {**FULL, "store": "before"}, False),
        ({**PART, **FAILED}, FULL, True),
        ({**PART, **FAILED}, None, True),
    ],
)
def test_a_quick_audit_replaces_no_full_one_that_is_as_new_and_a_failed_one_replaces_any(
    new: dict[str, object], old: dict[str, object] | None, taken: bool
) -> None:
    assert replaces(new, old) is taken


def test_the_tag_names_the_effort_and_the_day_or_what_failed() -> None:
    assert outcome(FULL) == "passed (full) 2026-11-27"
    assert outcome(QUICK) == "passed (quick) 2026-11-27"
    assert outcome({**FULL, **FAILED}) == "failed: noise"


def test_an_audit_is_out_of_date_once_code_or_data_differ(trained_home: Home) -> None:
    now = provenance(trained_home)
    assert is_current(trained_home, {**FULL, **now})
    assert not is_current(trained_home, {**FULL, **now, "store": "other"})
    assert not is_current(trained_home, {**FULL, **now, "code": "other"})
    assert not is_current(trained_home, {})


def test_data_that_arrive_during_an_audit_are_not_covered_by_it(home: Home) -> None:
    (audited,) = subjects_of(home, Runs(home), "base")
    row = {"series": ["X"], "event_date": [pd.Timestamp("2007-12-03")], "value": [1.0]}
    home.store().append("observations", pd.DataFrame(row | {"known_at": [pd.Timestamp("2007-12-04 21:00", tz="UTC")]}))
    (made,) = audit_all([audited.subject], quick=True, only=["warm-up"])
    document = document_of(audited, made)
    assert not is_current(home, document)
    (again,) = subjects_of(home, Runs(home), "base")
    assert is_current(home, document_of(again, made))
