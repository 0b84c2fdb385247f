"""The audit as a test of the gate: the newest one of the run's training must have passed, on this code and this data.

One that is missing or out of date is made here, but only where every other test passed: a run that is refused anyway
costs nothing. One audit serves all questions of a training.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from bullbear.audit.auditing import audit_all
from bullbear.definitions.promotion import AuditTest
from bullbear.errors import BullbearError
from bullbear.forecasting.verdict import Check
from bullbear.home import Home
from bullbear.workflows.audit_log import document_of, is_current, keep, kept_with
from bullbear.workflows.auditing import subjects_of_runs
from bullbear.workflows.console import Console

if TYPE_CHECKING:
    from bullbear.tracking import Run, Runs

TEST = "audit"
_REMEDY = (
    "remove the look-ahead and train again (`bullbear audit RUN` shows the evidence, `bullbear promote RUN --force "
    "--reason TEXT` promotes it anyway)"
)
_REMEDY_OF_NONE = "train a model that the audit can check (`bullbear audit RUN` shows why no check applied)"


class AuditGate:
    """The audits of one call of `promote`, each made once.

    Parameters
    ----------
    jobs
        Worker processes of an audit.
    console
        Where its progress is shown and notes are said; None for nowhere.
    """

    def __init__(self, home: Home, runs: Runs, *, jobs: int = 1, console: Console | None = None) -> None:
        self.home, self.runs, self.jobs, self.console = home, runs, jobs, console
        self._made: dict[str, Mapping[str, Any]] = {}

    def check(self, run: Run, required: AuditTest, *, may_be_made: bool) -> Check:
        """The test of a run.

        Parameters
        ----------
        may_be_made
            Whether an audit is worth its time: no other test failed.
        """
        if required.required == "none":
            return Check(TEST, None, "models/promotion.toml requires none")
        found = self._made.get(run.run_id) or kept_with(self.runs, run.run_id)
        lacking = _lacking(self.home, found, required)
        if lacking is not None:
            if not may_be_made:
                return Check(TEST, None, f"{lacking}, and no audit was made because another test failed")
            try:
                found = self._make(run, quick=required.required == "quick")
            except BullbearError as bad:
                return Check(TEST, False, f"it could not be made: {bad}", _REMEDY)
        assert found is not None
        effort = f"{'quick' if found['quick'] else 'full'} audit of {found['at'][:10]}"
        failed = [each for each in found["checks"] if each["verdict"] == "failed"]
        if failed:
            said = "; ".join(f"{each['name']}: {each['sentence']}" for each in failed)
            return Check(TEST, False, f"{said} ({effort})", _REMEDY)
        if not any(each["verdict"] == "passed" for each in found["checks"]):
            return Check(TEST, False, f"no check applied to the run ({effort})", _REMEDY_OF_NONE)
        return Check(TEST, True, f"no look-ahead was found ({effort})")

    def _make(self, run: Run, *, quick: bool) -> Mapping[str, Any]:
        (audited,) = subjects_of_runs(self.home, self.runs, [run])
        showing = nullcontext(None) if self.console is None else self.console.progress(f"audit of {run.model}")
        with showing as progress:
            (made,) = audit_all([audited.subject], quick=quick, jobs=self.jobs, progress=progress)
        document = document_of(audited, made)
        say = {} if self.console is None else {"say": self.console.say}
        keep(self.home, self.runs, [(audited, document)], **say)
        self._made |= dict.fromkeys((run.run_id, *audited.subject.run_ids.values()), document)
        return document


def _lacking(home: Home, found: Mapping[str, Any] | None, required: AuditTest) -> str | None:
    """Why an audit is not what the gate asks for; None if it is."""
    if found is None:
        return "it was never audited"
    if not is_current(home, found):
        return f"its audit of {found['at'][:10]} is of other data or other code"
    if found["passed"] and found["quick"] and required.required == "full":
        return "its audit is a quick one, and the gate requires a full one"
    return None
