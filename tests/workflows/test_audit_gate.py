"""The audit as a test of the gate: made when nothing else refuses, made once, and demanded on this code and data."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from bullbear.audit.catalogue import CHECKS, AuditCheck
from bullbear.audit.result import CheckResult, Leak
from bullbear.audit.subject import Effort, Subject
from bullbear.dataset.predictions import Predictions
from bullbear.definitions.promotion import AuditTest
from bullbear.errors import GateError, HistoryError
from bullbear.forecasting.bundle import read_bundle
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.workflows.audit_gate import AuditGate
from bullbear.workflows.promotion import promote_run

LEAK = Leak("rsi_14", "2005-06-01", 0.25, "0.5 on 2005-06-01, but 0.75 from what was known that day")
QUICK, WHOLE = AuditTest(), AuditTest(required="full")


class Audits:
    """Checks that fail as they are told, and how often they were made, quick or full."""

    def __init__(self) -> None:
        self.failing: tuple[str, ...] = ()
        self.efforts: list[bool] = []
        self.raises: Exception | None = None
        self.apply = True

    def run(self, check: AuditCheck, subject: Subject, effort: Effort, progress: object) -> CheckResult:
        if self.raises is not None:
            raise self.raises
        self.efforts.append(effort.is_quick)
        if not self.apply:
            return CheckResult.not_applicable(check.name, "nothing to look at")
        return CheckResult.of(check.name, [LEAK] if check.name in self.failing else [], "clean", "rsi_14 looks ahead")

    @property
    def made(self) -> int:
        return len(self.efforts) // len(CHECKS)


@pytest.fixture
def audits(monkeypatch: pytest.MonkeyPatch) -> Audits:
    found = Audits()
    monkeypatch.setattr(AuditCheck, "run", lambda check, *arguments: found.run(check, *arguments))
    return found


@pytest.fixture
def better(home: Home) -> Run:
    """The run `small` with forecasts that pass every other test, in a home without a champion of `up`."""
    run = Runs(home).find("small")
    table = run.predictions.table
    place = run.artifacts / "bundle" / "predictions.csv"
    place.unlink()  # a link to the shared one
    found = table.assign(p=np.where(table["y"] == 1, 1.02, 0.98) * table["climatology"], p_low=np.nan, p_high=np.nan)
    place.write_text(Predictions(found).to_csv())
    home.champion.unlink()
    (home.root / "models" / "promotion.toml").unlink(missing_ok=True)
    return Runs(home).find("small")


def audit_in(document: Any) -> dict[str, Any]:
    (found,) = [check for check in document["checks"] if check["test"] == "audit"]
    return dict(found)


def test_a_promotion_makes_the_quick_audit_itself_and_logs_it(home: Home, better: Run, audits: Audits) -> None:
    verdict = promote_run(home, Runs(home), better)
    assert (audits.made, set(audits.efforts)) == (1, {True})
    assert audit_in(verdict.as_dict())["passed"] is True
    run = Runs(home).find("small")
    assert run.tags["audit"].startswith("passed (quick) 2")
    assert audit_in(json.loads(run.read_text("verdict.json")))["reason"].startswith("no look-ahead was found")


def test_a_run_whose_audit_fails_is_refused_with_check_and_evidence(home: Home, better: Run, audits: Audits) -> None:
    audits.failing = ("truncation", "noise")
    with pytest.raises(GateError, match=r"refused by the audit test: truncation: rsi_14 looks ahead: 0\.5 on 2005-06"):
        promote_run(home, Runs(home), better)
    run = Runs(home).find("small")
    assert (run.tags["audit"], home.has_champion("up")) == ("failed: truncation, noise", False)
    assert run.tags["verdict"].startswith("refused: the audit test: truncation")
    with pytest.raises(GateError, match="refused by the audit test"):
        promote_run(home, Runs(home), better)  # the failure is on record
    assert audits.made == 1
    verdict = promote_run(home, Runs(home), better, force="the leak is known to be harmless")
    assert (verdict.passed, read_bundle(home.champion).meta["forced"]["reason"]) == (
        False,
        "the leak is known to be harmless",
    )


def test_a_run_that_is_refused_anyway_costs_no_audit(home: Home, audits: Audits) -> None:
    (home.root / "models" / "promotion.toml").unlink(missing_ok=True)
    home.champion.unlink()
    with pytest.raises(GateError, match="refused by the skill test") as bad:
        promote_run(home, Runs(home), Runs(home).find("small"))
    assert audits.made == 0
    told = audit_in(bad.value.verdict)
    assert (told["passed"], told["reason"]) == (
        None,
        "it was never audited, and no audit was made because another test failed",
    )


def test_the_base_rate_needs_no_audit(home: Home, audits: Audits) -> None:
    (home.root / "models" / "promotion.toml").unlink(missing_ok=True)
    home.champion.unlink()
    verdict = promote_run(home, Runs(home), Runs(home).find("base"))
    assert (audits.made, [check.test for check in verdict.checks]) == (0, [])


def test_an_audit_on_record_serves_until_code_or_data_change(
    home: Home, better: Run, audits: Audits, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = Runs(home)
    assert AuditGate(home, runs).check(better, QUICK, may_be_made=True).passed
    assert AuditGate(home, runs).check(better, QUICK, may_be_made=True).passed
    assert audits.made == 1
    needed = AuditGate(home, runs).check(better, WHOLE, may_be_made=False)
    assert (needed.passed, needed.reason.split(",")[0]) == (None, "its audit is a quick one")
    assert AuditGate(home, runs).check(better, WHOLE, may_be_made=True).passed
    assert (audits.made, audits.efforts[-1]) == (2, False)
    assert AuditGate(home, runs).check(better, QUICK, may_be_made=True).passed
    assert audits.made == 2  # a full one will do
    monkeypatch.setattr("bullbear.workflows.audit_log.code_digest", lambda: "new")
    old = AuditGate(home, runs).check(better, QUICK, may_be_made=False)
    assert (old.passed, "is of other data or other code" in old.reason) == (None, True)
    assert AuditGate(home, runs).check(better, QUICK, may_be_made=True).passed
    assert audits.made == 3


def test_one_audit_serves_a_whole_promotion_even_if_it_cannot_be_logged(
    home: Home, better: Run, audits: Audits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runs, "record_audit", lambda *arguments, **named: False)
    gate = AuditGate(home, Runs(home))
    assert gate.check(better, QUICK, may_be_made=True).passed
    assert gate.check(better, QUICK, may_be_made=True).passed
    assert audits.made == 1


def test_an_audit_that_cannot_be_made_refuses(home: Home, better: Run, audits: Audits) -> None:
    audits.raises = HistoryError("small", "1 label", "two", "train over a longer span")
    found = AuditGate(home, Runs(home)).check(better, QUICK, may_be_made=True)
    assert (found.passed, found.reason[:32]) == (False, "it could not be made: small: got")


def test_an_audit_of_which_no_check_applied_is_no_passed_one(home: Home, better: Run, audits: Audits) -> None:
    audits.apply = False
    found = AuditGate(home, Runs(home)).check(better, QUICK, may_be_made=True)
    assert (found.passed, found.reason[:30]) == (False, "no check applied to the run (q")


def test_a_home_may_ask_for_none(home: Home, better: Run, audits: Audits) -> None:
    (home.root / "models" / "promotion.toml").write_text('[audit]\nrequired = "none"\n')
    verdict = promote_run(home, Runs(home), better)
    assert (audits.made, audit_in(verdict.as_dict())["passed"]) == (0, None)


@pytest.mark.slow
def test_the_real_audit_of_a_clean_model_passes_in_a_promotion(home: Home, better: Run) -> None:
    # Its forecasts were improved by hand: checks that repeat them must say so, and no others.
    found = AuditGate(home, Runs(home)).check(better, QUICK, may_be_made=True)
    document = json.loads(Runs(home).find("small").read_text("audit.json"))
    assert len(document["checks"]) == len(CHECKS)
    failed = {check["name"] for check in document["checks"] if check["verdict"] == "failed"}
    assert failed <= {"truncation", "perturbation", "reproducibility"}, found.reason
    base = AuditGate(home, Runs(home)).check(Runs(home).find("base"), QUICK, may_be_made=True)
    assert base.passed, base.reason
