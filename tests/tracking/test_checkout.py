"""The state of a checkout: its commit and its uncommitted changes to tracked files, nothing else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bullbear.tracking import checkout
from bullbear.tracking.checkout import read_checkout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "model.toml").write_text("seed = 1\n")
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        subprocess.run([git, "-C", str(folder), *identity, *command], check=True)
    return folder


def test_a_clean_checkout_has_a_commit_and_no_diff(repository: Path) -> None:
    found = read_checkout(repository)
    assert len(found.tags["mlflow.source.git.commit"]) == 40
    assert (found.tags["git_clean"], found.diff) == ("true", "")


def test_only_changes_to_tracked_files_are_in_the_diff(repository: Path) -> None:
    (repository / "model.toml").write_text("seed = 2\n")
    (repository / ".env").write_text("KEY=secret\n")
    found = read_checkout(repository)
    assert found.tags["git_clean"] == "false"
    assert "-seed = 1\n+seed = 2\n" in found.diff
    assert "secret" not in found.diff


def test_a_long_diff_is_cut(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "LONGEST_DIFF", 40)
    (repository / "model.toml").write_text("seed = 2\n")
    assert read_checkout(repository).diff.endswith("\n(cut after 40 characters)\n")


def test_without_a_repository_or_git_there_is_only_the_version(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(read_checkout(repository / "elsewhere").tags) == ["bullbear_version"]
    monkeypatch.setenv("PATH", str(repository))
    assert list(read_checkout(repository).tags) == ["bullbear_version"]
