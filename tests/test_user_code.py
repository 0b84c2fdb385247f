"""Python files of a user's home: run once, named by their content, refused in one line."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from bullbear import user_code
from bullbear.errors import DefinitionError

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
    made = pickle.dumps((user_code.loaded(), pickle.dumps(user_code.load(path).Answer(21))))
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
    before = user_code.loaded()
    with pytest.raises(DefinitionError, match=rf"^learners/mine\.py:{line}: got .{said}") as caught:
        user_code.load(path)
    assert "\n" not in str(caught.value)
    assert user_code.loaded() == before


def test_a_file_that_is_no_text_is_refused(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DefinitionError, match=r"^learners/mine\.py: got .*allowed: a readable Python file in UTF-8"):
        user_code.load(path)


def test_a_folder_is_loaded_in_order_and_may_be_missing(path: Path) -> None:
    (path.parent / "another.py").write_text("x = 1\n")
    (path.parent / "_draft.py").write_text("1 / 0\n")
    (path.parent / "notes.txt").write_text("not Python")
    names = [module.__file__ for module in user_code.load_folder(path.parent)]
    assert names == ["learners/another.py", "learners/mine.py"]
    assert user_code.load_folder(path.parent / "nowhere") == []


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
