"""A learner kind in a user's home: the README's example works as typed, in worker processes too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bullbear.errors import DefinitionError
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.workflows.comparison import evaluate_run
from bullbear.workflows.training import train_model

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.fixture
def told(home: Home) -> Home:
    """A home with the files of README's section typed in."""
    section = re.split(r"\n##+ ", README.read_text(encoding="utf-8").split("# Add a learner kind")[1])[0]
    (python,) = re.findall(r"```python\n(.*?)```", section, re.S)
    (toml,) = re.findall(r"```toml\n(.*?)```", section, re.S)
    (home.root / "learners").mkdir()
    (home.root / "learners" / "vote.py").write_text(python)
    (home.root / "models" / "vote.toml").write_text(toml)
    return Home(home.root)


def test_the_example_of_the_readme_trains_and_forecasts(told: Home) -> None:
    hash_before = told.model("vote").definition_hash
    trained = train_model(told, "vote", jobs=2)
    table = trained.first.training.predictions.table
    assert not table["p"].equals(table["climatology"])
    alone = train_model(told, "vote", jobs=1)
    assert [m.state() for m in alone.first.training.models] == [m.state() for m in trained.first.training.models]
    assert evaluate_run(Runs(told).find("latest")).n == trained.first.evaluation.n
    path = told.root / "learners" / "vote.py"
    path.write_text(path.read_text() + "# edited\n")
    assert Home(told.root).model("vote").definition_hash != hash_before


def test_a_file_that_fails_is_named(told: Home) -> None:
    (told.root / "learners" / "vote.py").write_text("import numpy\n\nimport no_such_library\n")
    with pytest.raises(DefinitionError, match=r"^learners/vote\.py:3: got .ModuleNotFoundError: No module named"):
        Home(told.root).model("vote")
