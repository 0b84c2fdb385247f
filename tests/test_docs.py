"""The documents: every command in them parses, tutorials run, pages are found, generated pages are current."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer import TyperException
from typer.main import get_command

from bullbear.cli.app import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def commands_of(text: str) -> Iterator[list[str]]:
    """The words after `bullbear` of every line of a shell block, and of code in a sentence that has arguments."""
    for language, block in _FENCE.findall(text):
        if language in ("sh", "bash", "console"):
            for line in block.splitlines():
                for part in re.split(r"&&|\||;", line.split("#")[0].split(">")[0]):
                    words = shlex.split(part.strip()) if "bullbear" in part else []
                    if words[:1] and words[0].endswith("bullbear"):
                        yield words[1:]
    for code in re.findall(r"(?<!`)`(?:\S*/)?(bullbear [^`\n]*)`", _FENCE.sub("", text)):
        for part in code.split("&&"):
            if not re.search(r"\.\.\.|[<>\[\]|]", part):  # a pattern, not a command
                yield shlex.split(part)[1:]


def parses(words: list[str]) -> None:
    """Parse a command as the program would."""
    command, rest = get_command(app), ["2019-12-31" if word in ("DAY", "DATE") else word for word in words]
    with command.make_context("bullbear", [], resilient_parsing=True) as context:
        if rest[0] == "--home":  # given before the command
            rest = rest[2:]
        while rest and rest[0] in getattr(command, "commands", {}):
            command = command.commands[rest.pop(0)]  # type: ignore[attr-defined]
        if not hasattr(command, "commands"):
            command.make_context(command.name, rest, parent=context).close()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_on_a_page_parses(page: Path) -> None:
    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    for words in commands_of(page.read_text(encoding="utf-8")):
        first = next((word for word in words if not word.startswith("-")), None)
        if first is None:
            continue
        if "--home" not in words:
            assert first in known, f"bullbear {shlex.join(words)}"
        if len(words) == 1:
            continue  # a name of a command, perhaps without what it requires
        try:
            parses(words)
        except TyperException as bad:
            if "Missing argument" not in bad.format_message():
                pytest.fail(f"bullbear {shlex.join(words)}: {bad.format_message()}")


def test_the_page_of_commands_is_current() -> None:
    written = subprocess.run(
        [sys.executable, "-c", "import runpy; print(runpy.run_path('docs/commands.py')['page'](), end='')"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert written == (ROOT / "docs" / "commands.md").read_text(encoding="utf-8"), "run `make docs`"


def test_every_page_is_in_the_navigation_and_every_link_leads_somewhere() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = {name.removesuffix("/") for name in re.findall(r": ([\w/]+(?:\.md|/))$", text, re.MULTILINE)}
    for page in (ROOT / "docs").rglob("*.md"):
        path = str(page.relative_to(ROOT / "docs"))
        assert path in named or any(path.startswith(f"{folder}/") for folder in named), path
    broken = []
    for page in PAGES:
        targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", _FENCE.sub("", page.read_text(encoding="utf-8")))
        broken += [
            f"{page.relative_to(ROOT)}: {target}"
            for target in targets
            if "://" not in target and not (page.parent / target).exists()
        ]
    assert broken == []


@pytest.mark.slow
def test_the_site_builds(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", tmp_path],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "index.html").exists()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs_as_written(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Each line of its shell blocks, one after the other, in one shell; set-up and the network apart."""
    lines = [
        line
        for language, block in _FENCE.findall(page.read_text(encoding="utf-8"))
        if language == "sh"
        for line in block.splitlines()
        if not line.startswith(("make setup", "source ")) and "--install-completion" not in line
    ]
    if page.stem == "real":
        (tmp_path / "snapshot").symlink_to(request.getfixturevalue("snapshot_dir"))
        live = ("fetch", "--pair QQQ", "bullbear account")  # network, much training, an evening before the open
        lines = [line for line in lines if not any(each in line for each in live)]
        lines = [line + " --no-fetch" if line == "bullbear day" else line for line in lines]
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "positions.csv").write_text("ticker,shares\nIWM,10\n")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment.pop("BULLBEAR_HOME", None)
    script = "set -e\n" + "\n".join(f"echo '+ {line}'\n{line}" for line in lines)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path / "home", env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
