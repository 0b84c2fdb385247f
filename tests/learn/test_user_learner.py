"""A learner kind in a user's home: what `bullbear new learner` writes works, in worker processes too."""

from __future__ import annotations

import pytest

from bullbear.errors import DefinitionError
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.workflows.comparison import evaluate_run
from bullbear.workflows.new_files import New, write_new
from bullbear.workflows.training import train_model


@pytest.fixture
def told(home: Home) -> Home:
    """A home with a learner and its model."""
    write_new(home, New.LEARNER, "vote")
    model = home.root / "models" / "vote.toml"
    model.write_text(model.read_text().replace('policy = "two_agents"\n', ""))
    return Home(home.root)


def test_it_trains_and_forecasts_alike_in_worker_processes(told: Home) -> None:
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
