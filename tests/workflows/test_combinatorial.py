"""A combinatorial model from training to scores: each path on its own, and nothing that could be issued."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.errors import RunError
from bullbear.evaluate import path_scores
from bullbear.home import Home
from bullbear.tracking import Runs
from bullbear.tracking.mlflow_store import connect

SPLITTER = '[splitter]\nkind = "combinatorial"\nfirst = "2003-01-01"\nn_groups = 4\nn_test_groups = 2\n'


def test_a_combinatorial_model_is_scored_by_path_and_never_issued(home: Home, bullbear: Callable[..., Any]) -> None:
    path = home.root / "models" / "small.toml"
    path.write_text(path.read_text().split("[splitter]")[0] + SPLITTER)
    runs = Runs(home)
    champion = runs.find("champion").run_id
    made = bullbear("train", "small", "--home", home.root, "--json")
    assert (made.code, made.err) == (0, "")
    run = runs.find(made.json["run_id"])
    scores = path_scores(run.predictions)
    assert len(scores.paths) == 3
    assert len({part.bss for part in scores.paths}) == 3
    assert made.json["n"] == len(run.predictions) == 3 * scores.paths[0].n + 3 * 21

    answer = bullbear("evaluate", run.run_id, "--home", home.root, "--json")
    assert (answer.code, answer.err) == (0, "")
    (found,) = answer.json
    assert [each["path"] for each in found["paths"]] == [0, 1, 2]
    skills = [each["bss"] for each in found["paths"]]
    assert found["bss_mean"] == pytest.approx(np.mean(skills), abs=1e-15)
    assert (found["bss_lowest"], found["bss_highest"]) == (min(skills), max(skills))
    logs = [each["log_loss_skill"] for each in found["paths"]]
    assert found["log_loss_skill_mean"] == pytest.approx(np.mean(logs), abs=1e-15)
    assert (found["log_loss_skill_lowest"], found["log_loss_skill_highest"]) == (min(logs), max(logs))
    assert json.loads(run.read_text("evaluation.json"))["bss_mean"] == found["bss_mean"]
    shown = " ".join(bullbear("evaluate", run.run_id, "--home", home.root).out.split())
    assert f"mean {found['bss_mean']:+.2%}, from {min(skills):+.2%} to {max(skills):+.2%}" in shown
    only = [part for name in ("truncation", "perturbation", "execution") for part in ("--only", name)]
    audited = bullbear("audit", run.run_id, "--home", home.root, "--quick", *only, "--json")
    assert audited.code == 0, audited.err
    truncation, _, execution = audited.json["audits"][0]["checks"]
    assert truncation["sentence"].endswith("; no forecast of the run could be compared")
    assert execution["verdict"] == "not applicable"
    logged = connect(home.runs).get_run(run.run_id).data
    assert logged.metrics["skill/bss"] == pytest.approx(found["bss_mean"])
    assert logged.metrics["skill/bss_lowest"] == pytest.approx(min(skills))
    assert logged.params["splitter.kind"] == "combinatorial"

    refused = bullbear("promote", run.run_id, "--home", home.root)
    assert refused.code == 3
    assert refused.mistake.startswith("bullbear: refused by the walk-forward test: small")
    for command in (["backtest", run.run_id], ["compare", run.run_id, champion]):
        answer = bullbear(*command, "--home", home.root)
        assert answer.code == 2
        assert "walk-forward" in answer.mistake
    assert runs.find("champion").run_id == champion
    with pytest.raises(RunError, match="no models"):
        run.bundle.model_for(pd.Timestamp("2007-01-03"))
    assert bullbear("predictions", run.run_id, "--home", home.root).code == 2
    one = bullbear("predictions", run.run_id, "--path", "2", "--home", home.root)
    assert one.out == run.predictions.select(path=2).interface_csv()
