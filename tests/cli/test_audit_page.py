"""docs/audit.md: each leak on the page is caught by the check under which it stands, in the words that it shows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bullbear.audit.catalogue import BY_NAME
from bullbear.audit.subject import QUICK, Subject
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.workflows.auditing import subject_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "audit.md"
SECTIONS = dict(re.findall(r"^### ([a-z-]+)\n(.*?)(?=^## |^### |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S))


def blocks(section: str) -> Iterator[tuple[str, str, str]]:
    """Language, text and the file that the words just before it name, of each fenced block."""
    end = 0
    for found in re.finditer(r"^```(\w+)\n(.*?)^```", section, re.M | re.S):
        named = re.findall(r"`([\w/]+\.(?:py|toml))`", section[end : found.start()])
        yield found[1], found[2], named[-1] if named else ""
        end = found.end()


def test_the_page_has_every_check_with_a_leak_and_what_is_said_of_it() -> None:
    assert list(SECTIONS) == list(BY_NAME)
    for name, section in SECTIONS.items():
        languages = [language for language, _, _ in blocks(section)]
        assert "python" in languages, name
        assert languages.count("text") == 1, name


@pytest.mark.parametrize("name", SECTIONS)
def test_the_leak_under_a_check_is_caught_by_it(name: str, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.root)
    model = "small"
    (home.root / "models" / "leak.toml").write_text(leak_model())
    said = ""
    for language, text, file in blocks(SECTIONS[name]):
        if file and language in ("python", "toml"):
            (home.root / file).parent.mkdir(exist_ok=True)
            (home.root / file).write_text(text)
            model = "leak" if file.startswith("features/") else model
        elif language == "python":
            planted(text, monkeypatch)
        else:
            assert language == "text"
            said = text.strip()
    home = Home(home.root)
    found = BY_NAME[name].run(subject(home, model), QUICK, lambda done, total: None)
    assert found.has_failed, found.sentence
    assert re.search(re.escape(said).replace(r"\.\.\.", ".*"), found.sentence), found.sentence


def leak_model() -> str:
    """The model that the page shows once."""
    (text,) = (
        text
        for language, text, file in blocks(SECTIONS["truncation"])
        if file == "models/leak.toml" and language == "toml"
    )
    return text


def subject(home: Home, model: str) -> Subject:
    return subject_of(home, Runs(home), model)


def planted(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a block; what it sets on a module or a class is undone after the test."""
    names: dict[str, Any] = {}
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign) and isinstance(target := statement.targets[0], ast.Attribute):
            owner = eval(ast.unparse(target.value), names)
            monkeypatch.setattr(owner, target.attr, getattr(owner, target.attr))
        exec(compile(ast.Module([statement], []), "docs/audit.md", "exec"), names)
