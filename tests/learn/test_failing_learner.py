"""A user's learner that fails or returns a wrong shape is named with its line, by worker processes too."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from bullbear import user_code
from bullbear.errors import DefinitionError
from bullbear.execution import Local, map_items
from bullbear.learn.learner import signals_of

SOURCE = """import numpy as np


class Fitted:
    def signals(self, X):
        return {body}


def fitted():
    return Fitted()
"""


def module(tmp_path: Path, body: str) -> ModuleType:
    (tmp_path / "learners").mkdir()
    (tmp_path / "learners" / "mine.py").write_text(SOURCE.format(body=body))
    return user_code.load(tmp_path / "learners" / "mine.py")


def asked(name: str, n: int) -> np.ndarray:
    import sys

    return signals_of("mine", sys.modules[name].fitted(), np.zeros((n, 2)))


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("X.colour", r":6 \(learner mine\): got .AttributeError: .*no attribute 'colour'"),
        ("X[:, 0]", r":5 \(learner mine\): got .shape \(3,\).; allowed: an array of shape \(3, bags\)"),
        ("X[1:]", r":5 \(learner mine\): got .shape \(2, 2\).; allowed: an array of shape \(3, bags\)"),
    ],
)
def test_a_learner_that_fails_is_named(tmp_path: Path, body: str, message: str, jobs: int) -> None:
    name = module(tmp_path, body).__name__
    with pytest.raises(DefinitionError, match=r"^learners/mine\.py" + message):
        map_items(asked, name, [3, 3], executor=Local(jobs))


def test_signals_pass_unchanged(tmp_path: Path) -> None:
    assert asked(module(tmp_path, "X + 1.0").__name__, 3).tolist() == [[1.0, 1.0]] * 3
