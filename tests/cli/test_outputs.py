"""Files of the user's choice: whole or not at all, and refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bullbear.cli.outputs import check_output, write_output
from bullbear.errors import InputError


def test_an_output_of_the_users_choice_is_refused_where_it_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    for path, reason in (
        (tmp_path, r"\(a folder\)"),
        (Path("/dev/null"), r"\(no plain file\)"),
        (tmp_path / "none" / "a.csv", "allowed: a file in a folder that exists; create"),
        (tmp_path / "file" / "a.csv", "allowed: a file in a folder that exists"),
    ):
        with pytest.raises(InputError, match=f"--equity: .*{reason}"):
            write_output(path, "new", "--equity")
    check_output(tmp_path / "file", "--equity")
    write_output(tmp_path / "file", "new", "--equity")
    assert (tmp_path / "file").read_text() == "new"


def test_an_output_that_fails_is_one_line_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.csv"
    write_output(path, "old", "--equity")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match=r"--equity: .*a\.csv \(no space left on device\)"):
        write_output(path, "new", "--equity")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


def test_an_output_behind_a_symlink_leaves_the_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    write_output(tmp_path / "link", "new", "--equity")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"
