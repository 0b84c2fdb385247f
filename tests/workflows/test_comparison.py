"""Runs scored as they were logged, and compared on common days."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bullbear.dataset.predictions import Predictions
from bullbear.evaluate import compare
from bullbear.home import Home
from bullbear.tracking import Run, Runs
from bullbear.workflows.comparison import compare_runs, evaluate_run, oracle_share
from bullbear.workflows.training import train_model


@pytest.fixture
def small(home: Home) -> Run:
    return Runs(home).find("small")


def record_forecasts(champion: Path, table: pd.DataFrame) -> None:
    """Give the champion another record."""
    (champion / "predictions.csv").write_text(Predictions(table).to_csv())


def test_a_run_read_back_scores_as_it_was_logged(small: Run) -> None:
    assert json.loads(json.dumps(evaluate_run(small).as_dict())) == small.evaluation


def test_the_oracle_is_asked_only_on_a_simulated_market(home: Home, small: Run) -> None:
    share = oracle_share(home, small)
    assert share is not None
    assert share.oracle_bss > 0
    assert oracle_share(home, Run(small.run_id, small.model, {"data": "real"}, {}, small.artifacts)) is None


def test_another_ticker_has_no_share_of_the_oracle(home: Home, small: Run) -> None:
    path = small.artifacts / "bundle" / "bundle.json"
    meta = json.loads(path.read_text())
    meta["definition"]["target"]["ticker"] = "SPY"
    path.write_text(json.dumps(meta))
    assert oracle_share(home, Runs(home).find("small")) is None


def test_runs_are_compared_on_the_newest_outcomes_of_each_day(home: Home, small: Run) -> None:
    base = Runs(home).find("base")
    table = base.predictions.table
    resolved = table.index[table["y"].notna()]
    # As if `base` had been trained before a bar was corrected, a year earlier than `small`.
    early = table.copy()
    early.loc[resolved[100], "y"] = 1 - early.loc[resolved[100], "y"]
    early.loc[resolved[-250:], "y"] = np.nan
    record_forecasts(base.bundle.root, early)
    runs = Runs(home)
    (pair,) = compare_runs([runs.find(base.run_id), runs.find(small.run_id)])
    (wanted,) = compare({"base": Predictions(table), "small": small.predictions})
    assert (pair.n, pair.gain, pair.brier_first) == (wanted.n, wanted.gain, wanted.brier_first)


def test_runs_over_different_horizons_are_not_compared(home: Home, small: Run, bullbear: Callable[..., Any]) -> None:
    (home.root / "models" / "week.toml").write_text(
        (home.root / "models" / "base.toml").read_text().replace('"base"', '"week"') + "[target]\nhorizon = 5\n"
    )
    week = train_model(home, "week").run_id
    done = bullbear("compare", week, small.run_id, "--home", home.root)
    assert done.code == 2
    assert done.mistake.startswith(f"bullbear: RUN RUN ...: got 'week {week[:8]}: IWM up over 5 sessions, small ")


def test_a_run_is_not_compared_with_itself(home: Home, small: Run, bullbear: Callable[..., Any]) -> None:
    for names in (("small", "small"), (small.run_id, "base", "champion")):  # the champion is `small`
        done = bullbear("compare", *names, "--home", home.root)
        assert done.code == 2
        assert done.mistake == (
            f"bullbear: RUN RUN ...: small {small.run_id[:8]} twice; allowed: different runs; name another one, or use "
            f"`bullbear evaluate --home {home.root}`"
        )
