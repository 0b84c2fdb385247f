"""Files appear whole or not at all; one process holds a lock at a time."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bullbear.files import STAGING, FileLock, named, replace_folder, write_whole


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    path = tmp_path / "new" / "file"
    write_whole(path, "old\r\nü\n")
    assert path.read_bytes() == "old\r\nü\n".encode()
    with monkeypatch.context() as disk:
        disk.setattr(os, step, fail)
        with pytest.raises(OSError, match="no space left"):
            write_whole(path, b"new")
    assert path.read_bytes() == "old\r\nü\n".encode()
    write_whole(path, memoryview(b"new"))
    assert path.read_bytes() == b"new"
    assert not list(path.parent.glob(f"{STAGING}*"))


def test_a_folder_that_cannot_be_copied_is_told_by_its_first_file(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for name in ("a", "b"):
        (source / name).mkdir(parents=True)
        (source / name / "file").write_bytes(bytes(100_000))
    code = "import resource, signal, sys, pathlib; from bullbear.files import copy_folder\n"
    code += (
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
    )
    code += "try: copy_folder(*map(pathlib.Path, sys.argv[1:]))\n"
    code += "except OSError as bad: print(type(bad).__name__, bad.errno == 27, bad.filename)"
    done = subprocess.run(
        [sys.executable, "-c", code, source, target], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split()[:2] == ["OSError", "True"]
    assert Path(done.stdout.split()[2]).relative_to(target) in (Path("a", "file"), Path("b", "file"))


def test_an_error_without_a_place_gets_one(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"No space left on device: '.*/ledger'") as bad, named(tmp_path / "ledger"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert bad.value.errno == errno.ENOSPC
    with pytest.raises(OSError, match=r"'/elsewhere'"), named(tmp_path / "ledger"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/elsewhere")


def test_a_lock_is_re_entrant_and_excludes_other_threads(tmp_path: Path) -> None:
    lock, seen = FileLock(tmp_path / "a" / ".lock"), []

    def other() -> None:
        with lock:
            seen.append("other")

    with lock, lock:
        waiting = threading.Thread(target=other)
        waiting.start()
        waiting.join(0.05)
        seen.append("first")
        assert not FileLock(lock.path).is_free()
    waiting.join()
    assert seen == ["first", "other"]
    assert lock.is_free()
    assert FileLock(tmp_path / "no such lock").is_free()


def test_a_lock_waits_for_another_process_and_is_free_when_that_dies(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    code = "import sys, pathlib; from bullbear.files import FileLock\n"
    code += "with FileLock(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert not FileLock(path).is_free()
        threading.Timer(0.1, holder.kill).start()
        FileLock(path).wait()  # returns once the holder is dead
        assert FileLock(path).is_free()
        with FileLock(path):
            pass


def test_a_lock_that_cannot_be_opened_leaves_nothing_held(tmp_path: Path) -> None:
    lock = FileLock(tmp_path)
    for _ in range(2):
        with pytest.raises(IsADirectoryError), lock:
            pass
    lock.path = tmp_path / ".lock"
    with lock:
        pass


def staged(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "text").write_text(text)
    return folder


def test_a_directory_is_replaced_and_the_version_before_stays_for_its_readers(tmp_path: Path) -> None:
    target = tmp_path / "forecasts" / "champion"
    for number in range(4):
        before = target.resolve() if number else None
        replace_folder(staged(tmp_path / "staged", str(number)), target)
        assert (target / "text").read_text() == str(number)
        if before is not None:
            assert (before / "text").read_text() == str(number - 1)
    assert len(list((tmp_path / "forecasts" / ".champion").iterdir())) == 2
    assert sorted(path.name for path in target.parent.iterdir()) == [".champion", "champion"]


def test_the_version_that_stays_is_the_one_before_whatever_the_times_of_the_folders_say(tmp_path: Path) -> None:
    target = tmp_path / "forecasts" / "champion"
    for number, time in enumerate((2_000, 1_000, 3_000)):  # a copied folder keeps the time of its source
        folder = staged(tmp_path / "staged", str(number))
        os.utime(folder, (time, time))
        before = target.resolve()
        replace_folder(folder, target)
    assert (before / "text").read_text() == "1"


def test_a_home_copied_without_links_can_be_promoted_in(tmp_path: Path) -> None:
    target = staged(tmp_path / "champion", "copied")
    replace_folder(staged(tmp_path / "staged", "new"), target)
    assert (target / "text").read_text() == "new"
    assert target.is_symlink()


def test_a_home_may_be_moved_with_its_champion(tmp_path: Path) -> None:
    replace_folder(staged(tmp_path / "staged", "whole"), tmp_path / "old" / "champion")
    os.rename(tmp_path / "old", tmp_path / "new")
    assert (tmp_path / "new" / "champion" / "text").read_text() == "whole"


def test_a_shared_lock_is_held_by_many_and_not_beside_an_exclusive_one(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with FileLock(path, shared=True), FileLock(path, shared=True):
        assert not FileLock(path).is_free()
    assert FileLock(path).is_free()
