"""Folders of finished results: one for each context, locked while it is in use, removed when nobody uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bullbear.execution import Kept

HOLD = """
import sys
from pathlib import Path
from bullbear.execution import Kept
def work(shared, item): ...
with Kept(Path(sys.argv[1])) as kept:
    kept.results(work, sys.argv[2]).write(1, 10)
    print("held", flush=True)
    sys.stdin.read()
"""


def work(shared: object, item: int) -> int:
    raise AssertionError("never called")


def files(root: Path) -> list[str]:
    return sorted(path.parent.name for path in root.glob("*/*.result"))


def test_each_shared_value_has_a_folder(tmp_path: Path) -> None:
    with Kept(tmp_path) as kept:
        kept.results(work, "one").write(1, 10)
        kept.results(work, "two").write(1, 20)
        assert len(set(files(tmp_path))) == 2
        assert kept.results(work, "one").read(1) == (10,)
        assert kept.results(work, "two").read(1) == (20,)


@pytest.mark.parametrize("theirs", ["the same", "another"])
def test_the_folder_of_a_running_process_stays_until_it_is_killed(theirs: str, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path, theirs], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "held\n"
        held = files(tmp_path)
        assert len(held) == 1
        with Kept(tmp_path) as kept:
            kept.results(work, "the same").write(1, 10)
            kept.remove()
        assert files(tmp_path) == held
        running.kill()
    with Kept(tmp_path) as kept:
        kept.results(work, "third").write(1, 10)
        kept.remove()
    assert files(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_an_interrupted_computation_leaves_its_results(tmp_path: Path) -> None:
    with Kept(tmp_path) as kept:
        kept.results(work, "one").write(1, 10)
    with Kept(tmp_path) as kept:
        assert kept.results(work, "one").read(1) == (10,)


def test_nothing_to_remove_makes_no_folder(tmp_path: Path) -> None:
    Kept(tmp_path / "none").remove()
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_made_is_warned_about_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    root = tmp_path / "file" / "kept"
    with Kept(root) as kept:
        for shared in ("one", "two"):
            found = kept.results(work, shared)
            found.write(1, 10)
            assert found.read(1) is None
        kept.remove()
    said = capsys.readouterr().err
    assert said == f"note: {root} cannot be written (Not a directory); an interrupt would lose what is finished\n"


def test_a_full_disk_is_warned_about_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("bullbear.execution.kept.write_whole", full)
    with Kept(tmp_path) as kept:
        found = kept.results(work, "one")
        found.write(1, 10)
        found.write(2, 20)
    said = capsys.readouterr().err
    assert (
        said
        == f"note: {tmp_path} cannot be written (No space left on device); an interrupt would lose what is finished\n"
    )
