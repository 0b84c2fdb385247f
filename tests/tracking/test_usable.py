"""A tracking store that cannot be used is refused within seconds, before any work, with the command to type."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bullbear.errors import RunError
from bullbear.home import Home
from bullbear.tracking import Runs, usable
from bullbear.tracking.mlflow_store import EXPERIMENT, connect, experiment_of, require_ready
from bullbear.tracking.odds_run import require_ready_for_odds
from bullbear.tracking.usable import require_usable, without_password
from bullbear.workflows.training import train_model

Run = Callable[..., Any]
MLFLOW = str(Path(sys.executable).with_name("mlflow"))


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield int(server.getsockname()[1])


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def worked(*arguments: object, **options: object) -> None:
        pytest.fail("the training had begun")

    monkeypatch.setattr("bullbear.workflows.training.build_all", worked)


def execute(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("command", [["train", "base"], ["evaluate", "latest"], ["promote", "latest"]])
def test_a_server_that_is_not_there_is_named_before_the_work(
    bullbear: Run, home: Home, closed_port: int, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{closed_port}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    answer = bullbear(*command, "--home", home.root)
    assert answer.code == 2
    assert answer.mistake.startswith(f"bullbear: MLFLOW_TRACKING_URI: got '{url}'; allowed: a tracking store that answ")
    assert "Connection refused" in answer.mistake
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


def test_a_server_that_never_answers_is_given_up_by_the_users_own_patience(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent_port}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with pytest.raises(RunError, match=r"MLFLOW_TRACKING_URI: .*timed out.*unset MLFLOW_TRACKING_URI"):
        require_usable(f"http://127.0.0.1:{silent_port}")
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "1"


@pytest.mark.parametrize("kind", ["postgresql", "mysql+pymysql"])
def test_a_database_server_that_is_not_there_is_named_without_its_password(
    closed_port: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"{kind}://me:secret@127.0.0.1:{closed_port}/runs"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(RunError, match=r"me:\*\*\*@127.0.0.1:.*Connection refused") as refused:
        require_usable(uri)
    assert "secret" not in str(refused.value)


def test_what_is_no_uri_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "runs")
    with pytest.raises(RunError, match=r"MLFLOW_TRACKING_URI: got 'runs'; allowed: the URI of an MLflow server"):
        require_usable("runs")


def test_only_the_password_is_hidden() -> None:
    assert without_password("http://ann:pw@host:5000/a") == "http://ann:***@host:5000/a"
    assert without_password("http://host:5000/a") == "http://host:5000/a"
    assert without_password("sqlite:////srv/a@b:c/mlflow.db") == "sqlite:////srv/a@b:c/mlflow.db"


@pytest.mark.usefixtures("no_work")
def test_an_older_schema_is_refused_with_the_command_that_upgrades_it(bullbear: Run, home: Home) -> None:
    execute(home.runs / "mlflow.db", "UPDATE alembic_version SET version_num = 'acf3f17fdcc7'")
    for command in (
        ["train", "base"],
        ["evaluate", "latest"],
        ["compare", "latest", "champion"],
        ["promote", "latest"],
    ):
        answer = bullbear(*command, "--home", home.root)
        assert answer.code == 2
        assert "got 'schema acf3f17fdcc7'; allowed: schema " in answer.mistake
        assert answer.mistake.endswith(f"run `mlflow db upgrade sqlite:///{home.runs}/mlflow.db`")


def test_a_newer_schema_asks_for_a_newer_mlflow(home: Home) -> None:
    execute(home.runs / "mlflow.db", "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(RunError, match=r"got 'schema ffffffffffff'.*pip install -U mlflow"):
        connect(home.runs)


@pytest.mark.usefixtures("no_work")
def test_a_file_that_is_no_database_is_refused(bullbear: Run, home: Home) -> None:
    (home.runs / "mlflow.db").write_bytes(b"no database, but long enough to be taken for one" * 100)
    answer = bullbear("train", "base", "--home", home.root)
    assert answer.code == 2
    assert "mlflow.db'; allowed: a tracking store that answers (file is not a database)" in answer.mistake
    assert answer.mistake.endswith("restore the file from a copy, or move it away and train again")


@pytest.mark.usefixtures("no_work")
def test_a_deleted_experiment_is_refused_and_the_command_named_restores_it(bullbear: Run, home: Home) -> None:
    client = connect(home.runs)
    number = experiment_of(client, EXPERIMENT, home.runs)
    client.delete_experiment(number)
    for command in (["train", "base"], ["evaluate", "latest"], ["promote", "latest"]):
        answer = bullbear(*command, "--home", home.root)
        assert answer.code == 2
        assert "MLflow experiment: got 'bullbear, deleted'" in answer.mistake
    assert answer.mistake.endswith(
        f"run `MLFLOW_TRACKING_URI=sqlite:///{home.runs}/mlflow.db mlflow experiments restore -x {number}`"
    )
    client.restore_experiment(number)
    assert Runs(home).find("latest").model == "small"


def test_a_deleted_experiment_of_the_odds_is_found_before_their_record(
    bullbear: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worked(*arguments: object) -> None:
        pytest.fail("the record had begun")

    monkeypatch.setattr("bullbear.forecasting.odds_record.odds_record", worked)
    client = connect(home.runs)
    number = experiment_of(client, "bullbear-odds", home.runs)
    client.delete_experiment(number)
    answer = bullbear("odds", "--history", "--home", home.root, "--json")
    assert answer.code == 2
    assert "got 'bullbear-odds, deleted'" in answer.mistake
    assert answer.mistake.endswith(f"mlflow experiments restore -x {number}`")
    client.restore_experiment(number)
    require_ready_for_odds(home.runs)


def test_an_experiment_in_a_mere_database_keeps_its_artifacts_in_the_home(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/own.db")
    require_ready(home.runs)
    assert not (tmp_path / "own.db").exists()
    client = connect(home.runs)
    for name in (EXPERIMENT, "bullbear-odds"):
        found = client.get_experiment(experiment_of(client, name, home.runs))
        assert found.artifact_location == (home.runs / "artifacts").as_uri()


@pytest.mark.parametrize(
    "name",
    ["50% really? My%20Drive#é", *(pytest.param(each, marks=pytest.mark.slow) for each in ("a#b é", "x&y=z;[1]'"))],
)
def test_a_home_may_have_any_name(home: Home, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    current = tmp_path / "current"
    current.mkdir()
    monkeypatch.chdir(current)
    odd = Home(tmp_path / "homes" / name)
    shutil.copytree(home.root, odd.root, symlinks=True)
    shutil.rmtree(odd.runs)
    run_id = train_model(odd, "base", start="2007-01-03").run_id
    found = Runs(odd).find("latest")
    assert (found.run_id, found.model) == (run_id, "base")
    assert found.artifacts.is_relative_to(odd.root)
    Runs(odd).promote(found)
    assert Runs(odd).find("champion").run_id == run_id
    assert list(current.iterdir()) == []
    assert [path.name for path in odd.root.parent.iterdir()] == [name]
    moved = Home(odd.root.with_name(f"moved {name}"))
    shutil.move(odd.root, moved.root)
    assert Runs(moved).find("latest").artifacts.is_relative_to(moved.root)


@pytest.mark.slow
def test_the_upgrade_command_upgrades_a_home_with_an_odd_name(home: Home, tmp_path: Path) -> None:
    odd = Home(tmp_path / "really? 50%20")
    shutil.move(home.root, odd.root)
    shutil.rmtree(odd.runs)
    odd.runs.mkdir()
    create_by_an_older_mlflow(odd.runs / "mlflow.db")
    with pytest.raises(RunError, match=r"got 'schema [0-9a-f]+'.*mlflow db upgrade") as refused:
        connect(odd.runs)
    command = shlex.split(str(refused.value).split("`")[1])
    subprocess.run([MLFLOW, *command[1:]], capture_output=True, cwd=tmp_path, check=True)
    assert [path.name for path in tmp_path.iterdir()] == [odd.root.name]
    assert train_model(odd, "base", start="2007-01-03").run_id == Runs(odd).find("latest").run_id


def create_by_an_older_mlflow(database: Path) -> None:
    import mlflow
    import sqlalchemy
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from mlflow.store.tracking.dbmodels.initial_models import Base

    config = Config()
    config.set_main_option("script_location", str(Path(mlflow.__file__).parent / "store" / "db_migrations"))
    scripts = ScriptDirectory.from_config(config)
    newest = scripts.get_revision("head")
    assert newest is not None
    engine = sqlalchemy.create_engine(sqlalchemy.URL.create("sqlite", database=str(database)))
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, str(newest.down_revision))


def test_schemas_that_branch_are_left_to_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = tmp_path / "store" / "db_migrations" / "versions"
    versions.mkdir(parents=True)
    for name, before in {"a": "None", "b": '"a"', "c": '"a"'}.items():
        (versions / f"{name}.py").write_text(f'revision = "{name}"\ndown_revision = {before}\n')
    monkeypatch.setattr(usable, "find_spec", lambda name: SimpleNamespace(origin=str(tmp_path / "__init__.py")))
    usable._schemas.cache_clear()
    try:
        assert usable.is_of_this_mlflow("b")
        (versions / "c.py").unlink()
        usable._schemas.cache_clear()
        assert not usable.is_of_this_mlflow("a")
        assert usable.is_of_this_mlflow("b")
    finally:
        usable._schemas.cache_clear()
