"""`bullbear trials`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.trials.trials import swept, training

from bullbear.home import Home
from bullbear.statistics.sharpe import expected_maximum_sharpe
from bullbear.trials import TrialRegistry

Run = Callable[..., Any]


def test_each_try_has_a_line_and_each_question_its_sum(bullbear: Run, home: Home) -> None:
    registry = TrialRegistry(home.trials)
    base, small = registry.trials()
    purged = replace(training("p", sharpe=0.5, brier_skill=-0.02, run_id="f" * 32), data="SIMULATED")
    other = replace(training("q", question="dip5", start="2004-01-02"), data="SIMULATED")
    grid = replace(swept("p", x=0.1, y=0.3), data="SIMULATED")
    registry.record([(each, None) for each in (purged, purged, other, grid)])
    found = bullbear("trials", "--home", home.root, "--json").json
    assert [row["model"] for row in found["trials"]] == [base.model, small.model, "m_p", "m_q", "m_p"]
    assert [row["times"] for row in found["trials"]] == [1, 1, 2, 1, 1]
    assert [row["run_deleted"] for row in found["trials"]] == [False, False, True, False, False]
    up, dip = found["questions"]
    assert (up["question"], up["tries"], up["definitions"], up["variants"], up["skill_error"]) == ("up", 2, 2, 2, 0.05)
    known = [small.sharpe, 0.5, 0.1, 0.3]
    mean = sum(known) / 4
    variance = sum((each - mean) ** 2 for each in known) / 3
    assert up["best_by_luck"] == pytest.approx(expected_maximum_sharpe(4, variance))
    assert (dip["question"], dip["tries"], dip["best_by_luck"]) == ("dip5", 1, None)
    assert len(bullbear("trials", "--home", home.root, "--question", "dip5", "--json").json["trials"]) == 1

    shown = bullbear("trials", "--home", home.root).out
    assert "(SIMULATED)" in shown.splitlines()[0]
    told = ("run deleted", "not logged", small.run_id[:8], "2004-01-02..", "base rate", "best of 2", "2 times")
    for expected in told:
        assert expected in shown
    best = f"{up['best_by_luck']:.2f}"
    assert (
        "2 models and 2 policies tried on up (SIMULATED): each model must show skill at an error of 5.00% (10% / 2); "
        f"the best of 4 without skill would show a Sharpe ratio of about {best}.\n"
        "1 model tried on dip5 (SIMULATED): it must show skill at an error of 10.00% (10% / 1).\n"
    ) in shown
    assert "question" in shown.splitlines()[1]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["first_seen"]) for row in found["trials"])

    wrong = bullbear("trials", "--home", home.root, "--question", "upp")
    assert (wrong.code, wrong.mistake.startswith("bullbear: --question: got 'upp'; allowed: ")) == (2, True)
    assert {"dip5", "up"} <= set(re.split(r"[ ,;]+", wrong.mistake))


def test_a_home_without_runs_has_no_trials(bullbear: Run, tmp_path: Path) -> None:
    answer = bullbear("trials", "--home", tmp_path)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("nothing has been tried yet")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_line_is_one_clear_line(bullbear: Run, home: Home) -> None:
    path = TrialRegistry(home.trials).path
    path.write_text(path.read_text().replace('"small"', '"large"'))
    answer = bullbear("trials", "--home", home.root)
    assert answer.code == 2
    assert "trials.jsonl:2: " in answer.mistake
    # Neither reads it: an evening does not depend on what was tried.
    assert bullbear("status", "--home", home.root).code == 0
    assert bullbear("forecast", "--home", home.root, "--as-of", "2007-06-15", "--no-refit").code == 0
