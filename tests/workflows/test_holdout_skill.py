"""The skill on the days of a hold-out: its parts, its interval after several openings, and the gate's test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.definitions.holdout import HoldOut
from bullbear.evaluate import evaluate
from bullbear.evaluate.breakdown import skill_by
from bullbear.forecasting.holdout import last_instant, lock_of, open_holdout
from bullbear.home import Home
from bullbear.sessions import between, closes
from bullbear.tracking import Run
from bullbear.workflows.full_run import _Candidate
from bullbear.workflows.holdout_skill import AFTER, BEFORE, INSIDE, holdout_check, holdout_skill, state_of

SEAL = 'first = "2018-01-01"\nwhy = "The last word on every model."\n'
BASE = 'name = "{name}"\nintent = "The base rate alone."\n[learner]\nkind = "climatology"\n'


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A sealed home with two models and no data."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "holdout.toml").write_text(SEAL)
    for name in ("one", "two"):
        (tmp_path / "models" / f"{name}.toml").write_text(BASE.format(name=name))
    return Home(tmp_path)


def forecasts(inside: float | np.ndarray, last: str = "2018-12-31") -> Predictions:
    """Good before 2018, and moved towards the outcome by `inside` from then on."""
    session = between("2017-01-03", last)
    y = np.random.default_rng(5).integers(0, 2, len(session)).astype(float)
    moved = np.where(session.year < 2018, 0.2, inside)
    decided_at = closes(session)
    return Predictions.of(
        decided_at=decided_at,
        resolved_at=decided_at + pd.Timedelta(days=8),
        asset="IWM",
        horizon=5,
        p=0.5 + moved * (2 * y - 1),
        climatology=0.5,
        y=y,
    )


def checked(home: Home, predictions: Predictions, model: str = "one") -> Any:
    run = cast(Run, SimpleNamespace(model=model, of_target=predictions, horizon=5))
    return holdout_check(home, run, lock_of(home, model, home.model(model).definition_hash))


def opened(home: Home, *models: str) -> None:
    for name in models:
        open_holdout(home, home.model(name), "For a test.")


def test_days_lie_before_inside_and_after():
    period = HoldOut(first="2018-01-02", last="2018-01-03", why="A short one for a test.")
    decided = closes(between("2017-12-28", "2018-01-04"))
    resolved = decided + pd.Timedelta(days=2)
    assert state_of(period, decided, resolved).tolist() == [BEFORE, BEFORE, INSIDE, INSIDE, AFTER]
    resolved = decided + pd.Timedelta(days=5)
    assert state_of(period, decided, resolved).fillna("").tolist() == ["", "", INSIDE, INSIDE, AFTER]


def test_the_parts_are_those_of_their_days(home: Home):
    made = forecasts(-0.1)
    found = holdout_skill(home, made)
    assert found is not None
    for label, year in ((BEFORE, 2017), (INSIDE, 2018)):
        of_year = made.table["decided_at"].dt.year == year
        if label == BEFORE:
            of_year &= made.table["resolved_at"] < pd.Timestamp("2018-01-01 05:00", tz="UTC")
        part, alone = found.part(label), Predictions(made.table[of_year])
        scored = evaluate(alone, resamples=10)
        assert part is not None
        assert (part.n, part.bss) == (scored.n, pytest.approx(scored.bss))
    assert found.part(AFTER) is None
    assert found.sentence.startswith("hold-out 2018-01-01 on, never opened: Brier skill inside -44.00% [")


def test_every_opening_widens_the_interval(home: Home):
    made, width = forecasts(0.02 * np.sin(np.arange(502))), []
    for models in ((), ("one",), ("two",)):
        opened(home, *models)
        found = holdout_skill(home, made)
        assert found is not None
        part = found.part(INSIDE)
        assert part is not None
        width.append((found.openings, found.level, part.bss_high - part.bss_low))
    assert [each[:2] for each in width] == [(0, pytest.approx(0.9)), (1, pytest.approx(0.9)), (2, pytest.approx(0.95))]
    assert width[0][2] == width[1][2] < width[2][2]


@pytest.mark.parametrize(
    ("made", "opening", "passed", "words"),
    [
        (forecasts(-0.1), ("one",), False, "hold-out 2018-01-01 on, opened once: Brier skill inside -44.00% ["),
        (forecasts(0.1), ("one", "two"), True, "hold-out 2018-01-01 on, opened 2 times: Brier skill inside +36.00% ["),
        (
            forecasts(-0.1),
            ("two",),
            None,
            "trained before the days were sealed, and never opened: hold-out 2018-01-01",
        ),
        (forecasts(0.0, "2018-01-19"), ("one",), None, "13 resolved days of 2018-01-01 on, at least 20 are needed"),
        (
            forecasts(0.0, "2017-12-29"),
            ("one",),
            None,
            "not tested on 2018-01-01 on, sealed by models/holdout.toml; `b",
        ),
    ],
)
def test_the_gate_refuses_a_skill_that_turned_negative_inside(
    home: Home, made: Predictions, opening: tuple[str, ...], passed: bool | None, words: str
):
    opened(home, *opening)
    check = checked(home, made)
    assert check.test == "hold-out"
    assert check.passed is passed
    assert check.reason.startswith(words)


def test_nothing_is_tested_where_nothing_is_sealed(home: Home):
    (home.root / "models" / "holdout.toml").unlink()
    assert checked(home, forecasts(-0.1)) is None
    assert holdout_skill(home, forecasts(-0.1)) is None


def test_a_skill_without_an_interval_or_that_cannot_be_scored_is_not_judged(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    opened(home, "one")
    made = forecasts(0.1)
    lacking = Predictions(made.table.assign(climatology=np.nan))
    check = checked(home, lacking)
    assert check.passed is None
    assert check.reason.startswith("not judged: predictions.climatology of 2017-01-03: missing")

    def without_interval(*given: Any, **named: Any) -> tuple[Any, ...]:
        return tuple(replace(each, bss_high=np.nan) for each in skill_by(*given, **named))

    monkeypatch.setattr("bullbear.workflows.holdout_skill.skill_by", without_interval)
    check = checked(home, made)
    assert check.passed is None
    assert check.reason.startswith("not judged: the skill inside has no interval; hold-out")


def test_a_full_run_ranks_a_model_by_what_was_known_before_the_seal(home: Home):
    through = last_instant(home.holdout())
    skills = []
    for inside in (-0.1, 0.1):
        made = forecasts(inside)
        model = SimpleNamespace(definition=SimpleNamespace(ticker="IWM"))
        trained = SimpleNamespace(evaluation=evaluate(made, resamples=10), predictions=made, model=model)
        candidate = _Candidate("up", cast(Any, trained))
        assert candidate.skill(None) == trained.evaluation.bss
        skills.append(candidate.skill(through))
    assert skills[0] == skills[1] == pytest.approx(evaluate(made.known_at(through), resamples=10).bss)
