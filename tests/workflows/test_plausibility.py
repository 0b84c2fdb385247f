"""A skill that is too good is refused with its likely cause."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.definitions.promotion import PlausibilityTest
from bullbear.errors import GateError
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.workflows.plausibility import brier_skill, contributions, plausible
from bullbear.workflows.promotion import promote_run

BOUNDS = PlausibilityTest()


def knowing(run: Run, root: Path, share: float, **tags: str) -> Run:
    """The run with forecasts that know the outcome by a share."""
    place = root / "knowing"
    shutil.copytree(run.bundle.root, place)
    table = run.bundle.predictions.table
    p = np.where(
        table["y"].isna(), table["climatology"], table["climatology"] + share * (table["y"] - table["climatology"])
    )
    (place / "predictions.csv").write_text(Predictions(table.assign(p=p, p_low=np.nan, p_high=np.nan)).to_csv())
    return Run(run.run_id, run.model, {**run.tags, **tags}, run.params, run.artifacts, place)


@pytest.fixture
def small(trained_home: Home) -> Run:
    return Runs(trained_home).find("small")


def test_a_skill_within_the_bound_passes(trained_home: Home, small: Run, tmp_path: Path) -> None:
    found = plausible(trained_home, knowing(small, tmp_path, 0.01, data="real"), BOUNDS)
    assert found is not None
    assert (found.passed, found.threshold) == (True, 0.05)
    assert found.value == pytest.approx(1 - 0.99**2)


def test_a_skill_beyond_it_names_what_moves_the_forecast(trained_home: Home, small: Run, tmp_path: Path) -> None:
    run = knowing(small, tmp_path, 0.1, data="real")
    found = plausible(trained_home, run, BOUNDS)
    assert found is not None
    assert (found.passed, found.value) == (False, pytest.approx(1 - 0.9**2))
    assert found.reason.startswith("Brier skill +19.00%, more than 5% is not plausible for up: ")
    shares = contributions(trained_home, run)
    assert set(shares) <= {"rsi_14", "vix"}
    if shares:  # the newest model may not have split at all
        assert sum(shares.values()) == pytest.approx(1.0)
        assert f"most moves the forecast {next(iter(shares))}" in found.reason


def test_on_a_simulated_market_the_true_probabilities_are_the_bound(
    trained_home: Home, small: Run, tmp_path: Path
) -> None:
    found = plausible(trained_home, knowing(small, tmp_path, 0.5), BOUNDS)
    assert found is not None
    assert (found.passed, found.value) == (False, pytest.approx(0.75))
    assert "of the true probabilities" in found.reason
    assert plausible(trained_home, small, BOUNDS).passed  # type: ignore[union-attr]


def test_the_promotion_of_what_is_too_good_is_refused(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = Runs(home)
    shutil.rmtree(home.forecasts / "champions")
    run = knowing(runs.find("small"), tmp_path, 0.6)
    with pytest.raises(GateError, match=r"refused by the plausibility test: Brier skill \+84\.00%") as refused:
        promote_run(home, runs, run)
    assert refused.value.exit_code == 3
    assert not home.champion.exists()
    assert runs.find("small").tags["verdict"].startswith("refused: the plausibility test")
    assert promote_run(home, runs, run, force="to see what it does").checks[0].test == "plausibility"
    assert home.champion.exists()


@pytest.mark.parametrize(
    ("kind", "threshold", "most"),
    [
        ("return_above", 0.0, 0.05),
        ("return_below", 0.0, 0.05),
        ("return_below", -0.05, 0.25),
        ("dip", -0.05, 0.40),
        ("volatility", 0.2, 0.80),
        ("a kind of my own", 1.0, 0.40),
    ],
)
def test_each_kind_of_question_has_its_bound(kind: str, threshold: float, most: float) -> None:
    class Asked:
        pass

    asked: Any = Asked()
    asked.kind, asked.threshold = kind, threshold
    assert BOUNDS.most(asked) == most


def test_too_few_forecasts_are_not_scored(small: Run, tmp_path: Path) -> None:
    run = knowing(small, tmp_path, 0.5)
    table = run.bundle.predictions.table.head(10)
    (run.bundle.root / "predictions.csv").write_text(Predictions(table).to_csv())
    assert brier_skill(Run(run.run_id, run.model, run.tags, {}, run.artifacts, run.bundle_at)) is None
