"""Every planted leak is caught by the check that it names; the clean line passes every check."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.audit.mutants import ALL, Bench, Mutant

from bullbear.audit.catalogue import BY_NAME, CHECKS
from bullbear.audit.result import FAILED
from bullbear.audit.subject import QUICK, Subject

BUILT = [each.name for each in CHECKS if find_spec(f"bullbear.audit.checks.{each.name.replace('-', '_')}")]


@pytest.mark.parametrize("planted", ALL, ids=lambda planted: planted.name)
def test_a_planted_leak_is_caught(
    planted: Mutant, trained: Subject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    subject = planted.plant(Bench.of(trained, monkeypatch, tmp_path))
    found = BY_NAME[planted.check].run(subject, planted.effort, _silent)
    assert found.verdict == FAILED, found.sentence
    assert re.search(planted.says, found.sentence), found.sentence


@pytest.mark.parametrize("name", BUILT)
def test_the_clean_line_passes(name: str, trained: Subject) -> None:
    found = BY_NAME[name].run(trained, QUICK, _silent)
    assert not found.has_failed, found.sentence


def _silent(done: int, total: int) -> None:
    return
