"""Evenings of the ledger are repeated, or counted as those that cannot be; nothing is passed in silence."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.audit.mutants.as_stored import live

from bullbear.audit.checks.as_stored import check
from bullbear.audit.result import NOT_APPLICABLE, PASSED
from bullbear.audit.subject import QUICK, Subject
from bullbear.home import Home


def silent(done: int, total: int) -> None:
    return


def test_live_evenings_are_repeated_to_the_last_bit(trained: Subject, tmp_path: Path) -> None:
    found = check(live(trained, tmp_path), QUICK, silent)
    assert found.verdict == PASSED, found.sentence
    assert found.figures["repeated"] == {"live": 3}
    assert found.sentence.startswith("3 live entries of 3 are repeated to the last bit")


def test_replays_are_counted_apart(trained: Subject) -> None:
    found = check(trained, QUICK, silent)
    assert found.figures["repeated"] == {"replay": 2}


def test_an_entry_of_another_version_that_differs_is_counted(
    trained: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = live(trained, tmp_path)
    monkeypatch.setattr("bullbear.audit.checks.as_stored.code_version", lambda: "another")
    monkeypatch.setattr("bullbear.audit.replays.evenings.fingerprint", lambda *given: "other factors")
    found = check(subject, QUICK, silent)
    assert found.verdict == NOT_APPLICABLE
    assert "none of its 3 entries could be repeated: 3, made by another version of the code" in found.sentence


def test_a_model_that_is_gone_is_counted(trained: Subject, tmp_path: Path) -> None:
    subject = live(trained, tmp_path)
    place = subject.home.champion
    shutil.rmtree(place.resolve())
    found = check(replace(subject, bundles={}), QUICK, silent)
    assert found.verdict == NOT_APPLICABLE
    assert "none of its 3 entries could be repeated: 3, run" in found.sentence


def test_a_home_without_a_ledger_has_nothing_to_repeat(trained: Subject, tmp_path: Path) -> None:
    found = check(replace(trained, home=Home(tmp_path)), QUICK, silent)
    assert found.verdict == NOT_APPLICABLE
    assert "no forecast has been issued" in found.sentence
