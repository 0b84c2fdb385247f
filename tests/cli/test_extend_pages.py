"""docs/extend: every file and every command of its pages works as written, one after the other, in one home."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bullbear.home import Home

Run = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "extend").glob("*.md"))
SHORT, QUARTERS = ("--start", "2007-03-01"), ("--start", "2006-06-01")
"""What a training is given here besides, so that it takes seconds; of outcomes over a quarter it needs more."""
SLOW = {"pair", "question"}
"""Pages whose trainings the ordinary suite has elsewhere: tests/workflows/test_pairs.py and test_other_questions.py."""
LONG = {"calibration.md", "pool.md", "splitter.md"}
"""Pages whose models are read here, and trained by `make check-all`."""
WRITTEN = {
    "factor": {"factors/my_factor.py", "features/my_factor.toml"},
    "features": {"features/my_set.toml"},
    "model": {"models/my_model.toml"},
    "learner": {"learners/my_learner.py", "models/my_learner.toml"},
    "question": {"models/questions.toml", "models/my_question.toml"},
    "event": {"features/odds.toml"},
    "policy": {"models/policies/my_policy.toml"},
    "pair": {"models/instruments.toml", "models/pairs.toml"},
    "instrument": {"models/instruments.toml"},
}
"""By kind, what `bullbear new` writes for the commands of the README."""


def blocks(page: Path) -> Iterator[tuple[str, str, str]]:
    """Language, text and the file that the words before it name last, of each fenced block."""
    text = page.read_text(encoding="utf-8")
    end = 0
    for found in re.finditer(r"^```(\w+)\n(.*?)^```", text, re.M | re.S):
        named = re.findall(r"`([\w/]+\.(?:py|toml))`", text[end : found.start()])
        yield found[1], found[2], named[-1] if named else ""
        end = found.end()


def commands(text: str) -> Iterator[list[str]]:
    """The bullbear commands of a text, each as its arguments."""
    for line in text.splitlines():
        for command in line.split("&&"):
            if command.strip().startswith("bullbear "):
                yield shlex.split(command, comments=True)[1:]


def test_there_is_a_page_for_each_kind() -> None:
    from bullbear.workflows.new_files import New

    index = (ROOT / "docs" / "extend" / "index.md").read_text(encoding="utf-8")
    for kind in New:
        page = ROOT / "docs" / "extend" / f"{kind}.md"
        first = next(line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("bullbear"))
        assert first.startswith(f"bullbear new {kind} ")
        assert f"]({kind}.md)" in index
    assert {page.name for page in PAGES} - {"index.md"} == set(re.findall(r"\]\((\w+\.md)\)", index))


@pytest.mark.parametrize(
    "page",
    [pytest.param(each, id=each.stem, marks=pytest.mark.slow if each.stem in SLOW else ()) for each in PAGES],
)
def test_a_page_works_as_written(bullbear: Run, home: Home, page: Path) -> None:
    for language, text, file in blocks(page):
        if language in ("python", "toml"):
            assert file, f"no file is named before:\n{text}"
            path = home.root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text((path.read_text() + "\n" if path.exists() else "") + text)
            if path.parent == home.root / "models" and path.stem != "instruments" and "[target]" not in text:
                assert Home(home.root).model(path.stem).definition.name == path.stem
        else:
            assert language == "sh"
            for arguments in commands(text):
                if arguments[0] == "train" and page.name in LONG:
                    continue
                short = QUARTERS if page.stem == "question" else SHORT
                answer = bullbear(*arguments, *(short if arguments[0] == "train" else ()), "--home", home.root)
                assert answer.code == 0, f"{' '.join(arguments)}: {answer.err}"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LONG))
def test_the_models_of_longer_pages_train(bullbear: Run, home: Home, name: str) -> None:
    for _, text, file in blocks(ROOT / "docs" / "extend" / name):
        if file:
            (home.root / file).parent.mkdir(exist_ok=True)
            (home.root / file).write_text(text)
            if file.startswith("models/"):
                model = Path(file).stem
    assert bullbear("train", model, *SHORT, "--home", home.root).code == 0


def test_the_commands_of_the_readme_write_what_they_say(bullbear: Run, tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Add your own")[1].split("\n## ")[0]
    done = [arguments for arguments in commands(section) if arguments[0] == "new"]
    assert len(done) == 9
    for arguments in done:
        answer = bullbear(*arguments, "--home", tmp_path, "--json")
        assert answer.code == 0, answer.err
        assert set(answer.json["files"]) == WRITTEN[arguments[1]]
