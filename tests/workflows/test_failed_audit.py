"""A champion whose newest audit failed is named wherever its forecasts are read."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bullbear.audit.catalogue import AuditCheck
from bullbear.audit.result import CheckResult, Leak
from bullbear.forecasting.failed_audits import FILE, failed_audits, record_audit
from bullbear.home import Home
from bullbear.workflows.reporting import report_champion

Run = Callable[..., Any]
SAID = "audit of the champion of up failed on 2"
REMEDY = "; see reports/audit.html; `bullbear rollback"


def outcome_is(patch: pytest.MonkeyPatch, *failing: str) -> None:
    def run(check: AuditCheck, *given: object) -> CheckResult:
        leaks = [Leak("rsi_14", "2005-06-01", 0.25, "looks ahead")] if check.name in failing else []
        return CheckResult.of(check.name, leaks, "nothing moves", "it looks ahead")

    patch.setattr(AuditCheck, "run", run)


def plain(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


def test_status_forecast_day_promote_and_the_report_say_it_until_an_audit_passes(
    bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ("--home", home.root)
    outcome_is(monkeypatch, "truncation", "noise")
    assert bullbear("audit", "--jobs", 1, *place).code == 3
    (line,) = failed_audits(home)
    assert line.startswith(f"the {SAID}")
    assert ": truncation, noise; see reports/audit.html; `bullbear rollback` or `bullbear demote` takes it down" in line
    for answer in (bullbear("status", *place), bullbear("forecast", *place)):
        assert SAID in plain(answer.out), answer.out
    assert REMEDY in plain(bullbear("forecast", *place).out)
    assert any(SAID in each for each in bullbear("forecast", "--json", *place).json["ages"]["notice"])
    assert SAID in bullbear("day", "--no-report", *place).err
    promoted = bullbear("promote", "champion", *place)
    assert "is the champion already, but the audit of the champion of up failed" in promoted.out + promoted.err
    page = report_champion(home).read_text()
    assert page.index(SAID) < page.index("<section")
    outcome_is(monkeypatch)
    assert bullbear("audit", "--jobs", 1, *place).code == 0
    assert failed_audits(home) == []
    for command in ("status", "forecast"):
        assert SAID not in plain(bullbear(command, *place).out)


def test_a_champion_whose_run_was_deleted_is_accused_too(
    bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(home.runs)
    outcome_is(monkeypatch, "noise")
    assert bullbear("audit", "--jobs", 1, "--home", home.root).code == 3
    assert SAID in failed_audits(home)[0]


def test_another_run_in_its_place_is_not_accused(home: Home) -> None:
    record_audit(home, ["0" * 32], ["noise"], "2026-11-27T20:00:00", "reports/audit.html")
    assert failed_audits(home) == []


def test_a_damaged_record_is_named_and_written_anew(home: Home) -> None:
    (home.forecasts / FILE).write_text("no record")
    (line,) = failed_audits(home)
    assert line.startswith(f"forecasts/{FILE} cannot be read: `bullbear audit` ")
    record_audit(home, ["0" * 32], [], "2026-11-27T20:00:00", "reports/audit.html")
    assert failed_audits(home) == []


def test_the_record_is_read_without_mlflow() -> None:
    code = "import sys, bullbear.forecasting.failed_audits; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
