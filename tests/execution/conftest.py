"""Functions to map, in a file of a user's home: worker processes must be able to load them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from bullbear import user_code

WORK = """
import os
import signal
import time
from pathlib import Path

import numpy as np


def weigh(shared, item):
    return float(shared["X"][item] @ np.exp(shared["X"][item] / 3.0))


def log(shared, item):
    with open(shared["log"], "a") as file:
        file.write(f"{item}\\n")
    time.sleep(shared.get("pause", 0.0))
    if item == shared.get("fails"):
        raise KeyError("no such factor")
    return item * 10


def owner(shared, item):
    time.sleep(0.2)
    return os.getpid(), shared["X"].flags.writeable, os.getppid()


def awkward(shared, item):
    class Awkward(Exception):
        def __init__(self, one, two):
            super().__init__(f"{one} and {two}")
    raise Awkward("this", "that")


def die_once(shared, item):
    mark = Path(shared["mark"])
    if item == 2 and not mark.exists():
        mark.touch()
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)
    return item * 10


class Counted:
    \"\"\"Writes a line each time it is unpickled.\"\"\"

    def __init__(self, log):
        self.log = log

    def __setstate__(self, state):
        self.__dict__.update(state)
        with open(self.log, "a") as file:
            file.write(f"{os.getpid()}\\n")


def touch(shared, item):
    time.sleep(0.05)
    return os.getpid()
"""


@pytest.fixture
def work(tmp_path: Path) -> ModuleType:
    """The functions."""
    path = tmp_path / "learners" / "work.py"
    path.parent.mkdir()
    path.write_text(textwrap.dedent(WORK))
    return user_code.load(path)


@pytest.fixture
def calls(tmp_path: Path) -> Callable[[], list[int]]:
    """The items that `log` was called with."""

    def read() -> list[int]:
        path = tmp_path / "log"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    return read
