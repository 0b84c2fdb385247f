"""One function over many items: the same results everywhere, resumable, cancelled without a trace."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import bullbear
from bullbear import user_code
from bullbear.errors import DefinitionError, ExecutionError, FitError, InputError, ItemError
from bullbear.execution import Kept, Local, map_items
from bullbear.execution.environment import environment

Calls = Callable[[], list[int]]
TWO = Local(2, preload=("numpy",))


@pytest.mark.parametrize("jobs", [0, 1, 2, 4])
def test_results_stand_in_the_order_of_the_items(jobs: int, work: ModuleType) -> None:
    shared = {"X": np.random.default_rng(3).normal(size=(40, 30))}
    order = list(range(39, -1, -3))
    expected = [work.weigh(shared, item) for item in order]
    seen: list[tuple[int, int]] = []
    found = map_items(
        work.weigh,
        shared,
        order,
        executor=Local(jobs),
        weight=lambda item: item % 7,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert found == expected
    assert seen == [(done, 14) for done in range(1, 15)]


def test_the_costliest_begin_first(work: ModuleType, calls: Calls, tmp_path: Path) -> None:
    found = map_items(work.log, {"log": tmp_path / "log"}, [3, 9, 1, 7], weight=float)
    assert calls() == [9, 7, 3, 1]
    assert found == [30, 90, 10, 70]


def test_nothing_to_do_starts_nothing(work: ModuleType) -> None:
    assert map_items(work.log, {}, [], executor=TWO) == []


def test_what_is_shared_is_read_once_per_worker_and_mapped(work: ModuleType, tmp_path: Path) -> None:
    log = tmp_path / "unpickled"
    shared = {"counted": work.Counted(str(log)), "X": np.ones(100_000)}
    pids = map_items(work.touch, shared, list(range(12)), executor=TWO)
    assert sorted(set(log.read_text().split())) == sorted(log.read_text().split())
    assert {str(pid) for pid in pids} == set(log.read_text().split())
    owners = map_items(work.owner, {"X": np.ones(10)}, [1, 2], executor=TWO)
    assert [is_writeable for _, is_writeable, _ in owners] == [False, False]
    parents = {parent for *_, parent in owners}
    assert len(parents) == 1  # the fork server
    assert os.getpid() not in parents


@pytest.mark.parametrize("executor", [Local(), TWO], ids=["one process", "two"])
def test_a_failed_item_is_named_and_the_finished_ones_stay(
    executor: Local, work: ModuleType, calls: Calls, tmp_path: Path
) -> None:
    kept, shared = tmp_path / "kept", {"log": tmp_path / "log", "fails": 1, "pause": 0.1}
    items = [5, 4, 3, 2, 1]
    with pytest.raises(ItemError, match=r"^fold 1: KeyError: 'no such factor'; what was finished is kept$"):
        map_items(work.log, shared, items, executor=executor, kept=Kept(kept), name=lambda item: f"fold {item}")
    finished = len(list(kept.glob("*/*.result")))
    assert finished >= 3
    before = len(calls())
    shared_now = dict(shared)
    with pytest.raises(ItemError):
        map_items(work.log, shared_now, items, executor=executor, kept=Kept(kept))
    assert set(calls()[before:]) <= set(items[finished:])


def test_an_interrupted_call_is_continued(work: ModuleType, calls: Calls, tmp_path: Path) -> None:
    shared, kept = {"log": tmp_path / "log"}, tmp_path / "kept"

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        map_items(work.log, shared, [1, 2, 3, 4, 5], kept=Kept(kept), progress=stop)
    assert calls() == [1, 2, 3]
    seen: list[int] = []
    found = map_items(
        work.log, shared, [1, 2, 3, 4, 5], kept=Kept(kept), progress=lambda done, total: seen.append(done)
    )
    assert found == [10, 20, 30, 40, 50]
    assert calls() == [1, 2, 3, 4, 5]
    assert seen == [3, 4, 5]
    assert map_items(work.log, shared, [5, 1], kept=Kept(kept), executor=TWO) == [50, 10]
    assert len(calls()) == 5


def test_what_was_kept_for_something_else_is_not_used(work: ModuleType, calls: Calls, tmp_path: Path) -> None:
    kept, shared = tmp_path / "kept", {"log": tmp_path / "log", "X": np.array([1.0, np.nan])}
    map_items(work.log, shared, [1, 2], kept=Kept(kept))
    map_items(work.log, shared | {"X": np.array([1.0, np.nextafter(2, 3)])}, [1, 2], kept=Kept(kept))
    assert len(calls()) == 4
    source = Path(tmp_path / "learners" / "work.py")
    source.write_text(source.read_text().replace("item * 10", "item * 11"))
    assert map_items(user_code.load(source).log, shared, [1, 2], kept=Kept(kept)) == [11, 22]
    assert map_items(work.log, shared, [1, 2], kept=Kept(kept)) == [10, 20]
    assert len(calls()) == 6


def test_versions_of_other_libraries_are_another_computation(
    work: ModuleType, calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, shared = tmp_path / "kept", {"log": tmp_path / "log"}
    map_items(work.log, shared, [1, 2], kept=Kept(kept))
    other = {**environment(), "numpy": "1.0.0"}
    with monkeypatch.context() as patched:
        patched.setattr("bullbear.execution.kept.environment", lambda: other)
        map_items(work.log, shared, [1, 2], kept=Kept(kept))
    assert len(calls()) == 4
    map_items(work.log, shared, [1, 2], kept=Kept(kept))
    assert len(calls()) == 4


def test_every_library_that_a_fit_may_import_is_part_of_the_environment() -> None:
    floors = ("learn", "factors", "statistics", "dataset", "data")
    root = Path(bullbear.__file__).parent
    imported = {
        name.split(".")[0]
        for floor in floors
        for path in (root / floor).rglob("*.py")
        if path.parent.name != "providers"
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [each.name for each in node.names] if isinstance(node, ast.Import)
            else [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        )
    }  # fmt: skip
    named = {"sklearn": "scikit-learn", "talib": "ta-lib", "venn_abers": "venn-abers"}
    own = {"bullbear", "exchange_calendars", "pyarrow", "pydantic", "pandera"}  # of these no number depends
    third = {named.get(name, name) for name in imported - own - sys.stdlib_module_names}
    assert {"arch", "scipy", "scikit-learn"} <= third
    assert third <= set(environment())
    assert {"statsmodels", "numba"} <= set(environment())  # beneath arch


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "foreign", "swapped"])
def test_a_damaged_or_foreign_file_is_computed_again(
    damage: str, work: ModuleType, calls: Calls, tmp_path: Path
) -> None:
    kept, shared = tmp_path / "kept", {"log": tmp_path / "log"}
    map_items(work.log, shared, [1, 2], kept=Kept(kept))
    first, second = sorted(kept.glob("*/*.result"))
    content = first.read_bytes()
    first.write_bytes(
        {
            "flipped": content[:-3] + bytes([content[-3] ^ 1]) + content[-2:],
            "cut": content[:-1],
            "empty": b"",
            "foreign": b"not ours",
            "swapped": second.read_bytes(),
        }[damage]
    )
    assert map_items(work.log, shared, [1, 2], kept=Kept(kept)) == [10, 20]
    assert len(calls()) == 3
    assert first.read_bytes() == content


def test_an_exception_that_cannot_be_sent_is_told_as_text(work: ModuleType) -> None:
    with pytest.raises(ItemError, match="7: RuntimeError: Awkward: this and that"):
        map_items(work.awkward, {}, [7], executor=TWO)


def test_our_own_errors_pass_and_name_the_item(work: ModuleType) -> None:
    def refuse(shared: object, item: int) -> None:
        raise FitError("no bins")

    with pytest.raises(FitError, match=r"^no bins\b") as caught:
        map_items(refuse, None, [4], name=lambda item: f"fold {item}")
    assert caught.value.__notes__ == ["in fold 4"]


def test_an_input_error_crosses_processes() -> None:
    import pickle

    bad = InputError("--end", 3, "days", "choose one")
    assert str(pickle.loads(pickle.dumps(bad))) == str(bad)


def test_a_killed_worker_is_one_line_and_the_next_call_continues(work: ModuleType, tmp_path: Path) -> None:
    shared, kept = {"mark": tmp_path / "mark"}, tmp_path / "kept"
    with pytest.raises(ExecutionError, match="a worker process was killed, perhaps for lack of memory"):
        map_items(work.die_once, shared, [1, 2, 3, 4], executor=TWO, kept=Kept(kept))
    assert len(list(kept.glob("*/*.result"))) >= 1
    assert map_items(work.die_once, shared, [1, 2, 3, 4], executor=TWO, kept=Kept(kept)) == [10, 20, 30, 40]


ELSEWHERE = """
import os
if os.getpid() != {pid}:
    raise ValueError("not here")

def double(shared, item):
    return 2 * item

class Closed:
    def __reduce__(self):
        return eval, (f"1 if __import__('os').getpid() == {pid} else 1 / 0",)
"""


def test_a_file_that_fails_in_a_worker_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "learners" / "elsewhere.py"
    path.parent.mkdir()
    path.write_text(ELSEWHERE.format(pid=os.getpid()))
    module = user_code.load(path)
    with pytest.raises(DefinitionError, match=r"^learners/elsewhere\.py:4: got 'ValueError: not here'"):
        map_items(module.double, None, [1, 2], executor=TWO)


def test_what_a_worker_cannot_read_is_told_apart_from_a_killed_one(work: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "learners" / "closed.py"
    path.write_text(ELSEWHERE.format(pid=os.getpid()).replace("raise ValueError", "print"))
    shared = {"closed": user_code.load(path).Closed()}
    with pytest.raises(ExecutionError, match=r"^a worker process cannot read .*ZeroDivisionError: division by zero"):
        map_items(work.weigh, shared, [1, 2], executor=TWO)


FACTOR = """
from bullbear.factors import Array, Bars, factor

@factor(unit="ratio")
def moved_to_another_file(bars: Bars) -> Array:
    \"\"\"A half.\"\"\"
    return bars.close / 2
"""


def test_workers_get_the_files_of_the_home_in_use_alone(work: ModuleType, tmp_path: Path) -> None:
    from bullbear.factors import registered

    shared = {"X": np.ones((3, 3))}
    try:
        for name in ("a", "b"):
            folder = tmp_path / name / "factors"
            folder.mkdir(parents=True)
            (folder / f"{name}.py").write_text(FACTOR)
            user_code.use_home(folder.parent)
            assert "moved_to_another_file" in registered()
            assert len(map_items(work.weigh, shared, [0, 1, 2], executor=TWO)) == 3
    finally:
        user_code.use_home(tmp_path / "none")


SCRIPT = """
import sys
from pathlib import Path
from bullbear import user_code
from bullbear.execution import Kept, Local, map_items
home = Path(sys.argv[1])
work = user_code.load(home / "learners" / "work.py")
shared = {"log": home / "log", "pause": 0.8}
print(map_items(work.log, shared, list(range(12)), executor=Local(2), kept=Kept(home / "kept")))
"""


def group(pid: int) -> list[str]:
    listing = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = (line.split(maxsplit=2) for line in listing.splitlines())
    return [row[2] for row in rows if row[0] == str(pid) and not row[1].startswith("Z")]


def test_an_interrupt_ends_every_process_and_keeps_what_is_finished(
    work: ModuleType, calls: Calls, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    until = time.monotonic() + 60
    while len(list((tmp_path / "kept").glob("*/*.result"))) < 3 and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, said = process.communicate(timeout=30)
    assert said.decode().count("Traceback") == 1, said.decode()  # ours; the workers are silent
    while group(process.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert group(process.pid) == []
    finished = len(list((tmp_path / "kept").glob("*/*.result")))
    assert 3 <= finished < 12
    begun = len(calls())
    assert begun <= finished + 4  # two running, two whose results were on their way
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == str([item * 10 for item in range(12)])
    assert len(calls()) - begun == 12 - finished
