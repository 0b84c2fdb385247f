"""The commit of a checkout, read from files as git leaves them."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from bullbear.code_version import code_version, commit

ROOT = Path(__file__).resolve().parents[1]
HASH = "0123456789abcdef0123456789abcdef01234567"


def test_it_begins_with_the_version_of_the_package() -> None:
    assert re.fullmatch(re.escape(version("bullbear")) + r"(\+git\.[0-9a-f]{12})?", code_version())


def test_the_commit_is_git_s_own() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    told = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert commit(ROOT) == told.stdout.strip()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({".git/HEAD": f"{HASH}\n"}, HASH),
        ({".git/HEAD": "ref: refs/heads/a\n", ".git/refs/heads/a": f"{HASH}\n"}, HASH),
        ({".git/HEAD": "ref: refs/heads/a\n", ".git/packed-refs": f"# pack\n{HASH} refs/heads/a\n^{HASH}\n"}, HASH),
        ({".git/HEAD": "ref: refs/heads/a\n", ".git/packed-refs": f"{HASH} refs/heads/ab\n"}, None),
        ({".git/HEAD": "ref: refs/heads/a\n"}, None),
        (
            {".git": "gitdir: main/.git/worktrees/w\n", "main/.git/worktrees/w/HEAD": "ref: refs/heads/a\n",
             "main/.git/worktrees/w/commondir": "../..\n", "main/.git/refs/heads/a": f"{HASH}\n"},
            HASH,
        ),
        ({"README": "no checkout"}, None),
    ],
)  # fmt: skip
def test_every_place_in_which_git_keeps_a_commit(files: dict[str, str], expected: str | None, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert commit(tmp_path) == expected
