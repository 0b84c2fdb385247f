"""Python files of a user's home: run once, named by their content, refused in one line."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from bullbear import user_code
from bullbear.errors import DefinitionError
from bullbear.user_code import Registry

SOURCE = """from __future__ import annotations
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    value: int

    def doubled(self) -> int:
        return 2 * self.value
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "learners" / "mine.py"
    path.parent.mkdir()
    path.write_text(SOURCE)
    return path


def test_a_file_is_run_once_and_an_edited_one_is_another_module(path: Path) -> None:
    first = user_code.load(path)
    assert user_code.load(path) is first
    assert first.__name__.startswith("bullbear_user_learners_mine_")
    path.write_text(SOURCE.replace("2 *", "3 *"))
    second = user_code.load(path)
    assert second is not first
    assert (first.Answer(4).doubled(), second.Answer(4).doubled()) == (8, 12)


def test_another_process_restores_what_this_one_has_loaded(path: Path) -> None:
    answer = pickle.dumps(user_code.load(path).Answer(21))
    made = pickle.dumps((user_code.loaded(answer), answer))
    code = (
        "import pickle, sys; from bullbear import user_code; modules, answer = pickle.load(sys.stdin.buffer);"
        "user_code.restore(modules); print(pickle.loads(answer).doubled())"
    )
    done = subprocess.run([sys.executable, "-c", code], input=made, capture_output=True, check=True, timeout=60)
    assert done.stdout == b"42\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("x = 1\ny = = 2\n", 2, "SyntaxError: invalid syntax"),
        ("x = 1\n\n\ny = 1 / 0\n", 4, "ZeroDivisionError: division by zero"),
        ("import no_such_library\n", 1, "ModuleNotFoundError: No module named 'no_such_library'"),
        ("def f():\n    raise ValueError('a\\nb')\n\nf()\n", 2, "ValueError: a b"),
    ],
)
def test_a_file_that_fails_is_named_with_its_line(path: Path, text: str, line: int, said: str) -> None:
    path.write_text(text)
    before = set(sys.modules)
    with pytest.raises(DefinitionError, match=rf"^learners/mine\.py:{line}: got .{said}") as caught:
        user_code.load(path)
    assert "\n" not in str(caught.value)
    assert not [name for name in set(sys.modules) - before if user_code.is_user_module(name)]


def test_a_file_that_is_no_text_is_refused(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DefinitionError, match=r"^learners/mine\.py: got .*allowed: a readable Python file in UTF-8"):
        user_code.load(path)


@pytest.fixture
def things() -> Iterator[Registry[str]]:
    """A registry to which a file adds by `add(name)`."""
    found: Registry[str] = Registry("thing", "learners")
    module = sys.modules["bullbear_test_things"] = ModuleType("bullbear_test_things")
    module.__dict__["add"] = lambda name, where: found.add(name, f"{name} of {where}", where)
    yield found
    del sys.modules["bullbear_test_things"]
    user_code._registries.remove(found)


ADD = "from bullbear_test_things import add\n\nadd({!r}, __name__)\n"


def write(home: Path, file: str, text: str) -> Path:
    (home / "learners").mkdir(parents=True, exist_ok=True)
    (home / "learners" / file).write_text(text)
    return home


def test_the_files_of_a_home_are_read_in_order_and_may_be_missing(things: Registry[str], tmp_path: Path) -> None:
    write(write(tmp_path, "b.py", ADD.format("two")), "a.py", ADD.format("one"))
    write(write(tmp_path, "_draft.py", "1 / 0"), "notes.txt", "not Python")
    user_code.use_home(tmp_path)
    assert list(things.entries()) == ["one", "two"]
    user_code.use_home(tmp_path / "nowhere")
    assert dict(things.entries()) == {}


def test_each_home_has_its_own_entries(things: Registry[str], tmp_path: Path) -> None:
    one, other = (write(tmp_path / name, "mine.py", ADD.format("mine") + f"# {name}") for name in ("one", "other"))
    things.add("shipped", "shipped", __name__)
    seen = []
    for home in (one, other, one, tmp_path / "empty", other):
        user_code.use_home(home)
        seen.append(things.entries().get("mine"))
        assert things.entries()["shipped"] == "shipped"
    assert seen[0] == seen[2] != seen[1] == seen[4]
    assert seen[3] is None


def test_a_file_that_fails_is_named_each_time_until_it_is_corrected(things: Registry[str], tmp_path: Path) -> None:
    user_code.use_home(write(tmp_path, "mine.py", ADD.format("mine") + "1 / 0\n"))
    for _ in range(3):
        with pytest.raises(DefinitionError, match=r"^learners/mine\.py:4: got .ZeroDivisionError"):
            things.entries()["mine"]
    assert list(things.entries()) == []
    assert [each.where for each in things.broken] == ["learners/mine.py:4"]
    user_code.use_home(write(tmp_path, "mine.py", ADD.format("mine")))
    assert list(things.entries()) == ["mine"]


def test_what_another_home_or_an_earlier_file_brought_is_not_sent_to_workers(
    things: Registry[str], tmp_path: Path
) -> None:
    for home, file in (("one", "a.py"), ("other", "b.py"), ("other", "c.py")):
        (tmp_path / "other" / "learners" / "b.py").unlink(missing_ok=True)
        user_code.use_home(write(tmp_path / home, file, ADD.format("mine") + f"# {home} {file}"))
        assert things.entries()["mine"]
        assert [shown for shown, _ in user_code.loaded().values()] == [f"learners/{file}"]
    (sent,) = user_code.loaded().items()
    user_code.use_home(tmp_path / "one")
    before = things.entries()["mine"]
    # A pickle made before may refer to a module that the home has no more.
    modules = user_code.loaded(f"...{sent[0]}...".encode())
    assert [shown for shown, _ in modules.values()] == ["learners/c.py", "learners/a.py"]
    user_code.restore(dict([sent]))
    assert things.entries()["mine"] != before
    user_code.restore(modules)
    assert things.entries()["mine"] == before


def test_a_call_that_fails_in_a_users_file_names_its_innermost_line_there(path: Path) -> None:
    path.write_text(
        "import numpy as np\n\n\ndef f(x: int) -> int:\n    return np.zeros(2)[x]\n\n\ndef g() -> int:\n    return 1\n"
    )
    module = user_code.load(path)
    assert user_code.call("mine", module.f, 1) == 0
    with pytest.raises(DefinitionError, match=r"^learners/mine\.py:5 \(mine\): got .IndexError: .*out of bounds"):
        user_code.call("mine", module.f, 7)
    with pytest.raises(DefinitionError, match=r"^learners/mine\.py:8 \(mine\): got .TypeError: .*takes 0 positional"):
        user_code.call("mine", module.g, 7)
    with pytest.raises(ZeroDivisionError):  # of the package's own code
        user_code.call("mine", divmod, 1, 0)


def test_files_are_in_use_within_a_block_alone(things: Registry[str], tmp_path: Path) -> None:
    user_code.use_home(write(tmp_path / "here", "a.py", ADD.format("home's")))
    there = write(tmp_path / "there", "a.py", ADD.format("block's")) / "learners" / "a.py"
    assert list(things.entries()) == ["home's"]
    for _ in range(2):  # the second time the file has been run already
        with user_code.using([there]):
            assert list(things.entries()) == ["block's"]
        assert list(things.entries()) == ["home's"]
    missing = there.with_name("none.py")
    with pytest.raises(DefinitionError, match=r"^learners/none\.py: got "), user_code.using([missing]):
        pass
    assert list(things.entries()) == ["home's"]


def test_files_in_use_for_a_block_do_not_need_the_home(things: Registry[str], tmp_path: Path) -> None:
    user_code.use_home(write(tmp_path / "here", "a.py", "1 / 0"))
    with user_code.using([write(tmp_path / "there", "a.py", ADD.format("served")) / "learners" / "a.py"]):
        assert list(things.entries()) == ["served"]
    with pytest.raises(DefinitionError, match=r"^learners/a\.py:1: got .*ZeroDivisionError"):
        things.entries()["served"]


def test_what_a_file_remembers_is_forgotten_but_its_classes_elsewhere_stay(tmp_path: Path) -> None:
    (tmp_path / "counters").mkdir()
    counters, shapes = Registry[object]("counter", "counters"), Registry[object]("shape", "shapes")
    source = "SEEN = []\nclass Round: ...\ncount = lambda: SEEN.append(0) or len(SEEN)\n"
    source += "from bullbear import user_code as u\nfor r in u._registries[-2:]:\n"
    source += "    r.add('it', count if r.what == 'counter' else Round, __name__)\n"
    (tmp_path / "counters" / "mine.py").write_text(source)
    try:
        user_code.use_home(tmp_path)
        assert not shapes.entries()
        count = counters.entries()["it"]
        assert callable(count)
        assert (count(), count()) == (1, 2)
        shape = shapes.entries()["it"]
        counters.renew()
        again = counters.entries()["it"]
        assert callable(again)
        assert again() == 1
        assert shapes.entries()["it"] is shape
        assert pickle.loads(pickle.dumps(shape)) is shape
        assert user_code.digests([again]) == user_code.digests([count])
    finally:
        user_code._registries.remove(counters)
        user_code._registries.remove(shapes)
        user_code.use_home(tmp_path / "nowhere")
