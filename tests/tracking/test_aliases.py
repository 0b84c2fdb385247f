"""The alias `champion` in MLflow's registry beside the champion that forecasts use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.tracking.aliases import alias_notes
from bullbear.tracking.mlflow_store import connect
from bullbear.tracking.registry import mark_champion


def test_an_alias_set_in_mlflow_is_told_until_both_agree(
    home: Home, bullbear: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, client = Runs(home), connect(home.runs)
    small, base = runs.find("small"), runs.find("base")
    assert alias_notes(home) == []
    mark_champion(client, base)
    (note,) = alias_notes(home)
    assert note == (
        f"MLflow's alias `champion` of bullbear-simulated names run {base.run_id[:8]}, but forecasts of up use "
        f"{small.run_id[:8]}: `bullbear promote {base.run_id[:8]}` makes it champion, `bullbear promote champion` sets "
        "the alias back"
    )
    for command in ("runs", "status"):
        said = bullbear(command, "--home", home.root).err.replace(f" --home {home.root}", "")
        assert f"note: {note}" in said.splitlines()
    runs.promote(runs.find("champion"))
    assert alias_notes(home) == []


def test_another_store_is_not_asked(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(home)
    mark_champion(connect(home.runs), runs.find("base"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert alias_notes(home) == []


def test_without_a_store_there_is_nothing_to_tell(home: Home) -> None:
    (home.runs / "mlflow.db").write_bytes(b"damaged")
    assert alias_notes(home) == []
    (home.runs / "mlflow.db").unlink()
    assert alias_notes(home) == []
