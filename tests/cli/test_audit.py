"""`bullbear audit`: its table, its document, its page, and what it leaves with the runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bullbear.audit.catalogue import BY_NAME, AuditCheck
from bullbear.audit.result import CheckResult, Leak
from bullbear.audit.subject import Effort, Subject
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.trials import TrialRegistry, tries_on

Run = Callable[..., Any]
LEAK = Leak("rsi_14", "2005-06-01", 0.25, "rsi_14: 0.5 on 2005-06-01, but 0.75 from what was known that day")


def answering(monkeypatch: pytest.MonkeyPatch, *failing: str) -> list[tuple[str, str, bool]]:
    """Every check passes but for those named; the calls are noted."""
    calls: list[tuple[str, str, bool]] = []

    def run(check: AuditCheck, subject: Subject, effort: Effort, progress: object) -> CheckResult:
        calls.append((subject.definition.name, check.name, effort.is_quick))
        leaks = [LEAK] if check.name in failing else []
        return CheckResult.of(check.name, leaks, "nothing moves", "it looks ahead", cuts=effort.cuts)

    monkeypatch.setattr(AuditCheck, "run", run)
    return calls


def test_a_passed_audit_is_shown_kept_as_a_page_and_logged(
    bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = answering(monkeypatch)
    answer = bullbear("audit", "--home", home.root, "--jobs", 1)
    assert answer.code == 0
    assert calls == [("small", name, False) for name in sorted(BY_NAME, key=lambda name: -BY_NAME[name].weight)]
    page = home.reports / "audit.html"
    assert "(SIMULATED)" in answer.out.splitlines()[0]
    assert answer.out.count(str(page)) == 1
    assert answer.out.splitlines()[-1] == f"passed: no look-ahead was found; {page}"
    assert all(f'<section id="{name}"' in page.read_text() for name in BY_NAME)
    run = Runs(home).find("small")
    assert run.tags["audit"].startswith("passed (full) 2")
    document = json.loads(run.read_text("audit.json"))
    assert (document["training"], document["runs"]) == (run.run_id, {"up": run.run_id})
    assert "nothing moves" in run.read_text("audit.html")
    assert "audit: truncation" in answer.err


def test_a_failed_check_shows_its_evidence_and_the_exit_code_is_3(
    bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "noise")
    answer = bullbear("audit", "small", "--quick", "--home", home.root, "--jobs", 1)
    assert answer.code == 3
    assert "  rsi_14, 2005-06-01, by 0.25: 0.5 on 2005-06-01, but 0.75 from what was known that day" in answer.out
    assert "noise failed: random data give skill, or a perfect factor is not found" in answer.out
    assert answer.out.splitlines()[-1].startswith("failed: noise; ")
    assert Runs(home).find("small").tags["audit"] == "failed: noise"
    listed = bullbear("runs", "--home", home.root)
    assert "failed: noise" in listed.out


def test_json_is_one_document_with_a_link_for_each_check(
    bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "warm-up")
    answer = bullbear("audit", "--json", "--home", home.root, "--jobs", 1)
    assert (answer.code, answer.err) == (3, "")
    found = answer.json
    assert set(found) == {"passed", "report", "audits", "notes"}
    (audit,) = found["audits"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", audit["at"])
    assert [check["name"] for check in audit["checks"]] == list(BY_NAME)
    failed = {check["name"]: check for check in audit["checks"]}["warm-up"]
    assert failed["report"] == f"{home.reports / 'audit.html'}#warm-up"
    assert failed["leaks"] == [{"what": LEAK.what, "when": LEAK.when, "size": LEAK.size, "sentence": LEAK.sentence}]
    assert (audit["model"], audit["quick"], audit["passed"], found["passed"]) == ("small", False, False, False)


def test_a_part_of_the_audit_is_shown_and_not_logged(
    bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = answering(monkeypatch)
    answer = bullbear("audit", "--only", "noise", "--only", "splits", "--home", home.root, "--jobs", 1)
    assert (answer.code, sorted(name for _, name, _ in calls)) == (0, ["noise", "splits"])
    assert "note: the audit of small is not logged: only some of the checks were made" in answer.err
    assert "audit" not in Runs(home).find("small").tags
    assert {path.name for path in home.reports.glob("audit*")} == {"audit_part.html"}
    wrong = bullbear("audit", "--only", "noize", "--home", home.root)
    assert (wrong.code, wrong.mistake[:40]) == (2, "bullbear: --only: got 'noize'; allowed: ")


def test_a_model_that_was_never_trained_is_audited_from_its_file(
    bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (home.root / "models" / "small.toml").read_text().replace('name = "small"', 'name = "fresh"')
    (home.root / "models" / "fresh.toml").write_text(text)
    calls = answering(monkeypatch)
    answer = bullbear("audit", "fresh", "--quick", "--home", home.root, "--jobs", 1)
    assert (answer.code, calls[0]) == (0, ("fresh", calls[0][1], True))
    assert "note: fresh has no tracked run: its audit is not logged" in answer.err
    assert bullbear("audit", "nowhere", "--home", home.root).code == 2


def test_the_skill_of_a_model_that_was_never_trained_counts_as_a_try_before_it_is_shown(
    bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = (home.root / "models" / "small.toml").read_text()
    fresh = small.replace('name = "small"', 'name = "fresh"').replace("seed = 3", "seed = 4")
    (home.root / "models" / "fresh.toml").write_text(fresh)
    registry = TrialRegistry(home.trials)
    before = len(registry.trials())

    def run(check: AuditCheck, subject: Subject, effort: Effort, progress: object) -> CheckResult:
        figures = {"skill": {"up": {"skill": [0.01, -0.02, 0.04]}}} if check.name == "publication" else {}
        return CheckResult.of(check.name, [], "nothing moves", "it looks ahead", **figures)

    monkeypatch.setattr(AuditCheck, "run", run)
    common = ("--home", home.root, "--jobs", 1)
    assert bullbear("audit", "fresh", "--only", "splits", *common).code == 0
    assert bullbear("audit", "small", *common).code == 0
    assert len(registry.trials()) == before
    for times in (1, 2):
        with monkeypatch.context() as unseen:
            unseen.setattr("bullbear.cli.audit._show", lambda *shown: 1 / 0)
            answer = bullbear("audit", "fresh", *common)
        assert (answer.code != 0, answer.out) == (True, "")
        assert len(registry.trials()) == before + times
    seen, again = registry.trials()[before:]
    model = home.model("fresh")
    assert (seen.what, seen.question, seen.data, seen.counts) == ("audit", "up", "SIMULATED", True)
    assert (seen.identity, seen.brier_skill) == ((model.definition_hash, None, None), 0.01)
    assert (seen.seen_again, again.seen_again) == (0, 1)
    trained = replace(seen, what="train", run_id="f" * 32, sharpe=0.5)
    (recorded,) = registry.record([(trained, None)])
    assert recorded.seen_again == 1
    assert len(tries_on(registry.trials(), "up", "SIMULATED").models) == 2  # `small` and this

    registry.path.write_text(registry.path.read_text().replace('"small"', '"large"'))
    monkeypatch.setattr(AuditCheck, "run", lambda *arguments: 1 / 0)
    answer = bullbear("audit", "fresh", *common)
    assert (answer.code, "trials.jsonl:2: " in answer.mistake) == (2, True)


def test_a_store_that_cannot_be_written_is_a_note(bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bullbear.tracking.recording.write_artifact", full)
    answer = bullbear("audit", "--home", home.root, "--jobs", 1)
    assert answer.code == 0
    assert "note: the audit of run" in answer.err
    assert "was not recorded in MLflow: No space left on device" in answer.err


def test_a_question_that_an_untrained_model_does_not_answer_is_refused(bullbear: Run, home: Home) -> None:
    answer = bullbear("audit", "logistic", "--question", "vol20", "--home", home.root)
    assert answer.code == 2
    assert answer.mistake == (
        "bullbear: question of model logistic: got 'vol20'; allowed: one of up; choose one of them"
    )
