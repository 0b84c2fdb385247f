"""The checkout that a training ran from: its commit, and what was changed since, so that the run can be made again.

Only tracked files of the package's own repository are read; an installed package has none.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

LONGEST_DIFF = 1_000_000
"""Characters kept of a diff."""


@dataclass(frozen=True)
class Checkout:
    """Tags of a run, and the uncommitted changes; empty where there are none or git is missing."""

    tags: dict[str, str]
    diff: str = ""


def read_checkout(folder: Path = Path(__file__).parents[3]) -> Checkout:
    """The state of the checkout at `folder` now; of what is no checkout only the package's version."""
    tags = {"bullbear_version": version("bullbear")}
    git = shutil.which("git")
    if git is None or not (folder / ".git").exists():
        return Checkout(tags)
    head = _answer(git, folder, "rev-parse", "HEAD")
    if head is None:
        return Checkout(tags)
    changed = _answer(git, folder, "status", "--porcelain")
    tags["mlflow.source.git.commit"] = head.strip()
    tags["git_clean"] = str(changed == "").lower()
    diff = (_answer(git, folder, "diff", "--no-ext-diff", "HEAD") or "") if changed else ""
    if len(diff) > LONGEST_DIFF:
        diff = f"{diff[:LONGEST_DIFF]}\n(cut after {LONGEST_DIFF:,} characters)\n"
    return Checkout(tags, diff)


def _answer(git: str, folder: Path, *arguments: str) -> str | None:
    done = subprocess.run(
        [git, "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return done.stdout if done.returncode == 0 else None
